/* Calls made together: weft/gather.h keeps what it promises, also with cancellations at random points.
 * ctest: timeout=300 */
#include "task/trial.h"
#include "weft/gather.h"
#include "weft/sync.h"

enum { N = 6, MANY = 500, HANG_S = 240 };

static weft *w;
static WEFT_ATOMIC(long) running; /* tests' functions that have begun and not ended */

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, HANG_S);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
    engine_close(w);
    watched = NULL;
    return 0;
}

static weft_place *places(int i)
{
    return i == 0 ? weft_pool(w) : i == 1 ? weft_loop(w) : weft_threads(w);
}

/* What the calls do: wait, then end with `result`. */
typedef struct act {
    weft_event *until; /* NULL: at once; it is waited for, until a cancellation */
    weft_err result;
    weft_event *begun; /* set when it begins */
    bool stubborn;     /* it has its effect all the same */
} act;

static weft_err acts(void *arg)
{
    act *a = arg;
    weft_err e = WEFT_OK;
    weft_atomic_fetch_add(&running, 1, WEFT_RELAXED);
    if (a->begun)
        weft_event_set(a->begun);
    if (a->until)
        e = weft_event_wait(a->until, WEFT_FOREVER);
    weft_atomic_fetch_sub(&running, 1, WEFT_RELAXED);
    if (e != WEFT_OK && !a->stubborn)
        return e;
    return a->result == WEFT_OK ? WEFT_OK : weft__fail(a->result, "act %d", (int)a->result);
}

static weft_event never = WEFT_EVENT_INIT("never");

static void set(weft_call *c, act *a, weft_event *until, weft_err result)
{
    *a = (act){.until = until, .result = result};
    *c = WEFT_CALL(acts, a);
}

static void gather_returns_when_all_did(void **state)
{
    (void)state;
    static weft_call calls[MANY];
    static act a[MANY];
    for (int p = 0; p < 3; p++) {
        int n = p == 2 ? 10 : MANY;
        for (int i = 0; i < n; i++)
            set(&calls[i], &a[i], NULL, WEFT_OK);
        assert_int_equal(weft_gather(places(p), calls, (size_t)n, WEFT_FOREVER), WEFT_OK);
        for (int i = 0; i < n; i++)
            assert_int_equal(calls[i].result, WEFT_OK);
        assert_int_equal(weft_gather_all(places(p), calls, (size_t)n, weft_in_s(60)), WEFT_OK);
    }
    assert_int_equal(weft_gather(weft_pool(w), NULL, 0, WEFT_NOW), WEFT_OK);
}

static void the_first_that_fails_cancels_the_others(void **state)
{
    (void)state;
    for (int bad = 0; bad < N; bad++) {
        weft_call calls[N];
        act a[N];
        for (int i = 0; i < N; i++)
            set(&calls[i], &a[i], i == bad ? NULL : &never, i == bad ? WEFT_DENIED : WEFT_OK);
        assert_int_equal(weft_gather(weft_pool(w), calls, N, weft_in_s(60)), WEFT_DENIED);
        assert_string_equal(weft_detail(), "act 11");
        for (int i = 0; i < N; i++)
            assert_int_equal(calls[i].result, i == bad ? WEFT_DENIED : WEFT_CANCELLED);
        assert_string_equal(calls[bad].why, "act 11");
        assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
    }
}

static void gather_all_lets_all_end(void **state)
{
    (void)state;
    static const weft_err results[N] = {WEFT_OK,     WEFT_DENIED, WEFT_CANCELLED,
                                        WEFT_CLOSED, WEFT_OK,     WEFT_SYS};
    weft_call calls[N];
    act a[N];
    for (int i = 0; i < N; i++)
        set(&calls[i], &a[i], NULL, results[i]);
    assert_int_equal(weft_gather_all(weft_pool(w), calls, N, weft_in_s(60)), WEFT_OK);
    for (int i = 0; i < N; i++) {
        char why[16];
        assert_int_equal(calls[i].result, results[i]);
        snprintf(why, sizeof why, "act %d", (int)results[i]);
        assert_string_equal(calls[i].why, results[i] == WEFT_OK ? "" : why);
    }
}

static weft_err talks(void *arg)
{
    return weft__fail(WEFT_DENIED, "%s", (const char *)arg);
}

