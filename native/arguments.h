/* Strings out of another process's memory: the path and the arguments of an exec. */
#ifndef VESTIGE_ARGUMENTS_H
#define VESTIGE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { ARGUMENT_BYTES = 16384, ARGUMENTS = 512 };

struct arguments {
    size_t count;        /* whole arguments in `text`, each ended by a NUL */
    uint64_t total;      /* how many there are (counted up to a limit when they did not fit) */
    bool truncated;
    size_t length;
    char text[ARGUMENT_BYTES];
};

/* Reads up to `size` bytes; returns how many came before an unmapped page or the end. Never fails the call it looks at. */
size_t memory_read(pid_t tid, uint64_t address, void *buffer, size_t size);
/* A NUL-ended string, across pages; false with errno: EFAULT if there is no memory, ENAMETOOLONG past `size` - 1, else it
 * may not be read. */
bool memory_string(pid_t tid, uint64_t address, char *buffer, size_t size, size_t *length);
void memory_arguments(pid_t tid, uint64_t argv, bool is_32bit, struct arguments *arguments);

#endif
