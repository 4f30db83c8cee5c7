/* An engine without a job, for the tests of the layers below team. */
#ifndef WEFT_TESTS_TASK_ENGINE_H
#define WEFT_TESTS_TASK_ENGINE_H

#include <stdlib.h>

#include "loop/loop.h"
#include "task/worker.h"

/* `log` has its warnings; a task that computes for longer than `watchdog_ms`, if that is not 0, is one. */
static inline weft *engine_open_with(int workers, weft_log_fn log, int64_t watchdog_ms)
{
    weft *w = calloc(1, sizeof *w);
    weft__engine_opts opts = {.workers = workers,
                              .crowded = workers > weft__thread_cpus_online(),
                              .stack_size = 64 * 1024,
                              .large_stack = 1024 * 1024};
    w->size = 1;
    w->log = (weft__log){.fn = log, .level = WEFT_LOG_WARN};
    if (weft__engine_open(w, &opts) != WEFT_OK || weft__readiness_open(w) != WEFT_OK ||
        weft__hog_start(w, watchdog_ms) != WEFT_OK || weft__engine_start(w, 0) != WEFT_OK)
        abort();
    return w;
}

static inline weft *engine_open(int workers)
{
    return engine_open_with(workers, NULL, 0);
}

static inline void engine_close(weft *w)
{
    weft__engine_halt(w);
    weft__engine_join(w, 0);
    weft__readiness_close(w);
    weft__engine_close(w);
    free(w);
}

/* Tests print the seed that they run with; WEFT_TEST_SEED repeats one. */
static inline uint64_t test_seed(void)
{
    const char *s = getenv("WEFT_TEST_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : (uint64_t)weft_clock();
    printf("seed: WEFT_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* For a result that the test is not about. */
static inline void ignore(weft_err e)
{
    (void)e;
}

/* The short form of a long proof, or the long one. */
static inline long test_length(long shortly, long all)
{
    return getenv("WEFT_TEST_SHORT") ? shortly : all;
}

#endif
