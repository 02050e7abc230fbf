/* The table of descriptors: recorder and guard share one, and the command with them until it has installed its filter,
 * so that the listener appears there without a message. */
#ifndef VESTIGE_TABLE_H
#define VESTIGE_TABLE_H

#include <stdbool.h>
#include <sys/types.h>

/* A child that shares our table; 0 in the child, -1 with errno. */
pid_t table_fork(void);
/* Gives this process a table of its own. */
bool table_leave(void);
/* Whether that will be possible: asked before anything is shared or filtered, which can't be taken back. */
bool table_can_leave(void);
/* Closes what was inherited from whoever started us, and 0, 1, 2: held open by us, pipes would never end and terminals
 * never hang up. Our own descriptors are close-on-exec, inherited ones never are: that is how they are told apart. */
void table_close_inherited(void);

#endif
