#define _GNU_SOURCE
#include "notify.h"

#include "arguments.h"
#include "events.h"
#include "filter.h"
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { LINE_SIZE = 128 * 1024 }; /* 16 KiB of arguments, each byte at most six in JSON, and the rest */

/* Buffers of the one receiver thread: nothing is allocated while a process stands still. */
static struct {
    struct shared *shared;
    pthread_t thread;
    char path[PATH_MAX];
    size_t path_length;
    char base[PATH_MAX];
    ssize_t base_length;
    struct arguments arguments;
    char line[LINE_SIZE];
} receiver;

bool notify_synchronous(int listener)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
}

static void answer(int listener, uint64_t id)
{
    struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

    /* ENOENT: the process was killed meanwhile, or the other of us has answered */
    (void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* The thread group id: a process has a CPU clock, a thread that is not the first has none. */
static pid_t process_of(pid_t tid)
{
    struct figures figures = {.tgid = tid};
    char text[4096];
    uint64_t cpu_ns;
    ssize_t length;

    if (read_cpu_clock(tid, &cpu_ns))
        return tid;
    length = read_proc(tid, "status", text, sizeof text);
    if (length > 0)
        parse_status(text, (size_t)length, &figures);
    return figures.tgid;
}

/* The file to be executed as we can reach it: through the process's own root, current or given directory. */
static void reach(char *reachable, size_t size, pid_t tid, int directory)
{
    if (receiver.path[0] == '/')
        snprintf(reachable, size, "/proc/%d/root%s", (int)tid, receiver.path);
    else if (directory == AT_FDCWD)
        snprintf(reachable, size, "/proc/%d/cwd/%s", (int)tid, receiver.path);
    else
        snprintf(reachable, size, "/proc/%d/fd/%d/%s", (int)tid, directory, receiver.path);
    if (receiver.path_length == 0 && directory != AT_FDCWD) /* fexecve(3): the descriptor itself */
        snprintf(reachable, size, "/proc/%d/fd/%d", (int)tid, directory);
}

static void read_base(pid_t tid, int directory)
{
    char link[64];

    receiver.base_length = -1;
    if (receiver.path[0] == '/')
        return;
    if (directory == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)tid);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)tid, directory);
    receiver.base_length = readlink(link, receiver.base, sizeof receiver.base);
}

enum target { TARGET_ABSENT, TARGET_PLAIN, TARGET_PRIVILEGED };

/* Whether there is something to execute at all (execvp tries every folder of PATH), and whether it would change
 * privileges: under no_new_privs it silently does not. */
static enum target look_at_target(const char *reachable)
{
    struct stat status;

