/* A process executes a file. */
#ifndef VESTIGE_EXECS_H
#define VESTIGE_EXECS_H

#include "receiver.h"

extern const struct handler execs_handler;

#endif
