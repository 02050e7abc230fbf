/* What the machine and the cgroup say about the time of the run: stalls, OOM kills, the cgroup's own peak. */
#ifndef VESTIGE_MACHINE_H
#define VESTIGE_MACHINE_H

#include "json.h"
#include "shared.h"

enum { PRESSURES = 3, CGROUP_PATH = 512 };

struct machine {
    uint64_t pressure_us[PRESSURES]; /* cpu, memory, io */
    bool has_pressure[PRESSURES];
    uint64_t oom_kills;
    bool has_oom_kills;
    int cgroup_version;              /* of the memory controller, 0: none found */
    char cgroup[CGROUP_PATH];        /* its folder */
    bool cgroup_own;                 /* nothing but this run was in it at the start */
    uint64_t cgroup_oom_kills;
    bool has_cgroup_oom_kills;
    uint64_t cgroup_cpu_us;
    bool has_cgroup_cpu;
};

void machine_start(struct machine *machine, const struct shared *shared);
/* The differences since the start, as the `pressure`, `cgroup` and `oom_kills` keys of `end`. */
void machine_account(const struct machine *start, const struct shared *shared, struct json *json);

#endif
