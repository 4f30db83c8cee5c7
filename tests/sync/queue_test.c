/* A queue in this process keeps what weft/queue.h promises. */
#include "sync/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/child.h"
#include "task/engine.h"

static weft *w;
static weft_queue *q;

static int setup(void **state)
{
    (void)state;
    w = engine_open(2);
    q = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weft_queue_close(&q);
    engine_close(w);
    return 0;
}

static void make(size_t item_size, size_t capacity)
{
    weft_queue_close(&q);
    assert_int_equal(weft_queue_init(&q, "items", item_size, capacity), WEFT_OK);
}

static weft__local *inside(void)
{
    return (weft__local *)(void *)q;
}

/* Wait until so many wait at both ends. */
static void until_waiting(uint32_t put, uint32_t get)
{
    weft__local *l = inside();
    bool there = false;
    for (weft_deadline by = weft_in_s(30); !there && weft_clock() < by.ns;) {
        weft__guard_take(weft__sync_guard(&l->head));
        there = l->put.waiting == put && l->get.waiting == get;
        weft__guard_drop(weft__sync_guard(&l->head));
        if (!there)
            weft__cpu_yield();
    }
    assert_true(there);
}

static weft_err put(int64_t x, weft_deadline by)
{
    return weft_put(q, &x, sizeof x, by);
}

static int64_t got(weft_deadline by)
{
    int64_t x = -1;
    size_t len = 0;
    assert_int_equal(weft_get(q, &x, sizeof x, &len, by), WEFT_OK);
    assert_int_equal(len, sizeof x);
    return x;
}

static void nothing_there(void)
{
    int64_t x = -1;
    size_t len = 77;
    assert_int_equal(weft_get(q, &x, sizeof x, &len, WEFT_NOW), WEFT_LATE);
    assert_int_equal(x, -1);
    assert_int_equal(len, 77);
}

/* Of every length, through rings of every length, long enough that the lanes are lent. */
static void items_come_in_their_order(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 16, 24, 1024, 1500}, capacities[] = {1, 2, 3, 64, 100};
    unsigned char item[1500], back[1500];
    size_t len;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
            make(sizes[s], capacities[c]);
            unsigned written = 0, read = 0;
            while (read < 1000) {
                for (size_t i = 0; i < capacities[c]; i++, written++) {
                    memset(item, (int)(written % 251), sizeof item);
                    assert_int_equal(weft_put(q, item, written % (sizes[s] + 1), WEFT_NOW),
                                     WEFT_OK);
                }
                assert_int_equal(weft_put(q, item, 1, WEFT_NOW), WEFT_LATE);
                for (size_t i = 0; i < capacities[c]; i++, read++) {
                    assert_int_equal(weft_get(q, back, sizeof back, &len, WEFT_NOW), WEFT_OK);
                    assert_int_equal(len, read % (sizes[s] + 1));
                    memset(item, (int)(read % 251), sizeof item);
                    assert_memory_equal(item, back, len);
                }
                nothing_there();
            }
        }
}

static void late_has_no_effect(void **state)
{
    (void)state;
    make(8, 2);
    nothing_there();
    int64_t x;
    size_t len;
    assert_int_equal(weft_get(q, &x, sizeof x, &len, weft_in_ms(2)), WEFT_LATE);
    assert_string_equal(weft_detail(), "get: queue items: empty until the deadline");
    assert_int_equal(put(1, WEFT_NOW), WEFT_OK);
    assert_int_equal(put(2, WEFT_NOW), WEFT_OK);
    assert_int_equal(put(3, WEFT_NOW), WEFT_LATE);
    assert_int_equal(put(3, weft_in_ms(2)), WEFT_LATE);
    assert_string_equal(weft_detail(), "put: queue items: full until the deadline");
    assert_int_equal(got(WEFT_NOW), 1);
    assert_int_equal(got(WEFT_NOW), 2);
    nothing_there();
    until_waiting(0, 0);
}

/* One that waits, or works once, in a task of its own. */
typedef struct caller {
    int64_t x;
    size_t cap, len;
    void *slot;
    weft_err result;
    weft_deadline by;
    weft_err (*call)(struct caller *c);
} caller;

static weft_err call_put(caller *c)
{
    return weft_put(q, &c->x, sizeof c->x, c->by);
}

