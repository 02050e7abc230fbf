/* `--capture all` at a terminal: the command gets a terminal of its own (a pty), whose output is kept and passed on.
 *
 *   front     holds the real terminal: raw mode, keys to the pty, window size, stop and continue
 *   leader    a tiny process that leads the pty's session and sleeps: killed with nobody, it hangs up nothing
 *   command   the foreground group of that session, a child of the recorder all the same (CLONE_PARENT)
 *   relay     pty to real terminal, and the copy
 *
 * Without it a terminal is handed through as it is. What a pty can't keep is in docs/guide/output.md.
 */
#ifndef VESTIGE_TERMINAL_H
#define VESTIGE_TERMINAL_H

#include "request.h"
#include "shared.h"

/* In the front, before anything is forked: makes the pty if the request asks for it and there is a terminal. */
void terminal_open(struct shared *shared, const struct request *request);
/* In the recorder: forks the session's leader, and it the command. Returns the command's pid in the command as 0. */
pid_t terminal_fork(struct shared *shared);
/* In the command: makes the pty its stdin, stdout and stderr wherever those were terminals, and waits until it can be
 * stopped there. */
void terminal_take(struct shared *shared, int slave);
/* In the recorder, once the command has its own descriptors. */
void terminal_forget(struct shared *shared);
/* Lets the session's leader go; the pty hangs up. */
void terminal_release(struct shared *shared);

/* In the front: takes the real terminal over while we are in its foreground, and gives it back. */
void terminal_enter(struct shared *shared);
void terminal_leave(struct shared *shared);
/* Keys to the pty; false when there are no more. */
bool terminal_pass_keys(struct shared *shared);
void terminal_resize(const struct shared *shared);

static inline bool terminal_is_ours(const struct shared *shared)
{
    return shared->pty.master >= 0;
}

#endif
