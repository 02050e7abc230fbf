/* Calls on sockets: whom the run calls, where it listens, what it asks a name server. */
#ifndef VESTIGE_NETWORK_H
#define VESTIGE_NETWORK_H

#include "receiver.h"

extern const struct handler network_handler;

#endif
