#define _GNU_SOURCE
#include "place.h"

#include "arguments.h"
#include "folders.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2 /* the same number everywhere (5.6) */
#define SYS_openat2 437
#endif

enum { MOST_LINKS = 8 };

/* /proc/self is another one for us; /dev/fd and its kind lead there (proc(5), fd(4)). */
static void rewrite_self(struct name *full, pid_t tid)
{
    static const struct {
        const char *prefix;
        const char *instead; /* of the process */
    } own[] = {
        {"/proc/self/", ""},           {"/proc/thread-self/", ""}, {"/dev/fd/", "fd/"}, {"/dev/stdin", "fd/0"},
        {"/dev/stdout", "fd/1"}, {"/dev/stderr", "fd/2"},
    };
    static _Thread_local struct name rewritten;
    char start[48];

    if (!name_starts_with(full, "/proc/") && !name_starts_with(full, "/dev/"))
        return;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const size_t length = strlen(own[i].prefix);

        if (!name_starts_with(full, own[i].prefix) || (own[i].prefix[length - 1] != '/' && full->length != length))
            continue;
        snprintf(start, sizeof start, "/proc/%d/%s", (int)tid, own[i].instead);
        name_set(&rewritten, start, strlen(start));
        name_append(&rewritten, full->text + length, full->length - length);
        *full = rewritten;
        return;
    }
}

static void see(struct place *place, int result)
{
    if (result == 0)
        place->sight = SIGHT_STATE;
    else
        place->sight = errno == ENOENT || errno == ENOTDIR ? SIGHT_ABSENT : SIGHT_NONE;
}

static bool is_deleted(const struct name *name)
{
    static const char ending[] = " (deleted)";
    const size_t length = sizeof ending - 1;

    return name->length > length && memcmp(name->text + name->length - length, ending, length) == 0;
}

/* What an open descriptor leads to: its true name, and its state. */
static void take_opened(struct place *place, int fd)
{
    see(place, fstat(fd, &place->status));
    if (!folders_read_back(&place->real, fd))
        place->real.length = 0;
    close(fd);
}

