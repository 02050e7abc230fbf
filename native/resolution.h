/* What stands at the full name of a place, and what that is truly called. */
#ifndef VESTIGE_RESOLUTION_H
#define VESTIGE_RESOLUTION_H

#include "place.h"
#include "who.h"

/* One lstat where the folder is known and the last component no link: nine of ten names. False: look further. */
bool resolve_plainly(struct place *place, bool follow);
/* By opening it as a name (O_PATH): right however many links, dots and roots stand in between. Returns whether a link
 * that leads nowhere has made it another name. */
bool resolve_by_opening(struct place *place, const struct who *who, bool follow);
/* The path as given below a folder that nothing in it leads out of, as openat2(2) with RESOLVE_IN_ROOT has it. False: the
 * folder can't be opened. */
bool resolve_below(struct place *place, const char *folder, bool follow);
/* A link in /proc to something that is open already: fexecve(3), linkat(2) of an unnamed file. */
void resolve_link(struct place *place, const char *link);

#endif
