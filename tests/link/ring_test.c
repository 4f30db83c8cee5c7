/* The ring: frames of random sizes around its end, and what a peer may write into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "link/ring.h"

enum { BYTES = 4096, SEED = 20240611 };

static uint64_t state_of_random;

static uint64_t random_number(void)
{
    uint64_t x = state_of_random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return state_of_random = x;
}

typedef struct fixture {
    weft__ring *ring;
    weft__ring_out out;
    weft__ring_in in;
} fixture;

static int make_ring(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f)
        return 1;
    f->ring = aligned_alloc(64, BYTES);
    if (!f->ring)
        return 1;
    memset(f->ring, 0, BYTES);
    weft__ring_out_init(&f->out, f->ring, BYTES);
    weft__ring_in_init(&f->in, f->ring, BYTES);
    *state = f;
    return 0;
}

static int drop_ring(void **state)
{
    fixture *f = *state;
    free(f->ring);
    free(f);
    return 0;
}

static void fill(uint8_t *to, uint32_t len, uint64_t number)
{
    for (uint32_t k = 0; k < len; k++)
        to[k] = (uint8_t)(number + k);
}

static weft_err put(fixture *f, uint32_t len, uint64_t number)
{
    uint8_t frame[BYTES];
    fill(frame, len, number);
    uint32_t head = len / 2;
    return weft__ring_put(&f->out, frame, head, frame + head, len - head);
}

/* The oldest frame is `len` bytes of `number`. */
static void expect(fixture *f, uint32_t len, uint64_t number)
{
    const void *frame;
    uint32_t got;
    uint8_t wanted[BYTES];
    assert_int_equal(weft__ring_peek(&f->in, &frame, &got), WEFT_OK);
    assert_int_equal(got, len);
    fill(wanted, len, number);
    assert_memory_equal(frame, wanted, len);
    weft__ring_drop(&f->in);
}

static void test_random_sizes_go_round(void **state)
{
    fixture *f = *state;
    uint32_t max = weft__ring_max_frame(BYTES), sizes[1024];
    uint64_t in = 0, out = 0;
    print_message("seed %d\n", SEED);
    state_of_random = SEED;
    for (int i = 0; i < 200000; i++) {
        uint32_t len = 1 + (uint32_t)(random_number() % (random_number() % 4 ? 64 : max));
        if (random_number() % 2 && in - out < 1024) {
            weft_err e = put(f, len, in);
            assert_true(e == WEFT_OK || (e == WEFT_FULL && in > out));
            if (e == WEFT_OK)
                sizes[in++ % 1024] = len;
        } else if (in > out) {
            expect(f, sizes[out % 1024], out);
            out++;
            if (random_number() % 3 == 0)
                weft__ring_tell(&f->in);
        }
        if (in == out)
            weft__ring_tell(&f->in);
    }
    assert_true(in > 10000);
}

static void test_the_longest_frame_always_fits_into_an_empty_ring(void **state)
{
    fixture *f = *state;
    uint32_t max = weft__ring_max_frame(BYTES);
    for (uint32_t len = 1; len <= max; len++) {
        assert_int_equal(put(f, len, len), WEFT_OK);
        expect(f, len, len);
        weft__ring_tell(&f->in);
        assert_int_equal(put(f, max, 1), WEFT_OK);
        expect(f, max, 1);
        weft__ring_tell(&f->in);
    }
}

static void test_a_full_ring_asks_for_room_once(void **state)
{
    fixture *f = *state;
    const void *frame;
    uint32_t len;
    uint64_t n = 0;
    while (put(f, 100, n) == WEFT_OK)
        n++;
    assert_true(n > 20 && n < 50);
    expect(f, 100, 0);
    assert_int_equal(put(f, 100, n), WEFT_FULL); /* dropped, but the room was not given back */
    assert_true(weft__ring_tell(&f->in));
    assert_false(weft__ring_tell(&f->in));
    assert_int_equal(put(f, 100, n), WEFT_OK);
    for (uint64_t i = 1; i <= n; i++)
        expect(f, 100, i);
    assert_int_equal(weft__ring_peek(&f->in, &frame, &len), WEFT_EMPTY);
}

static void expect_refused(fixture *f)
{
    const void *frame;
    uint32_t len;
    assert_int_equal(weft__ring_peek(&f->in, &frame, &len), WEFT_INVALID);
}

static void test_a_tail_that_cannot_be_is_refused(void **state)
{
    fixture *f = *state;
    const uint64_t tails[] = {BYTES, 1, 12, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        weft_atomic_store(&f->ring->tail, tails[i], WEFT_RELAXED);
        expect_refused(f);
    }
    /* Backwards. */
    weft_atomic_store(&f->ring->tail, 0, WEFT_RELAXED);
    assert_int_equal(put(f, 8, 0), WEFT_OK);
    assert_int_equal(put(f, 8, 1), WEFT_OK);
    expect(f, 8, 0);
    expect(f, 8, 1);
    weft_atomic_store(&f->ring->tail, 16, WEFT_RELAXED);
    expect_refused(f);
}

