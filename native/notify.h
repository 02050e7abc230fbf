/* Receives the notifications and answers each: a look at a process that stands still, nothing more. */
#ifndef VESTIGE_NOTIFY_H
#define VESTIGE_NOTIFY_H

#include "shared.h"

/* Starts the receivers, threads of their own; false if there can be none. */
bool notify_start(struct shared *shared);
/* Starts one more receiver if all that wait for notifications are stuck: a look at a file may hang for as long as its
 * server does, and then only those who use that file must hang with it. Called now and then by whoever started them. */
void notify_tend(struct shared *shared);
/* Waits, not for long, until everything is written down that was answered: the last exit of the command, above all. */
void notify_settle(void);
/* Waits until the last process that carries the filter is gone. */
void notify_join(void);

#endif