static weft_err call_get(caller *c)
{
    return weft_get(q, &c->x, c->cap, &c->len, c->by);
}

static weft_err call_claim(caller *c)
{
    return weft_claim(q, &c->slot, c->by);
}

static weft_err call_take(caller *c)
{
    return weft_take(q, &c->slot, &c->len, c->by);
}

static weft_err run_caller(void *arg)
{
    caller *c = arg;
    c->result = c->call(c);
    return WEFT_OK;
}

/* As many as `n`, waiting in the order of the array; until `s` is joined. */
static void let_wait(weft_scope *s, caller *c, uint32_t n, weft_err (*call)(caller *c))
{
    weft__local *l = inside();
    uint32_t puts = l->put.waiting, gets = l->get.waiting;
    bool at_put = call == call_put || call == call_claim;
    weft_scope_init(s, weft_pool(w), "waiting");
    for (uint32_t i = 0; i < n; i++) {
        c[i].call = call;
        c[i].by = WEFT_FOREVER;
        if (c[i].cap == 0)
            c[i].cap = sizeof c[i].x;
        assert_int_equal(weft_go(s, run_caller, &c[i]), WEFT_OK);
        until_waiting(puts + (at_put ? i + 1 : 0), gets + (at_put ? 0 : i + 1));
    }
}

static void joined(weft_scope *s)
{
    assert_int_equal(weft_scope_join(s, weft_in_s(30)), WEFT_OK);
    weft_scope_fini(s);
}

static void items_are_handed_to_those_who_wait_in_their_order(void **state)
{
    (void)state;
    enum { N = 20 };
    caller c[N] = {{.x = -1}};
    weft_scope s;
    make(8, 4);
    let_wait(&s, c, N, call_get);
    for (int i = 0; i < N; i++) {
        assert_int_equal(put(i, WEFT_NOW), WEFT_OK);
        /* Handed over: nothing is left for one that comes between the put and the wake. */
        nothing_there();
    }
    joined(&s);
    for (int i = 0; i < N; i++) {
        assert_int_equal(c[i].result, WEFT_OK);
        assert_int_equal(c[i].x, i);
        assert_int_equal(c[i].len, 8);
    }
}

static void free_slots_are_filled_by_those_who_wait_in_their_order(void **state)
{
    (void)state;
    enum { N = 20 };
    caller c[N];
    weft_scope s;
    make(8, 1);
    assert_int_equal(put(-7, WEFT_NOW), WEFT_OK);
    for (int i = 0; i < N; i++)
        c[i] = (caller){.x = i};
    let_wait(&s, c, N, call_put);
    assert_int_equal(got(WEFT_NOW), -7);
    for (int i = 0; i < N; i++) {
        assert_int_equal(put(99, WEFT_NOW), WEFT_LATE); /* nobody comes before those who wait */
        assert_int_equal(got(WEFT_NOW), i);
    }
    joined(&s);
    nothing_there();
}

static void an_item_that_is_too_big_stays(void **state)
{
    (void)state;
    char big[32] = "twelve bytes", small[4];
    size_t len = 0;
    make(16, 4);
    assert_int_equal(weft_put(q, big, 17, WEFT_NOW), WEFT_TOOBIG);
    assert_string_equal(weft_detail(), "put: queue items: an item of 17 bytes; it may have 16");
    for (int i = 0; i < 40; i++) { /* in the lanes as well */
        assert_int_equal(weft_put(q, big, 12, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_get(q, small, sizeof small, &len, WEFT_NOW), WEFT_TOOBIG);
        assert_int_equal(len, 12);
        assert_int_equal(weft_get(q, big, sizeof big, &len, WEFT_NOW), WEFT_OK);
        assert_string_equal(big, "twelve bytes");
    }
}

/* Two who wait with too little room learn so; the third, who has room, gets it. */
static void a_waiting_one_without_room_is_told(void **state)
{
    (void)state;
    caller c[3] = {{.cap = 4}, {.cap = 7}, {.cap = 8}};
    weft_scope s;
    make(8, 4);
    let_wait(&s, c, 3, call_get);
    assert_int_equal(put(5, WEFT_NOW), WEFT_OK);
    joined(&s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c[i].result, i < 2 ? WEFT_TOOBIG : WEFT_OK);
        assert_int_equal(c[i].len, 8);
    }
    assert_int_equal(c[2].x, 5);
    weft_scope again;
    let_wait(&again, c, 2, call_get); /* and if nobody has room, it stays */
    assert_int_equal(put(6, WEFT_NOW), WEFT_OK);
    joined(&again);
    assert_int_equal(c[0].result, WEFT_TOOBIG);
    assert_int_equal(c[1].result, WEFT_TOOBIG);
    assert_int_equal(got(WEFT_NOW), 6);
}

