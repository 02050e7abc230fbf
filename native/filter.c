#define _GNU_SOURCE
#include "filter.h"

#include "bpf.h"
#include "kernel.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static bool may_filter_as_is(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

static int install(struct bpf *program, unsigned long flags)
{
    struct sock_fprog code = {.len = program->length, .filter = program->code};

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &code);
}

/* Asked before no_new_privs is set, which can't be taken back. */
static bool kernel_notifies(void)
{
    struct seccomp_notif_sizes sizes;
    uint32_t action = SECCOMP_RET_USER_NOTIF;

    if (!kernel_is_since(5, 5)) { /* no CONTINUE (seccomp(2)): an answer would be refused, the command wait for ever */
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
    struct bpf program;

    if (!kernel_notifies()) {
        result.listener = -1;
        result.error = errno;
        return result;
    }
    bpf_build(&program, policy);
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
