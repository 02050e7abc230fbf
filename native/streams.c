#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fewer switches: a third faster than the usual 64 KiB, and 1 MiB is hardly faster. More would soon use up what one user
 * may have in pipes (pipe-user-pages-soft), and then all that user's pipes shrink. */
enum { PIPE_SIZE = 1 << 18 };

const char *const stream_names[STREAMS] = {"stdout", "stderr"};
static const char *const kind_names[] = {"closed", "pipe", "file", "terminal", "socket", "device"};

static enum stream_kind kind_of(int fd, const struct stat *status)
{
    if (S_ISFIFO(status->st_mode))
        return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? KIND_DEVICE : KIND_PIPE;
    if (S_ISREG(status->st_mode))
        return KIND_FILE;
    if (S_ISSOCK(status->st_mode))
        return KIND_SOCKET;
    return isatty(fd) ? KIND_TERMINAL : KIND_DEVICE;
}

/* A file is not relayed: a pipe in its place would be another thing to the command, and a third as fast. */
static void note_file(struct stream *stream, int fd, const struct stat *status)
{
    char path[32];
    int flags = fcntl(fd, F_GETFL);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    stream->file = open(path, O_PATH | O_CLOEXEC);
    stream->append = (flags & O_APPEND) != 0;
    stream->offset = stream->append ? status->st_size : lseek(fd, 0, SEEK_CUR);
}

static int widen(int fd)
{
    /* refused past the user's share of pipe memory (pipe(7), pipe-user-pages-soft): then it is only slower */
    (void)!fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
    return fd;
}

/* A sandbox may forbid splice(2) or tee(2): asked on two empty pipes, which can only say "nothing yet". */
static bool can_splice(int from, int to)
{
    if (splice(from, NULL, to, NULL, 1, SPLICE_F_NONBLOCK) < 0 && errno != EAGAIN)
        return false;
    return tee(from, to, 1, SPLICE_F_NONBLOCK) >= 0 || errno == EAGAIN;
}

/* The command writes to `end`, we read `in`, and `mid` holds what was duplicated for the copy. Into anything but a pipe
 * bytes are written: splice(2) refuses files open for appending and some devices. */
static int open_relay(struct stream *stream, int fd, int folder, const char *name)
{
    int through[2] = {-1, -1};
    int staging[2] = {-1, -1};
    int copy = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int out = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy < 0 || out < 0 || pipe2(through, O_CLOEXEC) != 0 || pipe2(staging, O_CLOEXEC) != 0) {
        stream->copy_error = errno;
        for (int i = 0; i < 2; i++) {
            if (through[i] >= 0)
                close(through[i]);
        }
        if (copy >= 0)
            close(copy);
        if (out >= 0)
            close(out);
        return -1;
    }
    stream->in = widen(through[0]);
    stream->mid = widen(staging[0]);
    stream->mid_in = staging[1];
    stream->copy = copy;
    stream->out = out;
    stream->captured = true;
    stream->plain = stream->kind != KIND_PIPE || !can_splice(through[0], staging[1]);
    return through[1];
}

/* Both streams of a terminal are one: what the pty says is kept as `stdout`, or as `stderr` if only that is one. */
static void open_terminal(struct shared *shared, int index, int folder)
{
    struct stream *stream = &shared->streams[index];

    if (index == 1 && shared->streams[0].plain) {
        shared->merged = true;
        return;
    }
    stream->copy = openat(folder, stream_names[index], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    stream->captured = stream->copy >= 0;
    stream->copy_error = stream->copy >= 0 ? 0 : errno;
    stream->in = fcntl(shared->pty.master, F_DUPFD_CLOEXEC, 3);
    stream->out = fcntl(shared->pty.outer, F_DUPFD_CLOEXEC, 3);
    stream->plain = true;
}

static bool same_pipe(const struct stat *a, const struct stat *b)
{
    return S_ISFIFO(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

struct command_ends streams_open(struct shared *shared, const struct request *request, int folder)
{
    const bool wanted[STREAMS] = {request->capture_stdout, request->capture_stderr};
    struct command_ends ends = {{-1, -1}};
    struct stat status[STREAMS] = {0};

    for (int i = 0; i < STREAMS; i++) {
        struct stream *stream = &shared->streams[i];
        int fd = STDOUT_FILENO + i;

        if (fstat(fd, &status[i]) != 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
            continue; /* closed: what stands here is our own placeholder */
        stream->kind = kind_of(fd, &status[i]);
        if (stream->kind == KIND_FILE)
            note_file(stream, fd, &status[i]);
        if (stream->kind == KIND_TERMINAL && shared->pty.master >= 0)
            open_terminal(shared, i, folder);
        if ((stream->kind != KIND_PIPE && !request->relay_all) || folder < 0)
            continue;
        if (i == 1 && !request->relay_all && wanted[0] && wanted[1] && same_pipe(&status[0], &status[1])) {
            shared->merged = true; /* one pipe for both keeps the order exact */
            ends.ends[1] = ends.ends[0];
        } else if (wanted[i]) {
            ends.ends[i] = open_relay(stream, fd, folder, stream_names[i]);
        }
    }
    return ends;
}

void streams_take(const struct command_ends *ends)
{
    for (int i = 0; i < STREAMS; i++)
        if (ends->ends[i] >= 0)
            dup2(ends->ends[i], STDOUT_FILENO + i);
}

void streams_forget(const struct command_ends *ends)
{
    for (int i = 0; i < STREAMS; i++)
        if (ends->ends[i] >= 0 && (i == 0 || ends->ends[i] != ends->ends[0]))
            close(ends->ends[i]);
}

static void describe_file(const struct stream *stream, struct json *json)
{
    char link[32];
    char path[4096];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", stream->file);
    length = readlink(link, path, sizeof path / 2);
    if (length > 0)
        json_text(json, "path", path, (size_t)length);
    json_int(json, "offset", stream->offset);
    json_bool(json, "append", stream->append);
}

void streams_describe(const struct shared *shared, struct json *json)
{
    json_open(json, "streams", '{');
    for (int i = 0; i < STREAMS; i++) {
        const struct stream *stream = &shared->streams[i];

        json_open(json, stream_names[i], '{');
        json_string(json, "kind", kind_names[stream->kind]);
        json_bool(json, "captured", stream->captured);
        if (stream->copy_error != 0)
            json_string(json, "reason", strerror(stream->copy_error));
        if (stream->file >= 0)
            describe_file(stream, json);
        json_close(json, '}');
    }
    json_close(json, '}');
    json_bool(json, "merged", shared->merged);
}

void streams_account(const struct shared *shared, struct json *json)
{
    struct stat status;

    json_open(json, "streams", '{');
    for (int i = 0; i < STREAMS; i++) {
        const struct stream *stream = &shared->streams[i];

        json_open(json, stream_names[i], '{');
        if (stream->captured) {
            json_uint(json, "bytes", stream->bytes);
            json_uint(json, "captured", stream->stored);
        } else if (stream->file >= 0 && fstat(stream->file, &status) == 0) {
            json_int(json, "bytes", status.st_size > stream->offset ? status.st_size - stream->offset : 0);
        }
        if (stream->copy_error != 0)
            json_string(json, "reason", strerror(stream->copy_error));
        json_close(json, '}');
    }
    json_close(json, '}');
}
