#define _GNU_SOURCE
#include "calls.h"

#include <linux/audit.h>
#include <sched.h>
#include <sys/syscall.h>

#ifndef SYS_openat2 /* the same number everywhere (5.6) */
#define SYS_openat2 437
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* unshare(CLONE_FILES) is our own first step, and no matter */
enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWUSER | CLONE_FS };

#define ROW(call, native, compat, x32) {call, native, compat, x32, ALWAYS, 0, 0, false}

#if defined(__x86_64__) /* arch/x86/entry/syscalls/syscall_{32,64}.tbl */

const uint32_t arch_native = AUDIT_ARCH_X86_64;
const uint32_t arch_compat = AUDIT_ARCH_I386;

/* on x32 most calls have the native number, those that pass structures their own */
const struct traced traced_calls[] = {
    ROW(CALL_EXECVE, SYS_execve, 11, 520),
    ROW(CALL_EXECVEAT, SYS_execveat, 358, 545),
    ROW(CALL_EXIT_GROUP, SYS_exit_group, 252, SYS_exit_group),
    {CALL_KILL, SYS_kill, 37, SYS_kill, WHEN_DEADLY, 1, 0, false},
    {CALL_TGKILL, SYS_tgkill, 270, SYS_tgkill, WHEN_DEADLY, 2, 0, false},
    ROW(CALL_OPEN, SYS_open, 5, SYS_open),
    ROW(CALL_OPENAT, SYS_openat, 295, SYS_openat),
    ROW(CALL_OPENAT2, SYS_openat2, 437, SYS_openat2),
    ROW(CALL_CREAT, SYS_creat, 8, SYS_creat),
    ROW(CALL_TRUNCATE, SYS_truncate, 92, SYS_truncate),
    ROW(CALL_TRUNCATE, -1, 193, -1), /* truncate64 */
    ROW(CALL_UNLINK, SYS_unlink, 10, SYS_unlink),
    ROW(CALL_UNLINKAT, SYS_unlinkat, 301, SYS_unlinkat),
    ROW(CALL_RMDIR, SYS_rmdir, 40, SYS_rmdir),
    ROW(CALL_MKDIR, SYS_mkdir, 39, SYS_mkdir),
    ROW(CALL_MKDIRAT, SYS_mkdirat, 296, SYS_mkdirat),
    ROW(CALL_MKNOD, SYS_mknod, 14, SYS_mknod),
    ROW(CALL_MKNODAT, SYS_mknodat, 297, SYS_mknodat),
    ROW(CALL_SYMLINK, SYS_symlink, 83, SYS_symlink),
    ROW(CALL_SYMLINKAT, SYS_symlinkat, 304, SYS_symlinkat),
    ROW(CALL_RENAME, SYS_rename, 38, SYS_rename),
    ROW(CALL_RENAMEAT, SYS_renameat, 302, SYS_renameat),
    ROW(CALL_RENAMEAT2, SYS_renameat2, 353, SYS_renameat2),
    ROW(CALL_LINK, SYS_link, 9, SYS_link),
    ROW(CALL_LINKAT, SYS_linkat, 303, SYS_linkat),
    ROW(CALL_CONNECT, SYS_connect, 362, SYS_connect),
    ROW(CALL_BIND, SYS_bind, 361, SYS_bind),
    ROW(CALL_LISTEN, SYS_listen, 363, SYS_listen),
    {CALL_SENDTO, SYS_sendto, 369, SYS_sendto, WHEN_NOT_NULL, 4, 0, false},
    {CALL_SENDMSG, SYS_sendmsg, 370, 518, ALWAYS, 0, 0, true},
    ROW(CALL_SENDMMSG, SYS_sendmmsg, 345, 538),
    {CALL_GETSOCKOPT, SYS_getsockopt, 365, 542, WHEN_SOCKET_ERROR, 0, 0, false},
    {CALL_SOCKETCALL, -1, 102, -1, WHEN_ADDRESS, 0, 0, false},
    ROW(CALL_IO_URING_SETUP, SYS_io_uring_setup, 425, SYS_io_uring_setup),
    ROW(CALL_OPEN_BY_HANDLE_AT, SYS_open_by_handle_at, 342, SYS_open_by_handle_at),
    ROW(CALL_MEMFD_CREATE, SYS_memfd_create, 356, SYS_memfd_create),
    ROW(CALL_CHROOT, SYS_chroot, 61, SYS_chroot),
    ROW(CALL_PIVOT_ROOT, SYS_pivot_root, 217, SYS_pivot_root),
    ROW(CALL_MOUNT, SYS_mount, 21, SYS_mount),
    ROW(CALL_MOVE_MOUNT, SYS_move_mount, 429, SYS_move_mount),
    {CALL_UNSHARE, SYS_unshare, 310, SYS_unshare, WHEN_ANY_BIT, 0, NAMESPACES, false},
    ROW(CALL_SETNS, SYS_setns, 346, SYS_setns),
};

#elif defined(__aarch64__) /* include/uapi/asm-generic/unistd.h, arch/arm/tools/syscall.tbl */

const uint32_t arch_native = AUDIT_ARCH_AARCH64;
const uint32_t arch_compat = AUDIT_ARCH_ARM;

