#define _GNU_SOURCE
#include "resolution.h"

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

static void see(struct place *place, int result)
{
    if (result == 0)
        place->sight = SIGHT_STATE;
    else
        place->sight = errno == ENOENT || errno == ENOTDIR ? SIGHT_ABSENT : SIGHT_NONE;
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

bool resolve_by_opening(struct place *place, const struct who *who, bool follow)
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

bool resolve_plainly(struct place *place, bool follow)
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

bool resolve_below(struct place *place, const char *folder, bool follow)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), .resolve = RESOLVE_IN_ROOT};
    const int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (root < 0)
        return false;
    fd = (int)syscall(SYS_openat2, root, place->path.text, &how, sizeof how);
    close(root);
    name_set(&place->real, place->base.text, place->base.length);
    if (place->path.text[0] != '/')
        name_append(&place->real, "/", 1);
    name_append(&place->real, place->path.text, place->path.length);
    if (fd >= 0)
        take_opened(place, fd);
    else
        place->sight = SIGHT_ABSENT;
    return true;
}

void resolve_link(struct place *place, const char *link)
{
    name_read_link(&place->real, link);
    see(place, stat(link, &place->status));
    name_set(&place->full, place->real.text, place->real.length);
}
