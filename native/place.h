/* A name in the file system as a process gives it, and what stands there (docs/reference/events.md, "place"). */
#ifndef VESTIGE_PLACE_H
#define VESTIGE_PLACE_H

#include "json.h"
#include "name.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum sight { SIGHT_NONE, SIGHT_ABSENT, SIGHT_STATE };

struct place {
    bool readable;      /* `path` is what the process gave, and where it starts is known */
    bool nowhere;       /* no string there, or it starts at a folder that is none: the call fails */
    struct name path;
    struct name base;   /* length 0: none */
    struct name real;   /* length 0: `path` after `base` */
    struct name full;   /* what we name it by ourselves: `real`, or `path` after `base` */
    struct name root;   /* length 0: as ours */
    bool foreign;
    enum sight sight;
    struct stat status;
    bool denied;        /* its permissions are not enough for what is asked */
};

/* Nothing is known of it any more. */
void place_clear(struct place *place);
/* An open file without a name (any more), reached through a descriptor. */
bool place_is_unnamed(const struct place *place);
void place_write(struct json *json, const struct place *place);
/* For comparing attempts: the same number for the same name in the same state. */
uint64_t place_fingerprint(const struct place *place, uint64_t seed);

#endif
