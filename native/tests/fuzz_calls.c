/* libFuzzer target: what a hostile process can put before us: addresses, questions, heads of files, call numbers. */
#include "../calls.h"
#include "../name.h"
#include "../program.h"
#include "../address.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const uint8_t *data, size_t size)
{
    const struct address address = address_parse(data, size);

    assert(address.length <= sizeof address.text);
    assert(address.family >= 0 || size < 2);
    assert(!address.has_port || address.port <= UINT16_MAX);
    (void)family_name(address.family);
}

static void check_query(const uint8_t *data, size_t size)
{
    const struct query query = query_parse(data, size);

    assert(query.length <= sizeof query.name && query.length < size + 1);
}

static void check_program(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const struct program_head head = program_parse(bytes, size);

    assert(head.interpreter == NULL || head.offset == 0);
    if (head.interpreter != NULL)
        assert(head.interpreter >= bytes && head.length <= size - (size_t)(head.interpreter - bytes));
    else
        assert(head.offset == 0 || (head.length >= 2 && head.length <= 4096));
}

static void check_call(const uint8_t *data, size_t size)
{
    uint32_t words[2];

    if (size < sizeof words)
        return;
    memcpy(words, data, sizeof words);
    assert(traced_call(words[0] % 2 == 0 ? arch_native : arch_compat, (int)words[1]) < CALLS);
    (void)traced_call(words[0], (int)words[1]);
}

static void check_name(const uint8_t *data, size_t size)
{
    static struct name name;
    size_t begin;
    size_t end;

    name_set(&name, (const char *)data, size);
    for (int i = 0; i < 3; i++)
        name_append(&name, (const char *)data, size);
    assert(name.length < sizeof name.text && name.text[name.length] == '\0');
    begin = name_last_component(&name, &end);
    assert(begin <= end && end <= name.length);
    assert(memchr(name.text + begin, '/', end - begin) == NULL || end - begin == 1);
    assert(name_same(&name, &name) && name_is_below(&name, &name));
    (void)name_is_plain((const char *)data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_name(data, size);
    check_address(data, size);
    check_query(data, size);
    check_program(data, size);
    check_call(data, size);
    return 0;
}
