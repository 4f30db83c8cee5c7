#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/engine.h"
#include "task/timer.h"

enum { N = 2000 };

static weft__timers timers;
static weft__timer timer[N];
static weft__waiter who[N];

static int setup(void **state)
{
    (void)state;
    weft__timers_init(&timers);
    for (int i = 0; i < N; i++) {
        who[i] = (weft__waiter){.kind = WEFT__WAITER_THREAD, .name = "timer"};
        timer[i] = (weft__timer){.who = &who[i]};
    }
    return 0;
}

static bool fired(int i)
{
    return weft_atomic_load(&who[i].state, WEFT_RELAXED) != 0;
}

static int64_t earliest(void)
{
    return weft_atomic_load(&timers.earliest, WEFT_RELAXED);
}

static void an_empty_heap_has_no_earliest(void **state)
{
    (void)state;
    assert_true(earliest() == INT64_MAX);
    assert_int_equal(weft__timers_expire(&timers, INT64_MAX), 0);
}

static void the_earliest_is_known_and_told(void **state)
{
    (void)state;
    timer[0].at = 50, timer[1].at = 70, timer[2].at = 30;
    assert_true(weft__timer_add(&timers, &timer[0]));
    assert_false(weft__timer_add(&timers, &timer[1]));
    assert_true(weft__timer_add(&timers, &timer[2]));
    assert_true(earliest() == 30);
    weft__timer_remove(&timers, &timer[2]);
    assert_true(earliest() == 50);
    assert_int_equal(weft__timers_expire(&timers, 49), 0);
    assert_int_equal(weft__timers_expire(&timers, 50), 1);
    assert_true(fired(0) && !fired(1) && !fired(2));
    weft__timer_remove(&timers, &timer[0]); /* fired already: does nothing */
    assert_true(earliest() == 70);
}

/* Against a plain array: adding, removing and expiring at random. */
static void random_timers_fire_when_due_and_only_then(void **state)
{
    (void)state;
    static bool in[N];
    uint64_t seed = test_seed();
    int64_t now = 0;
    for (int step = 0; step < 50000; step++) {
        uint64_t r = test_random(&seed);
        int i = (int)(r % N);
        if (r >> 60 < 8 && !in[i]) {
            timer[i].at = now + 1 + (int64_t)((r >> 20) % 1000);
            weft_atomic_store(&who[i].state, 0, WEFT_RELAXED);
            weft__timer_add(&timers, &timer[i]);
            in[i] = true;
        } else if (r >> 60 < 12) {
            weft__timer_remove(&timers, &timer[i]);
            in[i] = false;
        } else {
            now += (int64_t)((r >> 20) % 8);
            weft__timers_expire(&timers, now);
            int64_t first = INT64_MAX;
            for (int k = 0; k < N; k++) {
                if (!in[k])
                    continue;
                assert_int_equal(fired(k), timer[k].at <= now);
                if (fired(k))
                    in[k] = false;
                else if (timer[k].at < first)
                    first = timer[k].at;
            }
            assert_true(earliest() == first);
        }
    }
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(an_empty_heap_has_no_earliest),
        T(the_earliest_is_known_and_told),
        T(random_timers_fire_when_due_and_only_then),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
