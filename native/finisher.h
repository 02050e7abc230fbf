/* The finisher: the program that makes the record of the run, started when the run is over. */
#ifndef VESTIGE_FINISHER_H
#define VESTIGE_FINISHER_H

#include "request.h"

/* Starts it: detached, or with a terminal to speak on, which is waited for. Returns its wait status then, else 0. */
int finisher_run(struct request *request, int terminal);
/* Whether it is to commit: then its failure matters to whoever called. */
bool finisher_commits(const struct request *request);

#endif
