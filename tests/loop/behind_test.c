/* What waits for the world in a process whose only worker computes: it waits until the next fork and join, or
 * chunk of a loop, or wait, and not until the end.
 * ctest: serial */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/trial.h"
#include "weft/fork.h"
#include "weft/io.h"
#include "weft/par.h"
#include "weft/stream.h"
#include "weft/sync.h"

enum { ROUNDS = 100 };
/* An answer has to come within a millisecond; on a busy machine within five, half of the time. The sanitizers
 * make everything slower. */
#if defined(WEFT__TSAN) || defined(WEFT__ASAN)
static const int64_t limit_ns = 100000000;
#else
static const int64_t limit_ns = 5000000;
#endif

static weft *w;
static WEFT_ATOMIC(
    uint32_t) enough; /* set by who asks, read by who computes: nothing else is passed */

static int setup(void **state)
{
    (void)state;
    w = engine_open(1);
    watch(w, 100);
    weft_atomic_store(&enough, 0, WEFT_RELAXED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(w);
    watch(NULL, 100);
    return 0;
}

static void compute_for(int64_t ns)
{
    int64_t until = weft_clock() + ns;
    while (weft_clock() < until)
        ;
}

static intptr_t fib(intptr_t n)
{
    weft_child left;
    if (n < 2)
        return n;
    weft_fork_value(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return weft_join_value(&left, fib) + right;
}

static bool go_on(void)
{
    return weft_atomic_load(&enough, WEFT_RELAXED) == 0;
}

static weft_err recursion(void *arg)
{
    (void)arg;
    while (go_on())
        fib(28);
    return WEFT_OK;
}

static weft_err a_while(void *arg)
{
    (void)arg;
    compute_for(50000);
    return WEFT_OK;
}

static weft_err forks(void *arg)
{
    while (go_on()) {
        weft_child c;
        weft_fork(&c, a_while, arg);
        compute_for(50000);
        if (weft_join(&c, a_while) != WEFT_OK)
            return WEFT_SYS;
    }
    return WEFT_OK;
}

static weft_err chunk(int64_t begin, int64_t end, void *arg)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++)
        compute_for(1000);
    return WEFT_OK;
}

static weft_err loops(void *arg)
{
    (void)arg;
    while (go_on())
        if (weft_for(weft_pool(w), 0, 100000, 0, chunk, NULL) != WEFT_OK)
            return WEFT_SYS;
    return WEFT_OK;
}

static weft_err loops_by_grain(void *arg)
{
    (void)arg;
    while (go_on())
        if (weft_for(weft_pool(w), 0, 100000, 20, chunk, NULL) != WEFT_OK)
            return WEFT_SYS;
    return WEFT_OK;
}

static weft_err yields(void *arg)
{
    (void)arg;
    while (go_on()) {
        compute_for(50000);
        (void)weft_yield();
    }
    return WEFT_OK;
}

static weft_err answer(void *arg)
{
    weft_stream *s = arg;
    char c;
    size_t got;
    weft_err e;
    while ((e = weft_read(s, &c, 1, &got, WEFT_FOREVER)) == WEFT_OK)
        if ((e = weft_write(s, &c, 1, WEFT_FOREVER)) != WEFT_OK)
            break;
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* How long a question waits for its answer, asked from outside: the median. */
static int64_t ask(int fd)
{
    int64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        char c = (char)i, back = 0;
        compute_for(1000000); /* else the next question is there when the last one was answered */
        int64_t began = weft_clock();
        assert_int_equal(write(fd, &c, 1), 1);
        assert_int_equal(read(fd, &back, 1), 1);
        assert_int_equal(back, c);
        took[i] = weft_clock() - began;
    }
    qsort(took, ROUNDS, sizeof *took, compare);
    return took[ROUNDS / 2];
}

static void answers_come_behind(weft_fn compute, const char *name, weft_place *place)
{
    int fd[2];
    weft_stream *s;
    weft_scope scope, answers;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(weft_stream_adopt(w, &s, fd[1]), WEFT_OK);
    weft_scope_init(&answers, place, "answers");
    weft_scope_init(&scope, weft_pool(w), "computes");
    assert_int_equal(weft_go(&answers, answer, s), WEFT_OK);
    (void)ask(fd[0]);
    assert_int_equal(weft_scope_go(&scope, compute, NULL, name), WEFT_OK);
    int64_t median = ask(fd[0]);
    weft_atomic_store(&enough, 1, WEFT_RELAXED);
    assert_int_equal(weft_scope_join(&scope, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&scope);
    printf("%s: an answer in %.3f ms\n", name, (double)median / 1e6);
    close(fd[0]);
    assert_int_equal(weft_scope_join(&answers, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&answers);
    weft_close(&s);
    assert_true(median < limit_ns);
}

#define BEHIND(compute)                                                                            \
    static void answers_come_behind_##compute(void **state)                                        \
    {                                                                                              \
        (void)state;                                                                               \
        answers_come_behind(compute, #compute, weft_pool(w));                                      \
        weft_atomic_store(&enough, 0, WEFT_RELAXED);                                               \
        answers_come_behind(compute, #compute ", on the loop", weft_loop(w));                      \
    }
BEHIND(recursion)
BEHIND(forks)
BEHIND(loops)
BEHIND(loops_by_grain)
BEHIND(yields)

static weft_err computes(void *arg)
{
    (void)arg;
    while (go_on())
        compute_for(100000000);
    return WEFT_OK;
}

/* With two workers it needs no chance: one is in the poller while the other computes. */
static void with_two_workers_nobody_waits_behind_one_who_computes(void **state)
{
    (void)state;
    engine_close(w);
    w = engine_open(2);
    watch(w, 100);
    answers_come_behind(computes, "computes, beside another worker", weft_loop(w));
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(answers_come_behind_recursion), T(answers_come_behind_forks),
        T(answers_come_behind_loops),     T(answers_come_behind_loops_by_grain),
        T(answers_come_behind_yields),    T(with_two_workers_nobody_waits_behind_one_who_computes),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
