#define _GNU_SOURCE
#include "who.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t who_process(struct threads *threads, pid_t tid)
{
    const size_t slot = (size_t)tid % THREADS_KEPT;
    struct figures figures = {.tgid = tid};
    char text[4096];
    uint64_t cpu_ns;
    ssize_t length;

    if (read_cpu_clock(tid, &cpu_ns))
        return tid;
    /* the number may have been given out again: ESRCH then, whoever it is */
    if (threads->kept[slot].tid == tid && (syscall(SYS_tgkill, threads->kept[slot].pid, tid, 0) == 0 || errno == EPERM))
        return threads->kept[slot].pid;
    length = read_proc(tid, "status", text, sizeof text);
    if (length > 0)
        parse_status(text, (size_t)length, &figures);
    threads->kept[slot].tid = tid;
    threads->kept[slot].pid = figures.tgid;
    return figures.tgid;
}

static uint64_t mount_namespace(pid_t pid)
{
    char path[48];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

static uint64_t our_namespace(void)
{
    static _Atomic uint64_t ours;
    uint64_t known = atomic_load(&ours);

    if (known == 0) {
        known = mount_namespace(getpid());
        atomic_store(&ours, known);
    }
    return known;
}

/* A path means to another process what it means to us, unless it has another root or other mounts. */
static enum view look_at_view(pid_t tid)
{
    char path[48];
    char root[2];

    if (mount_namespace(tid) != our_namespace())
        return VIEW_FOREIGN;
    snprintf(path, sizeof path, "/proc/%d/root", (int)tid);
    return readlink(path, root, sizeof root) == 1 && root[0] == '/' ? VIEW_OURS : VIEW_ROOTED;
}

static void enter(struct who *who, uint64_t now)
{
    struct process process = {.pid = who->pid, .first_t = now, .pidfd = -1, .statm = -1, .io = -1, .children = -1};
    struct stat_line stat;

    if (!read_stat(who->pid, &stat))
        return;
    who->start = process.start = stat.start;
    process.ppid = stat.ppid;
    process.view = who->view;
    memcpy(process.comm, stat.comm, sizeof process.comm);
    process.pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);
    if (process.pidfd >= 0 && !processes_may_keep(process.pidfd)) {
        close(process.pidfd);
        process.pidfd = -1;
    }
    if (!processes_add(&process) && process.pidfd >= 0)
        close(process.pidfd);
}

struct who who_is(struct threads *threads, pid_t tid, uint64_t now)
{
    struct who who = {.tid = tid, .pid = tid, .view = VIEW_UNKNOWN};
    bool known = processes_identity(tid, &who.start, &who.view);

    if (!known) {
        who.pid = who_process(threads, tid);
        known = who.pid != tid && processes_identity(who.pid, &who.start, &who.view);
    }
    if (who.view == VIEW_UNKNOWN || who.view == VIEW_MOVING) {
        const bool moving = who.view == VIEW_MOVING;

        who.view = look_at_view(tid);
        if (known && !moving)
            processes_set_view(who.pid, who.view);
    }
    if (!known)
        enter(&who, now);
    return who;
}

void who_moves(const struct who *who)
{
    processes_set_view(who->pid, VIEW_MOVING);
}
