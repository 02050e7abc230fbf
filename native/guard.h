/* The guard: waits for the recorder to end, and carries on for the command where the recorder was killed. */
#ifndef VESTIGE_GUARD_H
#define VESTIGE_GUARD_H

#include "recorder.h"

/* The body of the guard's process; returns its exit status. */
int guard_run(const struct run *run);

#endif
