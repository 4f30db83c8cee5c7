/* weft_move: going on at another place; and misuse of scopes. */
#undef NDEBUG /* so that a join counts the children that it calls */
#include "task/trial.h"
#include "weft/fork.h"
#include "weft/par.h"
#include "weft/sync.h"

static weft *w;
static WEFT_ATOMIC(int) wrong, count;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, 100);
    weft_atomic_store(&wrong, 0, WEFT_RELAXED);
    weft_atomic_store(&count, 0, WEFT_RELAXED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    watch(NULL, 100);
    return 0;
}

static void flaw(bool is)
{
    if (is)
        weft_atomic_fetch_add(&wrong, 1, WEFT_RELAXED);
}

static void nothing_is_wrong(void)
{
    assert_int_equal(weft_atomic_load(&wrong, WEFT_RELAXED), 0);
}

/* Whether the calling thread is a worker: a side thread is none. */
static bool on_worker(void)
{
    return weft__worker_self() != NULL;
}

static weft_err there_and_back(void *arg)
{
    intptr_t turns = (intptr_t)arg;
    for (intptr_t i = 0; i < turns; i++) {
        flaw(weft_move(weft_threads(w)) != WEFT_OK || on_worker());
        if (i % 5 == 0)
            flaw(weft_yield() != WEFT_OK);
        if (i % 7 == 0)
            flaw(weft_move(weft_threads(w)) != WEFT_OK || on_worker()); /* where it is */
        flaw(weft_move(weft_loop(w)) != WEFT_OK || !on_worker());
        if (i % 3 == 0)
            flaw(weft_yield() != WEFT_OK);
        flaw(weft_move(weft_pool(w)) != WEFT_OK || !on_worker());
        if (i % 4 == 0)
            flaw(weft_sleep(weft_in_us(30)) != WEFT_OK);
        flaw(weft_move(weft_loop(w)) != WEFT_OK);
        flaw(weft_move(weft_threads(w)) != WEFT_OK || on_worker());
        if (i % 4 == 1)
            flaw(weft_sleep(weft_in_us(30)) != WEFT_OK);
        flaw(weft_move(weft_pool(w)) != WEFT_OK || !on_worker());
    }
    weft_atomic_fetch_add(&count, 1, WEFT_RELAXED);
    return WEFT_OK;
}

static void a_task_goes_on_at_every_place(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int p = 0; p < 3; p++) {
        weft_scope s;
        weft_scope_init(&s, places[p], "movers");
        for (int i = 0; i < 40; i++)
            assert_int_equal(weft_go(&s, there_and_back, (void *)(intptr_t)10), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s);
    }
    assert_int_equal(weft_atomic_load(&count, WEFT_RELAXED), 120);
    nothing_is_wrong();
}

/* While so many block their threads, both workers go on: two that wait for each other without a wait of
 * the library's. */
enum { BLOCKED = 8 };
static int hold[2], go_on;
static WEFT_ATOMIC(int) blocked;

static weft_err blocks(void *arg)
{
    (void)arg;
    flaw(weft_move(weft_threads(w)) != WEFT_OK);
    weft_atomic_fetch_add(&blocked, 1, WEFT_RELEASE); /* pairs with meets() */
    flaw(!spin_until(&go_on));
    flaw(weft_move(weft_pool(w)) != WEFT_OK || !on_worker());
    return WEFT_OK;
}

static weft_err meets(void *arg)
{
    int i = (int)(intptr_t)arg;
    while (weft_atomic_load(&blocked, WEFT_ACQUIRE) < BLOCKED) /* pairs with blocks() */
        flaw(weft_yield() != WEFT_OK);
    __atomic_store_n(&hold[i], 1, __ATOMIC_RELEASE); /* pairs with spin_until */
    flaw(!spin_until(&hold[1 - i]));
    if (i == 0)
        __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE); /* pairs with spin_until */
    return WEFT_OK;
}

