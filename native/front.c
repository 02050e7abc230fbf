#define _GNU_SOURCE
#include "front.h"

#include "finisher.h"
#include "guard.h"
#include "launch.h"
#include "readings.h"
#include "table.h"
#include "terminal.h"
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_COMMITTED = 123, EXIT_INTERNAL = 125, SIGNAL_BASE = 128, LAUNCH_NAP_US = 500 };

struct front {
    struct shared *shared;
    int words;   /* from guard and recorder */
    int signals; /* signalfd */
    int terminal; /* stderr, kept for the finisher; -1: it has nothing to say */
};

static int open_signals(void)
{
    static const int ours[] = {SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        sigdelset(&set, ours[i]);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What comes from the kernel (Ctrl-C, a window's new size) goes to the whole group: the command has it already. Only a
 * hang-up goes to the session's leader alone, when that is us. */
static bool is_for_command(struct shared *shared, const struct signalfd_siginfo *info)
{
    if (terminal_is_ours(shared) || shared->apart) /* the command is in another session: nothing of this one reaches it */
        return info->ssi_signo != SIGTTIN && info->ssi_signo != SIGTTOU;
    if (info->ssi_code != SI_KERNEL)
        return !witness_saw(shared, (int)info->ssi_signo);
    return info->ssi_signo == SIGHUP && getsid(0) == getpid();
}

static void pass_on(struct shared *shared, const struct signalfd_siginfo *info)
{
    pid_t command;

    if ((pid_t)info->ssi_pid == shared->recorder || (pid_t)info->ssi_pid == shared->guard)
        return; /* meant for us: the command goes on, and so do we */
    if (info->ssi_signo == SIGWINCH && terminal_is_ours(shared)) {
        terminal_resize(shared); /* the kernel signals the pty's foreground */
        return;
    }
    if (!is_for_command(shared, info))
        return;
    while ((command = atomic_load(&shared->command)) == 0)
        usleep(LAUNCH_NAP_US);
    if (atomic_load(&shared->command_ended))
        return;
    if (info->ssi_signo == SIGCONT && terminal_is_ours(shared))
        (void)!kill(-command, SIGCONT);
    else if (info->ssi_code == SI_QUEUE)
        (void)!sigqueue(command, (int)info->ssi_signo, (union sigval){.sival_ptr = (void *)(uintptr_t)info->ssi_ptr}); /* NOLINT: the sender's value, passed on */
    else
        (void)!kill(command, (int)info->ssi_signo);
}

static void pass_on_all(const struct front *front)
{
    struct signalfd_siginfo info;

    while (read(front->signals, &info, sizeof info) == (ssize_t)sizeof info)
        pass_on(front->shared, &info);
}

/* Guard and recorder are both gone: the kernel may still tell how the command ends (6.15). */
static int status_without_witness(const struct shared *shared)
{
    int pidfd = (int)syscall(SYS_pidfd_open, atomic_load(&shared->command), 0);
    int status = -1;

    if (pidfd >= 0) {
        while (poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, -1) < 0 && errno == EINTR)
            ;
        for (int tries = 0; status < 0 && tries < 100; tries++) { /* known once it is reaped, by whoever that is now */
            usleep(1000);
            status = pidfd_exit_status(pidfd);
        }
        close(pidfd);
    }
    return status >= 0 ? status : EXIT_INTERNAL << 8;
}

/* Returns the command's wait status. */
static int wait_for_end(const struct front *front)
{
    for (;;) {
        struct pollfd polls[3] = {
            {.fd = front->words, .events = POLLIN},
            {.fd = front->signals, .events = POLLIN},
            {.fd = atomic_load(&front->shared->pty.entered) ? front->shared->pty.keys : -1, .events = POLLIN},
        };
        struct word word;
        ssize_t got;

        if (poll(polls, 3, -1) < 0 && errno != EINTR)
            return EXIT_INTERNAL << 8;
        pass_on_all(front);
        if (polls[2].revents != 0 && !terminal_pass_keys(front->shared))
            front->shared->pty.keys = -1;
        got = recv(front->words, &word, sizeof word, MSG_DONTWAIT);
        if (got == 0)
            return status_without_witness(front->shared);
        if (got != (ssize_t)sizeof word)
            continue;
        if (word.what == WORD_ENDED)
            return word.value;
        terminal_leave(front->shared);
        (void)!kill(getpid(), SIGSTOP); /* as the command did; `fg` continues the whole job */
        terminal_enter(front->shared);
    }
}

/* Ends as the command ended: by the same signal, without a core of our own. A shell shows 128 + n for it. */
static int end_as(int status)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    const struct rlimit no_core = {0, 0};
    sigset_t none;

    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    (void)!setrlimit(RLIMIT_CORE, &no_core);
    (void)!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sigaction(WTERMSIG(status), &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    kill(getpid(), WTERMSIG(status));
    return SIGNAL_BASE + WTERMSIG(status); /* the first process of a container does not die of signals */
}

static struct front open_front(const struct request *request, int words)
{
    struct front front = {.words = words, .terminal = -1};

    front.signals = open_signals();
    if (request->finish_in_front)
        front.terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    return front;
}

/* What is the front's alone: who lives on with the last process of the run must not keep a pipe of the caller's open. */
static void close_front(const struct front *front)
{
    if (front->signals >= 0)
        close(front->signals);
    if (front->terminal >= 0)
        close(front->terminal);
}

/* Where 0, 1 or 2 is closed, files of ours would take its place and pass for the command's own. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDWR | O_CLOEXEC); /* closed again when the command is executed */
}

static _Noreturn void run_bare(struct shared *shared, const struct request *request, const struct dispositions *as_started)
{
    witness_stop();
    terminal_leave(shared);
    signals_restore(as_started);
    launch_bare(request);
}

/* Until the command has its descriptors, ours are kept: should it fail to start, we become it. False: it failed. */
static bool await_launch(const struct front *front)
{
    enum { PATIENCE_MS = 20 };
    struct word word = {.what = WORD_ENDED};

    while (!shared_wait(&front->shared->launched, 0, PATIENCE_MS))
        if (recv(front->words, &word, sizeof word, MSG_DONTWAIT | MSG_PEEK) >= 0)
            return word.what != WORD_NOT_STARTED;
    return true;
}

/* Where nothing lives on, whoever asks next finds no helper of ours either. */
static void await_helpers(const struct shared *shared, pid_t guard)
{
    enum { PATIENCE_MS = 50 };
    int pidfd;

    if (!atomic_load(&shared->alone))
        return;
    pidfd = (int)syscall(SYS_pidfd_open, guard, 0);
    if (pidfd < 0)
        return;
    if (poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, PATIENCE_MS) > 0)
        (void)waitpid(guard, NULL, WNOHANG);
    close(pidfd);
}

