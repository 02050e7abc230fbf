/* The thread that writes the event log, so that a slow disk delays nothing but the log. */
#ifndef VESTIGE_WRITER_H
#define VESTIGE_WRITER_H

#include "shared.h"

bool writer_start(struct shared *shared);
/* Returns once everything recorded so far has been offered to the disk, or after a few seconds if the disk hangs. */
void writer_finish(void);

#endif