static void a_call_that_blocks_keeps_no_worker(void **state)
{
    (void)state;
    weft_scope s;
    hold[0] = hold[1] = go_on = 0;
    weft_atomic_store(&blocked, 0, WEFT_RELAXED);
    weft_scope_init(&s, weft_pool(w), "blockers");
    for (int i = 0; i < BLOCKED; i++)
        assert_int_equal(weft_go(&s, blocks, NULL), WEFT_OK);
    for (intptr_t i = 0; i < 2; i++)
        assert_int_equal(weft_go(&s, meets, (void *)i), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    nothing_is_wrong();
}

static weft_err times(void *arg)
{
    int64_t *ns = arg;
    const int turns = 2000;
    for (int i = -100; i < turns; i++) {
        if (i == 0)
            *ns = weft_clock();
        flaw(weft_move(weft_threads(w)) != WEFT_OK);
        flaw(weft_move(weft_pool(w)) != WEFT_OK);
    }
    *ns = (weft_clock() - *ns) / turns;
    return WEFT_OK;
}

static void there_and_back_takes_microseconds(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_int_equal(run_at(weft_pool(w), times, &ns), WEFT_OK);
    nothing_is_wrong();
    printf("there and back: %.1f us\n", (double)ns / 1000);
    assert_true(ns < 2000000); /* microseconds, on a machine that is busy with other things */
}

/* A child that somebody else has taken: its parent waits until it has begun. */
static weft_err taken_child_moves(void *arg)
{
    weft_sem *begun = arg;
    flaw(weft_move(weft_threads(w)) != WEFT_INVALID);
    flaw(!strstr(weft_detail(), "is a forked child"));
    weft_sem_release(begun);
    return WEFT_OK;
}

static weft_err parent_moves(void *arg)
{
    weft_child c;
    weft_sem begun = WEFT_SEM_INIT("begun", 0);
    (void)arg;
    weft_fork(&c, taken_child_moves, &begun);
    flaw(weft_move(weft_loop(w)) != WEFT_INVALID || !strstr(weft_detail(), "did not join"));
    flaw(weft_move(weft_threads(w)) != WEFT_INVALID);
    flaw(weft_sem_acquire(&begun, WEFT_FOREVER) != WEFT_OK);
    flaw(weft_join(&c, taken_child_moves) != WEFT_OK);
    return WEFT_OK;
}

static weft_err nothing(void *arg)
{
    (void)arg;
    return WEFT_OK;
}

static weft_err loop_parent_moves(void *arg)
{
    weft_child c;
    weft_fork(&c, nothing, arg);
    flaw(weft_move(weft_pool(w)) != WEFT_INVALID || !strstr(weft_detail(), "did not join"));
    flaw(weft_join(&c, nothing) != WEFT_OK);
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    return WEFT_OK;
}

/* A child that nobody took, of a parent that has no other: the join calls it. */
static weft_err called_child_moves(void *arg)
{
    flaw(weft_move(weft_threads(w)) != WEFT_INVALID);
    flaw(!strstr(weft_detail(), "that its join calls"));
    return nothing(arg);
}

static weft_err moves_in_a_scope(void *arg)
{
    (void)arg;
    flaw(weft_move(weft_loop(w)) != WEFT_OK);
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    return WEFT_OK;
}

/* A task of its own may move, though it is run inside a join that is inside a join. */
static weft_err called_child_has_a_scope(void *arg)
{
    flaw(run_at(weft_pool(w), moves_in_a_scope, arg) != WEFT_OK);
    return called_child_moves(arg);
}

static intptr_t called_value_moves(intptr_t v)
{
    flaw(weft_move(weft_threads(w)) != WEFT_INVALID);
    return v;
}

static weft_err parent_calls(void *arg)
{
    weft_child c;
    weft_fork(&c, called_child_moves, arg);
    flaw(weft_join(&c, called_child_moves) != WEFT_OK);
    weft_fork(&c, called_child_has_a_scope, arg);
    flaw(weft_join(&c, called_child_has_a_scope) != WEFT_OK);
    weft_fork_value(&c, called_value_moves, 3);
    flaw(weft_join_value(&c, called_value_moves) != 3);
    flaw(weft_move(weft_loop(w)) != WEFT_OK);
    weft_fork_value(&c, called_value_moves, 4);
    flaw(weft_join_value(&c, called_value_moves) != 4);
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    return WEFT_OK;
}

static weft_err moves_abroad(void *arg)
{
    flaw(weft_move(weft_pool((weft *)arg)) != WEFT_INVALID);
    flaw(!strstr(weft_detail(), "another runtime"));
    return WEFT_OK;
}

static weft_err moves_and_stays(void *arg)
{
    (void)arg;
    return weft_move(weft_threads(w));
}

/* Joins a task that has moved the stack, from where the caller itself may not move. */
static weft_err has_a_scope(void *arg)
{
    flaw(run_at(weft_pool(w), moves_and_stays, arg) != WEFT_OK);
    flaw(!on_worker());
    return WEFT_OK;
}

static weft_err body_has_a_scope(int64_t begin, int64_t end, void *arg)
{
    for (; begin < end; begin++)
        flaw(has_a_scope(arg) != WEFT_OK);
    return WEFT_OK;
}

static weft_err scopes_everywhere(void *arg)
{
    weft_child c;
    weft_fork(&c, has_a_scope, arg);
    flaw(weft_sleep(weft_in_ms(1)) != WEFT_OK); /* with two workers somebody takes it */
    flaw(weft_join(&c, has_a_scope) != WEFT_OK);
    flaw(weft_for(weft_pool(w), 0, 4, 1, body_has_a_scope, arg) != WEFT_OK);
    return WEFT_OK;
}

static void a_joiner_comes_back_though_it_may_not_move(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(run_at(weft_pool(w), scopes_everywhere, NULL), WEFT_OK);
    nothing_is_wrong();
}

/* With one worker, so that nobody else takes the children. */
static void a_child_that_its_join_calls_cannot_move(void **state)
{
    weft *two = w;
    (void)state;
    w = engine_open(1);
    assert_int_equal(run_at(weft_pool(w), parent_calls, NULL), WEFT_OK);
    engine_close(w);
    w = two;
    nothing_is_wrong();
}

static void what_cannot_move_says_why(void **state)
{
    (void)state;
    weft *other = engine_open(1);
    assert_int_equal(weft_move(weft_pool(w)), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "not a task"));
    for (int i = 0; i < 20; i++)
        assert_int_equal(run_at(weft_pool(w), parent_moves, NULL), WEFT_OK);
    assert_int_equal(run_at(weft_loop(w), loop_parent_moves, NULL), WEFT_OK);
    assert_int_equal(run_at(weft_threads(w), loop_parent_moves, NULL), WEFT_OK);
    assert_int_equal(run_at(weft_pool(w), moves_abroad, other), WEFT_OK);
    engine_close(other);
    nothing_is_wrong();
}

