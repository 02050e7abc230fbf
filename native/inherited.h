/* The descriptors that the command was started with: no call opened them. */
#ifndef VESTIGE_INHERITED_H
#define VESTIGE_INHERITED_H

#include "receiver.h"

/* At the command's first exec: records what it holds. */
void inherited_look(struct receiver *receiver);

#endif
