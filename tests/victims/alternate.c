/* alternate LINES [PER_MILLISECOND]: writes lines to stdout and stderr in turn, numbered, each in one write; so many of
   them, then it sleeps for a millisecond. */
#include "victim.h"

int main(int argc, char **argv)
{
    long lines = argc > 1 ? atol(argv[1]) : 0, at_once = argc > 2 ? atol(argv[2]) : 0;
    char line[64];
    for (long i = 0; i < lines; i++) {
        int length = snprintf(line, sizeof line, "%s %ld\n", i % 2 ? "err" : "out", i);
        write_all(i % 2 ? 2 : 1, line, (size_t)length);
        if (at_once && i % at_once == 0)
            sleep_ms(1);
    }
    return 0;
}
