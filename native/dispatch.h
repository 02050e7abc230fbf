/* What is done with a notification: the handler of its call looks, the call is answered, the handler writes. */
#ifndef VESTIGE_DISPATCH_H
#define VESTIGE_DISPATCH_H

#include "receiver.h"

/* Answers the notification that the receiver holds, and puts it down. */
void dispatch(struct receiver *receiver, int listener);

#endif
