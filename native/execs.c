#define _GNU_SOURCE
#include "execs.h"

#include "approach.h"
#include "inherited.h"
#include "program.h"
#include "readings.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { HEAD_SIZE = 4096, KEPT = 64, MOST_INTERPRETERS = 5 };

/* Which interpreters a file has is found out once: a shell script starts the same ten programs again and again. */
static struct {
    pthread_mutex_t lock;
    struct {
        struct stat status;
        size_t length; /* 0: a free place */
        char text[INTERPRETERS_SIZE];
    } kept[KEPT];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t slot_of(const struct stat *status)
{
    return (status->st_ino ^ status->st_dev) % KEPT;
}

static bool same_file(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
           one->st_ctim.tv_sec == other->st_ctim.tv_sec && one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

static bool recall(const struct stat *status, struct execution *execution)
{
    const size_t slot = slot_of(status);
    bool found;

    pthread_mutex_lock(&known.lock);
    found = known.kept[slot].length > 0 && same_file(&known.kept[slot].status, status);
    if (found) {
        execution->interpreters_length = known.kept[slot].length;
        memcpy(execution->interpreters, known.kept[slot].text, execution->interpreters_length);
    }
    pthread_mutex_unlock(&known.lock);
    return found;
}

static void keep(const struct stat *status, const struct execution *execution)
{
    const size_t slot = slot_of(status);

    pthread_mutex_lock(&known.lock);
    known.kept[slot].status = *status;
    known.kept[slot].length = execution->interpreters_length;
    memcpy(known.kept[slot].text, execution->interpreters, execution->interpreters_length);
    pthread_mutex_unlock(&known.lock);
}

/* Opens what stands at a place; through the process where we would not find it by ourselves. */
static int open_place(const struct place *place, const struct who *who)
{
    char path[sizeof place->full.text + 32];

    if (place->foreign && place->path.length > 0 && place->path.text[0] == '/') {
        snprintf(path, sizeof path, "/proc/%d/root%s", (int)who->tid, place->path.text);
        return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    return open(place->full.text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The interpreter that a file names itself; false if there is none. */
static bool read_interpreter(int fd, struct name *interpreter)
{
    char bytes[HEAD_SIZE];
    const ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    const struct program_head head = program_parse(bytes, got > 0 ? (size_t)got : 0);

    interpreter->length = 0;
    if (head.interpreter != NULL) {
        memcpy(interpreter->text, head.interpreter, head.length);
        interpreter->length = head.length;
    } else if (head.offset > 0) {
        ssize_t length = pread(fd, interpreter->text, head.length, (off_t)head.offset);

        interpreter->length = length > 0 ? strnlen(interpreter->text, (size_t)length) : 0;
    }
    interpreter->text[interpreter->length] = '\0';
    return interpreter->length > 0;
}

/* A script has an interpreter, which has a loader: each is opened by the kernel, and by no call. */
static void list_interpreters(struct receiver *receiver)
{
    const struct approach approach = {.directory = AT_FDCWD, .follow = true};
    struct execution *execution = &receiver->execution;
    struct place *found = &receiver->to; /* an exec has no second place */
    struct name *interpreter = &receiver->to.base;
    struct json json;
    int fd = open_place(&receiver->place, &receiver->who);

    json_start(&json, execution->interpreters, sizeof execution->interpreters);
    json_open(&json, NULL, '[');
    for (int depth = 0; depth < MOST_INTERPRETERS && fd >= 0; depth++) {
        static _Thread_local struct name name;
        const bool any = read_interpreter(fd, interpreter);

        close(fd);
        fd = -1;
        if (any) {
            memcpy(name.text, interpreter->text, interpreter->length + 1);
            approach_known(found, &receiver->who, name.text, interpreter->length, approach);
            json_text(&json, NULL, found->full.text, found->full.length);
            /* a fifo would wake whoever writes to it; some devices do things when opened */
            if (found->sight == SIGHT_STATE && S_ISREG(found->status.st_mode))
                fd = open_place(found, &receiver->who);
        }
    }
    if (fd >= 0)
        close(fd);
    json_close(&json, ']');
    execution->interpreters_length = json.overflow ? 0 : json.length;
}

static void look_at_interpreters(struct receiver *receiver)
{
    const struct place *place = &receiver->place;
    struct execution *execution = &receiver->execution;

    execution->interpreters_length = 0;
    if (place->sight != SIGHT_STATE || (!place->foreign && recall(&place->status, execution)))
        return;
    list_interpreters(receiver);
    if (!place->foreign)
        keep(&place->status, execution);
}

/* Whether there is something to execute at all (execvp tries every folder of PATH), and whether it would change
 * privileges: under no_new_privs it silently does not. */
static enum target target_of(const struct receiver *receiver)
{
    const struct place *place = &receiver->place;
    const mode_t mode = place->status.st_mode;

    if (place->sight == SIGHT_ABSENT)
        return TARGET_ABSENT;
    if (place->sight == SIGHT_NONE)
        return TARGET_PLAIN;
    if (!S_ISREG(mode) || (mode & 0111) == 0)
        return TARGET_ABSENT;
    if ((mode & S_ISUID) != 0 || (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return TARGET_PRIVILEGED;
    /* capabilities of files matter only where they would be withheld; asked for every program they would cost 3 % */
    if (!receiver->shared->no_new_privs || place->foreign)
        return TARGET_PLAIN;
    return getxattr(place->full.text, "security.capability", NULL, 0) > 0 ? TARGET_PRIVILEGED : TARGET_PLAIN;
}

static void look_at_image(struct receiver *receiver)
{
    struct execution *execution = &receiver->execution;
    struct process process;

    execution->replaces = false;
    execution->ppid = 0;
    if (!processes_find(receiver->who.pid, &process))
        return;
    execution->ppid = process.ppid;
    if (process.executed && !process.exiting && process.start == receiver->who.start) {
        execution->replaces = true;
        read_figures(receiver->who.pid, &execution->prior, false);
    }
    processes_mark_executed(receiver->who.pid);
}

static int look_at_exec(struct receiver *receiver)
{
    const bool at = receiver->notice.call == CALL_EXECVEAT;
    const uint64_t *arguments = receiver->notice.arguments;
    const uint64_t flags = at ? arguments[4] : 0;
    const struct approach approach = {
        .directory = at ? (int)arguments[0] : AT_FDCWD,
        .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
        .may_be_empty = (flags & AT_EMPTY_PATH) != 0,
    };

    receiver->who = who_is(&receiver->threads, receiver->notice.tid, receiver->notice.moment.t);
    approach_look(&receiver->place, &receiver->who, arguments[at ? 1 : 0], approach);
    receiver->execution.target = target_of(receiver);
    receiver->silent = receiver->execution.target == TARGET_ABSENT || receiver->place.nowhere;
    if (receiver->silent)
        return 0;
    memory_arguments(receiver->who.tid, arguments[at ? 2 : 1], receiver->notice.is_32bit, &receiver->arguments);
    look_at_interpreters(receiver);
    look_at_image(receiver);
    if (receiver->who.pid == atomic_load(&receiver->shared->command))
        inherited_look(receiver);
    return 0;
}

static void write_arguments(struct json *json, const struct arguments *arguments)
{
    const char *at = arguments->text;

    json_open(json, "argv", '[');
    for (size_t i = 0; i < arguments->count; i++) {
        json_string(json, NULL, at);
        at += strlen(at) + 1;
    }
    json_close(json, ']');
    json_uint(json, "argc", arguments->total);
    json_bool(json, "truncated", arguments->truncated);
}

static void write_exec(struct receiver *receiver)
{
    const struct execution *execution = &receiver->execution;
    struct json json = receiver_event(receiver, "exec");

    if (execution->ppid > 0)
        json_int(&json, "ppid", execution->ppid);
    place_write(&json, &receiver->place);
    if (!receiver->place.readable)
        atomic_fetch_add(&receiver->shared->lost, 1);
    if (execution->interpreters_length > 2) /* not merely `[]` */
        json_raw(&json, "interpreters", execution->interpreters, execution->interpreters_length);
    write_arguments(&json, &receiver->arguments);
    json_bool(&json, "setuid", execution->target == TARGET_PRIVILEGED);
    if (execution->replaces) {
        json_open(&json, "prior", '{');
        event_figures(&json, &execution->prior);
        json_close(&json, '}');
    }
    event_record(receiver->shared, &json);
}

const struct handler execs_handler = {look_at_exec, write_exec};
