/* The state of a file as events tell it: what it is, how large, when it was changed (docs/reference/events.md, "state"). */
#ifndef VESTIGE_STATE_H
#define VESTIGE_STATE_H

#include "json.h"
#include "name.h"

#include <stdbool.h>
#include <sys/stat.h>

void state_write(struct json *json, const char *key, const struct stat *status);
/* A file that only descriptors lead to. Some file systems count no links at all, so the kernel must have said so too. */
bool state_is_unnamed(const struct name *name, const struct stat *status);
/* For comparing: a number for the same file unchanged, going on from an earlier one. */
uint64_t state_hash(uint64_t hash, const struct stat *status);

#endif
