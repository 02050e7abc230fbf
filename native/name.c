#define _GNU_SOURCE
#include "name.h"

#include <string.h>
#include <unistd.h>

void name_set(struct name *name, const char *text, size_t length)
{
    name->length = 0;
    name_append(name, text, length);
}

void name_append(struct name *name, const char *text, size_t length)
{
    if (length >= sizeof name->text - name->length)
        length = sizeof name->text - name->length - 1;
    memcpy(name->text + name->length, text, length);
    name->length += length;
    name->text[name->length] = '\0';
}

bool name_read_link(struct name *name, const char *link)
{
    ssize_t length = readlink(link, name->text, sizeof name->text - 1);

    name->length = length > 0 ? (size_t)length : 0;
    name->text[name->length] = '\0';
    return length > 0;
}

bool name_same(const struct name *one, const struct name *other)
{
    return one->length == other->length && memcmp(one->text, other->text, one->length) == 0;
}

bool name_starts_with(const struct name *name, const char *prefix)
{
    return strncmp(name->text, prefix, strlen(prefix)) == 0;
}

bool name_is_below(const struct name *name, const struct name *folder)
{
    return name->length >= folder->length && memcmp(name->text, folder->text, folder->length) == 0 &&
           (name->length == folder->length || name->text[folder->length] == '/');
}

bool name_is_deleted(const struct name *name)
{
    static const char ending[] = " (deleted)";
    const size_t length = sizeof ending - 1;

    return name->length > length && memcmp(name->text + name->length - length, ending, length) == 0;
}

size_t name_last_component(const struct name *name, size_t *end)
{
    size_t at = name->length;

    while (at > 1 && name->text[at - 1] == '/')
        at--;
    *end = at;
    while (at > 0 && name->text[at - 1] != '/')
        at--;
    return at;
}

bool name_is_plain(const char *path, size_t length)
{
    size_t begin = 0;

    for (size_t at = 0; at <= length; at++) {
        const size_t size = at - begin;

        if (at < length && path[at] != '/')
            continue;
        if ((size == 0 && at != 0) || (size == 1 && path[begin] == '.') ||
            (size == 2 && path[begin] == '.' && path[begin + 1] == '.'))
            return false;
        begin = at + 1;
    }
    return true;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ b[i]) * 0x100000001B3U; /* FNV-1a */
    return hash;
}
