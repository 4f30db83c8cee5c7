/* Shared queues keep what they promise, for every place of producers and consumers. */
#include "share/items.h"

#include "share/stream.h"
#include "task/engine.h"

/* Every combination of roles: put some, get all, in order. */

typedef struct plan {
    weft_role role[CREW_MAX];
    uint32_t items, len;
    weft_queue_opts opts;
} plan;

static void produce(member *m, weft_queue *q, const plan *p)
{
    uint8_t *buf = malloc(sizeof(stamp) + p->len);
    for (uint32_t i = 0; i < p->items; i++) {
        size_t len = write_item(buf, (uint32_t)m->rank, i, p->len);
        if (saw(m, weft_put(q, buf, len, weft_in_s(LONG_S))) != WEFT_OK)
            break;
        weft_atomic_fetch_add(&accepted[m->rank][i], 1, WEFT_RELAXED);
    }
    weft_queue_end(q);
    free(buf);
}

/* Until the end. Counts in seen[0] what was not whole or not in the order of its producer. */
static weft_err consume(member *m, weft_queue *q, size_t cap)
{
    uint32_t next[CREW_MAX] = {0};
    uint8_t *buf = malloc(cap);
    size_t len = 0;
    weft_err e;
    while ((e = weft_get(q, buf, cap, &len, weft_in_s(LONG_S))) == WEFT_OK) {
        stamp s;
        if (!read_item(buf, len, &s) || s.number < next[s.producer])
            m->seen[0]++;
        else
            next[s.producer] = s.number + 1;
    }
    free(buf);
    return e;
}

typedef struct helper {
    member *m;
    weft_queue *q;
    const plan *p;
} helper;

static void produce_beside(void *arg)
{
    helper *h = arg;
    produce(h->m, h->q, h->p);
}

static void act_by_plan(member *m, void *ctx)
{
    const plan *p = ctx;
    weft_queue *q = NULL;
    if (saw(m, weft_queue_open(&q, m->team, "items", p->role[m->rank], &p->opts,
                               weft_in_s(LONG_S))) != WEFT_OK)
        return;
    weft__thread t;
    helper h = {m, q, p};
    bool both = p->role[m->rank] == WEFT_BOTH;
    if (both && weft__thread_start(&t, produce_beside, &h, "produce") != WEFT_OK)
        m->seen[0]++;
    else if (p->role[m->rank] == WEFT_PRODUCER)
        produce(m, q, p);
    if (p->role[m->rank] & WEFT_CONSUMER) {
        weft_err e = consume(m, q, sizeof(stamp) + p->len);
        if (both)
            weft__thread_join(t);
        saw(m, e == WEFT_CLOSED ? WEFT_OK : e);
    }
    weft_queue_close(&q);
    m->seen[0] += q != NULL;
}

static void run_plan(int n, plan *p)
{
    crew c;
    forget_all();
    crew_open(&c, n);
    crew_run(&c, act_by_plan, p);
    assert_all(&c, WEFT_OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(c.m[i].seen[0], 0);
    crew_close(&c);
    assert_exactly_once();
}

static void every_item_arrives_once_in_order_whatever_the_roles(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++)
        for (int combination = 0; combination < 1 << 2 * n; combination++) {
            plan p = {.items = 20, .len = 100, .opts = {.max_items = 4}};
            unsigned all = 0;
            for (int i = 0; i < n; i++) {
                p.role[i] = (weft_role)(combination >> 2 * i & 3);
                all |= p.role[i];
            }
            if (all == WEFT_BOTH)
                run_plan(n, &p);
        }
}

static void eight_ranks_in_both_roles(void **state)
{
    (void)state;
    for (int n = 4; n <= 8; n++) {
        plan p = {.items = 200, .len = 40};
        for (int i = 0; i < n; i++)
            p.role[i] = WEFT_BOTH;
        run_plan(n, &p);
        p.role[0] = WEFT_PRODUCER;
        for (int i = 1; i < n; i++)
            p.role[i] = WEFT_CONSUMER;
        run_plan(n, &p);
        p.role[0] = WEFT_NEITHER;
        p.role[1] = WEFT_PRODUCER;
        run_plan(n, &p);
    }
}

