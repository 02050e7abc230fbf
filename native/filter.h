/* The seccomp filter: put on the command, which it never leaves again. */
#ifndef VESTIGE_FILTER_H
#define VESTIGE_FILTER_H

#include "calls.h"

struct filter_result {
    int listener;       /* -1: errno_ says why */
    int error;
    bool wait_killable; /* the kernel has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (5.19) */
    bool no_new_privs;  /* had to be set: setuid programs keep the user's own rights */
};

/* Installs the filter on the calling process; the listener is a new descriptor, closed on exec. */
struct filter_result filter_install(const struct policy *policy);

/* Why there can be no filter, in words that say what stands in the way. */
const char *filter_explain(int error);

#endif
