/* work/skew.h: a loop whose step i costs about i: a dependent chain of that many multiplications. */
#ifndef BENCH_SKEW_H
#define BENCH_SKEW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What step `i` computes. */
uint64_t skew_step(int64_t i);
/* The sum of the first n steps, computed serially. */
uint64_t skew_sum(int64_t n);

#ifdef __cplusplus
}
#endif
#endif
