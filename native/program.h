/* What the kernel opens by itself to run a file: the interpreter of a `#!` line, the loader of an ELF program.
 * Pure: bytes and a length in (fuzzed in native/tests). */
#ifndef VESTIGE_PROGRAM_H
#define VESTIGE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum program_kind { PROGRAM_OTHER, PROGRAM_SCRIPT, PROGRAM_ELF };

struct program_head {
    enum program_kind kind;
    const char *interpreter; /* within the bytes, NULL: none, or it lies beyond them */
    size_t length;
    uint64_t offset;         /* where in the file it lies, if beyond the bytes; 0: it does not */
};

struct program_head program_parse(const char *bytes, size_t size);

#endif
