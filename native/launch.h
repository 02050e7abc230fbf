/* Starts the command: forked by the small recorder (a child of a large parent inherits its ru_maxrss), put back into
 * the job's process group, given its own signals and descriptors, and the filter. */
#ifndef VESTIGE_LAUNCH_H
#define VESTIGE_LAUNCH_H

#include "request.h"
#include "shared.h"
#include "signals.h"
#include "streams.h"

struct launch {
    struct shared *shared;
    const struct request *request;
    const struct dispositions *as_started;
    struct command_ends ends;
};

/* Forks the command. Returns its pid once it has a descriptor table of its own, -1 with errno if it can't be forked. */
pid_t launch(const struct launch *launch);

/* Becomes the command, without a recorder: when there can be none, it runs all the same. */
_Noreturn void launch_bare(const struct request *request);

#endif
