#define _GNU_SOURCE
#include "recorder.h"

#include "changed.h"
#include "connections.h"
#include "events.h"
#include "frame.h"
#include "launch.h"
#include "listener.h"
#include "notify.h"
#include "processes.h"
#include "reap.h"
#include "relay.h"
#include "sample.h"
#include "series.h"
#include "streams.h"
#include "table.h"
#include "terminal.h"
#include "tree.h"
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_TAKE_OVER = 1 };

/* The lock says "this run lives" to whoever asks, on any machine that sees the file: who finds the file without it knows
 * that the run is over, for it has its name when the lock is held. */
static int open_log(int folder)
{
    static const char unnamed[] = ".events.jsonl.tmp";
    int log = openat(folder, unnamed, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    if (log < 0)
        return -1;
    (void)flock(log, LOCK_EX | LOCK_NB); /* there are file systems without locks */
    if (renameat(folder, unnamed, folder, "events.jsonl") != 0) {
        close(log);
        return -1;
    }
    return log;
}

static void name_thread(const char *name)
{
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* A thousand processes want a thousand descriptors; the command keeps the limit it was started with. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct command_ends prepare(const struct run *run)
{
    struct shared *shared = run->shared;
    int folder = -1;
    struct command_ends ends;

    if (run->request->folder != NULL)
        folder = open(run->request->folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (folder >= 0)
        shared->log = open_log(folder);
    ends = streams_open(shared, run->request, folder);
    if (folder >= 0)
        close(folder);
    frame_begin(run->shared, run->request);
    return ends;
}

/* Threads that the run needs. What can't be had is left to the guard, which is alive and needs none. */
static bool start_threads(struct shared *shared)
{
    if (relay_open(shared) && !relay_start(shared))
        return false;
    if (shared->log >= 0 && !writer_start(shared))
        return false;
    shared_wait(&shared->listener, LISTENER_PENDING, -1);
    if (atomic_load(&shared->listener) < 0)
        return true;
    shared->sync_wake_up = listener_synchronous(atomic_load(&shared->listener));
    return notify_start(shared);
}

static void wait_for_child(uint64_t nanoseconds)
{
    const struct timespec limit = {(time_t)(nanoseconds / 1000000000U), (long)(nanoseconds % 1000000000U)};
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigtimedwait(&child, NULL, &limit); /* EINTR, EAGAIN: look anyway */
}

/* Looks and reaps until the command has ended, or with --wait everything. */
static void observe(const struct run *run)
{
    struct shared *shared = run->shared;
    uint64_t due = shared_now(shared) + 1000000;

    for (;;) {
        uint64_t now = shared_now(shared);
        enum reaped left;

        wait_for_child(due > now ? due - now : 0);
        left = reap(shared, "wait");
        if (left != REAPED_ALL && run->request->wait && atomic_load(&shared->command_ended) &&
            !tree_has_child_but(getpid(), atomic_load(&shared->pty.leader)))
            left = REAPED_ALL;
        if (atomic_load(&shared->command_ended) && (!run->request->wait || left == REAPED_ALL))
            return;
        now = shared_now(shared);
        if (now >= due) {
            due = now + sample_tick(shared);
            notify_tend(shared);
        }
    }
}

static _Atomic int changed_written;

static void *run_changed(void *argument)
{
    changed_write(argument);
    atomic_store(&changed_written, 1);
    shared_wake(&changed_written);
    return NULL;
}

/* In a thread of its own: a file server that hangs must not keep the command's end from whoever waits for it. */
static void write_changed(struct shared *shared)
{
    enum { PATIENCE_MS = 5000 };
    pthread_t thread;

    if (changed_left() == 0)
        return;
    if (!shared_thread(&thread, run_changed, shared)) {
        changed_write(shared);
        return;
    }
    pthread_detach(thread);
    if (!shared_wait(&changed_written, 0, PATIENCE_MS))
        atomic_fetch_add(&shared->unlisted, changed_left());
}

static void end_record(struct shared *shared, const struct machine *machine)
{
    if (atomic_load(&shared->exec_errno) != 0)
        frame_failed(shared, "exec", atomic_load(&shared->exec_errno));
    if (shared->log >= 0) {
        sample_tick(shared);
        series_finish(shared);
        sample_name_survivors(shared);
        notify_settle();
        connections_give_up(shared);
        write_changed(shared);
        frame_end(shared, machine, "wait");
        writer_finish();
    }
    atomic_store(&shared->finished, true);
    atomic_store(&shared->alone, reap(shared, "wait") == REAPED_ALL && !relay_open(shared));
    shared_close(&shared->log); /* and with it the lock */
    shared_tell(shared, (struct word){WORD_ENDED, atomic_load(&shared->command_status)});
}

/* Who outlives the run still carries the filter and writes through our pipes: stay, silently, until the last is gone. */
static void linger(struct shared *shared)
{
    enum { PATIENCE_NS = 1000000000 };

    while (reap(shared, NULL) != REAPED_ALL) {
        if (!tree_has_child_but(getpid(), atomic_load(&shared->pty.leader)))
            terminal_release(shared);
        notify_tend(shared); /* one that hung when the command ended hangs still */
        wait_for_child(PATIENCE_NS);
    }
    if (atomic_load(&shared->listener) >= 0)
        notify_join();
    while (relay_open(shared))
        wait_for_child(PATIENCE_NS);
}

/* No process can be forked: the front, which is one already, becomes the command itself. */
static int fail_to_launch(struct shared *shared, int error)
{
    frame_failed(shared, "fork", error);
    events_flush(shared);
    shared_tell(shared, (struct word){WORD_NOT_STARTED, error});
    return 0;
}

int recorder_run(const struct run *run)
{
    struct shared *shared = run->shared;
    struct launch start = {shared, run->request, run->as_started, {{-1, -1}}};
    struct machine machine;
    struct moment moment;

    name_thread("vestige-rec");
    (void)!setpgid(0, shared->guard);
    (void)!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    start.ends = prepare(run);
    moment = event_moment(shared);
    if (launch(&start) < 0)
        return fail_to_launch(shared, errno);
    frame_start(shared, moment);
    table_close_inherited();
    raise_descriptor_limit();
    (void)processes_init();
    if (!start_threads(shared))
        return EXIT_TAKE_OVER;
    frame_trace(shared, run->request->trace);
    machine_start(&machine, shared);
    observe(run);
    relay_settle();
    end_record(shared, &machine);
    linger(shared);
    return 0;
}
