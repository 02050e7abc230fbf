#define _GNU_SOURCE
#include "probe.h"

#include "arguments.h"
#include "filter.h"
#include "json.h"
#include "listener.h"
#include "readings.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* One ability: there, or why not. */
static void say(struct json *json, const char *name, bool ok, const char *why)
{
    json_open(json, name, '{');
    json_bool(json, "ok", ok);
    json_string(json, "why", ok ? "" : why);
    json_close(json, '}');
}

static void say_errno(struct json *json, const char *name, bool ok)
{
    say(json, name, ok, strerror(errno));
}

/* Tried for real, in a child: a filter can't be taken off again. */
struct trial {
    int error;
    bool wait_killable;
    bool no_new_privs;
    bool synchronous;
};

static struct trial try_filter(void)
{
    struct trial trial = {.error = EIO};
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return trial;
    pid = fork();
    if (pid == 0) {
        struct filter_result result = filter_install(&(struct policy){false, false});

        trial = (struct trial){result.error, result.wait_killable, result.no_new_privs,
                               result.listener >= 0 && listener_synchronous(result.listener)};
        (void)!write(ends[1], &trial, sizeof trial);
        for (;;) /* to exit would wait for an answer that nobody gives */
            pause();
    }
    close(ends[1]);
    if (pid > 0 && read(ends[0], &trial, sizeof trial) != (ssize_t)sizeof trial)
        trial.error = EIO;
    close(ends[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return trial;
}

static void probe_filter(struct json *json)
{
    struct trial trial = try_filter();
    const char *none = "there are no notifications at all";

    say(json, "user_notif", trial.error == 0, filter_explain(trial.error));
    say(json, "wait_killable", trial.error == 0 && trial.wait_killable,
        trial.error == 0 ? "kernel before 5.19: a signal may cause an event to be seen twice" : none);
    say(json, "sync_wake_up", trial.synchronous,
        trial.error == 0 ? "kernel before 6.6: each notification costs several times as much" : none);
    say(json, "keeps_setuid", trial.error == 0 && !trial.no_new_privs,
        "without CAP_SYS_ADMIN a traced command can't gain privileges: `sudo` and its like need `--trace off`");
}

/* A child of ours, asleep: what may be read of the processes of a run. */
static pid_t start_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;)
            pause();
    }
    return pid;
}

static void probe_process(struct json *json)
{
    static const char word[] = "vestige";
    struct figures figures;
    char copy[sizeof word];
    char path[64];
    uint64_t number;
    pid_t pid = start_sleeper();

    read_figures(pid, &figures, true);
    say(json, "memory_read", memory_read(pid, (uint64_t)(uintptr_t)word, copy, sizeof copy) == sizeof copy,
        "the arguments of commands can't be read (yama ptrace_scope, or a container's rules)");
    say(json, "memory_peak", (figures.have & HAVE_HWM) != 0, "/proc/PID/status has no VmHWM");
    say(json, "io_counts", (figures.have & HAVE_IO) != 0, "/proc/PID/io can't be read (CONFIG_TASK_IO_ACCOUNTING)");
    say(json, "run_queue_wait", (figures.have & HAVE_WAIT) != 0, "/proc/PID/schedstat can't be read");
    say(json, "process_clock", read_cpu_clock(pid, &number), "another process's CPU clock can't be read");
    say(json, "proportional_memory", read_pss(pid, &number), "/proc/PID/smaps_rollup can't be read");
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    say_errno(json, "children_list", access(path, R_OK) == 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void probe_pidfd(struct json *json)
{
    pid_t pid = start_sleeper();
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    say_errno(json, "pidfd", pidfd >= 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    say(json, "exit_of_strangers", pidfd_exit_status(pidfd) == SIGKILL,
        "kernel before 6.15: how a process killed by a signal ended is known only if it was ours to wait for");
    if (pidfd >= 0)
        close(pidfd);
}

int probe_run(void)
{
    char text[8192];
    struct utsname name;
    struct json json;

    uname(&name);
    json_start(&json, text, sizeof text);
    json_open(&json, NULL, '{');
    json_string(&json, "kernel", name.release);
    json_string(&json, "architecture", name.machine);
    probe_filter(&json);
    probe_process(&json);
    probe_pidfd(&json);
    say_errno(&json, "subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    say_errno(&json, "pressure", access("/proc/pressure/cpu", R_OK) == 0);
    json_close(&json, '}');
    return fwrite(text, 1, json_end_line(&json), stdout) > 0 && fflush(stdout) == 0 ? 0 : 1;
}
