#define _GNU_SOURCE
#include "frame.h"

#include "filter.h"
#include "readings.h"
#include "streams.h"

#include <limits.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BEGIN_SIZE = 512 * 1024 };

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/* What three clocks said at the moment from which every `t` counts; that is a while ago where the machine is busy. */
static void write_clocks(struct json *json, const struct shared *shared)
{
    const uint64_t ago = shared_now(shared);

    json_uint(json, "realtime_ns", clock_ns(CLOCK_REALTIME) - ago);
    json_uint(json, "monotonic_ns", shared->monotonic_ns);
    json_uint(json, "boottime_ns", clock_ns(CLOCK_BOOTTIME) - ago);
    json_int(json, "clock_ticks", sysconf(_SC_CLK_TCK));
    json_int(json, "page_size", sysconf(_SC_PAGESIZE));
}

static void write_pids(struct json *json, const struct shared *shared)
{
    json_open(json, "pids", '{');
    json_int(json, "front", shared->front);
    json_int(json, "guard", shared->guard);
    json_int(json, "recorder", shared->recorder);
    json_close(json, '}');
}

static bool begin_with(struct shared *shared, const struct request *request, bool with_argv)
{
    static char line[BEGIN_SIZE]; /* touched only as far as the arguments are long */
    char cwd[PATH_MAX];
    struct json json;

    event_open(&json, line, sizeof line, shared, "begin", NULL);
    json_int(&json, "format", 1);
    json_string(&json, "vestige", request->version);
    json_string(&json, "id", request->id);
    json_string(&json, "observer", "recorder");
    if (getcwd(cwd, sizeof cwd) != NULL)
        json_string(&json, "cwd", cwd);
    write_clocks(&json, shared);
    write_pids(&json, shared);
    streams_describe(shared, &json);
    json_open(&json, "argv", '[');
    for (char **word = request->command; with_argv && *word != NULL; word++)
        json_string(&json, NULL, *word);
    json_close(&json, ']');
    if (json.overflow)
        return false;
    event_record(shared, &json);
    return true;
}

/* record.json has the arguments too: where they are too long for a line, they are left out here. */
void frame_begin(struct shared *shared, const struct request *request)
{
    if (!begin_with(shared, request, true))
        begin_with(shared, request, false);
}

void frame_trace(struct shared *shared, bool wanted)
{
    const bool on = atomic_load(&shared->listener) >= 0;
    struct event event;

    event_start(&event, shared, "trace", NULL);
    json_string(&event.json, "state", on ? "on" : wanted ? "unavailable" : "off");
    if (!on && wanted) {
        json_int(&event.json, "errno", shared->listener_errno);
        json_string(&event.json, "reason", filter_explain(shared->listener_errno));
    } else if (!on) {
        json_string(&event.json, "reason", "switched off by --trace off");
    }
    json_bool(&event.json, "wait_killable", shared->wait_killable);
    json_bool(&event.json, "sync_wake_up", shared->sync_wake_up);
    json_bool(&event.json, "no_new_privs", shared->no_new_privs);
    event_record(shared, &event.json);
}

/* The moment is that before the fork: by the time it returns here, the command may have run for a while. */
void frame_start(struct shared *shared, struct moment moment)
{
    struct event event;

    event_open_at(&event.json, event.line, sizeof event.line, moment, "start", NULL);
    json_int(&event.json, "pid", atomic_load(&shared->command));
    event_record(shared, &event.json);
}

void frame_failed(struct shared *shared, const char *stage, int error)
{
    struct event event;

    event_start(&event, shared, "failed", NULL);
    json_string(&event.json, "stage", stage);
    json_int(&event.json, "errno", error);
    event_record(shared, &event.json);
}

static void write_cost(struct json *json, const struct shared *shared)
{
    struct figures guard = {0};
    struct totals own = {0};
    struct rusage usage;

    (void)read_status(shared->guard, &guard);
    getrusage(RUSAGE_SELF, &usage);
    totals_add(&own, &usage);
    if (read_cpu_clock(shared->guard, &guard.cpu_ns))
        own.system_us += guard.cpu_ns / 1000;
    json_open(json, "cost", '{');
    json_uint(json, "user_us", own.user_us);
    json_uint(json, "system_us", own.system_us);
    json_uint(json, "maxrss", own.maxrss);
    if (guard.have & HAVE_HWM)
        json_uint(json, "guard_maxrss", guard.hwm);
    json_close(json, '}');
}

void frame_end(struct shared *shared, const struct machine *machine, const char *via)
{
    struct event event;

    event_start(&event, shared, "end", via);
    if (atomic_load(&shared->command_ended))
        json_int(&event.json, "status", atomic_load(&shared->command_status));
    event_totals(&event.json, &shared->totals);
    streams_account(shared, &event.json);
    json_uint(&event.json, "pss_skipped", atomic_load(&shared->pss_skipped));
    json_uint(&event.json, "dropped", atomic_load(&shared->dropped));
    json_uint(&event.json, "lost", atomic_load(&shared->lost));
    json_uint(&event.json, "repeats", atomic_load(&shared->repeats));
    json_uint(&event.json, "unlisted", atomic_load(&shared->unlisted));
    if (machine != NULL) {
        write_cost(&event.json, shared);
        machine_account(machine, shared, &event.json);
    }
    event_record(shared, &event.json);
}
