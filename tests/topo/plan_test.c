#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/thread.h"
#include "topo/plan.h"
#include "topo/quota.h"

/* Two packages of two L3 groups of four cores of two threads: 32 CPUs. */
#define BIG "package:2 numa:1 l3:2 core:4 pu:2"

static weft__machine *m;
static weft__plan plan;

static int teardown(void **state)
{
    (void)state;
    weft__plan_free(&plan);
    weft__machine_free(&m);
    return 0;
}

static void make(const char *machine, int ranks, int threads, weft__bind bind)
{
    weft__plan_ask ask = {.ranks = ranks, .threads = threads, .bind = bind};
    teardown(NULL);
    assert_int_equal(weft__machine_load(&m, machine), WEFT_OK);
    assert_int_equal(weft__plan_make(m, &ask, &plan), WEFT_OK);
    assert_int_equal(plan.ranks, ranks);
}

static void again(int ranks, int threads, weft__bind bind)
{
    weft__plan_ask ask = {.ranks = ranks, .threads = threads, .bind = bind};
    weft__plan_free(&plan);
    assert_int_equal(weft__plan_make(m, &ask, &plan), WEFT_OK);
}

/* The CPUs of a rank as "0,2-3". */
static const char *cpus(int rank)
{
    static char text[256];
    size_t len = 0;
    text[0] = 0;
    for (unsigned c = 0; c < WEFT__CPUS_MAX; c++)
        if (weft__cpuset_has(&plan.place[rank].cpus, c)) {
            unsigned first = c;
            while (weft__cpuset_has(&plan.place[rank].cpus, c + 1))
                c++;
            len += (size_t)snprintf(text + len, sizeof text - len, first == c ? "%s%u" : "%s%u-%u",
                                    len ? "," : "", first, c);
        }
    return text;
}

/* What holds for every plan whose workers have CPUs enough. */
static void check_disjoint(void)
{
    weft__cpuset seen;
    weft__cpuset_clear(&seen);
    int n, usable = 0;
    const weft__cpu *all = weft__machine_cpus(m, &n);
    assert_false(plan.shared);
    for (int r = 0; r < plan.ranks; r++) {
        const weft__place_plan *p = &plan.place[r];
        assert_true(p->bound);
        assert_true(weft__cpuset_count(&p->cpus) >= p->workers);
        for (unsigned c = 0; c < WEFT__CPUS_MAX; c++)
            if (weft__cpuset_has(&p->cpus, c)) {
                assert_false(weft__cpuset_has(&seen, c));
                weft__cpuset_add(&seen, c);
            }
        for (int w = 0; p->workers_bound && w < p->workers; w++) {
            assert_true(weft__cpuset_has(&p->cpus, (unsigned)p->worker_cpu[w]));
            for (int v = 0; v < w; v++)
                assert_int_not_equal(p->worker_cpu[w], p->worker_cpu[v]);
        }
    }
    for (int i = 0; i < n; i++) {
        usable += all[i].usable && weft__cpuset_has(&seen, (unsigned)all[i].number);
        assert_true(all[i].usable || !weft__cpuset_has(&seen, (unsigned)all[i].number));
    }
    assert_int_equal(usable, weft__cpuset_count(&seen));
}

static void test_one_core(void **state)
{
    (void)state;
    make("core:1 pu:1", 1, 0, WEFT__BIND_CORE);
    check_disjoint();
    assert_int_equal(plan.place[0].workers, 1);
    assert_string_equal(cpus(0), "0");
    assert_false(plan.crowded);
    again(2, 0, WEFT__BIND_CORE);
    assert_true(plan.crowded && plan.shared);
    assert_string_equal(cpus(1), "0");
}

static void test_each_worker_has_a_core(void **state)
{
    (void)state;
    make("package:2 core:4 pu:2", 4, 2, WEFT__BIND_CORE);
    check_disjoint();
    assert_string_equal(cpus(0), "0,2");
    assert_string_equal(cpus(3), "12,14");
    assert_true(plan.place[3].workers_bound);
    assert_int_equal(plan.place[3].worker_cpu[0], 12);
    assert_int_equal(plan.place[3].worker_cpu[1], 14);
}

static void test_second_threads_come_last_and_stay_with_their_core(void **state)
{
    (void)state;
    make("package:2 core:4 pu:2", 2, 8, WEFT__BIND_CORE);
    check_disjoint();
    assert_string_equal(cpus(0), "0-7");
    assert_string_equal(cpus(1), "8-15");
    again(5, 2, WEFT__BIND_CORE); /* ten workers on eight cores: two cores are used twice */
    check_disjoint();
    assert_string_equal(cpus(0), "0-1");
    assert_string_equal(cpus(1), "2-3");
    assert_string_equal(cpus(2), "4,6");
    assert_string_equal(cpus(4), "12,14");
}

