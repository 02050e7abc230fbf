/* Calls after which something may be seen less well, and memory files, which have no path. */
#ifndef VESTIGE_MARKS_H
#define VESTIGE_MARKS_H

#include "receiver.h"

extern const struct handler marks_handler;

#endif
