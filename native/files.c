#define _GNU_SOURCE
#include "files.h"

#include "approach.h"
#include "changed.h"
#include "folders.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <unistd.h>

enum { SEEN = 1 << 15 };

static bool is_open(enum call call)
{
    return call == CALL_OPEN || call == CALL_OPENAT || call == CALL_OPENAT2 || call == CALL_CREAT;
}

static bool is_symlink(enum call call)
{
    return call == CALL_SYMLINK || call == CALL_SYMLINKAT;
}

/* Attempts that are written down already, by hash, the latest that fall into each place: a program that opens the same
 * thousand files for ever adds nothing to the log. */
static _Atomic uint64_t seen[SEEN];

static bool is_repeat(const struct receiver *receiver)
{
    const struct attempt *attempt = &receiver->attempt;
    const uint64_t seed = ((uint64_t)receiver->who.pid << 32) ^ receiver->who.start ^ (attempt->flags << 40);
    const uint64_t hash = place_fingerprint(&receiver->place, seed) | 1;

    return atomic_exchange_explicit(&seen[hash / 2 % SEEN], hash, memory_order_relaxed) == hash;
}

/* How an open is to be done, wherever the call says so. */
static struct open_how how_to_open(const struct receiver *receiver, const struct layout *layout)
{
    const uint64_t *arguments = receiver->notice.arguments;
    struct open_how how = {0};

    if (receiver->notice.call == CALL_CREAT)
        how.flags = O_CREAT | O_WRONLY | O_TRUNC;
    else if (receiver->notice.call == CALL_OPENAT2)
        (void)memory_read(receiver->who.tid, arguments[2], &how, sizeof how);
    else
        how.flags = (uint32_t)arguments[layout->flags];
    return how;
}

static struct approach approach_open(struct attempt *attempt, struct open_how how)
{
    static const int needed[] = {[O_RDONLY] = R_OK, [O_WRONLY] = W_OK, [O_RDWR] = R_OK | W_OK, [O_ACCMODE] = 0};
    const uint64_t exclusive = O_CREAT | O_EXCL;

    attempt->flags = how.flags;
    attempt->access = (int)(attempt->flags & O_ACCMODE);
    attempt->path_only = (attempt->flags & O_PATH) != 0;
    return (struct approach){
        .directory = AT_FDCWD,
        .follow = (attempt->flags & O_NOFOLLOW) == 0 && (attempt->flags & exclusive) != exclusive,
        .in_root = (how.resolve & RESOLVE_IN_ROOT) != 0,
        .access = attempt->path_only ? 0 : needed[attempt->access],
    };
}

static struct approach approach_other(const struct receiver *receiver)
{
    const struct attempt *attempt = &receiver->attempt;
    const bool links = receiver->notice.call == CALL_LINKAT;

    return (struct approach){
        .directory = AT_FDCWD,
        .follow = receiver->notice.call == CALL_TRUNCATE || (links && (attempt->flags & AT_SYMLINK_FOLLOW) != 0),
        .may_be_empty = links && (attempt->flags & AT_EMPTY_PATH) != 0,
    };
}

/* What a name stands for on the way to other files is about to change. */
static bool changes_folders(const struct receiver *receiver)
{
    const struct place *place = &receiver->place;

    switch (receiver->notice.call) {
    case CALL_SYMLINK:
    case CALL_SYMLINKAT:
    case CALL_RMDIR:
        return true;
    case CALL_UNLINKAT:
        return (receiver->attempt.flags & AT_REMOVEDIR) != 0;
    case CALL_UNLINK:
        return place->sight == SIGHT_STATE && S_ISLNK(place->status.st_mode);
    case CALL_RENAME:
    case CALL_RENAMEAT:
    case CALL_RENAMEAT2:
        return place->sight != SIGHT_STATE || !S_ISREG(place->status.st_mode);
    default:
        return false;
    }
}

static int directory_of(const struct receiver *receiver, int argument)
{
    return argument < 0 ? AT_FDCWD : (int)receiver->notice.arguments[argument];
}

static void look_at_target(struct receiver *receiver)
{
    struct name *target = &receiver->attempt.target;

    receiver->attempt.has_target = memory_string(receiver->who.tid, receiver->notice.arguments[0], target->text,
                                                 PATH_MAX, &target->length);
}

