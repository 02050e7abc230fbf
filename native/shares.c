#define _GNU_SOURCE
#include "shares.h"

#include "processes.h"
#include "readings.h"

enum {
    SHARE = 400,         /* all looks may cost 1/400 of the time since the start, 0.25 % of a core, … */
    BURST_NS = 20000000, /* … this much at once: a first peak deserves one, … */
    STILL_SHARE = 4,     /* … and a quarter of the time for which sizes have now stood still, at what may be the top; */
    VAIN_SHARE = 800,    /* a look that showed nothing new may cost 1/800 of the time to the next */
};

static struct {
    uint64_t best;     /* the largest sum of proportional sizes */
    uint64_t cost;     /* of all looks … */
    uint64_t next;     /* … and what one more is likely to cost: as much as the last */
    uint64_t last_rss; /* at the look before */
    uint64_t mark_rss; /* within 2 % of which resident sizes have stayed … */
    uint64_t mark_t;   /* … since then */
    uint64_t vain_rss; /* where the last look showed nothing new … */
    uint64_t vain_until;
    bool may_differ;
} shares;

void shares_may_differ(void)
{
    shares.may_differ = true;
}

static bool is_above(uint64_t size, uint64_t other, unsigned percent)
{
    return size > other + other / 100 * percent;
}

/* On a slow way up resident sizes seem to stand still at every look: how long have they been within 2 %? */
static void follow(uint64_t rss, uint64_t now)
{
    if (is_above(rss, shares.mark_rss, 2) || is_above(shares.mark_rss, rss, 2)) {
        shares.mark_rss = rss;
        shares.mark_t = now;
    }
}

static bool is_affordable(uint64_t now)
{
    return shares.cost + shares.next <= BURST_NS + now / SHARE + (now - shares.mark_t) / STILL_SHARE;
}

/* Something has run, the sum of resident sizes, which is the upper bound, beats the best so far, one process does not
 * hold 99 % of it by itself, and it is not what it was when there was nothing new. Pages that were shared may be written
 * to: after a while there may be. */
static bool is_promising(const struct look *look, uint64_t now)
{
    return shares.may_differ && is_above(look->rss, shares.best, 1) && is_above(look->rss, look->top_rss, 1) &&
           (now >= shares.vain_until || is_above(look->rss, shares.vain_rss, 1));
}

static uint64_t sum_pss(void)
{
    const uint32_t high = processes_high();
    uint64_t sum = 0;

    for (uint32_t index = 0; index < high; index++) {
        struct process process;
        uint64_t pss;

        if (processes_get(index, &process) && read_pss(process.pid, &pss))
            sum += pss;
    }
    return sum;
}

void shares_look(struct shared *shared, struct look *look, uint64_t now)
{
    const bool growing = is_above(look->rss, shares.last_rss, 2); /* on the way up a look would be spent for nothing */
    uint64_t before;

    shares.last_rss = look->rss;
    follow(look->rss, now);
    if (growing || !is_promising(look, now))
        return;
    if (!is_affordable(now)) {
        atomic_fetch_add(&shared->pss_skipped, 1);
        return;
    }
    shares.may_differ = false;
    before = read_own_cpu();
    look->has_pss = true;
    look->pss = sum_pss();
    shares.next = read_own_cpu() - before;
    shares.cost += shares.next;
    if (!is_above(look->pss, shares.best, 1)) {
        shares.vain_rss = look->rss;
        shares.vain_until = now + shares.next * VAIN_SHARE;
    }
    if (look->pss > shares.best)
        shares.best = look->pss;
}
