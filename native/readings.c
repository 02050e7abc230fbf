#define _GNU_SOURCE
#include "readings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#ifndef PIDFD_GET_INFO
struct pidfd_info { /* include/uapi/linux/pidfd.h */
    uint64_t mask;
    uint64_t cgroupid;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#endif

static ssize_t read_whole(int fd, char *buffer, size_t size)
{
    ssize_t length;

    do
        length = pread(fd, buffer, size, 0);
    while (length < 0 && errno == EINTR);
    return length;
}

ssize_t read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    int saved;

    if (fd < 0)
        return -1;
    length = read_whole(fd, buffer, size);
    saved = errno;
    close(fd);
    errno = saved;
    return length;
}

int open_proc(pid_t pid, const char *name)
{
    char path[96];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

ssize_t read_proc(pid_t pid, const char *name, char *buffer, size_t size)
{
    char path[96];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return read_file(path, buffer, size);
}

bool read_stat(pid_t pid, struct stat_line *stat)
{
    char text[1024];
    ssize_t length = read_proc(pid, "stat", text, sizeof text);

    return length > 0 && parse_stat(text, (size_t)length, stat);
}

/* In pieces: a user may be in thousands of groups, and they stand before what is looked for. Of a line that is longer than
 * a piece the rest begins with a number, as no line that matters does. */
bool read_status(pid_t pid, struct figures *figures)
{
    char text[4096];
    size_t kept = 0;
    bool more = true;
    int fd = open_proc(pid, "status");

    if (fd < 0)
        return false;
    while (more) {
        const size_t room = sizeof text - kept;
        const ssize_t got = read(fd, text + kept, room);
        const size_t length = kept + (got > 0 ? (size_t)got : 0);
        const char *feed = memrchr(text, '\n', length);
        const size_t whole = feed == NULL ? length : (size_t)(feed + 1 - text);

        parse_status(text, whole, figures);
        kept = length - whole;
        memmove(text, text + whole, kept);
        more = got == (ssize_t)room;
    }
    close(fd);
    return (figures->have & HAVE_THREADS) != 0;
}

/* The kernel's encoding of a process's CPU clock (include/linux/posix-timers.h): no file, ns, works for zombies. */
bool read_cpu_clock(pid_t tgid, uint64_t *cpu_ns)
{
    struct timespec time;
    clockid_t clock = (clockid_t)((~(unsigned)tgid << 3) | 2U);

    if (clock_gettime(clock, &time) != 0)
        return false;
    *cpu_ns = (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
    return true;
}

uint64_t read_own_cpu(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

bool read_pss(pid_t pid, uint64_t *pss)
{
    char text[2048];
    ssize_t length = read_proc(pid, "smaps_rollup", text, sizeof text);

    if (length <= 0 || !parse_keyed(text, (size_t)length, "Pss:", pss))
        return false;
    *pss *= 1024;
    return true;
}

int pidfd_exit_status(int pidfd)
{
    enum { INFO_EXIT = 1 << 3 };
    struct pidfd_info info = {.mask = INFO_EXIT};

    if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO, &info) != 0 || (info.mask & INFO_EXIT) == 0)
        return -1;
    return info.exit_code;
}

void read_figures(pid_t pid, struct figures *figures, bool wait)
{
    char text[1024];
    ssize_t length;

    *figures = (struct figures){.tgid = pid};
    (void)read_status(pid, figures);
    if (figures->tgid == 0) { /* it is just being reaped; to the clock below, 0 is ourselves */
        *figures = (struct figures){.tgid = pid};
        return;
    }
    length = read_proc(figures->tgid, "io", text, sizeof text);
    if (length > 0)
        parse_io(text, (size_t)length, figures);
    length = wait ? read_proc(figures->tgid, "schedstat", text, sizeof text) : 0;
    if (length > 0)
        parse_schedstat(text, (size_t)length, figures);
    if (read_cpu_clock(figures->tgid, &figures->cpu_ns))
        figures->have |= HAVE_CPU;
}
