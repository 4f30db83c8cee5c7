#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/trial.h"
#include "weft/sync.h"
#include "weft/task.h"

static weft *w;
static WEFT_ATOMIC(int) ran;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    weft_atomic_store(&ran, 0, WEFT_RELAXED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    return 0;
}

static weft_err count(void *arg)
{
    (void)arg;
    weft_atomic_fetch_add(&ran, 1, WEFT_RELAXED);
    return WEFT_OK;
}

static void every_task_runs_on(weft_place *place)
{
    weft_scope s;
    weft_scope_init(&s, place, "all");
    for (int i = 0; i < 500; i++)
        assert_int_equal(weft_go(&s, count, NULL), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(30)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(weft_atomic_load(&ran, WEFT_RELAXED), 500);
}

static void every_task_runs_on_the_pool(void **state)
{
    (void)state;
    every_task_runs_on(weft_pool(w));
}

static void every_task_runs_on_the_loop(void **state)
{
    (void)state;
    every_task_runs_on(weft_loop(w));
}

static void every_task_runs_on_the_threads(void **state)
{
    (void)state;
    every_task_runs_on(weft_threads(w));
}

static weft_err yield_often(void *arg)
{
    WEFT_ATOMIC(int) *inside = arg;
    for (int i = 0; i < 1000; i++) {
        int others = weft_atomic_fetch_add(inside, 1, WEFT_RELAXED);
        if (others > 0)
            return WEFT_INVALID;
        weft_atomic_fetch_sub(inside, 1, WEFT_RELAXED);
        weft_err e = weft_yield();
        if (e != WEFT_OK)
            return e;
    }
    return WEFT_OK;
}

static void the_loop_runs_one_task_at_a_time(void **state)
{
    (void)state;
    static WEFT_ATOMIC(int) inside;
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "alone");
    for (int i = 0; i < 8; i++)
        assert_int_equal(weft_scope_go(&s, yield_often, &inside, "yield"), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(30)), WEFT_OK);
    weft_scope_fini(&s);
}

static weft_err wait_for_ever(void *arg)
{
    weft_event ev = WEFT_EVENT_INIT("never");
    (void)arg;
    weft_err e = weft_event_wait(&ev, WEFT_FOREVER);
    weft_atomic_fetch_add(&ran, 1, WEFT_RELAXED);
    /* Sticky: no later wait waits. */
    if (weft_sleep(WEFT_FOREVER) != WEFT_CANCELLED || !weft_cancelled())
        return WEFT_INVALID;
    return e;
}

static void a_join_is_late_and_fini_cancels(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int p = 0; p < 3; p++) {
        weft_scope s;
        weft_atomic_store(&ran, 0, WEFT_RELAXED);
        weft_scope_init(&s, places[p], "waiting");
        for (int i = 0; i < 20; i++)
            assert_int_equal(weft_go(&s, wait_for_ever, NULL), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
        assert_non_null(strstr(weft_detail(), "scope waiting: 20 tasks run at the deadline"));
        weft_scope_fini(&s);
        assert_int_equal(weft_atomic_load(&ran, WEFT_RELAXED), 20);
    }
}

static weft_err give_up(void *arg)
{
    (void)arg;
    return weft__fail(WEFT_DENIED, "no entry for %s", weft_task_name());
}

static void the_first_failure_cancels_the_others_and_is_told(void **state)
{
    (void)state;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "failing");
    for (int i = 0; i < 5; i++)
        assert_int_equal(weft_go(&s, wait_for_ever, NULL), WEFT_OK);
    assert_int_equal(weft_go(&s, give_up, NULL), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(30)), WEFT_DENIED);
    assert_string_equal(weft_detail(), "no entry for give_up");
    assert_int_equal(weft_go(&s, count, NULL), WEFT_CANCELLED);
    weft_scope_fini(&s);
}

static weft_err says_nothing(void *arg)
{
    (void)arg;
    return WEFT_STALE;
}

static weft_err one_waits(weft_err e, weft_scope *s)
{
    weft_err late = weft_go(s, wait_for_ever, NULL);
    while (late == WEFT_OK || (late == WEFT_LATE && !strstr(weft_detail(), "such as")))
        late = weft_scope_join(s, weft_in_ms(1));
    bool said =
        strcmp(weft_detail(), "scope one: 1 task runs at the deadline, such as wait_for_ever") == 0;
    return said ? e : weft__fail(WEFT_LATE, "not said: %s", weft_detail());
}

