/* ctest: timeout=200
 *
 * Any number of tasks and threads put into a queue and get out of it, with random deadlines and
 * cancellations: what was accepted comes out once, in the order of its producer. */
#include "sync/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/engine.h"

enum { SIDE_MAX = 6, ITEMS_MAX = 20000, PLACES = 4, PAD_MAX = 24 };

typedef struct item {
    uint32_t from, number;
    unsigned char
        pad[PAD_MAX]; /* as many of them as number % PAD_MAX, each the low byte of number */
} item;

/* Puts or gets. Written by itself; read once all have ended. */
typedef struct player {
    struct game *game;
    uint64_t random;
    uint32_t id;
    uint32_t next[SIDE_MAX]; /* of each producer: the least number that may come */
    weft_err ended;
    weft__thread thread;
} player;

typedef struct game {
    weft_queue *q;
    uint32_t producers, consumers, items;
    int hurry; /* of 16 waits so many have a deadline that is near or past */
    bool in_place;
    player producer[SIDE_MAX], consumer[SIDE_MAX];
    WEFT_ATOMIC(uint8_t) in[SIDE_MAX][ITEMS_MAX], out[SIDE_MAX][ITEMS_MAX];
    WEFT_ATOMIC(uint32_t) wrong, late, cancelled, putting;
} game;

static game g;
static uint64_t seed;

static uint32_t below(player *p, uint32_t n)
{
    return (uint32_t)(test_random(&p->random) % n);
}

static weft_deadline deadline(player *p)
{
    uint32_t r = below(p, 16);
    if (r >= (uint32_t)p->game->hurry)
        return WEFT_FOREVER;
    return r % 2 ? WEFT_NOW : weft_in_us(below(p, 60));
}

/* Now and then somebody else has a turn, or this one is slow. */
static void pause_sometimes(player *p)
{
    uint32_t r = below(p, 64);
    if (r < 2)
        (void)weft_yield();
    else if (r == 2)
        for (uint32_t i = below(p, 2000); i > 0; i--)
            weft__cpu_relax();
}

static size_t write_item(item *to, uint32_t from, uint32_t number)
{
    size_t pad = number % PAD_MAX;
    to->from = from;
    to->number = number;
    memset(to->pad, (int)number & 0xff, pad);
    return offsetof(item, pad) + pad;
}

static void check_item(player *p, const item *x, size_t len)
{
    game *all = p->game;
    bool whole = len >= offsetof(item, pad) && x->from < all->producers && x->number < all->items &&
                 len == offsetof(item, pad) + x->number % PAD_MAX;
    for (size_t i = 0; whole && i < x->number % PAD_MAX; i++)
        whole = x->pad[i] == (x->number & 0xff);
    if (!whole || x->number < p->next[x->from] ||
        weft_atomic_fetch_add(&all->out[x->from][x->number], 1, WEFT_RELAXED) != 0)
        weft_atomic_fetch_add(&all->wrong, 1, WEFT_RELAXED);
    else
        p->next[x->from] = x->number + 1;
}

static weft_err put_one(player *p, uint32_t number)
{
    item x;
    void *slot;
    if (!p->game->in_place || below(p, 4) != 0)
        return weft_put(p->game->q, &x, write_item(&x, p->id, number), deadline(p));
    weft_err e = weft_claim(p->game->q, &slot, deadline(p));
    if (e != WEFT_OK)
        return e;
    size_t len = write_item(slot, p->id, number);
    pause_sometimes(p);
    return weft_commit(p->game->q, slot, len);
}

static weft_err get_one(player *p)
{
    item x;
    void *slot;
    size_t len;
    if (!p->game->in_place || below(p, 4) != 0) {
        size_t room = below(p, 16) == 0 ? 16 : sizeof x;
        weft_err e = weft_get(p->game->q, &x, room, &len, deadline(p));
        if (e == WEFT_OK)
            check_item(p, &x, len);
        return e;
    }
    weft_err e = weft_take(p->game->q, &slot, &len, deadline(p));
    if (e != WEFT_OK)
        return e;
    check_item(p, slot, len);
    pause_sometimes(p);
    return weft_done(p->game->q, slot);
}

/* Whether to go on after `e`. */
static bool note(player *p, weft_err e)
{
    if (e == WEFT_LATE)
        weft_atomic_fetch_add(&p->game->late, 1, WEFT_RELAXED);
    if (e == WEFT_CANCELLED)
        weft_atomic_fetch_add(&p->game->cancelled, 1, WEFT_RELAXED);
    p->ended = e;
    return e == WEFT_OK || e == WEFT_LATE || e == WEFT_TOOBIG;
}

