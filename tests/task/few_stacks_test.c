/* Where there are fewer stacks than tasks that want to wait: who cannot wait hears so, and who has a stack goes
 * on all the same. */
#include "task/trial.h"
#include "weft/sync.h"

enum { TASKS = 4, NAPS = 20 };

static weft *engine_with(int workers, size_t stacks)
{
    weft *w = calloc(1, sizeof *w);
    weft__engine_opts opts = {.workers = workers,
                              .stack_size = 64 * 1024,
                              .large_stack = 1024 * 1024,
                              .max_stacks = stacks};
    w->size = 1;
    if (weft__engine_open(w, &opts) != WEFT_OK || weft__readiness_open(w) != WEFT_OK ||
        weft__engine_start(w, 0) != WEFT_OK)
        abort();
    return w;
}

static weft_err naps(void *arg)
{
    uint32_t *slept = arg;
    weft_err e = WEFT_OK;
    for (; *slept < NAPS && e == WEFT_OK; ++*slept) {
        e = weft_sleep(weft_in_ms(1));
        if (e == WEFT_OK)
            e = weft_yield();
    }
    return e;
}

/* Waits for `sem`, again and again where there is no stack for others meanwhile. */
static weft_err waits(void *sem)
{
    weft_err e;
    while ((e = weft_sem_acquire(sem, WEFT_FOREVER)) == WEFT_NOMEM)
        (void)weft_yield();
    return e;
}

static void all_come_to_their_end(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 2; workers++) {
        weft *w = engine_with(workers, (size_t)workers + 1);
        weft_scope s;
        weft_sem sem;
        uint32_t slept[TASKS] = {0};
        watch(w, 100);
        weft_sem_init(&sem, "sem", 0);
        weft_scope_init(&s, weft_pool(w), "few stacks");
        for (int i = 0; i < TASKS; i++) {
            assert_int_equal(weft_go(&s, waits, &sem), WEFT_OK);
            assert_int_equal(weft_go(&s, naps, &slept[i]), WEFT_OK);
        }
        assert_int_equal(weft_scope_join(&s, weft_in_ms(50)), WEFT_LATE);
        for (int i = 0; i < TASKS; i++)
            weft_sem_release(&sem);
        assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
        weft_scope_fini(&s);
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(slept[i], NAPS);
        engine_close(w);
        watch(NULL, 100);
    }
}

static WEFT_ATOMIC(uint32_t) passed; /* by who waited, for who lets it have a turn */

static weft_err waits_and_passes(void *sem)
{
    weft_err e = waits(sem);
    weft_atomic_store(&passed, 1, WEFT_RELAXED);
    return e;
}

static weft_err yields_until_passed(void *arg)
{
    (void)arg;
    weft_err e = WEFT_OK;
    while (e == WEFT_OK && weft_atomic_load(&passed, WEFT_RELAXED) == 0)
        e = weft_yield();
    return e;
}

static void who_has_a_stack_has_a_turn(void **state)
{
    (void)state;
    weft *w = engine_with(1, 2);
    weft_scope s;
    weft_sem sem;
    watch(w, 60);
    weft_atomic_store(&passed, 0, WEFT_RELAXED);
    weft_sem_init(&sem, "sem", 0);
    weft_scope_init(&s, weft_pool(w), "few stacks");
    assert_int_equal(weft_go(&s, waits_and_passes, &sem), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
    assert_int_equal(weft_go(&s, yields_until_passed, NULL), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(20)), WEFT_LATE);
    weft_sem_release(&sem);
    assert_int_equal(weft_scope_join(&s, weft_in_s(20)), WEFT_OK);
    weft_scope_fini(&s);
    engine_close(w);
    watch(NULL, 60);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_come_to_their_end),
                                       cmocka_unit_test(who_has_a_stack_has_a_turn)};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
