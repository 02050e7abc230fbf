#define _GNU_SOURCE
#include "sample.h"

#include "events.h"
#include "kept.h"
#include "readings.h"
#include "series.h"
#include "shares.h"
#include "tree.h"

#include <errno.h>
#include <unistd.h>

enum {
    SHORTEST_NS = 2000000,  /* between two looks, at the very start */
    LONGEST_NS = 100000000, /* as long as looks are cheap */
    COST_SHARE = 200,       /* a look may cost 1/200 of the time to the next: 0.5 % of a core */
    IDLE_LOOKS = 8,         /* in one of these, what has not run is looked at too: the kernel may take memory away */
};

static struct {
    uint64_t page_size;
    uint32_t looks;
} sampler;

/* Updates the figures of a live process; false if it is gone. What has not run since has the sizes and bytes that it
 * had: unless `all` are wanted, they are not read again. */
static bool look_at(struct process *process, bool all)
{
    struct figures *last = &process->last;
    const uint64_t cpu_before = last->cpu_ns;
    char text[512];
    uint64_t rss = 0;
    ssize_t length;

    if (!read_cpu_clock(process->pid, &last->cpu_ns))
        return false;
    last->have |= HAVE_CPU;
    if (!all && process->looked_at && last->cpu_ns == cpu_before)
        return true;
    process->looked_at = true;
    if (last->cpu_ns != cpu_before)
        shares_may_differ();
    length = kept_read(process->pid, &process->statm, "statm", text, sizeof text);
    if (length > 0 && parse_statm(text, (size_t)length, sampler.page_size, &rss)) {
        last->rss = rss;
        last->have |= HAVE_RSS;
        if (rss == 0) /* dead, not yet reaped: what it was stays what it is */
            return true;
    }
    if (rss > last->hwm || (last->have & HAVE_HWM) == 0)
        (void)read_status(process->pid, last);
    length = kept_read(process->pid, &process->io, "io", text, sizeof text);
    if (length > 0)
        parse_io(text, (size_t)length, last);
    return true;
}

static void write_process(struct json *json, const struct process *process)
{
    json_int(json, "pid", process->pid);
    json_uint(json, "start", process->start);
    json_int(json, "ppid", process->last.ppid != 0 ? process->last.ppid : process->ppid);
    json_string(json, "comm", process->comm);
    json_uint(json, "first_t", process->first_t);
    event_figures(json, &process->last);
}

static void write_gone(struct shared *shared, const struct process *process, int status)
{
    struct event event;

    event_start(&event, shared, "gone", status >= 0 ? "pidfd" : "sample");
    write_process(&event.json, process);
    if (status >= 0)
        json_int(&event.json, "status", status);
    event_record(shared, &event.json);
}

static void clear_away(struct shared *shared, uint32_t index, const struct process *process)
{
    struct process now;

    /* its exit may have been recorded since it was copied; by now it is dead, so if there was one it was */
    if (!processes_get(index, &now) || now.pid != process->pid || now.start != process->start)
        return;
    if (!now.exiting) {
        processes_account(&process->last, false);
        write_gone(shared, process, pidfd_exit_status(process->pidfd));
    }
    processes_remove(index, process);
}

static void add_to(struct figures *tree, const struct figures *figures)
{
    tree->cpu_ns += figures->cpu_ns;
    tree->read_chars += figures->read_chars;
    tree->write_chars += figures->write_chars;
    tree->read_bytes += figures->read_bytes;
    tree->write_bytes += figures->write_bytes;
}

static void look_at_index(struct shared *shared, uint32_t index, struct look *look)
{
    struct process process;

    if (!processes_get(index, &process))
        return;
    if (!look_at(&process, (sampler.looks + index) % IDLE_LOOKS == 0)) {
        clear_away(shared, index, &process);
        return;
    }
    processes_put(index, &process);
    if (process.exiting && process.last.rss == 0)
        return;
    look->processes++;
    look->threads += process.last.threads > 0 ? process.last.threads : 1;
    look->rss += process.last.rss;
    if (process.last.rss > look->top_rss) {
        look->top_rss = process.last.rss;
        look->top = process.pid;
    }
    if (!process.exiting) /* those are among the ended already */
        add_to(&look->tree, &process.last);
}

static uint64_t pause_after(uint64_t now, uint64_t cost)
{
    uint64_t pause = now / 50;

    if (pause < SHORTEST_NS)
        pause = SHORTEST_NS;
    if (pause > LONGEST_NS)
        pause = LONGEST_NS;
    return cost * COST_SHARE > pause ? cost * COST_SHARE : pause;
}

uint64_t sample_tick(struct shared *shared)
{
    const uint64_t before = read_own_cpu();
    const uint64_t now = shared_now(shared);
    struct look look = {.tree = processes_ended()};
    uint64_t cost;

    sampler.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    sampler.looks++;
    tree_discover(getpid(), atomic_load(&shared->pty.leader), now);
    for (uint32_t index = 0, high = processes_high(); index < high; index++)
        look_at_index(shared, index, &look);
    cost = read_own_cpu() - before;
    if (look.processes > 0) {
        shares_look(shared, &look, now);
        series_add(shared, &look, now);
    }
    return pause_after(now, cost);
}

bool sample_last_look(pid_t pid, struct process *process)
{
    if (!processes_find(pid, process) || process->exiting)
        return false;
    if (read_cpu_clock(pid, &process->last.cpu_ns)) /* a zombie has its CPU clock still, and nothing else */
        process->last.have |= HAVE_CPU;
    return true;
}

void sample_write_end(struct shared *shared, const struct process *process, int status)
{
    processes_account(&process->last, true);
    processes_mark_exiting(process->pid);
    write_gone(shared, process, status);
}

static bool is_gone(pid_t pid)
{
    struct stat_line stat;

    return !read_stat(pid, &stat) || is_dead(&stat);
}

/* Linux 6.2 to 6.15 may tell a small process's resident size as 0: it is counted per CPU. Its state tells. */
static void name_survivor(struct shared *shared, struct process *process)
{
    struct event event;

    if (!look_at(process, true) || (process->last.rss == 0 && is_gone(process->pid))) { /* killed and not yet reaped */
        sample_write_end(shared, process, pidfd_exit_status(process->pidfd));
        return;
    }
    event_start(&event, shared, "survivor", "sample");
    write_process(&event.json, process);
    event_record(shared, &event.json);
}

void sample_name_survivors(struct shared *shared)
{
    const uint32_t high = processes_high();

    for (uint32_t index = 0; index < high; index++) {
        struct process process;

        if (processes_get(index, &process) && !process.exiting)
            name_survivor(shared, &process);
    }
}
