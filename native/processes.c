#define _GNU_SOURCE
#include "processes.h"

#include "kept.h"
#include "readings.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUCKETS = 1 << 14, NOWHERE = UINT32_MAX };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct process *table; /* pages are touched only as far as it fills */
static uint32_t *buckets;     /* first index of a chain, plus one; 0: none */
static uint32_t high;
static uint32_t first_free = NOWHERE;
static struct figures ended;

bool processes_meet(pid_t pid, uint64_t now, struct process *process)
{
    struct stat_line stat;

    if (!read_stat(pid, &stat) || is_dead(&stat))
        return false;
    *process = (struct process){
        .pid = pid,
        .ppid = stat.ppid,
        .start = stat.start,
        .first_t = now,
        .pidfd = -1,
        .statm = -1,
        .io = -1,
        .children = -1,
        .last.threads = stat.threads,
    };
    memcpy(process->comm, stat.comm, sizeof process->comm);
    return true;
}

bool processes_init(void)
{
    const size_t size = sizeof *table * PROCESSES + sizeof *buckets * BUCKETS;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return false;
    table = (struct process *)(void *)memory;
    buckets = (uint32_t *)(void *)(memory + sizeof *table * PROCESSES);
    return true;
}

static uint32_t *bucket_of(pid_t pid)
{
    return &buckets[(uint32_t)pid % BUCKETS];
}

static uint32_t find(pid_t pid)
{
    uint32_t at = table == NULL ? 0 : *bucket_of(pid);

    while (at != 0 && table[at - 1].pid != pid)
        at = table[at - 1].next;
    return at == 0 ? NOWHERE : at - 1;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void release(uint32_t index)
{
    struct process *process = &table[index];
    uint32_t *link = bucket_of(process->pid);

    while (*link != index + 1)
        link = &table[*link - 1].next;
    *link = process->next;
    close_if_open(process->pidfd);
    close_if_open(process->statm);
    close_if_open(process->io);
    close_if_open(process->children);
    *process = (struct process){.next = first_free};
    first_free = index;
}

static uint32_t take_place(void)
{
    uint32_t index = first_free;

    if (index != NOWHERE) {
        first_free = table[index].next;
        return index;
    }
    return high < PROCESSES ? high++ : NOWHERE;
}

uint32_t processes_high(void)
{
    uint32_t value;

    pthread_mutex_lock(&lock);
    value = high;
    pthread_mutex_unlock(&lock);
    return value;
}

static bool same(const struct process *a, const struct process *b)
{
    return a->pid == b->pid && a->start == b->start;
}

bool processes_get(uint32_t index, struct process *process)
{
    pthread_mutex_lock(&lock);
    *process = table[index];
    pthread_mutex_unlock(&lock);
    return process->pid != 0;
}

void processes_put(uint32_t index, const struct process *process)
{
    struct process *place = &table[index];

    pthread_mutex_lock(&lock);
    if (same(place, process)) {
        place->last = process->last;
        place->looked_at = process->looked_at;
        place->statm = process->statm;
        place->io = process->io;
        memcpy(place->comm, process->comm, sizeof place->comm);
    }
    pthread_mutex_unlock(&lock);
}

bool processes_find(pid_t pid, struct process *process)
{
    uint32_t index;

    pthread_mutex_lock(&lock);
    index = find(pid);
    if (index != NOWHERE)
        *process = table[index];
    pthread_mutex_unlock(&lock);
    return index != NOWHERE;
}

bool processes_identity(pid_t pid, uint64_t *start, enum view *view)
{
    uint32_t index;
    bool found;

    pthread_mutex_lock(&lock);
    index = find(pid);
    found = index != NOWHERE && !table[index].exiting;
    if (found) {
        *start = table[index].start;
        *view = table[index].view;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void processes_set_view(pid_t pid, enum view view)
{
    uint32_t index;

    pthread_mutex_lock(&lock);
    index = find(pid);
    if (index != NOWHERE)
        table[index].view = view;
    pthread_mutex_unlock(&lock);
}

void processes_keep_children(pid_t pid, uint64_t start, int fd)
{
    uint32_t index;

    pthread_mutex_lock(&lock);
    index = find(pid);
    if (index != NOWHERE && table[index].start == start && table[index].children < 0)
        table[index].children = fd;
    else
        close(fd);
    pthread_mutex_unlock(&lock);
}

bool processes_add(const struct process *process)
{
    uint32_t index;

    if (table == NULL)
        return false;
    pthread_mutex_lock(&lock);
    index = find(process->pid);
    if (index != NOWHERE && same(&table[index], process)) {
        pthread_mutex_unlock(&lock);
        return false;
    }
    if (index != NOWHERE)
        release(index);
    index = take_place();
    if (index != NOWHERE) {
        uint32_t *bucket = bucket_of(process->pid);

        table[index] = *process;
        table[index].next = *bucket;
        *bucket = index + 1;
    }
    pthread_mutex_unlock(&lock);
    return index != NOWHERE;
}

void processes_enter(struct process *process)
{
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->pidfd >= 0 && !kept_may_be(process->pidfd)) {
        close(process->pidfd);
        process->pidfd = -1;
    }
    if (!processes_add(process))
        close_if_open(process->pidfd);
}

void processes_mark_executed(pid_t pid)
{
    uint32_t index;

    pthread_mutex_lock(&lock);
    index = find(pid);
    if (index != NOWHERE)
        table[index].executed = true;
    pthread_mutex_unlock(&lock);
}

bool processes_mark_exiting(pid_t pid)
{
    uint32_t index;
    bool first;

    pthread_mutex_lock(&lock);
    index = find(pid);
    first = index == NOWHERE || !table[index].exiting;
    if (index != NOWHERE)
        table[index].exiting = true;
    pthread_mutex_unlock(&lock);
    return first;
}

void processes_remove(uint32_t index, const struct process *process)
{
    pthread_mutex_lock(&lock);
    if (same(&table[index], process))
        release(index);
    pthread_mutex_unlock(&lock);
}

void processes_account(const struct figures *figures, bool ours)
{
    pthread_mutex_lock(&lock);
    ended.cpu_ns += figures->cpu_ns;
    if (ours) {
        ended.read_chars += figures->read_chars;
        ended.write_chars += figures->write_chars;
        ended.read_bytes += figures->read_bytes;
        ended.write_bytes += figures->write_bytes;
    }
    pthread_mutex_unlock(&lock);
}

struct figures processes_ended(void)
{
    struct figures copy;

    pthread_mutex_lock(&lock);
    copy = ended;
    pthread_mutex_unlock(&lock);
    return copy;
}