static void items_of_every_length(void **state)
{
    (void)state;
    static const uint32_t lens[] = {0, 1, 8191, 262144, 1500000};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        plan p = {.role = {WEFT_BOTH, WEFT_BOTH, WEFT_CONSUMER}, .items = 12, .len = lens[i]};
        p.opts.max_bytes = 3000000;
        run_plan(3, &p);
    }
}

/* One step after another, on the test's own thread: every rank's queue at hand. */

typedef struct table {
    crew c;
    plan p;
    weft_queue *q[CREW_MAX];
} table;

static void open_part(member *m, void *ctx)
{
    table *t = ctx;
    saw(m, weft_queue_open(&t->q[m->rank], m->team, "items", t->p.role[m->rank], &t->p.opts,
                           weft_in_s(LONG_S)));
}

static void close_part(member *m, void *ctx)
{
    table *t = ctx;
    weft_queue_close(&t->q[m->rank]);
}

static void lay(table *t, int n)
{
    crew_open(&t->c, n);
    crew_run(&t->c, open_part, t);
    assert_all(&t->c, WEFT_OK);
}

static void clear(table *t)
{
    crew_run(&t->c, close_part, t);
    crew_close(&t->c);
}

/* A rank dies. In its own memory, which here outlives it, everybody else does, so that it can be freed. */
static void kill_rank(table *t, int rank)
{
    crew_kill(&t->c, rank);
    for (int i = 0; i < t->c.size; i++)
        if (i != rank)
            weft__queue_gone(t->q[rank], i);
}

static weft_err put_text(weft_queue *q, const char *text, weft_deadline by)
{
    return weft_put(q, text, strlen(text), by);
}

static void assert_next(weft_queue *q, const char *text)
{
    char buf[64];
    size_t len = 0;
    weft_err e = weft_get(q, buf, sizeof buf, &len, weft_in_s(LONG_S));
    if (e != WEFT_OK)
        fail_msg("%s instead of %s: %s", weft_strerror(e), text, weft_detail());
    assert_int_equal(len, strlen(text));
    assert_memory_equal(buf, text, len);
}

static void assert_end(weft_queue *q, weft_err e)
{
    char buf[64];
    size_t len = 77;
    assert_int_equal(weft_get(q, buf, sizeof buf, &len, weft_in_s(LONG_S)), e);
    assert_int_equal(len, 77);
}

static void a_full_queue_takes_no_more(void **state)
{
    (void)state;
    for (int producer = 0; producer < 2; producer++) {
        table t = {.p = {.role = {WEFT_CONSUMER, WEFT_CONSUMER}, .opts = {.max_items = 3}}};
        t.p.role[producer] = WEFT_BOTH;
        lay(&t, 2);
        weft_queue *q = t.q[producer];
        assert_int_equal(put_text(q, "a", weft_in_s(LONG_S)), WEFT_OK);
        assert_int_equal(put_text(q, "b", WEFT_NOW), WEFT_OK); /* there is room: no wait */
        assert_int_equal(put_text(q, "c", WEFT_NOW), WEFT_OK);
        assert_int_equal(put_text(q, "late", WEFT_NOW), WEFT_LATE);
        assert_int_equal(put_text(q, "late", weft_in_ms(30)), WEFT_LATE);
        assert_next(t.q[0], "a");
        assert_int_equal(put_text(q, "d", WEFT_NOW), WEFT_OK);
        assert_int_equal(put_text(q, "late", weft_in_ms(5)), WEFT_LATE);
        weft_queue_end(q);
        weft_queue_end(q);
        assert_int_equal(put_text(q, "e", WEFT_NOW), WEFT_CLOSED);
        assert_next(t.q[0], "b");
        assert_next(t.q[0], "c");
        assert_next(t.q[0], "d");
        assert_end(t.q[0], WEFT_CLOSED);
        assert_end(t.q[1], WEFT_CLOSED);
        clear(&t);
    }
}