/* A task begins without a detail, also one that its owner's join calls, and leaves the owner's alone. */
static weft_err has_failed_before(void *arg)
{
    (void)arg;
    weft_scope s;
    char own[] = "of the owner";
    weft_scope_init(&s, weft_pool(w), "silent");
    weft_err e = weft_go(&s, says_nothing, NULL);
    (void)weft_fail(WEFT_INVALID, "%s", own);
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    if (e != WEFT_STALE || weft_detail()[0])
        return weft__fail(WEFT_INVALID, "a task said what its owner did: %s", weft_detail());
    weft_scope_fini(&s);
    weft_scope_init(&s, weft_pool(w), "counting");
    e = weft_go(&s, count, NULL);
    (void)weft_fail(WEFT_INVALID, "%s", own);
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    bool kept = strcmp(weft_detail(), own) == 0;
    weft_scope_fini(&s);
    return e != WEFT_OK || kept ? e : weft__fail(WEFT_INVALID, "the owner lost its detail");
}

static void a_detail_is_its_own_task_s(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        weft_err e = run_at(weft_pool(w), has_failed_before, NULL);
        if (e != WEFT_OK)
            fail_msg("%s: %s", weft_strerror(e), weft_detail());
    }
}

static void a_late_join_says_how_many_and_who(void **state)
{
    (void)state;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "one");
    weft_err e = one_waits(WEFT_OK, &s);
    if (e != WEFT_OK)
        fail_msg("%s", weft_detail());
    weft_scope_fini(&s);
}

static weft_err nest(void *arg)
{
    long depth = (long)arg;
    weft_scope s;
    if (depth == 0)
        return count(NULL);
    weft_scope_init(&s, weft_pool(weft_here()), "nested");
    weft_err e = WEFT_OK;
    for (int i = 0; i < 3 && e == WEFT_OK; i++)
        e = weft_scope_go(&s, nest, (void *)(depth - 1), "nest");
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    weft_scope_fini(&s);
    return e;
}

static void scopes_nest_in_tasks(void **state)
{
    (void)state;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "outer");
    assert_int_equal(weft_scope_go(&s, nest, (void *)6L, "nest"), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(weft_atomic_load(&ran, WEFT_RELAXED), 729);
}

static weft_err sleep_till(void *arg)
{
    weft_deadline by = *(weft_deadline *)arg;
    weft_err e = weft_sleep(by);
    return e == WEFT_OK && weft_clock() < by.ns ? WEFT_INVALID : e;
}

static void sleepers_wake_at_their_time_and_not_before(void **state)
{
    (void)state;
    enum { N = 300 };
    static weft_deadline by[N];
    weft_scope s;
    uint64_t seed = test_seed();
    weft_scope_init(&s, weft_pool(w), "sleepers");
    for (int i = 0; i < N; i++) {
        by[i] = weft_in_us((int64_t)(test_random(&seed) % 100000));
        assert_int_equal(weft_scope_go(&s, sleep_till, &by[i], "sleep"), WEFT_OK);
    }
    assert_int_equal(weft_scope_join(&s, weft_in_s(5)), WEFT_OK);
    weft_scope_fini(&s);
}

static int64_t compute_from;

/* Two of these are woken by timers at once, which takes the poller's worker and the one that it wakes. */
static weft_err compute(void *arg)
{
    (void)arg;
    weft_err e = weft_sleep((weft_deadline){compute_from + 50000000});
    while (weft_clock() < compute_from + 650000000)
        ;
    return e;
}

static weft_err nap_often(void *arg)
{
    int64_t *worst = arg;
    for (int i = 0; i < 20; i++) {
        weft_deadline by = weft_in_ms(20);
        (void)weft_sleep(by);
        int64_t late = weft_clock() - by.ns;
        *worst = late > *worst ? late : *worst;
    }
    return WEFT_OK;
}

static void while_any_worker_is_idle_one_polls(void **state)
{
    (void)state;
    weft *four = engine_open(4);
    for (int round = 0; round < 3; round++) {
        int64_t worst = 0;
        weft_scope s;
        compute_from = weft_clock();
        weft_scope_init(&s, weft_pool(four), "computing");
        for (int i = 0; i < 2; i++)
            assert_int_equal(weft_go(&s, compute, NULL), WEFT_OK);
        assert_int_equal(weft_go(&s, nap_often, &worst), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_s(30)), WEFT_OK);
        weft_scope_fini(&s);
        printf("a sleeper was late by %lld us\n", (long long)worst / 1000);
        assert_true(worst < 300000000);
    }
    engine_close(four);
}

static void a_cancelled_scope_starts_nothing(void **state)
{
    (void)state;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "over");
    weft_scope_cancel(&s);
    assert_int_equal(weft_go(&s, count, NULL), WEFT_CANCELLED);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_task_runs_on_the_pool),
        T(every_task_runs_on_the_loop),
        T(every_task_runs_on_the_threads),
        T(the_loop_runs_one_task_at_a_time),
        T(a_join_is_late_and_fini_cancels),
        T(the_first_failure_cancels_the_others_and_is_told),
        T(a_detail_is_its_own_task_s),
        T(a_late_join_says_how_many_and_who),
        T(scopes_nest_in_tasks),
        T(sleepers_wake_at_their_time_and_not_before),
        T(a_cancelled_scope_starts_nothing),
        cmocka_unit_test(while_any_worker_is_idle_one_polls),
    };
    alarm(120);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
