/* bench.h: what one round of one bench needs; for the programs of weft and of its peers, C and C++.
 *
 *     int64_t begin = bench_clock();
 *     int64_t sum = work();
 *     bench_check("the sum", sum, 4950);                            // wrong: the program ends with 1
 *     bench_print("cost", (double)(bench_clock() - begin) / 100);   // one line: what, and how much
 *
 * A program warms up, measures for a part of a second, checks what it computed, and prints costs: less
 * is better. scripts/bench runs it once for each round and compares; lines.py says what with what.
 */
#ifndef BENCH_H
#define BENCH_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds on the monotonic clock. */
static inline int64_t bench_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Say what `metric` costs. */
static inline void bench_print(const char *metric, double value)
{
    printf("%s %.6g\n", metric, value);
}

/* End the program as wrong, from whichever thread or task. */
__attribute__((noreturn)) static inline void bench_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    fflush(NULL);
    _exit(1);
}

/* What the bench computed must be what is known to be right. */
static inline void bench_check(const char *what, int64_t got, int64_t want)
{
    char text[200];
    if (got == want)
        return;
    snprintf(text, sizeof text, "%s is %lld, must be %lld", what, (long long)got, (long long)want);
    bench_fail(text);
}

/* `ok` must hold: a call that had to succeed, or a promise. */
static inline void bench_need(bool ok, const char *what)
{
    char text[200];
    if (ok)
        return;
    snprintf(text, sizeof text, "it does not hold: %s", what);
    bench_fail(text);
}

/* The number that is argument `i`, or `otherwise`. */
static inline int64_t bench_arg(int argc, char **argv, int i, int64_t otherwise)
{
    return i < argc ? strtoll(argv[i], NULL, 10) : otherwise;
}

/* How many workers this round is to have; scripts/bench says so to every program. */
static inline int bench_workers(void)
{
    const char *text = getenv("BENCH_WORKERS");
    return text ? atoi(text) : 2;
}

/* The i-th of the CPUs that scripts/bench gave to this line, whatever the program is bound to. */
static inline int bench_cpu(int i)
{
    const char *text = getenv("BENCH_CPUS");
    for (; text && i > 0 && (text = strchr(text, ',')) != NULL; i--)
        text++;
    return text ? atoi(text) : i;
}

/* Bind the calling thread to the i-th of these CPUs. */
static inline void bench_pin(int i)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)bench_cpu(i), &set);
    bench_need(sched_setaffinity(0, sizeof set, &set) == 0, "a thread can be bound to a CPU");
}

/* Make the compiler believe that `p` and all memory is looked at. */
static inline void bench_keep(const void *p)
{
    __asm__ volatile("" : : "g"(p) : "memory");
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle one of `n` values, which it sorts. */
static inline double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, bench_compare);
    return values[n / 2];
}

#ifdef __cplusplus
}
#endif
#endif
