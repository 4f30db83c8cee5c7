#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The order in which waiters are let go is a promise too, so the test notes it in place of weft__unpark. */
#define weft__unpark note_unpark
#include "task/engine.h"
#include "task/timer.c"

#include "port/clock.h"
#include "port/thread.h"

enum { N = 2000, CROWD = 100000, THREADS = 2, OWN = 600 };

static weft__timers timers;
static weft__timer timer[N], crowd[CROWD];
static weft__waiter who[CROWD];
static WEFT_ATOMIC(uint32_t) unparked[CROWD]; /* how often */
static int order[CROWD], noted;               /* who, in which order; under the guard */

void note_unpark(weft__waiter *w)
{
    weft_atomic_fetch_add(&unparked[w - who], 1, WEFT_RELAXED);
    if (noted < CROWD)
        order[noted] = (int)(w - who);
    noted++;
}

static void forget(void)
{
    noted = 0;
    for (int i = 0; i < CROWD; i++)
        weft_atomic_store(&unparked[i], 0, WEFT_RELAXED);
}

static int setup(void **state)
{
    (void)state;
    weft__timers_init(&timers);
    for (int i = 0; i < N; i++)
        timer[i] = (weft__timer){.who = &who[i]};
    for (int i = 0; i < CROWD; i++)
        crowd[i] = (weft__timer){.who = &who[i]};
    forget();
    return 0;
}

static bool add_at(int i, int64_t at)
{
    timer[i].at = at;
    return weft__timer_add(&timers, &timer[i]);
}

static bool fired(int i)
{
    return weft_atomic_load(&unparked[i], WEFT_RELAXED) != 0;
}

static int64_t earliest(void)
{
    return weft_atomic_load(&timers.earliest, WEFT_RELAXED);
}

/* How often somebody who sleeps until `earliest` wakes for nothing before the next timer fires. */
static int vain_wakes(void)
{
    int vain = 0;
    while (earliest() != INT64_MAX && vain < 1000 && weft__timers_expire(&timers, earliest()) == 0)
        vain++;
    return vain;
}

static void an_empty_wheel_has_no_earliest(void **state)
{
    (void)state;
    assert_true(earliest() == INT64_MAX);
    assert_int_equal(weft__timers_expire(&timers, INT64_MAX), 0);
    assert_true(earliest() == INT64_MAX);
}

static void the_earliest_is_known_and_told(void **state)
{
    (void)state;
    assert_true(add_at(0, 50));
    assert_false(add_at(1, 70));
    assert_true(add_at(2, 30));
    assert_false(add_at(3, 30));
    assert_true(timer[3].home == &timers);
    assert_true(earliest() == 30);
    weft__timer_remove(&timers, &timer[3]);
    assert_true(earliest() == 30);
    weft__timer_remove(&timers, &timer[2]);
    assert_true(earliest() == 50);
    assert_int_equal(weft__timers_expire(&timers, 49), 0);
    assert_int_equal(weft__timers_expire(&timers, 50), 1);
    assert_true(fired(0) && !fired(1) && !fired(2));
    weft__timer_remove(&timers, &timer[0]); /* fired already: does nothing */
    assert_true(earliest() == 70);
}

/* What random timers are held against: who is in, and nothing else. */
static bool in[N];

/* Those noted since `forget` were in and due. Returns whether they came in the order of deadlines. */
static bool take_noted(int64_t now)
{
    bool ordered = true;
    for (int k = 0; k < noted; k++) {
        int i = order[k];
        assert_true(in[i] && timer[i].at <= now);
        in[i] = false;
        if (k > 0 && timer[i].at < timer[order[k - 1]].at)
            ordered = false;
    }
    noted = 0;
    return ordered;
}

static int64_t first_in(void)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < N; i++)
        if (in[i] && timer[i].at < first)
            first = timer[i].at;
    return first;
}

/* As weft__timers_expire does, but the guard is dropped for good after a few steps. */
static void expire_a_little(int64_t now, int steps)
{
    weft__fired f = {.n = 0};
    bool more = true;
    weft__latch_take(&timers.guard);
    for (int i = 0; i < steps && more; i++)
        more = turn(&timers, now, &f);
    publish_first(&timers);
    weft__latch_drop(&timers.guard);
}

static int64_t later(int64_t at, uint64_t r, int scale)
{
    int64_t by = (int64_t)(r & (((uint64_t)1 << scale) - 1));
    return at < INT64_MAX - 1 - by ? at + by : INT64_MAX - 1;
}

