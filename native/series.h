/* The series: looks at the run, neighbours merged into points, so that their number grows with the logarithm of time. */
#ifndef VESTIGE_SERIES_H
#define VESTIGE_SERIES_H

#include "proc.h"
#include "shared.h"

/* What one look at everything found. */
struct look {
    uint64_t processes;
    uint64_t threads;
    uint64_t rss;
    pid_t top; /* the largest of them */
    uint64_t top_rss;
    bool has_pss;
    uint64_t pss;
    struct figures tree; /* the whole run so far */
};

void series_add(struct shared *shared, const struct look *look, uint64_t now);
/* Writes the point that is still being merged. */
void series_finish(struct shared *shared);

#endif
