/* blob BYTES [PROGRESS]: writes that many bytes of noise to stdout, always the same; PROGRESS is a file that holds, as
   eight bytes, how many have been taken so far. */
#include "victim.h"

int main(int argc, char **argv)
{
    enum { WORDS = 8192 };
    static uint64_t noise[WORDS];
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15), written = 0;
    uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    int progress = argc > 2 ? open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    while (written < total) {
        for (int i = 0; i < WORDS; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise[i] = state;
        }
        size_t length = total - written < sizeof noise ? (size_t)(total - written) : sizeof noise;
        write_all(1, (const char *)noise, length);
        written += length;
        if (progress >= 0 && pwrite(progress, &written, sizeof written, 0) != sizeof written)
            broken("progress");
    }
    return 0;
}