static void do_at_random(uint64_t *seed, int64_t *now, int scale)
{
    uint64_t r = test_random(seed), what = r >> 58; /* of 64 */
    int i = (int)(r % N);
    if (what < 32) {
        if (in[i])
            return;
        in[i] = true;
        int64_t at = what < 3
                         ? *now - (int64_t)(test_random(seed) % 1000)
                         : later(*now, test_random(seed), 1 + (int)((r >> 20) % (uint64_t)scale));
        int64_t before = earliest();
        assert_int_equal(add_at(i, at), at < before);
    } else if (what < 48) {
        weft__timer_remove(&timers, &timer[i]);
        in[i] = false;
    } else if (what < 56) {
        *now = later(*now, test_random(seed), 1 + (int)((r >> 20) % (uint64_t)scale));
        expire_a_little(*now, (int)((r >> 32) % 64));
        take_noted(*now);
    } else {
        if (*now < INT64_MAX / 4 * 3)
            *now = later(*now, test_random(seed), 1 + (int)((r >> 20) % (uint64_t)scale));
        int n = weft__timers_expire(&timers, *now);
        assert_int_equal(n, noted);
        assert_true(take_noted(*now));
        assert_true(first_in() > *now);
    }
}

static void random_timers_fire_when_due_and_only_then_and_in_order(void **state)
{
    (void)state;
    static const int scales[] = {4, 7, 10, 13, 20, 27, 36, 45, 54, 62};
    uint64_t seed = test_seed();
    long steps = test_length(4000, 20000);
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        setup(NULL);
        int64_t now = (int64_t)(test_random(&seed) >> (64 - scales[s]));
        for (int i = 0; i < N; i++)
            in[i] = false;
        for (long step = 0; step < steps; step++) {
            do_at_random(&seed, &now, scales[s]);
            assert_true(step % 16 != 0 || earliest() <= first_in());
        }
        weft__timers_expire(&timers, INT64_MAX - 1);
        take_noted(INT64_MAX - 1);
        assert_true(first_in() == INT64_MAX && earliest() == INT64_MAX);
    }
}

/* Deadlines around every power of two, on a wheel whose clock stands at `clock`. */
static void fire_around_powers(int64_t clock)
{
    setup(NULL);
    add_at(N - 1, clock);
    assert_int_equal(weft__timers_expire(&timers, clock), 1);
    int n = 0;
    int64_t last = clock;
    for (int bit = 0; bit < 63; bit++)
        for (int by = -1; by <= 1; by++) {
            int64_t at = (int64_t)((uint64_t)1 << bit) + by;
            if (at > last)
                add_at(n++, last = at);
        }
    for (int i = 0; i < n; i++) {
        assert_true(earliest() == timer[i].at);
        assert_int_equal(weft__timers_expire(&timers, timer[i].at - 1), 0);
        assert_int_equal(weft__timers_expire(&timers, timer[i].at), 1);
        assert_true(fired(i));
    }
    assert_true(earliest() == INT64_MAX);
}

static void no_digit_carries_wrongly(void **state)
{
    (void)state;
    fire_around_powers(0);
    for (int bit = 1; bit < 62; bit++) {
        fire_around_powers((int64_t)1 << bit);
        fire_around_powers(((int64_t)1 << bit) - 1);
        fire_around_powers(((int64_t)1 << bit) + 12345);
    }
}

static void a_jump_of_hours_fires_all_in_order(void **state)
{
    (void)state;
    const int64_t second = 1000000000, start = 77777 * second;
    add_at(0, start);
    assert_int_equal(weft__timers_expire(&timers, start), 1);
    forget();
    for (int i = 0; i < CROWD; i++) { /* one a second for more than a day, the last one first */
        crowd[i].at = start + (CROWD - i) * second;
        weft__timer_add(&timers, &crowd[i]);
    }
    int by_noon = 12 * 3600;
    assert_int_equal(weft__timers_expire(&timers, start + by_noon * second), by_noon);
    assert_true(earliest() == start + (by_noon + 1) * second);
    assert_int_equal(weft__timers_expire(&timers, start + 1000 * 3600 * second), CROWD - by_noon);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(order[i], CROWD - 1 - i);
}

