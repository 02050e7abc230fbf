/* The command's stdout and stderr: what kind of thing each is, and what is put between (DESIGN: relay by descriptor). */
#ifndef VESTIGE_STREAMS_H
#define VESTIGE_STREAMS_H

#include "json.h"
#include "request.h"
#include "shared.h"

/* What the command gets as fd 1 and 2; -1: its own as it is. Closed by the parent once the command is forked. */
struct command_ends {
    int ends[STREAMS];
};

/* Looks at fd 1 and 2, opens copies in the run folder (`folder` is a directory descriptor or -1), makes the pipes. */
struct command_ends streams_open(struct shared *shared, const struct request *request, int folder);
/* In the command: puts the ends in place. */
void streams_take(const struct command_ends *ends);
void streams_forget(const struct command_ends *ends);

void streams_describe(const struct shared *shared, struct json *json); /* for `begin` */
void streams_account(const struct shared *shared, struct json *json);  /* for `end` */

extern const char *const stream_names[STREAMS];

#endif
