/* Every primitive under threads and tasks of all three places at once, with random deadlines and
 * cancellations; what must hold is counted. A watchdog turns a hang into a failure that says what
 * everybody waits for.
 * ctest: timeout=300 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/lock.h"
#include "task/engine.h"
#include "weft/sync.h"
#include "weft/task.h"

enum { TASKS = 12, THREADS = 3, PLAYERS = TASKS + THREADS, UNITS = 3, ONCES = 64, PARTIES = 3 };
/* Without a step of anybody for so long, in seconds, nobody will take one any more. */
static int hang_s;

static weft *w;
static uint64_t seed;
static long rounds;

static struct world {
    weft_lock lock;
    weft_rwlock rwlock;
    weft_cond cond;
    weft_sem sem;
    weft_event event;
    weft_barrier barrier;
    weft_once once[ONCES];
    weft_event meeting[ONCES];
    WEFT_ATOMIC(long) came[ONCES];
    long guarded, written, items; /* under the lock, the rwlock, the lock */
    long made, used;              /* items; under the lock */
    long running[ONCES];          /* by who runs it */
    WEFT_ATOMIC(long) inside, reading, writing, passed, wrong;
    WEFT_ATOMIC(long) succeeded[ONCES];
} world;

typedef struct player {
    uint64_t random;
    int number;
    WEFT_ATOMIC(long) steps;
    WEFT_ATOMIC(weft__waiter *) who; /* NULL: it has not begun, or has ended */
} player;

static player players[PLAYERS];
static WEFT_ATOMIC(long) steps, over;

static bool check(bool right, const char *what)
{
    if (!right && weft_atomic_fetch_add(&world.wrong, 1, WEFT_RELAXED) < 10)
        fprintf(stderr, "wrong: %s\n", what);
    return right;
}

static weft_deadline soon(player *p)
{
    uint64_t r = test_random(&p->random) % 8;
    return r == 0 ? WEFT_NOW : r < 5 ? weft_in_us((int64_t)(r * r * 20)) : WEFT_FOREVER;
}

/* Be a moment inside, one way or the other. */
static void linger(player *p)
{
    uint64_t r = test_random(&p->random) % 32;
    if (r < 3)
        (void)weft_yield();
    else if (r == 3)
        (void)weft_sleep(weft_in_us(50));
    for (volatile uint64_t i = 0; i < r * 4; i = i + 1)
        ;
}

static void use_lock(player *p)
{
    if (weft_lock_acquire(&world.lock, soon(p)) != WEFT_OK)
        return;
    long before = world.guarded++;
    linger(p);
    check(world.guarded == before + 1, "two held the lock");
    weft_lock_release(&world.lock);
}

static void use_rwlock(player *p)
{
    bool write = test_random(&p->random) % 3 == 0;
    weft_err e = write ? weft_rwlock_write(&world.rwlock, soon(p))
                       : weft_rwlock_read(&world.rwlock, soon(p));
    if (e != WEFT_OK)
        return;
    long before = world.written;
    if (write) {
        check(weft_atomic_fetch_add(&world.writing, 1, WEFT_RELAXED) == 0, "two wrote");
        check(weft_atomic_load(&world.reading, WEFT_RELAXED) == 0, "one wrote, another one read");
        world.written++;
    } else {
        weft_atomic_fetch_add(&world.reading, 1, WEFT_RELAXED);
        check(weft_atomic_load(&world.writing, WEFT_RELAXED) == 0, "one read, another one wrote");
    }
    linger(p);
    check(world.written == before + write, "somebody wrote meanwhile");
    weft_atomic_fetch_sub(write ? &world.writing : &world.reading, 1, WEFT_RELAXED);
    weft_rwlock_release(&world.rwlock);
}

static void use_sem(player *p)
{
    if (weft_sem_acquire(&world.sem, soon(p)) != WEFT_OK)
        return;
    check(weft_atomic_fetch_add(&world.inside, 1, WEFT_RELAXED) < UNITS, "more than units");
    linger(p);
    weft_atomic_fetch_sub(&world.inside, 1, WEFT_RELAXED);
    weft_sem_release(&world.sem);
}

/* One makes, the other uses. Whoever is notified and late at once must use what was made: a lost
 * notification leaves an item and one that waits for it, and then nobody goes on. */
static void use_cond(player *p)
{
    bool make = test_random(&p->random) % 2 == 0;
    if (weft_lock_acquire(&world.lock, WEFT_FOREVER) != WEFT_OK)
        return;
    weft_err e = WEFT_OK;
    if (make) {
        world.items++;
        world.made++;
        if (test_random(&p->random) % 8 == 0)
            weft_cond_notify_all(&world.cond);
        else
            weft_cond_notify(&world.cond);
    } else {
        while (world.items == 0 && e == WEFT_OK)
            e = weft_cond_wait(&world.cond, &world.lock, weft_in_us(300));
        check(weft__lock_mine(&world.lock, weft__self()), "a cond returned without its lock");
        if (e == WEFT_OK) {
            world.items--;
            world.used++;
        }
    }
    weft_lock_release(&world.lock);
}

