#include "dispatch.h"

#include "connections.h"
#include "execs.h"
#include "exits.h"
#include "files.h"
#include "listener.h"
#include "marks.h"
#include "network.h"

#include <string.h>

static const struct handler *handler_of(enum call call)
{
    switch (call) {
    case CALL_NONE:
    case CALLS:
        return NULL;
    case CALL_EXECVE:
    case CALL_EXECVEAT:
        return &execs_handler;
    case CALL_EXIT_GROUP:
        return &exits_handler;
    case CALL_KILL:
    case CALL_TGKILL:
        return &kills_handler;
    case CALL_CONNECT:
    case CALL_BIND:
    case CALL_LISTEN:
    case CALL_SENDTO:
    case CALL_SENDMSG:
    case CALL_SENDMMSG:
    case CALL_GETSOCKOPT:
    case CALL_SOCKETCALL:
        return &network_handler;
    case CALL_IO_URING_SETUP:
    case CALL_OPEN_BY_HANDLE_AT:
    case CALL_MEMFD_CREATE:
    case CALL_CHROOT:
    case CALL_PIVOT_ROOT:
    case CALL_MOUNT:
    case CALL_MOVE_MOUNT:
    case CALL_UNSHARE:
    case CALL_SETNS:
        return &marks_handler;
    default:
        return &files_handler;
    }
}

static void decode(struct receiver *receiver)
{
    const struct seccomp_notif *notification = receiver->notification;
    struct notice *notice = &receiver->notice;

    *notice = (struct notice){
        .id = notification->id,
        .moment = event_moment(receiver->shared),
        .call = traced_call(notification->data.arch, notification->data.nr),
        .tid = (pid_t)notification->pid,
        .is_32bit = notification->data.arch != arch_native || (notification->data.nr & X32_BIT) != 0,
    };
    memcpy(notice->arguments, notification->data.args, sizeof notice->arguments);
    receiver->silent = false;
}

void dispatch(struct receiver *receiver, int listener)
{
    const struct handler *handler;
    int error;

    decode(receiver);
    if (receiver->notice.tid == 0) { /* a process that our pid namespace does not know */
        atomic_fetch_add(&receiver->shared->lost, 1);
        listener_answer_blindly(receiver->shared, receiver->notification);
        return;
    }
    handler = handler_of(receiver->notice.call);
    connections_returned(receiver->shared, receiver->notice.tid, receiver->notice.call == CALL_EXIT_GROUP);
    error = handler == NULL ? 0 : handler->look(receiver);
    listener_answer(listener, receiver->notice.id, error);
    if (handler != NULL && !receiver->silent)
        handler->write(receiver);
}
