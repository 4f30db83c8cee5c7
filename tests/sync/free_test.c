/* Whoever was let go may free the primitive at once, while the one that let it go, and those that were let
 * go together with it, are still on their way out: each case frees as early as it may. Address- and
 * ThreadSanitizer see who comes too late; without them it is a crash at best.
 * ctest: timeout=300 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/lock.h"
#include "task/engine.h"
#include "weft/sync.h"
#include "weft/task.h"

enum { ROLES = 3 };

static weft *w;
static uint64_t seed;

/* What is freed. */
typedef union thing {
    weft_sync_head head;
    weft_lock lock;
    weft_rwlock rwlock;
    weft_cond cond;
    weft_sem sem;
    weft_event event;
    weft_barrier barrier;
    weft_once once;
} thing;

/* What stays. */
static struct game {
    thing *it;
    weft_lock lock; /* of the cond */
    long refs;
    weft_deadline at; /* when role 2 is late, and about when it is let go */
    WEFT_ATOMIC(long) there, begun, late, done, freed, wrong;
} game;

typedef struct role {
    void (*play)(struct role *r);
    int number; /* 0 is the test's own thread, the others are tasks of the pool */
    uint64_t random;
} role;

static void free_once(thing *it)
{
    if (weft_atomic_fetch_add(&game.freed, 1, WEFT_ACQ_REL) == 0)
        free(it);
}

static void need(bool right)
{
    if (!right)
        weft_atomic_fetch_add(&game.wrong, 1, WEFT_RELAXED);
}

static weft_deadline near(role *r)
{
    return weft_in_ns((int64_t)(test_random(&r->random) % 30000));
}

static weft_deadline now_or_never(role *r)
{
    return test_random(&r->random) % 2 ? WEFT_NOW : WEFT_FOREVER;
}

/* Until shortly before or after role 2 is late. */
static void await_time(role *r)
{
    int64_t until = game.at.ns - 1000 + (int64_t)(test_random(&r->random) % 4000);
    while (weft_clock() < until)
        weft__cpu_relax();
}

/* Until `n` wait in the queue, or have left it late. */
static void await_queue(thing *it, long n)
{
    for (long seen = -1; seen < n; (void)weft_yield()) {
        weft__guard_take(weft__sync_guard(&it->head));
        seen = weft_atomic_load(&game.late, WEFT_ACQUIRE); /* pairs with its adding */
        for (weft__wait *x = weft__wait_first(&it->head); x; x = x->next)
            seen++;
        weft__guard_drop(weft__sync_guard(&it->head));
    }
}

/* Role 1 is let go, and frees; role 2 may be let go together with it, or be late. */
static void play_event(role *r)
{
    thing *it = game.it;
    if (r->number == 0) {
        await_queue(it, 2);
        await_time(r);
        weft_event_set(&it->event);
    } else if (weft_event_wait(&it->event, r->number == 1 ? WEFT_FOREVER : game.at) != WEFT_OK) {
        weft_atomic_fetch_add(&game.late, 1, WEFT_RELEASE);
    } else if (r->number == 1) {
        free_once(it);
    }
}

/* Who sees the event set without a wait. */
static void play_event_seen(role *r)
{
    thing *it = game.it;
    if (r->number == 0)
        weft_event_set(&it->event);
    if (r->number != 1)
        return;
    while (weft_event_wait(&it->event, now_or_never(r)) != WEFT_OK)
        ;
    free_once(it);
}

/* All are let go, and the first that is back frees; or all are late. */
static void play_barrier(role *r)
{
    thing *it = game.it;
    if (weft_barrier_wait(&it->barrier, near(r)) == WEFT_OK) {
        free_once(it);
        weft_atomic_fetch_add(&game.done, 1, WEFT_RELAXED);
    } else if (weft_atomic_fetch_add(&game.late, 1, WEFT_ACQ_REL) == ROLES - 1) {
        free_once(it);
    }
}

/* The last one frees. */
static void play_lock(role *r)
{
    thing *it = game.it;
    weft_err e = WEFT_LATE;
    while (e == WEFT_LATE)
        e = weft_lock_acquire(&it->lock, test_random(&r->random) % 2 ? near(r) : WEFT_FOREVER);
    long left = --game.refs;
    weft_lock_release(&it->lock);
    if (left == 0)
        free_once(it);
}

static void play_rwlock(role *r)
{
    thing *it = game.it;
    if (weft_rwlock_read(&it->rwlock, near(r)) == WEFT_OK)
        weft_rwlock_release(&it->rwlock);
    weft_err e = WEFT_LATE;
    while (e == WEFT_LATE)
        e = weft_rwlock_write(&it->rwlock, test_random(&r->random) % 2 ? near(r) : WEFT_FOREVER);
    long left = --game.refs;
    weft_rwlock_release(&it->rwlock);
    if (left == 0)
        free_once(it);
}

/* Readers that are let go together: the first one out, with the other still in or late, does not free, the
 * last one does; the writer that let them in is on its way. */
static void play_readers(role *r)
{
    thing *it = game.it;
    if (r->number == 0) {
        ignore(weft_rwlock_write(&it->rwlock, WEFT_FOREVER));
        weft_atomic_store(&game.begun, 1, WEFT_RELEASE);
        await_queue(it, 2);
        weft_rwlock_release(&it->rwlock);
        return;
    }
    while (!weft_atomic_load(&game.begun, WEFT_ACQUIRE))
        (void)weft_yield();
    if (weft_rwlock_read(&it->rwlock, r->number == 1 ? WEFT_FOREVER : near(r)) == WEFT_OK)
        weft_rwlock_release(&it->rwlock);
    else
        weft_atomic_fetch_add(&game.late, 1, WEFT_RELEASE);
    if (weft_atomic_fetch_add(&game.done, 1, WEFT_ACQ_REL) == 1)
        free_once(it);
}

