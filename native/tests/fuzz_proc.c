/* libFuzzer target: whatever /proc holds, the parsers read no byte too many and store what fits. */
#include "../proc.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stat(const char *text, size_t size)
{
    struct stat_line stat;

    if (parse_stat(text, size, &stat))
        assert(memchr(stat.comm, 0, sizeof stat.comm) != NULL);
}

static void check_children(const char *text, size_t size)
{
    pid_t pids[8];
    size_t count = parse_children(text, size, pids, sizeof pids / sizeof *pids);

    assert(count <= sizeof pids / sizeof *pids);
    for (size_t i = 0; i < count; i++)
        assert(pids[i] > 0);
}

static void check_cgroup(const char *text, size_t size)
{
    char path[16] = "";

    if (parse_cgroup(text, size, path, sizeof path) != 0)
        assert(memchr(path, '\0', sizeof path) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct figures figures = {0};
    uint64_t number;

    if (size == 0)
        return 0;
    check_stat(text, size);
    check_children(text, size);
    check_cgroup(text, size);
    parse_status(text, size, &figures);
    parse_io(text, size, &figures);
    parse_schedstat(text, size, &figures);
    parse_statm(text, size, 4096, &number);
    parse_keyed(text, size, "Pss:", &number);
    parse_pressure(text, size, &number);
    return 0;
}