static void bytes_are_bounded_too(void **state)
{
    (void)state;
    char big[1001] = {0};
    for (int producer = 0; producer < 2; producer++) {
        table t = {.p = {.role = {WEFT_CONSUMER, WEFT_NEITHER}, .opts = {.max_bytes = 1000}}};
        t.p.role[producer] |= WEFT_PRODUCER;
        lay(&t, 2);
        weft_queue *q = t.q[producer];
        assert_int_equal(weft_put(q, big, 1001, WEFT_FOREVER), WEFT_TOOBIG);
        assert_int_equal(weft_put(q, big, 600, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_put(q, big, 401, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_put(q, big, 400, WEFT_NOW), WEFT_OK);
        assert_int_equal(weft_put(q, big, 1, WEFT_NOW), WEFT_LATE);
        assert_int_equal(weft_put(q, big, 0, WEFT_NOW), WEFT_OK);
        size_t len = 0;
        assert_int_equal(weft_get(t.q[0], big, 1000, &len, WEFT_NOW), WEFT_OK);
        assert_int_equal(len, 600);
        assert_int_equal(weft_put(q, big, 600, WEFT_NOW), WEFT_OK);
        clear(&t);
    }
}

static void an_item_too_big_for_the_buffer_stays_the_next(void **state)
{
    (void)state;
    for (int consumer = 0; consumer < 2; consumer++) {
        table t = {.p = {.role = {WEFT_PRODUCER, WEFT_CONSUMER}}};
        char buf[8];
        size_t len = 0;
        t.p.role[consumer] |= WEFT_CONSUMER;
        lay(&t, 2);
        assert_int_equal(put_text(t.q[0], "longer than eight", WEFT_FOREVER), WEFT_OK);
        assert_int_equal(put_text(t.q[0], "short", WEFT_FOREVER), WEFT_OK);
        weft_queue_end(t.q[0]);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(weft_get(t.q[consumer], buf, sizeof buf, &len, weft_in_s(LONG_S)),
                             WEFT_TOOBIG);
            assert_int_equal(len, 17);
        }
        assert_next(t.q[consumer], "longer than eight");
        assert_next(t.q[consumer], "short");
        assert_end(t.q[consumer], WEFT_CLOSED);
        clear(&t);
    }
}

static void a_late_get_takes_nothing(void **state)
{
    (void)state;
    for (int consumer = 0; consumer < 2; consumer++) {
        table t = {.p = {.role = {WEFT_PRODUCER, WEFT_PRODUCER}}};
        char buf[8];
        size_t len;
        t.p.role[consumer] |= WEFT_CONSUMER;
        lay(&t, 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(
                weft_get(t.q[consumer], buf, sizeof buf, &len, i == 1 ? WEFT_NOW : weft_in_ms(5)),
                WEFT_LATE);
        /* What this rank asked for in vain comes to its next get. */
        assert_int_equal(put_text(t.q[1], "1", WEFT_FOREVER), WEFT_OK);
        assert_int_equal(put_text(t.q[1], "2", WEFT_FOREVER), WEFT_OK);
        assert_next(t.q[consumer], "1");
        assert_next(t.q[consumer], "2");
        clear(&t);
    }
}

static void roles_are_kept_to(void **state)
{
    (void)state;
    table t = {.p = {.role = {WEFT_CONSUMER, WEFT_PRODUCER}}};
    char c;
    size_t len;
    lay(&t, 2);
    assert_int_equal(weft_put(t.q[0], "x", 1, WEFT_NOW), WEFT_INVALID);
    assert_int_equal(weft_get(t.q[1], &c, 1, &len, WEFT_NOW), WEFT_INVALID);
    clear(&t);
}

static void what_a_closing_consumer_did_not_take_goes_to_others(void **state)
{
    (void)state;
    static const char *const text[] = {"1", "2", "3", "4", "5", "6"};
    table t = {.p = {.role = {WEFT_PRODUCER, WEFT_CONSUMER, WEFT_CONSUMER}, .opts = {.ahead = 4}}};
    lay(&t, 3);
    for (int i = 0; i < 6; i++)
        assert_int_equal(put_text(t.q[0], text[i], WEFT_FOREVER), WEFT_OK);
    assert_next(t.q[1], "1");
    /* 2, 3, 4 and perhaps 5 are on rank 1's shelf, or on their way. */
    weft_queue_end(t.q[0]);
    weft_queue_close(&t.q[1]);
    unsigned got = 1; /* bit i: text[i]; what comes back may come after what had stayed */
    for (int i = 1; i < 6; i++) {
        char buf[8] = {0};
        size_t len;
        assert_int_equal(weft_get(t.q[2], buf, sizeof buf, &len, weft_in_s(LONG_S)), WEFT_OK);
        got |= 1U << (buf[0] - '1');
    }
    assert_int_equal(got, 63);
    assert_end(t.q[2], WEFT_CLOSED);
    clear(&t);
}

static void meet(member *m, void *ctx)
{
    (void)ctx;
    saw(m, weft_team_barrier(m->team, weft_in_s(LONG_S)));
}

static void what_comes_back_comes_to_stand_in_front(void **state)
{
    (void)state;
    static const char *const text[] = {"1", "2", "3", "4", "5"};
    table t = {.p = {.role = {WEFT_BOTH, WEFT_CONSUMER}, .opts = {.ahead = 3}}};
    lay(&t, 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(put_text(t.q[0], text[i], WEFT_FOREVER), WEFT_OK);
    assert_next(t.q[1], "1");
    weft_queue_close(&t.q[1]);
    crew_run(&t.c, meet, NULL); /* letters of one rank come in order: the items are back */
    assert_all(&t.c, WEFT_OK);
    for (int i = 1; i < 5; i++)
        assert_next(t.q[0], text[i]);
    clear(&t);
}

static void the_end_waits_for_items_that_may_come_back(void **state)
{
    (void)state;
    table t = {.p = {.role = {WEFT_PRODUCER, WEFT_CONSUMER, WEFT_CONSUMER}, .opts = {.ahead = 4}}};
    char buf[8];
    size_t len;
    lay(&t, 3);
    assert_int_equal(put_text(t.q[0], "1", WEFT_FOREVER), WEFT_OK);
    assert_int_equal(put_text(t.q[0], "2", WEFT_FOREVER), WEFT_OK);
    assert_next(t.q[1], "1");
    weft_queue_end(t.q[0]);
    assert_int_equal(weft_get(t.q[2], buf, sizeof buf, &len, weft_in_ms(50)), WEFT_LATE);
    weft_queue_close(&t.q[1]);
    assert_next(t.q[2], "2");
    assert_end(t.q[2], WEFT_CLOSED);
    clear(&t);
}

static void a_lost_producer_is_no_clean_end(void **state)
{
    (void)state;
    table t = {.p = {.role = {WEFT_CONSUMER, WEFT_BOTH, WEFT_PRODUCER}}};
    lay(&t, 3);
    assert_int_equal(put_text(t.q[2], "left behind", WEFT_FOREVER), WEFT_OK);
    weft_queue_end(t.q[1]);
    kill_rank(&t, 2);
    assert_next(t.q[1], "left behind");
    assert_end(t.q[1], WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 2"));
    assert_end(t.q[0], WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 2"));
    clear(&t);
}

static void a_consumer_lost_with_items_is_no_clean_end(void **state)
{
    (void)state;
    table t = {.p = {.role = {WEFT_PRODUCER, WEFT_CONSUMER, WEFT_CONSUMER}, .opts = {.ahead = 4}}};
    lay(&t, 3);
    assert_int_equal(put_text(t.q[0], "1", WEFT_FOREVER), WEFT_OK);
    assert_int_equal(put_text(t.q[0], "2", WEFT_FOREVER), WEFT_OK);
    assert_next(t.q[1], "1");
    kill_rank(&t, 1);
    weft_queue_end(t.q[0]);
    assert_end(t.q[2], WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 1"));
    clear(&t);
}

static void a_lost_home_is_told_to_all(void **state)
{
    (void)state;
    table t = {
        .p = {.role = {WEFT_NEITHER, WEFT_PRODUCER, WEFT_CONSUMER}, .opts = {.max_items = 1}}};
    lay(&t, 3);
    assert_int_equal(put_text(t.q[1], "1", WEFT_FOREVER), WEFT_OK);
    kill_rank(&t, 0);
    assert_int_equal(put_text(t.q[1], "2", WEFT_FOREVER), WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 0"));
    assert_end(t.q[2], WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 0"));
    clear(&t);
}

/* A put that waits on another thread. */
typedef struct waiting_put {
    weft_queue *q;
    const char *text;
    weft_deadline by;
    weft_err err;
    weft__thread thread;
} waiting_put;

static void put_on_thread(void *arg)
{
    waiting_put *w = arg;
    w->err = put_text(w->q, w->text, w->by);
}

static void start_put(waiting_put *w, weft_queue *q, const char *text)
{
    *w = (waiting_put){.q = q, .text = text, .by = weft_in_s(LONG_S)};
    assert_int_equal(weft__thread_start(&w->thread, put_on_thread, w, "put"), WEFT_OK);
}

static weft_err end_put(waiting_put *w)
{
    weft__thread_join(w->thread);
    return w->err;
}

static weft_err put_as_task(void *arg)
{
    waiting_put *w = arg;
    w->err = put_text(w->q, w->text, w->by);
    return WEFT_OK;
}

/* Put as a task that is cancelled once it waits, or just before. */
static weft_err cancelled_put(weft_queue *q, const char *text)
{
    weft *engine = engine_open(1);
    waiting_put w = {.q = q, .text = text, .by = weft_in_s(LONG_S)};
    weft_scope s;
    weft_scope_init(&s, weft_pool(engine), "put");
    assert_int_equal(weft_go(&s, put_as_task, &w), WEFT_OK);
    weft_scope_cancel(&s);
    assert_int_equal(weft_scope_join(&s, WEFT_FOREVER), WEFT_OK);
    weft_scope_fini(&s);
    engine_close(engine);
    return w.err;
}

static void putters_are_let_go_when_every_consumer_closed(void **state)
{
    (void)state;
    for (int producer = 0; producer < 2; producer++) {
        table t = {
            .p = {.role = {WEFT_NEITHER, WEFT_NEITHER, WEFT_CONSUMER}, .opts = {.max_items = 1}}};
        waiting_put w;
        t.p.role[producer] = WEFT_PRODUCER;
        lay(&t, 3);
        assert_int_equal(put_text(t.q[producer], "1", WEFT_FOREVER), WEFT_OK);
        start_put(&w, t.q[producer], "2");
        weft_queue_close(&t.q[2]);
        assert_int_equal(end_put(&w), WEFT_CLOSED);
        assert_int_equal(put_text(t.q[producer], "3", WEFT_FOREVER), WEFT_CLOSED);
        clear(&t);
    }
}

static void a_cancelled_put_is_not_in_the_queue(void **state)
{
    (void)state;
    for (int producer = 0; producer < 2; producer++) {
        table t = {.p = {.role = {WEFT_CONSUMER, WEFT_NEITHER}, .opts = {.max_items = 1}}};
        t.p.role[producer] |= WEFT_PRODUCER;
        lay(&t, 2);
        assert_int_equal(put_text(t.q[producer], "1", WEFT_FOREVER), WEFT_OK);
        assert_int_equal(cancelled_put(t.q[producer], "cancelled"), WEFT_CANCELLED);
        weft_queue_end(t.q[producer]);
        assert_next(t.q[0], "1");
        assert_end(t.q[0], WEFT_CLOSED);
        clear(&t);
    }
}

/* Opening */

typedef struct wish {
    const char *name[CREW_MAX];
    weft_role role[CREW_MAX];
    int absent; /* a rank that does not open, or -1 */
    weft_deadline by[CREW_MAX];
} wish;

static void open_by_wish(member *m, void *ctx)
{
    wish *w = ctx;
    weft_queue *q = NULL;
    if (m->rank == w->absent)
        return;
    saw(m, weft_queue_open(&q, m->team, w->name[m->rank], w->role[m->rank], NULL,
                           w->by[m->rank].ns ? w->by[m->rank] : weft_in_s(LONG_S)));
    m->seen[0] += (q != NULL) != (m->err == WEFT_OK);
    weft_queue_close(&q);
}

static void assert_open(int n, wish *w, weft_err e, const char *text)
{
    crew c;
    crew_open(&c, n);
    crew_run(&c, open_by_wish, w);
    for (int i = 0; i < n; i++) {
        if (i == w->absent)
            continue;
        assert_int_equal(c.m[i].seen[0], 0);
        if (c.m[i].err != e || !strstr(c.m[i].detail, text))
            fail_msg("rank %d: %s: %s", i, weft_strerror(c.m[i].err), c.m[i].detail);
    }
    crew_close(&c);
}

static void opening_names_the_rank_that_is_different(void **state)
{
    (void)state;
    wish name = {{"a", "a", "b"}, {WEFT_BOTH, WEFT_BOTH, WEFT_BOTH}, -1, {{0}}};
    assert_open(3, &name, WEFT_INVALID, "rank 2 opens \"b\"");
    wish role = {{"a", "a", "a"}, {WEFT_BOTH, (weft_role)9, WEFT_BOTH}, -1, {{0}}};
    assert_open(3, &role, WEFT_INVALID, "rank 1 has role 9");
    wish producer = {{"a", "a"}, {WEFT_CONSUMER, WEFT_NEITHER}, -1, {{0}}};
    assert_open(2, &producer, WEFT_INVALID, "no rank opens it as a producer");
    wish consumer = {{"a", "a"}, {WEFT_NEITHER, WEFT_PRODUCER}, -1, {{0}}};
    assert_open(2, &consumer, WEFT_INVALID, "no rank opens it as a consumer");
    wish alone = {{"a"}, {WEFT_PRODUCER}, -1, {{0}}};
    assert_open(1, &alone, WEFT_INVALID, "no rank opens it as a consumer");
    wish nameless = {{""}, {WEFT_BOTH}, -1, {{0}}};
    assert_open(1, &nameless, WEFT_INVALID, "needs a name");
    wish absent = {{"a", "a", "a"}, {WEFT_BOTH, WEFT_BOTH, WEFT_BOTH}, 1, {{0}}};
    absent.by[2] = weft_in_ms(150);
    assert_open(3, &absent, WEFT_LATE, "rank 1");
}

static void open_twice(member *m, void *ctx)
{
    weft_queue *q = NULL;
    (void)ctx;
    /* The first fails everywhere alike; the team and the numbering go on. */
    if (weft_queue_open(&q, m->team, m->rank == 1 ? "b" : "a", WEFT_BOTH, NULL,
                        weft_in_s(LONG_S)) != WEFT_INVALID)
        m->seen[0]++;
    if (saw(m, weft_queue_open(&q, m->team, "c", WEFT_BOTH, NULL, weft_in_s(LONG_S))) == WEFT_OK)
        weft_queue_close(&q);
}

static void after_a_wrong_opening_the_next_one_works(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 4);
    crew_run(&c, open_twice, NULL);
    assert_all(&c, WEFT_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(c.m[i].seen[0], 0);
    crew_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_arrives_once_in_order_whatever_the_roles),
        cmocka_unit_test(eight_ranks_in_both_roles),
        cmocka_unit_test(items_of_every_length),
        cmocka_unit_test(a_full_queue_takes_no_more),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(an_item_too_big_for_the_buffer_stays_the_next),
        cmocka_unit_test(a_late_get_takes_nothing),
        cmocka_unit_test(roles_are_kept_to),
        cmocka_unit_test(what_a_closing_consumer_did_not_take_goes_to_others),
        cmocka_unit_test(what_comes_back_comes_to_stand_in_front),
        cmocka_unit_test(the_end_waits_for_items_that_may_come_back),
        cmocka_unit_test(a_lost_producer_is_no_clean_end),
        cmocka_unit_test(a_consumer_lost_with_items_is_no_clean_end),
        cmocka_unit_test(a_lost_home_is_told_to_all),
        cmocka_unit_test(putters_are_let_go_when_every_consumer_closed),
        cmocka_unit_test(a_cancelled_put_is_not_in_the_queue),
        cmocka_unit_test(opening_names_the_rank_that_is_different),
        cmocka_unit_test(after_a_wrong_opening_the_next_one_works),
    };
    alarm(100);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
