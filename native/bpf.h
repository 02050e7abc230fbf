/* The filter as a program for the kernel: from the table of calls, for every architecture. Pure. */
#ifndef VESTIGE_BPF_H
#define VESTIGE_BPF_H

#include "calls.h"

#include <linux/filter.h>

enum { BPF_SIZE = 1024 };

struct bpf {
    struct sock_filter code[BPF_SIZE];
    unsigned short length;
    bool too_long;
};

void bpf_build(struct bpf *program, const struct policy *policy);

#endif
