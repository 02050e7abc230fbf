#include "program.h"

#include <elf.h>
#include <string.h>

enum { LONGEST_SCRIPT_LINE = 256 }; /* BINPRM_BUF_SIZE of the kernel, execve(2) */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct program_head parse_script(const char *bytes, size_t size)
{
    struct program_head head = {.kind = PROGRAM_SCRIPT};
    size_t limit = size < LONGEST_SCRIPT_LINE ? size : LONGEST_SCRIPT_LINE;
    size_t begin = 2;
    size_t end;

    while (begin < limit && is_blank(bytes[begin]))
        begin++;
    end = begin;
    while (end < limit && !is_blank(bytes[end]) && bytes[end] != '\n' && bytes[end] != '\0')
        end++;
    if (end > begin) {
        head.interpreter = bytes + begin;
        head.length = end - begin;
    }
    return head;
}

/* A segment as either class has it. */
struct segment {
    uint64_t offset;
    uint64_t size;
};

static bool read_segment(const char *bytes, size_t size, uint64_t at, bool wide, struct segment *segment)
{
    Elf64_Phdr wide_header;
    Elf32_Phdr narrow_header;
    const size_t length = wide ? sizeof wide_header : sizeof narrow_header;

    if (at > size || length > size - at)
        return false;
    if (wide) {
        memcpy(&wide_header, bytes + at, length);
        *segment = (struct segment){wide_header.p_offset, wide_header.p_filesz};
        return wide_header.p_type == PT_INTERP;
    }
    memcpy(&narrow_header, bytes + at, length);
    *segment = (struct segment){narrow_header.p_offset, narrow_header.p_filesz};
    return narrow_header.p_type == PT_INTERP;
}

/* Where the table of segments begins and how many there are. */
struct table {
    uint64_t offset;
    unsigned entries;
    unsigned entry_size;
};

static bool read_table(const char *bytes, size_t size, bool wide, struct table *table)
{
    Elf64_Ehdr wide_header;
    Elf32_Ehdr narrow_header;

    if (size < (wide ? sizeof wide_header : sizeof narrow_header))
        return false;
    if (wide) {
        memcpy(&wide_header, bytes, sizeof wide_header);
        *table = (struct table){wide_header.e_phoff, wide_header.e_phnum, wide_header.e_phentsize};
    } else {
        memcpy(&narrow_header, bytes, sizeof narrow_header);
        *table = (struct table){narrow_header.e_phoff, narrow_header.e_phnum, narrow_header.e_phentsize};
    }
    return true;
}

static void take_interpreter(struct program_head *head, const char *bytes, size_t size, struct segment segment)
{
    const char *end;

    if (segment.size < 2 || segment.size > 4096)
        return;
    if (segment.offset > size || segment.size > size - segment.offset) {
        head->offset = segment.offset;
        head->length = (size_t)segment.size;
        return;
    }
    end = memchr(bytes + segment.offset, '\0', (size_t)segment.size);
    if (end == NULL)
        return;
    head->interpreter = bytes + segment.offset;
    head->length = (size_t)(end - head->interpreter);
}

static struct program_head parse_elf(const char *bytes, size_t size)
{
    struct program_head head = {.kind = PROGRAM_ELF};
    const bool wide = bytes[EI_CLASS] == ELFCLASS64;
    struct segment segment;
    struct table table;

    if (!read_table(bytes, size, wide, &table))
        return head;
    for (unsigned i = 0; i < table.entries; i++)
        if (table.offset < size &&
            read_segment(bytes, size, table.offset + (uint64_t)i * table.entry_size, wide, &segment)) {
            take_interpreter(&head, bytes, size, segment);
            break;
        }
    return head;
}

struct program_head program_parse(const char *bytes, size_t size)
{
    if (size > 2 && bytes[0] == '#' && bytes[1] == '!')
        return parse_script(bytes, size);
    if (size > EI_NIDENT && memcmp(bytes, ELFMAG, SELFMAG) == 0)
        return parse_elf(bytes, size);
    return (struct program_head){.kind = PROGRAM_OTHER};
}
