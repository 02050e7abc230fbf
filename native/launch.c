#define _GNU_SOURCE
#include "launch.h"

#include "filter.h"
#include "table.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127, EXIT_INTERNAL = 125, LAUNCH_PATIENCE_MS = 100 };

static void publish(_Atomic int *word, int value)
{
    atomic_store(word, value);
    shared_wake(word);
}

/* The listener appears in the table that we still share with recorder and guard: no message, nothing to lose. */
static void install_filter(struct shared *shared, bool trace, bool shares)
{
    struct filter_result result = {.listener = -1, .error = trace ? EPERM : 0};

    if (trace && shares)
        result = filter_install(&shared->policy);
    shared->wait_killable = result.wait_killable;
    shared->no_new_privs = result.no_new_privs;
    shared->listener_errno = result.error;
    publish(&shared->listener, result.listener >= 0 ? result.listener : LISTENER_NONE);
}

/* The user asked for something that can't be had: better no run than one that calls out. */
static _Noreturn void refuse_network(struct shared *shared)
{
    atomic_store(&shared->exec_errno, ENOTSUP);
    dprintf(STDERR_FILENO, "vestige: the network can't be denied to the command, so it was not started: %s\n",
            shared->listener_errno != 0 ? filter_explain(shared->listener_errno) : "nothing watches it");
    _exit(EXIT_INTERNAL);
}

static void set_environment(const struct request *request)
{
    if (request->folder != NULL) {
        setenv("VESTIGE_RUN", request->folder, 1);
        setenv("VESTIGE_RUN_ID", request->id, 1);
    }
}

/* Where a shell would say it: on the command's own stderr. Returns the exit code that says the same. */
static int say_refused(const char *program, int error)
{
    if (error == ENOENT)
        dprintf(STDERR_FILENO, "vestige: `%s`: command not found\n", program);
    else
        dprintf(STDERR_FILENO, "vestige: `%s` can't be executed: %s\n", program, strerror(error));
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

_Noreturn void launch_bare(const struct request *request)
{
    if (request->deny_network) {
        dprintf(STDERR_FILENO, "vestige: the network can't be denied to the command, so it was not started\n");
        _exit(EXIT_INTERNAL);
    }
    execvp(request->command[0], request->command);
    _exit(say_refused(request->command[0], errno));
}

static _Noreturn void become_command(const struct launch *launch, bool shares)
{
    struct shared *shared = launch->shared;
    char **argv = launch->request->command;
    const int slave = shared->pty.slave; /* the recorder forgets it once we are `launched` */
    bool left;

    atomic_store(&shared->command, getpid()); /* the recorder may be killed before fork returns in it */

    /* a parent of the same session in another group keeps the job's group from ever being orphaned; fails only when
     * the front, and with it the group, is gone */
    if (shared->apart)
        (void)!setsid();
    else if (!terminal_is_ours(shared))
        (void)!setpgid(0, shared->job);
    install_filter(shared, launch->request->trace, shares);
    left = !shares || table_leave();
    publish(&shared->launched, 1); /* in any case: without it nobody would answer our exit */
    if (!left)
        _exit(EXIT_INTERNAL);
    if (terminal_is_ours(shared))
        terminal_take(shared, slave);
    streams_take(&launch->ends);
    set_environment(launch->request);
    signals_restore(launch->as_started);
    if (shared->policy.deny_network && atomic_load(&shared->listener) < 0)
        refuse_network(shared);
    execvp(argv[0], argv);
    atomic_store(&shared->exec_errno, errno);
    _exit(say_refused(argv[0], atomic_load(&shared->exec_errno)));
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

pid_t launch(const struct launch *launch)
{
    struct shared *shared = launch->shared;
    const bool shares = table_can_leave(); /* else no listener can be had: the command runs untraced */
    pid_t pid = !shares ? fork() : terminal_is_ours(shared) ? terminal_fork(shared) : table_fork();

    if (pid == 0)
        become_command(launch, shares);
    if (pid < 0)
        return -1;
    atomic_store(&shared->command, pid);
    shared->command_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    while (!shared_wait(&shared->launched, 0, LAUNCH_PATIENCE_MS))
        if (has_ended(pid)) { /* killed on the way: there will be no filter */
            int pending = LISTENER_PENDING;

            atomic_compare_exchange_strong(&shared->listener, &pending, LISTENER_NONE);
            break;
        }
    streams_forget(&launch->ends);
    terminal_forget(shared);
    return pid;
}
