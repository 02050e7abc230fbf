/* What comes of connects. A notification does not know the result of its call: the socket is looked at again until it
 * is connected or closed. */
#ifndef VESTIGE_CONNECTIONS_H
#define VESTIGE_CONNECTIONS_H

#include "events.h"
#include "shared.h"
#include "who.h"

/* Begins to watch a socket that is about to connect; returns its type. */
int connections_watch(struct shared *shared, struct moment moment, const struct who *who, int fd, bool loopback);
/* A thread calls something else: what it has connected before has returned. If it ends its process, so have, as far as it
 * matters, the connects of all others. */
void connections_returned(struct shared *shared, pid_t tid, bool ends);
/* How long until the next look is due, in milliseconds; -1: nothing is on its way. */
int connections_due(struct shared *shared);
/* The end of the run: what is still on its way stays unknown. */
void connections_give_up(struct shared *shared);

#endif
