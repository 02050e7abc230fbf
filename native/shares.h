/* How much memory the run holds with shared pages counted once: proportional sizes (PSS), which cost about 15 us a
 * resident megabyte and are read only where they can tell something. */
#ifndef VESTIGE_SHARES_H
#define VESTIGE_SHARES_H

#include "series.h"
#include "shared.h"

#include <stdint.h>

/* Some process of the run has run since it was looked at. */
void shares_may_differ(void);
/* Adds the sum of proportional sizes to a look, if it is worth its price. */
void shares_look(struct shared *shared, struct look *look, uint64_t now);

#endif
