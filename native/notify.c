#define _GNU_SOURCE
#include "notify.h"

#include "connections.h"
#include "execs.h"
#include "exits.h"
#include "files.h"
#include "kernel.h"
#include "listener.h"
#include "marks.h"
#include "network.h"
#include "receiver.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CPUS_A_RECEIVER = 4, MOST_AT_START = 4, STUCK_NS = 200000000 };

static struct receiver *receivers; /* RECEIVERS, of which `started` run */
static int started;

static const struct handler *handler_of(enum call call)
{
    switch (call) {
    case CALL_NONE:
    case CALLS:
        return NULL;
    case CALL_EXECVE:
    case CALL_EXECVEAT:
        return &execs_handler;
    case CALL_EXIT_GROUP:
        return &exits_handler;
    case CALL_KILL:
    case CALL_TGKILL:
        return &kills_handler;
    case CALL_CONNECT:
    case CALL_BIND:
    case CALL_LISTEN:
    case CALL_SENDTO:
    case CALL_SENDMSG:
    case CALL_SENDMMSG:
    case CALL_GETSOCKOPT:
    case CALL_SOCKETCALL:
        return &network_handler;
    case CALL_IO_URING_SETUP:
    case CALL_OPEN_BY_HANDLE_AT:
    case CALL_MEMFD_CREATE:
    case CALL_CHROOT:
    case CALL_PIVOT_ROOT:
    case CALL_MOUNT:
    case CALL_MOVE_MOUNT:
    case CALL_UNSHARE:
    case CALL_SETNS:
        return &marks_handler;
    default:
        return &files_handler;
    }
}

static void decode(struct receiver *receiver)
{
    const struct seccomp_notif *notification = receiver->notification;
    struct notice *notice = &receiver->notice;

    *notice = (struct notice){
        .id = notification->id,
        .moment = event_moment(receiver->shared),
        .call = traced_call(notification->data.arch, notification->data.nr),
        .tid = (pid_t)notification->pid,
        .is_32bit = notification->data.arch != arch_native || (notification->data.nr & X32_BIT) != 0,
    };
    memcpy(notice->arguments, notification->data.args, sizeof notice->arguments);
    receiver->silent = false;
}

static void handle(struct receiver *receiver, int listener)
{
    const struct handler *handler;
    int error;

    decode(receiver);
    if (receiver->notice.tid == 0) { /* a process that our pid namespace does not know */
        atomic_fetch_add(&receiver->shared->lost, 1);
        listener_answer_blindly(receiver->shared, receiver->notification);
        return;
    }
    handler = handler_of(receiver->notice.call);
    connections_returned(receiver->shared, receiver->notice.tid, receiver->notice.call == CALL_EXIT_GROUP);
    error = handler == NULL ? 0 : handler->look(receiver);
    listener_answer(listener, receiver->notice.id, error);
    if (handler != NULL && !receiver->silent)
        handler->write(receiver);
}

/* Waits for the next notification, or with `look_only` says whether there can be one. False at the end. */
static bool wait_for_notification(struct shared *shared, int listener, bool look_only)
{
    struct pollfd poll_listener = {.fd = listener, .events = POLLIN};

    for (;;) {
        int ready = poll(&poll_listener, 1, look_only ? 0 : connections_due(shared));

        if (ready > 0)
            return (poll_listener.revents & POLLIN) != 0;
        if (look_only || (ready < 0 && errno != EINTR))
            return look_only;
    }
}

static void *notify_run(void *argument)
{
    struct receiver *receiver = argument;
    struct shared *shared = receiver->shared;
    const int listener = atomic_load(&shared->listener);
    const bool waits = !kernel_is_since(6, 11); /* before, RECV sleeps for ever once the last process has gone */

    while ((!waits && connections_due(shared) < 0) || wait_for_notification(shared, listener, false)) {
        if (!listener_receive(listener, receiver->notification)) {
            if (!wait_for_notification(shared, listener, true)) /* ENOENT: it was killed, or all have gone */
                break;
            continue;
        }
        atomic_store(&receiver->since, shared_now(shared));
        if (atomic_load(&shared->finished))
            listener_answer_blindly(shared, receiver->notification);
        else
            handle(receiver, listener);
        atomic_store(&receiver->since, 0);
    }
    return NULL;
}

/* One keeps up with about a hundred thousand calls a second, whatever the number of processes; on a machine where many
 * run at once there are more. */
static int wanted_receivers(void)
{
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN) / CPUS_A_RECEIVER;

    return cpus < 1 ? 1 : cpus > MOST_AT_START ? MOST_AT_START : (int)cpus;
}

static bool start_one(struct shared *shared)
{
    struct receiver *receiver = &receivers[started];

    receiver->shared = shared;
    receiver->notification = (void *)shared->notifications[started];
    if (!shared_thread(&receiver->thread, notify_run, receiver))
        return false;
    started++;
    return true;
}

bool notify_start(struct shared *shared)
{
    const int wanted = wanted_receivers();

    receivers = mmap(NULL, sizeof *receivers * RECEIVERS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (receivers == MAP_FAILED) {
        receivers = NULL;
        return false;
    }
    while (started < wanted && start_one(shared))
        ;
    return started > 0;
}

void notify_tend(struct shared *shared)
{
    const uint64_t now = shared_now(shared);

    for (int i = 0; i < started; i++) {
        const uint64_t since = atomic_load(&receivers[i].since);

        if (since == 0 || now < since + STUCK_NS)
            return;
    }
    if (started > 0 && started < RECEIVERS)
        (void)start_one(shared);
}

static bool all_wait(void)
{
    for (int i = 0; i < started; i++)
        if (atomic_load(&receivers[i].since) != 0)
            return false;
    return true;
}

void notify_settle(void)
{
    enum { TRIES = 1000 };
    const struct timespec pause = {0, 100000};

    for (int tries = 0; tries < TRIES && !all_wait(); tries++)
        nanosleep(&pause, NULL);
}

void notify_join(void)
{
    for (int i = 0; i < started; i++)
        pthread_join(receivers[i].thread, NULL);
}
