/* opener LOAD COUNT: opens files under conditions that a recorder might spoil, and says how many opens went which way.
   What it prints is the same whoever watches.

   plain     COUNT opens of one file, in turn
   names     COUNT names that are not there, each different
   making    COUNT files made, each different
   alarms    COUNT opens in each of 8 threads, in a storm of SIGALRM and SIGURG
   crowd     COUNT threads that open a file all at once
   flicker   COUNT opens of a name that another thread keeps changing, from one file to another
   sudden    COUNT processes that open files in two threads until they are killed, or until one of these exits
   pointers  calls with pointers to nowhere, and other nonsense */
#include "victim.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { THREADS = 8, PAGE = 4096, STACK = 64 << 10, ERRORS = 200 };

static int opened;
static int failed[ERRORS]; /* by errno */

static void try_open(const char *name, int flags)
{
    int fd = open(name, flags | O_CLOEXEC, 0666);
    int error = errno;
    if (fd >= 0)
        close(fd);
    __atomic_fetch_add(fd >= 0 ? &opened : &failed[error < ERRORS ? error : 0], 1, __ATOMIC_RELAXED);
}

static void print_counts(void)
{
    printf("opened %d\n", opened);
    for (int i = 0; i < ERRORS; i++)
        if (failed[i])
            printf("%s %d\n", strerror(i), failed[i]);
}

static void make(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || close(fd))
        broken(name);
}

static pthread_t start(void *(*work)(void *), void *argument)
{
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    errno = pthread_create(&thread, &small, work, argument);
    if (errno)
        broken("thread");
    return thread;
}

static void plain(int count)
{
    make("file");
    for (int i = 0; i < count; i++)
        try_open("file", O_RDONLY);
}

static void names(int count)
{
    char name[64];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "nothing.%07d", i);
        try_open(name, O_RDONLY);
    }
}

static void making(int count)
{
    char name[64];
    if (mkdir("made", 0777))
        broken("made");
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "made/%07d", i);
        try_open(name, O_WRONLY | O_CREAT | O_EXCL);
    }
}

static int at_work;