/* One unit says that something is done. */
static void play_sem(role *r)
{
    thing *it = game.it;
    if (r->number == 0)
        weft_sem_release(&it->sem);
    if (r->number != 1)
        return;
    while (weft_sem_acquire(&it->sem, test_random(&r->random) % 2 ? near(r) : now_or_never(r)) !=
           WEFT_OK)
        ;
    free_once(it);
}

static void play_cond(role *r)
{
    thing *it = game.it;
    ignore(weft_lock_acquire(&game.lock, WEFT_FOREVER));
    if (r->number == 0) {
        weft_lock_release(&game.lock);
        await_queue(it, 2);
        await_time(r);
        weft_cond_notify_all(&it->cond);
        return;
    }
    weft_err e = weft_cond_wait(&it->cond, &game.lock, r->number == 1 ? WEFT_FOREVER : game.at);
    if (r->number == 1)
        free_once(it);
    else if (e != WEFT_OK)
        weft_atomic_fetch_add(&game.late, 1, WEFT_RELEASE);
    weft_lock_release(&game.lock);
}

static weft_err run_once(void *arg)
{
    role *r = arg;
    weft_atomic_store(&game.begun, 1, WEFT_RELEASE);
    if (test_random(&r->random) % 2)
        await_queue(game.it, 1);
    return WEFT_OK;
}

/* Role 1 runs it, role 2 is let go or sees it done. */
static void play_once(role *r)
{
    thing *it = game.it;
    if (r->number == 1)
        need(weft_once_run(&it->once, run_once, r, WEFT_FOREVER) == WEFT_OK);
    if (r->number != 2)
        return;
    while (!weft_atomic_load(&game.begun, WEFT_ACQUIRE))
        (void)weft_yield();
    while (weft_once_run(&it->once, run_once, r, now_or_never(r)) != WEFT_OK)
        weft_atomic_fetch_add(&game.late, 1, WEFT_RELEASE);
    free_once(it);
}

static weft_err play(void *arg)
{
    role *r = arg;
    weft_atomic_fetch_add(&game.there, 1, WEFT_RELAXED);
    /* So that they meet, mostly: one of them may have no CPU. */
    int64_t until = weft_clock() + 200000;
    while (weft_atomic_load(&game.there, WEFT_RELAXED) < ROLES && weft_clock() < until)
        (void)weft_yield();
    for (volatile uint64_t i = test_random(&r->random) % 256; i > 0; i = i - 1)
        ;
    r->play(r);
    return WEFT_OK;
}

static void init(thing *it, void (*role_of)(role *r))
{
    if (role_of == play_event || role_of == play_event_seen)
        weft_event_init(&it->event, "event");
    else if (role_of == play_barrier)
        weft_barrier_init(&it->barrier, "barrier", ROLES);
    else if (role_of == play_lock)
        weft_lock_init(&it->lock, "lock");
    else if (role_of == play_rwlock || role_of == play_readers)
        weft_rwlock_init(&it->rwlock, "rwlock");
    else if (role_of == play_sem)
        weft_sem_init(&it->sem, "sem", 0);
    else if (role_of == play_cond)
        weft_cond_init(&it->cond, "cond");
    else
        weft_once_init(&it->once, "once");
}

static void play_often(void (*role_of)(role *r))
{
    long times = test_length(1000, 10000);
    w = engine_open(2);
    for (long i = 0; i < times; i++) {
        role roles[ROLES];
        weft_scope s;
        game = (struct game){.it = malloc(sizeof(thing)), .refs = ROLES, .at = weft_in_us(200)};
        assert_non_null(game.it);
        init(game.it, role_of);
        weft_lock_init(&game.lock, "of the cond");
        weft_scope_init(&s, weft_pool(w), "roles");
        for (int k = 0; k < ROLES; k++)
            roles[k] = (role){role_of, k, test_random(&seed)};
        for (int k = 1; k < ROLES; k++)
            assert_int_equal(weft_go(&s, play, &roles[k]), WEFT_OK);
        assert_int_equal(play(&roles[0]), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        weft_scope_fini(&s);
        assert_true(weft_atomic_load(&game.freed, WEFT_RELAXED) > 0);
        assert_int_equal(weft_atomic_load(&game.wrong, WEFT_RELAXED), 0);
        if (role_of == play_barrier)
            assert_true(weft_atomic_load(&game.done, WEFT_RELAXED) % ROLES == 0);
    }
    engine_close(w);
}

#define FREED(name, what)                                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_often(what);                                                                          \
    }
FREED(an_event_by_one_of_two, play_event)
FREED(an_event_by_who_sees_it, play_event_seen)
FREED(a_barrier_by_the_first_back, play_barrier)
FREED(a_lock_by_the_last, play_lock)
FREED(a_rwlock_by_the_last, play_rwlock)
FREED(a_rwlock_by_readers, play_readers)
FREED(a_sem_by_who_got_the_unit, play_sem)
FREED(a_cond_by_one_of_two, play_cond)
FREED(a_once_by_who_waited, play_once)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_by_one_of_two),      cmocka_unit_test(an_event_by_who_sees_it),
        cmocka_unit_test(a_barrier_by_the_first_back), cmocka_unit_test(a_lock_by_the_last),
        cmocka_unit_test(a_rwlock_by_the_last),        cmocka_unit_test(a_rwlock_by_readers),
        cmocka_unit_test(a_sem_by_who_got_the_unit),   cmocka_unit_test(a_cond_by_one_of_two),
        cmocka_unit_test(a_once_by_who_waited),
    };
    alarm(280);
    seed = test_seed();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
