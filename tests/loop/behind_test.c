/* What waits for the world in a process whose only worker computes: it waits until the next fork and join, or
 * chunk of a loop, or wait, and not until the end; and who computes is named meanwhile.
 * ctest: serial */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "task/trial.h"
#include "weft/fork.h"
#include "weft/io.h"
#include "weft/par.h"
#include "weft/stream.h"
#include "weft/sync.h"

enum { ROUNDS = 100 };
/* An answer has to come within a millisecond; here within five, half of the time. The sanitizers make everything
 * slower. */
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

/* How long the workers have had a CPU. */
static int64_t worked_ns(void)
{
    int64_t ns = 0;
    for (int i = 0; i < w->workers; i++) {
        clockid_t of;
        struct timespec t;
        if (pthread_getcpuclockid((pthread_t)w->worker[i].thread.handle, &of) != 0 ||
            clock_gettime(of, &t) != 0)
            abort();
        ns += t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    }
    return ns;
}

static WEFT_ATOMIC(int64_t) answered_at; /* by worked_ns; set by who answers, read by who asks */

static weft_err answer(void *arg)
{
    weft_stream *s = arg;
    char c;
    size_t got;
    weft_err e;
    while ((e = weft_read(s, &c, 1, &got, WEFT_FOREVER)) == WEFT_OK) {
        weft_atomic_store(&answered_at, worked_ns(), WEFT_RELEASE); /* pairs with ask */
        if ((e = weft_write(s, &c, 1, WEFT_FOREVER)) != WEFT_OK)
            break;
    }
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* How long a question waits until it is answered, asked from outside: the median. It is the time that the workers have
 * a CPU meanwhile, nearly all of which goes into what is computed: beside other programs more goes by. */
static int64_t ask(int fd)
{
    int64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        char c = (char)i, back = 0;
        compute_for(1000000); /* else the next question is there when the last one was answered */
        int64_t began = worked_ns();
        assert_int_equal(write(fd, &c, 1), 1);
        assert_int_equal(read(fd, &back, 1), 1);
        assert_int_equal(back, c);
        took[i] = weft_atomic_load(&answered_at, WEFT_ACQUIRE) - began; /* pairs with answer */
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

/* Somebody computes until the watchdog has named it, and then waits or yields. */
enum { AFTER_MS = 50 };

static const char *suspect; /* whose name is looked for */
static char warning[512];   /* that names it */
static WEFT_ATOMIC(uint32_t)
    told; /* the warning is there; set by the watchdog, read by who computes and who asks */

static void hear(void *ctx, weft_level level, const char *line)
{
    (void)ctx;
    (void)level;
    if (weft_atomic_load(&told, WEFT_RELAXED) || !strstr(line, suspect))
        return;
    snprintf(warning, sizeof warning, "%s", line);
    weft_atomic_store(&told, 1, WEFT_RELEASE); /* pairs with hog and with the test */
}

struct hog {
    bool yields, waited_before;
    WEFT_ATOMIC(uint32_t) computing, answered; /* by itself, and by who asks */
    int64_t let_go;                            /* when it ended to compute */
    int turns;
};

static weft_err hog(void *arg)
{
    struct hog *h = arg;
    if (h->waited_before)
        ignore(weft_sleep(weft_in_ms(1)));
    weft_atomic_store(&h->computing, 1, WEFT_RELEASE); /* pairs with the test */
    int64_t until = weft_clock() + INT64_C(20000000000);
    while (!weft_atomic_load(&told, WEFT_ACQUIRE) && weft_clock() < until) /* pairs with hear */
        ;
    h->let_go = weft_clock();
    if (!h->yields)
        return weft_sleep(weft_in_s(1));
    for (; !weft_atomic_load(&h->answered, WEFT_ACQUIRE) && h->turns < 10000000; h->turns++)
        (void)weft_yield();
    return WEFT_OK;
}

static bool has_come(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* How long after it let go the question was answered that came while it computed. */
static int64_t ask_behind(int fd, struct hog *h)
{
    char c = 'x';
    assert_true(spin_until(&h->computing));
    assert_int_equal(write(fd, &c, 1), 1);
    bool early = false;
    while (!weft_atomic_load(&told, WEFT_ACQUIRE)) { /* pairs with hear */
        early = early || (has_come(fd) && !weft_atomic_load(&told, WEFT_ACQUIRE));
        ignore(weft_sleep(weft_in_ms(1)));
    }
    assert_false(early); /* there is one worker, and it computes: the answer waits behind it */
    assert_int_equal(read(fd, &c, 1), 1);
    int64_t now = weft_clock();
    weft_atomic_store(&h->answered, 1, WEFT_RELEASE); /* pairs with hog */
    return now;
}

/* The same; the hog has that name, and is named. */
static int64_t ask_behind_named(weft_place *of_hog, const char *name, weft_place *of_answer,
                                bool yields)
{
    int fd[2];
    weft_stream *s;
    weft_scope hogs, answers;
    struct hog h = {.yields = yields, .waited_before = of_hog == of_answer};
    suspect = name;
    weft_atomic_store(&told, 0, WEFT_RELAXED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(weft_stream_adopt(w, &s, fd[1]), WEFT_OK);
    weft_scope_init(&answers, of_answer, "answers");
    weft_scope_init(&hogs, of_hog, "hogs");
    assert_int_equal(weft_go(&answers, answer, s), WEFT_OK);
    (void)ask(fd[0]);
    assert_int_equal(weft_scope_go(&hogs, hog, &h, name), WEFT_OK);
    int64_t late = ask_behind(fd[0], &h);
    weft_scope_fini(&hogs);
    late -= h.let_go;
    printf("%s %s: an answer after %.3f ms and %d yields\n", name, yields ? "yields" : "waits",
           (double)late / 1e6, h.turns);
    assert_non_null(strstr(warning, name));
    close(fd[0]);
    assert_int_equal(weft_scope_join(&answers, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&answers);
    weft_close(&s);
    return late;
}

/* What other programs do may spoil a measurement: this is the first that is good, or the last of these. */
enum { MEASUREMENTS = 3 };

static void named_while_others_wait(weft_place *of_hog, const char *name, weft_place *of_answer,
                                    bool yields)
{
    int64_t late = INT64_MAX;
    for (int i = 0; i < MEASUREMENTS && late >= 10 * limit_ns; i++)
        late = ask_behind_named(of_hog, name, of_answer, yields);
    assert_true(late < 10 * limit_ns);
}

static void with_one_worker_who_computes_is_named_while_others_wait(void **state)
{
    (void)state;
    engine_close(w);
    w = engine_open_with(1, hear, AFTER_MS);
    watch(w, 200);
    weft_place *places[] = {weft_pool(w), weft_loop(w)};
    const char *names[] = {"hog-of-the-pool", "hog-of-the-loop"};
    for (int i = 0; i < 8; i++)
        named_while_others_wait(places[i % 2], names[i % 2], places[i / 2 % 2], i / 4);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(answers_come_behind_recursion),
        T(answers_come_behind_forks),
        T(answers_come_behind_loops),
        T(answers_come_behind_loops_by_grain),
        T(answers_come_behind_yields),
        T(with_two_workers_nobody_waits_behind_one_who_computes),
        T(with_one_worker_who_computes_is_named_while_others_wait),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
