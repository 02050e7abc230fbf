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
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { PROGRAM_SIZE = 1024, LEAVES = 64 };

/* Signals after which a process has no exit_group of its own: the last moment to look at it is before. */
static const uint32_t deadly[] = {SIGKILL, SIGABRT, SIGTERM};
/* Calls of socketcall(2) that name an address: bind, connect, listen, sendto, and getsockopt for what came of it. */
static const uint32_t addressing[] = {2, 3, 4, 11, 15};
/* The same where sending anywhere is to be refused: sendmsg, sendmmsg as well. */
static const uint32_t sending[] = {2, 3, 4, 11, 15, 16, 20};

struct program {
    struct sock_filter code[PROGRAM_SIZE];
    unsigned short length;
    bool too_long;
};

static void emit(struct program *program, struct sock_filter instruction)
{
    if (program->length == PROGRAM_SIZE)
        program->too_long = true;
    else
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

static void emit_test(struct program *program, unsigned short test, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    emit(program, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, if_true, if_false));
}

/* The low word of an argument comes first in memory on all our (little-endian) machines. */
static void emit_load_argument(struct program *program, int argument, bool high)
{
    emit_load(program, offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t) + (high ? 4 : 0));
}

/* Notifies if the argument is one of the values. */
static void emit_one_of(struct program *program, int argument, const uint32_t *values, size_t count)
{
    emit_load_argument(program, argument, false);
    for (size_t i = 0; i < count; i++)
        emit_test(program, BPF_JEQ, values[i], (uint8_t)(count - i), 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_not_null(struct program *program, int argument)
{
    emit_load_argument(program, argument, false);
    emit_test(program, BPF_JEQ, 0, 0, 3);
    emit_load_argument(program, argument, true);
    emit_test(program, BPF_JEQ, 0, 0, 1);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_socket_error(struct program *program)
{
    emit_load_argument(program, 1, false);
    emit_test(program, BPF_JEQ, SOL_SOCKET, 0, 2);
    emit_load_argument(program, 2, false);
    emit_test(program, BPF_JEQ, SO_ERROR, 1, 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_any_bit(struct program *program, int argument, uint32_t bits)
{
    emit_load_argument(program, argument, false);
    emit_test(program, BPF_JSET, bits, 1, 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

/* A call whose number is known by now: notified, or not, as its arguments say. */
static void emit_decision(struct program *program, const struct traced *traced, const struct policy *policy)
{
    switch (traced->when) {
    case ALWAYS:
        break;
    case WHEN_DEADLY:
        emit_one_of(program, traced->argument, deadly, sizeof deadly / sizeof *deadly);
        break;
    case WHEN_ANY_BIT:
        emit_any_bit(program, traced->argument, traced->bits);
        break;
    case WHEN_NOT_NULL:
        emit_not_null(program, traced->argument);
        break;
    case WHEN_SOCKET_ERROR:
        emit_socket_error(program);
        break;
    case WHEN_ADDRESS:
        if (policy->deny_network)
            emit_one_of(program, 0, sending, sizeof sending / sizeof *sending);
        else
            emit_one_of(program, 0, addressing, sizeof addressing / sizeof *addressing);
        break;
    }
    emit_return(program, SECCOMP_RET_USER_NOTIF);
}

/* A call and its number on one architecture. */
struct leaf {
    uint32_t number;
    const struct traced *traced;
};

static int compare_leaves(const void *a, const void *b)
{
    const uint32_t one = ((const struct leaf *)a)->number;
    const uint32_t other = ((const struct leaf *)b)->number;

    return one < other ? -1 : one > other;
}

static size_t list_leaves(struct leaf *leaves, uint32_t arch, bool x32, const struct policy *policy)
{
    size_t count = 0;

    for (size_t i = 0; i < traced_count; i++) {
        const struct traced *traced = &traced_calls[i];
        int number = traced_number(traced, arch, x32);

        if (number >= 0 && count < LEAVES && (policy->deny_network || !traced->only_denying))
            leaves[count++] = (struct leaf){(uint32_t)number, traced};
    }
    qsort(leaves, count, sizeof *leaves, compare_leaves);
    return count;
}

/* A binary search: kernels before 5.11 run all of this for every call of the command. A conditional jump reaches 255
 * instructions, an unconditional one any number. */
static void emit_search(struct program *program, const struct leaf *leaves, size_t count, const struct policy *policy)
{
    unsigned short jump;

    if (count == 1) {
        emit_test(program, BPF_JEQ, leaves->number, 1, 0);
        emit_return(program, SECCOMP_RET_ALLOW);
        emit_decision(program, leaves->traced, policy);
        return;
    }
    emit_test(program, BPF_JGE, leaves[count / 2].number, 0, 1);
    jump = program->length;
    emit(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    emit_search(program, leaves, count / 2, policy);
    program->code[jump].k = (uint32_t)(program->length - jump - 1);
    emit_search(program, leaves + count / 2, count - count / 2, policy);
}

static void emit_calls(struct program *program, uint32_t arch, bool x32, const struct policy *policy)
{
    struct leaf leaves[LEAVES];

    emit_search(program, leaves, list_leaves(leaves, arch, x32, policy), policy);
}

/* Jumps over what `emit_block` emits unless the test holds. */
static unsigned short emit_unless(struct program *program, unsigned short test, uint32_t value)
{
    emit_test(program, test, value, 1, 0);
    emit(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    return (unsigned short)(program->length - 1);
}

static void land(struct program *program, unsigned short jump)
{
    program->code[jump].k = (uint32_t)(program->length - jump - 1);
}

static void emit_arch(struct program *program, uint32_t arch, const struct policy *policy)
{
    const unsigned short other = emit_unless(program, BPF_JEQ, arch);

    emit_load(program, offsetof(struct seccomp_data, nr));
    if (arch == (uint32_t)AUDIT_ARCH_X86_64) {
        const unsigned short plain = emit_unless(program, BPF_JGE, X32_BIT);

        emit_calls(program, arch, true, policy);
        land(program, plain);
    }
    emit_calls(program, arch, false, policy);
    land(program, other);
}

/* Whether to allow depends on the number alone wherever it can, so that the kernel (5.11) caches the answer. */
static void build(struct program *program, const struct policy *policy)
{
    program->length = 0;
    program->too_long = false;
    emit_load(program, offsetof(struct seccomp_data, arch));
    emit_arch(program, arch_native, policy);
    emit_arch(program, arch_compat, policy);
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

struct filter_result filter_install(const struct policy *policy)
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
    build(&program, policy);
    if (program.too_long) {
        result.listener = -1;
        result.error = E2BIG;
        return result;
    }
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
