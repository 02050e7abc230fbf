#define _GNU_SOURCE
#include "guard.h"

#include "events.h"
#include "frame.h"
#include "launch.h"
#include "listener.h"
#include "readings.h"
#include "reap.h"
#include "relay.h"
#include "streams.h"
#include "table.h"
#include "terminal.h"
#include "tree.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What kills the recorder must not kill the guard too, so nothing clever is done from here on: notifications are
 * answered without a look, output is passed on without a copy, the command is waited for. */

static void write_takeover(struct shared *shared, int status)
{
    struct event event;

    event_start(&event, shared, "takeover", "guard");
    json_string(&event.json, "reason", WIFSIGNALED(status) ? "the recorder was killed" : "the recorder gave up");
    event_record(shared, &event.json);
}

/* The recorder may have died before it forked the command: then it runs from here, as it is. */
static void launch_if_needed(const struct run *run)
{
    struct request untraced = *run->request;
    struct launch start = {run->shared, &untraced, run->as_started, {{-1, -1}}};
    siginfo_t info;

    if (atomic_load(&run->shared->command) != 0 || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return;
    for (int i = 0; i < STREAMS; i++) {
        shared_close(&run->shared->streams[i].in);
        shared_close(&run->shared->streams[i].out);
    }
    untraced.trace = false;
    if (launch(&start) < 0)
        shared_tell(run->shared, (struct word){WORD_NOT_STARTED, errno});
}

static void stop_copies(struct shared *shared)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *stream = &shared->streams[i];

        if (stream->copy >= 0)
            stream->copy_error = EOWNERDEAD;
        shared_close(&stream->copy);
        shared_close(&stream->mid);
        shared_close(&stream->mid_in);
    }
}

static void let_sockets_go(struct shared *shared)
{
    for (int i = 0; i < WATCHED; i++)
        shared_close(&shared->held[i]);
}

static bool has_room(const struct stream *stream)
{
    return poll(&(struct pollfd){.fd = stream->out, .events = POLLOUT}, 1, 0) > 0;
}

/* Waits for anything to do. A stream whose reader has no room is waited for at the reader's end. */
static void wait_for_work(const struct shared *shared, int child)
{
    struct pollfd polls[2 + 2 * STREAMS];
    const int listener = atomic_load(&shared->listener);

    polls[0] = (struct pollfd){.fd = child, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = listener >= 0 ? listener : -1, .events = POLLIN};
    for (int i = 0; i < STREAMS; i++) {
        const struct stream *stream = &shared->streams[i];
        bool room = stream->in >= 0 && has_room(stream);

        polls[2 + 2 * i] = (struct pollfd){.fd = room ? stream->in : -1, .events = POLLIN};
        polls[3 + 2 * i] = (struct pollfd){.fd = stream->in >= 0 ? stream->out : -1, .events = room ? 0 : POLLOUT};
    }
    (void)!poll(polls, sizeof polls / sizeof *polls, -1);
}

static void pass_on(struct stream *stream)
{
    enum { AT_ONCE = 1 << 20 };
    struct pollfd ends[2] = {{.fd = stream->in, .events = POLLIN}, {.fd = stream->out, .events = 0}};
    bool reader_gone;

    if (stream->in < 0 || poll(ends, 2, 0) <= 0)
        return;
    reader_gone = (ends[1].revents & (POLLERR | POLLNVAL)) != 0;
    if (reader_gone || (ends[0].revents != 0 && !relay_move(stream, AT_ONCE))) {
        shared_close(&stream->in);
        shared_close(&stream->out);
    }
}

static void forget_listener(struct shared *shared)
{
    shared_close(&shared->listener);
    atomic_store(&shared->listener, LISTENER_NONE);
}

/* The recorder was killed between reaping the command and saying so. */
static void learn_status(struct shared *shared)
{
    enum { EXIT_INTERNAL = 125 };
    int status = pidfd_exit_status(shared->command_pidfd);

    atomic_store(&shared->command_status, status >= 0 ? status : EXIT_INTERNAL << 8);
    atomic_store(&shared->command_ended, status >= 0);
}

/* Lets go of the log, and with it of the lock. A recorder that was killed in the midst of this may have told the front, or
 * not: the front hears the first word and no other. */
static void finish_run(struct shared *shared)
{
    shared_close(&shared->log);
    shared_tell(shared, (struct word){WORD_ENDED, atomic_load(&shared->command_status)});
}

static void finish_record(struct shared *shared)
{
    if (atomic_exchange(&shared->finished, true))
        return;
    if (!atomic_load(&shared->command_ended))
        learn_status(shared);
    frame_end(shared, NULL, "guard");
    events_rescue(shared);
    finish_run(shared);
}

static int open_child_signal(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void drain_signal(int fd)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
}

/* Until no process of the run is left that could need us. */
static void carry_on(struct shared *shared)
{
    const int child = open_child_signal();
    enum reaped left = REAPED_SOME_LIVE;

    while (left != REAPED_ALL || atomic_load(&shared->listener) >= 0 || relay_open(shared)) {
        if (atomic_load(&shared->command_ended) && !tree_has_child_but(getpid(), atomic_load(&shared->pty.leader)))
            terminal_release(shared);
        if (atomic_load(&shared->listener) >= 0 && !listener_serve_blindly(shared))
            forget_listener(shared);
        for (int i = 0; i < STREAMS; i++)
            pass_on(&shared->streams[i]);
        drain_signal(child);
        left = reap(shared, "guard");
        if (atomic_load(&shared->command_ended) || left == REAPED_ALL)
            finish_record(shared);
        if (left != REAPED_ALL || atomic_load(&shared->listener) >= 0 || relay_open(shared))
            wait_for_work(shared, child);
    }
}

/* The command may be on its way still: until it has a descriptor table of its own, ours is left as it is, and until it
 * has said whether there is a filter, nobody knows what to listen to. */
static void await_launch(struct shared *shared)
{
    enum { PATIENCE_MS = 20 };
    siginfo_t info;

    while (!shared_wait(&shared->launched, 0, PATIENCE_MS)) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == atomic_load(&shared->command))
            return;
    }
}

static void take_over(const struct run *run, int status)
{
    struct shared *shared = run->shared;

    if (atomic_load(&shared->listener) >= 0)
        listener_answer_pending(shared);
    launch_if_needed(run);
    await_launch(shared);
    stop_copies(shared);
    let_sockets_go(shared);
    if (atomic_load(&shared->finished)) {
        finish_run(shared);
    } else {
        events_rescue(shared);
        write_takeover(shared, status);
    }
    table_close_inherited();
    carry_on(shared);
}

int guard_run(const struct run *run)
{
    struct shared *shared = run->shared;
    int status = 0;
    pid_t recorder;

    atomic_store(&shared->guard, getpid());
    (void)!setpgid(0, 0);
    (void)!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)!prctl(PR_SET_NAME, "vestige-guard", 0, 0, 0);
    signals_deafen();
    recorder = table_fork();
    if (recorder == 0) {
        atomic_store(&shared->recorder, getpid());
        _exit(recorder_run(run));
    }
    while (recorder > 0 && waitpid(recorder, &status, 0) < 0 && errno == EINTR)
        ;
    if (recorder < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        take_over(run, status);
    return 0;
}
