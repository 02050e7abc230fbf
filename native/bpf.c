#define _GNU_SOURCE
#include "bpf.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { LEAVES = 64 };

/* Signals after which a process has no exit_group of its own: the last moment to look at it is before. */
static const uint32_t deadly[] = {SIGKILL, SIGABRT, SIGTERM};
/* Calls of socketcall(2) that name an address: bind, connect, listen, sendto, and getsockopt for what came of it. */
static const uint32_t addressing[] = {2, 3, 4, 11, 15};
/* The same where sending anywhere is to be refused: sendmsg, sendmmsg as well. */
static const uint32_t sending[] = {2, 3, 4, 11, 15, 16, 20};

static void emit(struct bpf *program, struct sock_filter instruction)
{
    if (program->length == BPF_SIZE)
        program->too_long = true;
    else
        program->code[program->length++] = instruction;
}

static void emit_load(struct bpf *program, size_t offset)
{
    emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct bpf *program, uint32_t action)
{
    emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void emit_test(struct bpf *program, unsigned short test, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    emit(program, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, if_true, if_false));
}

/* The low word of an argument comes first in memory on all our (little-endian) machines. */
static void emit_load_argument(struct bpf *program, int argument, bool high)
{
    emit_load(program, offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t) + (high ? 4 : 0));
}

/* Notifies if the argument is one of the values. */
static void emit_one_of(struct bpf *program, int argument, const uint32_t *values, size_t count)
{
    emit_load_argument(program, argument, false);
    for (size_t i = 0; i < count; i++)
        emit_test(program, BPF_JEQ, values[i], (uint8_t)(count - i), 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_not_null(struct bpf *program, int argument)
{
    emit_load_argument(program, argument, false);
    emit_test(program, BPF_JEQ, 0, 0, 3);
    emit_load_argument(program, argument, true);
    emit_test(program, BPF_JEQ, 0, 0, 1);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_socket_error(struct bpf *program)
{
    emit_load_argument(program, 1, false);
    emit_test(program, BPF_JEQ, SOL_SOCKET, 0, 2);
    emit_load_argument(program, 2, false);
    emit_test(program, BPF_JEQ, SO_ERROR, 1, 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_any_bit(struct bpf *program, int argument, uint32_t bits)
{
    emit_load_argument(program, argument, false);
    emit_test(program, BPF_JSET, bits, 1, 0);
    emit_return(program, SECCOMP_RET_ALLOW);
}

/* A call whose number is known by now: notified, or not, as its arguments say. */
static void emit_decision(struct bpf *program, const struct traced *traced, const struct policy *policy)
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
static void emit_search(struct bpf *program, const struct leaf *leaves, size_t count, const struct policy *policy)
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

static void emit_calls(struct bpf *program, uint32_t arch, bool x32, const struct policy *policy)
{
    struct leaf leaves[LEAVES];

    emit_search(program, leaves, list_leaves(leaves, arch, x32, policy), policy);
}

/* Jumps over what `emit_block` emits unless the test holds. */
static unsigned short emit_unless(struct bpf *program, unsigned short test, uint32_t value)
{
    emit_test(program, test, value, 1, 0);
    emit(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    return (unsigned short)(program->length - 1);
}

static void land(struct bpf *program, unsigned short jump)
{
    program->code[jump].k = (uint32_t)(program->length - jump - 1);
}

static void emit_arch(struct bpf *program, uint32_t arch, const struct policy *policy)
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
void bpf_build(struct bpf *program, const struct policy *policy)
{
    program->length = 0;
    program->too_long = false;
    emit_load(program, offsetof(struct seccomp_data, arch));
    emit_arch(program, arch_native, policy);
    emit_arch(program, arch_compat, policy);
    emit_return(program, SECCOMP_RET_ALLOW);
}
