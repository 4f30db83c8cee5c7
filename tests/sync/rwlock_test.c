/* The rwlock's policy: neither those that read nor those that write starve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/misuse.h"
#include "task/engine.h"
#include "weft/sync.h"
#include "weft/task.h"

static weft *w;
static weft_rwlock lock;
static weft_event go_on;
static WEFT_ATOMIC(long) reading, writing;
static weft_scope s;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    weft_rwlock_init(&lock, "lock");
    weft_event_init(&go_on, "go on");
    weft_atomic_store(&reading, 0, WEFT_RELAXED);
    weft_atomic_store(&writing, 0, WEFT_RELAXED);
    weft_scope_init(&s, weft_pool(w), "others");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weft_scope_fini(&s);
    engine_close(w);
    return 0;
}

/* Both hold it until told to go on. */
static weft_err read_it(void *arg)
{
    weft_err e = weft_rwlock_read(&lock, *(weft_deadline *)arg);
    if (e != WEFT_OK)
        return e == WEFT_LATE ? WEFT_OK : e;
    weft_atomic_fetch_add(&reading, 1, WEFT_RELEASE);
    e = weft_event_wait(&go_on, WEFT_FOREVER);
    weft_rwlock_release(&lock);
    return e;
}

static weft_err write_it(void *arg)
{
    weft_err e = weft_rwlock_write(&lock, *(weft_deadline *)arg);
    if (e != WEFT_OK)
        return e == WEFT_LATE ? WEFT_OK : e;
    weft_atomic_fetch_add(&writing, 1, WEFT_RELEASE);
    e = weft_event_wait(&go_on, WEFT_FOREVER);
    weft_rwlock_release(&lock);
    return e;
}

static weft_deadline never = {INT64_MAX};

static void await_readers(long n)
{
    while (weft_atomic_load(&reading, WEFT_ACQUIRE) != n)
        weft__cpu_yield();
}

static void many_read_or_one_writes(void **state)
{
    (void)state;
    assert_int_equal(weft_rwlock_read(&lock, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_go(&s, read_it, &never), WEFT_OK);
    await_readers(1);
    assert_int_equal(weft_rwlock_write(&lock, WEFT_NOW), WEFT_LATE);
    weft_rwlock_release(&lock);
    assert_int_equal(weft_rwlock_write(&lock, WEFT_NOW), WEFT_LATE);
    weft_event_set(&go_on);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_rwlock_write(&lock, WEFT_NOW), WEFT_OK);
    weft_rwlock_release(&lock);
}

static void a_waiting_writer_keeps_readers_out(void **state)
{
    (void)state;
    assert_int_equal(weft_rwlock_read(&lock, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_go(&s, write_it, &never), WEFT_OK);
    await_waiters(&lock.head, 1);
    assert_int_equal(weft_rwlock_read(&lock, WEFT_NOW), WEFT_LATE);
    weft_event_set(&go_on);
    weft_rwlock_release(&lock);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_atomic_load(&writing, WEFT_RELAXED), 1);
}

static void readers_go_together_and_before_the_next_writer(void **state)
{
    (void)state;
    assert_int_equal(weft_rwlock_write(&lock, WEFT_NOW), WEFT_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(weft_go(&s, i % 2 ? write_it : read_it, &never), WEFT_OK);
        await_waiters(&lock.head, i + 1);
    }
    weft_rwlock_release(&lock);
    await_readers(3);
    assert_int_equal(weft_atomic_load(&writing, WEFT_RELAXED), 0);
    await_waiters(&lock.head, 2);
    weft_event_set(&go_on);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_atomic_load(&writing, WEFT_RELAXED), 2);
}

static void a_writer_that_gives_up_lets_readers_in(void **state)
{
    (void)state;
    weft_deadline by = weft_in_ms(20);
    assert_int_equal(weft_rwlock_read(&lock, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_go(&s, write_it, &by), WEFT_OK);
    assert_int_equal(weft_go(&s, read_it, &never), WEFT_OK);
    await_readers(1); /* while this thread still reads */
    assert_int_equal(weft_atomic_load(&writing, WEFT_RELAXED), 0);
    weft_event_set(&go_on);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(lock.readers, 1);
    weft_rwlock_release(&lock);
}

static void release_not_held(void)
{
    weft_rwlock_release(&lock);
}

static void write_twice(void)
{
    if (weft_rwlock_write(&lock, WEFT_NOW) == WEFT_OK)
        ignore(weft_rwlock_write(&lock, WEFT_NOW));
}

static void write_and_read(void)
{
    if (weft_rwlock_write(&lock, WEFT_NOW) == WEFT_OK)
        ignore(weft_rwlock_read(&lock, WEFT_NOW));
}

static weft_err release_it(void *arg)
{
    (void)arg;
    weft_rwlock_release(&lock);
    return WEFT_OK;
}

static void release_of_another(void)
{
    (void)setup(NULL);
    if (weft_rwlock_write(&lock, WEFT_NOW) == WEFT_OK && weft_go(&s, release_it, NULL) == WEFT_OK)
        ignore(weft_scope_join(&s, WEFT_FOREVER));
}

static void misuse_aborts(void **state)
{
    (void)state;
    weft_rwlock_init(&lock, "lock");
    aborts_here(release_not_held, "does not hold it");
    aborts_here(write_twice, "which writes");
    aborts_here(write_and_read, "which writes");
    aborts_here(release_of_another, "does not hold it");
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(many_read_or_one_writes),
        T(a_waiting_writer_keeps_readers_out),
        T(readers_go_together_and_before_the_next_writer),
        T(a_writer_that_gives_up_lets_readers_in),
        cmocka_unit_test(misuse_aborts),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