static int look_at_file(struct receiver *receiver)
{
    const struct layout *layout = &call_layouts[receiver->notice.call];
    const uint64_t *arguments = receiver->notice.arguments;
    const bool opens = is_open(receiver->notice.call);
    struct attempt *attempt = &receiver->attempt;
    struct approach approach;

    receiver->who = who_is(&receiver->threads, receiver->notice.tid, receiver->notice.moment.t);
    attempt->has_target = false;
    if (!opens)
        attempt->flags = layout->flags < 0 ? 0 : arguments[layout->flags];
    approach = opens ? approach_open(attempt, how_to_open(receiver, layout)) : approach_other(receiver);
    approach.directory = directory_of(receiver, layout->directory);
    approach_look(&receiver->place, &receiver->who, arguments[layout->path], approach);
    if (layout->to_path >= 0)
        approach_look(&receiver->to, &receiver->who, arguments[layout->to_path],
                   (struct approach){.directory = directory_of(receiver, layout->to_directory)});
    if (is_symlink(receiver->notice.call))
        look_at_target(receiver);
    receiver->silent = receiver->place.nowhere || (layout->to_path >= 0 && receiver->to.nowhere);
    if (!receiver->silent && !receiver->place.readable)
        atomic_fetch_add(&receiver->shared->lost, 1);
    if (opens && is_repeat(receiver)) {
        atomic_fetch_add(&receiver->shared->repeats, 1);
        receiver->silent = true;
    }
    if (!opens && changes_folders(receiver))
        folders_forget();
    return 0;
}

/* What may be another file, or none, once the call is through: looked at again when the command has ended. */
static void note_change(struct receiver *receiver, const struct place *place)
{
    const mode_t mode = place->status.st_mode;

    if (place->foreign || place->full.length == 0 || place_is_unnamed(place))
        return;
    if (place->sight == SIGHT_STATE && !S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
        return;
    changed_add(receiver->shared, place->full.text, place->full.length);
}

static bool may_change(const struct attempt *attempt)
{
    const uint64_t changing = O_CREAT | O_TRUNC;

    return !attempt->path_only && (attempt->access != O_RDONLY || (attempt->flags & changing) != 0) &&
           (attempt->flags & O_TMPFILE) != O_TMPFILE;
}

static void write_open(struct json *json, const struct attempt *attempt)
{
    static const char *const access[] = {"read", "write", "both", "path"};
    static const struct {
        uint64_t flag;
        const char *key;
    } flags[] = {
        {O_CREAT, "create"}, {O_EXCL, "exclusive"},     {O_TRUNC, "truncate"},
        {O_APPEND, "append"}, {O_DIRECTORY, "directory"}, {O_NOFOLLOW, "nofollow"},
    };
    const bool unnamed = (attempt->flags & O_TMPFILE) == O_TMPFILE;

    json_string(json, "access", access[attempt->path_only ? 3 : attempt->access]);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if ((attempt->flags & flags[i].flag) != 0 && !(unnamed && flags[i].flag == O_DIRECTORY))
            json_bool(json, flags[i].key, true);
    if (unnamed)
        json_bool(json, "tmpfile", true);
}

static void write_second(struct json *json, const struct receiver *receiver)
{
    const uint64_t flags = receiver->attempt.flags;

    json_open(json, "to", '{');
    place_write(json, &receiver->to);
    json_close(json, '}');
    if (receiver->notice.call == CALL_RENAMEAT2 && (flags & RENAME_EXCHANGE) != 0)
        json_bool(json, "exchange", true);
    if (receiver->notice.call == CALL_RENAMEAT2 && (flags & RENAME_NOREPLACE) != 0)
        json_bool(json, "noreplace", true);
}

static void write_file(struct receiver *receiver)
{
    const struct layout *layout = &call_layouts[receiver->notice.call];
    const struct attempt *attempt = &receiver->attempt;
    const bool opens = is_open(receiver->notice.call);
    struct json json = receiver_event(receiver, layout->event);

    place_write(&json, &receiver->place);
    if (opens)
        write_open(&json, attempt);
    if (layout->to_path >= 0)
        write_second(&json, receiver);
    if (attempt->has_target)
        json_text(&json, "target", attempt->target.text, attempt->target.length);
    if (receiver->notice.call == CALL_TRUNCATE)
        json_uint(&json, "length", receiver->notice.arguments[1]);
    if (receiver->notice.call == CALL_RMDIR ||
        (receiver->notice.call == CALL_UNLINKAT && (attempt->flags & AT_REMOVEDIR) != 0))
        json_bool(&json, "directory", true);
    event_record(receiver->shared, &json);
    if (!opens || may_change(attempt))
        note_change(receiver, &receiver->place);
    if (layout->to_path >= 0)
        note_change(receiver, &receiver->to);
}

const struct handler files_handler = {look_at_file, write_file};