static void of_a_long_detail_the_beginning_is_kept(void **state)
{
    (void)state;
    char text[401];
    for (size_t i = 0; i < 400; i++)
        text[i] = (char)('a' + i % 26);
    text[400] = '\0';
    weft_call c = WEFT_CALL(talks, text);
    assert_int_equal(weft_gather_all(weft_pool(w), &c, 1, weft_in_s(60)), WEFT_OK);
    assert_int_equal(strlen(c.why), 211);
    assert_memory_equal(c.why, text, 211);
    text[211] = '\0'; /* just what there is room for */
    assert_int_equal(weft_gather(weft_pool(w), &c, 1, weft_in_s(60)), WEFT_DENIED);
    assert_string_equal(c.why, text);
    assert_string_equal(weft_detail(), text);
}

static void who_is_late_is_cancelled_and_waited_for(void **state)
{
    (void)state;
    weft_call calls[2];
    act a[2];
    size_t which = 77;
    set(&calls[0], &a[0], NULL, WEFT_OK);
    set(&calls[1], &a[1], &never, WEFT_OK);
    assert_int_equal(weft_gather(weft_pool(w), calls, 2, weft_in_ms(5)), WEFT_LATE);
    assert_string_equal(weft_detail(),
                        "gather: calls still ran at the deadline, and were cancelled");
    assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
    assert_int_equal(calls[1].result, WEFT_CANCELLED);
    assert_int_equal(weft_gather_all(weft_pool(w), calls, 2, weft_in_ms(5)), WEFT_LATE);
    assert_int_equal(calls[1].result, WEFT_CANCELLED);
    assert_int_equal(weft_first(weft_pool(w), &calls[1], 1, &which, weft_in_ms(5)), WEFT_LATE);
    assert_int_equal(which, 1);
    a[1].stubborn = true; /* who has its effect is not late */
    assert_int_equal(weft_gather(weft_pool(w), calls, 2, weft_in_ms(5)), WEFT_OK);
    assert_int_equal(weft_gather_all(weft_pool(w), calls, 2, weft_in_ms(5)), WEFT_OK);
    assert_int_equal(weft_first(weft_pool(w), &calls[1], 1, &which, weft_in_ms(5)), WEFT_OK);
    assert_int_equal(which, 0);
}

static void the_first_that_ends_is_named(void **state)
{
    (void)state;
    for (size_t one = 0; one < N; one++) {
        weft_call calls[N];
        act a[N];
        size_t which = 77;
        for (size_t i = 0; i < N; i++)
            set(&calls[i], &a[i], i == one ? NULL : &never, i % 2 ? WEFT_DENIED : WEFT_OK);
        weft_err e = weft_first(weft_pool(w), calls, N, &which, weft_in_s(60));
        assert_int_equal(e, one % 2 ? WEFT_DENIED : WEFT_OK);
        assert_int_equal(which, one);
        if (one % 2)
            assert_string_equal(weft_detail(), "act 11");
        assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
        for (size_t i = 0; i < N; i++)
            if (i != one)
                assert_int_equal(calls[i].result, WEFT_CANCELLED);
    }
}

static void the_first_that_succeeds_is_named(void **state)
{
    (void)state;
    weft_call calls[N];
    act a[N];
    size_t which = 77;
    for (size_t i = 0; i < N; i++)
        set(&calls[i], &a[i], i < 3 ? NULL : &never, i == 2 ? WEFT_OK : WEFT_DENIED);
    assert_int_equal(weft_first_ok(weft_pool(w), calls, N, &which, weft_in_s(60)), WEFT_OK);
    assert_int_equal(which, 2);
    for (size_t i = 0; i < N; i++)
        set(&calls[i], &a[i], NULL, WEFT_DENIED);
    assert_int_equal(weft_first_ok(weft_pool(w), calls, N, &which, weft_in_s(60)), WEFT_DENIED);
    assert_true(which < N);
    assert_int_equal(weft_first_ok(weft_pool(w), calls, 0, &which, WEFT_NOW), WEFT_INVALID);
}

