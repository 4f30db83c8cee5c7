/* Parallel loops. */
#include "weft/par.h"

#include "task/trial.h"
#include "weft/fork.h"
#include "weft/sync.h"

enum { LENGTH = 20000 };

static weft *w;
static WEFT_ATOMIC(int) hits[LENGTH];
static WEFT_ATOMIC(int) wrong, chunks;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, 100);
    weft_atomic_store(&wrong, 0, WEFT_RELAXED);
    weft_atomic_store(&chunks, 0, WEFT_RELAXED);
    for (int i = 0; i < LENGTH; i++)
        weft_atomic_store(&hits[i], 0, WEFT_RELAXED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    return 0;
}

static void flaw(bool is)
{
    if (is)
        weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
}

static void work(int64_t turns)
{
    for (int64_t i = 0; i < turns; i++)
        __asm__ volatile("");
}

struct plan {
    weft_place *place;
    int64_t begin, end, grain;
    int64_t each; /* turns for an iteration; negative: more for the later ones */
    bool waits;
    weft_err result;
};

static weft_err hit(int64_t begin, int64_t end, void *arg)
{
    const struct plan *p = arg;
    if (p->grain > 0)
        flaw((begin - p->begin) % p->grain != 0 ||
             (end - begin != p->grain && (end != p->end || end - begin > p->grain)));
    for (int64_t i = begin; i < end; i++) {
        weft_atomic_fetch_add(&hits[i - p->begin], 1, WEFT_RELAXED);
        work(p->each < 0 ? -p->each * (i - p->begin) / 16 : p->each);
        if (p->waits && i % 7 == 0)
            flaw(weft_sleep(weft_in_us(50)) != WEFT_OK);
        if (p->waits && i % 5 == 0)
            flaw(weft_yield() != WEFT_OK);
    }
    return WEFT_OK;
}

static weft_err hit_all(void *arg)
{
    struct plan *p = arg;
    p->result = weft_for(p->place, p->begin, p->end, p->grain, hit, p);
    return WEFT_OK;
}

static void each_was_hit(int64_t n, int times)
{
    for (int i = 0; i < LENGTH; i++)
        assert_int_equal(weft_atomic_load(&hits[i], WEFT_RELAXED), i < n ? times : 0);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

static void every_iteration_runs_once(void **state)
{
    (void)state;
    static const int64_t begins[] = {0, 1000, -7, INT64_MIN, INT64_MAX - LENGTH};
    int times = 0;
    uint64_t random = seed;
    for (long k = test_length(40, 400); k > 0; k--, times++) {
        struct plan p = {.place = weft_pool(w), .begin = begins[k % 5]};
        uint64_t r = test_random(&random);
        p.end = p.begin + LENGTH;
        p.grain = r % 3 ? (int64_t)(r >> 8) % 300 + 1 : 0;
        p.each = (int64_t)(r >> 20) % 20 - 5;
        assert_int_equal(run_at(weft_pool(w), hit_all, &p), WEFT_OK);
        assert_int_equal(p.result, WEFT_OK);
    }
    each_was_hit(LENGTH, times);
}

static void short_loops_do_too(void **state)
{
    (void)state;
    for (int n = 0; n <= 70; n++)
        for (int64_t grain = 0; grain < 4; grain++) {
            struct plan p = {.place = weft_pool(w), .begin = 5, .end = 5 + n, .grain = grain};
            p.waits = n % 2;
            assert_int_equal(run_at(weft_pool(w), hit_all, &p), WEFT_OK);
            assert_int_equal(p.result, WEFT_OK);
        }
    for (int i = 0; i < 70; i++)
        assert_int_equal(weft_atomic_load(&hits[i], WEFT_RELAXED), 4 * (70 - i));
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

static void an_empty_range_is_nothing(void **state)
{
    (void)state;
    struct plan p = {.place = weft_pool(w), .begin = 1, .end = 1};
    assert_int_equal(run_at(weft_pool(w), hit_all, &p), WEFT_OK);
    assert_int_equal(p.result, WEFT_OK);
    p.begin = INT64_MAX;
    p.end = INT64_MIN;
    assert_int_equal(run_at(weft_pool(w), hit_all, &p), WEFT_OK);
    assert_int_equal(p.result, WEFT_OK);
    each_was_hit(0, 0);
}

static void bodies_may_wait(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 4; workers++) {
        weft *other = engine_open(workers);
        watch(other, 100);
        for (int64_t grain = 0; grain < 40; grain += 13) {
            struct plan p = {.place = weft_pool(other), .end = 500, .grain = grain, .waits = true};
            assert_int_equal(run_at(weft_pool(other), hit_all, &p), WEFT_OK);
            assert_int_equal(p.result, WEFT_OK);
        }
        engine_close(other);
    }
    each_was_hit(500, 16);
}

static void a_loop_runs_from_anywhere_at_any_place(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int from = 0; from < 4; from++)
        for (int at = 0; at < 3; at++) {
            struct plan p = {.place = places[at], .end = 1000, .each = 3, .waits = from == at};
            if (from == 3)
                assert_int_equal(hit_all(&p), WEFT_OK);
            else
                assert_int_equal(run_at(places[from], hit_all, &p), WEFT_OK);
            assert_int_equal(p.result, WEFT_OK);
        }
    each_was_hit(1000, 12);
}

