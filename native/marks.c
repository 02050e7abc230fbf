#define _GNU_SOURCE
#include "marks.h"

#include "folders.h"

#include <errno.h>

static const char *const names[CALLS] = {
    [CALL_IO_URING_SETUP] = "io_uring",   [CALL_MEMFD_CREATE] = "memfd", [CALL_CHROOT] = "chroot",
    [CALL_PIVOT_ROOT] = "pivot_root",     [CALL_MOUNT] = "mount",        [CALL_MOVE_MOUNT] = "mount",
    [CALL_OPEN_BY_HANDLE_AT] = "handle",  [CALL_UNSHARE] = "unshare",           [CALL_SETNS] = "setns",
};

/* As where io_uring is switched off by sysctl: programs know that answer and fall back to calls that can be seen. */
static bool is_refused(const struct receiver *receiver)
{
    const struct policy *policy = &receiver->shared->policy;

    return receiver->notice.call == CALL_IO_URING_SETUP && (policy->deny_io_uring || policy->deny_network);
}

static int look_at_mark(struct receiver *receiver)
{
    struct attempt *attempt = &receiver->attempt;

    receiver->who = who_is(&receiver->threads, receiver->notice.tid, receiver->notice.moment.t);
    attempt->has_target = receiver->notice.call == CALL_MEMFD_CREATE &&
                          memory_string(receiver->who.tid, receiver->notice.arguments[0], attempt->target.text,
                                        PATH_MAX, &attempt->target.length);
    if (receiver->notice.call == CALL_IO_URING_SETUP)
        return is_refused(receiver) ? EPERM : 0;
    if (receiver->notice.call != CALL_MEMFD_CREATE && receiver->notice.call != CALL_OPEN_BY_HANDLE_AT) {
        who_moves(&receiver->who);
        folders_forget();
    }
    return 0;
}

static void write_mark(struct receiver *receiver)
{
    const struct attempt *attempt = &receiver->attempt;
    struct json json = receiver_event(receiver, "mark");

    json_string(&json, "what", names[receiver->notice.call]);
    if (attempt->has_target)
        json_text(&json, "name", attempt->target.text, attempt->target.length);
    if (is_refused(receiver))
        json_bool(&json, "refused", true);
    event_record(receiver->shared, &json);
}

const struct handler marks_handler = {look_at_mark, write_mark};