/* Opens a name in the process's own view. */
static int open_name(const struct who *who, const struct name *name, int flags)
{
    char path[48];
    struct open_how how = {.flags = (unsigned)(flags | O_PATH | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    int root;
    int fd;

    if (who->view == VIEW_OURS)
        return open(name->text, flags | O_PATH | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/root", (int)who->tid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    fd = (int)syscall(SYS_openat2, root, name->text, &how, sizeof how);
    close(root);
    return fd;
}

/* The last component is not there: its folder is what can be made canonical. */
static void resolve_absent(struct place *place, const struct who *who)
{
    static _Thread_local struct name folder;
    size_t end;
    const size_t begin = name_last_component(&place->full, &end);
    int fd;

    place->sight = SIGHT_ABSENT;
    name_set(&folder, begin == 0 ? "." : place->full.text, begin == 0 ? 1 : begin);
    fd = open_name(who, &folder, O_DIRECTORY);
    if (fd < 0)
        return;
    if (folders_read_back(&place->real, fd)) {
        if (place->real.length > 1)
            name_append(&place->real, "/", 1);
        name_append(&place->real, place->full.text + begin, end - begin);
    }
    close(fd);
}

/* A link that leads nowhere yet: the call may create what it names. */
static bool follow_dangling(struct place *place, const struct who *who)
{
    static _Thread_local struct name target;
    size_t end;
    size_t begin;
    int fd = open_name(who, &place->full, O_NOFOLLOW);
    ssize_t length;

    if (fd < 0)
        return false;
    length = readlinkat(fd, "", target.text, sizeof target.text - 1);
    close(fd);
    if (length <= 0)
        return false;
    target.length = (size_t)length;
    if (target.text[0] == '/') {
        name_set(&place->full, target.text, target.length);
        return true;
    }
    begin = name_last_component(&place->full, &end);
    place->full.length = begin;
    name_append(&place->full, target.text, target.length);
    return true;
}

/* By opening it as a name (O_PATH): right however many links, dots and roots stand in between. Returns whether a link
 * that leads nowhere has made it another name. */
static bool resolve(struct place *place, const struct who *who, bool follow)
{
    int links;

    for (links = 0; links < MOST_LINKS; links++) {
        int fd = open_name(who, &place->full, follow ? 0 : O_NOFOLLOW);

        if (fd >= 0) {
            take_opened(place, fd);
            return false;
        }
        if (errno != ENOENT && errno != ENOTDIR)
            return false;
        if (!follow || errno == ENOTDIR || !follow_dangling(place, who))
            break;
    }
    resolve_absent(place, who);
    return links > 0;
}

/* One lstat where the folder is known and the last component no link: nine of ten names. */
static bool look_plainly(struct place *place, bool follow)
{
    struct name *full = &place->full;
    const char *slash = memrchr(full->text, '/', full->length);
    const bool was_relative = place->base.length > 0;
    const char *given = was_relative ? place->path.text : full->text + 1;
    const size_t length = was_relative ? place->path.length : full->length - 1;
    enum folder folder;

    if (slash == NULL || full->text[0] != '/' || length == 0 || !name_is_plain(given, length))
        return false;
    folder = folders_look(full->text, (size_t)(slash - full->text), &place->real);
    if (folder == FOLDER_LINKED)
        name_append(&place->real, slash, full->length - (size_t)(slash - full->text));
    else
        place->real.length = 0;
    if (folder == FOLDER_UNKNOWN)
        return false;
    see(place, lstat(folder == FOLDER_LINKED ? place->real.text : full->text, &place->status));
    if (place->sight == SIGHT_STATE && follow && S_ISLNK(place->status.st_mode)) {
        place->sight = SIGHT_NONE;
        place->real.length = 0;
        return false;
    }
    return true;
}

static void check_access(struct place *place, const struct who *who, int access)
{
    const mode_t everybody = S_IROTH | ((access & W_OK) != 0 ? S_IWOTH : 0);

    if (access == 0 || place->sight != SIGHT_STATE || who->view != VIEW_OURS)
        return;
    if ((place->status.st_mode & everybody) != everybody)
        place->denied = faccessat(AT_FDCWD, place->full.text, access, AT_EACCESS) != 0 && errno == EACCES;
}

static void forget(struct place *place)
{
    place->readable = place->nowhere = place->foreign = place->denied = false;
    place->path.length = place->base.length = place->real.length = place->full.length = place->root.length = 0;
    place->sight = SIGHT_NONE;
}

/* The descriptor itself: fexecve(3), linkat(2) of an unnamed file. */
static void look_at_descriptor(struct place *place, const struct who *who, int descriptor)
{
    char link[64];

    if (descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)who->tid);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)who->tid, descriptor);
    name_read_link(&place->real, link);
    see(place, stat(link, &place->status));
    name_set(&place->full, place->real.text, place->real.length);
}

/* False where it can't be said: a path longer than PATH_MAX, or no such descriptor. */
static bool read_base(struct place *place, const struct who *who, int directory)
{
    char link[64];

    if (directory == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)who->tid);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)who->tid, directory);
    if (name_read_link(&place->base, link))
        return true;
    place->nowhere = errno == EBADF || errno == ENOENT || errno == ENOTDIR;
    place->readable = false;
    return false;
}

/* Another root: names are looked up below it, and what we call them is found by looking. A current folder outside of
 * the root, which chroot(2) alone leaves behind, is one of ours. Returns the process as the name is to be looked up. */
static struct who enter_root(struct place *place, const struct who *who)
{
    struct who inside = *who;
    char link[48];

    place->foreign = who->view == VIEW_FOREIGN;
    snprintf(link, sizeof link, "/proc/%d/root", (int)who->tid);
    name_read_link(&place->root, link);
    if (place->base.length == 0 || place->root.length <= 1)
        return inside;
    if (name_is_below(&place->base, &place->root)) {
        memmove(place->full.text, place->full.text + place->root.length, place->full.length - place->root.length + 1);
        place->full.length -= place->root.length;
    } else if (!place->foreign) {
        inside.view = VIEW_OURS;
    }
    return inside;
}

/* Joins the folder and the path as given into the name that is to be looked up. */
static bool join(struct place *place, const struct who *who, int directory)
{
    if (place->path.text[0] != '/') {
        if (!read_base(place, who, directory))
            return false;
        name_set(&place->full, place->base.text, place->base.length);
        if (place->full.length > 1)
            name_append(&place->full, "/", 1);
    }
    name_append(&place->full, place->path.text, place->path.length);
    return true;
}

