#define _GNU_SOURCE
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

bool listener_synchronous(int listener)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
}

void listener_answer(int listener, uint64_t id, int error)
{
    struct seccomp_notif_resp response = {.id = id, .error = -error};

    if (error == 0)
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    /* ENOENT: the process was killed meanwhile, or the other of us has answered */
    (void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

bool listener_receive(int listener, struct seccomp_notif *notification)
{
    memset(notification, 0, sizeof *notification); /* the kernel insists */
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification) == 0;
}

/* What can be answered to a call without looking at what it names: all that might leave the machine is refused where
 * that was asked for. */
static int blind_answer(const struct policy *policy, const struct seccomp_notif *notification)
{
    switch (traced_call(notification->data.arch, notification->data.nr)) {
    case CALL_CONNECT:
    case CALL_SENDTO:
    case CALL_SENDMSG:
    case CALL_SENDMMSG:
    case CALL_SOCKETCALL:
        return policy->deny_network ? EACCES : 0;
    case CALL_IO_URING_SETUP:
        return policy->deny_network || policy->deny_io_uring ? EPERM : 0;
    default:
        return 0;
    }
}

void listener_answer_blindly(const struct shared *shared, const struct seccomp_notif *notification)
{
    listener_answer(atomic_load(&shared->listener), notification->id, blind_answer(&shared->policy, notification));
}

void listener_answer_pending(struct shared *shared)
{
    for (int i = 0; i < RECEIVERS; i++)
        listener_answer_blindly(shared, (const void *)shared->notifications[i]);
}

bool listener_serve_blindly(struct shared *shared)
{
    const int listener = atomic_load(&shared->listener);
    struct seccomp_notif *notification = (void *)shared->notifications[0];
    struct pollfd poll_listener = {.fd = listener, .events = POLLIN};

    if (poll(&poll_listener, 1, 0) <= 0)
        return true;
    if ((poll_listener.revents & POLLIN) == 0)
        return false;
    if (listener_receive(listener, notification))
        listener_answer_blindly(shared, notification);
    return true;
}