static weft_err produce(void *arg)
{
    player *p = arg;
    for (uint32_t i = 0; i < p->game->items;) {
        weft_err e = put_one(p, i);
        if (e == WEFT_OK)
            weft_atomic_fetch_add(&p->game->in[p->id][i], 1, WEFT_RELAXED);
        if (!note(p, e))
            break;
        i += e == WEFT_OK;
        pause_sometimes(p);
    }
    if (weft_atomic_fetch_sub(&p->game->putting, 1, WEFT_ACQ_REL) == 1) /* the last of them */
        weft_queue_end(p->game->q);
    return WEFT_OK;
}

static weft_err consume(void *arg)
{
    player *p = arg;
    while (note(p, get_one(p)))
        pause_sometimes(p);
    return WEFT_OK;
}

static void consume_in_thread(void *arg)
{
    (void)consume(arg);
}

static void produce_in_thread(void *arg)
{
    (void)produce(arg);
}

static player *player_make(player *p, uint32_t id)
{
    *p = (player){.game = &g, .random = test_random(&seed), .id = id};
    return p;
}

/* Number `i` of a side: in one of the places, or on a thread of its own. */
static void start(weft_scope *places, uint32_t i, player *p, weft_fn fn, void (*in_thread)(void *))
{
    uint32_t at = (uint32_t)(i + test_random(&seed) % 2) % PLACES;
    p->thread.handle = 0;
    if (at == PLACES - 1)
        assert_int_equal(weft__thread_start(&p->thread, in_thread, p, "player"), WEFT_OK);
    else
        assert_int_equal(weft_scope_go(&places[at], fn, p, "player"), WEFT_OK);
}

static void join_thread(player *p)
{
    if (p->thread.handle)
        weft__thread_join(p->thread);
}

/* What is left, for one who waits no more. */
static void drain(void)
{
    player rest;
    player_make(&rest, 0);
    for (weft_err e = WEFT_OK; e != WEFT_CLOSED;) {
        item x;
        size_t len;
        e = weft_get(g.q, &x, sizeof x, &len, WEFT_NOW);
        assert_true(e == WEFT_OK || e == WEFT_CLOSED);
        if (e == WEFT_OK)
            check_item(&rest, &x, len);
    }
}

static void check_all(void)
{
    assert_int_equal(weft_atomic_load(&g.wrong, WEFT_RELAXED), 0);
    for (uint32_t p = 0; p < g.producers; p++)
        for (uint32_t i = 0; i < g.items; i++)
            assert_int_equal(weft_atomic_load(&g.in[p][i], WEFT_RELAXED),
                             weft_atomic_load(&g.out[p][i], WEFT_RELAXED));
}

static void all_play(weft *w, bool cancel)
{
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    weft_scope s[3];
    for (int i = 0; i < 3; i++)
        weft_scope_init(&s[i], places[i], "players");
    for (uint32_t i = 0; i < g.consumers; i++)
        start(s, i, player_make(&g.consumer[i], i), consume, consume_in_thread);
    for (uint32_t i = 0; i < g.producers; i++)
        start(s, i, player_make(&g.producer[i], i), produce, produce_in_thread);
    if (cancel) {
        /* Those on plain threads cannot be cancelled: they end with the queue. */
        ignore(weft_scope_join(&s[0], weft_in_us((int64_t)(test_random(&seed) % 3000))));
        for (int i = 0; i < 3; i++)
            weft_scope_cancel(&s[i]);
        weft_queue_end(g.q);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weft_scope_join(&s[i], weft_in_s(100)), WEFT_OK);
        weft_scope_fini(&s[i]);
    }
    for (uint32_t i = 0; i < g.consumers; i++)
        join_thread(&g.consumer[i]);
    for (uint32_t i = 0; i < g.producers; i++)
        join_thread(&g.producer[i]);
}