static weft_err moves_though_cancelled(void *arg)
{
    weft_scope_cancel((weft_scope *)arg);
    flaw(!weft_cancelled());
    flaw(weft_move(weft_threads(w)) != WEFT_OK || on_worker());
    flaw(weft_sleep(WEFT_FOREVER) != WEFT_CANCELLED);
    flaw(weft_move(weft_loop(w)) != WEFT_OK || !on_worker());
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    return weft_yield();
}

static weft_err cleans_up(void *arg)
{
    (void)arg;
    flaw(weft_cancelled());
    flaw(weft_move(weft_threads(w)) != WEFT_OK);
    flaw(weft_sleep(weft_in_us(100)) != WEFT_OK);
    flaw(weft_move(weft_pool(w)) != WEFT_OK);
    flaw(weft_sleep(weft_in_us(100)) != WEFT_OK || weft_yield() != WEFT_OK);
    return WEFT_OK;
}

static weft_err shields(void *arg)
{
    weft_scope_cancel((weft_scope *)arg);
    flaw(weft_sleep(WEFT_FOREVER) != WEFT_CANCELLED);
    flaw(weft_shield(cleans_up, NULL) != WEFT_OK);
    flaw(weft_move(weft_threads(w)) != WEFT_OK);
    flaw(weft_shield(cleans_up, NULL) != WEFT_OK);
    return weft_sleep(WEFT_FOREVER);
}

static void cancellation_is_no_reason_to_stay(void **state)
{
    (void)state;
    weft_fn fns[] = {moves_though_cancelled, shields};
    for (int i = 0; i < 2; i++) {
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "cancelled");
        assert_int_equal(weft_scope_go(&s, fns[i], &s, "mover"), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s);
    }
    nothing_is_wrong();
}

/* A task that its scope's owner runs in its own join may move, and that owner is where it was after. */
static weft_err ends_elsewhere(void *arg)
{
    flaw(weft_move(weft_threads(w)) != WEFT_OK || on_worker());
    if ((intptr_t)arg % 2)
        flaw(weft_move(weft_loop(w)) != WEFT_OK || !on_worker());
    if ((intptr_t)arg % 3 == 0)
        flaw(weft_yield() != WEFT_OK);
    return WEFT_OK;
}

static weft_err joins_movers(void *arg)
{
    (void)arg;
    for (int k = 0; k < 20; k++) {
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "movers");
        for (intptr_t i = 0; i < 6; i++)
            flaw(weft_go(&s, ends_elsewhere, (void *)i) != WEFT_OK);
        flaw(weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK || !on_worker());
        weft_scope_fini(&s);
        flaw(weft_move(weft_pool(w)) != WEFT_OK || !on_worker());
    }
    return WEFT_OK;
}

static void a_joiner_is_where_it_was(void **state)
{
    (void)state;
    assert_int_equal(run_at(weft_pool(w), joins_movers, NULL), WEFT_OK);
    nothing_is_wrong();
}

/* Looks may come late, and find a task anywhere on its way. */
static weft__waiter *looked_at;
static int over;

