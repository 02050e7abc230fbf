/* What the kernel says of a process: its files in /proc, its CPU clock, its end. */
#ifndef VESTIGE_READINGS_H
#define VESTIGE_READINGS_H

#include "proc.h"

/* Reads a small file whole, from its beginning; -1 with errno if it can't be read. */
ssize_t read_file(const char *path, char *buffer, size_t size);
ssize_t read_proc(pid_t pid, const char *name, char *buffer, size_t size);
int open_proc(pid_t pid, const char *name);

bool read_stat(pid_t pid, struct stat_line *stat);
/* Adds what /proc/PID/status says; false if it can't be read. */
bool read_status(pid_t pid, struct figures *figures);
bool read_cpu_clock(pid_t tgid, uint64_t *cpu_ns);
/* What this thread has used, ns. */
uint64_t read_own_cpu(void);
bool read_pss(pid_t pid, uint64_t *pss);
/* How a process ended, even after its parent has reaped it (kernel 6.15): a wait status, -1 if it can't be known. */
int pidfd_exit_status(int pidfd);
/* All that can be had of a process that stands still: status, io, CPU clock; and what it waited for a CPU, if asked. */
void read_figures(pid_t pid, struct figures *figures, bool wait);

#endif
