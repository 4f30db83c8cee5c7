/* No wake is lost. Pairs play ball: each stroke is one wake, and the next is made only by who was
 * woken, so a lost one ends its pair and is seen as a late wait. The pairs play at once, over
 * everything that can wake a worker: other tasks, outside threads, submissions, timers, descriptors
 * and another process's doorbell; between strokes they yield, compute or rest for random times, so
 * that workers are met in every state of falling asleep.
 * ctest: timeout=600 serial */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "link/seg.h"
#include "task/engine.h"
#include "weft/io.h"
#include "weft/sync.h"
#include "weft/task.h"

enum { PATIENCE_S = 30 };

static weft *w;
static uint64_t seed;
static long strokes; /* of each pair */

struct pair {
    weft_sem there, back;
    int fd;
    weft_place *place;
    uint64_t random;
    weft_err result;
    long wakes;
};

/* Mostly nothing; sometimes long enough for everybody else to fall asleep. */
static void rest(struct pair *p)
{
    uint64_t r = test_random(&p->random) % 64;
    if (r < 4)
        (void)weft_sleep(weft_in_us((int64_t)r * 20));
    else if (r < 12)
        (void)weft_yield();
    else if (r < 16)
        for (volatile int i = 0; i < 2000; i++)
            ;
}

static weft_err answer(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft_err e = weft_sem_acquire(&p->there, weft_in_s(PATIENCE_S));
        if (e != WEFT_OK)
            return e;
        rest(p);
        weft_sem_release(&p->back);
    }
    return WEFT_OK;
}

static weft_err serve_ball(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft_sem_release(&p->there);
        weft_err e = weft_sem_acquire(&p->back, weft_in_s(PATIENCE_S));
        if (e != WEFT_OK)
            return e;
        p->wakes += 2;
    }
    return WEFT_OK;
}

static weft_err nap(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft_deadline by = weft_in_us((int64_t)(test_random(&p->random) % 40));
        (void)weft_sleep(by);
        if (weft_clock() > by.ns + PATIENCE_S * INT64_C(1000000000))
            return WEFT_LATE;
        p->wakes++;
    }
    return WEFT_OK;
}

static weft_err read_events(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft_err e = weft_ready(p->fd, WEFT_READABLE, weft_in_s(PATIENCE_S));
        if (e != WEFT_OK)
            return e;
        weft__bell_drain(p->fd);
        rest(p);
        weft_sem_release(&p->back);
    }
    return WEFT_OK;
}

static weft_err write_events(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft__bell_ring(p->fd);
        weft_err e = weft_sem_acquire(&p->back, weft_in_s(PATIENCE_S));
        if (e != WEFT_OK)
            return e;
        p->wakes += 2;
    }
    return WEFT_OK;
}

static weft_err release_back(void *arg)
{
    struct pair *p = arg;
    rest(p);
    weft_sem_release(&p->back);
    return WEFT_OK;
}

/* On an outside thread: every stroke is a new task. */
static weft_err submit(void *arg)
{
    struct pair *p = arg;
    weft_scope s;
    weft_err e = WEFT_OK;
    weft_scope_init(&s, p->place, "submitted");
    for (long i = 0; i < strokes && e == WEFT_OK; i++) {
        e = weft_scope_go(&s, release_back, p, "release");
        if (e == WEFT_OK)
            e = weft_sem_acquire(&p->back, weft_in_s(PATIENCE_S));
        p->wakes += 2;
    }
    weft_scope_fini(&s);
    return e;
}

/* The other process, by the segment's bell. */
static weft__seg seg;
static pid_t child;
static weft_sem *rung;

static bool bell_look(void *ctx)
{
    (void)ctx;
    return weft__seg_attention(&seg, 0);
}

static void bell_serve(void *ctx)
{
    (void)ctx;
    weft__bell_drain(seg.bells[0]);
    uint64_t bits = weft__seg_take(&seg, 0, 0);
    if (bits && rung)
        weft_sem_release(rung);
}

static bool bell_arm(void *ctx)
{
    (void)ctx;
    return weft__seg_arm(&seg, 0);
}

static void bell_disarm(void *ctx)
{
    (void)ctx;
    weft__seg_disarm(&seg, 0);
}

static weft__source bell = {
    .look = bell_look, .serve = bell_serve, .arm = bell_arm, .disarm = bell_disarm};

static weft_err ring_process(void *arg)
{
    struct pair *p = arg;
    for (long i = 0; i < strokes; i++) {
        weft__seg_attend(&seg, 1, 0);
        weft_err e = weft_sem_acquire(&p->back, weft_in_s(PATIENCE_S));
        if (e != WEFT_OK)
            return e;
        p->wakes += 2;
        rest(p);
    }
    return WEFT_OK;
}

