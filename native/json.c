#include "json.h"

#include <string.h>

static void put(struct json *json, const char *bytes, size_t length)
{
    if (json->overflow || length > json->size - json->length) {
        json->overflow = true;
        return;
    }
    memcpy(json->text + json->length, bytes, length);
    json->length += length;
}

static void put_char(struct json *json, char c)
{
    put(json, &c, 1);
}

static void put_key(struct json *json, const char *key)
{
    if (json->comma)
        put_char(json, ',');
    json->comma = true;
    if (key == NULL)
        return;
    put_char(json, '"');
    put(json, key, strlen(key));
    put(json, "\":", 2);
}

static void put_digits(struct json *json, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(json, digits + at, sizeof digits - at);
}

void json_start(struct json *json, char *buffer, size_t size)
{
    *json = (struct json){.text = buffer, .size = size};
}

void json_open(struct json *json, const char *key, char bracket)
{
    put_key(json, key);
    put_char(json, bracket);
    json->comma = false;
}

void json_close(struct json *json, char bracket)
{
    put_char(json, bracket);
    json->comma = true;
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    put_digits(json, value);
}

void json_int(struct json *json, const char *key, int64_t value)
{
    put_key(json, key);
    if (value < 0)
        put_char(json, '-');
    put_digits(json, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_bool(struct json *json, const char *key, bool value)
{
    put_key(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

/* The number of bytes of the character that begins here, 0 if there is none (RFC 3629, table 3-7 of Unicode). */
static size_t utf8_character(const unsigned char *b, size_t length)
{
    unsigned low = 0x80;
    unsigned high = 0xBF;
    size_t size;

    if (b[0] < 0x80)
        return 1;
    if (b[0] >= 0xC2 && b[0] <= 0xDF)
        size = 2;
    else if (b[0] >= 0xE0 && b[0] <= 0xEF)
        size = 3;
    else if (b[0] >= 0xF0 && b[0] <= 0xF4)
        size = 4;
    else
        return 0;
    if (size > length)
        return 0;
    if (b[0] == 0xE0)
        low = 0xA0; /* overlong */
    if (b[0] == 0xED)
        high = 0x9F; /* surrogates */
    if (b[0] == 0xF0)
        low = 0x90; /* overlong */
    if (b[0] == 0xF4)
        high = 0x8F; /* past U+10FFFF */
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

size_t utf8_prefix(const unsigned char *bytes, size_t length)
{
    size_t at = 0;

    while (at < length) {
        size_t size = utf8_character(bytes + at, length - at);
        if (size == 0)
            break;
        at += size;
    }
    return at;
}

static void put_escaped(struct json *json, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c == '"' || c == '\\') {
        put_char(json, '\\');
        put_char(json, (char)c);
    } else if (c < 0x20) {
        put(json, escape, sizeof escape);
    } else {
        put_char(json, (char)c);
    }
}

/* As Git quotes: in double quotes, octal for all but printable ASCII; each backslash once more for JSON. */
static void put_quoted(struct json *json, const unsigned char *bytes, size_t length)
{
    put(json, "\\\"", 2);
    for (size_t i = 0; i < length && !json->overflow; i++) {
        unsigned char c = bytes[i];
        char octal[5] = {'\\', '\\', (char)('0' + (c >> 6)), (char)('0' + ((c >> 3) & 7)), (char)('0' + (c & 7))};

        if (c == '"' || c == '\\') {
            put(json, "\\\\", 2);
            put_escaped(json, c);
        } else if (c < 0x20 || c > 0x7E) {
            put(json, octal, sizeof octal);
        } else {
            put_char(json, (char)c);
        }
    }
    put(json, "\\\"", 2);
}

void json_text(struct json *json, const char *key, const void *bytes, size_t length)
{
    const unsigned char *b = bytes;

    put_key(json, key);
    put_char(json, '"');
    if ((length > 0 && b[0] == '"') || utf8_prefix(b, length) != length)
        put_quoted(json, b, length);
    else
        for (size_t i = 0; i < length && !json->overflow; i++)
            put_escaped(json, b[i]);
    put_char(json, '"');
}

void json_string(struct json *json, const char *key, const char *string)
{
    json_text(json, key, string, strlen(string));
}

void json_raw(struct json *json, const char *key, const char *text, size_t length)
{
    put_key(json, key);
    put(json, text, length);
}

size_t json_end_line(struct json *json)
{
    put_char(json, '\n');
    return json->overflow ? 0 : json->length;
}
