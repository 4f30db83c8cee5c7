/* Random trees of everything that a task can do, over and over; counts tell whether all of it happened.
 * ctest: timeout=600
 *
 * A visit does a few things at random: it forks visits, starts them in scopes, runs loops of them, waits
 * in all ways, moves, is cancelled or late. Whatever a visit waited for must be complete when the wait
 * says so; a wait says "cancelled" only to who is cancelled; and each visit that began ends. A hang ends
 * the test with the state of every task. WEFT_TEST_SEED repeats a run, as far as threads repeat. */
#include "task/trial.h"
#include "weft/fork.h"
#include "weft/par.h"
#include "weft/sync.h"

enum { MOST = 5, DEPTH = 4 };

static weft *w;
static WEFT_ATOMIC(int64_t) begun, ended;
static WEFT_ATOMIC(int) wrong, wrong_line;
static weft_lock lock = WEFT_LOCK_INIT("stress");
static int64_t under_lock, locked; /* under the lock */
static uint64_t seed;
static long rounds;

#define FLAW(is) flaw((is), __LINE__)

static void flaw(bool is, int line)
{
    if (!is)
        return;
    weft_atomic_store(&wrong_line, line, WEFT_RELAXED);
    weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
}

/* A wait without a deadline came to `e`. */
#define WAITED(e) flaw(!waited(e), __LINE__)

static bool waited(weft_err e)
{
    return e == WEFT_OK || (e == WEFT_CANCELLED && weft_cancelled());
}

typedef struct spot {
    uint64_t random;
    int depth;
    bool done; /* out */
} spot;

static weft_err visit(void *arg);

static int some(uint64_t *random, int most)
{
    return (int)(test_random(random) % (uint64_t)most) + 1;
}

static int make(spot *of, const spot *me, uint64_t *random)
{
    int n = some(random, MOST);
    for (int i = 0; i < n; i++)
        of[i] = (spot){.random = test_random(random), .depth = me->depth - 1};
    return n;
}

static void all_done(const spot *of, int n)
{
    for (int i = 0; i < n; i++)
        FLAW(!of[i].done);
}

static void forks(const spot *me, uint64_t *random)
{
    spot of[MOST];
    weft_child c[MOST];
    int n = make(of, me, random), turn = some(random, n);
    for (int i = 0; i < n; i++)
        weft_fork(&c[i], visit, &of[i]);
    if (some(random, 3) == 1)
        WAITED(weft_yield());
    for (int i = 0; i < n; i++) {
        int k = turn % 2 ? n - 1 - i : (i + turn) % n;
        FLAW(weft_join(&c[k], visit) != WEFT_OK);
    }
    all_done(of, n);
}

static weft_place *somewhere(uint64_t *random)
{
    int k = some(random, 8);
    return k == 1 ? weft_loop(w) : k == 2 ? weft_threads(w) : weft_pool(w);
}

static void scopes(const spot *me, uint64_t *random)
{
    spot of[MOST];
    weft_scope s;
    int n = make(of, me, random), started = 0;
    weft_scope_init(&s, somewhere(random), "stress");
    for (int i = 0; i < n; i++, started++) {
        weft_err e = weft_go(&s, visit, &of[i]);
        FLAW(e != WEFT_OK);
        if (e != WEFT_OK)
            break;
    }
    weft_err e = weft_scope_join(&s, WEFT_FOREVER);
    WAITED(e);
    weft_scope_fini(&s);
    all_done(of, started);
}

static weft_err loop_body(int64_t begin, int64_t end, void *arg)
{
    for (int64_t i = begin; i < end; i++) {
        weft_err e = visit((spot *)arg + i);
        if (e != WEFT_OK)
            return e;
    }
    return WEFT_OK;
}

static void loops(const spot *me, uint64_t *random)
{
    spot of[MOST];
    int n = make(of, me, random);
    weft_err e = weft_for(somewhere(random), 0, n, some(random, 3) - 1, loop_body, of);
    WAITED(e);
    if (e == WEFT_OK)
        all_done(of, n);
}

static void zero(void *acc, void *arg)
{
    (void)arg;
    *(int64_t *)acc = 0;
}

static void add(void *into, const void *from, void *arg)
{
    (void)arg;
    *(int64_t *)into += *(const int64_t *)from;
}

static weft_err fold(int64_t begin, int64_t end, void *acc, void *arg)
{
    const uint64_t *random = arg;
    for (int64_t i = begin; i < end; i++)
        *(int64_t *)acc += i;
    if (*random % 5 == 0 && begin % 16 == 0)
        return weft_yield();
    return WEFT_OK;
}