static void the_last_moment_is_a_deadline_like_others(void **state)
{
    (void)state;
    assert_true(add_at(0, INT64_MAX - 1));
    assert_true(earliest() == INT64_MAX - 1);
    assert_true(add_at(1, INT64_MAX - 2));
    assert_int_equal(weft__timers_expire(&timers, INT64_MAX - 3), 0);
    assert_int_equal(weft__timers_expire(&timers, INT64_MAX - 2), 1);
    assert_true(fired(1) && !fired(0) && earliest() == INT64_MAX - 1);
    assert_int_equal(weft__timers_expire(&timers, INT64_MAX - 1), 1);
    assert_true(fired(0) && earliest() == INT64_MAX);
}

static void who_comes_late_fires_at_once_and_in_order(void **state)
{
    (void)state;
    static const int64_t late[] = {999, -5, 500, INT64_MIN, 0, 998, -5, 999};
    static const int expected[] = {3, 1, 6, 4, 2, 5, 0, 7, 8, 9};
    add_at(20, 1000);
    weft__timers_expire(&timers, 1000);
    forget();
    add_at(9, 1001);
    add_at(8, 1000);
    for (int i = 0; i < 8; i++)
        add_at(i, late[i]);
    assert_true(earliest() == INT64_MIN);
    assert_int_equal(weft__timers_expire(&timers, 1001), 10);
    assert_memory_equal(order, expected, sizeof expected);
    assert_true(earliest() == INT64_MAX);
}

static void many_who_come_late_fire_in_order(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    add_at(0, 1000000);
    weft__timers_expire(&timers, 1000000);
    forget();
    for (int i = 0; i < CROWD; i++) {
        crowd[i].at = (int64_t)(test_random(&seed) % 1000000);
        weft__timer_add(&timers, &crowd[i]);
    }
    for (int i = 0; i < CROWD; i += 3)
        weft__timer_remove(&timers, &crowd[i]);
    assert_int_equal(weft__timers_expire(&timers, 1000000), CROWD - (CROWD + 2) / 3);
    for (int k = 0; k < noted; k++) {
        assert_true(order[k] % 3 != 0);
        assert_true(k == 0 || crowd[order[k - 1]].at <= crowd[order[k]].at);
    }
}

static void an_older_now_fires_nobody_early(void **state)
{
    (void)state;
    add_at(0, 5000);
    assert_int_equal(weft__timers_expire(&timers, 6000), 1);
    add_at(1, 4000);
    add_at(2, 4500);
    add_at(3, 6500);
    assert_int_equal(weft__timers_expire(&timers, 4200), 1);
    assert_true(fired(1) && !fired(2) && earliest() == 4500);
    assert_int_equal(weft__timers_expire(&timers, 6500), 2);
}

static void equals_fire_in_the_order_of_adding(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++)
        add_at(i, 123456789 + i % 2);
    assert_int_equal(weft__timers_expire(&timers, 123456790), N);
    for (int k = 0; k < N; k++)
        assert_int_equal(order[k], k < N / 2 ? 2 * k : 2 * (k - N / 2) + 1);
}

static void who_is_removed_when_due_is_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++)
        add_at(i, 1000 + i / 4);
    weft__timers_expire(&timers, 999);
    for (int i = 0; i < N; i += 2) /* their time has come, nobody has said so yet */
        weft__timer_remove(&timers, &timer[i]);
    assert_int_equal(weft__timers_expire(&timers, 1000 + N), N / 2);
    for (int i = 0; i < N; i++)
        assert_int_equal(fired(i), i % 2);
    for (int i = 0; i < N; i++)
        weft__timer_remove(&timers, &timer[i]);
    assert_true(earliest() == INT64_MAX && timers.levels == 0);
}

static void who_is_removed_while_its_slot_is_dealt_out_hides_nobody(void **state)
{
    (void)state;
    for (int left = 1; left <= 3; left++) {
        setup(NULL);
        for (int i = 0; i < 4; i++)
            add_at(i, i < 2 ? 5000 : 7000 + i);
        expire_a_little(5000, 1);
        assert_true(timer[0].slot != timer[1].slot && timer[1].slot == timer[3].slot);
        for (int i = 1; i <= 4 - left; i++)
            weft__timer_remove(&timers, &timer[i]);
        assert_true(earliest() <= 5000);
        assert_int_equal(weft__timers_expire(&timers, 6000), 1);
        assert_true(fired(0));
        assert_int_equal(weft__timers_expire(&timers, 8000), left - 1);
    }
}

