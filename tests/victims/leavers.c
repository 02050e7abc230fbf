/* leavers N: forks N children, one after the other; in each two threads end the process at the same moment.
 * leavers N killed: each is killed 30 ms after it began to end, by nobody's call. */
#include "victim.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static _Atomic int ready;

static void *leave(void *nothing)
{
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 2)
        ;
    syscall(SYS_exit_group, 0);
    return nothing;
}

static void set_an_end(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    const struct itimerspec soon = {.it_value.tv_nsec = 30000000};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
        broken("timer");
}

static void play(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, leave, NULL))
        broken("no thread");
    leave(NULL);
}

int main(int argc, char **argv)
{
    for (int i = argc > 1 ? atoi(argv[1]) : 0; i > 0; i--) {
        pid_t child = fork();
        if (child < 0)
            broken("fork");
        if (child == 0 && argc > 2) {
            set_an_end();
            _exit(0);
        }
        if (child == 0)
            play();
        waitpid(child, NULL, 0);
    }
}
