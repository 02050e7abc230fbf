/* /proc as numbers. Pure: bytes and a length in, a struct out (fuzzed in native/tests). */
#ifndef VESTIGE_PROC_H
#define VESTIGE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMM_SIZE = 64 }; /* the kernel's 15 bytes, or a kernel thread's longer name */

struct stat_line { /* proc_pid_stat(5) */
    char comm[COMM_SIZE];
    char state;
    pid_t ppid;
    uint64_t threads;
    uint64_t start; /* clock ticks since boot */
};

enum have {
    HAVE_CPU = 1,
    HAVE_HWM = 2, /* absent for a zombie */
    HAVE_IO = 4,
    HAVE_WAIT = 8,
    HAVE_THREADS = 16,
    HAVE_RSS = 32,
};

/* What a process has used so far; bytes and nanoseconds. Only what `have` names is valid. */
struct figures {
    unsigned have;
    pid_t tgid;
    pid_t ppid;
    uint64_t cpu_ns;
    uint64_t hwm;
    uint64_t vm_peak; /* 0: not known */
    uint64_t rss;
    uint64_t threads;
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t read_chars;
    uint64_t write_chars;
    uint64_t read_bytes;
    uint64_t write_bytes;
    uint64_t wait_ns;
};

/* Ended, and not yet reaped. The first thread of a process may end before others do, and shows as a zombie too. */
bool is_dead(const struct stat_line *stat);

bool parse_number(const char *text, size_t length, uint64_t *value);
bool parse_stat(const char *text, size_t length, struct stat_line *stat);
bool parse_status(const char *text, size_t length, struct figures *figures);
bool parse_io(const char *text, size_t length, struct figures *figures);
bool parse_schedstat(const char *text, size_t length, struct figures *figures);
bool parse_statm(const char *text, size_t length, uint64_t page_size, uint64_t *rss);
/* The number after `key` where a line begins with it, as in smaps_rollup, vmstat, memory.events. */
bool parse_keyed(const char *text, size_t length, const char *key, uint64_t *value);
/* `total=` of the "some" line of a pressure file, in microseconds. */
bool parse_pressure(const char *text, size_t length, uint64_t *total);
/* The pids of a `children` file; returns how many were stored. A number cut at the end of the buffer is left out. */
size_t parse_children(const char *text, size_t length, pid_t *pids, size_t room);

/* The folder of the process's memory cgroup out of /proc/PID/cgroup: "0::" is v2, a "memory" controller v1. */
int parse_cgroup(const char *text, size_t length, char *path, size_t size);

#endif