static void near_timers_lie_low_however_late_it_is(void **state)
{
    (void)state;
    for (int64_t now = 1; now < INT64_MAX / 16; now *= 10) {
        add_at(0, now);
        assert_int_equal(weft__timers_expire(&timers, now), 1);
        for (int i = 0; i < 3; i++)
            add_at(i, now | i);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(weft__wheel_level(timer[i].slot), 0);
            weft__timer_remove(&timers, &timer[i]);
        }
    }
}

/* Of a crowd that waits for long none is late because the others have to be dealt out first. */
static void a_far_crowd_is_dealt_out_before_its_time(void **state)
{
    (void)state;
    const int64_t ms = 1000000, start = 98765 * 1000 * ms, first = start + 20000 * ms;
    uint64_t seed = test_seed();
    add_at(0, start);
    weft__timers_expire(&timers, start);
    for (int i = 0; i < CROWD; i++) {
        crowd[i].at = first + (int64_t)(test_random(&seed) % (uint64_t)(1000 * ms));
        weft__timer_add(&timers, &crowd[i]);
        assert_true(weft__wheel_level(crowd[i].slot) > WEFT__TIMER_FINE);
    }
    for (int64_t now = start; now < first; now += ms)
        assert_int_equal(weft__timers_expire(&timers, now), 0);
    for (int i = 0; i < CROWD; i++)
        assert_true(weft__wheel_level(crowd[i].slot) <= WEFT__TIMER_FINE);
    forget();
    assert_int_equal(weft__timers_expire(&timers, first + 1000 * ms), CROWD);
    for (int k = 1; k < CROWD; k++)
        assert_true(crowd[order[k - 1]].at <= crowd[order[k]].at);
}

static void among_few_the_earliest_is_exact(void **state)
{
    (void)state;
    for (int n = 1; n <= 9; n++) {
        for (int i = 0; i < n; i++)
            add_at(i, ((int64_t)1 << 50) + i * i % 7 * 1000 + i);
        for (int left = n; left > 0; left--) {
            int first = 0;
            for (int i = 1; i < n; i++)
                if (!timer[first].next || (timer[i].next && timer[i].at < timer[first].at))
                    first = i;
            assert_true(earliest() == timer[first].at);
            weft__timer_remove(&timers, &timer[first]);
        }
    }
}

static void the_last_of_a_crowd_is_exact(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++)
        add_at(i, ((int64_t)1 << 50) + i);
    for (int i = 0; i < N - 1; i++)
        weft__timer_remove(&timers, &timer[i]);
    assert_true(earliest() == timer[N - 1].at);
}

/* A step of each removal for each other timer of the slot would be ten thousand million steps, half a
 * minute at the least; a few steps each are some milliseconds. */
static void cancel_a_crowd(int64_t from, int64_t apart)
{
    setup(NULL);
    int64_t started = weft__clock_cpu_ns();
    for (int i = 0; i < CROWD; i++) {
        crowd[i].at = from + i * apart;
        weft__timer_add(&timers, &crowd[i]);
    }
    assert_true(earliest() == from);
    for (int i = 0; i < CROWD;
         i++) { /* always the earliest, and once more added behind the others */
        weft__timer_remove(&timers, &crowd[i]);
        crowd[i].at += CROWD * apart;
        weft__timer_add(&timers, &crowd[i]);
        assert_true(earliest() <= from + (i + 1) * apart);
    }
    for (int i = CROWD - 1; i >= 0; i--)
        weft__timer_remove(&timers, &crowd[i]);
    assert_true(weft__clock_cpu_ns() - started < 5 * (int64_t)1000000000);
    assert_true(earliest() == INT64_MAX && noted == 0);
}

static void a_crowd_in_one_slot_is_cancelled_one_by_one(void **state)
{
    (void)state;
    cancel_a_crowd((int64_t)1 << 40, 1);
    cancel_a_crowd((int64_t)1 << 40, 0);
    cancel_a_crowd(((int64_t)1 << 45) + 99, 500);
}

static void a_far_timer_wakes_once(void **state)
{
    (void)state;
    const int64_t now = (int64_t)98765 * 1000000000;
    for (int bit = 1; bit < 62; bit++) {
        setup(NULL);
        add_at(0, now);
        weft__timers_expire(&timers, now);
        add_at(1, now + ((int64_t)1 << bit));
        for (int i = 0; i < 1000; i++) { /* those that come and go before it leave no trace */
            add_at(2, now + 1 + (((int64_t)1 << bit) - 1) / 1000 * i);
            add_at(3, now + ((int64_t)1 << bit) + i);
            weft__timer_remove(&timers, &timer[2 + i % 2]);
            weft__timer_remove(&timers, &timer[3 - i % 2]);
        }
        assert_int_equal(vain_wakes(), 0);
        assert_true(fired(1));
    }
}

