#define _GNU_SOURCE
#include "kept.h"

#include "readings.h"

#include <stdatomic.h>
#include <unistd.h>

bool kept_may_be(int fd)
{
    enum { SPARE = 64 };
    static _Atomic int limit; /* asked once: it costs a system call */

    if (atomic_load(&limit) == 0)
        atomic_store(&limit, (int)sysconf(_SC_OPEN_MAX));
    return fd < atomic_load(&limit) - SPARE;
}

ssize_t kept_read(pid_t pid, int *kept, const char *name, char *text, size_t size)
{
    enum { HIGHEST_KEPT = 256 };
    ssize_t length;
    int fd = *kept;

    if (fd < 0)
        fd = open_proc(pid, name);
    if (fd < 0)
        return -1;
    length = pread(fd, text, size, 0);
    if (fd < HIGHEST_KEPT && kept_may_be(fd))
        *kept = fd;
    else
        close(fd);
    return length;
}
