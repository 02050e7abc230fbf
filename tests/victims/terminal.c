/* terminal: says what its descriptors are and how large the window is, again at each change; counts interrupts; ends with
   code 5 when it reads a line `quit`. */
#include "victim.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

static volatile sig_atomic_t resized, interrupts;

static void note(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else
        interrupts++;
}

static void say_size(void)
{
    struct winsize size = {0};
    ioctl(0, TIOCGWINSZ, &size);
    printf("size %dx%d\n", size.ws_row, size.ws_col);
    fflush(stdout);
}

static void say_news(void)
{
    static int said;
    if (resized) {
        resized = 0;
        say_size();
    }
    if (interrupts > said) {
        said = interrupts;
        printf("interrupts %d\n", said);
        fflush(stdout);
    }
}

int main(void)
{
    struct sigaction action = {.sa_handler = note};
    struct pollfd keys = {.fd = 0, .events = POLLIN};
    char line[256];
    sigset_t noted, before;
    sigemptyset(&noted);
    sigaddset(&noted, SIGWINCH);
    sigaddset(&noted, SIGINT);
    sigprocmask(SIG_BLOCK, &noted, &before); /* but while it waits: none comes unseen just before */
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("tty %d %d %d\n", isatty(0), isatty(1), isatty(2));
    say_size();
    for (;;) {
        int ready = ppoll(&keys, 1, NULL, &before);
        ssize_t length = ready > 0 ? read(0, line, sizeof line - 1) : -1;
        say_news();
        if (ready > 0 && length <= 0)
            return 6;
        if (length > 0 && !strncmp(line, "quit", 4))
            return 5;
    }
}
