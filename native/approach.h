/* From a name as a process gives it in a call to the place that it means, just before. Nothing here can fail the call: what
 * can't be read is left out. */
#ifndef VESTIGE_APPROACH_H
#define VESTIGE_APPROACH_H

#include "place.h"
#include "who.h"

/* How a call treats the name. */
struct approach {
    int directory;      /* descriptor that a relative path starts at, AT_FDCWD */
    bool follow;        /* a symbolic link at the end is followed */
    bool may_be_empty;  /* AT_EMPTY_PATH: the descriptor itself */
    bool in_root;       /* openat2 with RESOLVE_IN_ROOT: the descriptor is the root of the path */
    int access;         /* R_OK, W_OK, X_OK that it needs of what stands there; 0: nothing */
};

/* Looks at the name at `address` in the process. */
void approach_look(struct place *place, const struct who *who, uint64_t address, struct approach approach);
/* The same for a name that is known already: an interpreter, for the process that executes it. */
void approach_known(struct place *place, const struct who *who, const char *path, size_t length,
                    struct approach approach);

#endif