static weft_err is_looked_at(void *arg)
{
    weft_sem never = WEFT_SEM_INIT("never", 0);
    __atomic_store_n(&looked_at, weft__self(), __ATOMIC_RELEASE); /* pairs with the test */
    for (intptr_t i = 0; i < (intptr_t)arg; i++) {
        flaw(weft_sem_acquire(&never, weft_in_us(20)) != WEFT_LATE);
        flaw(weft_move(weft_threads(w)) != WEFT_OK);
        flaw(weft_sem_acquire(&never, weft_in_us(20)) != WEFT_LATE);
        flaw(weft_move(weft_pool(w)) != WEFT_OK);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE); /* pairs with the test */
    return WEFT_OK;
}

static void a_late_look_finds_who_moved(void **state)
{
    (void)state;
    weft_scope s;
    looked_at = NULL;
    over = 0;
    weft_scope_init(&s, weft_pool(w), "looked at");
    assert_int_equal(weft_go(&s, is_looked_at, (void *)(intptr_t)test_length(1000, 20000)),
                     WEFT_OK);
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) { /* pairs with is_looked_at */
        weft__waiter *t = __atomic_load_n(&looked_at, __ATOMIC_ACQUIRE);
        if (t)
            weft__unpark(t); /* the memory of a task stays one: W4 */
    }
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    nothing_is_wrong();
}

/* More than the threads place has threads. */
static WEFT_ATOMIC(int) inside, most_inside;

static weft_err holds_a_thread(void *arg)
{
    if (arg)
        flaw(weft_move(weft_threads(w)) != WEFT_OK);
    int now = weft_atomic_fetch_add(&inside, 1, WEFT_RELAXED) + 1;
    int most = weft_atomic_load(&most_inside, WEFT_RELAXED);
    while (now > most && !weft_atomic_cas(&most_inside, &most, now, WEFT_RELAXED, WEFT_RELAXED))
        ;
    flaw(weft_sleep(weft_in_us(500)) != WEFT_OK);
    weft_atomic_fetch_sub(&inside, 1, WEFT_RELAXED);
    return WEFT_OK;
}

static void threads_have_a_bound(void **state)
{
    (void)state;
    weft_scope s, movers;
    assert_int_equal(w->side.most, 1024);
    w->side.most = 4; /* nobody uses it yet */
    weft_atomic_store(&most_inside, 0, WEFT_RELAXED);
    weft_scope_init(&s, weft_threads(w), "threads");
    weft_scope_init(&movers, weft_pool(w), "movers");
    for (int i = 0; i < 60; i++) {
        assert_int_equal(weft_go(&s, holds_a_thread, NULL), WEFT_OK);
        assert_int_equal(weft_go(&movers, holds_a_thread, w), WEFT_OK);
    }
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_scope_join(&movers, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    weft_scope_fini(&movers);
    assert_in_range(weft_atomic_load(&most_inside, WEFT_RELAXED), 2, 4);
    nothing_is_wrong();
}

/* Misuse of scopes and locks: each in a process of its own. */
static weft_scope astray;
static weft_lock lock = WEFT_LOCK_INIT("not held");

static void go_after_fini(void)
{
    weft *x = engine_open(1);
    weft_scope_init(&astray, weft_pool(x), "over");
    weft_scope_fini(&astray);
    ignore(weft_go(&astray, nothing, NULL));
}

static void join_after_fini(void)
{
    weft *x = engine_open(1);
    weft_scope_init(&astray, weft_pool(x), "over");
    weft_scope_fini(&astray);
    ignore(weft_scope_join(&astray, WEFT_NOW));
}

static weft_err joins_astray(void *arg)
{
    (void)arg;
    return weft_scope_join(&astray, WEFT_FOREVER);
}

static void join_from_the_wrong_task(void)
{
    weft *x = engine_open(1);
    weft_scope_init(&astray, weft_pool(x), "another's");
    ignore(run_at(weft_pool(x), joins_astray, NULL));
}

static weft_err releases(void *arg)
{
    (void)arg;
    weft_lock_release(&lock);
    return WEFT_OK;
}

static void release_of_what_is_not_held(void)
{
    ignore(run_alone(1, releases, NULL));
}

static void misuse_aborts(void **state)
{
    (void)state;
    aborts(go_after_fini, "move_test.c:");
    aborts(join_after_fini, "move_test.c:");
    aborts(join_from_the_wrong_task, "move_test.c:");
    aborts(release_of_what_is_not_held, "move_test.c:");
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misuse_aborts), /* first: it forks, while no engine runs */
        T(a_task_goes_on_at_every_place),
        T(a_call_that_blocks_keeps_no_worker),
        T(there_and_back_takes_microseconds),
        T(a_child_that_its_join_calls_cannot_move),
        T(a_joiner_comes_back_though_it_may_not_move),
        T(what_cannot_move_says_why),
        T(cancellation_is_no_reason_to_stay),
        T(a_joiner_is_where_it_was),
        T(a_late_look_finds_who_moved),
        T(threads_have_a_bound),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
