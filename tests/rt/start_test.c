/* A program with its own main and its own threads starts and stops weft. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/child.h"
#include "weft/weft.h"

static char said[1024];

static void remember(void *ctx, weft_level level, const char *line)
{
    (void)ctx;
    (void)level;
    strncat(said, line, sizeof said - strlen(said) - 1);
}

static weft *start(int threads)
{
    weft *w = NULL;
    weft_opts opts = WEFT_OPTS_INIT;
    opts.threads = threads;
    opts.log = remember;
    opts.log_level = WEFT_LOG_WARN;
    said[0] = '\0';
    assert_int_equal(weft_start(&w, &opts), WEFT_OK);
    return w;
}

static weft_err add(void *arg)
{
    WEFT_ATOMIC(long) *sum = arg;
    weft_atomic_fetch_add(sum, 1, WEFT_RELAXED);
    return weft_here() ? WEFT_OK : WEFT_INVALID;
}

/* What one of the program's own threads does: submits and waits. */
struct own {
    weft *w;
    WEFT_ATOMIC(long) sum;
    weft_err result;
};

static void *own_thread(void *arg)
{
    struct own *o = arg;
    weft_scope s;
    weft_scope_init(&s, weft_pool(o->w), "own");
    o->result = WEFT_OK;
    for (int i = 0; i < 1000 && o->result == WEFT_OK; i++)
        o->result = weft_scope_go(&s, add, &o->sum, "add");
    if (o->result == WEFT_OK)
        o->result = weft_scope_join(&s, weft_in_s(30));
    weft_scope_fini(&s);
    return NULL;
}

static void it_starts_and_stops_twice_beside_own_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        weft *w = start(2);
        pthread_t threads[4];
        static struct own own[4];
        assert_null(weft_here());
        assert_int_equal(weft_rank(w), 0);
        assert_int_equal(weft_size(w), 1);
        assert_int_equal(weft_workers(w), 2);
        assert_string_equal(weft_link_name(w), "none");
        for (int i = 0; i < 4; i++) {
            own[i] = (struct own){.w = w};
            assert_int_equal(pthread_create(&threads[i], NULL, own_thread, &own[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(own[i].result, WEFT_OK);
            assert_int_equal(weft_atomic_load(&own[i].sum, WEFT_RELAXED), 1000);
        }
        assert_int_equal(weft_stop(&w, weft_in_s(10)), WEFT_OK);
        assert_null(w);
        assert_int_equal(weft_stop(&w, weft_in_s(10)), WEFT_OK);
    }
}

static void a_team_of_one_needs_no_link(void **state)
{
    (void)state;
    weft *w = start(1);
    weft_part *parts = NULL;
    assert_int_equal(weft_team_barrier(weft_job(w), WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_team_gather(weft_job(w), 0, "abc", 3, &parts, WEFT_NOW), WEFT_OK);
    assert_int_equal(parts[0].len, 3);
    assert_memory_equal(parts[0].data, "abc", 3);
    weft_parts_free(&parts);
    assert_null(parts);

    weft_queue *q = NULL;
    char buf[8];
    size_t len = 99;
    assert_int_equal(weft_queue_open(&q, weft_job(w), "own", WEFT_BOTH, NULL, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_put(q, "item", 4, WEFT_NOW), WEFT_OK);
    assert_int_equal(weft_get(q, buf, 2, &len, WEFT_NOW), WEFT_TOOBIG);
    assert_int_equal(len, 4);
    assert_int_equal(weft_get(q, buf, sizeof buf, &len, WEFT_NOW), WEFT_OK);
    assert_memory_equal(buf, "item", 4);
    assert_int_equal(weft_get(q, buf, sizeof buf, &len, WEFT_NOW), WEFT_LATE);
    weft_queue_end(q);
    assert_int_equal(weft_get(q, buf, sizeof buf, &len, WEFT_FOREVER), WEFT_CLOSED);
    weft_queue_close(&q);
    assert_null(q);
    assert_int_equal(weft_stop(&w, weft_in_s(10)), WEFT_OK);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    weft *w = NULL;
    weft_opts many = WEFT_OPTS_INIT, small = WEFT_OPTS_INIT, none = WEFT_OPTS_INIT;
    many.threads = 1000000;
    assert_int_equal(weft_start(&w, &many), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "1000000"));
    small.stack_size = 17;
    assert_int_equal(weft_start(&w, &small), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "17"));
    setenv("WEFT_THREADS", "several", 1);
    assert_int_equal(weft_start(&w, &none), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "WEFT_THREADS"));
    assert_non_null(strstr(weft_detail(), "several"));
    unsetenv("WEFT_THREADS");
    assert_null(w);
}

static void more_workers_than_cpus_are_said_once(void **state)
{
    (void)state;
    weft *w = start(200);
    assert_int_equal(weft_workers(w), 200);
    assert_non_null(strstr(said, "200 workers"));
    assert_int_equal(weft_stop(&w, weft_in_s(10)), WEFT_OK);
}

static weft_err stop_it(void *arg)
{
    weft *w = arg;
    return weft_stop(&w, WEFT_NOW);
}

static void stop_by_a_task(void)
{
    weft *w = start(1);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "stoppers");
    assert_int_equal(weft_go(&s, stop_it, w), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(10)), WEFT_OK);
}

static void a_task_that_stops_its_runtime_is_named_with_its_place(void **state)
{
    (void)state;
    aborts_here(stop_by_a_task, "weft_stop: called by task stop_it");
}

static int thread_count(void)
{
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}

static int seen_threads;

static weft_err look_at_self(void *arg)
{
    weft_sem *sem = arg;
    seen_threads = thread_count();
    weft_err e = weft_sleep(weft_in_ms(5));
    weft_sem_release(sem);
    return e;
}

static int single_app(weft *w, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    weft_sem sem = WEFT_SEM_INIT("told", 0);
    weft_scope s;
    weft_scope_init(&s, weft_loop(w), "look");
    weft_err e = weft_go(&s, look_at_self, &sem);
    if (e == WEFT_OK)
        e = weft_sem_acquire(&sem, weft_in_s(10));
    weft_scope_fini(&s);
    return e == WEFT_OK ? 7 : 1;
}

static void a_single_worker_is_the_only_thread(void **state)
{
    (void)state;
    weft_opts opts = WEFT_OPTS_INIT;
    opts.threads = 1;
    char *argv[] = {"test", NULL};
    int before = thread_count();
    assert_int_equal(weft_main(1, argv, &opts, single_app), 7);
    assert_int_equal(seen_threads, before);
    assert_true(weft_version()[0] >= '0' && weft_version()[0] <= '9');
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_that_stops_its_runtime_is_named_with_its_place),
        cmocka_unit_test(it_starts_and_stops_twice_beside_own_threads),
        cmocka_unit_test(a_team_of_one_needs_no_link),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(more_workers_than_cpus_are_said_once),
        cmocka_unit_test(a_single_worker_is_the_only_thread),
    };
    alarm(120);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
