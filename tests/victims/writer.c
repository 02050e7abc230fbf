/* writer WAY NAME [OTHER]: makes, changes, renames or removes files in one of many ways. */
#include "victim.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static void check(int result, const char *what)
{
    if (result < 0)
        broken(what);
}

static void fill(int fd, const char *text)
{
    check(fd, "open");
    write_all(fd, text, strlen(text));
    check(close(fd), "close");
}

static void do_creat(const char *name, const char *other)
{
    (void)other;
    fill(creat(name, 0666), "created");
}

static void do_open_truncating(const char *name, const char *other)
{
    (void)other;
    fill(open(name, O_WRONLY | O_TRUNC), "shorter");
}

static void do_map(const char *name, const char *other)
{
    (void)other;
    int fd = open(name, O_RDWR);
    check(fd, name);
    char *bytes = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        broken("mmap");
    bytes[0] ^= 1;
    check(msync(bytes, 4, MS_SYNC), "msync");
    check(munmap(bytes, 4), "munmap");
    check(close(fd), "close");
}

static void do_mkstemp(const char *name, const char *other)
{
    char template[4096];
    (void)other;
    snprintf(template, sizeof template, "%s.XXXXXX", name);
    fill(mkstemp(template), "made");
    check(rename(template, name), "rename");
    printf("%s\n", template);
}

static void do_unnamed(const char *name, const char *other)
{
    char own[64];
    (void)other;
    int fd = open(".", O_TMPFILE | O_WRONLY, 0666);
    check(fd, "O_TMPFILE");
    write_all(fd, "unnamed", 7);
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    check(linkat(AT_FDCWD, own, AT_FDCWD, name, AT_SYMLINK_FOLLOW), "linkat");
    check(close(fd), "close");
}

static void do_rename(const char *name, const char *other)
{
    check(rename(name, other), "rename");
}

static void do_rename_noreplace(const char *name, const char *other)
{
    fill(creat(name, 0666), "new");
    check((int)syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, RENAME_NOREPLACE), "renameat2");
}

static void do_rename_refused(const char *name, const char *other)
{
    if (!syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, RENAME_NOREPLACE) || errno != EEXIST)
        broken("renameat2 over a file that is there");
}

static void do_exchange(const char *name, const char *other)
{
    check((int)syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, RENAME_EXCHANGE), "renameat2");
}

static void do_link(const char *name, const char *other)
{
    check(link(name, other), "link");
}

static void do_symlink(const char *name, const char *other)
{
    check(symlink(name, other), "symlink");
}

static void do_truncate(const char *name, const char *other)
{
    (void)other;
    check(truncate(name, 2), "truncate");
}

static void do_unlink(const char *name, const char *other)
{
    (void)other;
    check(unlink(name), "unlink");
}

static void do_temporary(const char *name, const char *other)
{
    do_creat(name, other);
    do_unlink(name, other);
}

static void do_append(const char *name, const char *other)
{
    (void)other;
    fill(open(name, O_WRONLY | O_APPEND), "more");
}

static void do_nothing(const char *name, const char *other)
{
    (void)other;
    int fd = open(name, O_RDWR);
    check(fd, name);
    check(close(fd), "close");
}

static void do_only_for_writing(const char *name, const char *other)
{
    (void)other;
    int fd = open(name, O_WRONLY);
    check(fd, name);
    check(close(fd), "close");
}

static void do_mkdir(const char *name, const char *other)
{
    (void)other;
    check(mkdir(name, 0777), "mkdir");
}

/* OTHER is a folder that is moved to NAME, and a file of it read under the new name. */
static void do_move_folder(const char *name, const char *other)
{
    char inside[8192], byte;
    check(rename(other, name), "rename");
    snprintf(inside, sizeof inside, "%s/inside", name);
    int fd = open(inside, O_RDONLY);
    check(fd, inside);
    check((int)read(fd, &byte, 1), "read");
    check(close(fd), "close");
}

static const struct {
    const char *name;
    void (*act)(const char *name, const char *other);
} WAYS[] = {
    {"creat", do_creat},
    {"open-truncating", do_open_truncating},
    {"map", do_map},
    {"mkstemp", do_mkstemp},
    {"unnamed", do_unnamed},
    {"rename", do_rename},
    {"rename-noreplace", do_rename_noreplace},
    {"rename-refused", do_rename_refused},
    {"exchange", do_exchange},
    {"link", do_link},
    {"symlink", do_symlink},
    {"truncate", do_truncate},
    {"unlink", do_unlink},
    {"temporary", do_temporary},
    {"append", do_append},
    {"nothing", do_nothing},
    {"only-for-writing", do_only_for_writing},
    {"mkdir", do_mkdir},
    {"move-folder", do_move_folder},
};

int main(int argc, char **argv)
{
    if (argc < 3)
        broken("usage: writer WAY NAME [OTHER]");
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        if (strcmp(WAYS[i].name, argv[1]))
            continue;
        WAYS[i].act(argv[2], argv[3]);
        return 0;
    }
    errno = EINVAL;
    broken(argv[1]);
}
