#define _GNU_SOURCE
#include "reap.h"

#include "events.h"
#include "sample.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_reaped(struct shared *shared, const char *via, pid_t pid, int status, const struct rusage *usage)
{
    struct event event;

    event_start(&event, shared, "reap", via);
    json_int(&event.json, "pid", pid);
    json_int(&event.json, "status", status);
    event_rusage(&event.json, usage);
    event_record(shared, &event.json);
}

/* The front stopped when the command did. A shell's `fg` continues both; whoever continues or kills the command alone
 * must not leave the front behind. */
static void wake_front(struct shared *shared)
{
    if (atomic_exchange(&shared->stopped, false) && shared->front_pidfd >= 0)
        (void)!syscall(SYS_pidfd_send_signal, shared->front_pidfd, SIGCONT, NULL, 0);
}

/* Tells the front, which stops itself so that the shell sees the job stopped. */
static void note_stop(struct shared *shared, pid_t pid, int status)
{
    const bool stopped = WIFSTOPPED(status);
    struct event event;

    if (pid != atomic_load(&shared->command))
        return;
    event_start(&event, shared, stopped ? "stop" : "continue", "wait");
    json_int(&event.json, "pid", pid);
    json_int(&event.json, "signal", stopped ? WSTOPSIG(status) : SIGCONT);
    event_record(shared, &event.json);
    if (stopped) {
        atomic_store(&shared->stopped, true);
        shared_tell(shared, (struct word){WORD_STOPPED, WSTOPSIG(status)});
    } else {
        wake_front(shared);
    }
}

static void note_end(struct shared *shared, const char *via, pid_t pid, int status, const struct rusage *usage)
{
    totals_add(&shared->totals, usage);
    write_reaped(shared, via, pid, status, usage);
    if (pid == atomic_load(&shared->command)) {
        atomic_store(&shared->command_status, status);
        atomic_store(&shared->command_ended, true);
        wake_front(shared);
    }
}

/* Who has ended and waits, without reaping it yet; 0: nobody, -1: there are no children. */
static pid_t next_ended(void)
{
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        if (errno != EINTR)
            return -1;
    return info.si_pid;
}

static void reap_ended(struct shared *shared, const char *via, pid_t pid)
{
    struct process process;
    const bool unsaid = sample_last_look(pid, &process);
    struct rusage usage;
    int status;

    if (wait4(pid, &status, WNOHANG, &usage) != pid)
        return;
    if (unsaid)
        sample_write_end(shared, &process, status);
    note_end(shared, via, pid, status, &usage);
}

enum reaped reap(struct shared *shared, const char *via)
{
    struct rusage usage;
    int status;
    pid_t pid;

    while ((pid = next_ended()) > 0)
        reap_ended(shared, via, pid);
    pid = atomic_load(&shared->command);
    /* what wait4 adds here: the command stopped or continued */
    while (pid > 0 && !atomic_load(&shared->command_ended) &&
           wait4(pid, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage) == pid) {
        if (WIFSTOPPED(status) || WIFCONTINUED(status))
            note_stop(shared, pid, status);
        else
            note_end(shared, via, pid, status, &usage);
    }
    return next_ended() < 0 ? REAPED_ALL : REAPED_SOME_LIVE;
}
