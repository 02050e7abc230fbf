/* reader WAY NAME: prints the content of a file that it opens in one of many ways, one of which a recorder might miss.
   Code 77: this kernel or this build does not know that way. */
#include "victim.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { UNKNOWN_WAY = 77, PAGE = 4096 };

extern char **environ;

static const char *self; /* this program */

struct how { /* struct open_how of linux/openat2.h, which older headers lack */
    uint64_t flags, mode, resolve;
};

static int by_open(const char *name)
{
    return open(name, O_RDONLY);
}

static int by_openat(const char *name)
{
    return openat(AT_FDCWD, name, O_RDONLY);
}

static int by_openat2(const char *name)
{
    struct how how = {.flags = O_RDONLY};
    return (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof how);
}

static int by_syscall(const char *name)
{
#ifdef SYS_open
    return (int)syscall(SYS_open, name, O_RDONLY, 0);
#else
    return (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY, 0);
#endif
}

static int by_fopen(const char *name)
{
    FILE *file = fopen(name, "r");
    return file ? fileno(file) : -1;
}

static int by_freopen(const char *name)
{
    FILE *file = freopen(name, "r", stdin);
    return file ? fileno(file) : -1;
}

/* Splits a name into its folder and the rest. */
static const char *split(const char *name, char *folder)
{
    strcpy(folder, name);
    char *slash = strrchr(folder, '/');
    if (!slash)
        broken("needs a folder");
    *slash = 0;
    return slash + 1;
}

static int by_directory(const char *name)
{
    char folder[PAGE];
    const char *rest = split(name, folder);
    return openat(open(folder, O_RDONLY | O_DIRECTORY), rest, O_RDONLY);
}

static int by_chdir(const char *name)
{
    char folder[PAGE];
    const char *rest = split(name, folder);
    return chdir(folder) ? -1 : open(rest, O_RDONLY);
}

static int by_fchdir(const char *name)
{
    char folder[PAGE];
    const char *rest = split(name, folder);
    return fchdir(open(folder, O_PATH | O_DIRECTORY)) ? -1 : open(rest, O_RDONLY);
}

static int by_reopening(const char *name)
{
    char own[64];
    snprintf(own, sizeof own, "/proc/self/fd/%d", open(name, O_PATH));
    return open(own, O_RDONLY);
}

static void *in_thread(void *name)
{
    return (void *)(intptr_t)open(name, O_RDONLY);
}

static int by_thread(const char *name)
{
    pthread_t thread;
    void *fd;
    if (pthread_create(&thread, NULL, in_thread, (void *)name) || pthread_join(thread, &fd))
        broken("thread");
    return (int)(intptr_t)fd;
}

/* From the other thread's own working folder, while this one stays where it is. */
static void *in_own_folder(void *name)
{
    char folder[PAGE];
    const char *rest = split(name, folder);
    return (void *)(intptr_t)(unshare(CLONE_FS) || chdir(folder) ? -1 : open(rest, O_RDONLY));
}

static int by_own_folder(const char *name)
{
    pthread_t thread;
    void *fd;
    if (pthread_create(&thread, NULL, in_own_folder, (void *)name) || pthread_join(thread, &fd))
        broken("thread");
    return (int)(intptr_t)fd;
}

/* A folder stands for the root, by this one call. */
static int by_openat2_in_root(const char *name)
{
    struct how how = {.flags = O_RDONLY, .resolve = 0x10 /* RESOLVE_IN_ROOT */};
    char folder[PAGE], rest[PAGE];
    snprintf(rest, sizeof rest, "/../%s", split(name, folder));
    return (int)syscall(SYS_openat2, open(folder, O_PATH | O_DIRECTORY), rest, &how, sizeof how);
}

static int below(const char *prefix, const char *name)
{
    char path[2 * PAGE];
    snprintf(path, sizeof path, "%s/%s", prefix, name);
    return open(path, O_RDONLY);
}

static int by_proc_cwd(const char *name)
{
    return below("/proc/self/cwd", name);
}

static int by_proc_root(const char *name)
{
    char here[PAGE], root[2 * PAGE];
    snprintf(root, sizeof root, "/proc/thread-self/root%s", getcwd(here, sizeof here));
    return below(root, name);
}

static int by_proc_descriptor(const char *name)
{
    char folder[PAGE], own[64];
    const char *rest = split(name, folder);
    snprintf(own, sizeof own, "/proc/self/fd/%d", open(folder, O_PATH));
    return below(own, rest);
}

static int by_dev_fd(const char *name)
{
    char own[64];
    snprintf(own, sizeof own, "/dev/fd/%d", open(name, O_RDONLY));
    return open(own, O_RDONLY);
}

static int by_page_boundary(const char *name)
{
    size_t length = strlen(name);
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + 2 * PAGE, PAGE, PROT_NONE))
        broken("mmap");
    char *across = pages + PAGE - length / 2;
    return open(strcpy(across, name), O_RDONLY);
}

/* The last byte of the name is the last of the last page that can be read. */
static int by_last_page(const char *name)
{
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + 2 * PAGE, PAGE))
        broken("mmap");
    return open(strcpy(pages + 2 * PAGE - strlen(name) - 1, name), O_RDONLY);
}

