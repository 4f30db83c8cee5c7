/* Timers and tickers: weft/timer.h keeps what it promises.
 * ctest: timeout=300 */
#define HANG_S 240

#include <pthread.h>

#include "task/fresh.h"
#include "weft/sync.h"
#include "weft/timer.h"

enum { CROWD = 5000, PLAYERS = 6, OWN = 40 };
static const int64_t ms = 1000000;

/* What a timer calls: it notes when. */
typedef struct note {
    weft_event fired;
    WEFT_ATOMIC(int64_t) at; /* 0: it was not called */
    WEFT_ATOMIC(long) times;
    WEFT_ATOMIC(const char *) name;
    weft_place *place;
} note;

static weft_err fires(void *arg)
{
    note *n = arg;
    weft_atomic_store(&n->at, weft_clock(), WEFT_RELAXED);
    weft_atomic_store(&n->name, weft_task_name(), WEFT_RELAXED);
    n->place = weft__of(weft__self(), weft__task, waiter)->place;
    weft_atomic_fetch_add(&n->times, 1, WEFT_RELAXED);
    weft_event_set(&n->fired);
    return WEFT_OK;
}

static void forget(note *n)
{
    weft_event_init(&n->fired, "fired");
    weft_atomic_store(&n->at, 0, WEFT_RELAXED);
    weft_atomic_store(&n->times, 0, WEFT_RELAXED);
}

static long times(note *n)
{
    return weft_atomic_load(&n->times, WEFT_RELAXED);
}

static bool timers_left(void)
{
    for (int i = 0; i < w->workers; i++)
        if (weft_atomic_load(&w->worker[i].timers.earliest, WEFT_RELAXED) != INT64_MAX)
            return true;
    return false;
}

static void a_timer_starts_its_task_at_its_time(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int i = 0; i < 3; i++) {
        note n;
        weft_scope s;
        weft_timer t = WEFT_TIMER_INIT;
        forget(&n);
        weft_scope_init(&s, places[i], "timed");
        weft_deadline at = weft_in_ms(20);
        assert_int_equal(weft_timer_start(&t, &s, fires, &n, at), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
        assert_int_equal(times(&n), 1);
        assert_true(weft_atomic_load(&n.at, WEFT_RELAXED) >= at.ns);
        assert_string_equal(weft_atomic_load(&n.name, WEFT_RELAXED), "fires");
        assert_ptr_equal(n.place, places[i]);
        assert_false(weft_timer_cancel(&t));
        weft_scope_fini(&s);
    }
}

/* A worker that sleeps for long has to hear of a timer that a thread starts. */
static void a_timer_of_a_thread_wakes_a_worker(void **state)
{
    (void)state;
    note n;
    weft_scope s;
    weft_timer far = WEFT_TIMER_INIT, near = WEFT_TIMER_INIT;
    forget(&n);
    weft_scope_init(&s, weft_pool(w), "timed");
    assert_int_equal(weft_timer_start(&far, &s, fires, &n, weft_in_s(3600)), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(30)), WEFT_LATE);
    assert_int_equal(weft_timer_start(&near, &s, fires, &n, weft_in_ms(5)), WEFT_OK);
    assert_int_equal(weft_event_wait(&n.fired, weft_in_s(60)), WEFT_OK);
    assert_int_equal(times(&n), 1);
    weft_scope_fini(&s);
    assert_int_equal(times(&n), 1);
    assert_false(weft_timer_cancel(&far));
    assert_false(timers_left());
}

