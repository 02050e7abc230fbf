#define _GNU_SOURCE
#include "notify.h"

#include "connections.h"
#include "dispatch.h"
#include "kernel.h"
#include "listener.h"
#include "receiver.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CPUS_A_HELPER = 8, FEWEST_HELPERS = 1, MOST_HELPERS = 3, STUCK_NS = 200000000 };

/* One receiver waits for notifications; helpers sleep until somebody who has taken one sees that another waits behind it.
 * For the kernel wakes every thread that waits for a notification at each of them (since 6.6): with four that wait, nearly
 * half of what tracing costs would go into that. */
static struct receiver *receivers; /* RECEIVERS, of which `started` run */
static int started;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* held by who waits for a notification, or takes one */
static _Atomic int calls;                                /* for help */
static _Atomic int asleep;                               /* helpers */
static _Atomic bool dismissed;

enum queue { QUEUE_EMPTY, QUEUE_FILLED, QUEUE_OVER };

/* What there is to receive, within so many milliseconds; -1: for ever. */
static enum queue look_at_queue(int listener, int milliseconds)
{
    struct pollfd poll_listener = {.fd = listener, .events = POLLIN};
    const int ready = poll(&poll_listener, 1, milliseconds);

    if (ready == 0 || (ready < 0 && errno == EINTR))
        return QUEUE_EMPTY;
    return ready > 0 && (poll_listener.revents & POLLIN) != 0 ? QUEUE_FILLED : QUEUE_OVER;
}

/* Waits until there is something to receive; false at the end. Mostly RECV itself waits, and there is nothing to do here.
 * But it can't be left to look at connections; and before 6.11 it sleeps for ever once the last process has gone. */
static bool wait_for_something(struct shared *shared, int listener, bool always_polls)
{
    int due = connections_due(shared);
    enum queue queue = QUEUE_FILLED;

    while (always_polls || due >= 0) {
        queue = look_at_queue(listener, due);
        if (queue != QUEUE_EMPTY)
            break;
        due = connections_due(shared);
    }
    return queue != QUEUE_OVER;
}

/* Takes the next notification, whenever it comes. False at the end. */
static bool take_next(struct receiver *receiver, int listener, bool always_polls)
{
    while (wait_for_something(receiver->shared, listener, always_polls)) {
        if (listener_receive(listener, receiver->notification))
            return true;
        if (look_at_queue(listener, 0) == QUEUE_OVER) /* ENOENT: it was killed, or all have gone */
            break;
    }
    return false;
}

/* Takes one that is there already. While another stands at the door there is none: it would take it. */
static bool take_waiting(struct receiver *receiver, int listener)
{
    bool taken;

    if (pthread_mutex_trylock(&door) != 0)
        return false;
    taken = look_at_queue(listener, 0) == QUEUE_FILLED && listener_receive(listener, receiver->notification);
    pthread_mutex_unlock(&door);
    return taken;
}

/* Before the answer: who waits behind this one need not wait for it. Nobody does as long as the same thread calls again
 * and again, and then it is not looked for: the look would be one part in thirty of such a call. */
static void call_for_help(const struct receiver *receiver, int listener)
{
    const bool same = (pid_t)receiver->notification->pid == receiver->notice.tid;

    if (same || atomic_load(&asleep) == 0 || look_at_queue(listener, 0) != QUEUE_FILLED)
        return;
    atomic_fetch_add(&calls, 1);
    shared_wake_one(&calls);
}

static void serve(struct receiver *receiver, int listener)
{
    struct shared *shared = receiver->shared;

    atomic_store(&receiver->since, shared_now(shared));
    call_for_help(receiver, listener);
    if (atomic_load(&shared->finished))
        listener_answer_blindly(shared, receiver->notification);
    else
        dispatch(receiver, listener);
    atomic_store(&receiver->since, 0);
}

static void *notify_run(void *argument)
{
    struct receiver *receiver = argument;
    const int listener = atomic_load(&receiver->shared->listener);
    const bool always_polls = !kernel_is_since(6, 11);
    bool taken;

    do {
        pthread_mutex_lock(&door);
        taken = take_next(receiver, listener, always_polls);
        pthread_mutex_unlock(&door);
        if (taken)
            serve(receiver, listener);
    } while (taken);
    atomic_store(&dismissed, true);
    atomic_fetch_add(&calls, 1);
    shared_wake(&calls);
    return NULL;
}

static void *notify_help(void *argument)
{
    struct receiver *receiver = argument;
    const int listener = atomic_load(&receiver->shared->listener);

    for (;;) {
        const int heard = atomic_load(&calls);

        if (atomic_load(&dismissed))
            return NULL;
        while (take_waiting(receiver, listener))
            serve(receiver, listener);
        atomic_fetch_add(&asleep, 1);
        while (!shared_wait(&calls, heard, connections_due(receiver->shared))) /* of a connect that it has answered */
            ;
        atomic_fetch_sub(&asleep, 1);
    }
}

/* A receiver keeps up with about a hundred thousand calls a second, whatever the number of processes. */
static int wanted_helpers(void)
{
    const long helpers = sysconf(_SC_NPROCESSORS_ONLN) / CPUS_A_HELPER;

    return helpers < FEWEST_HELPERS ? FEWEST_HELPERS : helpers > MOST_HELPERS ? MOST_HELPERS : (int)helpers;
}

static bool start_one(struct shared *shared, bool helps)
{
    struct receiver *receiver = &receivers[started];

    receiver->shared = shared;
    receiver->helps = helps;
    receiver->notification = (void *)shared->notifications[started];
    if (!shared_thread(&receiver->thread, helps ? notify_help : notify_run, receiver))
        return false;
    started++;
    return true;
}

bool notify_start(struct shared *shared)
{
    receivers = mmap(NULL, sizeof *receivers * RECEIVERS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (receivers == MAP_FAILED) {
        receivers = NULL;
        return false;
    }
    if (!start_one(shared, false))
        return false;
    for (int i = 0; i < wanted_helpers(); i++)
        (void)start_one(shared, true);
    return true;
}

void notify_tend(struct shared *shared)
{
    const uint64_t now = shared_now(shared);

    for (int i = 0; i < started; i++) {
        const uint64_t since = atomic_load(&receivers[i].since);

        if (!receivers[i].helps && (since == 0 || now < since + STUCK_NS))
            return;
    }
    if (started > 0 && started < RECEIVERS)
        (void)start_one(shared, false);
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
