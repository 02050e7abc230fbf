#define _GNU_SOURCE
#include "finisher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_INTERNAL = 125, NICENESS = 10 };

static _Noreturn void become_finisher(const struct request *request, int terminal)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;

    dup2(null, STDIN_FILENO);
    dup2(terminal >= 0 ? terminal : null, STDOUT_FILENO);
    dup2(terminal >= 0 ? terminal : null, STDERR_FILENO);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (terminal < 0) {
        (void)!setsid();
        (void)!setpriority(PRIO_PROCESS, 0, NICENESS);
    }
    execv(request->finish[0], request->finish);
    _exit(EXIT_INTERNAL);
}

int finisher_run(struct request *request, int terminal)
{
    pid_t pid;
    int status = 0;

    if (request->finish_words == 0 || request->folder == NULL)
        return 0;
    request->finish[request->finish_words] = (char *)(uintptr_t)request->folder; /* NOLINT: execv takes them so */
    pid = fork();
    if (pid == 0)
        become_finisher(request, terminal);
    while (pid > 0 && terminal >= 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

bool finisher_commits(const struct request *request)
{
    for (int i = 0; i < request->finish_words; i++)
        if (strcmp(request->finish[i], "--commit") == 0)
            return true;
    return false;
}
