/* What this machine allows, for `vestige doctor`. */
#ifndef VESTIGE_PROBE_H
#define VESTIGE_PROBE_H

/* Prints one JSON object on stdout; returns the exit code. */
int probe_run(void);

#endif