static void who_is_cancelled_does_not_fire_and_can_be_started_again(void **state)
{
    (void)state;
    note n;
    weft_scope s;
    weft_timer t = WEFT_TIMER_INIT, never = WEFT_TIMER_INIT;
    forget(&n);
    assert_false(weft_timer_cancel(&t));
    weft_scope_init(&s, weft_pool(w), "timed");
    assert_int_equal(weft_timer_start(&never, &s, fires, &n, WEFT_FOREVER), WEFT_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(weft_timer_start(&t, &s, fires, &n, weft_in_s(3600)), WEFT_OK);
        assert_true(weft_timer_cancel(&t));
        assert_false(weft_timer_cancel(&t));
    }
    assert_int_equal(weft_scope_join(&s, weft_in_ms(5)), WEFT_LATE);
    assert_true(weft_timer_cancel(&never));
    assert_int_equal(weft_scope_join(&s, WEFT_NOW), WEFT_OK); /* nothing is counted any more */
    assert_int_equal(times(&n), 0);
    assert_int_equal(weft_timer_start(&t, &s, fires, &n, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    assert_int_equal(times(&n), 1);
    weft_scope_fini(&s);
    assert_false(timers_left());
}

static void a_cancelled_scope_has_no_timers(void **state)
{
    (void)state;
    static weft_timer crowd[CROWD];
    note n;
    weft_scope s;
    weft_timer late = WEFT_TIMER_INIT;
    forget(&n);
    memset(crowd, 0, sizeof crowd);
    weft_scope_init(&s, weft_pool(w), "timed");
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(weft_timer_start(&crowd[i], &s, fires, &n, weft_in_s(3600 + i)), WEFT_OK);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    assert_int_equal(weft_timer_start(&late, &s, fires, &n, WEFT_NOW), WEFT_CANCELLED);
    assert_string_equal(weft_detail(),
                        "scope timed was cancelled: no timer started for task fires");
    for (int i = 0; i < CROWD; i++)
        assert_false(weft_timer_cancel(&crowd[i]));
    weft_scope_fini(&s);
    assert_int_equal(times(&n), 0);
    assert_false(timers_left());
}

static weft_err fails(void *arg)
{
    (void)arg;
    return weft__fail(WEFT_DENIED, "this one fails");
}

static void who_fails_takes_the_timers_of_its_scope_along(void **state)
{
    (void)state;
    note n;
    weft_scope s;
    weft_timer far = WEFT_TIMER_INIT, near = WEFT_TIMER_INIT;
    forget(&n);
    weft_scope_init(&s, weft_pool(w), "timed");
    assert_int_equal(weft_timer_start(&far, &s, fires, &n, weft_in_s(3600)), WEFT_OK);
    assert_int_equal(weft_timer_start(&near, &s, fails, &n, weft_in_ms(1)), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_DENIED);
    assert_string_equal(weft_detail(), "this one fails");
    weft_scope_fini(&s);
    assert_int_equal(times(&n), 0);
}

static void many_fire_none_early_and_none_twice(void **state)
{
    (void)state;
    static weft_timer crowd[CROWD];
    static note notes[CROWD];
    weft_scope s;
    uint64_t seed = test_seed();
    int64_t base = weft_clock(), at[CROWD];
    memset(crowd, 0, sizeof crowd);
    weft_scope_init(&s, weft_pool(w), "timed");
    for (int i = 0; i < CROWD; i++) {
        forget(&notes[i]);
        at[i] = base + (int64_t)(test_random(&seed) % (uint64_t)(200 * ms));
        assert_int_equal(weft_timer_start(&crowd[i], &s, fires, &notes[i], (weft_deadline){at[i]}),
                         WEFT_OK);
    }
    assert_int_equal(weft_scope_join(&s, weft_in_s(100)), WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(times(&notes[i]), 1);
        assert_true(weft_atomic_load(&notes[i].at, WEFT_RELAXED) >= at[i]);
    }
    assert_false(timers_left());
}

/* Players start and cancel timers of their own and of one scope that all of them share, while they fire. */
static weft_scope shared;
static WEFT_ATOMIC(long) started, fired, cancelled, refused, wrong;

static weft_err counts(void *arg)
{
    (void)arg;
    weft_atomic_fetch_add(&fired, 1, WEFT_RELAXED);
    return WEFT_OK;
}

/* Start one at random, or see that the scope does not take it. */
static bool play_one(weft_timer *t, weft_scope *s, uint64_t *random)
{
    int64_t in = (int64_t)(test_random(random) % 300) * 1000 - 50000;
    weft_err e = weft_timer_start(t, s, counts, NULL, weft_in_ns(in));
    weft_atomic_fetch_add(e == WEFT_OK ? &started : &refused, 1, WEFT_RELAXED);
    if (e != WEFT_OK && e != WEFT_CANCELLED)
        weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
    return e == WEFT_OK;
}

static void play(uint64_t *random, long rounds)
{
    for (long i = 0; i < rounds; i++) {
        weft_timer t[OWN]; /* its memory is this function's again after the cancel */
        memset(t, 0, sizeof t);
        for (int k = 0; k < OWN; k++)
            (void)play_one(&t[k], &shared, random);
        if (test_random(random) % 4 == 0)
            (void)weft_yield();
        for (int k = 0; k < OWN; k++)
            if (weft_timer_cancel(&t[k]))
                weft_atomic_fetch_add(&cancelled, 1, WEFT_RELAXED);
        memset(t, 0xa5, sizeof t);
    }
}

static uint64_t seeds[PLAYERS];
static long rounds;

static weft_err plays(void *arg)
{
    play(arg, rounds);
    return WEFT_OK;
}

static void *plays_on_thread(void *arg)
{
    play(arg, rounds);
    return NULL;
}

static void storm(weft_place *place, bool cancel, uint64_t *seed)
{
    weft_scope s, loop;
    pthread_t thread;
    weft_scope_init(&shared, place, "shared");
    weft_scope_init(&s, weft_pool(w), "players");
    weft_scope_init(&loop, weft_loop(w), "players");
    for (int i = 0; i < PLAYERS; i++)
        seeds[i] = test_random(seed);
    assert_int_equal(pthread_create(&thread, NULL, plays_on_thread, &seeds[0]), 0);
    for (int i = 1; i < PLAYERS; i++)
        assert_int_equal(weft_go(i % 2 ? &s : &loop, plays, &seeds[i]), WEFT_OK);
    if (cancel) {
        ignore(weft_scope_join(&s, weft_in_us((int64_t)(test_random(seed) % 3000))));
        weft_scope_cancel(&shared);
    }
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_scope_join(&loop, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weft_scope_join(&shared, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&shared);
    weft_scope_fini(&s);
    weft_scope_fini(&loop);
}

static void start_and_cancel_at_random(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    weft_place *places[] = {weft_pool(w), weft_loop(w)};
    rounds = test_length(20, 100);
    for (int i = 0; i < 12; i++) {
        weft_atomic_store(&started, 0, WEFT_RELAXED);
        weft_atomic_store(&fired, 0, WEFT_RELAXED);
        weft_atomic_store(&cancelled, 0, WEFT_RELAXED);
        bool cancel = i % 3 == 2;
        storm(places[i % 2], cancel, &seed);
        long f = weft_atomic_load(&fired, WEFT_RELAXED),
             c = weft_atomic_load(&cancelled, WEFT_RELAXED);
        long all = weft_atomic_load(&started, WEFT_RELAXED);
        if (cancel)
            assert_true(f + c <= all); /* the scope's cancellation took the others */
        else
            assert_int_equal(f + c, all);
        assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
        assert_false(timers_left());
    }
}

/* Each timer starts the next: the memory is free once its task has begun. */
typedef struct chain {
    weft_timer t;
    weft_scope *s;
    int left;
} chain;

static weft_err next_link(void *arg)
{
    chain *c = arg;
    return c->left-- == 0 ? WEFT_OK : weft_timer_start(&c->t, c->s, next_link, c, weft_in_us(10));
}

static void a_timer_starts_itself_again(void **state)
{
    (void)state;
    weft_scope s;
    chain c = {.t = WEFT_TIMER_INIT, .s = &s, .left = 500};
    weft_scope_init(&s, weft_pool(w), "chain");
    assert_int_equal(weft_timer_start(&c.t, &s, next_link, &c, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(100)), WEFT_OK);
    assert_int_equal(c.left, -1);
    weft_scope_fini(&s);
}

static void start_twice(void)
{
    weft *own = engine_open(1);
    weft_scope s;
    weft_timer t = WEFT_TIMER_INIT;
    weft_scope_init(&s, weft_pool(own), "twice");
    ignore(weft_timer_start(&t, &s, fires, NULL, weft_in_s(3600)));
    ignore(weft_timer_start(&t, &s, fires, NULL, weft_in_s(3600)));
}

static void no_period(void)
{
    weft_ticker t;
    weft_ticker_init(&t, 0, WEFT_NOW);
}

static void misuse_is_named(void **state)
{
    (void)state;
    aborts(start_twice, "timed_test.c:");
    aborts(no_period, "timed_test.c:");
}

static void ticks_do_not_drift(void **state)
{
    (void)state;
    weft_ticker t;
    uint64_t missed, all = 0;
    int64_t first = weft_clock() + 2 * ms;
    weft_ticker_init(&t, 2 * ms, (weft_deadline){first});
    for (int i = 0; i < 20; i++) {
        assert_int_equal(weft_ticker_wait(&t, &missed, weft_in_s(60)), WEFT_OK);
        all += missed + 1;
        assert_true(weft_clock() >= first + (int64_t)(all - 1) * 2 * ms);
        assert_int_equal((t.next - first) % (2 * ms), 0); /* on its own moments */
        assert_int_equal(t.next, first + (int64_t)all * 2 * ms);
    }
}

static void missed_ticks_are_told_and_are_one(void **state)
{
    (void)state;
    weft_ticker t;
    uint64_t missed = 77;
    int64_t now = weft_clock();
    weft_ticker_init(&t, 3600 * 1000 * ms, (weft_deadline){now - 10 * 3600 * 1000 * ms - 1000});
    assert_int_equal(weft_ticker_wait(&t, &missed, WEFT_NOW), WEFT_OK);
    assert_int_equal(missed, 10);
    missed = 77;
    assert_int_equal(weft_ticker_wait(&t, &missed, WEFT_NOW), WEFT_LATE);
    assert_int_equal(weft_ticker_wait(&t, &missed, weft_in_ms(2)), WEFT_LATE);
    assert_string_equal(weft_detail(), "ticker: no tick before the deadline");
    assert_int_equal(missed, 77);
    assert_int_equal(t.next, now + 3600 * 1000 * ms - 1000);
    weft_ticker_init(&t, INT64_MAX, WEFT_NOW); /* at once, and never again */
    assert_int_equal(weft_ticker_wait(&t, NULL, WEFT_NOW), WEFT_OK);
    assert_true(t.next > now);
}

static weft_err waits_for_a_tick(void *arg)
{
    weft_err e = weft_ticker_wait(arg, NULL, WEFT_FOREVER);
    return e == WEFT_CANCELLED ? WEFT_OK : WEFT_INVALID;
}

static void a_cancelled_wait_takes_no_tick(void **state)
{
    (void)state;
    weft_ticker t;
    weft_scope s;
    int64_t first = weft_clock() + 3600 * 1000 * ms;
    weft_ticker_init(&t, 3600 * 1000 * ms, (weft_deadline){first});
    weft_scope_init(&s, weft_pool(w), "ticks");
    assert_int_equal(weft_go(&s, waits_for_a_tick, &t), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(5)), WEFT_LATE);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(t.next, first);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misuse_is_named),
        T(a_timer_starts_its_task_at_its_time),
        T(a_timer_of_a_thread_wakes_a_worker),
        T(who_is_cancelled_does_not_fire_and_can_be_started_again),
        T(a_cancelled_scope_has_no_timers),
        T(who_fails_takes_the_timers_of_its_scope_along),
        T(many_fire_none_early_and_none_twice),
        T(start_and_cancel_at_random),
        T(a_timer_starts_itself_again),
        T(ticks_do_not_drift),
        T(missed_ticks_are_told_and_are_one),
        T(a_cancelled_wait_takes_no_tick),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
