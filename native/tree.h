/* Finds the processes of the run: everything below us, since orphans come to us (PR_SET_CHILD_SUBREAPER). */
#ifndef VESTIGE_TREE_H
#define VESTIGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enters what is new below `root`, but for one child of it, in the table of processes; returns how many live descendants there are. */
size_t tree_discover(pid_t root, pid_t except, uint64_t now);
/* Whether `root` has a child other than this one. */
bool tree_has_child_but(pid_t root, pid_t except);

#endif
