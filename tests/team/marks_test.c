/* Which job the environment says this process belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "team/boot.h"
#include "team/marks.h"

static const char *const all[] = {"WEFT_JOB",
                                  "WEFT_ALONE",
                                  "OMPI_COMM_WORLD_SIZE",
                                  "OMPI_COMM_WORLD_RANK",
                                  "PMI_SIZE",
                                  "PMI_RANK",
                                  "PMI_FD",
                                  "PMIX_NAMESPACE",
                                  "PMIX_SERVER_URI2",
                                  "SLURM_NTASKS",
                                  "SLURM_PROCID",
                                  "SLURM_STEP_NUM_TASKS"};

/* "NAME=VALUE NAME=VALUE": these and no other marks. */
static void environment(const char *text)
{
    char copy[256], *save = NULL;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        unsetenv(all[i]);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *one = strtok_r(copy, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(one, '=');
        *equals = 0;
        setenv(one, equals + 1, 1);
    }
}

static void marks_say_rank_and_size(void **state)
{
    (void)state;
    static const struct {
        const char *environment;
        weft_err err;
        int rank, size;
    } table[] = {
        {"", WEFT_OK, 0, 0},
        {"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3", WEFT_OK, 3, 4},
        {"OMPI_COMM_WORLD_SIZE=1", WEFT_OK, 0, 1},
        {"PMI_SIZE=2 PMI_RANK=1", WEFT_OK, 1, 2},
        {"SLURM_NTASKS=4 SLURM_PROCID=2", WEFT_OK, 0, 0},
        {"SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=2 SLURM_NTASKS=4", WEFT_OK, 2, 4},
        {"SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0", WEFT_OK, 0, 1},
        {"OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1 SLURM_STEP_NUM_TASKS=9 SLURM_PROCID=8",
         WEFT_OK, 1, 2},
        {"OMPI_COMM_WORLD_SIZE=4", WEFT_INVALID, 0, 0},
        {"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=4", WEFT_INVALID, 0, 0},
        {"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=-1", WEFT_INVALID, 0, 0},
        {"OMPI_COMM_WORLD_SIZE=four OMPI_COMM_WORLD_RANK=1", WEFT_INVALID, 0, 0},
        {"OMPI_COMM_WORLD_SIZE=99999999999999999999 OMPI_COMM_WORLD_RANK=1", WEFT_INVALID, 0, 0},
        {"PMI_SIZE=2x PMI_RANK=1", WEFT_INVALID, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        weft__mpi_mark m;
        environment(table[i].environment);
        assert_int_equal(weft__marks_mpi(&m), table[i].err);
        if (table[i].err != WEFT_OK)
            continue;
        assert_int_equal(m.size, table[i].size);
        assert_int_equal(m.rank, table[i].rank);
    }
}

static void only_a_launcher_that_can_be_reached_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *environment;
        weft_err err;
    } table[] = {
        {"", WEFT_INVALID},
        {"PMIX_NAMESPACE=1", WEFT_INVALID},
        {"PMIX_SERVER_URI2=tcp4://127.0.0.1:1", WEFT_INVALID},
        {"PMIX_NAMESPACE=1 PMIX_SERVER_URI2=tcp4://127.0.0.1:1", WEFT_OK},
        {"PMI_FD=5", WEFT_OK},
    };
    weft__mpi_mark m = {1, 4, "OMPI_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        environment(table[i].environment);
        assert_int_equal(weft__marks_joinable(&m), table[i].err);
        if (table[i].err == WEFT_OK)
            continue;
        assert_non_null(strstr(weft_detail(), "OMPI_COMM_WORLD_SIZE=4"));
        assert_non_null(strstr(weft_detail(), "WEFT_ALONE=1"));
    }
}

static void the_launchers_mark_is_read_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "x",      "1",        "1:2",     "1:3:4:5",        ":3:4",
        "1::4",   "1:3:",     "-1:3:4",  "+1:3:4",         "1:-3:4",
        "1: 3:4", "1:3:4 ",   "0x1:3:4", "1:3:4\n",        "1:2:4",
        "1:3:0",  "1024:3:4", "1:3:2",   "1:3:9999999999", "99999999999:3:4",
    };
    weft__job_mark m;
    bool there;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        environment("");
        setenv("WEFT_JOB", wrong[i], 1);
        if (weft__marks_job(&m, &there) != WEFT_INVALID)
            fail_msg("WEFT_JOB=%s", wrong[i]);
    }
    environment("WEFT_JOB=12:5:100");
    assert_int_equal(weft__marks_job(&m, &there), WEFT_OK);
    assert_true(there);
    assert_int_equal(m.rank, 12);
    assert_int_equal(m.seg_fd, 5);
    assert_int_equal(m.first_bell, 100);
    environment("");
    assert_int_equal(weft__marks_job(&m, &there), WEFT_OK);
    assert_false(there);
}

static void the_rank_can_be_guessed_before_joining(void **state)
{
    (void)state;
    environment("");
    assert_int_equal(weft__boot_guess_rank(), 0);
    environment("WEFT_JOB=12:5:100");
    assert_int_equal(weft__boot_guess_rank(), 12);
    environment("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3");
    assert_int_equal(weft__boot_guess_rank(), 3);
    environment("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 WEFT_ALONE=1");
    assert_int_equal(weft__boot_guess_rank(), 0);
    environment("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=x");
    assert_int_equal(weft__boot_guess_rank(), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_say_rank_and_size),
        cmocka_unit_test(only_a_launcher_that_can_be_reached_is_one),
        cmocka_unit_test(the_launchers_mark_is_read_strictly),
        cmocka_unit_test(the_rank_can_be_guessed_before_joining),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
