#define _GNU_SOURCE
#include "witness.h"

#include "readings.h"
#include "table.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOKS = 3, LOOK_US = 1000 };

static pid_t witness = -1;

static _Noreturn void keep_watch(struct shared *shared, pid_t front)
{
    sigset_t all;

    (void)!prctl(PR_SET_NAME, "vestige-wit", 0, 0, 0);
    (void)!prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigfillset(&all);
    if (getppid() != front) /* it was killed in between */
        _exit(0);
    table_close_inherited();
    for (;;) {
        int number = sigwaitinfo(&all, NULL);

        if (number > 0 && number <= SIGNALS)
            atomic_fetch_add(&shared->witnessed[number - 1], 1);
    }
}

void witness_start(struct shared *shared)
{
    pid_t front = getpid();

    witness = fork();
    if (witness == 0)
        keep_watch(shared, front);
}

void witness_stop(void)
{
    if (witness > 0 && kill(witness, SIGKILL) == 0)
        while (waitpid(witness, NULL, 0) < 0 && errno == EINTR)
            ;
}

/* It may not have run yet: then the signal still waits for it. */
static bool is_pending(int number)
{
    static char text[1 << 16]; /* thousands of groups stand before it */
    ssize_t length = read_proc(witness, "status", text, sizeof text - 1);
    const char *mask;

    if (length <= 0)
        return false;
    text[length] = '\0';
    mask = strstr(text, "\nShdPnd:\t");
    return mask != NULL && ((strtoull(mask + 9, NULL, 16) >> (number - 1)) & 1) != 0;
}

bool witness_saw(struct shared *shared, int number)
{
    if (witness < 0 || number > SIGNALS)
        return false;
    /* the kernel signals a group one by one: its turn may come after ours */
    for (int look = 0; look < LOOKS; look++) {
        bool pending = is_pending(number);
        unsigned count = atomic_load(&shared->witnessed[number - 1]);

        if (pending || count != shared->accounted[number - 1]) {
            shared->accounted[number - 1] = count + (pending ? 1 : 0);
            return true;
        }
        usleep(LOOK_US);
    }
    return false;
}
