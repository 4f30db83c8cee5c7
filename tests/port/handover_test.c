/* Descriptors go to whoever knows the key, and to nobody else. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/clock.h"
#include "port/handover.h"
#include "port/thread.h"

enum { MANY = 450 }; /* more than two messages hold */

static int64_t in_ms(int64_t ms)
{
    return weft__clock_ns() + ms * 1000000;
}

/* One end of a pipe, again and again. */
typedef struct goods {
    int fds[MANY], pipe[2], count;
} goods;

static void make_goods(goods *g, int count)
{
    assert_int_equal(pipe(g->pipe), 0);
    g->count = count;
    for (int i = 0; i < count; i++) {
        g->fds[i] = dup(g->pipe[1]);
        assert_true(g->fds[i] >= 0);
    }
}

static void free_goods(goods *g)
{
    for (int i = 0; i < g->count; i++)
        close(g->fds[i]);
    close(g->pipe[0]);
    close(g->pipe[1]);
}

typedef struct taker {
    weft__handover_key key;
    int count, got[MANY];
    weft_err err;
    weft__thread thread;
} taker;

static void take(void *arg)
{
    taker *t = arg;
    t->err = weft__handover_take(&t->key, t->got, t->count, in_ms(10000));
}

static void start(taker *t, const weft__handover *h, int count)
{
    *t = (taker){.key = h->key, .count = count};
    assert_int_equal(weft__thread_start(&t->thread, take, t, "take"), WEFT_OK);
}

static void all_descriptors_arrive_and_work(void **state)
{
    (void)state;
    static taker t[3];
    goods g;
    weft__handover h;
    make_goods(&g, MANY);
    assert_int_equal(weft__handover_open(&h), WEFT_OK);
    for (int i = 0; i < 3; i++)
        start(&t[i], &h, MANY);
    assert_int_equal(weft__handover_give(&h, g.fds, MANY, 3, in_ms(10000)), WEFT_OK);
    for (int i = 0; i < 3; i++) {
        weft__thread_join(t[i].thread);
        assert_int_equal(t[i].err, WEFT_OK);
        for (int k = 0; k < MANY; k++) {
            char c = (char)k, back = 0;
            assert_int_equal(write(t[i].got[k], &c, 1), 1);
            assert_int_equal(read(g.pipe[0], &back, 1), 1);
            assert_int_equal(back, c);
            assert_true(fcntl(t[i].got[k], F_GETFD) & FD_CLOEXEC);
            close(t[i].got[k]);
        }
    }
    weft__handover_close(&h);
    free_goods(&g);
}

static void a_wrong_token_gets_nothing_and_disturbs_nobody(void **state)
{
    (void)state;
    static taker wrong, right;
    goods g;
    weft__handover h, forged;
    make_goods(&g, 3);
    assert_int_equal(weft__handover_open(&h), WEFT_OK);
    forged = h;
    forged.key.token[15] ^= 1;
    start(&wrong, &forged, 3);
    start(&right, &h, 3);
    assert_int_equal(weft__handover_give(&h, g.fds, 3, 1, in_ms(10000)), WEFT_OK);
    weft__thread_join(right.thread);
    assert_int_equal(right.err, WEFT_OK);
    for (int i = 0; i < 3; i++)
        close(right.got[i]);
    /* The wrong one may still stand in line: nobody else takes from here. */
    assert_int_equal(weft__handover_give(&h, g.fds, 3, 1, in_ms(100)), WEFT_LATE);
    weft__handover_close(&h);
    weft__thread_join(wrong.thread);
    assert_int_not_equal(wrong.err, WEFT_OK);
    free_goods(&g);
}

static void nobody_listens_under_another_name(void **state)
{
    (void)state;
    weft__handover h;
    int fd = -1;
    assert_int_equal(weft__handover_open(&h), WEFT_OK);
    weft__handover_key other = h.key;
    other.name[0] ^= 1;
    assert_int_equal(weft__handover_take(&other, &fd, 1, in_ms(1000)), WEFT_REFUSED);
    assert_int_equal(fd, -1);
    weft__handover_close(&h);
}

static void a_giver_waits_no_longer_than_its_deadline(void **state)
{
    (void)state;
    weft__handover h;
    int fd = 1;
    assert_int_equal(weft__handover_open(&h), WEFT_OK);
    int64_t begin = weft__clock_ns();
    assert_int_equal(weft__handover_give(&h, &fd, 1, 1, in_ms(30)), WEFT_LATE);
    assert_true(weft__clock_ns() - begin < INT64_C(5000000000));
    weft__handover_close(&h);
}

static void another_count_than_wanted_is_refused(void **state)
{
    (void)state;
    static taker t;
    goods g;
    weft__handover h;
    make_goods(&g, 2);
    assert_int_equal(weft__handover_open(&h), WEFT_OK);
    start(&t, &h, 1); /* wants one, is given two */
    assert_int_equal(weft__handover_give(&h, g.fds, 2, 1, in_ms(300)), WEFT_LATE);
    weft__thread_join(t.thread);
    assert_int_equal(t.err, WEFT_DENIED);
    weft__handover_close(&h);
    free_goods(&g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_descriptors_arrive_and_work),
        cmocka_unit_test(a_wrong_token_gets_nothing_and_disturbs_nobody),
        cmocka_unit_test(nobody_listens_under_another_name),
        cmocka_unit_test(a_giver_waits_no_longer_than_its_deadline),
        cmocka_unit_test(another_count_than_wanted_is_refused),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
