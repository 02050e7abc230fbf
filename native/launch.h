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

/* A child that shares our descriptor table; 0 in the child, -1 with errno. */
pid_t fork_sharing_files(void);

/* Forks the command. Returns its pid once it has a descriptor table of its own, -1 with errno if it can't be forked. */
pid_t launch(const struct launch *launch);

/* Becomes the command, without a recorder: when there can be none, it runs all the same. */
_Noreturn void launch_bare(const struct request *request);

/* Closes what was inherited from whoever started us, and 0, 1, 2: held open by us, pipes would never end and terminals
 * never hang up. Our own descriptors are close-on-exec, inherited ones never are: that is how they are told apart. */
void close_inherited(int keep);

#endif