static void test_workers_by_default_share_the_machine_out(void **state)
{
    (void)state;
    make("package:2 core:4 pu:2", 3, 0, WEFT__BIND_CORE);
    check_disjoint();
    assert_int_equal(plan.place[0].workers, 5);
    again(16, 0, WEFT__BIND_CORE);
    check_disjoint();
    assert_int_equal(plan.place[0].workers, 1);
    assert_false(plan.crowded);
}

static void test_more_workers_than_cpus_get_the_whole_set(void **state)
{
    (void)state;
    for (int bind = WEFT__BIND_CORE; bind < WEFT__BIND_NONE; bind++) {
        make("core:4 pu:1", 3, 2, (weft__bind)bind);
        assert_true(plan.crowded && plan.shared);
        for (int r = 0; r < 3; r++) {
            assert_true(plan.place[r].bound);
            assert_false(plan.place[r].workers_bound);
            assert_string_equal(cpus(r), "0-3");
        }
    }
}

static void test_a_smaller_set_is_not_left(void **state)
{
    (void)state;
    weft__cpuset given;
    weft__cpuset_clear(&given);
    for (unsigned c = 5; c < 12; c++)
        weft__cpuset_add(&given, c);
    for (int bind = WEFT__BIND_CORE; bind < WEFT__BIND_NONE; bind++)
        for (int ranks = 1; ranks <= 7; ranks++) {
            make(BIG, 1, 1, WEFT__BIND_CORE);
            assert_int_equal(weft__machine_restrict(m, &given, 0), WEFT_OK);
            again(ranks, 0, (weft__bind)bind);
            check_disjoint();
            again(8, 1, (weft__bind)bind);
            assert_true(plan.shared);
            assert_string_equal(cpus(7), "5-11");
        }
    int all, cores, usable;
    weft__machine_count(m, &all, &cores, &usable);
    assert_int_equal(all, 7);
    assert_int_equal(cores, 4);
    assert_int_equal(usable, 7);
    weft__cpuset_clear(&given);
    assert_int_equal(weft__machine_restrict(m, &given, 0), WEFT_INVALID);
    weft__machine_count(m, &all, &cores, &usable);
    assert_int_equal(all, 7);
}

static void test_groups(void **state)
{
    (void)state;
    make(BIG, 2, 0, WEFT__BIND_L3);
    check_disjoint();
    assert_int_equal(plan.place[0].workers, 8);
    assert_false(plan.place[0].workers_bound);
    assert_string_equal(cpus(0), "0-7");
    assert_string_equal(cpus(1), "8-15");
    again(2, 0, WEFT__BIND_NUMA);
    check_disjoint();
    assert_string_equal(cpus(1), "16-31");
    again(2, 0, WEFT__BIND_PACKAGE);
    check_disjoint();
    assert_string_equal(cpus(0), "0-15");
    assert_int_equal(plan.place[0].workers, 16);
    again(8, 0, WEFT__BIND_L3); /* two in each group */
    check_disjoint();
    assert_string_equal(cpus(0), "0-3");
    assert_string_equal(cpus(7), "28-31");
    again(2, 12, WEFT__BIND_L3); /* more workers than a group has CPUs: two groups each */
    check_disjoint();
    assert_string_equal(cpus(0), "0-15");
}

static void test_what_the_machine_lacks_is_a_package(void **state)
{
    (void)state;
    make("package:2 core:2 pu:1", 2, 0, WEFT__BIND_L3);
    check_disjoint();
    assert_string_equal(cpus(1), "2-3");
}

static void test_none_binds_nothing(void **state)
{
    (void)state;
    make("core:4 pu:1", 2, 0, WEFT__BIND_NONE);
    assert_int_equal(plan.place[1].workers, 2);
    assert_false(plan.place[1].bound || plan.place[1].workers_bound || plan.crowded);
    again(2, 5, WEFT__BIND_NONE);
    assert_true(plan.crowded);
    assert_false(plan.shared || plan.place[0].bound);
}

static void test_a_quota_lowers_what_is_used(void **state)
{
    (void)state;
    make("core:8 pu:1", 1, 1, WEFT__BIND_CORE);
    assert_int_equal(weft__machine_restrict(m, NULL, 3), WEFT_OK);
    again(1, 0, WEFT__BIND_CORE);
    assert_int_equal(plan.place[0].workers, 3);
    assert_false(plan.crowded);
    again(2, 2, WEFT__BIND_CORE); /* CPUs enough, but not their time */
    check_disjoint();
    assert_true(plan.crowded);
}

