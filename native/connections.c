#define _GNU_SOURCE
#include "connections.h"

#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_NS = 200000, HELD_NS = 2000000, LET_GO_NS = 50000000, ANSWERED_NS = 50000000, SETTLED_NS = 1000000000 };
enum { STATE_SYN_SENT = 2, STATE_CLOSE = 7 }; /* include/net/tcp_states.h */

/* A socket on its way. As long as we have a descriptor of our own, the process's close(2) alone would not end the
 * connection: so we look every two milliseconds while we have it. Who waits longer for an answer than most networks take
 * is looked at less often, and the socket is taken anew each time: then a connection that is closed at once is missed. */
struct connection {
    uint64_t seq;    /* of its `connect` */
    pid_t pid;       /* 0: a free place */
    pid_t tid;
    int fd;          /* in the process */
    _Atomic int *socket; /* in the shared page, -1: not held */
    ino_t identity;
    bool loopback;
    bool blocking;
    uint64_t sent;   /* when it was first seen waiting for an answer, 0: not yet */
    uint64_t since;
    uint64_t due;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection watched[WATCHED];
static _Atomic int watching;

static void write_outcome(struct shared *shared, const struct connection *connection, const char *outcome)
{
    struct event event;

    event_start(&event, shared, "connected", "notify");
    json_uint(&event.json, "of", connection->seq);
    json_string(&event.json, "outcome", outcome);
    event_record(shared, &event.json);
}

static void forget(struct connection *connection)
{
    shared_close(connection->socket);
    connection->pid = 0;
    atomic_fetch_sub(&watching, 1);
}

/* A TCP socket that is closed without ever having been connected. What it counts says why: an answer was a refusal,
 * one packet without an answer was turned back on the way, several were waited for in vain. A blocking connect forgets its
 * counts when it fails; on the machine itself there is always a way, and an answer. */
static const char *failure(const struct connection *connection, const struct tcp_info *info)
{
    if (info->tcpi_bytes_acked > 0) /* the first packet counts as a byte: it was connected, and is closed again */
        return "connected";
    if (connection->loopback || info->tcpi_segs_in > 0)
        return "refused";
    if (connection->blocking)
        return "failed";
    return info->tcpi_segs_out > 1 ? "timeout" : "unreachable";
}

/* What is known of a socket by now, of which the connect has certainly returned, or begun at least, if it is `settled`;
 * NULL: nothing yet. */
static const char *outcome_of(struct connection *connection, uint64_t now, bool settled)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    if (getsockopt(*connection->socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) { /* a unix socket */
        if (socket_has_peer(*connection->socket))
            return "connected";
        return settled ? "failed" : NULL;
    }
    if (info.tcpi_state == STATE_SYN_SENT) {
        if (connection->sent == 0)
            connection->sent = now;
        return NULL;
    }
    if (info.tcpi_state != STATE_CLOSE)
        return "connected";
    return settled ? failure(connection, &info) : NULL; /* it may not have set out yet */
}

/* Takes the socket anew if it was let go; false if the process has closed it. */
static bool take_again(struct connection *connection)
{
    if (*connection->socket >= 0)
        return true;
    *connection->socket = socket_take(connection->pid, connection->fd);
    return *connection->socket >= 0 && socket_identity(*connection->socket) == connection->identity;
}

/* Whether the process has closed the socket that we still hold: then its connect has returned. */
static bool is_closed_there(const struct connection *connection)
{
    int socket = socket_take(connection->pid, connection->fd);
    bool same = socket >= 0 && socket_identity(socket) == connection->identity;

    if (socket >= 0)
        close(socket);
    return !same;
}

/* Gone before anything came of it: whoever does not wait in the call gave up waiting. */
static const char *outcome_of_gone(const struct connection *connection)
{
    return connection->sent != 0 && !connection->blocking ? "timeout" : "unknown";
}

static bool is_overdue(const struct connection *connection, uint64_t now)
{
    return now - connection->since > SETTLED_NS || (connection->sent != 0 && now - connection->sent > ANSWERED_NS);
}

static uint64_t next_look(const struct connection *connection, uint64_t now)
{
    const uint64_t wait = now - connection->since + FIRST_NS;
    const uint64_t longest = *connection->socket >= 0 ? HELD_NS : LET_GO_NS;

    return now + (wait < longest ? wait : longest);
}

static void look(struct shared *shared, struct connection *connection, uint64_t now, bool returned)
{
    const bool settled = returned || now - connection->since > SETTLED_NS;
    const char *outcome = take_again(connection) ? outcome_of(connection, now, settled) : outcome_of_gone(connection);

    if (outcome == NULL && is_closed_there(connection)) {
        outcome = outcome_of(connection, now, true);
        if (outcome == NULL) /* it still waits for an answer, through us alone */
            outcome = outcome_of_gone(connection);
    }
    if (outcome != NULL) {
        write_outcome(shared, connection, outcome);
        forget(connection);
        return;
    }
    if (is_overdue(connection, now))
        shared_close(connection->socket);
    connection->due = next_look(connection, now);
}

static bool is_watchable(int socket)
{
    const int family = socket_option(socket, SO_DOMAIN);
    const int type = socket_option(socket, SO_TYPE);

    if (family == AF_UNIX)
        return type != SOCK_DGRAM;
    return (family == AF_INET || family == AF_INET6) && type == SOCK_STREAM;
}

static struct connection *free_place(void)
{
    for (size_t i = 0; i < WATCHED; i++)
        if (watched[i].pid == 0)
            return &watched[i];
    return NULL;
}

int connections_watch(struct shared *shared, struct moment moment, const struct who *who, int fd, bool loopback)
{
    const uint64_t now = shared_now(shared);
    int socket = socket_take(who->pid, fd);
    struct connection *place;
    int type;

    if (socket < 0)
        return -1;
    type = socket_option(socket, SO_TYPE);
    pthread_mutex_lock(&lock);
    place = is_watchable(socket) ? free_place() : NULL;
    if (place != NULL) {
        *place = (struct connection){
            .seq = moment.seq,
            .pid = who->pid,
            .tid = who->tid,
            .fd = fd,
            .socket = &shared->held[place - watched],
            .identity = socket_identity(socket),
            .loopback = loopback,
            .blocking = (fcntl(socket, F_GETFL) & O_NONBLOCK) == 0,
            .since = now,
            .due = now + FIRST_NS,
        };
        atomic_store(place->socket, socket);
        atomic_fetch_add(&watching, 1);
    }
    pthread_mutex_unlock(&lock);
    if (place == NULL)
        close(socket);
    return type;
}

static void look_at_due(struct shared *shared)
{
    const uint64_t now = shared_now(shared);

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHED; i++)
        if (watched[i].pid != 0 && watched[i].due <= now)
            look(shared, &watched[i], now, false);
    pthread_mutex_unlock(&lock);
}

void connections_returned(struct shared *shared, pid_t tid, bool ends)
{
    const uint64_t now = shared_now(shared);

    if (atomic_load(&watching) == 0)
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHED; i++)
        if (watched[i].pid != 0 && (watched[i].tid == tid || (ends && watched[i].pid == tid)))
            look(shared, &watched[i], now, true);
    pthread_mutex_unlock(&lock);
}

int connections_due(struct shared *shared)
{
    uint64_t earliest = UINT64_MAX;
    uint64_t now;

    if (atomic_load(&watching) == 0)
        return -1;
    look_at_due(shared);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHED; i++)
        if (watched[i].pid != 0 && watched[i].due < earliest)
            earliest = watched[i].due;
    pthread_mutex_unlock(&lock);
    if (earliest == UINT64_MAX)
        return -1;
    now = shared_now(shared);
    return earliest <= now ? 0 : (int)((earliest - now) / 1000000) + 1;
}

void connections_give_up(struct shared *shared)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHED; i++)
        if (watched[i].pid != 0) {
            write_outcome(shared, &watched[i], "unknown");
            forget(&watched[i]);
        }
    pthread_mutex_unlock(&lock);
}
