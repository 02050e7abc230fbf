/* The names that the run may have changed: at the command's end each is looked at, before anybody is told of that end,
 * so that what comes next can't be taken for the run's own doing. */
#ifndef VESTIGE_CHANGED_H
#define VESTIGE_CHANGED_H

#include "shared.h"

#include <stddef.h>

/* Adds a name once. Without room it is counted as unlisted. */
void changed_add(struct shared *shared, const char *name, size_t length);
/* Writes a `final` event for each. */
void changed_write(struct shared *shared);
/* How many have none yet. */
uint64_t changed_left(void);

#endif
