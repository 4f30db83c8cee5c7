/* The shm link: the suite in threads and in processes, and peers that write what cannot be. */
#include "link/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/ring.h"
#include "link/seg.h"

static int make_segment(conform *c, int size)
{
    weft__seg *s = calloc(1, sizeof *s);
    if (!s || weft__seg_create(s, size) != WEFT_OK)
        return 1;
    c->ctx = s;
    return 0;
}

static void drop_segment(conform *c)
{
    weft__seg_close(c->ctx);
    free(c->ctx);
    c->ctx = NULL;
}

static void give_segment(conform *c, weft__link_args *args)
{
    args->seg = c->ctx;
}

static conform in_processes = {.ops = &weft__link_shm,
                               .sizes = {2, 3},
                               .forked = true,
                               .setup = make_segment,
                               .teardown = drop_segment,
                               .args = give_segment};
static conform in_threads = {.ops = &weft__link_shm,
                             .sizes = {2, 5},
                             .setup = make_segment,
                             .teardown = drop_segment,
                             .args = give_segment};

static int use_processes(void **state)
{
    *state = &in_processes;
    return 0;
}

static int use_threads(void **state)
{
    *state = &in_threads;
    return 0;
}

/* One rank that is tested, rank 0, beside others whose memory the test writes itself. */

enum { OTHERS = 2 };

typedef struct lone {
    weft__seg seg;
    weft__link_host host;
    weft__link *link;
    int frames, kicks, gone[1 + OTHERS];
    bool lost[1 + OTHERS];
    char why[200];
} lone;

static void count_frame(void *ctx, int peer, const void *data, uint32_t len)
{
    lone *o = ctx;
    (void)peer;
    (void)data;
    o->frames += len > 0;
}

static void count_gone(void *ctx, int peer, bool lost, const char *why)
{
    lone *o = ctx;
    o->gone[peer]++;
    o->lost[peer] = lost;
    snprintf(o->why, sizeof o->why, "%s", why);
}

static void count_kick(void *ctx)
{
    lone *o = ctx;
    o->kicks++;
}

static int open_lone(void **state)
{
    lone *o = calloc(1, sizeof *o);
    if (!o || weft__seg_create(&o->seg, 1 + OTHERS) != WEFT_OK)
        return 1;
    o->host =
        (weft__link_host){.ctx = o, .frame = count_frame, .gone = count_gone, .kick = count_kick};
    weft__link_args args = {.size = 1 + OTHERS, .host = &o->host, .seg = &o->seg};
    *state = o;
    return weft__link_shm.open(&o->link, &args) != WEFT_OK;
}

static int close_lone(void **state)
{
    lone *o = *state;
    weft__link_shm.close(o->link);
    weft__seg_close(&o->seg);
    free(o);
    return 0;
}

static weft__ring *ring(lone *o, int from, int to)
{
    size_t bytes;
    char *base = o->seg.base;
    return (weft__ring *)(void *)(base + weft__seg_ring(&o->seg, from, to, &bytes));
}

static void serve(lone *o)
{
    for (int i = 0; i < 100 && weft__link_shm.look(o->link); i++)
        weft__link_shm.serve(o->link);
    assert_false(weft__link_shm.look(o->link));
}

/* Write a frame as rank `from` would. */
static void write_frame(lone *o, weft__ring_out *out, int from)
{
    if (!out->ring) {
        size_t bytes;
        weft__seg_ring(&o->seg, from, 0, &bytes);
        weft__ring_out_init(out, ring(o, from, 0), bytes);
    }
    assert_int_equal(weft__ring_put(out, "frame", 6, NULL, 0), WEFT_OK);
}

static void test_a_bad_writer_is_lost_and_no_other(void **state)
{
    lone *o = *state;
    weft__ring_out out[1 + OTHERS] = {{0}};
    for (int p = 1; p <= OTHERS; p++) {
        write_frame(o, &out[p], p);
        weft__seg_attend(&o->seg, 0, p);
    }
    serve(o);
    assert_int_equal(o->frames, 2);
    weft_atomic_store(&ring(o, 1, 0)->tail, 1u << 30, WEFT_RELAXED);
    write_frame(o, &out[2], 2);
    weft__seg_attend(&o->seg, 0, 1);
    weft__seg_attend(&o->seg, 0, 2);
    serve(o);
    assert_int_equal(o->frames, 3);
    assert_int_equal(o->gone[1], 1);
    assert_true(o->lost[1]);
    assert_non_null(strstr(o->why, "cannot be"));
    assert_int_equal(o->gone[2], 0);
    assert_int_equal(weft__link_shm.send(o->link, 1, "x", 1, NULL, 0), WEFT_LOST);
    assert_int_equal(weft__link_shm.send(o->link, 2, "x", 1, NULL, 0), WEFT_OK);
    /* Its state changes nothing any more. */
    weft__seg_set_state(&o->seg, 1, WEFT__RANK_LEFT);
    weft__seg_attend(&o->seg, 0, 1);
    serve(o);
    assert_int_equal(o->gone[1], 1);
}

