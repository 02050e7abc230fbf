#define _GNU_SOURCE
#include "folders.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FOLDERS = 4096, LINKED = 16, FOLDERS_LIVE_S = 1 };

/* Folders known to be canonical, by hash: a wrong hit would take 2^-64 luck. Those that are reached through a link, as
 * /lib is, are few and remembered by name. All are forgotten after a second, in case somebody outside the run puts a link
 * in the way. */
static _Atomic uint64_t folders[FOLDERS];
static _Atomic time_t folders_since;
static struct {
    pthread_mutex_t lock;
    size_t next;
    struct {
        struct name given;
        struct name canonical;
    } kept[LINKED];
} linked = {.lock = PTHREAD_MUTEX_INITIALIZER};

void folders_forget(void)
{
    for (size_t i = 0; i < FOLDERS; i++)
        atomic_store_explicit(&folders[i], 0, memory_order_relaxed);
    pthread_mutex_lock(&linked.lock);
    for (size_t i = 0; i < LINKED; i++)
        linked.kept[i].given.length = 0;
    pthread_mutex_unlock(&linked.lock);
}

static void forget_old_folders(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec - atomic_load_explicit(&folders_since, memory_order_relaxed) > FOLDERS_LIVE_S) {
        folders_forget();
        atomic_store_explicit(&folders_since, now.tv_sec, memory_order_relaxed);
    }
}

bool folders_read_back(struct name *real, int fd)
{
    char link[32];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return name_read_link(real, link);
}

static bool recall_linked(const struct name *folder, struct name *canonical)
{
    bool found = false;

    pthread_mutex_lock(&linked.lock);
    for (size_t i = 0; i < LINKED && !found; i++) {
        found = linked.kept[i].given.length > 0 && name_same(&linked.kept[i].given, folder);
        if (found)
            name_set(canonical, linked.kept[i].canonical.text, linked.kept[i].canonical.length);
    }
    pthread_mutex_unlock(&linked.lock);
    return found;
}

static void keep_linked(const struct name *folder, const struct name *canonical)
{
    pthread_mutex_lock(&linked.lock);
    name_set(&linked.kept[linked.next].given, folder->text, folder->length);
    name_set(&linked.kept[linked.next].canonical, canonical->text, canonical->length);
    linked.next = (linked.next + 1) % LINKED;
    pthread_mutex_unlock(&linked.lock);
}

enum folder folders_look(const char *path, size_t length, struct name *canonical)
{
    const uint64_t hash = hash_bytes(HASH_START, path, length) | 1;
    _Atomic uint64_t *slot = &folders[hash / 2 % FOLDERS];
    static _Thread_local struct name folder;
    int fd;

    forget_old_folders();
    if (atomic_load_explicit(slot, memory_order_relaxed) == hash)
        return FOLDER_CANONICAL;
    name_set(&folder, length == 0 ? "/" : path, length == 0 ? 1 : length);
    if (recall_linked(&folder, canonical))
        return FOLDER_LINKED;
    fd = open(folder.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return FOLDER_UNKNOWN;
    if (!folders_read_back(canonical, fd))
        canonical->length = 0;
    close(fd);
    if (name_same(canonical, &folder)) {
        atomic_store_explicit(slot, hash, memory_order_relaxed);
        return FOLDER_CANONICAL;
    }
    if (canonical->length == 0 || name_starts_with(&folder, "/proc/"))
        return FOLDER_UNKNOWN;
    keep_linked(&folder, canonical);
    return FOLDER_LINKED;
}
