/* How old the kernel is, where what it can do can't be asked for. */
#ifndef VESTIGE_KERNEL_H
#define VESTIGE_KERNEL_H

#include <stdbool.h>

bool kernel_is_since(int major, int minor);

#endif
