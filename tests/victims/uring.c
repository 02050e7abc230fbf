/* uring NAME: opens and reads a file through io_uring, without a library; where that is refused, as everybody else.
   Prints which way it took, and the content. Code 77: this kernel has no io_uring. */
#include "victim.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { NO_RING = 77 };

struct ring {
    int fd;
    struct io_uring_params params;
    char *submissions, *completions;
    struct io_uring_sqe *entries;
};

static char *map(const struct ring *ring, size_t size, uint64_t offset)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, (off_t)offset);
    if (memory == MAP_FAILED)
        broken("mmap of the ring");
    return memory;
}

static void map_ring(struct ring *ring)
{
    const struct io_uring_params *params = &ring->params;
    ring->submissions = map(ring, params->sq_off.array + params->sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    ring->completions =
        map(ring, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    ring->entries = (void *)map(ring, params->sq_entries * sizeof *ring->entries, IORING_OFF_SQES);
}

static int submit(struct ring *ring, struct io_uring_sqe entry)
{
    uint32_t *tail = (void *)(ring->submissions + ring->params.sq_off.tail);
    uint32_t *array = (void *)(ring->submissions + ring->params.sq_off.array);
    uint32_t *mask = (void *)(ring->submissions + ring->params.sq_off.ring_mask);
    uint32_t *head = (void *)(ring->completions + ring->params.cq_off.head);
    uint32_t *done_mask = (void *)(ring->completions + ring->params.cq_off.ring_mask);
    struct io_uring_cqe *results = (void *)(ring->completions + ring->params.cq_off.cqes);

    ring->entries[*tail & *mask] = entry;
    array[*tail & *mask] = *tail & *mask;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
        broken("io_uring_enter");
    int result = results[__atomic_load_n(head, __ATOMIC_ACQUIRE) & *done_mask].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}

static int open_by_ring(struct ring *ring, const char *name)
{
    int fd = submit(ring, (struct io_uring_sqe){
                              .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)name, .open_flags = O_RDONLY});
    if (fd < 0) {
        errno = -fd;
        broken("IORING_OP_OPENAT");
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct ring ring = {0};
    char bytes[4096];
    int fd;

    if (argc != 2)
        broken("usage: uring NAME");
    ring.fd = (int)syscall(SYS_io_uring_setup, 4, &ring.params);
    if (ring.fd < 0 && errno == ENOSYS)
        return NO_RING;
    if (ring.fd < 0) {
        printf("refused: %s\n", strerror(errno));
        fd = open(argv[1], O_RDONLY);
    } else {
        printf("ring\n");
        map_ring(&ring);
        fd = open_by_ring(&ring, argv[1]);
    }
    fflush(stdout);
    ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0)
        broken("read");
    write_all(1, bytes, (size_t)size);
    return 0;
}