static void use_event(player *p)
{
    uint64_t r = test_random(&p->random) % 8;
    if (r == 0)
        weft_event_clear(&world.event);
    else if (r < 4)
        weft_event_set(&world.event);
    else
        ignore(weft_event_wait(&world.event, weft_in_us(100)));
}

static void use_barrier(player *p)
{
    if (weft_barrier_wait(&world.barrier, weft_in_us((int64_t)(test_random(&p->random) % 200))) ==
        WEFT_OK)
        weft_atomic_fetch_add(&world.passed, 1, WEFT_RELAXED);
}

typedef struct attempt {
    player *p;
    size_t which;
} attempt;

static weft_err succeed_some_time(void *arg)
{
    attempt *a = arg;
    check(world.running[a->which]++ == 0, "two ran a once");
    linger(a->p);
    world.running[a->which]--;
    if (weft_cancelled())
        return WEFT_CANCELLED;
    if (test_random(&a->p->random) % 3 != 0)
        return WEFT_INVALID;
    check(weft_atomic_fetch_add(&world.succeeded[a->which], 1, WEFT_RELAXED) == 0,
          "a once succeeded twice");
    return WEFT_OK;
}

static void use_once(player *p)
{
    attempt a = {p, test_random(&p->random) % ONCES};
    if (weft_once_run(&world.once[a.which], succeed_some_time, &a, soon(p)) == WEFT_OK)
        check(weft_atomic_load(&world.succeeded[a.which], WEFT_RELAXED) == 1,
              "a once that never succeeded");
}

/* Half of the players make, the others use as many, and wait for as long as it takes: a notification that is
 * lost leaves an item, and one that waits for it for ever. */
static void make_or_use(player *p)
{
    bool make = p->number % 2 == 0;
    weft_err e = weft_lock_acquire(&world.lock, WEFT_FOREVER);
    if (!check(e == WEFT_OK && p->number < PLAYERS / 2 * 2, "a lock that could not be had"))
        return;
    while (!make && world.items == 0)
        ignore(weft_cond_wait(&world.cond, &world.lock, WEFT_FOREVER));
    world.items += make ? 1 : -1;
    world.made += make;
    world.used += !make;
    if (make)
        weft_cond_notify(&world.cond);
    weft_lock_release(&world.lock);
}

/* The last to come sets the event and the others wait for it, for as long as it takes. */
static void meet(player *p)
{
    size_t round = (size_t)weft_atomic_load(&p->steps, WEFT_RELAXED) % ONCES;
    weft_event *ev = &world.meeting[round];
    if (weft_atomic_fetch_add(&world.came[round], 1, WEFT_ACQ_REL) % PLAYERS == PLAYERS - 1) {
        weft_event_clear(&world.meeting[(round + ONCES - 1) % ONCES]); /* everybody has left it */
        weft_event_set(ev);
        return;
    }
    while (weft_event_wait(ev, soon(p)) == WEFT_LATE)
        ;
}

static void (*const uses[])(player *) = {use_lock,    use_rwlock, use_sem,     use_cond, use_event,
                                         use_barrier, use_once,   make_or_use, meet};
enum { MIXED = 7, MAKE_OR_USE = 7, MEET = 8 };
static long only = -1; /* which of them; -1: all */

static weft_err play(void *arg)
{
    player *p = arg;
    weft_atomic_store(&p->who, weft__self(), WEFT_RELEASE); /* pairs with tell_all */
    bool odd_one = only == MAKE_OR_USE && p->number == PLAYERS - 1;
    for (long i = 0; i < rounds && !odd_one && !weft_cancelled(); i++) {
        uses[only < 0 ? test_random(&p->random) % MIXED : (size_t)only](p);
        weft_atomic_fetch_add(&p->steps, 1, WEFT_RELAXED);
        weft_atomic_fetch_add(&steps, 1, WEFT_RELAXED);
    }
    weft_atomic_store(&p->who, NULL, WEFT_RELEASE);
    return WEFT_OK;
}

static void *play_on_thread(void *arg)
{
    (void)play(arg);
    return NULL;
}

static void tell_all(void)
{
    fprintf(stderr, "nobody has gone on for %d s; WEFT_TEST_SEED as above\n", hang_s);
    for (int i = 0; i < PLAYERS; i++) {
        weft__waiter *who = weft_atomic_load(&players[i].who, WEFT_ACQUIRE); /* pairs with play */
        const char *what = who ? who->what : "nothing: it does not run";
        fprintf(stderr, "player %d (%s), step %ld: waits for %s %s\n", i, who ? who->name : "-",
                weft_atomic_load(&players[i].steps, WEFT_RELAXED), what ? what : "nothing",
                who && who->on ? who->on : "");
    }
}

