#include "receiver.h"

struct json receiver_event(struct receiver *receiver, const char *name)
{
    const struct who *who = &receiver->who;
    struct json json;

    event_open_at(&json, receiver->line, sizeof receiver->line, receiver->notice.moment, name, "notify");
    json_int(&json, "pid", who->pid);
    json_int(&json, "tid", who->tid);
    if (who->start > 0)
        json_uint(&json, "start", who->start);
    return json;
}
