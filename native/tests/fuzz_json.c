/* libFuzzer target: any bytes become one line of valid ASCII-safe JSON text, or none if the buffer is too small. */
#include "../json.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The line holds exactly one string: every quote inside is escaped, no control byte stands bare, all is UTF-8. */
static void check_line(const char *line, size_t length)
{
    size_t quotes = 0;

    assert(length > 0 && line[length - 1] == '\n');
    assert(utf8_prefix((const unsigned char *)line, length) == length);
    for (size_t i = 0; i + 1 < length; i++) {
        assert((unsigned char)line[i] >= 0x20);
        if (line[i] == '\\')
            i++;
        else
            quotes += line[i] == '"';
    }
    assert(quotes == 4);
}

static void write_line(struct json *json, char *buffer, size_t room, const uint8_t *data, size_t size)
{
    json_start(json, buffer, room);
    json_open(json, NULL, '{');
    json_text(json, "k", data, size);
    json_close(json, '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char large[6 * 4096 + 64];
    char small[64];
    struct json json;

    if (size > 4096)
        return 0;
    write_line(&json, large, sizeof large, data, size);
    check_line(large, json_end_line(&json));
    write_line(&json, small, sizeof small, data, size);
    if (json_end_line(&json) != 0)
        check_line(small, json.length);
    else
        assert(json.length <= sizeof small);
    return 0;
}
