/* signals: catches every signal that can be caught, says `ready` with its pid, then `caught` and their numbers whenever
   some have come, and at the end of its stdin prints how often each came, as JSON: {"<number>": <times>, ...}. */
#include "victim.h"

#include <poll.h>
#include <signal.h>

static volatile sig_atomic_t times[NSIG];

static void count(int number)
{
    times[number]++;
}

/* Signals come only while we wait, so that none can slip in unannounced. */
static void catch_all(void)
{
    struct sigaction action = {.sa_handler = count};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigfillset(&action.sa_mask);
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL); /* SIGKILL and SIGSTOP refuse, as they must */
}

static void announce(void)
{
    static int announced[NSIG];
    printf("caught");
    for (int number = 1; number < NSIG; number++)
        for (; announced[number] < times[number]; announced[number]++)
            printf(" %d", number);
    printf("\n");
    fflush(stdout);
}

static void wait_for_the_end_of_stdin(void)
{
    struct pollfd input = {0, POLLIN, 0};
    char ignored[256];
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        int ready = ppoll(&input, 1, NULL, &none);
        if (ready < 0)
            announce();
        else if (read(0, ignored, sizeof ignored) <= 0)
            return;
    }
}

int main(void)
{
    catch_all();
    printf("ready %d\n", getpid());
    fflush(stdout);
    wait_for_the_end_of_stdin();
    printf("{");
    for (int number = 1, first = 1; number < NSIG; number++)
        if (times[number]) {
            printf("%s\"%d\": %d", first ? "" : ", ", number, (int)times[number]);
            first = 0;
        }
    printf("}\n");
    return 0;
}
