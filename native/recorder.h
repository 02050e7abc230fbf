/* The recorder: starts the command, observes the run, writes its end. Lives until nothing needs it any more. */
#ifndef VESTIGE_RECORDER_H
#define VESTIGE_RECORDER_H

#include "request.h"
#include "shared.h"
#include "signals.h"

struct run {
    struct shared *shared;
    const struct request *request;
    const struct dispositions *as_started;
};

/* The body of the recorder's process; returns its exit status, 0: nothing is left to do for anyone. */
int recorder_run(const struct run *run);

#endif
