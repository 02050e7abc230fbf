/* The sampler: looks at the live processes of the run, adaptively, so that it stays below one percent of a core. */
#ifndef VESTIGE_SAMPLE_H
#define VESTIGE_SAMPLE_H

#include "processes.h"
#include "shared.h"

/* One look at everything; returns after how many ns the next is due. */
uint64_t sample_tick(struct shared *shared);
/* A child of ours has ended and waits to be reaped: what its last samples say, where no notification told of its end. */
bool sample_last_look(pid_t pid, struct process *process);
void sample_write_end(struct shared *shared, const struct process *process, int status);
/* Names every process of the run that is still alive. */
void sample_name_survivors(struct shared *shared);

#endif
