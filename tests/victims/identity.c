/* identity: prints the real and the effective user, to be installed setuid. */
#include "victim.h"

int main(void)
{
    printf("%u %u\n", getuid(), geteuid());
    return 0;
}
