#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/engine.h"
#include "weft/task.h"

/* What was logged. */
static WEFT_ATOMIC(int) lines;
static char line[512];

static void keep(void *ctx, weft_level level, const char *text)
{
    (void)ctx;
    (void)level;
    if (weft_atomic_load(&lines, WEFT_RELAXED) == 0)
        snprintf(line, sizeof line, "%s", text);
    weft_atomic_fetch_add(&lines, 1, WEFT_RELEASE); /* pairs with the loads */
}

static weft *watched(int64_t after_ms)
{
    weft_atomic_store(&lines, 0, WEFT_RELAXED);
    line[0] = '\0';
    return engine_open_with(2, keep, after_ms);
}

/* Until the watchdog has spoken, or ten seconds. */
static weft_err hog(void *arg)
{
    (void)arg;
    int64_t until = weft_clock() + INT64_C(10000000000);
    while (weft_atomic_load(&lines, WEFT_ACQUIRE) == 0 && weft_clock() < until)
        ;
    return WEFT_OK;
}

/* For as long, but with a pause now and then. */
static weft_err polite(void *arg)
{
    int64_t until = weft_clock() + *(int64_t *)arg;
    while (weft_clock() < until) {
        int64_t part = weft_clock() + 2000000;
        while (weft_clock() < part)
            ;
        (void)weft_sleep(weft_in_us(100));
    }
    return WEFT_OK;
}

static void run(weft *w, weft_fn fn, void *arg, const char *name)
{
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "scope");
    assert_int_equal(weft_scope_go(&s, fn, arg, name), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
}

static void who_computes_for_long_is_named(void **state)
{
    (void)state;
    weft *w = watched(50);
    run(w, hog, NULL, "the-hog");
    assert_true(weft_atomic_load(&lines, WEFT_ACQUIRE) > 0);
    assert_non_null(strstr(line, "task the-hog"));
    assert_non_null(strstr(line, "50 ms"));
    engine_close(w);
}

static void who_waits_now_and_then_is_not(void **state)
{
    (void)state;
    /* Where other programs have the CPU for half a second, a worker looks as if it computed. */
    int64_t ns = 1500000000;
    weft *w = watched(500);
    run(w, polite, &ns, "polite");
    assert_int_equal(weft_atomic_load(&lines, WEFT_ACQUIRE), 0);
    engine_close(w);
}

static void an_idle_worker_is_not(void **state)
{
    (void)state;
    weft *w = watched(50);
    int64_t until = weft_clock() + 300000000;
    while (weft_clock() < until)
        (void)weft_sleep(weft_in_ms(20));
    assert_int_equal(weft_atomic_load(&lines, WEFT_ACQUIRE), 0);
    engine_close(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_computes_for_long_is_named),
        cmocka_unit_test(who_waits_now_and_then_is_not),
        cmocka_unit_test(an_idle_worker_is_not),
    };
    alarm(100);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
