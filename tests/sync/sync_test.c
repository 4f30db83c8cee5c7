/* Lock, cond, sem, event and barrier, each from tasks of all three places and from plain threads, with
 * random deadlines and cancellations: what they promise is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/misuse.h"
#include "task/engine.h"
#include "weft/sync.h"
#include "weft/task.h"

enum { PLAYERS = 12 };

static weft *w;
static uint64_t seed;
static long rounds;

/* One game: a primitive, what it guards, and what the players saw. */
static struct game {
    weft_lock lock;
    weft_cond cond;
    weft_sem sem;
    weft_event event;
    weft_barrier barrier;
    long guarded, inside, items;
    bool over;
    WEFT_ATOMIC(long) done, late, cancelled, wrong;
} game;

struct player {
    uint64_t random;
    weft_fn play;
};

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    game = (struct game){.lock = WEFT_LOCK_INIT("lock"),
                         .cond = WEFT_COND_INIT("cond"),
                         .sem = WEFT_SEM_INIT("sem", 3),
                         .event = WEFT_EVENT_INIT("event"),
                         .barrier = WEFT_BARRIER_INIT("barrier", PLAYERS)};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    return 0;
}

static weft_deadline soon(struct player *p)
{
    uint64_t r = test_random(&p->random) % 8;
    return r == 0 ? WEFT_NOW : r < 4 ? weft_in_us((int64_t)(r * 50)) : WEFT_FOREVER;
}

/* Notes how a wait ended; true if it succeeded. */
static bool note(weft_err e)
{
    weft_atomic_fetch_add(e == WEFT_OK     ? &game.done
                          : e == WEFT_LATE ? &game.late
                                           : &game.cancelled,
                          1, WEFT_RELAXED);
    return e == WEFT_OK;
}

static void wrong(void)
{
    weft_atomic_fetch_add(&game.wrong, 1, WEFT_RELAXED);
}

static weft_err play_lock(void *arg)
{
    struct player *p = arg;
    for (long i = 0; i < rounds && !weft_cancelled(); i++) {
        if (!note(weft_lock_acquire(&game.lock, soon(p))))
            continue;
        long before = game.guarded++;
        if (test_random(&p->random) % 16 == 0)
            (void)weft_yield();
        if (game.guarded != before + 1)
            wrong();
        weft_lock_release(&game.lock);
    }
    return WEFT_OK;
}

static weft_err play_sem(void *arg)
{
    struct player *p = arg;
    for (long i = 0; i < rounds && !weft_cancelled(); i++) {
        if (!note(weft_sem_acquire(&game.sem, soon(p))))
            continue;
        if (__atomic_add_fetch(&game.inside, 1, __ATOMIC_RELAXED) > 3)
            wrong();
        if (test_random(&p->random) % 16 == 0)
            (void)weft_yield();
        __atomic_sub_fetch(&game.inside, 1, __ATOMIC_RELAXED);
        weft_sem_release(&game.sem);
    }
    return WEFT_OK;
}

/* A queue of items under lock and cond: as many come out as go in. */
static weft_err play_cond(void *arg)
{
    struct player *p = arg;
    for (long i = 0; i < rounds && !weft_cancelled(); i++) {
        if (weft_lock_acquire(&game.lock, WEFT_FOREVER) != WEFT_OK)
            break;
        if (test_random(&p->random) % 2) {
            game.items++;
            game.guarded++;
            weft_cond_notify(&game.cond);
        } else {
            weft_err e = WEFT_OK;
            while (game.items == 0 && e == WEFT_OK)
                e = weft_cond_wait(&game.cond, &game.lock, weft_in_us(200));
            if (note(e)) {
                game.items--;
                game.guarded--;
            }
        }
        weft_lock_release(&game.lock); /* would abort if the wait had returned without it */
    }
    return WEFT_OK;
}