static void play(weft *w, long items, bool cancel)
{
    static const size_t capacities[] = {1, 2, 3, 7, 16, 64, 1024};
    memset(&g, 0, sizeof g);
    g.producers = 1 + (uint32_t)(test_random(&seed) % SIDE_MAX);
    g.consumers = 1 + (uint32_t)(test_random(&seed) % SIDE_MAX);
    if (test_random(&seed) % 3 == 0) /* lanes are for few */
        g.producers = g.consumers = 1;
    g.items = (uint32_t)(items / g.producers);
    g.hurry = (int)(test_random(&seed) % 3) * 3;
    g.in_place = test_random(&seed) % 2;
    weft_atomic_store(&g.putting, g.producers, WEFT_RELAXED);
    size_t capacity = capacities[test_random(&seed) % (sizeof capacities / sizeof *capacities)];
    assert_int_equal(weft_queue_init(&g.q, "items", sizeof(item), capacity), WEFT_OK);
    all_play(w, cancel);
    for (uint32_t i = 0; !cancel && i < g.consumers; i++)
        assert_int_equal(g.consumer[i].ended, WEFT_CLOSED);
    drain();
    check_all();
    weft_queue_close(&g.q);
}

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    long games = test_length(12, 100);
    uint64_t late = 0;
    for (long i = 0; i < games; i++) {
        weft *w = engine_open(1 + (int)(i % 3));
        play(w, test_length(4000, 20000), false);
        for (uint32_t p = 0; p < g.producers; p++) /* all were accepted */
            for (uint32_t k = 0; k < g.items; k++)
                assert_int_equal(weft_atomic_load(&g.in[p][k], WEFT_RELAXED), 1);
        late += weft_atomic_load(&g.late, WEFT_RELAXED);
        engine_close(w);
    }
    assert_true(late > 0);
}

static void cancellation_loses_nothing(void **state)
{
    (void)state;
    long games = test_length(40, 400);
    uint64_t cancelled = 0;
    weft *w = engine_open(2);
    for (long i = 0; i < games; i++) {
        play(w, 20000, true);
        cancelled += weft_atomic_load(&g.cancelled, WEFT_RELAXED);
    }
    engine_close(w);
    assert_true(cancelled > 0);
}

/* The two ends of a queue move between threads, so that lanes are lent, called back and lent again. */
typedef struct mover {
    weft *w;
    uint64_t random;
    int64_t items, bad;
} mover;

static weft_err move_on(mover *m)
{
    uint64_t r = test_random(&m->random) % 200;
    if (r == 0)
        return weft_move(weft_threads(m->w));
    if (r == 1)
        return weft_move(weft_pool(m->w));
    return WEFT_OK;
}

static weft_err put_and_move(void *arg)
{
    mover *m = arg;
    weft_err e = WEFT_OK;
    for (int64_t i = 0; e == WEFT_OK && i < m->items; i++) {
        e = weft_put(g.q, &i, sizeof i, weft_in_s(60));
        if (e == WEFT_OK)
            e = move_on(m);
    }
    weft_queue_end(g.q);
    return e;
}

static weft_err get_and_move(void *arg)
{
    mover *m = arg;
    int64_t x, expect = 0;
    size_t len;
    weft_err e;
    while ((e = weft_get(g.q, &x, sizeof x, &len, weft_in_s(60))) == WEFT_OK &&
           move_on(m) == WEFT_OK)
        m->bad += x != expect++;
    m->bad += expect != m->items;
    return e == WEFT_CLOSED ? WEFT_OK : WEFT_INVALID;
}

static void the_order_outlives_every_move(void **state)
{
    (void)state;
    weft *w = engine_open(2);
    for (long i = test_length(4, 40); i > 0; i--) {
        weft_scope s;
        mover m[2] = {{.w = w, .items = 20000}, {.w = w, .items = 20000}};
        m[0].random = test_random(&seed);
        m[1].random = test_random(&seed);
        assert_int_equal(weft_queue_init(&g.q, "items", 8, 1 + test_random(&seed) % 300), WEFT_OK);
        weft_scope_init(&s, weft_pool(w), "movers");
        assert_int_equal(weft_go(&s, put_and_move, &m[0]), WEFT_OK);
        assert_int_equal(weft_go(&s, get_and_move, &m[1]), WEFT_OK);
        assert_int_equal(weft_scope_join(&s, weft_in_s(100)), WEFT_OK);
        weft_scope_fini(&s);
        assert_int_equal(m[1].bad, 0);
        weft_queue_close(&g.q);
    }
    engine_close(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled),
        cmocka_unit_test(cancellation_loses_nothing),
        cmocka_unit_test(the_order_outlives_every_move),
    };
    alarm(180);
    seed = test_seed();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
