/* Names of files as bytes: bounded, without allocation. Pure but for `name_read_link`. */
#ifndef VESTIGE_NAME_H
#define VESTIGE_NAME_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a name; no NUL inside, one after it. */
struct name {
    size_t length;
    char text[2 * PATH_MAX]; /* a path of PATH_MAX below a folder of PATH_MAX */
};

/* What does not fit is cut off. */
void name_set(struct name *name, const char *text, size_t length);
void name_append(struct name *name, const char *text, size_t length);
/* readlink(2); empty with errno where there is none. */
bool name_read_link(struct name *name, const char *link);
bool name_same(const struct name *one, const struct name *other);
bool name_starts_with(const struct name *name, const char *prefix);
/* Whether a name is that of the folder or lies below it. */
bool name_is_below(const struct name *name, const struct name *folder);
/* Whether it is what the kernel calls a file whose name has gone, or that never had one (d_path, O_TMPFILE). */
bool name_is_deleted(const struct name *name);
/* Where the last component begins, and where it ends before slashes. */
size_t name_last_component(const struct name *name, size_t *end);
/* No `.`, `..` or empty component: joined with a canonical folder it needs no thought but for links. */
bool name_is_plain(const char *path, size_t length);

/* A number for some bytes, going on from an earlier one; HASH_START first. */
#define HASH_START 0xCBF29CE484222325U
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

#endif
