/* The traced system calls: one table says what each is called on every architecture, when it is worth a stop, and which
 * of its arguments name files. Filter, receiver and tests read it. */
#ifndef VESTIGE_CALLS_H
#define VESTIGE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call {
    CALL_NONE,
    /* processes */
    CALL_EXECVE,
    CALL_EXECVEAT,
    CALL_EXIT_GROUP,
    CALL_KILL,
    CALL_TGKILL,
    /* files */
    CALL_OPEN,
    CALL_OPENAT,
    CALL_OPENAT2,
    CALL_CREAT,
    CALL_TRUNCATE,
    CALL_UNLINK,
    CALL_UNLINKAT,
    CALL_RMDIR,
    CALL_MKDIR,
    CALL_MKDIRAT,
    CALL_MKNOD,
    CALL_MKNODAT,
    CALL_SYMLINK,
    CALL_SYMLINKAT,
    CALL_RENAME,
    CALL_RENAMEAT,
    CALL_RENAMEAT2,
    CALL_LINK,
    CALL_LINKAT,
    /* sockets */
    CALL_CONNECT,
    CALL_BIND,
    CALL_LISTEN,
    CALL_SENDTO,
    CALL_SENDMSG,
    CALL_SENDMMSG,
    CALL_GETSOCKOPT,
    CALL_SOCKETCALL,
    /* what makes the rest harder to see */
    CALL_IO_URING_SETUP,
    CALL_OPEN_BY_HANDLE_AT,
    CALL_MEMFD_CREATE,
    CALL_CHROOT,
    CALL_PIVOT_ROOT,
    CALL_MOUNT,
    CALL_MOVE_MOUNT,
    CALL_UNSHARE,
    CALL_SETNS,
    CALLS
};

/* When a call is worth a stop, decided by the filter. */
enum when {
    ALWAYS,
    WHEN_DEADLY,       /* `argument` is a signal after which a process has no exit_group of its own */
    WHEN_ANY_BIT,      /* `argument` has one of `bits` */
    WHEN_NOT_NULL,     /* `argument` is a pointer to something */
    WHEN_SOCKET_ERROR, /* getsockopt(…, SOL_SOCKET, SO_ERROR, …): the result of a connect is asked for */
    WHEN_ADDRESS,      /* socketcall(2): one of the calls above */
};

/* What the run was asked to refuse; the filter stops more calls then. */
struct policy {
    bool deny_network;
    bool deny_io_uring;
};

struct traced {
    enum call call;
    int native;   /* number on the native and the 32-bit architecture, on x32 where there is one; -1: not there */
    int compat;
    int x32;
    enum when when;
    int argument;
    uint32_t bits;
    bool only_denying; /* stopped under --deny-network only */
};

extern const struct traced traced_calls[];
extern const size_t traced_count;

/* Numbers of the architectures as seccomp reports them. */
extern const uint32_t arch_native;
extern const uint32_t arch_compat;
enum { X32_BIT = 0x40000000 };

/* The number of a call as the kernel reports it, -1 where the architecture does not have it. */
int traced_number(const struct traced *traced, uint32_t arch, bool x32);
/* Which call this is. */
enum call traced_call(uint32_t arch, int number);

/* Which arguments of a call on files say what; -1: it has none. */
struct layout {
    const char *event; /* NULL: no call on files */
    int directory;
    int path;
    int to_directory;
    int to_path;
    int flags;
};

extern const struct layout call_layouts[CALLS];

#endif
