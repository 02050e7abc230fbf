/* Who stands in a notification: from the thread's number to its process, and how that process sees the file system. */
#ifndef VESTIGE_WHO_H
#define VESTIGE_WHO_H

#include "processes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { THREADS_KEPT = 256 };

struct who {
    pid_t tid;
    pid_t pid;
    uint64_t start;  /* clock ticks since boot, 0: unknown */
    enum view view;
};

/* Threads of which the process is known, one cache a receiver. */
struct threads {
    struct {
        pid_t tid;
        pid_t pid;
    } kept[THREADS_KEPT];
};

/* The thread group id: a process has a CPU clock, a thread that is not the first has none. */
pid_t who_process(struct threads *threads, pid_t tid);
/* Who this is; a process not seen before is entered, so that the sampler watches it from now on. */
struct who who_is(struct threads *threads, pid_t tid, uint64_t now);
/* Its root or mount namespace is about to change: from now on it is looked at each time. */
void who_moves(const struct who *who);

#endif