static void test_a_bad_reader_is_lost(void **state)
{
    lone *o = *state;
    static uint8_t frame[1000];
    weft_err e;
    while ((e = weft__link_shm.send(o->link, 1, frame, sizeof frame, NULL, 0)) == WEFT_OK)
        ;
    assert_int_equal(e, WEFT_FULL);
    weft_atomic_store(&ring(o, 0, 1)->head, UINT64_MAX - 7, WEFT_RELAXED);
    assert_int_equal(weft__link_shm.send(o->link, 1, frame, sizeof frame, NULL, 0), WEFT_LOST);
    assert_int_equal(o->kicks, 1);
    assert_true(weft__link_shm.look(o->link));
    assert_false(weft__link_shm.arm(o->link));
    serve(o);
    assert_int_equal(o->gone[1], 1);
    assert_true(o->lost[1]);
    assert_int_equal(o->gone[2], 0);
}

static void test_a_lost_rank_is_gone_after_its_frames(void **state)
{
    lone *o = *state;
    weft__ring_out out = {0};
    for (int i = 0; i < 600; i++)
        write_frame(o, &out, 2);
    weft__seg_set_state(&o->seg, 2, WEFT__RANK_LOST);
    weft__seg_attend(&o->seg, 0, 2);
    weft__link_shm.serve(o->link);
    assert_true(o->frames < 600);
    assert_int_equal(o->gone[2], 0);
    serve(o);
    assert_int_equal(o->frames, 600);
    assert_int_equal(o->gone[2], 1);
    assert_true(o->lost[2]);
}

/* Room is announced at the end of a serve, though it was little. */
static void test_a_writer_without_room_is_called(void **state)
{
    lone *o = *state;
    weft__ring_out out = {0};
    write_frame(o, &out, 1);
    while (weft__ring_put(&out, "frame", 6, NULL, 0) == WEFT_OK)
        ;
    weft__seg_attend(&o->seg, 0, 1);
    assert_false(weft__seg_attention(&o->seg, 1));
    int n = weft__link_shm.serve(o->link);
    assert_true(n > 0 && (size_t)n * 16 < o->seg.ring_size / 4);
    assert_int_equal(weft__seg_take(&o->seg, 1, 0), 1);
    weft__link_shm.serve(o->link);
    assert_int_equal(weft__seg_take(&o->seg, 1, 0), 0); /* it did not ask again */
}

/* Bits that anybody may set: of this rank, of nobody, of ranks that never wrote. */
static void test_bits_without_reason_do_no_harm(void **state)
{
    lone *o = *state;
    uint64_t *words = (uint64_t *)(void *)((char *)o->seg.base + o->seg.attention_at + 8);
    words[0] = UINT64_MAX;
    serve(o);
    for (int p = 0; p <= OTHERS; p++)
        assert_int_equal(o->gone[p], 0);
    assert_int_equal(o->frames, 0);
    weft_atomic_store(&weft__seg_rank_of(&o->seg, 2)->state, 1000, WEFT_RELAXED);
    weft__seg_attend(&o->seg, 0, 1 + OTHERS);
    serve(o);
    assert_int_equal(o->gone[2], 1);
    assert_true(o->lost[2]);
}

static void test_frames_that_cannot_be_sent_are_refused(void **state)
{
    lone *o = *state;
    uint32_t max = weft__link_shm.max_frame(o->link);
    char *frame = calloc(1, max);
    assert_non_null(frame);
    assert_int_equal(weft__link_shm.send(o->link, 1, frame, 0, NULL, 0), WEFT_INVALID);
    assert_int_equal(weft__link_shm.send(o->link, 1, frame, max, frame, 1), WEFT_INVALID);
    assert_int_equal(weft__link_shm.send(o->link, 1, frame, 8, frame, UINT32_MAX), WEFT_INVALID);
    assert_int_equal(weft__link_shm.send(o->link, 1, frame, max, NULL, 0), WEFT_OK);
    free(frame);
}

static void test_open_needs_the_right_segment(void **state)
{
    lone *o = *state;
    weft__link *l = NULL;
    weft__link_args args = {.size = 1 + OTHERS, .host = &o->host};
    assert_int_equal(weft__link_shm.open(&l, &args), WEFT_INVALID);
    args.seg = &o->seg;
    args.size++;
    assert_int_equal(weft__link_shm.open(&l, &args), WEFT_INVALID);
    args.size--;
    args.rank = args.size;
    assert_int_equal(weft__link_shm.open(&l, &args), WEFT_INVALID);
    assert_null(l);
}

#define LONE_TEST(t) cmocka_unit_test_setup_teardown(t, open_lone, close_lone)

int main(int argc, char **argv)
{
    const struct CMUnitTest lones[] = {
        LONE_TEST(test_a_bad_writer_is_lost_and_no_other),
        LONE_TEST(test_a_bad_reader_is_lost),
        LONE_TEST(test_a_lost_rank_is_gone_after_its_frames),
        LONE_TEST(test_a_writer_without_room_is_called),
        LONE_TEST(test_bits_without_reason_do_no_harm),
        LONE_TEST(test_frames_that_cannot_be_sent_are_refused),
        LONE_TEST(test_open_needs_the_right_segment),
    };
    const struct CMUnitTest processes[] = {CONFORMANCE};
    const struct CMUnitTest threads[] = {CONFORMANCE};
    alarm(300);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int bad = cmocka_run_group_tests_name("processes", processes, use_processes, NULL);
    bad |= cmocka_run_group_tests_name("one rank", lones, NULL, NULL);
    bad |= cmocka_run_group_tests_name("threads", threads, use_threads, NULL);
    return bad;
}