static void test_any_number_of_ranks_and_workers(void **state)
{
    (void)state;
    static const char *const machines[] = {BIG, "package:3 core:5 pu:1", "core:7 pu:3",
                                           "package:2 l3:3 core:1 pu:4"};
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        for (int ranks = 1; ranks < 40; ranks++)
            for (int threads = 0; threads < 9; threads++)
                for (int bind = WEFT__BIND_CORE; bind < WEFT__BIND_NONE; bind++) {
                    if (ranks == 1 && threads == 0 && bind == 0)
                        make(machines[i], 1, 1, WEFT__BIND_CORE);
                    again(ranks, threads, (weft__bind)bind);
                    if (!plan.shared)
                        check_disjoint();
                    else
                        assert_true(plan.crowded);
                }
}

static void test_what_cannot_be_planned(void **state)
{
    (void)state;
    weft__plan_ask ask = {.ranks = 0};
    assert_int_equal(weft__machine_load(&m, "core:1 pu:1"), WEFT_OK);
    assert_int_equal(weft__plan_make(m, &ask, &plan), WEFT_INVALID);
    weft__machine_free(&m);
    assert_int_equal(weft__machine_load(&m, "nonsense"), WEFT_INVALID);
    assert_int_equal(weft__machine_load(&m, "/no/such/file.xml"), WEFT_INVALID);
    assert_null(m);
}

static void test_this_machine_keeps_to_its_mask(void **state)
{
    (void)state;
    weft__cpuset mask;
    assert_int_equal(weft__thread_cpus(&mask), WEFT_OK);
    make(NULL, 1, 0, WEFT__BIND_CORE);
    assert_true(weft__machine_real(m));
    for (unsigned c = 0; c < WEFT__CPUS_MAX; c++)
        assert_true(!weft__cpuset_has(&plan.place[0].cpus, c) || weft__cpuset_has(&mask, c));
}

static char root[] = "/tmp/weft-quota-XXXXXX";

/* Remembered, to be removed in reverse. */
static char made[16][256];
static int made_count;

static void put(const char *path, const char *text)
{
    char *full = made[made_count++];
    snprintf(full, sizeof made[0], "%s/%s", root, path);
    if (!text) {
        assert_int_equal(mkdir(full, 0700), 0);
        return;
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_quotas_of_control_groups(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    put("a", NULL);
    put("a/b", NULL);
    put("a/cpu.max", "350000 100000\n");
    put("a/b/cpu.max", "max 100000\n");
    put("cpu", NULL);
    put("cpu/x", NULL);
    put("cpu/x/cpu.cfs_quota_us", "200000\n");
    put("cpu/x/cpu.cfs_period_us", "100000\n");
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    int split = weft__quota_of(root, "4:cpu,cpuacct:/x\n3:cpuset:/x\n0::/\n");
    int other = weft__quota_of(root, "4:cpuacct:/x\n");
    int unified = weft__quota_of(root, "0::/a/b\n");
    int none = weft__quota_of(root, "0::/none\n1:cpu:/\nnonsense\n:\n::");
    while (made_count > 0)
        remove(made[--made_count]);
    rmdir(root);
    assert_int_equal(split, 2);
    assert_int_equal(other, 0);
    assert_int_equal(unified, 4); /* three and a half, rounded up */
    assert_int_equal(none, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_one_core, teardown),
        cmocka_unit_test_teardown(test_each_worker_has_a_core, teardown),
        cmocka_unit_test_teardown(test_second_threads_come_last_and_stay_with_their_core, teardown),
        cmocka_unit_test_teardown(test_workers_by_default_share_the_machine_out, teardown),
        cmocka_unit_test_teardown(test_more_workers_than_cpus_get_the_whole_set, teardown),
        cmocka_unit_test_teardown(test_a_smaller_set_is_not_left, teardown),
        cmocka_unit_test_teardown(test_groups, teardown),
        cmocka_unit_test_teardown(test_what_the_machine_lacks_is_a_package, teardown),
        cmocka_unit_test_teardown(test_none_binds_nothing, teardown),
        cmocka_unit_test_teardown(test_a_quota_lowers_what_is_used, teardown),
        cmocka_unit_test_teardown(test_any_number_of_ranks_and_workers, teardown),
        cmocka_unit_test_teardown(test_what_cannot_be_planned, teardown),
        cmocka_unit_test_teardown(test_this_machine_keeps_to_its_mask, teardown),
        cmocka_unit_test(test_quotas_of_control_groups),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
