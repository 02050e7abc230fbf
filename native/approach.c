#define _GNU_SOURCE
#include "approach.h"

#include "arguments.h"
#include "resolution.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void check_access(struct place *place, const struct who *who, int access)
{
    const mode_t everybody = S_IROTH | ((access & W_OK) != 0 ? S_IWOTH : 0);

    if (access == 0 || place->sight != SIGHT_STATE || who->view != VIEW_OURS)
        return;
    if ((place->status.st_mode & everybody) != everybody)
        place->denied = faccessat(AT_FDCWD, place->full.text, access, AT_EACCESS) != 0 && errno == EACCES;
}

/* The link in /proc to what a descriptor of the process stands for, AT_FDCWD among them. */
struct link {
    char text[48];
};

static struct link link_of(const struct who *who, int descriptor)
{
    struct link link;

    if (descriptor == AT_FDCWD)
        snprintf(link.text, sizeof link.text, "/proc/%d/cwd", (int)who->tid);
    else
        snprintf(link.text, sizeof link.text, "/proc/%d/fd/%d", (int)who->tid, descriptor);
    return link;
}

/* False where it can't be said: a path longer than PATH_MAX, or no such descriptor. */
static bool read_base(struct place *place, const struct who *who, int directory)
{
    const struct link link = link_of(who, directory);

    if (name_read_link(&place->base, link.text))
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
    const struct link link = link_of(who, approach.directory);

    if (!read_base(place, who, approach.directory) || !resolve_below(place, link.text, approach.follow))
        return;
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

        redirected = resolve_by_opening(place, &inside, follow);
    } else if (name_is_deleted(&place->base) && lstat(place->base.text, &gone) != 0) {
        place->sight = SIGHT_ABSENT; /* nothing can be there, nor come there */
    } else if (!resolve_plainly(place, follow)) {
        redirected = resolve_by_opening(place, who, follow);
    }
    if (!redirected && name_same(&place->real, &place->full))
        place->real.length = 0;
    else if (place->real.length > 0)
        name_set(&place->full, place->real.text, place->real.length);
    check_access(place, who, approach.access);
}

void approach_look(struct place *place, const struct who *who, uint64_t address, struct approach approach)
{
    place_clear(place);
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
        resolve_link(place, link_of(who, approach.directory).text);
    else
        place->nowhere = true; /* ENOENT, as path_resolution(7) has it */
}

void approach_known(struct place *place, const struct who *who, const char *path, size_t length,
                    struct approach approach)
{
    place_clear(place);
    place->readable = length > 0;
    name_set(&place->path, path, length);
    if (place->readable)
        look_up(place, who, approach);
}
