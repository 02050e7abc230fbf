/* clockstep.so, for LD_PRELOAD: the wall clock jumps back by an hour at every fourth look, and forth again at every
   eighth. The monotonic clock is left alone, as when somebody sets the date. */
#include "victim.h"

#include <sys/syscall.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static unsigned looks;
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && looks++ % 8 >= 4)
        now->tv_sec -= 3600;
    return failed;
}