#ifdef __x86_64__
static int by_int80(const char *name)
{
    char *low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long result;
    if (low == MAP_FAILED)
        broken("mmap");
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(5L), "b"(strcpy(low, name)), "c"(O_RDONLY), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    if (result == -ENOSYS)
        exit(UNKNOWN_WAY);
    return (int)result;
}

static int by_x32(const char *name)
{
    int fd = (int)syscall(0x40000000 | SYS_open, name, O_RDONLY);
    if (fd < 0 && errno == ENOSYS)
        exit(UNKNOWN_WAY);
    return fd;
}
#else
static int by_int80(const char *name)
{
    (void)name;
    exit(UNKNOWN_WAY);
}

static int by_x32(const char *name)
{
    (void)name;
    exit(UNKNOWN_WAY);
}
#endif

/* Ways by another program: this one again. The result is the child's exit code, or none. */

static char *const *words_for(const char *name)
{
    static char *words[4];
    words[0] = "reader";
    words[1] = "open";
    words[2] = (char *)name;
    return words;
}

static _Noreturn void end_as(pid_t child)
{
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        broken("child");
    exit(WEXITSTATUS(status));
}

static int by_fork(const char *name)
{
    pid_t child = fork();
    if (child)
        end_as(child);
    return open(name, O_RDONLY);
}

static int by_fork_exec(const char *name)
{
    pid_t child = fork();
    if (child)
        end_as(child);
    execv(self, words_for(name));
    broken(self);
}

static int by_vfork_exec(const char *name)
{
    pid_t child = vfork();
    if (child)
        end_as(child);
    execv(self, words_for(name));
    _exit(BROKEN);
}

static int by_spawn(const char *name)
{
    pid_t child;
    errno = posix_spawn(&child, self, NULL, NULL, words_for(name), environ);
    if (errno)
        broken(self);
    end_as(child);
}

static int by_empty_environment(const char *name)
{
    execve(self, words_for(name), (char *[]){NULL});
    broken(self);
}

static int by_fexecve(const char *name)
{
    fexecve(open(self, O_RDONLY | O_CLOEXEC), words_for(name), environ);
    broken("fexecve");
}

static int by_memfd(const char *name)
{
    static char bytes[1 << 16];
    int from = open(self, O_RDONLY | O_CLOEXEC);
    int to = (int)syscall(SYS_memfd_create, "reader-in-memory", 1 /* MFD_CLOEXEC */);
    for (ssize_t size; (size = read(from, bytes, sizeof bytes)) > 0;)
        write_all(to, bytes, (size_t)size);
    fexecve(to, words_for(name), environ);
    broken("memfd");
}

/* In the session of nobody, adopted by nobody in this program; it begins when the file NAME.go is there. */
static int by_daemon(const char *name)
{
    char go[PAGE + 8];
    snprintf(go, sizeof go, "%s.go", name);
    if (fork())
        exit(0);
    setsid();
    if (fork())
        exit(0);
    while (access(go, F_OK))
        sleep_ms(5);
    return open(name, O_RDONLY);
}

static const struct {
    const char *name;
    int (*open)(const char *name);
} WAYS[] = {
    {"open", by_open},
    {"openat", by_openat},
    {"openat2", by_openat2},
    {"syscall", by_syscall},
    {"fopen", by_fopen},
    {"freopen", by_freopen},
    {"directory", by_directory},
    {"chdir", by_chdir},
    {"fchdir", by_fchdir},
    {"reopening", by_reopening},
    {"thread", by_thread},
    {"own-folder", by_own_folder},
    {"openat2-in-root", by_openat2_in_root},
    {"proc-cwd", by_proc_cwd},
    {"proc-root", by_proc_root},
    {"proc-descriptor", by_proc_descriptor},
    {"dev-fd", by_dev_fd},
    {"page-boundary", by_page_boundary},
    {"last-page", by_last_page},
    {"int80", by_int80},
    {"x32", by_x32},
    {"fork", by_fork},
    {"fork-exec", by_fork_exec},
    {"vfork-exec", by_vfork_exec},
    {"spawn", by_spawn},
    {"empty-environment", by_empty_environment},
    {"fexecve", by_fexecve},
    {"memfd", by_memfd},
    {"daemon", by_daemon},
};

static void print(int fd)
{
    char bytes[PAGE];
    ssize_t size;
    while ((size = read(fd, bytes, sizeof bytes)) > 0)
        write_all(1, bytes, (size_t)size);
    if (size)
        broken("read");
}

int main(int argc, char **argv)
{
    static char beside[PAGE];
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - 1);
    self = length > 0 ? beside : argv[0];
    if (argc != 3)
        broken("usage: reader WAY NAME");
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        if (strcmp(WAYS[i].name, argv[1]))
            continue;
        int fd = WAYS[i].open(argv[2]);
        if (fd < 0)
            broken(argv[2]);
        print(fd);
        return 0;
    }
    errno = EINVAL;
    broken(argv[1]);
}