static weft_err play_event(void *arg)
{
    struct player *p = arg;
    for (long i = 0; i < rounds && !weft_cancelled(); i++) {
        uint64_t r = test_random(&p->random) % 8;
        if (r == 0)
            weft_event_clear(&game.event);
        else if (r < 4)
            weft_event_set(&game.event);
        else
            note(weft_event_wait(&game.event, weft_in_us(300)));
    }
    weft_event_set(&game.event);
    return WEFT_OK;
}

static weft_err run_player(void *arg)
{
    struct player *p = arg;
    return p->play(p);
}

/* `play` by tasks of the pool, the loop and the threads place, then cancels what remains if asked. */
static void play_all(weft_fn play, bool cancel)
{
    struct player players[PLAYERS];
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    weft_scope s[3];
    for (int i = 0; i < 3; i++)
        weft_scope_init(&s[i], places[i], "players");
    for (int i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){test_random(&seed), play};
        assert_int_equal(weft_go(&s[i % 3], run_player, &players[i]), WEFT_OK);
    }
    if (cancel) {
        ignore(weft_scope_join(&s[0], weft_in_us((int64_t)(test_random(&seed) % 3000))));
        for (int i = 0; i < 3; i++)
            weft_scope_cancel(&s[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weft_scope_join(&s[i], weft_in_s(100)), WEFT_OK);
        weft_scope_fini(&s[i]);
    }
    assert_int_equal(weft_atomic_load(&game.wrong, WEFT_RELAXED), 0);
}

static void a_lock_is_held_by_one(void **state)
{
    (void)state;
    play_all(play_lock, false);
    assert_true(weft_atomic_load(&game.late, WEFT_RELAXED) > 0);
    for (int i = 0; i < 30; i++)
        play_all(play_lock, true);
    /* Free after all: late and cancelled waits left nothing behind. */
    assert_int_equal(weft_lock_acquire(&game.lock, WEFT_NOW), WEFT_OK);
    weft_lock_release(&game.lock);
}

static void a_sem_lets_in_as_many_as_it_has(void **state)
{
    (void)state;
    play_all(play_sem, false);
    for (int i = 0; i < 30; i++)
        play_all(play_sem, true);
    assert_int_equal(weft_atomic_load(&game.sem.value, WEFT_RELAXED), 3);
    assert_null(game.sem.head.first);
}

static void a_cond_returns_with_its_lock(void **state)
{
    (void)state;
    play_all(play_cond, false);
    for (int i = 0; i < 30; i++)
        play_all(play_cond, true);
    assert_int_equal(game.items, game.guarded);
}

static void an_event_lets_everybody_go(void **state)
{
    (void)state;
    play_all(play_event, false);
    play_all(play_event, true);
    assert_null(game.event.head.first);
}

static weft_err play_barrier(void *arg)
{
    (void)arg;
    for (long i = 1; i <= 200; i++) {
        __atomic_add_fetch(&game.guarded, 1, __ATOMIC_RELAXED);
        if (weft_barrier_wait(&game.barrier, weft_in_s(60)) != WEFT_OK)
            return WEFT_LATE;
        /* Everybody has arrived in round i, and nobody passes the second one before this look. */
        if (__atomic_load_n(&game.guarded, __ATOMIC_RELAXED) != i * PLAYERS)
            wrong();
        if (weft_barrier_wait(&game.barrier, weft_in_s(60)) != WEFT_OK)
            return WEFT_LATE;
    }
    return WEFT_OK;
}

static void a_barrier_waits_for_all(void **state)
{
    (void)state;
    play_all(play_barrier, false);
    assert_int_equal(weft_barrier_wait(&game.barrier, weft_in_ms(5)), WEFT_LATE);
    assert_int_equal(game.barrier.arrived, 0);
}

static weft_err hold_in_turn(void *arg)
{
    long *order = arg;
    weft_err e = weft_lock_acquire(&game.lock, weft_in_s(30));
    if (e == WEFT_OK) {
        *order = ++game.guarded;
        weft_lock_release(&game.lock);
    }
    return e;
}

