/* weft_queue_task_done and weft_queue_join: L6 of sync/local.h.
 * ctest: timeout=300 */
#include <pthread.h>

#include "sync/local.h"
#include "task/trial.h"

enum { MAKERS = 3, USERS = 4, THREADS = 2, HANG_S = 240 };

static weft *w;
static weft_queue *q;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    watch(w, HANG_S);
    assert_int_equal(weft_queue_init(&q, "jobs", sizeof(int64_t), 4), WEFT_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weft_queue_close(&q);
    engine_close(w);
    watched = NULL;
    return 0;
}

static void put(int64_t x)
{
    assert_int_equal(weft_put(q, &x, sizeof x, weft_in_s(60)), WEFT_OK);
}

static int64_t got(void)
{
    int64_t x = -1;
    size_t len;
    assert_int_equal(weft_get(q, &x, sizeof x, &len, weft_in_s(60)), WEFT_OK);
    return x;
}

static void join_waits_for_what_was_put_and_not_done(void **state)
{
    (void)state;
    assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_OK); /* nothing was put */
    for (int i = 0; i < 40; i++) {                           /* long enough that lanes are lent */
        put(i);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_LATE);
        assert_int_equal(got(), i);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_queue_task_done(q), WEFT_OK);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_OK);
    }
    put(1);
    put(2);
    (void)got();
    assert_int_equal(weft_queue_task_done(q), WEFT_OK);
    assert_int_equal(weft_queue_join(q, weft_in_ms(2)), WEFT_LATE);
    assert_string_equal(weft_detail(), "queue (to join) jobs: not before the deadline");
    (void)got();
    assert_int_equal(weft_queue_task_done(q), WEFT_OK);
    assert_int_equal(weft_queue_join(q, WEFT_FOREVER), WEFT_OK);
}

static void what_is_claimed_is_waited_for(void **state)
{
    (void)state;
    void *first, *second, *item;
    size_t len;
    assert_int_equal(weft_claim(q, &first, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_claim(q, &second, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_commit(q, second, 8), WEFT_OK); /* put, but behind the first */
    assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_LATE);
    assert_int_equal(weft_commit(q, first, 8), WEFT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weft_take(q, &item, &len, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_done(q, item), WEFT_OK);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_queue_task_done(q), WEFT_OK);
    }
    assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_OK);
}

static weft_err gets_one(void *arg)
{
    (void)arg;
    int64_t x;
    size_t len;
    return weft_get(q, &x, sizeof x, &len, weft_in_s(60));
}

/* Past the slots of the queue: it is in none of its counts. */
static void what_goes_from_hand_to_hand_is_waited_for(void **state)
{
    (void)state;
    weft_scope s;
    weft__local *l = (weft__local *)(void *)q;
    weft_scope_init(&s, weft_pool(w), "hands");
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(weft_go(&s, gets_one, NULL), WEFT_OK);
        for (uint32_t waiting = 0; waiting == 0;) {
            weft__guard_take(weft__sync_guard(&l->head));
            waiting = l->get.waiting;
            weft__guard_drop(weft__sync_guard(&l->head));
        }
        put(i);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_queue_task_done(q), WEFT_OK);
        assert_int_equal(weft_queue_join(q, WEFT_NOW), WEFT_OK);
    }
    assert_int_equal(l->handed, 3);
    weft_scope_fini(&s);
}

static weft_err joins(void *arg)
{
    *(weft_err *)arg = weft_queue_join(q, WEFT_FOREVER);
    return WEFT_OK;
}

