/* Reaping: exact usage of every child of ours, orphans of the run included, and its end. */
#ifndef VESTIGE_REAP_H
#define VESTIGE_REAP_H

#include "shared.h"

enum reaped { REAPED_ALL, REAPED_SOME_LIVE }; /* no child is left, or some live on */

/* Reaps whatever has ended, tells the front when the command was stopped, and notes its end. */
enum reaped reap(struct shared *shared, const char *via);

#endif
