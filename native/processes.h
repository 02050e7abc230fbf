/* The processes of the run that are alive, as far as they are known, and what the ended ones used.
 * Two threads meet here: notifications enter and mark processes, the sampler looks at them and clears them away. */
#ifndef VESTIGE_PROCESSES_H
#define VESTIGE_PROCESSES_H

#include "proc.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROCESSES = 1 << 16 };

/* How a process sees the file system. */
enum view {
    VIEW_UNKNOWN,
    VIEW_OURS,    /* paths mean the same to us */
    VIEW_ROOTED,  /* it has another root */
    VIEW_FOREIGN, /* it is in another mount namespace */
    VIEW_MOVING,  /* it has asked to change that: look each time */
};

struct process {
    pid_t pid; /* 0: a free place */
    pid_t ppid;
    uint64_t start;   /* clock ticks since boot, 0: unknown */
    uint64_t first_t; /* ns since the run began: first seen */
    bool executed;    /* by notification: it has a program of its own */
    bool exiting;     /* its exit is recorded; only waits to be cleared away */
    bool looked_at;   /* by the sampler, after it had read the CPU clock in `last` */
    int pidfd;        /* -1: none; tells how it ended when nobody else did */
    int statm;        /* these three are kept open for the first of them, -1: not */
    int io;
    int children;
    enum view view;
    struct figures last;
    char comm[COMM_SIZE];
    uint32_t next;
};

/* A process as it is first met; false if it is dead. */
bool processes_meet(pid_t pid, uint64_t now, struct process *process);
/* False if there is no memory: nothing is sampled then. */
bool processes_init(void);
/* How many places are in use or were: indexes below this may hold a process. */
uint32_t processes_high(void);
/* A copy of what stands at an index; false if nothing does. */
bool processes_get(uint32_t index, struct process *process);
/* Stores the figures and kept descriptors of a copy, if the same process still stands there. */
void processes_put(uint32_t index, const struct process *process);
/* Leaves the open `children` file of a process with it. */
void processes_keep_children(pid_t pid, uint64_t start, int fd);
bool processes_find(pid_t pid, struct process *process);
/* The two things that every notification asks for, without a copy of the rest. */
bool processes_identity(pid_t pid, uint64_t *start, enum view *view);
void processes_set_view(pid_t pid, enum view view);
/* Adds it, with a pidfd while there are descriptors enough. */
void processes_enter(struct process *process);
/* Enters a process in place of an older one of the same pid; false if it is there already (the other thread was
 * faster, and may even have seen its end), or the table is full. */
bool processes_add(const struct process *process);
void processes_mark_executed(pid_t pid);
/* False if it was marked before. */
bool processes_mark_exiting(pid_t pid);
/* Frees the place and closes the descriptors of the process, if it still is this one. */
void processes_remove(uint32_t index, const struct process *process);

/* Adds what an ended process used to the sums of the ended. What it read and wrote counts only where we reap it
 * ourselves: elsewhere its parent's own figures grow by it (proc_pid_io(5)). */
void processes_account(const struct figures *figures, bool ours);
struct figures processes_ended(void);

#endif
