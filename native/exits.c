#define _GNU_SOURCE
#include "exits.h"

#include "readings.h"

enum { BRIEF_NS = 10000000 };

/* A process that forked, never executed anything and was not seen yet is entered at its end, so that the sampler does not
 * take it for a new one while it dies. */
static bool identify(pid_t pid, uint64_t now, struct process *process)
{
    if (processes_find(pid, process) && !process->exiting)
        return true;
    if (!processes_meet(pid, now, process))
        return false;
    (void)processes_add(process);
    return true;
}

static int look_at_exit(struct receiver *receiver)
{
    struct departure *departure = &receiver->departure;
    const uint64_t now = receiver->notice.moment.t;
    const pid_t tid = receiver->notice.tid;
    struct process process = {0};

    /* a process that lived for a moment only had no time to wait long: the figure is a lower bound anyway */
    read_figures(tid, &departure->figures, !processes_find(tid, &process) || now - process.first_t > BRIEF_NS);
    receiver->silent = departure->figures.have == 0;
    if (receiver->silent) /* gone already: the exit of another of its threads is told, or what killed it will be */
        return 0;
    departure->identified = identify(departure->figures.tgid, now, &process);
    departure->start = process.start;
    receiver->silent = !processes_mark_exiting(departure->figures.tgid); /* two threads may call it at once */
    if (!receiver->silent)
        processes_account(&departure->figures, departure->figures.ppid == atomic_load(&receiver->shared->recorder));
    return 0;
}

static void write_exit(struct receiver *receiver)
{
    const struct departure *departure = &receiver->departure;
    struct json json;

    event_open_at(&json, receiver->line, sizeof receiver->line, receiver->notice.moment, "exit", "notify");
    json_int(&json, "pid", departure->figures.tgid);
    if (departure->identified)
        json_uint(&json, "start", departure->start);
    json_int(&json, "ppid", departure->figures.ppid);
    json_int(&json, "status", (int)receiver->notice.arguments[0] & 0xFF);
    event_figures(&json, &departure->figures);
    event_record(receiver->shared, &json);
}

/* The last look at a process that another of the run is about to kill: it will have no exit of its own. */
static int look_at_kill(struct receiver *receiver)
{
    const uint64_t *arguments = receiver->notice.arguments;
    const pid_t target = (pid_t)arguments[0];
    struct departure *departure = &receiver->departure;
    struct process known;

    receiver->who.pid = who_process(&receiver->threads, receiver->notice.tid);
    departure->number = (int)arguments[receiver->notice.call == CALL_KILL ? 1 : 2];
    departure->figures.have = 0;
    if (target > 0 && (processes_find(target, &known) || target == receiver->who.pid))
        read_figures(target, &departure->figures, true);
    receiver->silent = departure->figures.have == 0;
    return 0;
}

static void write_kill(struct receiver *receiver)
{
    const struct departure *departure = &receiver->departure;
    struct json json;

    event_open_at(&json, receiver->line, sizeof receiver->line, receiver->notice.moment, "kill", "notify");
    json_int(&json, "pid", receiver->who.pid);
    json_int(&json, "target", departure->figures.tgid);
    json_int(&json, "signal", departure->number);
    event_figures(&json, &departure->figures);
    event_record(receiver->shared, &json);
}

const struct handler exits_handler = {look_at_exit, write_exit};
const struct handler kills_handler = {look_at_kill, write_kill};