static weft_err in_order(int64_t begin, int64_t end, void *arg)
{
    int64_t *next = arg;
    flaw(begin != *next);
    *next = end;
    return weft_yield();
}

static void outside_the_pool_chunks_run_in_order(void **state)
{
    (void)state;
    int64_t next = -3;
    assert_int_equal(weft_for(weft_loop(w), -3, 5000, 10, in_order, &next), WEFT_OK);
    assert_int_equal(next, 5000);
    next = 0;
    assert_int_equal(weft_for(weft_threads(w), 0, 5000, 0, in_order, &next), WEFT_OK);
    assert_int_equal(next, 5000);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

/* The whole of int64 but its last, in chunks of 2^51. */
static weft_err measure(int64_t begin, int64_t end, void *acc, void *arg)
{
    (void)arg;
    *(uint64_t *)acc += (uint64_t)end - (uint64_t)begin;
    return WEFT_OK;
}

static void zero(void *acc, void *arg)
{
    (void)arg;
    *(uint64_t *)acc = 0;
}

static void add(void *into, const void *from, void *arg)
{
    (void)arg;
    *(uint64_t *)into += *(const uint64_t *)from;
}

static const weft_reducer sum = {sizeof(uint64_t), zero, add};

static void a_range_may_be_as_long_as_can_be(void **state)
{
    (void)state;
    uint64_t n = 0;
    assert_int_equal(
        weft_reduce(weft_pool(w), INT64_MIN, INT64_MAX, INT64_C(1) << 51, &sum, measure, &n, NULL),
        WEFT_OK);
    assert_true(n == UINT64_MAX);
}

/* An accumulator that knows whether its range has no gap; `fat` is to be carried along. */
struct range {
    int64_t begin, end;
    bool any, whole;
    char fat[200];
};

static void range_none(void *acc, void *arg)
{
    struct range *r = acc;
    (void)arg;
    memset(r, 0, sizeof *r);
    r->whole = true;
    memset(r->fat, 'x', sizeof r->fat);
}

static void range_combine(void *into, const void *from, void *arg)
{
    struct range *a = into;
    const struct range *b = from;
    (void)arg;
    a->whole = a->whole && b->whole && (!a->any || !b->any || a->end == b->begin);
    if (!a->any)
        a->begin = b->begin;
    if (b->any)
        a->end = b->end;
    a->any = a->any || b->any;
}

static weft_err range_fold(int64_t begin, int64_t end, void *acc, void *arg)
{
    const struct plan *p = arg;
    struct range next = {.begin = begin, .end = end, .any = true, .whole = true};
    range_combine(acc, &next, NULL);
    for (int64_t i = begin; i < end; i++) {
        work(-p->each * i / 16);
        if (p->waits && i % 61 == 0)
            flaw(weft_yield() != WEFT_OK);
    }
    return WEFT_OK;
}

static void ranges_are_combined_from_left_to_right(void **state)
{
    (void)state;
    uint64_t random = seed;
    for (long k = test_length(60, 600); k > 0; k--) {
        bool fat = k % 2;
        weft_reducer r = {fat ? sizeof(struct range) : offsetof(struct range, fat) + 1, range_none,
                          range_combine};
        uint64_t x = test_random(&random);
        struct plan p = {.each = -(int64_t)(x % 16), .waits = x & 64};
        struct range result;
        int64_t n = (int64_t)(x >> 32) % 3000 + 1;
        if (!fat) /* memset in range_none writes all of it */
            r.size = sizeof(struct range);
        assert_int_equal(
            weft_reduce(weft_pool(w), 0, n, (int64_t)(x >> 16) % 9, &r, range_fold, &result, &p),
            WEFT_OK);
        assert_true(result.whole && result.begin == 0 && result.end == n);
        assert_true(result.fat[0] == 'x' && result.fat[sizeof result.fat - 1] == 'x');
    }
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

/* Iteration `at` fails; its text names it. */
struct failing {
    weft_place *place;
    int64_t at;
    weft_err result;
    char detail[256];
};

static weft_err fails_at(int64_t begin, int64_t end, void *arg)
{
    const struct failing *f = arg;
    weft_atomic_fetch_add(&chunks, 1, WEFT_RELAXED);
    work(2000);
    if (begin <= f->at && f->at < end)
        return weft__fail(WEFT_STALE, "iteration %lld is bad", (long long)f->at);
    return WEFT_OK;
}

static weft_err fold_fails_at(int64_t begin, int64_t end, void *acc, void *arg)
{
    *(uint64_t *)acc += 1;
    return fails_at(begin, end, arg);
}

static weft_err meet_failure(void *arg)
{
    struct failing *f = arg;
    f->result = weft_for(f->place, 0, 100000, 1, fails_at, f);
    snprintf(f->detail, sizeof f->detail, "%s", weft_detail());
    return WEFT_OK;
}

static void the_first_error_ends_the_loop(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int k = 0; k < 60; k++) {
        struct failing f = {.place = places[k % 3 ? 0 : k % 9 / 3],
                            .at = k % 2 ? 99999 - k : k * 9};
        weft_atomic_store(&chunks, 0, WEFT_RELAXED);
        assert_int_equal(run_at(weft_pool(w), meet_failure, &f), WEFT_OK);
        assert_int_equal(f.result, WEFT_STALE);
        char text[64];
        snprintf(text, sizeof text, "iteration %lld is bad", (long long)f.at);
        assert_string_equal(f.detail, text);
        /* who was in a chunk finishes it; in the lower half nobody else comes as far */
        if (k % 2 == 0)
            assert_true(weft_atomic_load(&chunks, WEFT_RELAXED) < 60000);
    }
    uint64_t result = 77;
    struct failing f = {.at = 500};
    assert_int_equal(weft_reduce(weft_pool(w), 0, 100000, 10, &sum, fold_fails_at, &result, &f),
                     WEFT_STALE);
    assert_string_equal(weft_detail(), "iteration 500 is bad");
    assert_int_equal(result, 77);
}

static weft_err until_cancelled(int64_t begin, int64_t end, void *arg)
{
    (void)begin;
    (void)end;
    if (weft_atomic_fetch_add(&chunks, 1, WEFT_RELAXED) == 10)
        weft_scope_cancel((weft_scope *)arg);
    work(500);
    return WEFT_OK;
}

static weft_err cancelled_loop(void *arg)
{
    weft_err e = weft_for(weft_pool(w), 0, INT64_MAX, 5, until_cancelled, arg);
    flaw(e != WEFT_CANCELLED || !strstr(weft_detail(), "cancelled"));
    e = weft_for(weft_loop(w), 0, INT64_MAX, 5, until_cancelled, arg);
    flaw(e != WEFT_CANCELLED);
    return e;
}

static weft_err wait_for_ever(int64_t begin, int64_t end, void *arg)
{
    weft_sem never = WEFT_SEM_INIT("never", 0);
    (void)begin;
    (void)end;
    if (weft_atomic_fetch_add(&chunks, 1, WEFT_RELAXED) == 4)
        weft_scope_cancel((weft_scope *)arg);
    return weft_sem_acquire(&never, WEFT_FOREVER);
}

static weft_err waiting_loop(void *arg)
{
    weft_err e = weft_for(weft_pool(w), 0, 64, 1, wait_for_ever, arg);
    flaw(e != WEFT_CANCELLED);
    return e;
}

static void cancellation_ends_a_loop(void **state)
{
    (void)state;
    for (int k = 0; k < 20; k++) {
        weft_scope s;
        weft_atomic_store(&chunks, 0, WEFT_RELAXED);
        weft_scope_init(&s, weft_pool(w), "loops");
        assert_int_equal(weft_go(&s, k % 2 ? cancelled_loop : waiting_loop, &s), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_s(50)), WEFT_OK);
        weft_scope_fini(&s);
        assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
    }
}

