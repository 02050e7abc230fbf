/* Signal dispositions: what the command must find as it was, and what guard and recorder must never die or stop of. */
#ifndef VESTIGE_SIGNALS_H
#define VESTIGE_SIGNALS_H

#include <signal.h>

/* What the front was started with. */
struct dispositions {
    sigset_t mask;
    sigset_t ignored;
};

void signals_remember(struct dispositions *as_started);
/* In the command, before it is executed. */
void signals_restore(const struct dispositions *as_started);
/* In guard and recorder: every signal that can be is blocked, those of the terminal are ignored. */
void signals_deafen(void);

#endif
