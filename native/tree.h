/* Finds the processes of the run: everything below us, since orphans come to us (PR_SET_CHILD_SUBREAPER). */
#ifndef VESTIGE_TREE_H
#define VESTIGE_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enters what is new below `root` in the table of processes; returns how many live descendants there are. */
size_t tree_discover(pid_t root, uint64_t now);

#endif