static void sums(const spot *me, uint64_t *random)
{
    static const weft_reducer sum = {sizeof(int64_t), zero, add};
    int64_t n = some(random, 3000), total = -1;
    uint64_t how = test_random(random);
    (void)me;
    weft_err e = weft_reduce(weft_pool(w), 0, n, some(random, 4) - 1, &sum, fold, &total, &how);
    WAITED(e);
    FLAW(total != (e == WEFT_OK ? n * (n - 1) / 2 : -1));
}

/* A child that answers. */
struct talk {
    weft_sem there, back;
};

static weft_err answers(void *arg)
{
    struct talk *t = arg;
    weft_err e = weft_sem_acquire(&t->there, WEFT_FOREVER);
    WAITED(e);
    weft_sem_release(&t->back);
    return e;
}

static void talks(const spot *me, uint64_t *random)
{
    weft_child c;
    struct talk t = {.there = WEFT_SEM_INIT("there", 0), .back = WEFT_SEM_INIT("back", 0)};
    (void)me;
    bool parallel = weft__here()->me && weft__fork_parallel(weft__stack_here());
    weft_fork(&c, answers, &t);
    if (some(random, 2) == 1)
        WAITED(weft_yield());
    weft_sem_release(&t.there);
    if (parallel) /* elsewhere only the join calls it */
        WAITED(weft_sem_acquire(&t.back, WEFT_FOREVER));
    weft_err e = weft_join(&c, answers);
    FLAW(e != WEFT_OK && e != WEFT_CANCELLED);
}

static void waits(const spot *me, uint64_t *random)
{
    weft_sem never = WEFT_SEM_INIT("never", 0);
    (void)me;
    switch (some(random, 4)) {
    case 1:
        WAITED(weft_sleep(weft_in_us(some(random, 200))));
        break;
    case 2: {
        weft_err e = weft_sem_acquire(&never, weft_in_us(some(random, 100)));
        FLAW(e != WEFT_LATE && !(e == WEFT_CANCELLED && weft_cancelled()));
        break;
    }
    case 3: {
        weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
        WAITED(e);
        if (e != WEFT_OK)
            break;
        under_lock++;
        if (some(random, 4) == 1)
            WAITED(weft_yield());
        locked++;
        weft_lock_release(&lock);
        break;
    }
    default:
        for (int i = some(random, 20); i > 0; i--)
            WAITED(weft_yield());
    }
}

static void moves(const spot *me, uint64_t *random)
{
    if (!weft__here()->me)
        return;
    weft__task *t = weft__of(weft__self(), weft__task, waiter);
    weft_place *home = t->place, *to = somewhere(random);
    weft_err e = weft_move(to);
    FLAW(e != WEFT_OK && e != WEFT_INVALID);
    if (e != WEFT_OK)
        return;
    FLAW(t->place != to);
    waits(me, random);
    FLAW(weft_move(home) != WEFT_OK);
}

static weft_err stays(void *arg)
{
    weft_sem never = WEFT_SEM_INIT("never", 0);
    weft_atomic_fetch_add(&begun, 1, WEFT_RELAXED);
    weft_err e = arg ? weft_sleep(WEFT_FOREVER) : weft_sem_acquire(&never, WEFT_FOREVER);
    FLAW(e != WEFT_CANCELLED || !weft_cancelled());
    weft_atomic_fetch_add(&ended, 1, WEFT_RELAXED);
    return e;
}

/* Two that stay until they are cancelled, one of them forked; a scope below may hold them. */
static weft_err stay_in_pairs(void *arg)
{
    weft_child c;
    weft_fork(&c, stays, arg);
    FLAW(stays(NULL) != WEFT_CANCELLED);
    FLAW(weft_join(&c, stays) != WEFT_CANCELLED);
    return WEFT_CANCELLED;
}

static weft_err stay_below(void *arg)
{
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "below");
    FLAW(weft_go(&s, stay_in_pairs, arg) != WEFT_OK);
    weft_err e = weft_scope_join(&s, WEFT_FOREVER);
    WAITED(e);
    weft_scope_fini(&s);
    return WEFT_CANCELLED;
}

static weft_err fails(void *arg)
{
    (void)arg;
    ignore(weft_yield());
    return WEFT_STALE;
}

