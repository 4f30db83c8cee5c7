/* Joining a job of `weft run`, and what is said when that cannot be. */
#include <fcntl.h>
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
#include "weft/weft.h"

static weft__log quiet;
static const weft_opts opts;

static int clean(void **state)
{
    (void)state;
    static const char *const marks[] = {
        "WEFT_JOB",       "WEFT_ALONE",           "WEFT_LINK",
        "PMI_SIZE",       "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS",
        "PMIX_NAMESPACE", "WEFT_JOIN_SECONDS"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        unsetenv(marks[i]);
    return 0;
}

/* The launcher's part: a segment, and copies of its descriptors as a rank inherits them. */
static void inherit(const weft__seg *s, int rank)
{
    static int base = 100;
    char mark[64];
    int fd = fcntl(s->fd, F_DUPFD, base), first = fd + 1;
    for (int i = 0; i < s->ranks; i++)
        assert_int_equal(fcntl(s->bells[i], F_DUPFD, first + i), first + i);
    snprintf(mark, sizeof mark, "%d:%d:%d", rank, fd, first);
    setenv("WEFT_JOB", mark, 1);
    base = first + s->ranks;
}

static void assert_refused(const char *text)
{
    weft__boot b;
    assert_int_equal(weft__boot_join(&b, &opts, &quiet), WEFT_INVALID);
    if (!strstr(weft_detail(), text))
        fail_msg("\"%s\" is not in: %s", text, weft_detail());
    assert_null(b.mail);
    assert_false(b.have_seg);
}

static void assert_alone(void)
{
    weft__boot b;
    assert_int_equal(weft__boot_join(&b, &opts, &quiet), WEFT_OK);
    assert_int_equal(b.rank, 0);
    assert_int_equal(b.size, 1);
    assert_int_equal(b.local_size, 1);
    assert_null(b.mail);
    assert_null(b.ops);
    weft__boot_leave(&b, false);
}

static void without_marks_a_process_is_alone(void **state)
{
    (void)state;
    assert_alone();
    setenv("SLURM_NTASKS", "4", 1);
    assert_alone();
    setenv("WEFT_LINK", "zmq", 1); /* there is nobody to be linked to */
    assert_alone();
}

static void alone_overrides_every_mark(void **state)
{
    (void)state;
    setenv("WEFT_ALONE", "1", 1);
    setenv("WEFT_JOB", "nonsense", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    assert_alone();
}

static void marks_without_a_way_to_join_are_no_copies_of_rank_0(void **state)
{
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_RANK", "2", 1);
    assert_refused("no mpirun to join");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    setenv("SLURM_PROCID", "1", 1);
    assert_refused("SLURM_STEP_NUM_TASKS=4");
}

static void settings_that_cannot_be_are_errors(void **state)
{
    (void)state;
    setenv("WEFT_LINK", "carrier-pigeon", 1);
    assert_refused("WEFT_LINK");
    setenv("WEFT_LINK", "shm", 1);
    setenv("WEFT_JOIN_SECONDS", "0", 1);
    assert_refused("WEFT_JOIN_SECONDS");
    setenv("WEFT_JOIN_SECONDS", "1", 1);
    setenv("WEFT_ALONE", "perhaps", 1);
    assert_refused("WEFT_ALONE");
    setenv("WEFT_ALONE", "0", 1);
    setenv("WEFT_JOB", "1:2", 1);
    assert_refused("WEFT_JOB");
}

static int letters_seen;

static void see_letter(void *ctx, weft__letter *l)
{
    (void)ctx;
    letters_seen += l->from == 1 && l->head.len == 5 && memcmp(l->data, "hello", 5) == 0;
    free(l);
}

static void a_launched_rank_joins_once(void **state)
{
    (void)state;
    weft__seg s;
    weft__boot b[2];
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    for (int i = 0; i < 2; i++) {
        inherit(&s, i);
        /* Rank 0 does not wait for rank 1, which is not there yet. */
        assert_int_equal(weft__boot_join(&b[i], &opts, &quiet), WEFT_OK);
        assert_null(getenv("WEFT_JOB"));
        assert_int_equal(b[i].rank, i);
        assert_int_equal(b[i].size, 2);
        assert_true(b[i].launched);
        assert_string_equal(b[i].ops->name, "shm");
        assert_int_equal(weft__seg_state(&s, i), WEFT__RANK_JOINED);
        assert_true(fcntl(b[i].seg.fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(b[i].seg.bells[1], F_GETFD) & FD_CLOEXEC);
        assert_int_equal(weft__seg_rank_of(&s, i)->pid, getpid());
    }
    weft__mail_handle(b[0].mail, WEFT__MAIL_TEAM, see_letter, NULL, NULL);
    weft__letter_head head = {.kind = WEFT__MAIL_TEAM};
    assert_int_equal(weft__mail_send(b[1].mail, 0, head, "hello", 5), WEFT_OK);
    weft__mail_serve(b[0].mail);
    assert_int_equal(letters_seen, 1);

    inherit(&s, 1);
    assert_refused("rank 1 of this job has already been joined by another process");
    weft__boot_leave(&b[1], false);
    assert_int_equal(weft__seg_state(&s, 1), WEFT__RANK_LEFT);
    inherit(&s, 1);
    assert_refused("rank 1 of this job has already been joined and left");
    assert_int_equal(weft__seg_state(&s, 0), WEFT__RANK_JOINED);
    weft__boot_leave(&b[0], false);

    assert_refused("already joined its job"); /* no mark any more, but this process was a rank */
    setenv("WEFT_ALONE", "1", 1);
    assert_alone();
    weft__seg_close(&s);
}

static void a_rank_or_a_link_that_cannot_be_is_refused(void **state)
{
    (void)state;
    weft__seg s;
    assert_int_equal(weft__seg_create(&s, 2), WEFT_OK);
    inherit(&s, 2);
    assert_refused("rank 2 of a job of 2");
    inherit(&s, 0);
    setenv("WEFT_LINK", "mpi", 1);
    assert_refused("start it with mpirun");
    setenv("WEFT_LINK", "shm", 1);
    weft_atomic_store(&weft__seg_job_of(&s)->links, 2, WEFT_RELAXED); /* another rank wants zmq */
    inherit(&s, 1);
    assert_refused("rank 1 wants WEFT_LINK=shm");
    weft__seg_close(&s);
}

static void closed_or_foreign_descriptors_are_refused(void **state)
{
    (void)state;
    weft__seg s;
    setenv("WEFT_JOB", "0:990:991", 1);
    assert_refused("descriptor 990 of its job is not open");
    assert_null(getenv("WEFT_JOB"));
    int fd = fcntl(0, F_DUPFD, 980);
    setenv("WEFT_JOB", "0:980:981", 1);
    weft__boot b;
    assert_int_not_equal(weft__boot_join(&b, &opts, &quiet), WEFT_OK);
    close(fd);
    assert_int_equal(weft__seg_create(&s, 3), WEFT_OK);
    inherit(&s, 0);
    int rank, seg, bell;
    assert_int_equal(sscanf(getenv("WEFT_JOB"), "%d:%d:%d", &rank, &seg, &bell), 3);
    close(bell + 2);
    assert_refused("is not open");
    weft__seg_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_marks_a_process_is_alone, clean),
        cmocka_unit_test_setup(alone_overrides_every_mark, clean),
        cmocka_unit_test_setup(marks_without_a_way_to_join_are_no_copies_of_rank_0, clean),
        cmocka_unit_test_setup(settings_that_cannot_be_are_errors, clean),
        cmocka_unit_test_setup(a_rank_or_a_link_that_cannot_be_is_refused, clean),
        cmocka_unit_test_setup(closed_or_foreign_descriptors_are_refused, clean),
        cmocka_unit_test_setup(a_launched_rank_joins_once, clean),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
