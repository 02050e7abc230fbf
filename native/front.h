/* The front: the process that the user's shell knows. It passes signals on, stops and ends as the command does. */
#ifndef VESTIGE_FRONT_H
#define VESTIGE_FRONT_H

#include "request.h"

/* Runs the request; does not return when the command was ended by a signal. Returns the exit code otherwise. */
int front_run(const struct request *request);

#endif
