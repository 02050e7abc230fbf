/* state: prints as JSON, on the file that VICTIM_REPORT names or else on stdout, all that a process inherits.
   Strings are hexadecimal, since they may hold any byte. */
#include "victim.h"

#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

extern char **environ;

static FILE *out;
static int own = -1; /* the descriptor of `out` where we opened it ourselves */

static void hex(const char *bytes)
{
    fputc('"', out);
    for (; *bytes; bytes++)
        fprintf(out, "%02x", (unsigned char)*bytes);
    fputc('"', out);
}

static void list(const char *name, char **words)
{
    fprintf(out, "\"%s\":[", name);
    for (char **word = words; *word; word++) {
        fputs(word == words ? "" : ",", out);
        hex(*word);
    }
    fputs("],\n", out);
}

/* The lines of /proc/self/status that are inherited over fork and exec. */
static void status_lines(void)
{
    static const char *const kept[] = {"SigBlk", "SigIgn", "CapInh", "CapPrm",  "CapEff", "CapBnd", "CapAmb", "Uid",
                                       "Gid",    "Groups", "Umask",  "Cpus_allowed_list", "CoreDumping", "THP_enabled"};
    char line[4096];
    FILE *status = fopen("/proc/self/status", "re");
    if (!status)
        broken("/proc/self/status");
    while (fgets(line, sizeof line, status)) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        *value++ = 0;
        value[strcspn(value, "\n")] = 0;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (!strcmp(line, kept[i])) {
                fprintf(out, "\"%s\":", line);
                hex(value + strspn(value, "\t "));
                fputs(",\n", out);
            }
    }
    fclose(status);
}

/* What `fdinfo` says of a descriptor: where it stands and how it was opened. */
static void descriptor(const char *number)
{
    char path[300], target[4096], info[512];
    struct stat file;
    snprintf(path, sizeof path, "/proc/self/fd/%s", number);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%s", number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? 0 : read(fd, info, sizeof info - 1);
    info[length > 0 ? length : 0] = 0;
    close(fd);
    const char *flags = strstr(info, "flags:");
    unsigned long mode = flags ? strtoul(flags + 6, NULL, 8) : 0;
    fprintf(out, "\"%s\":{\"target\":", number);
    hex(target);
    fprintf(out, ",\"flags\":%lu,\"offset\":%ld,\"kind\":%u}", mode, strncmp(info, "pos:", 4) ? 0 : atol(info + 4),
            fstat(atoi(number), &file) ? 0 : file.st_mode & S_IFMT);
}

static void descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int first = 1;
    fputs("\"descriptors\":{", out);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder) && atoi(entry->d_name) != own) {
            fputs(first ? "\n" : ",\n", out);
            descriptor(entry->d_name);
            first = 0;
        }
    fputs("},\n", out);
    if (folder)
        closedir(folder);
}

static void limits(void)
{
    fputs("\"limits\":[", out);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit = {0, 0};
        getrlimit((__rlimit_resource_t)i, &limit);
        fprintf(out, "%s[%lld,%lld]", i ? "," : "", (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    fputs("],\n", out);
}

static void number(const char *name, long value)
{
    fprintf(out, "\"%s\":%ld,\n", name, value);
}

static void attributes(void)
{
    int death_signal = 0, subreaper = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    number("death_signal", death_signal);
    number("subreaper", subreaper);
    number("dumpable", prctl(PR_GET_DUMPABLE));
    number("keep_capabilities", prctl(PR_GET_KEEPCAPS));
    number("secure_bits", prctl(PR_GET_SECUREBITS));
    number("timer_slack", prctl(PR_GET_TIMERSLACK));
    number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    number("policy", sched_getscheduler(0));
    number("io_priority", syscall(SYS_ioprio_get, 1, 0));
    errno = 0;
    number("nice", getpriority(PRIO_PROCESS, 0));
    number("group", getpgid(0));
    number("session", getsid(0));
    number("personality", syscall(SYS_personality, 0xffffffff));
}

static void terminal_group(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    number("terminal_group", fd < 0 ? -1 : tcgetpgrp(fd));
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    char folder[4096] = "";
    (void)argc;
    const char *path = getenv("VICTIM_REPORT");
    out = path ? fopen(path, "we") : stdout;
    if (!out)
        broken(path);
    if (path)
        own = fileno(out);
    fputs("{", out);
    list("argv", argv + 1);
    list("environment", environ);
    status_lines();
    descriptors();
    limits();
    attributes();
    terminal_group();
    if (!getcwd(folder, sizeof folder))
        broken("getcwd");
    fputs("\"cwd\":", out);
    hex(folder);
    fputs("}\n", out);
    return fclose(out) ? BROKEN : 0;
}
