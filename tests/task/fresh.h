/* A fresh engine for each test. */
#ifndef WEFT_TESTS_TASK_FRESH_H
#define WEFT_TESTS_TASK_FRESH_H

#include "task/trial.h"

/* How many seconds a test may take: less than its program may (the `ctest:` line), so that a hang is told. */
#ifndef HANG_S
#define HANG_S 100
#endif

static weft *w;

static inline int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, HANG_S);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    engine_close(w);
    watch(NULL, HANG_S);
    return 0;
}

static inline void ok(weft_err e)
{
    if (e != WEFT_OK)
        fail_msg("%s: %s", weft_strerror(e), weft_detail());
}

/* fn(arg) as a task of the pool must come to WEFT_OK. */
static inline void run(weft_fn fn, void *arg)
{
    ok(run_at(weft_pool(w), fn, arg));
}

/* Within such a task, where nothing may be asserted. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            return weft__fail(WEFT_STALE, "line %d: not so: %s (%s)", __LINE__, #x,                \
                              weft_detail());                                                      \
    } while (0)

#endif