/* weft_within, and all that wants a task. */
static weft_err within(void *arg)
{
    weft_event begun = WEFT_EVENT_INIT("begun");
    act now = {.result = WEFT_DENIED}, waits = {.until = &never, .begun = &begun};
    (void)arg;
    assert_int_equal(weft_within(acts, &now, weft_in_s(60)), WEFT_DENIED);
    assert_string_equal(weft_detail(), "act 11");
    now.result = WEFT_CANCELLED; /* by itself, in time */
    assert_int_equal(weft_within(acts, &now, weft_in_s(60)), WEFT_CANCELLED);
    now.result = WEFT_OK;
    assert_int_equal(weft_within(acts, &now, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_within(acts, &waits, weft_in_ms(5)), WEFT_LATE);
    assert_string_equal(weft_detail(),
                        "within: calls still ran at the deadline, and were cancelled");
    assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
    waits.stubborn = true;
    waits.result = WEFT_CLOSED;
    assert_int_equal(weft_within(acts, &waits, weft_in_ms(5)), WEFT_CLOSED);
    return WEFT_OK;
}

static void within_a_deadline_or_not_at_all(void **state)
{
    (void)state;
    act now = {.result = WEFT_OK};
    for (int p = 0; p < 3; p++)
        assert_int_equal(run_at(places(p), within, NULL), WEFT_OK);
    assert_int_equal(weft_within(acts, &now, WEFT_FOREVER), WEFT_INVALID); /* a thread */
}

static weft_err nested(void *arg)
{
    return weft_within(acts, arg, WEFT_FOREVER) == WEFT_CANCELLED ? WEFT_OK : WEFT_INVALID;
}

static weft_err gathers(void *arg)
{
    weft_call calls[2] = {WEFT_CALL(acts, arg), WEFT_CALL(nested, arg)};
    weft_err e = weft_gather(NULL, calls, 2, WEFT_FOREVER);
    return e == WEFT_CANCELLED && calls[0].result == WEFT_CANCELLED ? WEFT_OK : WEFT_INVALID;
}

static void the_callers_cancellation_goes_through(void **state)
{
    (void)state;
    weft_event begun = WEFT_EVENT_INIT("begun");
    act waits = {.until = &never, .begun = &begun};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < 2; i++) {
            weft_scope s;
            weft_event_clear(&begun);
            weft_scope_init(&s, places(p), "outer");
            assert_int_equal(weft_go(&s, i ? gathers : nested, &waits), WEFT_OK);
            assert_int_equal(weft_event_wait(&begun, weft_in_s(60)), WEFT_OK);
            weft_scope_cancel(&s);
            assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
            weft_scope_fini(&s);
            assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
        }
}

static void calls_come_back_as_they_end(void **state)
{
    (void)state;
    weft_event go[N];
    weft_call calls[N], *c;
    act a[N];
    weft_each each;
    for (int i = 0; i < N; i++) {
        weft_event_init(&go[i], "go");
        set(&calls[i], &a[i], &go[i], i % 2 ? WEFT_DENIED : WEFT_OK);
    }
    assert_int_equal(weft_each_start(&each, weft_pool(w), calls, N, "each"), WEFT_OK);
    assert_int_equal(weft_each_next(&each, &c, WEFT_NOW), WEFT_LATE);
    assert_int_equal(weft_each_next(&each, &c, weft_in_ms(2)), WEFT_LATE);
    for (int i = N - 1; i > 0; i--) {
        weft_event_set(&go[i]);
        assert_int_equal(weft_each_next(&each, &c, weft_in_s(60)), WEFT_OK);
        assert_ptr_equal(c, &calls[i]);
        assert_int_equal(c->result, i % 2 ? WEFT_DENIED : WEFT_OK);
        assert_string_equal(c->why, i % 2 ? "act 11" : "");
    }
    weft_each_fini(&each); /* one still runs */
    assert_int_equal(calls[0].result, WEFT_CANCELLED);
    assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);

    for (int i = 0; i < N; i++)
        a[i].until = NULL;
    assert_int_equal(weft_each_start(&each, weft_loop(w), calls, N, "each"), WEFT_OK);
    unsigned seen = 0;
    for (int i = 0; i < N; i++) {
        assert_int_equal(weft_each_next(&each, &c, weft_in_s(60)), WEFT_OK);
        seen |= 1u << (c - calls);
    }
    assert_int_equal(seen, (1u << N) - 1);
    assert_int_equal(weft_each_next(&each, &c, WEFT_FOREVER), WEFT_CLOSED);
    weft_each_fini(&each);
}

/* All at once, at random: players gather, race and limit calls that do the same, until they are cancelled. */
typedef struct player {
    uint64_t random;
    int depth;
    bool reached; /* the call was made; by it */
} player;