static void who_is_left_of_a_crowd_wakes_a_handful_of_times(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    const int64_t start = (int64_t)98765 * 1000000000;
    for (int left = 1; left <= 64; left *= 4) {
        setup(NULL);
        add_at(0, start);
        weft__timers_expire(&timers, start);
        for (int i = 0; i < CROWD; i++) {
            crowd[i].at = start + 1 + (int64_t)(test_random(&seed) >> 28); /* within a minute */
            weft__timer_add(&timers, &crowd[i]);
        }
        for (int i = left; i < CROWD; i++)
            weft__timer_remove(&timers, &crowd[i]);
        int vain = 0;
        while (earliest() != INT64_MAX)
            vain += vain_wakes();
        print_message("%d left of a crowd: %d vain wakes\n", left, vain);
        assert_true(vain <= left + WEFT__TIMER_LEVELS);
    }
}

/* Threads that wait until a time that the test's own thread brings on. */
static WEFT_ATOMIC(int64_t) moment;
static WEFT_ATOMIC(uint32_t) enough, wrong; /* all three: the guard orders what matters */

static void come_and_go(void *arg)
{
    int own = (int)(intptr_t)arg * OWN;
    uint64_t seed = (uint64_t)own + 1;
    while (!weft_atomic_load(&enough, WEFT_RELAXED)) {
        uint32_t before[OWN];
        for (int i = 0; i < OWN; i++) {
            before[i] = weft_atomic_load(&unparked[own + i], WEFT_RELAXED);
            int64_t now = weft_atomic_load(&moment, WEFT_RELAXED);
            add_at(own + i, now - 100 + (int64_t)(test_random(&seed) % 10000));
        }
        for (int i = 0; i < OWN; i++)
            weft__timer_remove(timer[own + i].home, &timer[own + i]);
        for (int i = 0; i < OWN; i++) { /* all of it has come to rest */
            uint32_t n = weft_atomic_load(&unparked[own + i], WEFT_RELAXED) - before[i];
            if (n > 1 || timer[own + i].next)
                weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
        }
    }
}

static void any_thread_adds_and_removes_while_another_expires(void **state)
{
    (void)state;
    weft__thread thread[THREADS];
    weft_atomic_store(&moment, 1000, WEFT_RELAXED);
    weft_atomic_store(&wrong, 0, WEFT_RELAXED);
    weft_atomic_store(&enough, 0, WEFT_RELAXED);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(weft__thread_start(&thread[i], come_and_go, (void *)(intptr_t)i, "timers"),
                         WEFT_OK);
    int64_t now = 1000;
    long count = 0, many = test_length(20000, 200000);
    while (count < many) { /* the alarm ends it if nobody fires */
        now += 1 + count % 5000;
        weft_atomic_store(&moment, now, WEFT_RELAXED);
        count += weft__timers_expire(&timers, now);
    }
    weft_atomic_store(&enough, 1, WEFT_RELAXED);
    for (int i = 0; i < THREADS; i++)
        weft__thread_join(thread[i]);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
    assert_int_equal(count, noted);
    assert_true(earliest() == INT64_MAX && timers.levels == 0 && !timers.late);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(an_empty_wheel_has_no_earliest),
        T(the_earliest_is_known_and_told),
        T(random_timers_fire_when_due_and_only_then_and_in_order),
        T(no_digit_carries_wrongly),
        T(a_jump_of_hours_fires_all_in_order),
        T(the_last_moment_is_a_deadline_like_others),
        T(who_comes_late_fires_at_once_and_in_order),
        T(many_who_come_late_fire_in_order),
        T(an_older_now_fires_nobody_early),
        T(equals_fire_in_the_order_of_adding),
        T(who_is_removed_when_due_is_left_alone),
        T(who_is_removed_while_its_slot_is_dealt_out_hides_nobody),
        T(near_timers_lie_low_however_late_it_is),
        T(a_far_crowd_is_dealt_out_before_its_time),
        T(among_few_the_earliest_is_exact),
        T(the_last_of_a_crowd_is_exact),
        T(a_crowd_in_one_slot_is_cancelled_one_by_one),
        T(a_far_timer_wakes_once),
        T(who_is_left_of_a_crowd_wakes_a_handful_of_times),
        T(any_thread_adds_and_removes_while_another_expires),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