const struct traced traced_calls[] = {
    ROW(CALL_EXECVE, SYS_execve, 11, -1),
    ROW(CALL_EXECVEAT, SYS_execveat, 387, -1),
    ROW(CALL_EXIT_GROUP, SYS_exit_group, 248, -1),
    {CALL_KILL, SYS_kill, 37, -1, WHEN_DEADLY, 1, 0, false},
    {CALL_TGKILL, SYS_tgkill, 268, -1, WHEN_DEADLY, 2, 0, false},
    ROW(CALL_OPEN, -1, 5, -1),
    ROW(CALL_OPENAT, SYS_openat, 322, -1),
    ROW(CALL_OPENAT2, SYS_openat2, 437, -1),
    ROW(CALL_CREAT, -1, 8, -1),
    ROW(CALL_TRUNCATE, SYS_truncate, 92, -1),
    ROW(CALL_TRUNCATE, -1, 193, -1), /* truncate64 */
    ROW(CALL_UNLINK, -1, 10, -1),
    ROW(CALL_UNLINKAT, SYS_unlinkat, 328, -1),
    ROW(CALL_RMDIR, -1, 40, -1),
    ROW(CALL_MKDIR, -1, 39, -1),
    ROW(CALL_MKDIRAT, SYS_mkdirat, 323, -1),
    ROW(CALL_MKNOD, -1, 14, -1),
    ROW(CALL_MKNODAT, SYS_mknodat, 324, -1),
    ROW(CALL_SYMLINK, -1, 83, -1),
    ROW(CALL_SYMLINKAT, SYS_symlinkat, 331, -1),
    ROW(CALL_RENAME, -1, 38, -1),
    ROW(CALL_RENAMEAT, SYS_renameat, 329, -1),
    ROW(CALL_RENAMEAT2, SYS_renameat2, 382, -1),
    ROW(CALL_LINK, -1, 9, -1),
    ROW(CALL_LINKAT, SYS_linkat, 330, -1),
    ROW(CALL_CONNECT, SYS_connect, 283, -1),
    ROW(CALL_BIND, SYS_bind, 282, -1),
    ROW(CALL_LISTEN, SYS_listen, 284, -1),
    {CALL_SENDTO, SYS_sendto, 290, -1, WHEN_NOT_NULL, 4, 0, false},
    {CALL_SENDMSG, SYS_sendmsg, 296, -1, ALWAYS, 0, 0, true},
    ROW(CALL_SENDMMSG, SYS_sendmmsg, 374, -1),
    {CALL_GETSOCKOPT, SYS_getsockopt, 295, -1, WHEN_SOCKET_ERROR, 0, 0, false},
    ROW(CALL_IO_URING_SETUP, SYS_io_uring_setup, 425, -1),
    ROW(CALL_OPEN_BY_HANDLE_AT, SYS_open_by_handle_at, 371, -1),
    ROW(CALL_MEMFD_CREATE, SYS_memfd_create, 385, -1),
    ROW(CALL_CHROOT, SYS_chroot, 61, -1),
    ROW(CALL_PIVOT_ROOT, SYS_pivot_root, 218, -1),
    ROW(CALL_MOUNT, SYS_mount, 21, -1),
    ROW(CALL_MOVE_MOUNT, SYS_move_mount, 429, -1),
    {CALL_UNSHARE, SYS_unshare, 337, -1, WHEN_ANY_BIT, 0, NAMESPACES, false},
    ROW(CALL_SETNS, SYS_setns, 375, -1),
};

#else
#error "the recorder knows x86-64 and aarch64; elsewhere vestige falls back to its portable observer"
#endif

const size_t traced_count = sizeof traced_calls / sizeof *traced_calls;

const struct layout call_layouts[CALLS] = {
    [CALL_OPEN] = {"open", -1, 0, -1, -1, 1},
    [CALL_OPENAT] = {"open", 0, 1, -1, -1, 2},
    [CALL_OPENAT2] = {"open", 0, 1, -1, -1, -1}, /* its flags are in a structure */
    [CALL_CREAT] = {"open", -1, 0, -1, -1, -1},
    [CALL_TRUNCATE] = {"truncate", -1, 0, -1, -1, -1},
    [CALL_UNLINK] = {"unlink", -1, 0, -1, -1, -1},
    [CALL_UNLINKAT] = {"unlink", 0, 1, -1, -1, 2},
    [CALL_RMDIR] = {"unlink", -1, 0, -1, -1, -1},
    [CALL_MKDIR] = {"mkdir", -1, 0, -1, -1, -1},
    [CALL_MKDIRAT] = {"mkdir", 0, 1, -1, -1, -1},
    [CALL_MKNOD] = {"mknod", -1, 0, -1, -1, -1},
    [CALL_MKNODAT] = {"mknod", 0, 1, -1, -1, -1},
    [CALL_SYMLINK] = {"symlink", -1, 1, -1, -1, -1},
    [CALL_SYMLINKAT] = {"symlink", 1, 2, -1, -1, -1},
    [CALL_RENAME] = {"rename", -1, 0, -1, 1, -1},
    [CALL_RENAMEAT] = {"rename", 0, 1, 2, 3, -1},
    [CALL_RENAMEAT2] = {"rename", 0, 1, 2, 3, 4},
    [CALL_LINK] = {"link", -1, 0, -1, 1, -1},
    [CALL_LINKAT] = {"link", 0, 1, 2, 3, 4},
};

int traced_number(const struct traced *traced, uint32_t arch, bool x32)
{
    if (x32)
        return traced->x32 < 0 ? -1 : (traced->x32 | X32_BIT);
    return arch == arch_native ? traced->native : traced->compat;
}

enum call traced_call(uint32_t arch, int number)
{
    const bool x32 = arch == (uint32_t)AUDIT_ARCH_X86_64 && (number & X32_BIT) != 0;

    for (size_t i = 0; i < traced_count; i++)
        if (traced_number(&traced_calls[i], arch, x32) == number)
            return traced_calls[i].call;
    return CALL_NONE;
}