/* The front's own part, once the guard runs; returns the exit code, or does not return. */
static int attend(struct front *front, pid_t guard, struct request *request, const struct dispositions *as_started)
{
    int status, finished;

    witness_start(front->shared);
    if (!await_launch(front))
        run_bare(front->shared, request, as_started);
    table_close_inherited();
    status = wait_for_end(front);
    terminal_leave(front->shared);
    witness_stop();
    await_helpers(front->shared, guard);
    finished = finisher_run(request, front->terminal);
    if (status == 0 && finished != 0 && finisher_commits(request))
        return EXIT_NOT_COMMITTED; /* whether the finisher says so, or was killed before it could */
    return end_as(status);
}

int front_run(const struct request *request)
{
    struct request own = *request;
    struct dispositions as_started;
    struct shared *shared;
    struct front front;
    int words[2];
    pid_t guard;

    fill_standard_descriptors();
    shared = shared_new();
    if (shared == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, words) != 0)
        launch_bare(request);
    signals_remember(&as_started);
    shared->policy = (struct policy){request->deny_network, request->deny_io_uring};
    shared->front = getpid();
    shared->front_pidfd = (int)syscall(SYS_pidfd_open, shared->front, 0);
    shared->job = getpgrp();
    shared->apart = request->new_session;
    shared->words = words[1];
    shared->monotonic_ns = monotonic_ns();
    terminal_open(shared, request);
    front = open_front(request, words[0]);
    front.shared = shared;
    terminal_enter(shared); /* before the command can say anything, so that no key is answered by the wrong terminal */
    guard = fork();
    if (guard == 0) {
        struct run run = {shared, &own, &as_started};

        close(words[0]);
        close_front(&front);
        _exit(guard_run(&run));
    }
    close(words[1]);
    if (guard < 0)
        run_bare(shared, request, &as_started);
    return attend(&front, guard, &own, &as_started);
}
