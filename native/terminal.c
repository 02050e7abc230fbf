#define _GNU_SOURCE
#include "terminal.h"

#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool wanted(const struct request *request)
{
    return request->capture_terminal && !request->relay_all && request->folder != NULL && table_can_leave() &&
           ((request->capture_stdout && isatty(STDOUT_FILENO)) || (request->capture_stderr && isatty(STDERR_FILENO)));
}

static int open_slave(const struct shared *shared, int flags)
{
    char name[64];

    if (ptsname_r(shared->pty.master, name, sizeof name) != 0)
        return -1;
    return open(name, O_RDWR | O_CLOEXEC | flags);
}

/* The pty begins as the real terminal stands: size, echo, line editing, special keys. Copied before raw mode is set. */
static void copy_settings(const struct shared *shared)
{
    int slave = open_slave(shared, O_NOCTTY);

    if (slave < 0)
        return;
    (void)!tcsetattr(slave, TCSANOW, &shared->pty.saved);
    close(slave);
    terminal_resize(shared);
}

void terminal_open(struct shared *shared, const struct request *request)
{
    struct pty *pty = &shared->pty;
    int output = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;

    if (!wanted(request) || tcgetattr(output, &pty->saved) != 0 || pipe2(pty->life, O_CLOEXEC) != 0)
        return;
    pty->outer = fcntl(output, F_DUPFD_CLOEXEC, 3);
    pty->keys = isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->master >= 0 && unlockpt(pty->master) == 0)
        copy_settings(shared);
    else
        pty->master = -1;
}

/* The command's parent is in another session. Were it alone in its group, that would be an orphaned one, which Ctrl-Z
 * can't stop (setpgid(2), POSIX 3.242): so a child of the leader joins it, deaf to everything, and goes with its parent. */
static void anchor_group(struct shared *shared)
{
    const pid_t command = atomic_load(&shared->command);
    const pid_t leader = getpid();
    sigset_t all;

    if (fork() != 0)
        return;
    (void)!prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)!prctl(PR_SET_NAME, "vestige-anchor", 0, 0, 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int tries = 0; setpgid(0, command) != 0 && tries < 1000; tries++)
        usleep(100); /* the command makes the group */
    atomic_store(&shared->pty.anchored, 1);
    shared_wake(&shared->pty.anchored);
    while (getppid() == leader)
        pause();
    _exit(0);
}

/* Whether the leader could fork nobody. */
static bool gave_up(pid_t leader)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)leader, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == leader &&
           info.si_code == CLD_EXITED;
}

/* Waits for the leader to fork the command. */
static pid_t await_command(const struct shared *shared, pid_t leader)
{
    while (atomic_load(&shared->command) == 0) {
        if (gave_up(leader)) {
            errno = EAGAIN;
            return -1;
        }
        usleep(100);
    }
    return atomic_load(&shared->command);
}

/* Sleeps until recorder and guard have let go of the other end of the pipe, or are gone. */
static _Noreturn void lead(struct shared *shared)
{
    char nothing;

    (void)!prctl(PR_SET_NAME, "vestige-lead", 0, 0, 0);
    if (!table_leave())
        _exit(1);
    close(shared->pty.life[1]);
    for (int fd = 0; fd < 1024; fd++)
        if (fd != shared->pty.life[0])
            close(fd);
    anchor_group(shared);
    while (read(shared->pty.life[0], &nothing, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

pid_t terminal_fork(struct shared *shared)
{
    pid_t leader = table_fork();
    pid_t command;

    if (leader != 0)
        return leader < 0 ? -1 : await_command(shared, leader);
    (void)!setsid();
    atomic_store(&shared->pty.leader, getpid());
    shared->pty.slave = open_slave(shared, 0);
    (void)!ioctl(shared->pty.slave, TIOCSCTTY, 0);
    command = (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_PARENT | CLONE_FILES | SIGCHLD), 0UL, 0UL, 0UL, 0UL);
    if (command == 0)
        return 0;
    if (command < 0)
        _exit(1);
    atomic_store(&shared->command, command);
    lead(shared);
}

void terminal_take(struct shared *shared, int slave)
{
    enum { PATIENCE_MS = 1000 };

    (void)!setpgid(0, 0);
    (void)!tcsetpgrp(slave, getpgrp()); /* SIGTTOU is ignored still */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (isatty(fd))
            dup2(slave, fd);
    (void)shared_wait(&shared->pty.anchored, 0, PATIENCE_MS);
}

void terminal_forget(struct shared *shared)
{
    if (shared->pty.slave >= 0)
        close(shared->pty.slave);
    shared->pty.slave = -1;
}

void terminal_release(struct shared *shared)
{
    if (shared->pty.life[1] >= 0)
        close(shared->pty.life[1]);
    shared->pty.life[1] = -1;
}

static bool in_foreground(const struct shared *shared)
{
    return shared->pty.keys >= 0 && tcgetpgrp(shared->pty.keys) == getpgrp();
}

void terminal_enter(struct shared *shared)
{
    struct termios raw = shared->pty.saved;

    if (!terminal_is_ours(shared) || !in_foreground(shared) || atomic_load(&shared->pty.entered))
        return;
    (void)!tcgetattr(shared->pty.outer, &shared->pty.saved);
    raw = shared->pty.saved;
    cfmakeraw(&raw);
    if (tcsetattr(shared->pty.outer, TCSADRAIN, &raw) == 0)
        atomic_store(&shared->pty.entered, true);
    terminal_resize(shared);
}

void terminal_leave(struct shared *shared)
{
    if (terminal_is_ours(shared) && atomic_exchange(&shared->pty.entered, false))
        (void)!tcsetattr(shared->pty.outer, TCSADRAIN, &shared->pty.saved);
}

bool terminal_pass_keys(struct shared *shared)
{
    char keys[1024];
    ssize_t got = read(shared->pty.keys, keys, sizeof keys);
    ssize_t done = 0;

    if (got <= 0)
        return got < 0 && (errno == EINTR || errno == EAGAIN);
    while (done < got) {
        ssize_t written = write(shared->pty.master, keys + done, (size_t)(got - done));

        if (written <= 0 && errno != EINTR)
            return false;
        done += written > 0 ? written : 0;
    }
    return true;
}

void terminal_resize(const struct shared *shared)
{
    struct winsize size;

    if (terminal_is_ours(shared) && ioctl(shared->pty.outer, TIOCGWINSZ, &size) == 0)
        (void)!ioctl(shared->pty.master, TIOCSWINSZ, &size);
}
