/* Nothing is lost or doubled in a storm of late puts and gets. WEFT_TEST_SEED=N repeats one. */
#include "share/items.h"

#include "port/random.h"

/* Many threads, some deadline for each call, and a consumer that closes in the middle. */
typedef struct storm {
    uint64_t seed;
    uint32_t items;
    weft_queue_opts opts;
} storm;

enum { THREADS = 3 };

typedef struct storming {
    member *m;
    weft_queue *q;
    const storm *s;
    uint32_t first; /* of its item numbers */
    uint64_t random, wrong;
    weft_err err;
    weft__thread thread;
} storming;

static weft_deadline some_deadline(uint64_t *r)
{
    switch (next_random(r) % 4) {
    case 0:
        return WEFT_NOW;
    case 1:
        return weft_in_us((int64_t)(next_random(r) % 200));
    case 2:
        return weft_in_us((int64_t)(next_random(r) % 3000));
    default:
        return weft_in_s(LONG_S);
    }
}

static void storm_put(void *arg)
{
    storming *t = arg;
    uint8_t buf[sizeof(stamp) + 6000];
    for (uint32_t i = 0; i < t->s->items && t->err == WEFT_OK; i++) {
        uint32_t extra = next_random(&t->random) % 8 ? 20 : 6000;
        size_t len = write_item(buf, (uint32_t)t->m->rank, t->first + i, extra);
        weft_err e = weft_put(t->q, buf, len, some_deadline(&t->random));
        if (e == WEFT_OK)
            weft_atomic_fetch_add(&accepted[t->m->rank][t->first + i], 1, WEFT_RELAXED);
        else if (e != WEFT_LATE)
            t->err = e;
    }
}

static void storm_get(void *arg)
{
    storming *t = arg;
    uint8_t buf[sizeof(stamp) + 6000];
    /* Rank 1 leaves in the middle, others stay to the end. */
    uint64_t left = t->m->rank == 1 ? next_random(&t->random) % 60 : UINT64_MAX;
    for (uint64_t i = 0; i < left; i++) {
        size_t len = 0, cap = next_random(&t->random) % 4 ? sizeof buf : 40;
        weft_err e = weft_get(t->q, buf, cap, &len, some_deadline(&t->random));
        stamp s;
        if (e == WEFT_OK)
            t->wrong += !read_item(buf, len, &s);
        else if (e == WEFT_TOOBIG)
            t->wrong += len <= cap;
        else if (e == WEFT_CLOSED)
            return;
        else if (e != WEFT_LATE)
            t->err = e;
        if (t->err != WEFT_OK)
            return;
    }
}

static void storm_part(member *m, void *ctx)
{
    const storm *s = ctx;
    weft_queue *q = NULL;
    storming put[THREADS], get[THREADS];
    if (saw(m, weft_queue_open(&q, m->team, "storm", WEFT_BOTH, &s->opts, weft_in_s(LONG_S))) !=
        WEFT_OK)
        return;
    for (uint32_t i = 0; i < THREADS; i++) {
        uint64_t r = s->seed * 1000 + (uint64_t)m->rank * 10 + i + 1;
        put[i] = (storming){.m = m, .q = q, .s = s, .first = i * s->items, .random = r * 77777777};
        get[i] = (storming){.m = m, .q = q, .s = s, .random = r * 99999999};
        if (weft__thread_start(&put[i].thread, storm_put, &put[i], "put") != WEFT_OK ||
            weft__thread_start(&get[i].thread, storm_get, &get[i], "get") != WEFT_OK)
            abort();
    }
    for (int i = 0; i < THREADS; i++)
        weft__thread_join(put[i].thread);
    weft_queue_end(q);
    for (int i = 0; i < THREADS; i++)
        weft__thread_join(get[i].thread);
    weft_queue_close(&q);
    for (int i = 0; i < THREADS; i++) {
        m->seen[0] += put[i].wrong + get[i].wrong;
        if (put[i].err != WEFT_OK)
            m->err = put[i].err;
        if (get[i].err != WEFT_OK)
            m->err = get[i].err;
    }
}

static void nothing_is_lost_or_doubled_in_a_storm(void **state)
{
    (void)state;
    uint64_t seed = 0;
    const char *given = getenv("WEFT_TEST_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        weft__random_bytes(&seed, 3);
    for (int round = 0; round < 6; round++) {
        storm s = {.seed = seed + (uint64_t)round, .items = 150};
        s.opts.max_items = round % 2 ? 2 : 16;
        s.opts.max_bytes = 12000;
        s.opts.ahead = (size_t)round;
        printf("storm of seed %llu\n", (unsigned long long)s.seed);
        crew c;
        forget_all();
        crew_open(&c, 1 + (int)(s.seed % 5));
        crew_run(&c, storm_part, &s);
        assert_all(&c, WEFT_OK);
        for (int i = 0; i < c.size; i++)
            assert_int_equal(c.m[i].seen[0], 0);
        crew_close(&c);
        assert_exactly_once();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled_in_a_storm),
    };
    alarm(100);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
