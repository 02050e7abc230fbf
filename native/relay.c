#define _GNU_SOURCE
#include "relay.h"

#include "pieces.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    PIECE_SIZE = 1 << 20,
    IDLE_MS = 50,        /* after which a piece that waits for a neighbour is written down */
    PTY_HOLDS = 1 << 16, /* at most; Linux: some 12 KiB */
};

struct relay {
    struct shared *shared;
    uint64_t owed[STREAMS]; /* duplicated for the copy, not yet passed on */
    bool full[STREAMS];     /* the reader has no room: wait for that first */
    bool settling;          /* how much is still to be kept is known: */
    uint64_t last[STREAMS]; /* so much from the beginning, if there is so much */
    struct piece piece;
};

static _Atomic bool ended; /* the command has: keep what was written by now, and nothing else */
static _Atomic int settled;
static bool started;
static int wake_up = -1;
static char buffer[256 * 1024];

static void end_copy(struct stream *stream, int error)
{
    if (error != 0)
        atomic_store(&stream->copy_error, error);
    shared_close(&stream->mid_in);
    shared_close(&stream->mid);
    shared_close(&stream->copy);
}

static void end_stream(struct stream *stream)
{
    end_copy(stream, 0);
    shared_close(&stream->in);
    shared_close(&stream->out);
}

static bool write_copy(struct stream *stream, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(stream->copy, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            end_copy(stream, written < 0 ? errno : ENOSPC);
            return false;
        }
        bytes += written;
        length -= (size_t)written;
        atomic_fetch_add(&stream->stored, (uint64_t)written);
    }
    return true;
}

/* Duplicates what stands in `in` and writes it to the copy; returns how much that was, -1 at the stream's end. */
static ssize_t copy_ahead(struct relay *relay, int index)
{
    struct stream *stream = &relay->shared->streams[index];
    uint64_t offset = atomic_load(&stream->stored);
    ssize_t length = tee(stream->in, stream->mid_in, PIECE_SIZE, SPLICE_F_NONBLOCK);

    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (length == 0)
        return -1;
    for (ssize_t left = length; left > 0;) {
        ssize_t got = read(stream->mid, buffer, (size_t)left < sizeof buffer ? (size_t)left : sizeof buffer);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || !write_copy(stream, buffer, (size_t)got))
            break;
        left -= got;
    }
    piece_add(relay->shared, &relay->piece, index, offset, atomic_load(&stream->stored) - offset);
    return length;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EAGAIN)
            (void)!poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        else if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return true;
}

/* Reads and writes, the copy first if there is one; returns how much, -1 at the end (of a pty: EIO). */
static ssize_t move_plain(struct stream *stream)
{
    ssize_t got = read(stream->in, buffer, sizeof buffer);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return -1;
    if (stream->copy >= 0)
        (void)write_copy(stream, buffer, (size_t)got);
    if (!write_all(stream->out, buffer, (size_t)got))
        return -1;
    atomic_fetch_add(&stream->bytes, (uint64_t)got);
    return got;
}

bool relay_move(struct stream *stream, size_t most)
{
    ssize_t moved;

    if (stream->plain)
        return move_plain(stream) >= 0;
    moved = splice(stream->in, NULL, stream->out, NULL, most, SPLICE_F_NONBLOCK);
    if (moved > 0)
        atomic_fetch_add(&stream->bytes, (uint64_t)moved);
    return moved > 0 || (moved < 0 && (errno == EAGAIN || errno == EINTR));
}

/* One step for a stream that has something to do; at its end, or when its reader has gone, the pipe is closed, so that
 * the command meets SIGPIPE as it would without us. */
