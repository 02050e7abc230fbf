#define _GNU_SOURCE
#include "state.h"

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

void state_write(struct json *json, const char *key, const struct stat *status)
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

bool state_is_unnamed(const struct name *name, const struct stat *status)
{
    return status->st_nlink == 0 && name_is_deleted(name);
}

uint64_t state_hash(uint64_t hash, const struct stat *status)
{
    const uint64_t state[] = {status->st_ino, (uint64_t)status->st_size, (uint64_t)nanoseconds(status->st_mtim)};

    return hash_bytes(hash, state, sizeof state);
}