static WEFT_ATOMIC(long) wrong;

static void check(bool right)
{
    if (!right)
        weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
}

static weft_deadline soon(player *p)
{
    uint64_t r = test_random(&p->random) % 6;
    return r == 0 ? WEFT_FOREVER : r == 1 ? WEFT_NOW : weft_in_us((int64_t)(r * r * 20));
}

static weft_err plays(void *arg);

/* The calls that `p` makes; none runs when it returns. */
static void make_some(player *p)
{
    enum { CALLS = 4 };
    player child[CALLS];
    weft_call calls[CALLS], *c;
    weft_each each;
    size_t n = 1 + test_random(&p->random) % CALLS, which = 77;
    for (size_t i = 0; i < n; i++) {
        child[i] = (player){.random = test_random(&p->random), .depth = p->depth + 1};
        calls[i] = WEFT_CALL(plays, &child[i]);
    }
    weft_err e = WEFT_OK;
    switch (test_random(&p->random) % 6) {
    case 0:
        e = weft_gather(NULL, calls, n, soon(p));
        for (size_t i = 0; i < n; i++)
            check(e != WEFT_OK || calls[i].result == WEFT_OK);
        break;
    case 1:
        e = weft_gather_all(NULL, calls, n, soon(p));
        for (size_t i = 0; i < n; i++)
            check(e != WEFT_OK || child[i].reached);
        break;
    case 2:
        e = weft_first(NULL, calls, n, &which, soon(p));
        check(which <= n && (which == n || calls[which].result == e));
        check(which < n || e == WEFT_LATE || e == WEFT_CANCELLED);
        break;
    case 3:
        e = weft_first_ok(NULL, calls, n, &which, soon(p));
        check(e != WEFT_OK || calls[which].result == WEFT_OK);
        break;
    case 4:
        e = weft_within(plays, &child[0], soon(p));
        check(e == WEFT_OK || e == WEFT_DENIED || e == WEFT_LATE || e == WEFT_CANCELLED);
        break;
    default:
        e = weft_each_start(&each, weft_pool(w), calls, n, "each");
        for (size_t i = 0; e == WEFT_OK && (e = weft_each_next(&each, &c, soon(p))) == WEFT_OK; i++)
            check(i < n && c >= calls && c < calls + n);
        weft_each_fini(&each);
    }
    memset(child, 0xa5,
           sizeof child); /* who still ran would be seen, by the sanitizers at the least */
    memset(calls, 0xa5, sizeof calls);
}

static weft_err plays(void *arg)
{
    player *p = arg;
    p->reached = true;
    weft_atomic_fetch_add(&running, 1, WEFT_RELAXED);
    if (p->depth < 3)
        make_some(p);
    uint64_t r = test_random(&p->random) % 8;
    weft_err e = r < 3 ? weft_sleep(weft_in_us((int64_t)(r * 50))) : r < 6 ? weft_yield() : WEFT_OK;
    weft_atomic_fetch_sub(&running, 1, WEFT_RELAXED);
    return e == WEFT_OK && r == 7 ? weft__fail(WEFT_DENIED, "at random") : e;
}

static void calls_within_calls_cancelled_at_random(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    for (long i = test_length(100, 1000); i > 0; i--) {
        player p[3];
        weft_scope s;
        weft_scope_init(&s, places((int)(i % 2)), "players");
        for (int k = 0; k < 3; k++) {
            p[k] = (player){.random = test_random(&seed)};
            ignore(weft_go(&s, plays, &p[k]));
        }
        if (test_random(&seed) % 2)
            ignore(weft_scope_join(&s, weft_in_us((int64_t)(test_random(&seed) % 1000))));
        else
            ignore(weft_scope_join(&s, WEFT_FOREVER));
        weft_scope_fini(&s);
        assert_int_equal(weft_atomic_load(&running, WEFT_RELAXED), 0);
    }
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(gather_returns_when_all_did),
        T(the_first_that_fails_cancels_the_others),
        T(gather_all_lets_all_end),
        T(of_a_long_detail_the_beginning_is_kept),
        T(who_is_late_is_cancelled_and_waited_for),
        T(the_first_that_ends_is_named),
        T(the_first_that_succeeds_is_named),
        T(within_a_deadline_or_not_at_all),
        T(the_callers_cancellation_goes_through),
        T(calls_come_back_as_they_end),
        T(calls_within_calls_cancelled_at_random),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
