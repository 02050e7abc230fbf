#define _GNU_SOURCE
#include "tree.h"

#include "kept.h"
#include "processes.h"
#include "readings.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t queue[PROCESSES]; /* one caller, the sampler; pages are touched only as far as it fills */
static size_t queued;

/* Kernels without CONFIG_PROC_CHILDREN: every process of the machine and its parent, from one walk through /proc. */
static struct {
    pid_t pid;
    pid_t parent;
} everyone[PROCESSES];
static size_t everyones;

static void list_everyone(void)
{
    DIR *folder = opendir("/proc");
    struct stat_line stat;

    everyones = 0;
    if (folder == NULL)
        return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        pid_t pid = (pid_t)atoi(entry->d_name);

        if (pid > 0 && everyones < PROCESSES && read_stat(pid, &stat)) {
            everyone[everyones].pid = pid;
            everyone[everyones++].parent = stat.ppid;
        }
    }
    closedir(folder);
}

static void queue_from_everyone(pid_t parent)
{
    for (size_t i = 0; i < everyones && queued < PROCESSES; i++)
        if (everyone[i].parent == parent)
            queue[queued++] = everyone[i].pid;
}

static bool kernel_lists_children(void)
{
    static int known = -1;
    char path[64];

    if (known < 0) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
        known = access(path, R_OK) == 0;
    }
    return known == 1;
}

/* More than a page of children: the kernel gives the rest at an offset. */
static void queue_many_children(const char *path)
{
    FILE *file = fopen(path, "re");
    int child;

    while (file != NULL && queued < PROCESSES && fscanf(file, "%d", &child) == 1)
        queue[queued++] = child;
    if (file != NULL)
        fclose(file);
}

static void queue_children(pid_t pid, pid_t tid, int *kept)
{
    enum { LONGEST_PID = sizeof "2147483647 " };
    char name[64];
    char text[4096];
    ssize_t length;

    snprintf(name, sizeof name, "task/%d/children", (int)tid);
    length = kept_read(pid, kept, name, text, sizeof text);
    if (length + LONGEST_PID > (ssize_t)sizeof text) { /* the kernel fills a page with whole numbers only */
        char path[96];

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
        queue_many_children(path);
    } else if (length > 0) {
        queued += parse_children(text, (size_t)length, queue + queued, PROCESSES - queued);
    }
}

/* Children hang below the thread that forked them. */
static void queue_all_children(pid_t pid)
{
    char path[64];
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        int kept = -1;

        if (entry->d_name[0] != '.')
            queue_children(pid, atoi(entry->d_name), &kept);
        if (kept >= 0)
            close(kept);
    }
    closedir(folder);
}

static void queue_below(struct process *process)
{
    if (!kernel_lists_children())
        queue_from_everyone(process->pid);
    else if (process->last.threads > 1)
        queue_all_children(process->pid);
    else
        queue_children(process->pid, process->pid, &process->children);
}

/* Ours: forked by the first thread, and given to it when orphaned. */
static void queue_ours(pid_t root)
{
    static int kept = -1;

    queued = 0;
    if (!kernel_lists_children()) {
        list_everyone();
        queue_from_everyone(root);
    } else {
        queue_children(root, root, &kept);
    }
}

static void enter(pid_t pid, uint64_t now)
{
    struct process process;

    if (processes_meet(pid, now, &process))
        processes_enter(&process);
}

/* Whether a known process stands here, or an older one whose number has been given out again. */
static bool is_known(pid_t pid, struct process *known)
{
    struct stat_line stat;

    if (!processes_find(pid, known))
        return false;
    return !known->exiting || !read_stat(pid, &stat) || stat.start == known->start;
}

size_t tree_discover(pid_t root, pid_t except, uint64_t now)
{
    queue_ours(root);
    for (size_t at = 0; at < queued; at++) {
        struct process known = {0};
        int kept;

        if (queue[at] == except)
            continue;
        if (!is_known(queue[at], &known)) {
            enter(queue[at], now);
            if (!processes_find(queue[at], &known))
                continue;
        }
        kept = known.children;
        queue_below(&known);
        if (known.children != kept)
            processes_keep_children(known.pid, known.start, known.children);
    }
    return queued;
}

bool tree_has_child_but(pid_t root, pid_t except)
{
    queue_ours(root);
    for (size_t at = 0; at < queued; at++)
        if (queue[at] != except)
            return true;
    return false;
}