    if (stat(reachable, &status) != 0)
        return errno == ENOENT || errno == ENOTDIR ? TARGET_ABSENT : TARGET_PLAIN;
    if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
        return TARGET_ABSENT;
    if ((status.st_mode & S_ISUID) != 0 || (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return TARGET_PRIVILEGED;
    /* capabilities of files matter only where they would be withheld; asked for every program they would cost 3 % */
    if (!receiver.shared->no_new_privs)
        return TARGET_PLAIN;
    return getxattr(reachable, "security.capability", NULL, 0) > 0 ? TARGET_PRIVILEGED : TARGET_PLAIN;
}

/* What is known of a process that stands in an exec; read before the answer, written down after it. */
struct execution {
    pid_t tid;
    pid_t pid;
    enum target target;
    bool path_readable;
    bool identified;
    struct stat_line stat;
    bool replaces; /* a program of its own: `prior` is what that one used */
    struct figures prior;
};

static void look_at_exec(const struct seccomp_notif *notification, bool at, struct execution *execution)
{
    const uint64_t *arguments = (const uint64_t *)notification->data.args + (at ? 1 : 0);
    const int directory = at ? (int)notification->data.args[0] : AT_FDCWD;
    const pid_t tid = (pid_t)notification->pid;
    char reachable[PATH_MAX + 64];
    struct process known;

    *execution = (struct execution){.tid = tid, .pid = tid, .target = TARGET_PLAIN};
    receiver.path_length = 0;
    execution->path_readable =
        memory_string(tid, arguments[0], receiver.path, sizeof receiver.path, &receiver.path_length);
    if (execution->path_readable) {
        reach(reachable, sizeof reachable, tid, directory);
        execution->target = look_at_target(reachable);
        if (execution->target == TARGET_ABSENT)
            return;
        read_base(tid, directory);
    }
    memory_arguments(tid, arguments[1], filter_is_32bit(notification->data.arch), &receiver.arguments);
    execution->pid = process_of(tid);
    execution->identified = read_stat(execution->pid, &execution->stat);
    if (processes_find(execution->pid, &known) && known.executed && !known.exiting &&
        known.start == execution->stat.start) {
        execution->replaces = true;
        read_figures(execution->pid, &execution->prior);
    }
}

static void write_arguments(struct json *json)
{
    const struct arguments *arguments = &receiver.arguments;
    const char *at = arguments->text;

    json_open(json, "argv", '[');
    for (size_t i = 0; i < arguments->count; i++) {
        json_string(json, NULL, at);
        at += strlen(at) + 1;
    }
    json_close(json, ']');
    json_uint(json, "argc", arguments->total);
    json_bool(json, "truncated", arguments->truncated);
}

static void write_exec(const struct execution *execution)
{
    struct json json;

    event_open(&json, receiver.line, sizeof receiver.line, receiver.shared, "exec", "notify");
    json_int(&json, "pid", execution->pid);
    json_int(&json, "tid", execution->tid);
    if (execution->identified) {
        json_uint(&json, "start", execution->stat.start);
        json_int(&json, "ppid", execution->stat.ppid);
    }
    if (execution->path_readable)
        json_text(&json, "path", receiver.path, receiver.path_length);
    else
        atomic_fetch_add(&receiver.shared->lost, 1);
    if (execution->path_readable && receiver.base_length > 0)
        json_text(&json, "base", receiver.base, (size_t)receiver.base_length);
    write_arguments(&json);
    json_bool(&json, "setuid", execution->target == TARGET_PRIVILEGED);
    if (execution->replaces) {
        json_open(&json, "prior", '{');
        event_figures(&json, &execution->prior);
        json_close(&json, '}');
    }
    event_record(receiver.shared, &json);
}

static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd >= 0 && !processes_may_keep(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void enter_process(const struct execution *execution)
{
    struct process known;
    struct process process = {
        .pid = execution->pid,
        .ppid = execution->stat.ppid,
        .start = execution->stat.start,
        .first_t = shared_now(receiver.shared),
        .executed = true,
        .statm = -1,
        .io = -1,
        .children = -1,
    };

    if (processes_find(process.pid, &known) && known.start == process.start && !known.exiting) {
        processes_mark_executed(process.pid);
        return;
    }
    memcpy(process.comm, execution->stat.comm, sizeof process.comm);
    process.pidfd = open_pidfd(process.pid);
    if (processes_add(&process))
        return;
    processes_mark_executed(process.pid);
    if (process.pidfd >= 0)
        close(process.pidfd);
}

static void handle_exec(int listener, const struct seccomp_notif *notification, bool at)
{
    struct execution execution;

    look_at_exec(notification, at, &execution);
    if (execution.target == TARGET_ABSENT) {
        answer(listener, notification->id);
        return;
    }
    if (execution.identified)
        enter_process(&execution);
    answer(listener, notification->id);
    write_exec(&execution);
}

/* A process that forked, never executed anything and was not seen by the sampler yet: entered at its end, so that the
 * sampler does not take it for a new one while it dies. */
static bool enter_dying(const struct figures *figures, struct process *process)
{
    struct stat_line stat;

    if (!read_stat(figures->tgid, &stat))
        return false;
    *process = (struct process){
        .pid = figures->tgid,
        .ppid = stat.ppid,
        .start = stat.start,
        .exiting = true,
        .pidfd = -1,
        .statm = -1,
        .io = -1,
        .children = -1,
    };
    (void)processes_add(process);
    return true;
}

static void handle_exit(int listener, const struct seccomp_notif *notification)
{
    struct figures figures;
    struct process known;
    struct event event;
    bool identified;

    read_figures((pid_t)notification->pid, &figures);
    identified = processes_find(figures.tgid, &known) && !known.exiting;
    if (!identified)
        identified = enter_dying(&figures, &known);
    processes_account(&figures, figures.ppid == atomic_load(&receiver.shared->recorder));
    processes_mark_exiting(figures.tgid);
    answer(listener, notification->id);
    event_start(&event, receiver.shared, "exit", "notify");
    json_int(&event.json, "pid", figures.tgid);
    if (identified)
        json_uint(&event.json, "start", known.start);
    json_int(&event.json, "ppid", figures.ppid);
    json_int(&event.json, "status", (int)notification->data.args[0] & 0xFF);
    event_figures(&event.json, &figures);
    event_record(receiver.shared, &event.json);
}

/* The last look at a process that another of the run is about to kill: it will have no exit of its own. */
static void handle_kill(int listener, const struct seccomp_notif *notification, enum call call)
{
    const pid_t target = (pid_t)notification->data.args[0];
    const int number = (int)notification->data.args[call == CALL_KILL ? 1 : 2];
    struct figures figures = {0};
    struct process known;
    struct event event;
    bool ours = target > 0 && (processes_find(target, &known) || target == (pid_t)notification->pid);

    if (ours)
        read_figures(target, &figures);
    answer(listener, notification->id);
    if (!ours || figures.have == 0)
        return;
    event_start(&event, receiver.shared, "kill", "notify");
    json_int(&event.json, "pid", notification->pid);
    json_int(&event.json, "target", figures.tgid);
    json_int(&event.json, "signal", number);
    event_figures(&event.json, &figures);
    event_record(receiver.shared, &event.json);
}

static void handle(int listener, const struct seccomp_notif *notification)
{
    enum call call = filter_call(notification->data.arch, notification->data.nr);

    if (notification->pid == 0) { /* a process that our pid namespace does not know */
        atomic_fetch_add(&receiver.shared->lost, 1);
        call = CALL_NONE;
    }
    switch (call) {
    case CALL_EXECVE:
    case CALL_EXECVEAT:
        handle_exec(listener, notification, call == CALL_EXECVEAT);
        break;
    case CALL_EXIT_GROUP:
        handle_exit(listener, notification);
        break;
    case CALL_KILL:
    case CALL_TGKILL:
        handle_kill(listener, notification, call);
        break;
    case CALL_NONE:
        answer(listener, notification->id);
        break;
    }
}

/* Waits first: older kernels sleep for ever in RECV once the last process has gone. */
static bool wait_for_notification(int listener)
{
    struct pollfd poll_listener = {.fd = listener, .events = POLLIN};

    while (poll(&poll_listener, 1, -1) < 0)
        if (errno != EINTR)
            return false;
    return (poll_listener.revents & POLLIN) != 0;
}

/* The kernel writes the id straight into shared memory: whoever survives can answer in our place. */
static bool receive(struct shared *shared, int listener)
{
    memset(shared->notification, 0, sizeof shared->notification); /* the kernel insists */
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, shared->notification) == 0;
}

static void *notify_run(void *argument)
{
    struct shared *shared = argument;
    const int listener = atomic_load(&shared->listener);
    const struct seccomp_notif *notification = (const void *)shared->notification;

    while (wait_for_notification(listener))
        if (receive(shared, listener)) {
            if (atomic_load(&shared->finished))
                answer(listener, notification->id);
            else
                handle(listener, notification);
        }
    return NULL;
}

bool notify_start(struct shared *shared)
{
    receiver.shared = shared;
    return shared_thread(&receiver.thread, notify_run, shared);
}

void notify_join(void)
{
    pthread_join(receiver.thread, NULL);
}

void notify_answer_pending(struct shared *shared)
{
    const struct seccomp_notif *notification = (const void *)shared->notification;

    answer(atomic_load(&shared->listener), notification->id);
}

bool notify_answer_blindly(struct shared *shared)
{
    const int listener = atomic_load(&shared->listener);
    struct pollfd poll_listener = {.fd = listener, .events = POLLIN};

    if (poll(&poll_listener, 1, 0) <= 0)
        return true;
    if ((poll_listener.revents & POLLIN) == 0)
        return false;
    if (receive(shared, listener))
        notify_answer_pending(shared);
    return true;
}
