#include "port/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void weft__random_bytes(void *buf, size_t len)
{
    char *at = buf;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno != EINTR)
            abort(); /* a kernel without getrandom; nothing else is safe to use */
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}