static void the_end_is_told_when_nothing_is_left(void **state)
{
    (void)state;
    int64_t x;
    size_t len;
    make(8, 4);
    assert_int_equal(put(1, WEFT_NOW), WEFT_OK);
    assert_int_equal(put(2, WEFT_NOW), WEFT_OK);
    weft_queue_end(q);
    weft_queue_end(q);
    assert_int_equal(put(3, WEFT_FOREVER), WEFT_CLOSED);
    assert_string_equal(weft_detail(), "put: queue items: it was ended");
    assert_int_equal(got(WEFT_FOREVER), 1);
    assert_int_equal(got(WEFT_FOREVER), 2);
    assert_int_equal(weft_get(q, &x, sizeof x, &len, WEFT_FOREVER), WEFT_CLOSED);
    assert_string_equal(weft_detail(), "get: queue items: it was ended, nothing is left");
    void *slot;
    assert_int_equal(weft_take(q, &slot, &len, WEFT_FOREVER), WEFT_CLOSED);
    assert_int_equal(weft_claim(q, &slot, WEFT_FOREVER), WEFT_CLOSED);
}

static void the_end_reaches_those_who_wait(void **state)
{
    (void)state;
    caller c[6] = {{.x = 0}};
    weft_scope s, t;
    make(8, 1);
    let_wait(&s, c, 3, call_get);
    let_wait(&t, c + 3, 3, call_take);
    weft_queue_end(q);
    joined(&s);
    joined(&t);
    for (int i = 0; i < 6; i++)
        assert_int_equal(c[i].result, WEFT_CLOSED);
    make(8, 1);
    assert_int_equal(put(1, WEFT_NOW), WEFT_OK);
    let_wait(&s, c, 3, call_put);
    let_wait(&t, c + 3, 3, call_claim);
    weft_queue_end(q);
    joined(&s);
    joined(&t);
    for (int i = 0; i < 6; i++)
        assert_int_equal(c[i].result, WEFT_CLOSED);
    assert_int_equal(got(WEFT_NOW), 1); /* what was in, and nothing of theirs */
    weft_queue_close(&q);
}

static void cancelled_has_no_effect(void **state)
{
    (void)state;
    caller c[4] = {{.x = 1}, {.x = 2}, {.x = 3}, {.x = 4}};
    weft_scope s;
    make(8, 1);
    let_wait(&s, c, 4, call_get);
    weft_scope_cancel(&s);
    joined(&s);
    assert_int_equal(c[0].result, WEFT_CANCELLED);
    assert_int_equal(put(10, WEFT_NOW), WEFT_OK); /* nobody has it */
    let_wait(&s, c, 4, call_put);
    weft_scope_cancel(&s);
    joined(&s);
    assert_int_equal(c[3].result, WEFT_CANCELLED);
    assert_int_equal(got(WEFT_NOW), 10);
    nothing_there();
    assert_int_equal(put(11, WEFT_NOW), WEFT_OK);
    let_wait(&s, c, 4, call_claim);
    weft_scope_cancel(&s);
    joined(&s);
    assert_int_equal(c[0].result, WEFT_CANCELLED);
    assert_int_equal(got(WEFT_NOW), 11);
    nothing_there();
    assert_int_equal(put(12, WEFT_NOW), WEFT_OK);
}

