/* One JSON object into a bounded buffer. Pure: no system call, no allocation; overflow is remembered, never written. */
#ifndef VESTIGE_JSON_H
#define VESTIGE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    char *text;
    size_t size;
    size_t length;
    bool overflow; /* the buffer was too small: the text is not whole */
    bool comma;    /* the next value needs one before it */
};

void json_start(struct json *json, char *buffer, size_t size);
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_int(struct json *json, const char *key, int64_t value);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);

/* Bytes of any kind as text (docs/reference/events.md): UTF-8 as it is, anything else quoted as Git quotes paths. */
void json_text(struct json *json, const char *key, const void *bytes, size_t length);
void json_string(struct json *json, const char *key, const char *string);

/* Text that is JSON already. */
void json_raw(struct json *json, const char *key, const char *text, size_t length);

/* Appends the line feed and returns the length of the line, 0 if it did not fit. */
size_t json_end_line(struct json *json);

/* The length of the longest prefix of whole UTF-8 characters (RFC 3629: no surrogates, no overlong forms). */
size_t utf8_prefix(const unsigned char *bytes, size_t length);

#endif
