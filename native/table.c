#define _GNU_SOURCE
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range /* the same number everywhere (5.9) */
#define SYS_close_range 436
#endif

enum { UNSHARE = 1 << 1 }; /* CLOSE_RANGE_UNSHARE */

pid_t table_fork(void)
{
#ifdef PLAIN_FORK /* `make valgrind`: valgrind knows no such clone; without it there is no tracing and no taking over */
    return fork();
#endif
    return (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_FILES | SIGCHLD), 0UL, 0UL, 0UL, 0UL);
}

/* Of a range that holds no descriptor, so that nothing is closed. */
static bool close_nothing(unsigned flags)
{
    return syscall(SYS_close_range, UINT_MAX, UINT_MAX, flags) == 0;
}

/* The default profile of Docker and containerd refuses unshare(2) as such, whatever is to be unshared. */
bool table_leave(void)
{
    return unshare(CLONE_FILES) == 0 || close_nothing(UNSHARE);
}

bool table_can_leave(void)
{
    return unshare(0) == 0 || close_nothing(0);
}

static void close_if_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
        close(fd);
}

void table_close_inherited(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int null;

    if (folder != NULL) {
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
            if (entry->d_name[0] != '.')
                close_if_inherited(atoi(entry->d_name));
        closedir(folder);
    } else {
        for (int fd = 0; fd < 1024; fd++) /* no /proc: the usual ones at least */
            close_if_inherited(fd);
    }
    do /* 0, 1 and 2 must be something, or the next files opened would become them */
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (null >= 0 && null <= STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}
