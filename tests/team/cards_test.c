/* Cards travel through the segment, and whoever does not come is named. */
#include "team/harness.h"

#include "team/joining.h"

/* A link of which only the card is used. */
typedef struct fake {
    int rank, size, joined, wrong;
} fake;

static uint32_t fake_card(weft__link *l, void *buf)
{
    fake *f = (fake *)(void *)l;
    memset(buf, f->rank + 1, (size_t)(f->rank + 1) * 10);
    return (uint32_t)(f->rank + 1) * 10;
}

static weft_err fake_join(weft__link *l, const void *cards, const uint32_t *lengths)
{
    fake *f = (fake *)(void *)l;
    const uint8_t *at = cards;
    f->joined++;
    for (int i = 0; i < f->size; i++) {
        f->wrong += lengths[i] != (uint32_t)(i + 1) * 10;
        for (uint32_t k = 0; k < lengths[i]; k++)
            f->wrong += at[i * WEFT__CARD_MAX + (int)k] != i + 1;
    }
    return WEFT_OK;
}

static const weft__link_ops fake_slots = {.name = "fake", .card = fake_card, .join = fake_join};

typedef struct rank_of {
    weft__boot boot;
    weft__joining joining;
    fake link;
    weft_err err;
    char detail[512];
    weft__thread thread;
} rank_of;

static void exchange_cards(void *arg)
{
    rank_of *r = arg;
    r->err = weft__cards_by_segment(&r->joining);
    snprintf(r->detail, sizeof r->detail, "%s", weft_detail());
}

static void begin(rank_of *r, const weft__seg *s, int rank, int64_t ms)
{
    *r = (rank_of){.boot = {.rank = rank, .size = s->ranks, .have_seg = true, .seg = *s}};
    r->link.rank = rank;
    r->link.size = s->ranks;
    r->joining = (weft__joining){.boot = &r->boot,
                                 .deadline = weft__clock_ns() + ms * 1000000,
                                 .slots = &fake_slots,
                                 .link = (weft__link *)(void *)&r->link};
    assert_int_equal(weft__thread_start(&r->thread, exchange_cards, r, "join"), WEFT_OK);
}

static void every_rank_gets_the_cards_of_all(void **state)
{
    (void)state;
    static rank_of r[3];
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 3), WEFT_OK);
    for (int i = 0; i < 3; i++)
        begin(&r[i], &s, i, 20000);
    for (int i = 0; i < 3; i++) {
        weft__thread_join(r[i].thread);
        assert_int_equal(r[i].err, WEFT_OK);
        assert_int_equal(r[i].link.joined, 1);
        assert_int_equal(r[i].link.wrong, 0);
        assert_int_equal(weft__seg_state(&s, i), WEFT__RANK_JOINED);
    }
    weft__seg_close(&s);
}

static void who_does_not_come_is_named(void **state)
{
    (void)state;
    static rank_of r[4];
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 4), WEFT_OK);
    begin(&r[1], &s, 1, 100);
    weft__thread_join(r[1].thread);
    assert_int_equal(r[1].err, WEFT_LATE);
    assert_non_null(strstr(r[1].detail, "ranks 0, 2, 3 did not come"));
    assert_int_equal(r[1].link.joined, 0);
    weft__seg_close(&s);
}

static void who_died_while_starting_is_named(void **state)
{
    (void)state;
    static rank_of r[2];
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    begin(&r[0], &s, 0, 20000);
    weft__seg_set_state(&s, 1, WEFT__RANK_LOST);
    weft__thread_join(r[0].thread);
    assert_int_equal(r[0].err, WEFT_LOST);
    assert_non_null(strstr(r[0].detail, "rank 1"));
    weft__seg_close(&s);
}

static void who_left_after_all_had_come_is_no_loss(void **state)
{
    (void)state;
    static rank_of r[3];
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 3), WEFT_OK);
    begin(&r[0], &s, 0, 20000);
    begin(&r[1], &s, 1, 20000);
    begin(&r[2], &s, 2, 20000);
    weft__thread_join(r[1].thread);
    weft__seg_set_state(&s, 1, WEFT__RANK_LEFT);
    weft__thread_join(r[0].thread);
    weft__thread_join(r[2].thread);
    assert_int_equal(r[0].err, WEFT_OK);
    assert_int_equal(r[2].err, WEFT_OK);
    weft__seg_close(&s);
}

static void a_card_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static rank_of r;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 1), WEFT_OK);
    begin(&r, &s, 0, 20000);
    weft__thread_join(r.thread);
    uint8_t cards[WEFT__CARD_MAX];
    uint32_t length = WEFT__CARD_MAX + 1;
    assert_int_equal(weft__cards_give(&r.joining, cards, &length), WEFT_INVALID);
    weft__seg_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_gets_the_cards_of_all),
        cmocka_unit_test(who_does_not_come_is_named),
        cmocka_unit_test(who_died_while_starting_is_named),
        cmocka_unit_test(who_left_after_all_had_come_is_no_loss),
        cmocka_unit_test(a_card_that_is_too_long_is_refused),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
