#define _GNU_SOURCE
#include "writer.h"

#include "events.h"

#include <pthread.h>

enum { PERIOD_MS = 50, PATIENCE_MS = 10000 };

static _Atomic int written; /* the last ring that was served */
static _Atomic int final = INT32_MAX; /* the ring to end after, once there is one */

static void *writer_run(void *argument)
{
    struct shared *shared = argument;

    for (int ring = 0;; ring = events_await(ring, PERIOD_MS)) {
        events_flush(shared);
        events_flush(shared); /* both batches: what was recorded before the ring may lie in either */
        atomic_store(&written, ring);
        shared_wake(&written);
        if (ring >= atomic_load(&final))
            return NULL;
    }
}

bool writer_start(struct shared *shared)
{
    pthread_t thread;

    if (!shared_thread(&thread, writer_run, shared))
        return false;
    pthread_detach(thread);
    return true;
}

void writer_finish(void)
{
    const int ring = events_ask();

    atomic_store(&final, ring); /* after the ring, or the writer could end having served an earlier one only */
    for (int done = atomic_load(&written); done < ring; done = atomic_load(&written))
        if (!shared_wait(&written, done, PATIENCE_MS))
            return; /* the disk hangs: the command's end is not ours to delay */
}
