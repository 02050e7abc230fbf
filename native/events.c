#define _GNU_SOURCE
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int bell;
static _Atomic bool hopeless; /* the disk stands still */
static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER;

struct moment event_moment(struct shared *shared)
{
    return (struct moment){atomic_fetch_add(&shared->seq, 1), shared_now(shared)};
}

void event_open_at(struct json *json, char *buffer, size_t size, struct moment moment, const char *name,
                   const char *via)
{
    json_start(json, buffer, size);
    json_open(json, NULL, '{');
    json_uint(json, "seq", moment.seq);
    json_uint(json, "t", moment.t);
    json_string(json, "event", name);
    if (via != NULL)
        json_string(json, "via", via);
}

void event_open(struct json *json, char *buffer, size_t size, struct shared *shared, const char *name, const char *via)
{
    event_open_at(json, buffer, size, event_moment(shared), name, via);
}

void event_start(struct event *event, struct shared *shared, const char *name, const char *via)
{
    event_open(&event->json, event->line, sizeof event->line, shared, name, via);
}

/* Puts a line into the batch that is being filled; false without room. */
static bool append(struct shared *shared, const char *text, size_t length)
{
    struct batch *batch;
    uint32_t used;
    bool fits;

    pthread_mutex_lock(&filling);
    batch = &shared->batches[atomic_load(&shared->writing)];
    used = atomic_load(&batch->length);
    fits = length <= BATCH_SIZE - used;
    if (fits) {
        memcpy(batch->text + used, text, length);
        atomic_store(&batch->length, used + (uint32_t)length);
        atomic_store_explicit(&hopeless, false, memory_order_relaxed);
    }
    pthread_mutex_unlock(&filling);
    if (!fits || (used <= BATCH_SIZE / 2 && used + length > BATCH_SIZE / 2))
        events_ask();
    return fits;
}

/* Waits for the writer to make room. Once it was waited for in vain, nobody waits again until it has moved. */
static bool append_patiently(struct shared *shared, const char *text, size_t length)
{
    enum { TRIES = 200 };
    const struct timespec pause = {0, 1000000};

    for (int tries = 0; tries < TRIES && !atomic_load(&hopeless); tries++) {
        nanosleep(&pause, NULL);
        if (append(shared, text, length))
            return true;
    }
    atomic_store(&hopeless, true);
    return false;
}

void event_record(struct shared *shared, struct json *json)
{
    size_t length;

    json_close(json, '}');
    length = json_end_line(json);
    if (shared->log < 0)
        return;
    if (length == 0 || (!append(shared, json->text, length) && !append_patiently(shared, json->text, length)))
        atomic_fetch_add(&shared->dropped, 1);
}

int events_ask(void)
{
    int ring = atomic_fetch_add(&bell, 1) + 1;

    shared_wake(&bell);
    return ring;
}

int events_await(int ring, int milliseconds)
{
    shared_wait(&bell, ring, milliseconds);
    return atomic_load(&bell);
}

static uint64_t count_lines(const char *text, size_t length)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Writes the batch. What the disk does not take is dropped and counted: the command must not wait for it. */
static void write_batch(struct shared *shared, struct batch *batch)
{
    uint32_t length = atomic_load(&batch->length);
    uint32_t done = 0;

    if (length > 0 && atomic_exchange(&shared->cut, false) && write(shared->log, "\n", 1) != 1)
        atomic_store(&shared->cut, true);
    while (done < length && !atomic_load(&shared->cut)) {
        ssize_t written = write(shared->log, batch->text + done, length - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (uint32_t)written;
    }
    if (done < length) {
        atomic_fetch_add(&shared->dropped, count_lines(batch->text + done, length - done));
        if (done > 0 && batch->text[done - 1] != '\n')
            atomic_store(&shared->cut, true);
    }
    atomic_store(&batch->length, 0);
}

void events_flush(struct shared *shared)
{
    int turn;

    if (shared->log < 0)
        return;
    pthread_mutex_lock(&filling);
    turn = atomic_load(&shared->writing);
    atomic_store(&shared->writing, !turn);
    pthread_mutex_unlock(&filling);
    write_batch(shared, &shared->batches[turn]);
}

void events_rescue(struct shared *shared)
{
    int turn = atomic_load(&shared->writing);

    if (shared->log < 0)
        return;
    atomic_store(&shared->cut, true); /* it may have been killed within a line */
    /* the other one first: it is the older; it may have been written already, readers drop what has the same seq */
    write_batch(shared, &shared->batches[!turn]);
    write_batch(shared, &shared->batches[turn]);
}

void event_figures(struct json *json, const struct figures *figures)
{
    if (figures->have & HAVE_CPU)
        json_uint(json, "cpu_ns", figures->cpu_ns);
    if (figures->have & HAVE_HWM)
        json_uint(json, "hwm", figures->hwm);
    if (figures->vm_peak > 0)
        json_uint(json, "vm_peak", figures->vm_peak);
    if (figures->have & HAVE_RSS)
        json_uint(json, "rss", figures->rss);
    if (figures->have & HAVE_IO) {
        json_uint(json, "read_chars", figures->read_chars);
        json_uint(json, "write_chars", figures->write_chars);
        json_uint(json, "read_bytes", figures->read_bytes);
        json_uint(json, "write_bytes", figures->write_bytes);
    }
    if (figures->have & HAVE_WAIT)
        json_uint(json, "wait_ns", figures->wait_ns);
    if (figures->have & HAVE_THREADS) {
        json_uint(json, "threads", figures->threads);
        json_uint(json, "voluntary_switches", figures->voluntary_switches);
        json_uint(json, "involuntary_switches", figures->involuntary_switches);
    }
}

static uint64_t microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000U + (uint64_t)time->tv_usec;
}

void totals_add(struct totals *totals, const struct rusage *usage)
{
    uint64_t maxrss = (uint64_t)usage->ru_maxrss * 1024;

    totals->user_us += microseconds(&usage->ru_utime);
    totals->system_us += microseconds(&usage->ru_stime);
    totals->minor_faults += (uint64_t)usage->ru_minflt;
    totals->major_faults += (uint64_t)usage->ru_majflt;
    totals->blocks_in += (uint64_t)usage->ru_inblock;
    totals->blocks_out += (uint64_t)usage->ru_oublock;
    totals->voluntary_switches += (uint64_t)usage->ru_nvcsw;
    totals->involuntary_switches += (uint64_t)usage->ru_nivcsw;
    if (maxrss > totals->maxrss)
        totals->maxrss = maxrss;
}

void event_totals(struct json *json, const struct totals *totals)
{
    json_uint(json, "user_us", totals->user_us);
    json_uint(json, "system_us", totals->system_us);
    json_uint(json, "maxrss", totals->maxrss);
    json_uint(json, "minor_faults", totals->minor_faults);
    json_uint(json, "major_faults", totals->major_faults);
    json_uint(json, "blocks_in", totals->blocks_in);
    json_uint(json, "blocks_out", totals->blocks_out);
    json_uint(json, "voluntary_switches", totals->voluntary_switches);
    json_uint(json, "involuntary_switches", totals->involuntary_switches);
}

void event_rusage(struct json *json, const struct rusage *usage)
{
    struct totals totals = {0};

    totals_add(&totals, usage);
    event_totals(json, &totals);
}
