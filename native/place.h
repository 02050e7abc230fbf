/* A name in the file system as a process gives it in a call, and what stands there just before (docs/reference/events.md,
 * "place"). Nothing here can fail the call: what can't be read is left out. */
#ifndef VESTIGE_PLACE_H
#define VESTIGE_PLACE_H

#include "json.h"
#include "name.h"
#include "who.h"

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

/* How a call treats the name. */
struct approach {
    int directory;      /* descriptor that a relative path starts at, AT_FDCWD */
    bool follow;        /* a symbolic link at the end is followed */
    bool may_be_empty;  /* AT_EMPTY_PATH: the descriptor itself */
    bool in_root;       /* openat2 with RESOLVE_IN_ROOT: the descriptor is the root of the path */
    int access;         /* R_OK, W_OK, X_OK that it needs of what stands there; 0: nothing */
};

/* Looks at the name at `address` in the process. */
void place_look(struct place *place, const struct who *who, uint64_t address, struct approach approach);
/* The same for a name that is known already: an interpreter, for the process that executes it. */
void place_look_at(struct place *place, const struct who *who, const char *path, size_t length, struct approach approach);
/* An open file without a name (any more), reached through a descriptor. */
bool place_is_unnamed(const struct place *place);
void place_write(struct json *json, const struct place *place);
/* For comparing attempts: the same number for the same name in the same state. */
uint64_t place_fingerprint(const struct place *place, uint64_t seed);

#endif
