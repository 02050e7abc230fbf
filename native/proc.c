#define _GNU_SOURCE
#include "proc.h"

#include <string.h>

struct cursor {
    const char *at;
    const char *end;
};

static bool next_number(struct cursor *cursor, uint64_t *value)
{
    bool any = false;
    uint64_t number = 0;

    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
    if (cursor->at < cursor->end && *cursor->at == '-')
        cursor->at++; /* tpgid -1, a negative priority: only skipped over */
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        number = number * 10 + (uint64_t)(*cursor->at++ - '0');
        any = true;
    }
    *value = number;
    return any;
}

static bool skip_numbers(struct cursor *cursor, int count)
{
    uint64_t ignored;

    for (int i = 0; i < count; i++)
        if (!next_number(cursor, &ignored))
            return false;
    return true;
}

bool parse_number(const char *text, size_t length, uint64_t *value)
{
    struct cursor cursor = {text, text + length};

    return next_number(&cursor, value);
}

bool parse_stat(const char *text, size_t length, struct stat_line *stat)
{
    const char *open = memchr(text, '(', length);
    const char *close = memrchr(text, ')', length); /* the name itself may hold parentheses */
    struct cursor cursor;
    size_t name;
    uint64_t ppid, threads, start;

    if (open == NULL || close == NULL || close < open || text + length - close < 4)
        return false;
    name = (size_t)(close - open - 1);
    if (name >= sizeof stat->comm)
        name = sizeof stat->comm - 1;
    memcpy(stat->comm, open + 1, name);
    stat->comm[name] = '\0';
    stat->state = close[2];
    cursor = (struct cursor){close + 3, text + length};
    if (!next_number(&cursor, &ppid))
        return false;
    if (!skip_numbers(&cursor, 15) || !next_number(&cursor, &threads))
        return false;
    if (!skip_numbers(&cursor, 1) || !next_number(&cursor, &start))
        return false;
    stat->ppid = (pid_t)ppid;
    stat->threads = threads;
    stat->start = start;
    return true;
}

bool is_dead(const struct stat_line *stat)
{
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

static const char *line_end(const char *at, const char *end)
{
    const char *feed = memchr(at, '\n', (size_t)(end - at));

    return feed == NULL ? end : feed;
}

/* Whether the line begins with `key`; then the number after it. */
static bool line_number(const char *at, const char *end, const char *key, uint64_t *value)
{
    size_t size = strlen(key);
    struct cursor cursor = {at + size, end};

    return (size_t)(end - at) > size && memcmp(at, key, size) == 0 && next_number(&cursor, value);
}

bool parse_keyed(const char *text, size_t length, const char *key, uint64_t *value)
{
    const char *end = text + length;

    for (const char *at = text; at < end; at = line_end(at, end) + 1)
        if (line_number(at, line_end(at, end), key, value))
            return true;
    return false;
}

bool parse_status(const char *text, size_t length, struct figures *figures)
{
    const char *end = text + length;
    uint64_t number;

    for (const char *at = text; at < end; at = line_end(at, end) + 1) {
        const char *stop = line_end(at, end);

        if (memchr("TPVvn", *at, 5) == NULL) /* one line in five */
            continue;
        if (line_number(at, stop, "Tgid:", &number)) {
            figures->tgid = (pid_t)number;
        } else if (line_number(at, stop, "PPid:", &number)) {
            figures->ppid = (pid_t)number;
        } else if (line_number(at, stop, "VmHWM:", &number)) {
            figures->hwm = number * 1024;
            figures->have |= HAVE_HWM;
        } else if (line_number(at, stop, "VmPeak:", &number)) {
            figures->vm_peak = number * 1024;
        } else if (line_number(at, stop, "VmRSS:", &number)) {
            figures->rss = number * 1024;
            figures->have |= HAVE_RSS;
        } else if (line_number(at, stop, "Threads:", &number)) {
            figures->threads = number;
            figures->have |= HAVE_THREADS;
        } else if (line_number(at, stop, "voluntary_ctxt_switches:", &number)) {
            figures->voluntary_switches = number;
        } else if (line_number(at, stop, "nonvoluntary_ctxt_switches:", &number)) {
            figures->involuntary_switches = number;
        }
    }
    return (figures->have & HAVE_THREADS) != 0;
}

bool parse_io(const char *text, size_t length, struct figures *figures)
{
    bool whole = parse_keyed(text, length, "rchar:", &figures->read_chars) &&
                 parse_keyed(text, length, "wchar:", &figures->write_chars) &&
                 parse_keyed(text, length, "read_bytes:", &figures->read_bytes) &&
                 parse_keyed(text, length, "write_bytes:", &figures->write_bytes);

    if (whole)
        figures->have |= HAVE_IO;
    return whole;
}

bool parse_schedstat(const char *text, size_t length, struct figures *figures)
{
    struct cursor cursor = {text, text + length};

    if (!skip_numbers(&cursor, 1) || !next_number(&cursor, &figures->wait_ns))
        return false;
    figures->have |= HAVE_WAIT;
    return true;
}

bool parse_statm(const char *text, size_t length, uint64_t page_size, uint64_t *rss)
{
    struct cursor cursor = {text, text + length};
    uint64_t pages;

    if (!skip_numbers(&cursor, 1) || !next_number(&cursor, &pages))
        return false;
    *rss = pages * page_size;
    return true;
}

bool parse_pressure(const char *text, size_t length, uint64_t *total)
{
    const char *end = line_end(text, text + length);
    const char *at = memmem(text, (size_t)(end - text), "total=", 6);

    return length > 4 && memcmp(text, "some", 4) == 0 && at != NULL && parse_number(at + 6, (size_t)(end - at - 6), total);
}

size_t parse_children(const char *text, size_t length, pid_t *pids, size_t room)
{
    struct cursor cursor = {text, text + length};
    size_t count = 0;
    uint64_t number;

    while (count < room && next_number(&cursor, &number) && cursor.at < cursor.end)
        if (number > 0 && number <= INT32_MAX)
            pids[count++] = (pid_t)number;
    return count;
}

/* Whether `wanted` is one of the names in a list with commas. */
static bool listed(const char *list, size_t length, const char *wanted)
{
    const size_t size = strlen(wanted);

    for (size_t at = 0; at + size <= length; at++)
        if (memcmp(list + at, wanted, size) == 0 && (at == 0 || list[at - 1] == ',') &&
            (at + size == length || list[at + size] == ','))
            return true;
    return false;
}

static bool parse_cgroup_line(const char *line, size_t length, const char *controller, char *path, size_t size)
{
    const char *first = memchr(line, ':', length);
    const char *second = first == NULL ? NULL : memchr(first + 1, ':', length - (size_t)(first + 1 - line));
    size_t path_length;

    if (second == NULL)
        return false;
    if (*controller == '\0' ? second != first + 1 : !listed(first + 1, (size_t)(second - first - 1), controller))
        return false;
    path_length = length - (size_t)(second + 1 - line);
    if (path_length >= size)
        return false;
    memcpy(path, second + 1, path_length);
    path[path_length] = '\0';
    return true;
}

static bool find_cgroup(const char *text, size_t length, const char *controller, char *path, size_t size)
{
    const char *end = text + length;

    for (const char *at = text; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed == NULL ? end : feed;

        if (parse_cgroup_line(at, (size_t)(stop - at), controller, path, size))
            return true;
        at = stop + 1;
    }
    return false;
}

int parse_cgroup(const char *text, size_t length, char *path, size_t size)
{
    if (find_cgroup(text, length, "memory", path, size))
        return 1;
    return find_cgroup(text, length, "", path, size) ? 2 : 0;
}