static void commits_are_seen_in_the_order_of_the_claims(void **state)
{
    (void)state;
    void *slot[4];
    make(24, 4);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(weft_claim(q, &slot[i], WEFT_NOW), WEFT_OK);
            assert_int_equal((uintptr_t)slot[i] % 16, 0);
            memset(slot[i], 0, 24);
            *(int64_t *)slot[i] = i;
        }
        assert_int_equal(put(3, WEFT_NOW), WEFT_OK); /* behind what is claimed */
        assert_int_equal(weft_claim(q, &slot[3], WEFT_NOW), WEFT_LATE);
        nothing_there();
        assert_int_equal(weft_commit(q, slot[2], 8), WEFT_OK);
        assert_int_equal(weft_commit(q, slot[1], 8), WEFT_OK);
        nothing_there();
        assert_int_equal(weft_commit(q, slot[0], 25), WEFT_TOOBIG);
        assert_int_equal(weft_commit(q, slot[0], 8), WEFT_OK);
        assert_int_equal(weft_commit(q, slot[0], 8), WEFT_INVALID);
        for (int i = 0; i < 4; i++)
            assert_int_equal(got(WEFT_NOW), i);
        nothing_there();
    }
}

static void slots_are_free_in_the_order_of_the_takes(void **state)
{
    (void)state;
    void *slot[3];
    size_t len;
    make(8, 4);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 4; i++)
            assert_int_equal(put(i, WEFT_NOW), WEFT_OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(weft_take(q, &slot[i], &len, WEFT_NOW), WEFT_OK);
            assert_int_equal(*(int64_t *)slot[i], i);
            assert_int_equal(len, 8);
        }
        assert_int_equal(got(WEFT_NOW), 3); /* its slot is behind those that are taken */
        nothing_there();
        assert_int_equal(weft_done(q, slot[1]), WEFT_OK);
        assert_int_equal(weft_done(q, slot[1]), WEFT_INVALID);
        assert_int_equal(put(4, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_done(q, slot[0]), WEFT_OK);
        assert_int_equal(put(4, WEFT_NOW), WEFT_OK);
        assert_int_equal(put(5, WEFT_NOW), WEFT_OK);
        assert_int_equal(put(6, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_commit(q, slot[2], 8), WEFT_INVALID);
        assert_int_equal(weft_done(q, slot[2]), WEFT_OK);
        assert_int_equal(got(WEFT_NOW), 4);
        assert_int_equal(got(WEFT_NOW), 5);
    }
}

static void what_is_no_slot_is_refused(void **state)
{
    (void)state;
    void *slot, *other;
    size_t len;
    char mine[8];
    make(8, 4);
    assert_int_equal(weft_claim(q, &slot, WEFT_NOW), WEFT_OK);
    other = (char *)slot + 1;
    assert_int_equal(weft_commit(q, other, 8), WEFT_INVALID);
    other = (char *)slot + 8;
    assert_int_equal(weft_commit(q, other, 8), WEFT_INVALID);
    assert_int_equal(weft_commit(q, mine, 8), WEFT_INVALID);
    assert_int_equal(weft_commit(q, NULL, 8), WEFT_INVALID);
    assert_int_equal(weft_done(q, slot), WEFT_INVALID);
    assert_string_equal(weft_detail(), "done: queue items: this is no slot that weft_take gave");
    assert_int_equal(weft_commit(q, slot, 8), WEFT_OK);
    assert_int_equal(weft_take(q, &slot, &len, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_done(q, slot), WEFT_OK);
}

static void slots_are_given_to_those_who_wait(void **state)
{
    (void)state;
    caller take[2] = {{.x = 0}}, claim[2] = {{.x = 0}};
    weft_scope s, t;
    void *first;
    make(8, 1);
    assert_int_equal(weft_claim(q, &first, WEFT_NOW), WEFT_OK);
    /* Nothing is visible and nothing is free: both ends have somebody who waits. */
    let_wait(&s, take, 2, call_take);
    let_wait(&t, claim, 2, call_claim);
    *(int64_t *)first = 1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weft_commit(q, i == 0 ? first : claim[0].slot, 8), WEFT_OK);
        until_waiting(2 - (uint32_t)i, 1 - (uint32_t)i);
        assert_int_equal(weft_done(q, first), WEFT_OK); /* the only slot there is */
        until_waiting(1 - (uint32_t)i, 1 - (uint32_t)i);
        /* Served under the guard, seen by the one who took that since. */
        claim[0].slot = first;
    }
    joined(&s);
    joined(&t);
    assert_int_equal(weft_commit(q, first, 8), WEFT_OK);
    assert_int_equal(got(WEFT_NOW), 1);
}

