/* Calls that name files: open, rename, unlink and their kind. */
#ifndef VESTIGE_FILES_H
#define VESTIGE_FILES_H

#include "receiver.h"

extern const struct handler files_handler;

#endif
