#define _GNU_SOURCE
#include "signals.h"

#include <stddef.h>

void signals_remember(struct dispositions *as_started)
{
    sigemptyset(&as_started->ignored);
    sigprocmask(SIG_SETMASK, NULL, &as_started->mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;

        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            sigaddset(&as_started->ignored, number);
    }
}

void signals_restore(const struct dispositions *as_started)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action = {.sa_handler = sigismember(&as_started->ignored, number) == 1 ? SIG_IGN : SIG_DFL};

        sigaction(number, &action, NULL); /* fails for SIGKILL, SIGSTOP and the C library's own two: as it must */
    }
    sigprocmask(SIG_SETMASK, &as_started->mask, NULL);
}

void signals_deafen(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t all;

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        sigaction(ignored[i], &ignore, NULL);
    sigaction(SIGCHLD, &standard, NULL); /* ignored, the kernel would reap for us and nothing could be counted */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV); /* a fault of our own must end us at once, so that the other takes over */
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigprocmask(SIG_SETMASK, &all, NULL);
}