/* No slot is free, and no item is to be had: both wait, and nobody is told anything before there is room. */
static void a_put_waits_beside_a_get_while_all_slots_are_taken(void **state)
{
    (void)state;
    caller getter = {.cap = 4, .x = -1}, putter = {.x = 2};
    weft_scope s, t;
    void *slot;
    size_t len;
    make(8, 1);
    assert_int_equal(put(1, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_take(q, &slot, &len, WEFT_NOW), WEFT_OK);
    let_wait(&s, &getter, 1, call_get);
    let_wait(&t, &putter, 1, call_put);
    until_waiting(1, 1);
    assert_int_equal(weft_done(q, slot), WEFT_OK);
    joined(&s);
    joined(&t);
    assert_int_equal(putter.result, WEFT_OK);
    assert_int_equal(getter.result, WEFT_TOOBIG);
    assert_int_equal(getter.len, 8);
    assert_int_equal(got(WEFT_NOW), 2);
}

static void the_end_waits_for_what_is_claimed(void **state)
{
    (void)state;
    caller c[2] = {{.x = -1}};
    weft_scope s;
    void *slot;
    make(8, 4);
    assert_int_equal(weft_claim(q, &slot, WEFT_NOW), WEFT_OK);
    let_wait(&s, c, 2, call_get);
    weft_queue_end(q);
    nothing_there(); /* late, not closed */
    until_waiting(0, 2);
    *(int64_t *)slot = 9;
    assert_int_equal(weft_commit(q, slot, 8), WEFT_OK);
    joined(&s);
    assert_int_equal(c[0].result, WEFT_OK);
    assert_int_equal(c[0].x, 9);
    assert_int_equal(c[1].result, WEFT_CLOSED);
}

/* A shared queue, as far as this layer knows. */
static void a_shared_queue_has_no_slots(void **state)
{
    (void)state;
    static const weft__queue_kind kind;
    weft__queue_base base = {&kind, "shared"};
    weft_queue *other = (weft_queue *)(void *)&base;
    void *slot;
    size_t len;
    assert_int_equal(weft_claim(other, &slot, WEFT_NOW), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "claim: queue shared: processes share it"));
    assert_int_equal(weft_commit(other, &slot, 0), WEFT_INVALID);
    assert_int_equal(weft_take(other, &slot, &len, WEFT_NOW), WEFT_INVALID);
    assert_int_equal(weft_done(other, &slot), WEFT_INVALID);
}

static void refused(const char *name, size_t item_size, size_t capacity, weft_err e,
                    const char *why)
{
    weft_queue *none = NULL;
    assert_int_equal(weft_queue_init(&none, name, item_size, capacity), e);
    assert_null(none);
    assert_non_null(strstr(weft_detail(), why));
}

static void what_cannot_be_made_is_refused(void **state)
{
    (void)state;
    refused("q", 0, 4, WEFT_INVALID, "queue q: items of 0 bytes");
    refused("q", 8, 0, WEFT_INVALID, "queue q: a capacity of 0");
    refused(NULL, 8, 8, WEFT_INVALID, "a queue needs a name");
    refused("", 8, 8, WEFT_INVALID, "a queue needs a name");
    refused("q", (size_t)1 << 31, 1, WEFT_INVALID, "put its address instead");
    refused("q", 1 << 20, SIZE_MAX >> 10, WEFT_INVALID, "more than there are addresses");
    refused("q", 1, SIZE_MAX, WEFT_INVALID, "more than there are addresses");
    refused("q", 1, SIZE_MAX / 5, WEFT_INVALID, "more than there are addresses");
    refused("q", 1 << 20, (size_t)1 << 30, WEFT_NOMEM, "queue q: no memory");
}

/* Sanitizers shall say NULL to what cannot be had, as malloc does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* The end of the queue is in the hands of the one who gets the last item. */
static weft_err get_all_and_close(void *arg)
{
    int64_t x, sum = 0;
    size_t len;
    while (sum < *(int64_t *)arg && weft_get(q, &x, sizeof x, &len, weft_in_s(30)) == WEFT_OK)
        sum += x;
    weft_queue_close(&q);
    return sum == *(int64_t *)arg ? WEFT_OK : WEFT_INVALID;
}

static weft_err put_all(void *arg)
{
    weft_queue *mine = q;
    int64_t one = 1;
    for (int64_t i = 0; i < *(int64_t *)arg; i++) {
        weft_err e = weft_put(mine, &one, sizeof one, weft_in_s(30));
        if (e != WEFT_OK)
            return e;
    }
    return WEFT_OK;
}

