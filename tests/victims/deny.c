/* deny RULE... -- COMMAND...: runs a command where some system calls fail, as on a kernel without them.

   A rule is NAME=ERRNO, NAME:I=VALUE=ERRNO (only where argument I is VALUE) or NAME:I&BITS=ERRNO (only where argument I
   has one of these bits). ERRNO is a number. Rules look at the lower 32 bits of an argument. */
#include "victim.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { MOST = 256 };

static const struct {
    const char *name;
    long number;
} CALLS[] = {
    {"seccomp", SYS_seccomp},       {"pidfd_open", SYS_pidfd_open},
    {"kcmp", SYS_kcmp},             {"process_vm_readv", SYS_process_vm_readv},
    {"prctl", SYS_prctl},           {"waitid", SYS_waitid},
    {"clone3", SYS_clone3},         {"close_range", SYS_close_range},
    {"splice", SYS_splice},         {"memfd_create", SYS_memfd_create},
    {"ioctl", SYS_ioctl},           {"statx", SYS_statx},
    {"pidfd_getfd", SYS_pidfd_getfd}, {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"timerfd_create", SYS_timerfd_create}, {"signalfd4", SYS_signalfd4},
    {"eventfd2", SYS_eventfd2},     {"epoll_create1", SYS_epoll_create1},
    {"prlimit64", SYS_prlimit64},   {"flock", SYS_flock},
    {"fcntl", SYS_fcntl},           {"setpgid", SYS_setpgid},
    {"fallocate", SYS_fallocate},   {"clock_gettime", SYS_clock_gettime},
    {"sendmsg", SYS_sendmsg},       {"tee", SYS_tee},
    {"faccessat2", SYS_faccessat2}, {"copy_file_range", SYS_copy_file_range},
    {"unshare", SYS_unshare},       {"clone", SYS_clone},
};

static struct sock_filter program[MOST];
static unsigned short length;

static void add(struct sock_filter step)
{
    if (length == MOST)
        broken("too many rules");
    program[length++] = step;
}

static long number_of(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        if (strlen(CALLS[i].name) == size && !strncmp(CALLS[i].name, name, size))
            return CALLS[i].number;
    errno = EINVAL;
    broken(name);
}

static void load_number(void)
{
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
}

static void refuse(const char *error)
{
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(error)));
}

static void add_rule(const char *rule)
{
    size_t size = strcspn(rule, ":=");
    unsigned number = (unsigned)number_of(rule, size);
    load_number();
    if (rule[size] == '=') {
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
        refuse(rule + size + 1);
        return;
    }
    char *end;
    unsigned argument = (unsigned)strtoul(rule + size + 1, &end, 0);
    unsigned short test = *end == '&' ? BPF_JSET : BPF_JEQ;
    unsigned value = (unsigned)strtoul(end + 1, &end, 0);
    if (argument > 5 || *end != '=')
        broken(rule);
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3));
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * argument));
    add((struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, 0, 1));
    refuse(end + 1);
}

static void install(void)
{
    struct sock_fprog filter = {length, program};
    if (geteuid() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        broken("no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        broken("seccomp");
}

int main(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--"); i++)
        add_rule(argv[i]);
    if (i + 1 >= argc)
        broken("no command");
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    install();
    execvp(argv[i + 1], argv + i + 1);
    broken(argv[i + 1]);
}
