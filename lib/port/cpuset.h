/* port/cpuset.h: a set of logical CPUs, by the operating system's numbers. */
#ifndef WEFT_PORT_CPUSET_H
#define WEFT_PORT_CPUSET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WEFT__CPUS_MAX = 4096 };

/* Plain bits, so that it may lie in shared memory. */
typedef struct weft__cpuset {
    uint64_t bits[WEFT__CPUS_MAX / 64];
} weft__cpuset;

static inline void weft__cpuset_clear(weft__cpuset *s)
{
    memset(s, 0, sizeof *s);
}

static inline void weft__cpuset_add(weft__cpuset *s, unsigned cpu)
{
    if (cpu < WEFT__CPUS_MAX)
        s->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline bool weft__cpuset_has(const weft__cpuset *s, unsigned cpu)
{
    return cpu < WEFT__CPUS_MAX && (s->bits[cpu / 64] >> (cpu % 64) & 1);
}

static inline int weft__cpuset_count(const weft__cpuset *s)
{
    int n = 0;
    for (unsigned i = 0; i < WEFT__CPUS_MAX / 64; i++)
        n += __builtin_popcountll(s->bits[i]);
    return n;
}

#endif
