#define _GNU_SOURCE
#include "machine.h"

#include "readings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const pressure_names[PRESSURES] = {"cpu", "memory", "io"};

static bool read_keyed(const char *folder, const char *name, const char *key, uint64_t *value)
{
    char path[CGROUP_PATH + 64];
    char text[16384]; /* vmstat is the longest */
    ssize_t length;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    length = read_file(path, text, sizeof text);
    if (length <= 0)
        return false;
    if (*key == '\0')
        return parse_number(text, (size_t)length, value);
    return parse_keyed(text, (size_t)length, key, value);
}

static void find_own_cgroup(struct machine *machine)
{
    char text[4096];
    char path[CGROUP_PATH - 32];
    ssize_t length = read_file("/proc/self/cgroup", text, sizeof text);

    if (length <= 0)
        return;
    machine->cgroup_version = parse_cgroup(text, (size_t)length, path, sizeof path);
    snprintf(machine->cgroup, sizeof machine->cgroup, "/sys/fs/cgroup%s%s",
             machine->cgroup_version == 1 ? "/memory" : "", path);
    if (access(machine->cgroup, R_OK) != 0)
        machine->cgroup_version = 0; /* a namespace without its own mount: the path means nothing here */
}

/* Nothing is in it but ourselves: then its figures are the run's. */
static bool only_ours(const char *folder, const struct shared *shared)
{
    char path[CGROUP_PATH + 64];
    char text[1024];
    pid_t pids[64];
    ssize_t length;
    size_t count;

    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    length = read_file(path, text, sizeof text);
    if (length <= 0 || length == (ssize_t)sizeof text)
        return false;
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\n')
            text[i] = ' ';
    count = parse_children(text, (size_t)length, pids, sizeof pids / sizeof *pids);
    for (size_t i = 0; i < count; i++)
        if (pids[i] != shared->front && pids[i] != shared->guard && pids[i] != shared->recorder &&
            pids[i] != shared->command)
            return false;
    return count > 0;
}

static void read_cgroup(struct machine *machine)
{
    const bool v2 = machine->cgroup_version == 2;

    machine->has_cgroup_oom_kills = read_keyed(machine->cgroup, v2 ? "memory.events" : "memory.oom_control",
                                               "oom_kill ", &machine->cgroup_oom_kills);
    machine->has_cgroup_cpu = v2 && read_keyed(machine->cgroup, "cpu.stat", "usage_usec", &machine->cgroup_cpu_us);
}

static void read_machine(struct machine *machine)
{
    char path[64];
    char text[512];

    for (int i = 0; i < PRESSURES; i++) {
        ssize_t length;

        snprintf(path, sizeof path, "/proc/pressure/%s", pressure_names[i]);
        length = read_file(path, text, sizeof text);
        machine->has_pressure[i] =
            length > 0 && parse_pressure(text, (size_t)length, &machine->pressure_us[i]);
    }
    machine->has_oom_kills = read_keyed("/proc", "vmstat", "oom_kill ", &machine->oom_kills);
    if (machine->cgroup_version != 0)
        read_cgroup(machine);
}

void machine_start(struct machine *machine, const struct shared *shared)
{
    *machine = (struct machine){0};
    find_own_cgroup(machine);
    if (machine->cgroup_version != 0)
        machine->cgroup_own = only_ours(machine->cgroup, shared);
    read_machine(machine);
}

static void account_cgroup(const struct machine *start, const struct machine *now, const struct shared *shared,
                           struct json *json)
{
    uint64_t peak;

    json_open(json, "cgroup", '{');
    json_int(json, "version", start->cgroup_version);
    json_string(json, "path", start->cgroup);
    json_bool(json, "own", start->cgroup_own && only_ours(start->cgroup, shared));
    if (read_keyed(start->cgroup, start->cgroup_version == 2 ? "memory.peak" : "memory.max_usage_in_bytes", "", &peak))
        json_uint(json, "memory_peak", peak);
    if (start->has_cgroup_oom_kills && now->has_cgroup_oom_kills)
        json_uint(json, "oom_kills", now->cgroup_oom_kills - start->cgroup_oom_kills);
    if (start->has_cgroup_cpu && now->has_cgroup_cpu)
        json_uint(json, "cpu_us", now->cgroup_cpu_us - start->cgroup_cpu_us);
    json_close(json, '}');
}

void machine_account(const struct machine *start, const struct shared *shared, struct json *json)
{
    struct machine now = *start;

    read_machine(&now);
    json_open(json, "pressure", '{');
    for (int i = 0; i < PRESSURES; i++)
        if (start->has_pressure[i] && now.has_pressure[i])
            json_uint(json, pressure_names[i], now.pressure_us[i] - start->pressure_us[i]);
    json_close(json, '}');
    if (start->has_oom_kills && now.has_oom_kills)
        json_uint(json, "oom_kills", now.oom_kills - start->oom_kills);
    if (start->cgroup_version != 0)
        account_cgroup(start, &now, shared, json);
}
