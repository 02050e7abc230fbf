#define _GNU_SOURCE
#include "series.h"

#include "events.h"

enum {
    POINTS_AT_ONE_STEP = 1000, /* after so many the step doubles */
    FIRST_STEP_NS = 10000000,
};

/* Neighbouring looks, becoming one point. */
struct window {
    uint64_t since;
    uint64_t count;
    uint64_t rss_min;
    uint64_t rss_sum;
    uint64_t rss_max;
    bool has_pss;
    uint64_t pss;
    uint64_t pss_rss;
    pid_t top;
    uint64_t top_rss;
    uint64_t processes;
    uint64_t threads;
    struct figures tree; /* the whole run so far */
};

static struct {
    struct window window;
    uint64_t step;
    uint64_t points;
} series;

static void merge(struct window *window, const struct look *look, uint64_t now)
{
    if (window->count++ == 0) {
        window->since = now;
        window->rss_min = look->rss;
    }
    if (look->rss < window->rss_min)
        window->rss_min = look->rss;
    if (look->rss >= window->rss_max) {
        window->rss_max = look->rss;
        window->top = look->top;
        window->top_rss = look->top_rss;
    }
    if (look->has_pss && (!window->has_pss || look->pss > window->pss)) {
        window->has_pss = true;
        window->pss = look->pss;
        window->pss_rss = look->rss;
    }
    window->rss_sum += look->rss;
    window->processes = look->processes;
    window->threads = look->threads;
    window->tree = look->tree;
}

static void write_window(struct shared *shared)
{
    struct window *window = &series.window;
    struct event event;

    event_start(&event, shared, "sample", "sample");
    json_uint(&event.json, "since", window->since);
    json_uint(&event.json, "count", window->count);
    json_uint(&event.json, "processes", window->processes);
    json_uint(&event.json, "threads", window->threads);
    json_uint(&event.json, "cpu_ns", window->tree.cpu_ns);
    json_open(&event.json, "rss", '[');
    json_uint(&event.json, NULL, window->rss_min);
    json_uint(&event.json, NULL, window->rss_sum / window->count);
    json_uint(&event.json, NULL, window->rss_max);
    json_close(&event.json, ']');
    if (window->has_pss) {
        json_uint(&event.json, "pss", window->pss);
        json_uint(&event.json, "pss_rss", window->pss_rss);
    }
    json_uint(&event.json, "read_bytes", window->tree.read_bytes);
    json_uint(&event.json, "write_bytes", window->tree.write_bytes);
    json_uint(&event.json, "read_chars", window->tree.read_chars);
    json_uint(&event.json, "write_chars", window->tree.write_chars);
    json_open(&event.json, "top", '{');
    json_int(&event.json, "pid", window->top);
    json_uint(&event.json, "rss", window->top_rss);
    json_close(&event.json, '}');
    event_record(shared, &event.json);
    *window = (struct window){0};
    if (++series.points % POINTS_AT_ONE_STEP == 0)
        series.step = series.step == 0 ? FIRST_STEP_NS : series.step * 2;
}

void series_add(struct shared *shared, const struct look *look, uint64_t now)
{
    merge(&series.window, look, now);
    if (now - series.window.since >= series.step)
        write_window(shared);
}

void series_finish(struct shared *shared)
{
    if (series.window.count > 0)
        write_window(shared);
}