static weft_err moves(int64_t begin, int64_t end, void *arg)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++) {
        flaw(weft_move(weft_threads(w)) != WEFT_INVALID);
        flaw(weft_move(weft_loop(w)) != WEFT_INVALID);
        flaw(weft_move(weft_pool(w)) != WEFT_INVALID);
    }
    return WEFT_OK;
}

static weft_err move_in_loops(void *arg)
{
    (void)arg;
    flaw(weft_for(weft_pool(w), 0, 1, 0, moves, NULL) != WEFT_OK);
    flaw(weft_for(weft_pool(w), 0, 3000, 0, moves, NULL) != WEFT_OK);
    flaw(weft_for(weft_pool(w), 0, 100, 1, moves, NULL) != WEFT_OK);
    flaw(weft_move(weft_threads(w)) != WEFT_OK);
    flaw(weft_for(weft_threads(w), 0, 100, 1, moves, NULL) != WEFT_OK);
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    return WEFT_OK;
}

static void a_body_cannot_move(void **state)
{
    (void)state;
    assert_int_equal(run_at(weft_pool(w), move_in_loops, NULL), WEFT_OK);
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

static weft_err inner(int64_t begin, int64_t end, void *acc, void *arg)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++)
        *(uint64_t *)acc += (uint64_t)i;
    return WEFT_OK;
}

