/* A process ends, or is about to be ended by another of the run. */
#ifndef VESTIGE_EXITS_H
#define VESTIGE_EXITS_H

#include "receiver.h"

extern const struct handler exits_handler;
extern const struct handler kills_handler;

#endif
