/* worker LOAD RESULT [SCALE]: always does the same work, checks all of it, writes what it found to the file RESULT, and
   ends with code 7. Whoever disturbs it is found out: by the output, by RESULT or by the code.

   output      noise on stdout and lines on stderr
   processes   programs started one after the other and four at a time, each with its own exit code
   files       files written, renamed, read back and removed
   idle        waits */
#include "victim.h"

#include <limits.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static const char *nothing; /* the path of that victim */
static char result[PATH_MAX];
static uint64_t sum = 14695981039346656037U;

static void add(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ ((const unsigned char *)bytes)[i]) * 1099511628211U;
}

static void output(long scale)
{
    char noise[8192], line[64];
    uint32_t state = 1;
    for (long i = 0; i < scale * 4; i++) {
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (char)((state = state * 1664525 + 1013904223) >> 24);
        write_all(1, noise, sizeof noise);
        write_all(2, line, (size_t)snprintf(line, sizeof line, "line %ld\n", i));
        add(noise, sizeof noise);
        usleep(200);
    }
}

static pid_t start(long code)
{
    char number[16];
    pid_t child;
    snprintf(number, sizeof number, "%ld", code);
    errno = posix_spawn(&child, nothing, NULL, NULL, (char *[]){"nothing", number, NULL}, environ);
    if (errno)
        broken("posix_spawn");
    return child;
}

static void finish(pid_t child, long code)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        broken("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        fprintf(stderr, "victim: expected %ld, got wait status %#x\n", code, (unsigned)status);
        _exit(BROKEN);
    }
    add(&status, sizeof status);
}

static void processes(long scale)
{
    for (long i = 0; i < scale; i++) {
        pid_t children[4];
        finish(start(i % 200), i % 200);
        for (long j = 0; j < 4; j++)
            children[j] = start(j);
        for (long j = 0; j < 4; j++)
            finish(children[j], j);
    }
}

static void files(long scale)
{
    char first[PATH_MAX + 8], second[PATH_MAX + 8], text[32] = "", back[32] = "";
    snprintf(first, sizeof first, "%s.a", result);
    snprintf(second, sizeof second, "%s.b", result);
    for (long i = 0; i < scale * 10; i++) {
        size_t length = (size_t)snprintf(text, sizeof text, "%ld", i);
        int fd = open(first, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, text, length) != (ssize_t)length || close(fd) || rename(first, second))
            broken(first);
        fd = open(second, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, back, sizeof back) != (ssize_t)length || memcmp(text, back, length) || close(fd))
            broken(second);
        if (unlink(second))
            broken(second);
        add(back, length);
        if (i % 10 == 0)
            usleep(300);
    }
}

static void write_result(void)
{
    char text[64];
    size_t length = (size_t)snprintf(text, sizeof text, "complete %016llx\n", (unsigned long long)sum);
    int fd = open(result, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length || close(fd))
        broken(result);
}

int main(int argc, char **argv)
{
    static char beside[PATH_MAX];
    long scale = argc > 3 ? atol(argv[3]) : 100;
    if (argc < 3 || !realpath(argv[0], beside))
        broken("usage: /path/of/worker LOAD RESULT [SCALE]");
    strcpy(strrchr(beside, '/') + 1, "nothing");
    nothing = beside;
    snprintf(result, sizeof result, "%s", argv[2]);
    if (!strcmp(argv[1], "output"))
        output(scale);
    else if (!strcmp(argv[1], "processes"))
        processes(scale);
    else if (!strcmp(argv[1], "files"))
        files(scale);
    else if (!strcmp(argv[1], "idle"))
        sleep_ms(scale * 4);
    else
        broken(argv[1]);
    write_result();
    return 7;
}
