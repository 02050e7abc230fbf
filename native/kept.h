/* Descriptors kept for long: of the processes of the run, and of their files in /proc. Some must be left for everything
 * else. */
#ifndef VESTIGE_KEPT_H
#define VESTIGE_KEPT_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a descriptor of this number may be kept. */
bool kept_may_be(int fd);
/* A file of /proc that is kept open costs a third, and can't be mistaken for a later process of the same pid. Reads it,
 * from `*kept` if that is open; keeps it open there while there are descriptors enough. */
ssize_t kept_read(pid_t pid, int *kept, const char *name, char *text, size_t size);

#endif