static void *open_often(void *count)
{
    for (intptr_t i = (intptr_t)count; i > 0; i--)
        try_open("file", O_RDONLY);
    __atomic_fetch_sub(&at_work, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void ignore(int number)
{
    (void)number;
}

static void alarms(int count)
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    struct itimerval every_ms = {{0, 1000}, {0, 1000}};
    pthread_t threads[THREADS];
    make("file");
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGURG, &action, NULL);
    if (setitimer(ITIMER_REAL, &every_ms, NULL))
        broken("setitimer");
    at_work = THREADS;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(open_often, (void *)(intptr_t)count);
    while (__atomic_load_n(&at_work, __ATOMIC_SEQ_CST)) {
        for (int i = 0; i < THREADS; i++)
            pthread_kill(threads[i], SIGURG); /* a thread that has ended but was not joined may still be named */
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static pthread_barrier_t barrier;

static void *open_with_all(void *name)
{
    pthread_barrier_wait(&barrier);
    try_open(name, O_RDONLY);
    return NULL;
}

static void crowd(int count)
{
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    make("file");
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        threads[i] = start(open_with_all, "file");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

static char changing[] = "a";
static int done;

static void *change(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&done, __ATOMIC_RELAXED))
        __atomic_fetch_xor(&changing[0], 'a' ^ 'b', __ATOMIC_RELAXED);
    return NULL;
}

static void flicker(int count)
{
    make("a");
    make("b");
    pthread_t changer = start(change, NULL);
    for (int i = 0; i < count; i++)
        try_open(changing, O_RDONLY);
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
    pthread_join(changer, NULL);
}

static void *open_for_ever(void *unused)
{
    for (;;)
        try_open("file", O_RDONLY);
    return unused;
}

static _Noreturn void open_until(int number)
{
    start(open_for_ever, NULL);
    if (number % 2)
        open_for_ever(NULL);
    while (__atomic_load_n(&opened, __ATOMIC_RELAXED) < number % 50)
        try_open("file", O_RDONLY);
    _exit(number % 100);
}

/* Odd ones are killed after some moments, even ones exit by themselves in one thread while the other opens. */
static void sudden(int count)
{
    make("file");
    for (int i = 0; i < count; i++) {
        int status;
        pid_t child = fork();
        if (!child)
            open_until(i);
        if (i % 2) {
            usleep((unsigned)(i * 37 % 2000));
            kill(child, SIGKILL);
        }
        if (child < 0 || waitpid(child, &status, 0) != child)
            broken("child");
        int expected = i % 2 ? SIGKILL : i % 100 << 8;
        __atomic_fetch_add(status == expected ? &opened : &failed[0], 1, __ATOMIC_RELAXED);
    }
}

static void say(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

struct how { /* struct open_how of linux/openat2.h */
    uint64_t flags, mode, resolve;
};

static char *volatile one = (char *)1, *volatile null; /* the compiler would object to what it knows */

static void pointers(int count)
{
    char *nowhere = one, *high = (char *)-PAGE, *kernel = (char *)(UINTPTR_MAX - (UINTPTR_MAX >> 2));
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *endless = pages + PAGE - 8;
    struct how good = {.flags = O_RDONLY}, bad = {.flags = 1ULL << 60}, longer[2] = {{.flags = O_RDONLY}, {.flags = 1}};
    static char too_long[3 * PAGE];
    (void)count;
    make("file");
    memset(endless, 'x', 8);
    munmap(pages + PAGE, PAGE);
    memset(too_long, 'y', sizeof too_long - 1);
    int file = open("file", O_RDONLY);

    say("open 1", open(nowhere, O_RDONLY));
    say("open NULL", open(null, O_RDONLY));
    say("open high", open(high, O_RDONLY));
    say("open kernel", open(kernel, O_RDONLY));
    say("open endless", open(endless, O_RDONLY));
    say("open too long", open(too_long, O_RDONLY));
    say("open empty", open("", O_RDONLY));
    say("open bad flags", open("file", ~0));
    say("open write 1", open(nowhere, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    say("openat no descriptor", openat(12345, "file", O_RDONLY));
    say("openat -1", openat(-1, "file", O_RDONLY));
    say("openat of a file", openat(file, "file", O_RDONLY));
    say("openat2 good", syscall(SYS_openat2, AT_FDCWD, "file", &good, sizeof good));
    say("openat2 how 1", syscall(SYS_openat2, AT_FDCWD, "file", nowhere, sizeof good));
    say("openat2 how NULL", syscall(SYS_openat2, AT_FDCWD, "file", NULL, sizeof good));
    say("openat2 size 0", syscall(SYS_openat2, AT_FDCWD, "file", &good, 0));
    say("openat2 size huge", syscall(SYS_openat2, AT_FDCWD, "file", &good, SIZE_MAX));
    say("openat2 longer", syscall(SYS_openat2, AT_FDCWD, "file", longer, sizeof longer));
    say("openat2 bad flags", syscall(SYS_openat2, AT_FDCWD, "file", &bad, sizeof bad));
    say("openat2 name 1", syscall(SYS_openat2, AT_FDCWD, nowhere, &good, sizeof good));
    say("rename from 1", rename(nowhere, "there"));
    say("rename to 1", rename("file", nowhere));
    say("rename to endless", rename("file", endless));
    say("renameat2 bad flags", syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "there", ~0U));
    say("link to 1", link("file", nowhere));
    say("linkat empty", linkat(file, "", AT_FDCWD, nowhere, AT_EMPTY_PATH));
    say("symlink 1", symlink(nowhere, "there"));
    say("symlink to 1", symlink("file", nowhere));
    say("unlink 1", unlink(nowhere));
    say("rmdir 1", rmdir(nowhere));
    say("mkdir 1", mkdir(nowhere, 0777));
    say("mknod 1", mknod(nowhere, S_IFIFO | 0666, 0));
    say("truncate 1", truncate(nowhere, 0));
    say("truncate negative", truncate("file", -1));
    say("execve 1", execve(nowhere, (char *[]){"x", NULL}, NULL));
    say("execve argv 1", execve("/bin/true", (char **)nowhere, NULL));
    say("execve environment 1", execve("/bin/true", (char *[]){"x", NULL}, (char **)nowhere));
    say("execve argument 1", execve("/bin/true", (char *[]){nowhere, NULL}, NULL));
    say("execveat no descriptor", syscall(SYS_execveat, 12345, "", (char *[]){"x", NULL}, NULL, AT_EMPTY_PATH));
    say("chroot 1", syscall(SYS_chroot, nowhere));
    say("memfd 1", syscall(SYS_memfd_create, nowhere, 0));
    say("io_uring 1", syscall(SYS_io_uring_setup, 4, nowhere));

    int inet = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
    int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    struct msghdr message = {.msg_name = nowhere, .msg_namelen = 16}, parts = {.msg_iov = (void *)nowhere, .msg_iovlen = 3};
    struct sockaddr odd = {.sa_family = 200};
    say("connect 1", connect(inet, (void *)nowhere, 16));
    say("connect NULL", connect(inet, NULL, 16));
    say("connect short", connect(inet, &odd, 1));
    say("connect huge", connect(inet, &odd, 1 << 30));
    say("connect negative", connect(inet, &odd, (socklen_t)-1));
    say("connect odd family", connect(inet, &odd, sizeof odd));
    say("connect unix endless", connect(local, (void *)endless, 100));
    say("connect a file", connect(file, &odd, sizeof odd));
    say("connect no descriptor", connect(12345, &odd, sizeof odd));
    say("bind 1", bind(inet, (void *)nowhere, 16));
    say("listen no descriptor", listen(12345, 1));
    say("sendto 1", sendto(datagram, "x", 1, 0, (void *)nowhere, 16));
    say("sendto buffer 1", sendto(datagram, nowhere, 1, 0, &odd, sizeof odd));
    say("sendmsg 1", sendmsg(datagram, (void *)nowhere, 0));
    say("sendmsg name 1", sendmsg(datagram, &message, 0));
    say("sendmsg parts 1", sendmsg(datagram, &parts, 0));
    say("sendmmsg 1", sendmmsg(datagram, (void *)nowhere, 3, 0));
    say("sendmmsg many", sendmmsg(datagram, (void *)endless, 1U << 31, 0));
}

static const struct {
    const char *name;
    void (*act)(int count);
} LOADS[] = {
    {"plain", plain}, {"names", names},     {"making", making}, {"alarms", alarms},
    {"crowd", crowd}, {"flicker", flicker}, {"sudden", sudden}, {"pointers", pointers},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        broken("usage: opener LOAD COUNT");
    for (size_t i = 0; i < sizeof LOADS / sizeof *LOADS; i++) {
        if (strcmp(LOADS[i].name, argv[1]))
            continue;
        LOADS[i].act(atoi(argv[2]));
        print_counts();
        return 7;
    }
    errno = EINVAL;
    broken(argv[1]);
}