static _Noreturn void echo_process(pid_t parent)
{
    weft__poller poller;
    weft__poll_event ev[4];
    if (weft__poller_open(&poller) != WEFT_OK ||
        weft__poller_set(&poller, seg.bells[1], WEFT__POLL_IN, 0) != WEFT_OK)
        _exit(1);
    while (getppid() == parent) {
        if (weft__seg_take(&seg, 1, 0)) {
            weft__seg_attend(&seg, 0, 1);
            continue;
        }
        if (weft__seg_arm(&seg, 1))
            (void)weft__poller_wait(&poller, ev, 4, weft_in_ms(1000).ns);
        weft__seg_disarm(&seg, 1);
        weft__bell_drain(seg.bells[1]);
    }
    _exit(0);
}

static void start_process(void)
{
    if (weft__seg_create(&seg, 2) != WEFT_OK)
        abort();
    pid_t parent = getpid();
    child = fork();
    if (child == 0)
        echo_process(parent);
}

static void go(weft_scope *s, weft_fn fn, struct pair *p)
{
    if (weft_scope_go(s, fn, p, "player") != WEFT_OK)
        abort();
}

/* All pairs at once on `workers` workers; returns how many wakes were seen. */
static long play(int workers)
{
    enum { PAIRS = 9 };
    struct pair pairs[PAIRS];
    weft_scope pool, loop, threads;
    w = calloc(1, sizeof *w);
    weft__engine_opts opts = {.workers = workers,
                              .crowded = workers > weft__thread_cpus_online(),
                              .stack_size = 64 * 1024,
                              .large_stack = 1024 * 1024};
    assert_int_equal(weft__engine_open(w, &opts), WEFT_OK);
    assert_int_equal(weft__readiness_open(w), WEFT_OK);
    weft__source_add(w, &bell);
    assert_int_equal(weft__source_watch(w, &bell, seg.bells[0]), WEFT_OK);
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = (struct pair){.there = WEFT_SEM_INIT("there", 0),
                                 .back = WEFT_SEM_INIT("back", 0),
                                 .fd = -1,
                                 .place = i % 2 ? weft_pool(w) : weft_loop(w),
                                 .random = test_random(&seed)};
        assert_int_equal(weft__bell_open(&pairs[i].fd), WEFT_OK);
    }
    rung = &pairs[8].back;
    assert_int_equal(weft__engine_start(w, 0), WEFT_OK);
    weft_scope_init(&pool, weft_pool(w), "pool");
    weft_scope_init(&loop, weft_loop(w), "loop");
    weft_scope_init(&threads, weft_threads(w), "threads");

    go(&pool, serve_ball, &pairs[0]), go(&pool, answer, &pairs[0]);           /* task to task */
    go(&loop, serve_ball, &pairs[1]), go(&pool, answer, &pairs[1]);           /* loop to pool */
    go(&threads, serve_ball, &pairs[2]), go(&pool, answer, &pairs[2]);        /* thread to task */
    go(&pool, nap, &pairs[3]);                                                /* timers */
    go(&pool, read_events, &pairs[4]), go(&threads, write_events, &pairs[4]); /* descriptors */
    go(&loop, read_events, &pairs[5]), go(&pool, write_events, &pairs[5]);
    go(&threads, submit, &pairs[6]), go(&threads, submit, &pairs[7]); /* submissions */
    go(&pool, ring_process, &pairs[8]);                               /* another process */

    weft_err e[] = {weft_scope_join(&pool, weft_in_s(300)), weft_scope_join(&loop, weft_in_s(60)),
                    weft_scope_join(&threads, weft_in_s(60))};
    weft_scope_fini(&pool);
    weft_scope_fini(&loop);
    weft_scope_fini(&threads);
    for (int i = 0; i < 3; i++)
        assert_int_equal(e[i], WEFT_OK);
    weft__engine_halt(w);
    weft__engine_join(w, 0);
    rung = NULL;
    weft__source_remove(w, &bell);
    weft__readiness_close(w);
    weft__engine_close(w);
    free(w);
    long wakes = 0;
    for (int i = 0; i < PAIRS; i++) {
        wakes += pairs[i].wakes;
        close(pairs[i].fd);
    }
    return wakes;
}

static void no_wake_is_lost(void **state)
{
    (void)state;
    seed = test_seed();
    long wanted = test_length(100000, 1000000), seen = 0;
    strokes = wanted / 4 / 16;
    for (int workers = 1; workers <= 4; workers++)
        seen += play(workers);
    printf("%ld wakes\n", seen);
    assert_true(seen >= wanted);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_wake_is_lost)};
    alarm(500);
    start_process();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return failed;
}
