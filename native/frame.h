/* The events that frame a run: begin, trace, start, failed, end. */
#ifndef VESTIGE_FRAME_H
#define VESTIGE_FRAME_H

#include "events.h"
#include "machine.h"
#include "request.h"
#include "shared.h"

void frame_begin(struct shared *shared, const struct request *request);
void frame_trace(struct shared *shared, bool wanted);
void frame_start(struct shared *shared, struct moment moment);
void frame_failed(struct shared *shared, const char *stage, int error);
/* `machine` is NULL in the guard, which did not see the start. */
void frame_end(struct shared *shared, const struct machine *machine, const char *via);

#endif
