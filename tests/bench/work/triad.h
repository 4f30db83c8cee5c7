/* work/triad.h: the triad of STREAM, a = b + s * c, on arrays that fit in no cache. */
#ifndef BENCH_TRIAD_H
#define BENCH_TRIAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct triad {
    int64_t n;
    double *a, *b, *c;
} triad;

/* Arrays of n elements; nothing of them has been touched. */
triad triad_make(int64_t n);
/* Give the elements from `begin` to `end` their first values, from the thread that will use them. */
void triad_fill(const triad *t, int64_t begin, int64_t end);
/* a = b + 3 c for these elements. */
void triad_sweep(const triad *t, int64_t begin, int64_t end);
/* The result has to be right: else the program ends as wrong. */
void triad_check(const triad *t);

#ifdef __cplusplus
}
#endif
#endif
