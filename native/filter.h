/* The seccomp filter: which system calls stop for a look. Built from one table for every architecture. */
#ifndef VESTIGE_FILTER_H
#define VESTIGE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum call { CALL_NONE, CALL_EXECVE, CALL_EXECVEAT, CALL_EXIT_GROUP, CALL_KILL, CALL_TGKILL };

struct filter_result {
    int listener;       /* -1: errno_ says why */
    int error;
    bool wait_killable; /* the kernel has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (5.19) */
    bool no_new_privs;  /* had to be set: setuid programs keep the user's own rights */
};

/* Installs the filter on the calling process; the listener is a new descriptor, closed on exec. */
struct filter_result filter_install(void);

/* Why there can be no filter, in words that say what stands in the way. */
const char *filter_explain(int error);

/* Which traced call this is, by the architecture and number that the kernel reports. */
enum call filter_call(uint32_t arch, int number);
/* Whether a process of this architecture has pointers of four bytes. */
bool filter_is_32bit(uint32_t arch);

#endif
