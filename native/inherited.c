#define _GNU_SOURCE
#include "inherited.h"

#include "changed.h"
#include "readings.h"
#include "state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 256 };

/* /proc/PID/fdinfo/N: where it stands, and its flags in octal (proc_pid_fdinfo(5)). */
struct description {
    uint64_t offset;
    uint64_t flags;
};

static struct description describe(pid_t pid, int fd)
{
    struct description description = {0, O_RDONLY};
    char path[32];
    char text[1024];
    ssize_t length;
    const char *flags;

    snprintf(path, sizeof path, "fdinfo/%d", fd);
    length = read_proc(pid, path, text, sizeof text - 1);
    if (length <= 0)
        return description;
    text[length] = '\0';
    (void)parse_keyed(text, (size_t)length, "pos:", &description.offset);
    flags = strstr(text, "flags:");
    if (flags != NULL)
        description.flags = strtoull(flags + strlen("flags:"), NULL, 8);
    return description;
}

static const char *kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "directory";
    if (S_ISFIFO(mode))
        return "pipe";
    if (S_ISSOCK(mode))
        return "socket";
    return S_ISCHR(mode) || S_ISBLK(mode) ? "device" : "other";
}

static void write_descriptor(struct receiver *receiver, struct json *json, int fd)
{
    static const char *const access[] = {"read", "write", "both", "path"};
    const pid_t pid = receiver->who.pid;
    const struct description description = describe(pid, fd);
    struct name *name = &receiver->to.path; /* an exec has no second place */
    struct stat status;
    char link[48];

    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
    if ((description.flags & O_CLOEXEC) != 0 || stat(link, &status) != 0)
        return; /* the command never has it */
    json_open(json, NULL, '{');
    json_int(json, "fd", fd);
    json_string(json, "kind", kind_of(status.st_mode));
    json_string(json, "access", access[(description.flags & O_PATH) != 0 ? 3 : description.flags & O_ACCMODE]);
    if ((S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) && name_read_link(name, link)) {
        const bool unnamed = state_is_unnamed(name, &status);

        json_text(json, "path", name->text, name->length);
        if (unnamed)
            json_bool(json, "unnamed", true);
        json_uint(json, "offset", description.offset);
        json_bool(json, "append", (description.flags & O_APPEND) != 0);
        state_write(json, "state", &status);
        if (S_ISREG(status.st_mode) && (description.flags & O_ACCMODE) != O_RDONLY && !unnamed)
            changed_add(receiver->shared, name->text, name->length);
    }
    json_close(json, '}');
}

static void list(struct receiver *receiver, struct json *json)
{
    char path[48];
    DIR *folder;
    int count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)receiver->who.pid);
    folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry = readdir(folder); entry != NULL && count < MOST; entry = readdir(folder))
        if (entry->d_name[0] != '.') {
            write_descriptor(receiver, json, atoi(entry->d_name));
            count++;
        }
    closedir(folder);
}

void inherited_look(struct receiver *receiver)
{
    static _Atomic bool done;
    struct json json;

    if (atomic_exchange(&done, true))
        return;
    event_open(&json, receiver->line, sizeof receiver->line, receiver->shared, "inherited", "notify");
    json_int(&json, "pid", receiver->who.pid);
    json_open(&json, "descriptors", '[');
    list(receiver, &json);
    json_close(&json, ']');
    event_record(receiver->shared, &json);
}
