/* actor STEP...: plays a part step by step, and each of its processes reports at its end what it held and burnt.

   touch:MB     maps fresh memory and touches every page of it
   map:FILE     maps all of a file and makes it resident
   free         gives the last of these back
   sleep:MS     sleeps
   spin:MS      burns CPU
   threads:N    starts N threads that sleep until the process ends
   children:N   forks N children at once, each plays the rest; the parent waits for all of them, its part is over
   inturn:N     the same, one after the other
   daemon       forks twice with a session of its own; the grandchild plays the rest, the others end at once
   exec:FILE    becomes another program
   kill:N       sends itself signal N, with the default action
   hang         reports, then waits for a signal
   exit:CODE    ends here */
#include "victim.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { BLOCKS = 16, PAGE = 4096 };

static const size_t MEGABYTE = 1000000;

static struct {
    int64_t started;
    size_t base; /* resident beside what is held */
    size_t held; /* by touch and map, now */
    size_t peak; /* the most of it */
    struct {
        void *start;
        size_t length;
    } blocks[BLOCKS];
    int count;
} part;

static size_t resident(void)
{
    char text[1024];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* an unreadable /proc is one of the tests */
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *line = strstr(text, "Rss:");
    return line ? strtoul(line + 4, NULL, 10) * 1024 : 0;
}

static int64_t cpu_us(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * INT64_C(1000000) + usage->ru_utime.tv_usec +
           usage->ru_stime.tv_usec;
}

static void tell(void)
{
    struct rusage own, children;
    if (!part.peak) /* reading it costs time where much is held */
        part.base = resident();
    if (getrusage(RUSAGE_SELF, &own) || getrusage(RUSAGE_CHILDREN, &children))
        broken("getrusage");
    report("{\"pid\":%d,\"ppid\":%d,\"started_ns\":%lld,\"ended_ns\":%lld,\"base\":%zu,\"held\":%zu,\"peak\":%zu,"
           "\"maxrss\":%ld,\"cpu_us\":%lld,\"children_cpu_us\":%lld}\n",
           getpid(), getppid(), (long long)part.started, (long long)nanoseconds(CLOCK_MONOTONIC), part.base, part.held,
           part.peak, own.ru_maxrss * 1024, (long long)cpu_us(&own), (long long)cpu_us(&children));
}

__attribute__((noreturn)) static void leave(int code)
{
    tell();
    _exit(code);
}

static void keep(void *start, size_t length)
{
    if (start == MAP_FAILED || part.count == BLOCKS)
        broken("mmap");
    part.blocks[part.count].start = start;
    part.blocks[part.count++].length = length;
    part.held += length;
    if (part.held > part.peak)
        part.peak = part.held;
}

static void touch(size_t length)
{
    char *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    keep(start, length);
    for (size_t at = 0; at < length; at += PAGE)
        start[at] = 1;
}

static void map(const char *path)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &file))
        broken(path);
    keep(mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0), (size_t)file.st_size);
    close(fd);
}

static void give_back(void)
{
    if (!part.count || munmap(part.blocks[part.count - 1].start, part.blocks[part.count - 1].length))
        broken("munmap");
    part.held -= part.blocks[--part.count].length;
}

static void spin(long milliseconds)
{
    int64_t until = nanoseconds(CLOCK_THREAD_CPUTIME_ID) + milliseconds * INT64_C(1000000);
    while (nanoseconds(CLOCK_THREAD_CPUTIME_ID) < until)
        continue;
}

static void *sleep_on(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}

static void start_threads(long count)
{
    pthread_attr_t small;
    pthread_t thread;
    if (pthread_attr_init(&small) || pthread_attr_setstacksize(&small, 65536))
        broken("pthread_attr_setstacksize");
    for (long i = 0; i < count; i++)
        if ((errno = pthread_create(&thread, &small, sleep_on, NULL)))
            broken("pthread_create");
}

/* Returns in the child only. */
static void become_parent(long count, int in_turn)
{
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child < 0)
            broken("fork");
        if (!child) {
            part.started = nanoseconds(CLOCK_MONOTONIC);
            return;
        }
        if (in_turn && waitpid(child, NULL, 0) != child)
            broken("waitpid");
    }
    while (wait(NULL) > 0)
        continue;
    leave(0);
}

static void become_daemon(void)
{
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child < 0)
            broken("fork");
        if (child)
            _exit(0);
        if (!i && setsid() < 0)
            broken("setsid");
    }
    part.started = nanoseconds(CLOCK_MONOTONIC);
}

static void die_of(int number)
{
    struct rlimit no_core = {0, 0};
    sigset_t all;
    sigfillset(&all);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    tell();
    kill(getpid(), number);
    sleep_ms(1000);
    broken("still alive");
}

static void play(const char *step)
{
    const char *value = strchr(step, ':') ? strchr(step, ':') + 1 : "";
    size_t length = strcspn(step, ":");
#define IS(word) (strlen(word) == length && !strncmp(step, word, length))
    if (IS("touch"))
        touch((size_t)atol(value) * MEGABYTE);
    else if (IS("map"))
        map(value);
    else if (IS("free"))
        give_back();
    else if (IS("sleep"))
        sleep_ms(atol(value));
    else if (IS("spin"))
        spin(atol(value));
    else if (IS("threads"))
        start_threads(atol(value));
    else if (IS("children") || IS("inturn"))
        become_parent(atol(value), IS("inturn"));
    else if (IS("daemon"))
        become_daemon();
    else if (IS("exec")) {
        execl(value, value, (char *)NULL);
        broken(value);
    } else if (IS("kill"))
        die_of(atoi(value));
    else if (IS("hang")) {
        tell();
        pause();
    } else if (IS("exit"))
        leave(atoi(value));
    else {
        errno = EINVAL;
        broken(step);
    }
#undef IS
}

int main(int argc, char **argv)
{
    part.started = nanoseconds(CLOCK_MONOTONIC);
    part.base = resident();
    for (int i = 1; i < argc; i++)
        play(argv[i]);
    leave(0);
}