static void waiters_are_served_in_their_order(void **state)
{
    (void)state;
    enum { N = 20 };
    long order[N];
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "turns");
    assert_int_equal(weft_lock_acquire(&game.lock, WEFT_FOREVER), WEFT_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(weft_scope_go(&s, hold_in_turn, &order[i], "turn"), WEFT_OK);
    /* Tasks of the loop start in order; all of them wait once the last one does. */
    for (int waiting = 0; waiting < N;) {
        waiting = 0;
        weft__guard_take(weft__sync_guard(&game.lock.head));
        for (weft__wait *x = weft__wait_first(&game.lock.head); x; x = x->next)
            waiting++;
        weft__guard_drop(weft__sync_guard(&game.lock.head));
    }
    weft_lock_release(&game.lock);
    assert_int_equal(weft_scope_join(&s, weft_in_s(30)), WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < N; i++)
        assert_int_equal(order[i], i + 1);
}

static weft_err late_or_cancelled(void *arg)
{
    weft_sem *empty = arg;
    weft_event_set(&game.event);
    while (!weft_cancelled())
        (void)weft_yield();
    /* Also where nothing would have to be waited for. */
    weft_err seen[] = {
        weft_event_wait(&game.event, WEFT_NOW), weft_sem_acquire(empty, WEFT_FOREVER),
        weft_sem_acquire(&game.sem, WEFT_FOREVER), weft_barrier_wait(&game.barrier, WEFT_FOREVER),
        weft_lock_acquire(&game.lock, WEFT_FOREVER)};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        if (seen[i] != WEFT_CANCELLED)
            wrong();
    return WEFT_OK;
}

static void a_cancelled_task_gets_nothing(void **state)
{
    (void)state;
    weft_sem empty = WEFT_SEM_INIT("empty", 0);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "cancelled");
    assert_int_equal(weft_go(&s, late_or_cancelled, &empty), WEFT_OK);
    assert_int_equal(weft_event_wait(&game.event, WEFT_FOREVER), WEFT_OK);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(weft_atomic_load(&game.wrong, WEFT_RELAXED), 0);
    assert_int_equal(weft_atomic_load(&game.sem.value, WEFT_RELAXED), 3);
    assert_int_equal(game.barrier.arrived, 0);
}

static void now_polls(void **state)
{
    (void)state;
    weft_deadline past[] = {WEFT_NOW, weft_in_ns(-5)};
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++)
            assert_int_equal(weft_sem_acquire(&game.sem, past[i]), WEFT_OK);
        assert_int_equal(weft_sem_acquire(&game.sem, past[i]), WEFT_LATE);
        for (int k = 0; k < 3; k++)
            weft_sem_release(&game.sem);
        assert_int_equal(weft_event_wait(&game.event, past[i]), WEFT_LATE);
        weft_event_set(&game.event);
        assert_int_equal(weft_event_wait(&game.event, past[i]), WEFT_OK);
        weft_event_clear(&game.event);
        assert_int_equal(weft_barrier_wait(&game.barrier, past[i]), WEFT_LATE);
        assert_int_equal(weft_lock_acquire(&game.lock, past[i]), WEFT_OK);
        assert_int_equal(weft_cond_wait(&game.cond, &game.lock, past[i]), WEFT_LATE);
        weft_lock_release(&game.lock);
    }
    assert_int_equal(weft_atomic_load(&game.sem.value, WEFT_RELAXED), 3);
}

static weft_once once;

/* Fails the first time, once somebody waits. */
static weft_err fail_first(void *arg)
{
    weft_event_set(&game.event);
    if (++*(long *)arg > 1)
        return WEFT_OK;
    while (!weft_atomic_load(&game.done, WEFT_ACQUIRE))
        (void)weft_yield();
    return WEFT_INVALID;
}

