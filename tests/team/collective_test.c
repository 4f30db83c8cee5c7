/* Barrier and gather: they complete, or say on every rank who did not come. */
#include "team/harness.h"

#include "task/engine.h"

enum { ROUNDS = 200 };

static WEFT_ATOMIC(uint32_t) arrivals;

static void many_barriers(member *m, void *ctx)
{
    (void)ctx;
    for (uint32_t i = 1; i <= ROUNDS && m->err == WEFT_OK; i++) {
        weft_atomic_fetch_add(&arrivals, 1, WEFT_RELAXED);
        saw(m, weft_team_barrier(m->team, weft_in_s(20)));
        if (weft_atomic_load(&arrivals, WEFT_RELAXED) < i * (uint32_t)m->crew->size)
            m->seen[0]++;
    }
}

static void nobody_passes_a_barrier_before_all_came(void **state)
{
    (void)state;
    for (int n = 1; n <= CREW_MAX; n++) {
        crew c;
        crew_open(&c, n);
        weft_atomic_store(&arrivals, 0, WEFT_RELAXED);
        crew_run(&c, many_barriers, NULL);
        for (int i = 0; i < n; i++) {
            assert_int_equal(c.m[i].err, WEFT_OK);
            assert_int_equal(c.m[i].seen[0], 0);
        }
        crew_close(&c);
    }
}

/* Rank r gives r * 1000 bytes in round 0, and so on; rank 0 and odd rounds give nothing somewhere. */
static size_t part_len(int rank, int round)
{
    return (size_t)((rank * 1009 + round * 77) % 5) * (size_t)(round % 3 == 2 ? 100003 : 100);
}

static void many_gathers(member *m, void *ctx)
{
    (void)ctx;
    uint8_t *mine = malloc(500000);
    for (int round = 0; round < 30 && m->err == WEFT_OK; round++) {
        int root = round % m->crew->size;
        size_t len = part_len(m->rank, round);
        weft_part *parts = NULL;
        memset(mine, m->rank * 31 + round, len);
        if (saw(m, weft_team_gather(m->team, root, mine, len, &parts, weft_in_s(20))) != WEFT_OK)
            break;
        memset(mine, 255, len); /* it may be changed again */
        m->seen[0] += (parts != NULL) != (root == m->rank);
        for (int from = 0; parts && from < m->crew->size; from++) {
            uint8_t *p = parts[from].data;
            m->seen[0] += parts[from].len != part_len(from, round);
            m->seen[0] += (p == NULL) != (parts[from].len == 0);
            for (size_t i = 0; p && i < parts[from].len; i++)
                m->seen[0] += p[i] != (uint8_t)(from * 31 + round);
        }
        weft_parts_free(&parts);
        m->seen[0] += parts != NULL;
    }
    free(mine);
}

static void gather_brings_every_part_whole(void **state)
{
    (void)state;
    for (int n = 1; n <= CREW_MAX; n++) {
        crew c;
        crew_open(&c, n);
        crew_run(&c, many_gathers, NULL);
        for (int i = 0; i < n; i++) {
            assert_int_equal(c.m[i].err, WEFT_OK);
            assert_int_equal(c.m[i].seen[0], 0);
        }
        crew_close(&c);
    }
}

static void gather_refuses_a_root_that_is_none(void **state)
{
    (void)state;
    crew c;
    weft_part *parts = NULL;
    crew_open(&c, 1);
    assert_int_equal(weft_team_gather(c.m[0].team, 1, NULL, 0, &parts, WEFT_NOW), WEFT_INVALID);
    assert_int_equal(weft_team_gather(c.m[0].team, -1, NULL, 0, &parts, WEFT_NOW), WEFT_INVALID);
    crew_close(&c);
}

static void all_but_two(member *m, void *ctx)
{
    (void)ctx;
    if (m->rank == 3 || m->rank == 5)
        return;
    /* One has a deadline; the others would wait for ever. */
    saw(m, weft_team_barrier(m->team, m->rank == 6 ? weft_in_ms(300) : WEFT_FOREVER));
}

static void late_names_exactly_who_did_not_come(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 8);
    crew_run(&c, all_but_two, NULL);
    for (int i = 0; i < 8; i++) {
        if (i == 3 || i == 5)
            continue;
        assert_int_equal(c.m[i].err, WEFT_LATE);
        assert_non_null(strstr(c.m[i].detail, "ranks 3, 5 did not come"));
    }
    /* Those who come now do not wait for the others, which have gone on. */
    assert_int_equal(weft_team_barrier(c.m[3].team, WEFT_FOREVER), WEFT_LATE);
    assert_int_equal(weft_team_barrier(c.m[0].team, WEFT_FOREVER), WEFT_LATE);
    crew_close(&c);
}

