/* From task to task. "owned": two tasks yield to one another on a runtime with one worker, whose queue
 * is its own. "shared": the same on one with two workers, of which the other might steal them but
 * computes all the while. "bare": two stacks that switch to one another, which is all that is below. */
#include "bench.h"
#include "task/switch.h"
#include "weft/weft.h"

static int64_t times;

static int64_t turns[2]; /* of each of the two tasks */

static weft_err partner(void *arg)
{
    int64_t *mine = arg, *other = arg == &turns[0] ? &turns[1] : &turns[0];
    int64_t apart = 0;
    for (int64_t i = 0; i < times; i++) {
        weft_yield();
        ++*mine;
        apart += *mine > *other + 2;
    }
    return apart <= times / 100 ? WEFT_OK : WEFT_INVALID;
}

static double yields_of(weft_place *pool, int64_t count)
{
    weft_scope s;
    times = count;
    turns[0] = turns[1] = 0;
    weft_scope_init(&s, pool, "two that yield");
    int64_t begin = bench_clock();
    for (int i = 0; i < 2; i++)
        bench_need(weft_go(&s, partner, &turns[i]) == WEFT_OK, "a task starts");
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the two take turns");
    int64_t took = bench_clock() - begin;
    weft_scope_fini(&s);
    bench_check("the number of turns", turns[0] + turns[1], 2 * times);
    return (double)took / (double)(2 * times);
}

static double yields(weft_place *pool)
{
    int64_t all = times;
    yields_of(pool, all / 10);
    return yields_of(pool, all);
}

enum { COMING, RUNS, MAY_END };
/* Written with atomic stores: RUNS by the hog, MAY_END by who started it. On a cache line of its own: the
 * hog reads it all the while, which must not disturb those that yield. */
static struct {
    _Alignas(128) int state;
    char apart[124];
} alone;

static weft_err hog(void *arg)
{
    (void)arg;
    __atomic_store_n(&alone.state, RUNS, __ATOMIC_RELEASE);
    while (__atomic_load_n(&alone.state, __ATOMIC_ACQUIRE) != MAY_END)
        ;
    return WEFT_OK;
}

static double yields_beside_hog(weft_place *pool)
{
    weft_scope s;
    int64_t until = bench_clock() + 5000000000;
    weft_scope_init(&s, pool, "the other worker");
    bench_need(weft_go(&s, hog, NULL) == WEFT_OK, "a task starts");
    while (__atomic_load_n(&alone.state, __ATOMIC_ACQUIRE) != RUNS)
        bench_need(bench_clock() < until, "the other worker takes a task within 5 s");
    double cost = yields(pool);
    __atomic_store_n(&alone.state, MAY_END, __ATOMIC_RELEASE);
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the task ends");
    weft_scope_fini(&s);
    return cost;
}

static weft__context here, there;
static int64_t switched;

static void echo(void *arg)
{
    weft__switch_entered(&there);
    for (;;) {
        switched++;
        weft__switch_to(&there, &here, NULL, arg);
    }
}

static double bare(int64_t rounds)
{
    enum { SIZE = 64 << 10 };
    char *stack = aligned_alloc(4096, SIZE);
    bench_need(stack != NULL, "there is memory for a stack");
    weft__context_of_thread(&here);
    weft__context_make(&there, stack, stack + SIZE, echo, NULL);
    int64_t begin = bench_clock();
    for (int64_t i = 0; i < rounds; i++)
        weft__switch_to(&here, &there, NULL, NULL);
    int64_t took = bench_clock() - begin;
    bench_check("the number of switches", switched, rounds);
    weft__context_end(&there);
    free(stack);
    return (double)took / (double)(2 * rounds);
}

static int app(weft *w, int argc, char **argv)
{
    (void)argc, (void)argv;
    if (weft_workers(w) == 1)
        bench_print("owned", yields(weft_pool(w)));
    else
        bench_print("shared", yields_beside_hog(weft_pool(w)));
    return 0;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    times = bench_arg(argc, argv, 1, 3000000);
    bench_print("bare", bare(10 * times));
    for (opts.threads = 1; opts.threads <= 2; opts.threads++) {
        int code = weft_main(argc, argv, &opts, app);
        if (code != 0)
            return code;
    }
    return 0;
}
