#define _GNU_SOURCE
#include "shared.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct shared *shared_new(void)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return NULL;
    shared->listener = LISTENER_PENDING;
    shared->log = -1;
    shared->words = -1;
    shared->front_pidfd = shared->command_pidfd = -1;
    shared->pty = (struct pty){.master = -1, .slave = -1, .outer = -1, .keys = -1, .life = {-1, -1}};
    for (int i = 0; i < WATCHED; i++)
        shared->held[i] = -1;
    for (int i = 0; i < STREAMS; i++) {
        struct stream *stream = &shared->streams[i];

        stream->in = stream->out = stream->mid = stream->mid_in = stream->copy = stream->file = -1;
    }
    return shared;
}

bool shared_wait(_Atomic int *word, int value, int milliseconds)
{
    const struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

    while (atomic_load(word) == value)
        if (syscall(SYS_futex, word, FUTEX_WAIT, value, milliseconds < 0 ? NULL : &limit, NULL, 0) != 0 &&
            errno == ETIMEDOUT)
            return atomic_load(word) != value;
    return true;
}

static void wake(_Atomic int *word, int most)
{
    syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

void shared_wake(_Atomic int *word)
{
    wake(word, INT32_MAX);
}

void shared_wake_one(_Atomic int *word)
{
    wake(word, 1);
}

void shared_close(_Atomic int *fd)
{
    int number = atomic_exchange(fd, -1);

    if (number >= 0)
        close(number);
}

bool shared_thread(pthread_t *thread, void *(*body)(void *), void *argument)
{
    enum { STACK_SIZE = 256 * 1024 };
    pthread_attr_t attributes;
    bool started;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    started = pthread_create(thread, &attributes, body, argument) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

uint64_t monotonic_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

uint64_t shared_now(const struct shared *shared)
{
    return monotonic_ns() - shared->monotonic_ns;
}

void shared_tell(const struct shared *shared, struct word word)
{
    /* the front may be gone: nobody to tell, nothing to do */
    (void)!send(shared->words, &word, sizeof word, MSG_NOSIGNAL);
}