static void step(struct relay *relay, int index)
{
    struct stream *stream = &relay->shared->streams[index];
    const bool copied = stream->copy >= 0 && !stream->plain;
    uint64_t offset = atomic_load(&stream->stored);
    uint64_t before = atomic_load(&stream->bytes);
    uint64_t moved;
    int waiting = 0;

    if (relay->owed[index] == 0 && copied) {
        ssize_t ahead = copy_ahead(relay, index);

        if (ahead < 0)
            end_stream(stream);
        if (ahead <= 0)
            return;
        relay->owed[index] = (uint64_t)ahead;
    }
    if (!relay_move(stream, relay->owed[index] > 0 ? relay->owed[index] : PIECE_SIZE)) {
        end_stream(stream);
        return;
    }
    if (stream->plain) {
        if (atomic_load(&stream->stored) > offset)
            piece_add(relay->shared, &relay->piece, index, offset, atomic_load(&stream->stored) - offset);
        return;
    }
    moved = atomic_load(&stream->bytes) - before;
    relay->owed[index] -= moved < relay->owed[index] ? moved : relay->owed[index];
    relay->full[index] = moved == 0 && ioctl(stream->in, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool relay_open(const struct shared *shared)
{
    return shared->streams[0].in >= 0 || shared->streams[1].in >= 0;
}

/* Waits for the reader's room while something is due to it, for the command's words otherwise; a reader that has gone
 * (POLLERR) is noticed at once. */
static void wait_for_work(struct relay *relay, struct pollfd *polls)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *stream = &relay->shared->streams[i];
        bool due = relay->owed[i] > 0 || relay->full[i];

        polls[2 * i] = (struct pollfd){.fd = due ? -1 : stream->in, .events = POLLIN};
        polls[2 * i + 1] = (struct pollfd){.fd = stream->out, .events = due ? POLLOUT : 0};
    }
    polls[2 * STREAMS + 1] = (struct pollfd){.fd = terminal_is_ours(relay->shared) ? relay->shared->words : -1};
    polls[2 * STREAMS] = (struct pollfd){.fd = relay->settling ? -1 : wake_up, .events = POLLIN};
    if (poll(polls, 2 * STREAMS + 2, relay->piece.stream >= 0 || wake_up < 0 ? IDLE_MS : -1) == 0)
        piece_record(relay->shared, &relay->piece);
}

/* What was written by now is still kept, what follows it need not be. Only this thread takes from the pipes, so that only
 * here it is known how much that is; a pty does not say what has no room yet in what it says. */
static void begin_settling(struct relay *relay)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *stream = &relay->shared->streams[i];
        int waiting = 0;

        if (stream->in >= 0 && ioctl(stream->in, FIONREAD, &waiting) == 0)
            relay->last[i] = atomic_load(&stream->bytes) + (uint64_t)waiting + (stream->plain ? PTY_HOLDS : 0);
    }
    relay->settling = true;
}

/* There is something to pass on that the command wrote, or an end that step() is about to see. */
static bool is_passing_on(const struct relay *relay)
{
    for (int i = 0; i < STREAMS; i++) {
        const struct stream *stream = &relay->shared->streams[i];
        struct pollfd from = {.fd = stream->in, .events = POLLIN};

        if (poll(&from, 1, 0) > 0 &&
            ((from.revents & POLLIN) == 0 || atomic_load(&stream->bytes) < relay->last[i]))
            return true;
    }
    return false;
}

static void settle(struct relay *relay)
{
    if (!atomic_load(&ended) || atomic_load(&settled))
        return;
    if (!relay->settling)
        begin_settling(relay);
    if (is_passing_on(relay))
        return;
    for (int i = 0; i < STREAMS; i++)
        end_copy(&relay->shared->streams[i], 0);
    piece_record(relay->shared, &relay->piece);
    atomic_store(&settled, 1);
    shared_wake(&settled);
}

static void *relay_run(void *argument)
{
    struct relay relay = {.shared = argument, .piece = {.stream = -1}};
    struct pollfd polls[2 * STREAMS + 2];

    while (relay_open(relay.shared)) {
        wait_for_work(&relay, polls);
        settle(&relay);
        if (polls[2 * STREAMS + 1].revents != 0) /* the front was killed: nobody else gives the terminal back */
            terminal_leave(relay.shared);
        for (int i = 0; i < STREAMS; i++) {
            if (polls[2 * i + 1].revents & (POLLERR | POLLNVAL))
                end_stream(&relay.shared->streams[i]);
            else if (polls[2 * i].revents != 0 || polls[2 * i + 1].revents != 0)
                step(&relay, i);
        }
    }
    piece_record(relay.shared, &relay.piece);
    atomic_store(&settled, 1);
    shared_wake(&settled);
    return NULL;
}

bool relay_start(struct shared *shared)
{
    pthread_t thread;

    wake_up = eventfd(0, EFD_CLOEXEC);
    if (!shared_thread(&thread, relay_run, shared))
        return false;
    pthread_detach(thread);
    started = true;
    return true;
}

void relay_settle(void)
{
    if (!started)
        return;
    atomic_store(&ended, true);
    eventfd_write(wake_up, 1);
    shared_wait(&settled, 0, -1);
}