/* A scope that does not come to its end by itself. */
static void dooms(const spot *me, uint64_t *random)
{
    spot of[MOST];
    weft_scope s;
    weft_fn stayers[] = {stays, stay_in_pairs, stay_below};
    int n = make(of, me, random), how = some(random, 3);
    weft_scope_init(&s, somewhere(random), "doomed");
    for (int i = 0; i < n; i++)
        FLAW(weft_go(&s, visit, &of[i]) != WEFT_OK);
    for (int i = some(random, 3); i > 0; i--)
        FLAW(weft_go(&s, stayers[some(random, 3) - 1], test_random(random) % 2 ? &s : NULL) !=
             WEFT_OK);
    weft_err e = WEFT_OK;
    if (how == 1)
        e = weft_scope_join(&s, weft_in_us(some(random, 300)));
    else if (how == 2)
        weft_scope_cancel(&s);
    else if (weft_go(&s, fails, NULL) == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    FLAW(how == 1 && e != WEFT_LATE && !(e == WEFT_CANCELLED && weft_cancelled()));
    FLAW(how == 3 && e != WEFT_STALE && !(e == WEFT_CANCELLED && weft_cancelled()));
    weft_scope_fini(&s);
    all_done(of, n);
}

static weft_err shielded(void *arg)
{
    spot *me = arg;
    uint64_t random = me->random;
    FLAW(weft_cancelled());
    waits(me, &random);
    FLAW(weft_yield() != WEFT_OK);
    if (me->depth > 0)
        forks(me, &random);
    FLAW(weft_cancelled());
    return WEFT_OK;
}

static void shields(const spot *me, uint64_t *random)
{
    spot inner = *me;
    inner.random = test_random(random);
    FLAW(weft_shield(shielded, &inner) != WEFT_OK);
}

static weft_err visit(void *arg)
{
    static void (*const deeper[])(const spot *, uint64_t *) = {forks, forks,   scopes, loops,
                                                               sums,  shields, dooms};
    static void (*const flat[])(const spot *, uint64_t *) = {sums, talks, waits, moves};
    spot *me = arg;
    uint64_t random = me->random;
    weft_atomic_fetch_add(&begun, 1, WEFT_RELAXED);
    if (me->depth > 0 && some(&random, 3) > 1)
        deeper[some(&random, 7) - 1](me, &random);
    flat[some(&random, 4) - 1](me, &random);
    if (me->depth > 0 && some(&random, 3) == 1)
        deeper[some(&random, 7) - 1](me, &random);
    me->done = true;
    weft_atomic_fetch_add(&ended, 1, WEFT_RELAXED);
    return WEFT_OK;
}

enum { ROOTS = 12 };

static void run_roots(uint64_t *random)
{
    spot roots[ROOTS];
    weft_scope s;
    bool cut = some(random, 3) == 1;
    int n = some(random, ROOTS);
    weft_scope_init(&s, somewhere(random), "roots");
    for (int i = 0; i < n; i++) {
        roots[i] = (spot){.random = test_random(random), .depth = DEPTH};
        FLAW(weft_go(&s, visit, &roots[i]) != WEFT_OK);
    }
    if (cut)
        ignore(weft_scope_join(&s, weft_in_us(some(random, 3000))));
    else
        FLAW(weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK);
    weft_scope_fini(&s);
    all_done(roots, n);
}

static int64_t stop(void)
{
    weft__engine_halt(w);
    weft__engine_join(w, 0);
    int64_t left = weft__engine_tasks(w);
    weft__readiness_close(w);
    weft__engine_close(w);
    free(w);
    return left;
}

static void everything_that_begins_ends(void **state)
{
    uint64_t random = seed;
    (void)state;
    for (long k = 0; k < rounds; k++) {
        int workers = (int)(k % 4) + 1;
        weft_atomic_store(&begun, 0, WEFT_RELAXED);
        weft_atomic_store(&ended, 0, WEFT_RELAXED);
        under_lock = locked = 0;
        w = engine_open(workers);
        watch(w, 100);
        run_roots(&random);
        if (k % 3 == 0)
            run_roots(&random);
        assert_int_equal(stop(), 0);
        watch(NULL, 100);
        if (weft_atomic_load(&wrong, WEFT_RELAXED))
            fail_msg("round %ld, %d workers: %d flaws, the last in line %d", k, workers,
                     weft_atomic_load(&wrong, WEFT_RELAXED),
                     weft_atomic_load(&wrong_line, WEFT_RELAXED));
        assert_int_equal(weft_atomic_load(&begun, WEFT_RELAXED),
                         weft_atomic_load(&ended, WEFT_RELAXED));
        assert_int_equal(under_lock, locked);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_that_begins_ends)};
    seed = test_seed();
    rounds = test_length(150, 3000);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