static void late_everywhere(member *m, void *ctx)
{
    (void)ctx;
    if (m->rank != 2)
        saw(m, weft_team_barrier(m->team, weft_in_ms(200)));
}

static void late_on_all_at_once_still_names_the_one(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 5);
    crew_run(&c, late_everywhere, NULL);
    for (int i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        assert_int_equal(c.m[i].err, WEFT_LATE);
        assert_non_null(strstr(c.m[i].detail, "rank 2 did not come"));
    }
    crew_close(&c);
}

static void only_the_last(member *m, void *ctx)
{
    int *dead = ctx;
    if (m->rank != *dead)
        saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
    else
        weft__seg_set_state(&m->crew->seg, m->rank, WEFT__RANK_LOST);
}

static void a_lost_rank_is_named_on_all_others(void **state)
{
    (void)state;
    for (int dead = 0; dead < 8; dead++) {
        crew c;
        char name[16];
        crew_open(&c, 8);
        crew_run(&c, only_the_last, &dead);
        snprintf(name, sizeof name, "rank %d", dead);
        for (int i = 0; i < 8; i++) {
            if (i == dead)
                continue;
            assert_int_equal(c.m[i].err, WEFT_LOST);
            assert_non_null(strstr(c.m[i].detail, name));
            assert_non_null(strstr(c.m[i].detail, "barrier: rank"));
        }
        crew_close(&c);
    }
}

static void gather_without_one(member *m, void *ctx)
{
    weft_part *parts = NULL;
    int *dead = ctx;
    if (m->rank == *dead) {
        weft__seg_set_state(&m->crew->seg, m->rank, WEFT__RANK_LOST);
        return;
    }
    saw(m, weft_team_gather(m->team, 1, "x", 1, &parts, WEFT_FOREVER));
    weft_parts_free(&parts);
    if (m->err == WEFT_OK) /* one that gave its part hears of it in the next */
        saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
}

static void gather_ends_when_a_rank_is_lost(void **state)
{
    (void)state;
    for (int dead = 0; dead < 3; dead++) {
        crew c;
        crew_open(&c, 3);
        crew_run(&c, gather_without_one, &dead);
        for (int i = 0; i < 3; i++)
            if (i != dead)
                assert_int_equal(c.m[i].err, WEFT_LOST);
        crew_close(&c);
    }
}

static void other_order(member *m, void *ctx)
{
    int *odd = ctx;
    weft_part *parts = NULL;
    if (m->rank != *odd) {
        saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
    } else {
        saw(m, weft_team_gather(m->team, 2, "x", 1, &parts, WEFT_FOREVER));
        weft_parts_free(&parts);
        if (m->err == WEFT_OK)
            saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
    }
}

static void another_order_on_one_rank_is_found_out(void **state)
{
    (void)state;
    for (int odd = 0; odd < 5; odd++) {
        crew c;
        crew_open(&c, 5);
        crew_run(&c, other_order, &odd);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(c.m[i].err, WEFT_INVALID);
            assert_non_null(strstr(c.m[i].detail, "same order"));
        }
        crew_close(&c);
    }
}

/* Nobody sends anything: each waits for the others as a root. */
static void each_its_own_root(member *m, void *ctx)
{
    (void)ctx;
    weft_part *parts = NULL;
    saw(m, weft_team_gather(m->team, m->rank, "x", 1, &parts, WEFT_FOREVER));
    weft_parts_free(&parts);
}

static void different_roots_are_found_out(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 3);
    crew_run(&c, each_its_own_root, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(c.m[i].err, WEFT_INVALID);
    crew_close(&c);
}

static void a_root_that_is_none(member *m, void *ctx)
{
    (void)ctx;
    weft_part *parts = NULL;
    saw(m, weft_team_gather(m->team, m->rank == 1 ? 99 : 0, "x", 1, &parts, WEFT_FOREVER));
    weft_parts_free(&parts);
}

static void a_wrong_root_on_one_rank_ends_the_call_for_all(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 3);
    crew_run(&c, a_root_that_is_none, NULL);
    assert_int_equal(c.m[0].err, WEFT_INVALID);
    assert_non_null(strstr(c.m[0].detail, "root 99"));
    assert_int_equal(c.m[1].err, WEFT_INVALID);
    crew_close(&c);
}

static WEFT_ATOMIC(uintptr_t) to_cancel;

static weft_err meet(void *arg)
{
    member *m = arg;
    saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
    return WEFT_OK;
}