/* As openat2 will do it: nothing in the path leads out of the folder. */
static void look_up_inside(struct place *place, const struct who *who, struct approach approach)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | (approach.follow ? 0 : O_NOFOLLOW), .resolve = RESOLVE_IN_ROOT};
    char link[64];
    int folder;
    int fd;

    if (!read_base(place, who, approach.directory))
        return;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)who->tid, approach.directory);
    folder = open(approach.directory == AT_FDCWD ? place->base.text : link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    fd = (int)syscall(SYS_openat2, folder, place->path.text, &how, sizeof how);
    close(folder);
    name_set(&place->real, place->base.text, place->base.length);
    name_append(&place->real, "/", 1);
    name_append(&place->real, place->path.text, place->path.length);
    if (fd >= 0)
        take_opened(place, fd);
    else
        place->sight = SIGHT_ABSENT;
    name_set(&place->full, place->real.text, place->real.length);
    name_set(&place->root, place->base.text, place->base.length);
    place->base.length = 0;
}

static void look_up(struct place *place, const struct who *who, struct approach approach)
{
    const bool follow = approach.follow || place->path.text[place->path.length - 1] == '/';
    bool redirected = false;
    struct stat gone;

    if (!join(place, who, approach.directory))
        return;
    rewrite_self(&place->full, who->tid);
    if (who->view != VIEW_OURS) {
        const struct who inside = enter_root(place, who);

        redirected = resolve(place, &inside, follow);
    } else if (is_deleted(&place->base) && lstat(place->base.text, &gone) != 0) {
        place->sight = SIGHT_ABSENT; /* nothing can be there, nor come there */
    } else if (!look_plainly(place, follow)) {
        redirected = resolve(place, who, follow);
    }
    if (!redirected && name_same(&place->real, &place->full))
        place->real.length = 0;
    else if (place->real.length > 0)
        name_set(&place->full, place->real.text, place->real.length);
    check_access(place, who, approach.access);
}

void place_look(struct place *place, const struct who *who, uint64_t address, struct approach approach)
{
    forget(place);
    place->readable = memory_string(who->tid, address, place->path.text, PATH_MAX, &place->path.length);
    if (!place->readable) {
        place->nowhere = errno == EFAULT || errno == ENAMETOOLONG; /* it fails for the kernel too */
        return;
    }
    if (place->path.length > 0 && approach.in_root)
        look_up_inside(place, who, approach);
    else if (place->path.length > 0)
        look_up(place, who, approach);
    else if (approach.may_be_empty)
        look_at_descriptor(place, who, approach.directory);
    else
        place->nowhere = true; /* ENOENT, as path_resolution(7) has it */
}

void place_look_at(struct place *place, const struct who *who, const char *path, size_t length, struct approach approach)
{
    forget(place);
    place->readable = length > 0;
    name_set(&place->path, path, length);
    if (place->readable)
        look_up(place, who, approach);
}

static const char *type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "char";
    case S_IFBLK:
        return "block";
    default:
        return "other";
    }
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void place_write_state(struct json *json, const char *key, const struct stat *status)
{
    json_open(json, key, '{');
    json_string(json, "type", type_of(status->st_mode));
    json_uint(json, "dev", status->st_dev);
    json_uint(json, "ino", status->st_ino);
    json_int(json, "size", status->st_size);
    json_int(json, "mtime_ns", nanoseconds(status->st_mtim));
    json_int(json, "ctime_ns", nanoseconds(status->st_ctim));
    json_close(json, '}');
}

static void write_name(struct json *json, const char *key, const struct name *name)
{
    if (name->length > 0)
        json_text(json, key, name->text, name->length);
}

void place_write(struct json *json, const struct place *place)
{
    if (place->readable)
        json_text(json, "path", place->path.text, place->path.length);
    write_name(json, "base", &place->base);
    write_name(json, "real", &place->real);
    write_name(json, "root", &place->root);
    if (place->foreign)
        json_bool(json, "foreign", true);
    if (place->sight == SIGHT_STATE)
        place_write_state(json, "state", &place->status);
    else if (place->sight == SIGHT_ABSENT)
        json_bool(json, "absent", true);
    if (place->denied)
        json_bool(json, "denied", true);
}

uint64_t place_fingerprint(const struct place *place, uint64_t seed)
{
    const uint64_t state[] = {
        (uint64_t)place->sight,
        place->sight == SIGHT_STATE ? place->status.st_ino : 0,
        place->sight == SIGHT_STATE ? (uint64_t)place->status.st_size : 0,
        place->sight == SIGHT_STATE ? (uint64_t)nanoseconds(place->status.st_mtim) : 0,
    };
    uint64_t hash = hash_bytes(seed ^ HASH_START, place->full.text, place->full.length);

    return hash_bytes(hash_bytes(hash, place->path.text, place->path.length), state, sizeof state);
}