static void *watch(void *arg)
{
    long seen = -1, since = 0;
    (void)arg;
    while (!weft_atomic_load(&over, WEFT_ACQUIRE)) { /* pairs with main */
        long now = weft_atomic_load(&steps, WEFT_RELAXED);
        since = now == seen ? since + 1 : 0;
        seen = now;
        if (since > hang_s * 10) {
            tell_all();
            abort();
        }
        usleep(100000);
    }
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    world = (struct world){.lock = WEFT_LOCK_INIT("lock"),
                           .rwlock = WEFT_RWLOCK_INIT("rwlock"),
                           .cond = WEFT_COND_INIT("cond"),
                           .sem = WEFT_SEM_INIT("sem", UNITS),
                           .event = WEFT_EVENT_INIT("event"),
                           .barrier = WEFT_BARRIER_INIT("barrier", PARTIES)};
    for (int i = 0; i < ONCES; i++)
        weft_once_init(&world.once[i], "once");
    for (int i = 0; i < ONCES; i++)
        weft_event_init(&world.meeting[i], "meeting");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    return 0;
}

/* All players once; those that are tasks are cancelled after a while if asked. */
static void play_all(bool cancel)
{
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    weft_scope s[3];
    pthread_t threads[THREADS];
    for (int i = 0; i < PLAYERS; i++) {
        players[i].random = test_random(&seed);
        players[i].number = i;
        weft_atomic_store(&players[i].steps, 0, WEFT_RELAXED);
    }
    for (int i = 0; i < 3; i++)
        weft_scope_init(&s[i], places[i], "players");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, play_on_thread, &players[TASKS + i]), 0);
    for (int i = 0; i < TASKS; i++) /* half of them in the pool */
        assert_int_equal(weft_go(&s[i % 2 ? 0 : i % 4 / 2 + 1], play, &players[i]), WEFT_OK);
    if (cancel) {
        ignore(weft_scope_join(&s[0], weft_in_us((int64_t)(test_random(&seed) % 5000))));
        for (int i = 0; i < 3; i++)
            weft_scope_cancel(&s[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weft_scope_join(&s[i], WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s[i]);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(weft_atomic_load(&world.wrong, WEFT_RELAXED), 0);
}

/* With nobody there, each is as if nobody had ever been. */
static void all_is_as_it_was(void)
{
    assert_int_equal(weft_atomic_load(&world.lock.word, WEFT_RELAXED), 0);
    assert_null(world.lock.head.first);
    assert_null(world.rwlock.writer);
    assert_int_equal(world.rwlock.readers, 0);
    assert_null(world.rwlock.head.first);
    assert_null(world.cond.head.first);
    assert_int_equal(weft_atomic_load(&world.sem.value, WEFT_RELAXED), UNITS);
    assert_null(world.sem.head.first);
    assert_null(world.event.head.first);
    assert_int_equal(world.barrier.arrived, 0);
    assert_int_equal(weft_atomic_load(&world.passed, WEFT_RELAXED) % PARTIES, 0);
    assert_int_equal(world.made - world.used, world.items);
    for (int i = 0; i < ONCES; i++)
        assert_null(world.once[i].head.first);
}

static void play_often(long which)
{
    long times = test_length(6, 40);
    only = which;
    for (long i = 0; i < times; i++) {
        play_all(i % 3 != 0 && which < MIXED);
        all_is_as_it_was();
        for (int k = 0; k < ONCES; k++) {
            weft_once_init(&world.once[k], "once");
            weft_atomic_store(&world.succeeded[k], 0, WEFT_RELAXED);
        }
    }
}

static void no_notification_is_lost(void **state)
{
    (void)state;
    play_often(MAKE_OR_USE);
    assert_int_equal(world.items, 0);
}

static void whoever_waits_for_an_event_sees_it(void **state)
{
    (void)state;
    play_often(MEET);
}

static void all_primitives_at_once(void **state)
{
    (void)state;
    play_often(-1);
}

#define ALONE(name, number)                                                                        \
    static void name##_alone(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        play_often(number);                                                                        \
    }
ALONE(lock, 0)
ALONE(rwlock, 1)
ALONE(sem, 2)
ALONE(cond, 3)
ALONE(event, 4)
ALONE(barrier, 5)
ALONE(once, 6)

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(all_primitives_at_once),
        T(lock_alone),
        T(rwlock_alone),
        T(sem_alone),
        T(cond_alone),
        T(event_alone),
        T(barrier_alone),
        T(once_alone),
        T(no_notification_is_lost),
        T(whoever_waits_for_an_event_sees_it),
    };
    pthread_t watcher;
    alarm(280);
    seed = test_seed();
    fflush(stdout);
    rounds = test_length(300, 2000);
    hang_s = (int)test_length(10, 30);
    if (pthread_create(&watcher, NULL, watch, NULL) != 0)
        return 1;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    weft_atomic_store(&over, 1, WEFT_RELEASE); /* pairs with watch */
    pthread_join(watcher, NULL);
    return failed;
}