static weft_err outer(int64_t begin, int64_t end, void *acc, void *arg)
{
    for (int64_t i = begin; i < end; i++) {
        uint64_t part = 0;
        weft_err e =
            weft_reduce(weft_pool(w), 0, i, (int64_t)(uintptr_t)arg, &sum, inner, &part, NULL);
        if (e != WEFT_OK)
            return e;
        *(uint64_t *)acc += part;
    }
    return WEFT_OK;
}

static void loops_nest(void **state)
{
    (void)state;
    const int64_t n = 700;
    for (uintptr_t grain = 0; grain < 60; grain += 19) {
        uint64_t total = 0;
        assert_int_equal(weft_reduce(weft_pool(w), 0, n, 0, &sum, outer, &total, (void *)grain),
                         WEFT_OK);
        assert_int_equal(total, (uint64_t)(n * (n - 1) * (n - 2) / 6));
    }
}

/* Two iterations that cannot end unless both run at once, on two workers. */
static int here[2];

static weft_err meet(int64_t begin, int64_t end, void *arg)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++) {
        if (i != 0 && i != 1)
            continue;
        __atomic_store_n(&here[i], 1, __ATOMIC_RELEASE); /* pairs with spin_until */
        flaw(!spin_until(&here[1 - i]));
    }
    return WEFT_OK;
}

static void a_loop_of_two_uses_two_workers(void **state)
{
    (void)state;
    for (int k = 0; k < 50; k++) {
        here[0] = here[1] = 0;
        assert_int_equal(weft_for(weft_pool(w), 0, 2, k % 2, meet, NULL), WEFT_OK);
        assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
    }
}

static void bad_arguments_have_names(void **state)
{
    (void)state;
    uint64_t out = 5;
    weft_reducer none = sum;
    none.size = 0;
    assert_int_equal(weft_for(weft_pool(w), 0, 5, -1, moves, NULL), WEFT_INVALID);
    assert_int_equal(weft_for(NULL, 0, 5, 0, moves, NULL), WEFT_INVALID);
    assert_int_equal(weft_reduce(weft_pool(w), 0, 5, 0, &none, inner, &out, NULL), WEFT_INVALID);
    assert_int_equal(weft_reduce(weft_pool(w), 0, 5, 0, NULL, inner, &out, NULL), WEFT_INVALID);
    assert_int_equal(out, 5);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_iteration_runs_once),
        T(short_loops_do_too),
        T(an_empty_range_is_nothing),
        T(bodies_may_wait),
        T(a_loop_runs_from_anywhere_at_any_place),
        T(outside_the_pool_chunks_run_in_order),
        T(a_range_may_be_as_long_as_can_be),
        T(ranges_are_combined_from_left_to_right),
        T(the_first_error_ends_the_loop),
        T(cancellation_ends_a_loop),
        T(a_body_cannot_move),
        T(loops_nest),
        T(a_loop_of_two_uses_two_workers),
        T(bad_arguments_have_names),
    };
    seed = test_seed();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
