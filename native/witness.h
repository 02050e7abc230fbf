/* A process in the job's group that is never signalled by itself: what it gets was sent to the whole group, so the
 * command has it already. `timeout`, `kill %1` and `scancel` signal groups; passed on again, a handler would run twice. */
#ifndef VESTIGE_WITNESS_H
#define VESTIGE_WITNESS_H

#include "shared.h"

/* Starts it; the front goes on without one where it can't be. */
void witness_start(struct shared *shared);
void witness_stop(void);
/* Whether this signal, which we have just got, went to the whole group. */
bool witness_saw(struct shared *shared, int number);

#endif
