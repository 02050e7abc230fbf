/* vestige-recorder: runs one command and writes down what it does. Started by `vestige run`; not for typing. */
#include "front.h"
#include "probe.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 125 };

int main(int argc, char **argv)
{
    struct request request;

    if (argc > 1 && strcmp(argv[1], "probe") == 0)
        return probe_run();
    if (argc > 1 && strcmp(argv[1], "run") == 0)
        return request_parse(argv + 2, &request) ? front_run(&request) : EXIT_USAGE;
    fputs("usage: vestige-recorder run OPTIONS -- COMMAND [ARGUMENT...], or vestige-recorder probe\n", stderr);
    return EXIT_USAGE;
}
