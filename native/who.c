#define _GNU_SOURCE
#include "who.h"

#include "readings.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t who_process(struct threads *threads, pid_t tid)
{
    const size_t slot = (size_t)tid % THREADS_KEPT;
    struct figures figures = {.tgid = tid};
    uint64_t cpu_ns;

    if (read_cpu_clock(tid, &cpu_ns))
        return tid;
    /* the number may have been given out again: ESRCH then, whoever it is */
    if (threads->kept[slot].tid == tid && (syscall(SYS_tgkill, threads->kept[slot].pid, tid, 0) == 0 || errno == EPERM))
        return threads->kept[slot].pid;
    (void)read_status(tid, &figures);
    threads->kept[slot].tid = tid;
    threads->kept[slot].pid = figures.tgid != 0 ? figures.tgid : tid; /* 0: it is just being reaped */
    return threads->kept[slot].pid;
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

/* A root folder: its inode and the mount that it is on. Mounts have numbers of their own in every namespace. */
struct root {
    uint64_t mount;
    uint64_t inode;
};

static bool look_at_root(const char *path, struct root *root)
{
    struct statx status;

    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &status) != 0)
        return false;
    *root = (struct root){status.stx_mnt_id, status.stx_ino};
    return (status.stx_mask & STATX_MNT_ID) != 0; /* 5.8 */
}

static struct root ours; /* mount 0: can't be told */

static void find_our_root(void)
{
    if (!look_at_root("/proc/self/root", &ours))
        ours.mount = 0;
}

/* Our own root, found out once. */
static const struct root *our_root(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_our_root);
    return ours.mount != 0 ? &ours : NULL;
}

/* A path means to another process what it means to us, unless it has another root or other mounts. */
static enum view look_at_view(pid_t tid)
{
    const struct root *own = our_root();
    struct root root;
    char path[48];
    char link[2];

    snprintf(path, sizeof path, "/proc/%d/root", (int)tid);
    if (own != NULL && look_at_root(path, &root) && root.mount == own->mount && root.inode == own->inode)
        return VIEW_OURS;
    if (mount_namespace(tid) != our_namespace())
        return VIEW_FOREIGN;
    return readlink(path, link, sizeof link) == 1 && link[0] == '/' ? VIEW_OURS : VIEW_ROOTED;
}

static void enter(struct who *who, uint64_t now)
{
    struct process process;

    if (!processes_meet(who->pid, now, &process))
        return;
    who->start = process.start;
    process.view = who->view;
    processes_enter(&process);
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
