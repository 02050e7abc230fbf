/* oldkernel.so, for LD_PRELOAD: the kernel says that it is 6.1, and what is done on such a kernel is done here. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int uname(struct utsname *name)
{
    const int result = (int)syscall(SYS_uname, name);

    if (result == 0)
        strcpy(name->release, "6.1.0");
    return result;
}