/* Only tasks can be cancelled. */
static void meet_as_task(member *m)
{
    weft *engine = engine_open(1);
    weft_scope s;
    weft_scope_init(&s, weft_pool(engine), "meet");
    if (weft_go(&s, meet, m) != WEFT_OK)
        abort();
    weft_atomic_store(&to_cancel, (uintptr_t)&s, WEFT_RELEASE); /* pairs below */
    if (weft_scope_join(&s, WEFT_FOREVER) != WEFT_OK)
        abort();
    while (weft_atomic_load(&to_cancel, WEFT_ACQUIRE) != 0) /* pairs below */
        weft__cpu_yield();
    weft_scope_fini(&s);
    engine_close(engine);
}

static void cancelled_on_one(member *m, void *ctx)
{
    (void)ctx;
    if (m->rank == 1)
        meet_as_task(m);
    else if (m->rank != 2)
        saw(m, weft_team_barrier(m->team, WEFT_FOREVER));
    if (m->rank != 2)
        return;
    uintptr_t who;
    while ((who = weft_atomic_load(&to_cancel, WEFT_ACQUIRE)) == 0) /* pairs above */
        weft__cpu_yield();
    weft_scope_cancel((weft_scope *)who);
    weft_atomic_store(&to_cancel, 0, WEFT_RELEASE); /* pairs above */
}

static void cancelling_one_ends_it_for_all(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 4);
    weft_atomic_store(&to_cancel, 0, WEFT_RELAXED);
    crew_run(&c, cancelled_on_one, NULL);
    assert_int_equal(c.m[1].err, WEFT_CANCELLED);
    assert_int_equal(c.m[0].err, WEFT_LOST);
    assert_non_null(strstr(c.m[0].detail, "rank 1"));
    assert_int_equal(c.m[3].err, WEFT_LOST);
    crew_close(&c);
}

static void last_barrier(member *m, void *ctx)
{
    (void)ctx;
    saw(m, weft_team_barrier(m->team, weft_in_s(20)));
    crew_leave(m);
}

static void leaving_right_after_a_barrier_disturbs_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        crew c;
        crew_open(&c, 8);
        crew_run(&c, last_barrier, NULL);
        for (int r = 0; r < 8; r++)
            if (c.m[r].err != WEFT_OK)
                fail_msg("rank %d: %s", r, c.m[r].detail);
        crew_close(&c);
    }
}

static WEFT_ATOMIC(uint32_t) given;

static void give_ahead(member *m, void *ctx)
{
    (void)ctx;
    weft_part *parts = NULL;
    if (m->rank == 1) {
        for (int i = 0; i < 3 && saw(m, weft_team_gather(m->team, 0, "x", 1, &parts,
                                                         weft_in_s(20))) == WEFT_OK;
             i++)
            weft_atomic_fetch_add(&given, 1, WEFT_RELAXED);
        return;
    }
    for (int i = 0; i < 3; i++) {
        int64_t by = weft__clock_ns() + 50000000;
        while (weft__clock_ns() < by)
            if (weft_atomic_load(&given, WEFT_RELAXED) > (uint32_t)i + 1)
                m->seen[0]++;
        saw(m, weft_team_gather(m->team, 0, NULL, 0, &parts, weft_in_s(20)));
        weft_parts_free(&parts);
    }
}

static void a_giver_is_at_most_one_part_ahead_of_the_root(void **state)
{
    (void)state;
    crew c;
    crew_open(&c, 2);
    weft_atomic_store(&given, 0, WEFT_RELAXED);
    crew_run(&c, give_ahead, NULL);
    assert_int_equal(c.m[0].err, WEFT_OK);
    assert_int_equal(c.m[1].err, WEFT_OK);
    assert_int_equal(c.m[0].seen[0], 0);
    crew_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_passes_a_barrier_before_all_came),
        cmocka_unit_test(gather_brings_every_part_whole),
        cmocka_unit_test(gather_refuses_a_root_that_is_none),
        cmocka_unit_test(late_names_exactly_who_did_not_come),
        cmocka_unit_test(late_on_all_at_once_still_names_the_one),
        cmocka_unit_test(a_lost_rank_is_named_on_all_others),
        cmocka_unit_test(gather_ends_when_a_rank_is_lost),
        cmocka_unit_test(another_order_on_one_rank_is_found_out),
        cmocka_unit_test(different_roots_are_found_out),
        cmocka_unit_test(a_wrong_root_on_one_rank_ends_the_call_for_all),
        cmocka_unit_test(cancelling_one_ends_it_for_all),
        cmocka_unit_test(leaving_right_after_a_barrier_disturbs_nobody),
        cmocka_unit_test(a_giver_is_at_most_one_part_ahead_of_the_root),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
