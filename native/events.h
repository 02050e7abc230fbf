/* The event log: events.jsonl, append-only. `event_record` is the only entrance; `events_flush` the only writer. */
#ifndef VESTIGE_EVENTS_H
#define VESTIGE_EVENTS_H

#include "json.h"
#include "proc.h"
#include "shared.h"

#include <sys/resource.h>

enum { EVENT_SIZE = 4096 };

struct event {
    struct json json;
    char line[EVENT_SIZE];
};

/* When something happened, and its place among all that did. */
struct moment {
    uint64_t seq;
    uint64_t t;
};

struct moment event_moment(struct shared *shared);
/* Begins an event of an earlier moment in a buffer of the caller's. */
void event_open_at(struct json *json, char *buffer, size_t size, struct moment moment, const char *name,
                   const char *via);
/* Begins an event in a buffer of the caller's: `{"seq":…,"t":…,"event":…,"via":…`. */
void event_open(struct json *json, char *buffer, size_t size, struct shared *shared, const char *name, const char *via);
/* The same in an `event`, which is large enough for all but exec and begin. */
void event_start(struct event *event, struct shared *shared, const char *name, const char *via);
/* Closes the event and puts it into the batch. Waits for room, but not for long: a disk that stands still must not hold
 * up the command. Without room the event is dropped and counted. */
void event_record(struct shared *shared, struct json *json);

void event_figures(struct json *json, const struct figures *figures);
void event_rusage(struct json *json, const struct rusage *usage);
void event_totals(struct json *json, const struct totals *totals);
void totals_add(struct totals *totals, const struct rusage *usage);

/* The writer's bell: `events_ask` rings it, as `event_record` does when a batch is half full; returns the ring's number.
 * `events_await` sleeps until a later ring than `ring`, or for the time given, and returns the latest. */
int events_ask(void);
int events_await(int ring, int milliseconds);
/* Writes what has gathered. One caller at a time. */
void events_flush(struct shared *shared);
/* The guard, after the recorder's death: writes both batches, whatever state they are in. */
void events_rescue(struct shared *shared);

#endif
