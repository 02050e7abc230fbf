/* leavers N: forks N children, one after the other; in each two threads end the process at the same moment. */
#include "victim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static _Atomic int ready;

static void *leave(void *nothing)
{
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 2)
        ;
    syscall(SYS_exit_group, 0);
    return nothing;
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
        if (child == 0)
            play();
        waitpid(child, NULL, 0);
    }
}