static void who_got_the_last_item_may_close(void **state)
{
    (void)state;
    weft_place *places[] = {weft_pool(w), weft_threads(w)};
    long rounds = test_length(300, 3000);
    for (long i = 0; i < rounds; i++) {
        weft_scope s, t;
        int64_t n = 1 + i % 40;
        make(8, 1 + (size_t)i % 3 * 7);
        weft_scope_init(&s, places[i & 1], "puts");
        weft_scope_init(&t, places[(i >> 1) & 1], "gets");
        assert_int_equal(weft_go(&s, put_all, &n), WEFT_OK);
        assert_int_equal(weft_go(&t, get_all_and_close, &n), WEFT_OK);
        joined(&s);
        joined(&t);
        assert_null(q);
    }
}

static void run_in_thread(void *arg)
{
    (void)run_caller(arg);
}

static void close_under_one_who_waits(void)
{
    caller c = {.cap = 8, .call = call_get, .by = WEFT_FOREVER};
    weft__thread t;
    if (weft_queue_init(&q, "items", 8, 8) == WEFT_OK &&
        weft__thread_start(&t, run_in_thread, &c, "gets") == WEFT_OK) {
        until_waiting(0, 1);
        weft_queue_close(&q);
    }
}

/* Without an engine: it forks, and no other thread may live then. */
static void closing_it_under_one_who_waits_aborts(void **state)
{
    (void)state;
    aborts_here(close_under_one_who_waits, "queue items: closed while 1 wait in it");
    weft_queue_close(&q); /* NULL: nothing happens */
}

static bool lent(const weft__end *e)
{
    return weft_atomic_load(&e->lane.holder, WEFT_RELAXED) != 0;
}

/* The lane of an end goes to a thread that comes again and again, and comes back for another. */
static void a_lane_is_called_back_from_another_thread(void **state)
{
    (void)state;
    make(8, 1000);
    for (int i = 0; i <= WEFT__LANE_AFTER; i++)
        assert_int_equal(put(i, WEFT_NOW), WEFT_OK);
    assert_true(lent(&inside()->put));
    for (int i = 0; i <= WEFT__LANE_AFTER; i++)
        assert_int_equal(got(WEFT_NOW), i);
    /* Both ends are this thread's: lightly. */
    assert_int_equal(weft_atomic_load(&inside()->get.lane.holder, WEFT_RELAXED) & 1,
                     inside()->barrier);
    for (int i = 0; i < 50; i++)
        assert_int_equal(put(i, WEFT_NOW), WEFT_OK);
    caller c[2] = {{.call = call_get, .cap = 8, .by = WEFT_NOW},
                   {.call = call_put, .x = 50, .by = WEFT_NOW}};
    for (int i = 0; i < 2; i++) {
        weft__thread t;
        assert_int_equal(weft__thread_start(&t, run_in_thread, &c[i], "other"), WEFT_OK);
        weft__thread_join(t);
        assert_int_equal(c[i].result, WEFT_OK);
    }
    assert_int_equal(c[0].x, 0);
    for (int i = 1; i <= 50; i++)
        assert_int_equal(got(WEFT_NOW), i);
    nothing_there();
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_it_under_one_who_waits_aborts), /* first: it forks */
        T(items_come_in_their_order),
        T(late_has_no_effect),
        T(items_are_handed_to_those_who_wait_in_their_order),
        T(free_slots_are_filled_by_those_who_wait_in_their_order),
        T(an_item_that_is_too_big_stays),
        T(a_waiting_one_without_room_is_told),
        T(the_end_is_told_when_nothing_is_left),
        T(the_end_reaches_those_who_wait),
        T(cancelled_has_no_effect),
        T(commits_are_seen_in_the_order_of_the_claims),
        T(slots_are_free_in_the_order_of_the_takes),
        T(what_is_no_slot_is_refused),
        T(slots_are_given_to_those_who_wait),
        T(a_put_waits_beside_a_get_while_all_slots_are_taken),
        T(the_end_waits_for_what_is_claimed),
        T(a_shared_queue_has_no_slots),
        T(what_cannot_be_made_is_refused),
        T(who_got_the_last_item_may_close),
        T(a_lane_is_called_back_from_another_thread),
    };
    alarm(120);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
