#include "port/limit.h"

#include <stdio.h>
#include <sys/resource.h>

uint64_t weft__limit_files(uint64_t want)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
        return 0;
    if (lim.rlim_cur >= want || lim.rlim_cur >= lim.rlim_max)
        return lim.rlim_cur;
    rlim_t before = lim.rlim_cur;
    lim.rlim_cur = lim.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &lim) == 0 ? lim.rlim_max : before;
}

uint64_t weft__limit_mappings(void)
{
    unsigned long long n = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    if (f) {
        if (fscanf(f, "%llu", &n) != 1)
            n = 0;
        fclose(f);
    }
    return n > 0 ? n : 65530; /* what the kernel begins with */
}
