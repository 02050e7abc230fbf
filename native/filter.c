#define _GNU_SOURCE
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { X32_BIT = 0x40000000, PROGRAM_SIZE = 128 };

#if defined(__x86_64__)
enum { NATIVE = AUDIT_ARCH_X86_64, COMPAT = AUDIT_ARCH_I386 };
#elif defined(__aarch64__)
enum { NATIVE = AUDIT_ARCH_AARCH64, COMPAT = AUDIT_ARCH_ARM };
#else
#error "the recorder knows x86-64 and aarch64; elsewhere vestige falls back to its portable observer"
#endif

/* One traced call: its number on the native and the 32-bit architecture, on x32 where that differs (-1: not there),
 * and which argument must be a signal worth a look (-1: always notified). */
struct traced {
    enum call call;
    int native;
    int compat;
    int x32;
    int signal_argument;
};

static const struct traced table[] = {
#if defined(__x86_64__) /* arch/x86/entry/syscalls/syscall_{32,64}.tbl */
    {CALL_EXECVE, 59, 11, 520, -1},
    {CALL_EXECVEAT, 322, 358, 545, -1},
    {CALL_EXIT_GROUP, 231, 252, 231, -1},
    {CALL_KILL, 62, 37, 62, 1},
    {CALL_TGKILL, 234, 270, 234, 2},
#else /* include/uapi/asm-generic/unistd.h, arch/arm/tools/syscall.tbl */
    {CALL_EXECVE, 221, 11, -1, -1},
    {CALL_EXECVEAT, 281, 387, -1, -1},
    {CALL_EXIT_GROUP, 94, 248, -1, -1},
    {CALL_KILL, 129, 37, -1, 1},
    {CALL_TGKILL, 131, 268, -1, 2},
#endif
};

/* Signals after which a process has no exit_group of its own: the last moment to look at it is before. */
static const uint32_t deadly[] = {SIGKILL, SIGABRT, SIGTERM};

enum { CALLS = sizeof table / sizeof *table, DEADLY = sizeof deadly / sizeof *deadly };

static int number_of(const struct traced *traced, uint32_t arch, bool x32)
{
    if (x32)
        return traced->x32 < 0 ? -1 : (traced->x32 | X32_BIT);
    return arch == (uint32_t)NATIVE ? traced->native : traced->compat;
}

enum call filter_call(uint32_t arch, int number)
{
    bool x32 = arch == (uint32_t)NATIVE && NATIVE == AUDIT_ARCH_X86_64 && (number & X32_BIT) != 0;

    for (int i = 0; i < CALLS; i++)
        if (number_of(&table[i], arch, x32) == number)
            return table[i].call;
    return CALL_NONE;
}

bool filter_is_32bit(uint32_t arch)
{
    return arch != (uint32_t)NATIVE;
}

struct program {
    struct sock_filter code[PROGRAM_SIZE];
    unsigned short length;
};

static void emit(struct program *program, struct sock_filter instruction)
{
    program->code[program->length++] = instruction;
}

static void emit_load(struct program *program, size_t offset)
{
    emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct program *program, uint32_t action)
{
    emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If the loaded number is this call's: notify, or look at the signal first. Otherwise falls through. */
static void emit_call(struct program *program, const struct traced *traced, int number)
{
    const uint8_t skip = traced->signal_argument < 0 ? 1 : DEADLY + 3;

    if (number < 0)
        return;
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, skip));
    if (traced->signal_argument >= 0) {
        /* signals are small: the low word, first in memory on all our (little-endian) machines, is all of it */
        emit_load(program, offsetof(struct seccomp_data, args) + (size_t)traced->signal_argument * sizeof(uint64_t));
        for (uint8_t i = 0; i < DEADLY; i++)
            emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deadly[i], DEADLY - i, 0));
        emit_return(program, SECCOMP_RET_ALLOW);
    }
    emit_return(program, SECCOMP_RET_USER_NOTIF);
}

/* All calls of one architecture; the part before decides by the number alone, so that the kernel caches the rest. */
static void emit_calls(struct program *program, uint32_t arch, bool x32)
{
    for (int i = 0; i < CALLS; i++)
        emit_call(program, &table[i], number_of(&table[i], arch, x32));
    emit_return(program, SECCOMP_RET_ALLOW);
}

/* If the architecture is this one: its calls. The jump over them is patched once their length is known. */
static void emit_arch(struct program *program, uint32_t arch)
{
    unsigned short jump = program->length;

    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 0));
    emit_load(program, offsetof(struct seccomp_data, nr));
    if (arch == (uint32_t)AUDIT_ARCH_X86_64) {
        unsigned short native = program->length;

        emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 0));
        emit_calls(program, arch, true);
        program->code[native].jf = (uint8_t)(program->length - native - 1);
    }
    emit_calls(program, arch, false);
    program->code[jump].jf = (uint8_t)(program->length - jump - 1);
}

static void build(struct program *program)
{
    program->length = 0;
    emit_load(program, offsetof(struct seccomp_data, arch));
    emit_arch(program, (uint32_t)NATIVE);
    emit_arch(program, (uint32_t)COMPAT);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static bool may_filter_as_is(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

static int install(struct program *program, unsigned long flags)
{
    struct sock_fprog code = {.len = program->length, .filter = program->code};

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &code);
}

/* CONTINUE came with 5.5 (seccomp(2)): before that an answer would be refused, and the command would wait for ever. */
static bool kernel_continues(void)
{
    struct utsname name;
    int major = 0;
    int minor = 0;

    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 5));
}

/* Asked before no_new_privs is set, which can't be taken back. */
static bool kernel_notifies(void)
{
    struct seccomp_notif_sizes sizes;
    uint32_t action = SECCOMP_RET_USER_NOTIF;

    if (!kernel_continues()) {
        errno = ENOSYS;
        return false;
    }
    return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
           syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

const char *filter_explain(int error)
{
    switch (error) {
    case EBUSY:
        return "another listener stands over this process: an outer vestige, or a container's own";
    case EPERM:
    case EACCES:
        return "a seccomp profile forbids it";
    case ENOSYS:
    case EINVAL:
        return "the kernel has no notifications that may be answered with CONTINUE (5.5)";
    default:
        return strerror(error);
    }
}

struct filter_result filter_install(void)
{
    /* SPEC_ALLOW: without it older kernels switch on speculation mitigations that slow the whole command down */
    const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    struct filter_result result = {.wait_killable = true};
    struct program program;

    if (!kernel_notifies()) {
        result.listener = -1;
        result.error = errno;
        return result;
    }
    build(&program);
    if (!may_filter_as_is()) {
        result.no_new_privs = true;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
            result.listener = -1;
            result.error = errno;
            return result;
        }
    }
    result.listener = install(&program, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (result.listener < 0 && errno == EINVAL) {
        result.wait_killable = false;
        result.listener = install(&program, flags);
    }
    result.error = result.listener < 0 ? errno : 0;
    return result;
}