static weft_err run_it(void *arg)
{
    weft_err e = weft_once_run(&once, fail_first, arg, WEFT_FOREVER);
    return e == WEFT_INVALID ? WEFT_OK : e; /* the next one runs already: hands off `arg` */
}

static void a_once_that_failed_is_run_by_the_next(void **state)
{
    (void)state;
    long runs = 0;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "once");
    weft_once_init(&once, "once");
    assert_int_equal(weft_go(&s, run_it, &runs), WEFT_OK);
    assert_int_equal(weft_event_wait(&game.event, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_once_run(&once, fail_first, &runs, WEFT_NOW), WEFT_LATE);
    assert_int_equal(weft_go(&s, run_it, &runs), WEFT_OK);
    assert_int_equal(weft_go(&s, run_it, &runs), WEFT_OK);
    await_waiters(&once.head, 2);
    weft_atomic_store(&game.done, 1, WEFT_RELEASE);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(runs, 2);
    assert_int_equal(weft_once_run(&once, fail_first, &runs, WEFT_NOW), WEFT_OK);
    assert_int_equal(runs, 2);
}

static void wait_without_lock(void)
{
    ignore(weft_cond_wait(&game.cond, &game.lock, WEFT_NOW));
}

static void barrier_of_none(void)
{
    weft_barrier_init(&game.barrier, "none", 0);
}

static void barrier_initialised_of_none(void)
{
    weft_barrier none = WEFT_BARRIER_INIT("none", 0);
    ignore(weft_barrier_wait(&none, WEFT_NOW));
}

static void sem_initialised_of_less_than_none(void)
{
    weft_sem less = WEFT_SEM_INIT("less", -1);
    ignore(weft_sem_acquire(&less, WEFT_NOW));
}

static void release_of_less_than_none(void)
{
    weft_sem less = WEFT_SEM_INIT("less", -2);
    weft_sem_release(&less);
}

static void release_of_one_less_than_none(void)
{
    weft_sem less = WEFT_SEM_INIT("less", -1);
    weft_sem_release(&less);
}

static void sem_of_less_than_none(void)
{
    weft_sem_init(&game.sem, "less", -1);
}

static void sem_of_too_many(void)
{
    weft_sem_init(&game.sem, "many", INT64_MAX);
    weft_sem_release(&game.sem);
}

static weft_err run_again(void *arg)
{
    return weft_once_run(&once, run_again, arg, WEFT_FOREVER);
}

static void once_from_within(void)
{
    weft_once_init(&once, "once");
    ignore(weft_once_run(&once, run_again, NULL, WEFT_FOREVER));
}

static void misuse_aborts(void **state)
{
    (void)state;
    aborts_here(wait_without_lock, "without its lock");
    aborts_here(barrier_of_none, "barrier none: made for no parties");
    aborts_here(barrier_initialised_of_none, "barrier none: made for no parties");
    aborts_here(sem_of_less_than_none, "sem less: made with -1 units");
    aborts_here(sem_initialised_of_less_than_none, "sem less: made with -1 units");
    aborts_here(release_of_less_than_none, "sem less: made with -2 units");
    aborts_here(release_of_one_less_than_none, "sem less: made with -1 units");
    aborts_here(sem_of_too_many, "INT64_MAX");
    aborts_here(once_from_within, "from within its function");
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_lock_is_held_by_one),
        T(a_sem_lets_in_as_many_as_it_has),
        T(a_cond_returns_with_its_lock),
        T(an_event_lets_everybody_go),
        T(a_barrier_waits_for_all),
        T(waiters_are_served_in_their_order),
        T(a_cancelled_task_gets_nothing),
        T(now_polls),
        T(a_once_that_failed_is_run_by_the_next),
        cmocka_unit_test(misuse_aborts),
    };
    alarm(300);
    seed = test_seed();
    rounds = test_length(500, 5000);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