static void test_a_record_that_cannot_be_is_refused(void **state)
{
    fixture *f = *state;
    uint32_t max = weft__ring_max_frame(BYTES);
    const uint64_t words[] = {0,
                              24,
                              max + 4096,
                              UINT32_MAX - 1,
                              UINT32_MAX - 8,
                              0x7fffffff,
                              UINT32_MAX, /* a gap longer than what was written */
                              UINT64_C(1) << 32 | 16};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        memset(f->ring, 0, BYTES);
        weft__ring_out_init(&f->out, f->ring, BYTES);
        weft__ring_in_init(&f->in, f->ring, BYTES);
        assert_int_equal(put(f, 16, 0), WEFT_OK);
        memcpy(f->ring->data, &words[i], sizeof words[i]);
        expect_refused(f);
    }
}

static void test_a_head_that_cannot_be_is_refused(void **state)
{
    fixture *f = *state;
    while (put(f, 100, 0) == WEFT_OK)
        ;
    expect(f, 100, 0);
    weft__ring_tell(&f->in);
    while (put(f, 100, 0) == WEFT_OK)
        ;
    uint64_t good = weft_atomic_load(&f->ring->head, WEFT_RELAXED);
    const uint64_t heads[] = {0, good + 4, f->out.tail + 8, UINT64_MAX - 7, good + BYTES};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        weft_atomic_store(&f->ring->head, heads[i], WEFT_RELAXED);
        assert_int_equal(put(f, 100, 0), WEFT_INVALID);
    }
    weft_atomic_store(&f->ring->head, good, WEFT_RELAXED);
    assert_int_equal(put(f, 100, 0), WEFT_FULL);
}

/* Two threads, with nothing between them but the ring: a lost want is a hang. */

enum { FRAMES = 200000 };

typedef struct race {
    fixture *f;
    WEFT_ATOMIC(uint32_t) room; /* set by the consumer when the producer asked for room */
    uint64_t bad;
} race;

static bool late(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - since->tv_sec > 30;
}

static void *produce(void *arg)
{
    race *r = arg;
    struct timespec since;
    clock_gettime(CLOCK_MONOTONIC, &since);
    for (uint64_t i = 0; i < FRAMES;) {
        weft_err e = put(r->f, 8 + (uint32_t)(i * 7 % 300), i);
        if (e == WEFT_OK) {
            i++;
            continue;
        }
        r->bad += e != WEFT_FULL;
        while (!weft_atomic_exchange(&r->room, 0, WEFT_ACQ_REL)) { /* pairs with the consumer */
            if (late(&since)) {
                r->bad++;
                return NULL;
            }
            sched_yield();
        }
    }
    return NULL;
}

static void test_no_call_for_room_is_lost(void **state)
{
    race r = {.f = *state};
    pthread_t producer;
    struct timespec since;
    clock_gettime(CLOCK_MONOTONIC, &since);
    assert_int_equal(pthread_create(&producer, NULL, produce, &r), 0);
    uint64_t n = 0, bad = 0;
    while (n < FRAMES && !late(&since)) {
        const void *frame;
        uint32_t len;
        weft_err e = weft__ring_peek(&r.f->in, &frame, &len);
        if (e == WEFT_OK) {
            const uint8_t *bytes = frame;
            bad += len != 8 + n * 7 % 300 || bytes[len - 1] != (uint8_t)(n + len - 1);
            weft__ring_drop(&r.f->in);
            n++;
        }
        if ((e != WEFT_OK || weft__ring_due(&r.f->in)) && weft__ring_tell(&r.f->in))
            weft_atomic_store(&r.room, 1, WEFT_RELEASE); /* pairs with the producer */
        if (e == WEFT_EMPTY)
            sched_yield();
    }
    pthread_join(producer, NULL);
    assert_int_equal(n, FRAMES);
    assert_int_equal(bad + r.bad, 0);
}

#define RING_TEST(t) cmocka_unit_test_setup_teardown(t, make_ring, drop_ring)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(test_random_sizes_go_round),
        RING_TEST(test_the_longest_frame_always_fits_into_an_empty_ring),
        RING_TEST(test_a_full_ring_asks_for_room_once),
        RING_TEST(test_a_tail_that_cannot_be_is_refused),
        RING_TEST(test_a_record_that_cannot_be_is_refused),
        RING_TEST(test_a_head_that_cannot_be_is_refused),
        RING_TEST(test_no_call_for_room_is_lost),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
