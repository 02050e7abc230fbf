/* What the recorder is asked to do: its command line, parsed. */
#ifndef VESTIGE_REQUEST_H
#define VESTIGE_REQUEST_H

#include <stdbool.h>

enum { MOST_WORDS = 32 };

struct request {
    const char *folder;  /* the run folder; NULL: nothing is recorded */
    const char *id;
    const char *version;
    bool trace;
    bool deny_network;
    bool deny_io_uring;
    bool capture_stdout;
    bool capture_stderr;
    bool capture_terminal;
    bool relay_all;      /* what is captured goes through a pipe of its own, whatever it goes to: isatty says no */
    bool new_session;    /* the command leads a session of its own, without a terminal */
    bool wait;           /* the run ends when its last process does */
    bool finish_in_front;
    char *finish[MOST_WORDS + 2]; /* argv of the finisher, room for the folder and the end */
    int finish_words;
    char **command;      /* argv, ends with NULL */
};

/* False with one line on stderr when the words are off. */
bool request_parse(char **argv, struct request *request);

#endif
