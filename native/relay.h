/* Passes the command's output on, unchanged, and keeps a copy.
 *
 * Bytes move from pipe to pipe inside the kernel (splice(2)): they are in the one or in the other, whoever is killed.
 * The copy is duplicated beforehand (tee(2)) and can only be short, never the command's output.
 */
#ifndef VESTIGE_RELAY_H
#define VESTIGE_RELAY_H

#include "shared.h"

/* Starts the recorder's relay, a thread of its own: a reader that stalls must not stall anything else. It runs until
 * both streams are at their end. False if there can be no thread. */
bool relay_start(struct shared *shared);
/* Returns once all that was written before this call has been passed on; from then on nothing is kept any more. */
void relay_settle(void);

/* Moves what can be moved now, without copying; false at the stream's end. The guard uses nothing else. */
bool relay_move(struct stream *stream, size_t most);
/* True while a stream is open. */
bool relay_open(const struct shared *shared);

#endif