static void all_who_join_are_let_go_and_who_is_cancelled_too(void **state)
{
    (void)state;
    weft_scope s, out;
    weft_err e[4] = {WEFT_INVALID, WEFT_INVALID, WEFT_INVALID, WEFT_INVALID};
    weft_scope_init(&s, weft_pool(w), "joiners");
    weft_scope_init(&out, weft_pool(w), "leavers");
    put(1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(weft_go(&s, joins, &e[i]), WEFT_OK);
    assert_int_equal(weft_go(&out, joins, &e[3]), WEFT_OK);
    assert_int_equal(weft_scope_join(&out, weft_in_ms(5)), WEFT_LATE);
    weft_scope_fini(&out);
    assert_int_equal(e[3], WEFT_CANCELLED);
    (void)got();
    assert_int_equal(weft_scope_join(&s, weft_in_ms(5)), WEFT_LATE);
    assert_int_equal(weft_queue_task_done(q), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    for (int i = 0; i < 3; i++)
        assert_int_equal(e[i], WEFT_OK);
}

static void done_without_a_put(void)
{
    weft_queue *own;
    int64_t x = 1;
    size_t len;
    ignore(weft_queue_init(&own, "own", 8, 4));
    ignore(weft_put(own, &x, sizeof x, WEFT_NOW));
    ignore(weft_get(own, &x, sizeof x, &len, WEFT_NOW));
    ignore(weft_queue_task_done(own));
    ignore(weft_queue_task_done(own));
}

static void close_while_one_joins(void)
{
    weft_scope s;
    weft_err e;
    setup(NULL);
    put(1);
    weft_scope_init(&s, weft_pool(w), "joiners");
    ignore(weft_go(&s, joins, &e));
    while (!weft__local_joined((weft__local *)(void *)q))
        weft__cpu_yield();
    weft_queue_close(&q);
}

static void misuse_is_named(void **state)
{
    (void)state;
    aborts_here(done_without_a_put,
                "queue own: task_done was called more often than items were put: 1");
    aborts_here(close_while_one_joins, "queue jobs: closed while somebody joins it");
}

/* Makers put, users do, on tasks and threads; who joins then sees all that was done, and closes the queue
 * under nobody's feet. */
static weft_queue *busy;
static WEFT_ATOMIC(long) made;
static long done[USERS + THREADS], per_maker;
static uint64_t seed;

static weft_err make(void *arg)
{
    uint64_t random = *(uint64_t *)arg;
    for (long i = 0; i < per_maker; i++) {
        int64_t x = i;
        void *slot;
        weft_err e = WEFT_OK;
        if (test_random(&random) % 8 == 0) {
            e = weft_claim(busy, &slot, WEFT_FOREVER);
            if (e == WEFT_OK)
                e = weft_commit(busy, slot, sizeof x);
        } else {
            e = weft_put(busy, &x, sizeof x, WEFT_FOREVER);
        }
        if (e != WEFT_OK)
            return e;
        weft_atomic_fetch_add(&made, 1, WEFT_RELAXED);
        if (test_random(&random) % 16 == 0)
            (void)weft_yield();
    }
    return WEFT_OK;
}

static weft_err use(void *arg)
{
    long *mine = arg;
    int64_t x;
    size_t len;
    weft_err e;
    while ((e = weft_get(busy, &x, sizeof x, &len, WEFT_FOREVER)) == WEFT_OK) {
        if (x % 7 == 0)
            (void)weft_yield();
        ++*mine; /* plain: join makes it visible */
        ignore(weft_queue_task_done(busy));
    }
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static void *use_on_thread(void *arg)
{
    (void)use(arg);
    return NULL;
}

static void one_storm(size_t capacity)
{
    weft_scope makers, users;
    pthread_t thread[THREADS];
    uint64_t seeds[MAKERS];
    long all = 0;
    memset(done, 0, sizeof done);
    weft_atomic_store(&made, 0, WEFT_RELAXED);
    assert_int_equal(weft_queue_init(&busy, "busy", sizeof(int64_t), capacity), WEFT_OK);
    weft_scope_init(&makers, weft_pool(w), "makers");
    weft_scope_init(&users, weft_pool(w), "users");
    for (int i = 0; i < USERS; i++)
        assert_int_equal(weft_go(&users, use, &done[i]), WEFT_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use_on_thread, &done[USERS + i]), 0);
    for (int i = 0; i < MAKERS; i++) {
        seeds[i] = test_random(&seed);
        assert_int_equal(weft_go(&makers, make, &seeds[i]), WEFT_OK);
    }
    weft_err early = weft_queue_join(busy, weft_in_us((int64_t)(test_random(&seed) % 500)));
    assert_true(early == WEFT_OK || early == WEFT_LATE);
    assert_int_equal(weft_scope_join(&makers, WEFT_FOREVER), WEFT_OK);
    assert_int_equal(weft_queue_join(busy, WEFT_FOREVER), WEFT_OK);
    for (int i = 0; i < USERS + THREADS; i++)
        all += done[i];
    assert_int_equal(all, MAKERS * per_maker);
    assert_int_equal(weft_atomic_load(&made, WEFT_RELAXED), all);
    weft_queue_end(busy);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(weft_scope_join(&users, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&makers);
    weft_scope_fini(&users);
    weft_queue_close(&busy);
}

static void join_under_threads_and_tasks(void **state)
{
    (void)state;
    seed = test_seed();
    per_maker = test_length(200, 2000);
    for (int i = 0; i < 15; i++)
        one_storm((size_t)1 << test_random(&seed) % 8);
}

/* One item at a time, and who joins closes the queue at once: the last task_done does not touch it. */
static weft_err use_one(void *arg)
{
    (void)arg;
    int64_t x;
    size_t len;
    weft_err e = weft_get(busy, &x, sizeof x, &len, WEFT_FOREVER);
    return e == WEFT_OK ? weft_queue_task_done(busy) : e;
}

static void who_joins_may_close(void **state)
{
    (void)state;
    weft_scope s;
    int64_t x = 1;
    weft_scope_init(&s, weft_pool(w), "one");
    for (long i = test_length(500, 5000); i > 0; i--) {
        assert_int_equal(weft_queue_init(&busy, "busy", sizeof x, 1), WEFT_OK);
        assert_int_equal(weft_put(busy, &x, sizeof x, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_go(&s, use_one, NULL), WEFT_OK);
        assert_int_equal(weft_queue_join(busy, WEFT_FOREVER), WEFT_OK);
        weft_queue_close(&busy);
        assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    }
    weft_scope_fini(&s);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misuse_is_named),
        T(join_waits_for_what_was_put_and_not_done),
        T(what_is_claimed_is_waited_for),
        T(what_goes_from_hand_to_hand_is_waited_for),
        T(all_who_join_are_let_go_and_who_is_cancelled_too),
        T(join_under_threads_and_tasks),
        T(who_joins_may_close),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
