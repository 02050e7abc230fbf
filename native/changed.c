#define _GNU_SOURCE
#include "changed.h"

#include "events.h"
#include "name.h"
#include "state.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

/* Names one after the other, each as what it has in common with the one before and the rest: files of one folder share
 * most of their names. Pages are touched only as far as they fill. */
enum { ROOM = 4 << 20, HASHES = 1 << 18, MOST = HASHES / 4 * 3 };

struct entry {
    uint16_t common;
    uint16_t rest;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *arena;
static uint64_t *hashes; /* open addressing, 0: free */
static size_t used;
static size_t names;
static _Atomic uint64_t left;
static struct name latest;

static bool have_room(void)
{
    const size_t size = ROOM + sizeof *hashes * HASHES;

    if (arena == NULL) {
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (memory == MAP_FAILED)
            return false;
        arena = memory;
        hashes = (uint64_t *)(void *)(arena + ROOM);
    }
    return names < MOST && ROOM - used > sizeof(struct entry) + sizeof latest.text;
}

/* Whether it is there already; enters it if not. */
static bool is_known(const char *name, size_t length)
{
    const uint64_t hash = hash_bytes(HASH_START, name, length) | 1;
    size_t slot;

    for (slot = hash / 2 % HASHES; hashes[slot] != 0; slot = (slot + 1) % HASHES)
        if (hashes[slot] == hash)
            return true;
    hashes[slot] = hash;
    return false;
}

static void append(const char *name, size_t length)
{
    struct entry entry = {0, 0};

    while (entry.common < length && entry.common < latest.length && name[entry.common] == latest.text[entry.common])
        entry.common++;
    entry.rest = (uint16_t)(length - entry.common);
    memcpy(arena + used, &entry, sizeof entry);
    memcpy(arena + used + sizeof entry, name + entry.common, entry.rest);
    used += sizeof entry + entry.rest;
    memcpy(latest.text, name, length);
    latest.length = length;
    names++;
    atomic_fetch_add(&left, 1);
}

void changed_add(struct shared *shared, const char *name, size_t length)
{
    pthread_mutex_lock(&lock);
    if (!have_room())
        atomic_fetch_add(&shared->unlisted, 1);
    else if (!is_known(name, length))
        append(name, length);
    pthread_mutex_unlock(&lock);
}

static void write_final(struct shared *shared, const struct name *name)
{
    static char line[8 * sizeof name->text];
    struct stat status;
    struct json json;

    event_open(&json, line, sizeof line, shared, "final", "sample");
    json_text(&json, "path", name->text, name->length);
    if (lstat(name->text, &status) == 0)
        state_write(&json, "state", &status);
    else if (errno == ENOENT || errno == ENOTDIR)
        json_bool(&json, "absent", true);
    event_record(shared, &json);
}

uint64_t changed_left(void)
{
    return atomic_load(&left);
}

/* The next name; false at the end. */
static bool next_name(size_t *at, struct name *name)
{
    struct entry entry;
    bool any;

    pthread_mutex_lock(&lock);
    any = *at < used;
    if (any) {
        memcpy(&entry, arena + *at, sizeof entry);
        memcpy(name->text + entry.common, arena + *at + sizeof entry, entry.rest);
        *at += sizeof entry + entry.rest;
        name->length = (size_t)entry.common + entry.rest;
        name->text[name->length] = '\0';
    }
    pthread_mutex_unlock(&lock);
    return any;
}

/* Not under the lock: a look may hang for as long as the file's server does, and receivers add names meanwhile. */
void changed_write(struct shared *shared)
{
    static struct name name;
    size_t at = 0;

    while (next_name(&at, &name)) {
        write_final(shared, &name);
        atomic_fetch_sub(&left, 1);
    }
}
