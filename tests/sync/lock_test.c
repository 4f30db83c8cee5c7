/* The lock's policy: fast, and nobody starves. */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/lock.h"
#include "sync/misuse.h"
#include "task/engine.h"
#include "weft/sync.h"
#include "weft/task.h"

static weft *w;
static weft_lock lock;
static WEFT_ATOMIC(long) turns, got, stop;

static void open_with(int workers)
{
    w = engine_open(workers);
    weft_lock_init(&lock, "lock");
    weft_atomic_store(&turns, 0, WEFT_RELAXED);
    weft_atomic_store(&got, 0, WEFT_RELAXED);
    weft_atomic_store(&stop, 0, WEFT_RELAXED);
}

static weft_err take_and_note(void *arg)
{
    (void)arg;
    weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
    if (e != WEFT_OK)
        return e;
    weft_atomic_fetch_add(&got, 1, WEFT_RELAXED);
    weft_lock_release(&lock);
    return WEFT_OK;
}

static weft_err take_soon(void *arg)
{
    return weft_lock_acquire(&lock, *(weft_deadline *)arg);
}

static void a_late_wait_leaves_no_trace(void **state)
{
    (void)state;
    open_with(2);
    weft_deadline by[] = {WEFT_NOW, weft_in_ns(-1), weft_in_ms(1)};
    for (int i = 0; i < 3; i++) {
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "late");
        assert_int_equal(weft_lock_acquire(&lock, by[i]), WEFT_OK); /* it is free */
        assert_int_equal(weft_go(&s, take_soon, &by[i]), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_LATE);
        weft_scope_fini(&s);
        assert_true(weft_atomic_load(&lock.word, WEFT_RELAXED) == (uintptr_t)weft__self());
        assert_null(lock.head.first);
        weft_lock_release(&lock);
        assert_true(weft_atomic_load(&lock.word, WEFT_RELAXED) == 0);
    }
    engine_close(w);
}

static void a_cancelled_wait_leaves_no_trace(void **state)
{
    (void)state;
    open_with(2);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "cancelled");
    assert_int_equal(weft_lock_acquire(&lock, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_go(&s, take_and_note, NULL), WEFT_OK);
    assert_int_equal(weft_go(&s, take_and_note, NULL), WEFT_OK);
    await_waiters(&lock.head, 2);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    assert_true(weft_atomic_load(&lock.word, WEFT_RELAXED) == (uintptr_t)weft__self());
    weft_lock_release(&lock);
    assert_int_equal(weft_atomic_load(&got, WEFT_RELAXED), 0);
    engine_close(w);
}

static void who_has_waited_long_is_next(void **state)
{
    (void)state;
    open_with(2);
    for (int i = 0; i < 20; i++) {
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "patient");
        assert_int_equal(weft_lock_acquire(&lock, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_go(&s, take_and_note, NULL), WEFT_OK);
        await_waiters(&lock.head, 1);
        for (int64_t until = weft_clock() + 1000000; weft_clock() < until;)
            ;
        weft_lock_release(&lock);
        assert_int_equal(weft_lock_acquire(&lock, WEFT_FOREVER), WEFT_OK);
        assert_int_equal(weft_atomic_load(&got, WEFT_RELAXED), i + 1);
        weft_lock_release(&lock);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s);
    }
    engine_close(w);
}

/* Holds the lock for a millisecond at a time and never waits for anything else, until the other one, which
 * shares its only worker, has had it. */
static weft_err hog(void *arg)
{
    (void)arg;
    while (!weft_atomic_load(&got, WEFT_RELAXED) &&
           weft_atomic_fetch_add(&turns, 1, WEFT_RELAXED) < 1000) {
        weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
        if (e != WEFT_OK)
            return e;
        for (int64_t until = weft_clock() + 1000000; weft_clock() < until;)
            ;
        weft_lock_release(&lock);
    }
    return WEFT_OK;
}

static void the_only_worker_does_not_starve_who_waits(void **state)
{
    (void)state;
    open_with(1);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "hogs");
    assert_int_equal(weft_lock_acquire(&lock, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_go(&s, take_and_note, NULL), WEFT_OK);
    await_waiters(&lock.head, 1);
    assert_int_equal(weft_go(&s, hog, NULL), WEFT_OK);
    weft_lock_release(&lock);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(weft_atomic_load(&got, WEFT_RELAXED), 1);
    assert_in_range(weft_atomic_load(&turns, WEFT_RELAXED), 0, 40);
    engine_close(w);
}

/* As often as it can, until everybody was told to stop; never outside for long. */
static weft_err contend(void *arg)
{
    long *mine = arg;
    while (!weft_atomic_load(&stop, WEFT_RELAXED)) {
        weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
        if (e != WEFT_OK)
            return e;
        __atomic_store_n(mine, *mine + 1, __ATOMIC_RELAXED); /* pairs with least */
        weft_lock_release(&lock);
    }
    return WEFT_OK;
}

static void *contend_on_thread(void *arg)
{
    (void)contend(arg);
    return NULL;
}

static long least(const long *had, int n)
{
    long of = LONG_MAX;
    for (int i = 0; i < n; i++) {
        long one = __atomic_load_n(&had[i], __ATOMIC_RELAXED); /* pairs with contend */
        of = one < of ? one : of;
    }
    return of;
}

static void nobody_starves(void **state)
{
    (void)state;
    enum { TASKS = 6, THREADS = 2, ENOUGH = 5, TURNS = 20 };
    long had[TASKS + THREADS] = {0};
    pthread_t threads[THREADS];
    open_with(2);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "contenders");
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(weft_go(&s, contend, &had[i]), WEFT_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend_on_thread, &had[TASKS + i]), 0);
    int turns_left = TURNS; /* more than one where other programs have the CPU */
    do {
        assert_int_equal(weft_scope_join(&s, weft_in_ms(test_length(300, 1000))), WEFT_LATE);
    } while (least(had, TASKS + THREADS) < ENOUGH && --turns_left > 0);
    weft_atomic_store(&stop, 1, WEFT_RELAXED);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(least(had, TASKS + THREADS) >= ENOUGH);
    engine_close(w);
}

static void release_not_held(void)
{
    weft_lock_release(&lock);
}

static void acquire_twice(void)
{
    if (weft_lock_acquire(&lock, WEFT_NOW) == WEFT_OK)
        ignore(weft_lock_acquire(&lock, WEFT_NOW));
}

static weft_err release_it(void *arg)
{
    (void)arg;
    weft_lock_release(&lock);
    return WEFT_OK;
}

static void release_of_another(void)
{
    weft_scope s;
    open_with(2);
    weft_scope_init(&s, weft_pool(w), "others");
    if (weft_lock_acquire(&lock, WEFT_NOW) == WEFT_OK && weft_go(&s, release_it, NULL) == WEFT_OK)
        ignore(weft_scope_join(&s, WEFT_FOREVER));
}

static void misuse_aborts(void **state)
{
    (void)state;
    weft_lock_init(&lock, "lock");
    aborts_here(release_not_held, "does not hold it");
    aborts_here(acquire_twice, "which holds it");
    aborts_here(release_of_another, "does not hold it");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_wait_leaves_no_trace),
        cmocka_unit_test(a_cancelled_wait_leaves_no_trace),
        cmocka_unit_test(who_has_waited_long_is_next),
        cmocka_unit_test(the_only_worker_does_not_starve_who_waits),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(misuse_aborts),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
