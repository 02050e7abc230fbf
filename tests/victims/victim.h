/* What all victims share: programs that behave in odd ways on purpose, and say themselves what they did. */
#ifndef VICTIM_H
#define VICTIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BROKEN = 99 }; /* the exit code of a victim that could not do its work */

/* Says what failed and ends: a victim that goes on after an error would hide it. */
__attribute__((noreturn)) static inline void broken(const char *what)
{
    fprintf(stderr, "victim: %s: %s\n", what, strerror(errno));
    _exit(BROKEN);
}

/* Appends one line to the file that VICTIM_REPORT names, in one write: several processes share it. */
__attribute__((format(printf, 1, 2))) static inline void report(const char *format, ...)
{
    const char *path = getenv("VICTIM_REPORT");
    if (!path)
        return;
    char line[4096];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof line)
        broken("a report too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line, (size_t)length) != length || close(fd))
        broken(path);
}

static inline int64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        broken("clock_gettime");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void sleep_ms(long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}

/* Writes all of it, however small the pieces the reader takes. */
static inline void write_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            broken("write");
        bytes += written;
        length -= (size_t)written;
    }
}

#endif
