#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, POINTERS_AT_ONCE = 64, AT_ONCE = 16, SHORT = 128 };

/* Where process_vm_readv is refused or not built in, /proc may still be open (provenance by any means but failing). */
static ssize_t read_through_proc(pid_t tid, uint64_t address, void *buffer, size_t size)
{
    char path[40];
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    got = pread(fd, buffer, size, (off_t)address);
    close(fd);
    if (got <= 0)
        errno = EFAULT;
    return got;
}

static ssize_t read_piece(pid_t tid, uint64_t address, void *buffer, size_t size)
{
    struct iovec local = {buffer, size};
    struct iovec remote = {(void *)(uintptr_t)address, size}; /* NOLINT: an address of another process */
    ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);

    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        return read_through_proc(tid, address, buffer, size);
    return got;
}

size_t memory_read(pid_t tid, uint64_t address, void *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) { /* page by page: a string may end right before an unmapped one */
        size_t piece = PAGE - (size_t)((address + done) % PAGE);
        ssize_t got;

        if (piece > size - done)
            piece = size - done;
        got = read_piece(tid, address + done, (char *)buffer + done, piece);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

bool memory_string(pid_t tid, uint64_t address, char *buffer, size_t size, size_t *length)
{
    size_t done = 0;

    while (done < size) {
        size_t piece = PAGE - (size_t)((address + done) % PAGE);
        size_t got;
        const char *nul;

        if (piece > size - done)
            piece = size - done;
        got = memory_read(tid, address + done, buffer + done, piece);
        nul = memchr(buffer + done, '\0', got);
        if (nul != NULL) {
            *length = (size_t)(nul - buffer);
            return true;
        }
        done += got;
        if (got < piece)
            return false;
    }
    errno = ENAMETOOLONG;
    return false;
}

/* Pointers of either size, as the process has them; returns how many came. */
static size_t read_pointers(pid_t tid, uint64_t address, bool is_32bit, uint64_t *pointers)
{
    uint32_t narrow[POINTERS_AT_ONCE];
    size_t count;

    if (!is_32bit)
        return memory_read(tid, address, pointers, POINTERS_AT_ONCE * sizeof *pointers) / sizeof *pointers;
    count = memory_read(tid, address, narrow, sizeof narrow) / sizeof *narrow;
    for (size_t i = 0; i < count; i++)
        pointers[i] = narrow[i];
    return count;
}

static void add_argument(pid_t tid, uint64_t address, struct arguments *arguments)
{
    size_t length;

    if (arguments->truncated)
        return;
    if (arguments->count == ARGUMENTS || !memory_string(tid, address, arguments->text + arguments->length,
                                                         sizeof arguments->text - arguments->length, &length)) {
        arguments->truncated = true;
        return;
    }
    arguments->length += length + 1;
    arguments->count++;
}

/* The first bytes of up to so many strings in one call: most arguments are short, and a call each would cost more than
 * all else that is read of a process. Returns how many strings came whole; the rest is read one by one. */
static size_t add_short_arguments(pid_t tid, const uint64_t *pointers, size_t count, struct arguments *arguments)
{
    char bytes[AT_ONCE][SHORT];
    struct iovec local[AT_ONCE];
    struct iovec remote[AT_ONCE];
    size_t wanted = 0;
    ssize_t got;
    size_t whole = 0;

    while (wanted < count && wanted < AT_ONCE && pointers[wanted] != 0) {
        size_t piece = PAGE - (size_t)(pointers[wanted] % PAGE);

        if (piece > SHORT)
            piece = SHORT;
        local[wanted] = (struct iovec){bytes[wanted], piece};
        remote[wanted] = (struct iovec){(void *)(uintptr_t)pointers[wanted], piece}; /* NOLINT: of another process */
        wanted++;
    }
    got = process_vm_readv(tid, local, wanted, remote, wanted, 0);
    while (whole < wanted && got >= (ssize_t)local[whole].iov_len) {
        const size_t length = strnlen(bytes[whole], local[whole].iov_len);

        if (length == local[whole].iov_len || length + 1 > sizeof arguments->text - arguments->length)
            break;
        memcpy(arguments->text + arguments->length, bytes[whole], length + 1);
        arguments->length += length + 1;
        arguments->count++;
        got -= (ssize_t)local[whole].iov_len;
        whole++;
    }
    return whole;
}

void memory_arguments(pid_t tid, uint64_t argv, bool is_32bit, struct arguments *arguments)
{
    const size_t width = is_32bit ? sizeof(uint32_t) : sizeof(uint64_t);
    uint64_t pointers[POINTERS_AT_ONCE];

    arguments->count = arguments->length = 0;
    arguments->total = 0;
    arguments->truncated = false;
    while (arguments->total < 64 * (uint64_t)ARGUMENTS) {
        size_t count = read_pointers(tid, argv + arguments->total * width, is_32bit, pointers);
        size_t done = arguments->total == 0 ? add_short_arguments(tid, pointers, count, arguments) : 0;

        if (count == 0)
            break;
        arguments->total += done;
        for (size_t i = done; i < count; i++, arguments->total++) {
            if (pointers[i] == 0)
                return;
            add_argument(tid, pointers[i], arguments);
        }
    }
    arguments->truncated = true;
}
