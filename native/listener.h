/* The notification descriptor: what comes from it, and the answers. Whoever only keeps the command alive needs no more. */
#ifndef VESTIGE_LISTENER_H
#define VESTIGE_LISTENER_H

#include "shared.h"

/* Asks the kernel to run the answered process on the same CPU (6.6): crossing CPUs is most of a notification's cost. */
bool listener_synchronous(int listener);
/* The kernel writes the id straight into shared memory: whoever survives can answer in our place. False: it was killed
 * meanwhile, or all have gone. */
bool listener_receive(int listener, struct seccomp_notif *notification);
/* Lets the call go on, or fail with an errno. */
void listener_answer(int listener, uint64_t id, int error);
/* Without a look at what the call names. */
void listener_answer_blindly(const struct shared *shared, const struct seccomp_notif *notification);

/* The guard: answers whatever the recorder may have left unanswered, and all that comes. False once the last process that
 * carries the filter is gone. */
void listener_answer_pending(struct shared *shared);
bool listener_serve_blindly(struct shared *shared);

#endif
