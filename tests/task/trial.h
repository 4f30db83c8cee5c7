/* What the tests of tasks share: running something as a task, and what a hang does. */
#ifndef WEFT_TESTS_TASK_TRIAL_H
#define WEFT_TESTS_TASK_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/child.h"
#include "task/dump.h"
#include "task/engine.h"
#include "weft/task.h"

/* Run fn(arg) as a task at `place`, from the test's own thread. */
static inline weft_err run_at(weft_place *place, weft_fn fn, void *arg)
{
    weft_scope s;
    weft_scope_init(&s, place, "trial");
    weft_err e = weft_scope_go(&s, fn, arg, "the trial");
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    weft_scope_fini(&s);
    return e;
}

/* The same as the only thing that an engine of its own does. */
static inline weft_err run_alone(int workers, weft_fn fn, void *arg)
{
    weft *w = engine_open(workers);
    weft_err e = run_at(weft_pool(w), fn, arg);
    engine_close(w);
    return e;
}

/* A hang becomes a failure: what the engine is doing is printed, and the test ends. */
static weft *watched;

static inline void print_line(void *arg, const char *text)
{
    (void)arg;
    printf("%s\n", text);
}

static void hang(int signal)
{
    (void)signal;
    printf("this hangs:\n");
    if (watched)
        weft__engine_dump(watched, print_line, NULL);
    fflush(stdout);
    _exit(1);
}

/* From now on no test may take more than `s` seconds; `w` is what is reported on, or NULL. */
static inline void watch(weft *w, unsigned s)
{
    watched = w;
    signal(SIGALRM, hang);
    alarm(s);
}

/* Spin until *flag is set, without a wait, for at most 20 s. */
static inline bool spin_until(void *flag)
{
    int64_t until = weft_clock() + INT64_C(20000000000);
    while (!__atomic_load_n((int *)flag, __ATOMIC_ACQUIRE)) /* pairs with who sets it */
        if (weft_clock() > until)
            return false;
    return true;
}

#endif
