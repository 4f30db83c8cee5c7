/* A tree so small that help may come too late: it must not cost more than doing it alone, whatever the
 * other worker does when it begins. And waking someone costs more than an empty tree: one wake at most.
 */
#include "bench.h"
#include "port/futex.h"
#include "port/poller.h"
#include "weft/fork.h"
#include "weft/weft.h"
#include "work/chain.h"

enum { NODES = 1000, MOST = 1000, QUIET_NS = 2000000 };

static uint32_t steps; /* of a node: calibrate() */
static int64_t wakes;  /* counted by whoever wakes, with RMWs */
static int64_t busy;   /* 1 while the other worker computes; written by its task */
static int64_t stop;   /* tells it to end */

void __real_weft__futex_wake(weft__futex *f, int n, bool shared);
void __wrap_weft__futex_wake(weft__futex *f, int n, bool shared);
void __real_weft__poller_ring(weft__poller *p);
void __wrap_weft__poller_ring(weft__poller *p);

void __wrap_weft__futex_wake(weft__futex *f, int n, bool shared)
{
    __atomic_fetch_add(&wakes, 1, __ATOMIC_RELAXED);
    __real_weft__futex_wake(f, n, shared);
}

void __wrap_weft__poller_ring(weft__poller *p)
{
    __atomic_fetch_add(&wakes, 1, __ATOMIC_RELAXED);
    __real_weft__poller_ring(p);
}

/* A tree of n nodes: one, and two halves of the rest below it. Its sum is n. */
static intptr_t serial(intptr_t n)
{
    if (n == 0)
        return 0;
    intptr_t rest = n - 1;
    chain(steps);
    return 1 + serial(rest / 2) + serial(rest - rest / 2);
}

static intptr_t tree(intptr_t n)
{
    weft_child left;
    if (n == 0)
        return 0;
    intptr_t rest = n - 1;
    chain(steps);
    weft_fork_value(&left, tree, rest / 2);
    intptr_t right = tree(rest - rest / 2);
    return 1 + weft_join_value(&left, tree) + right;
}

static intptr_t empty(intptr_t n)
{
    weft_child left;
    if (n == 0)
        return 0;
    intptr_t rest = n - 1;
    weft_fork_value(&left, empty, rest / 2);
    intptr_t right = empty(rest - rest / 2);
    return 1 + weft_join_value(&left, empty) + right;
}

/* Keep this worker, and leave the other one to itself for so long. It sleeps after QUIET_NS. */
static void compute(int64_t ns)
{
    int64_t until = bench_clock() + ns;
    while (bench_clock() < until)
        ;
}

static weft_err occupy(void *arg)
{
    (void)arg;
    __atomic_store_n(&busy, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        ;
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
    return WEFT_OK;
}

static void await_busy(int64_t value)
{
    int64_t until = bench_clock() + 5000000000;
    while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE) != value)
        bench_need(bench_clock() < until, "the other worker takes a task within 5 s");
}

static double time_of(intptr_t (*fn)(intptr_t))
{
    int64_t begin = bench_clock();
    bench_check("the number of nodes", fn(NODES), NODES);
    return (double)(bench_clock() - begin) / 1e3;
}

/* Find how many steps make a serial tree take 100 ns a node: what one node computes overlaps with what
 * the next one does, so only a tree can tell. */
static void calibrate(void)
{
    enum { TRIES = 30, WANTED_US = NODES / 10 };
    steps = 100;
    for (int k = 0; k < 3; k++) {
        double best = 1e9;
        for (int i = 0; i < TRIES; i++) {
            double took = time_of(serial);
            best = took < best ? took : best;
        }
        steps = (uint32_t)(steps * WANTED_US / best) + 1;
    }
}

/* The other worker sleeps, or is kept busy by a task that ends just before or only after the tree. */
enum state { ASLEEP, JUST_BUSY, BUSY };

static double in_state(weft *w, enum state state, intptr_t (*fn)(intptr_t))
{
    weft_scope other;
    double time;
    if (state == ASLEEP) {
        compute(QUIET_NS);
        return time_of(fn);
    }
    __atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
    weft_scope_init(&other, weft_pool(w), "the other worker");
    bench_need(weft_go(&other, occupy, NULL) == WEFT_OK, "a task starts");
    await_busy(1);
    if (state == JUST_BUSY) {
        __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
        await_busy(0);
    }
    time = time_of(fn);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    bench_need(weft_scope_join(&other, WEFT_FOREVER) == WEFT_OK, "the task ends");
    weft_scope_fini(&other);
    return time;
}

/* The tree in one of these states, and the serial one beside it, while the other worker sleeps. */
static void measure(weft *w, enum state state, int repeats, const char *name,
                    const char *serial_name)
{
    static double took[MOST], alone[MOST];
    for (int i = 0; i < repeats; i++) {
        took[i] = in_state(w, state, tree);
        compute(QUIET_NS);
        alone[i] = time_of(serial);
    }
    bench_print(name, bench_median(took, repeats));
    bench_print(serial_name, bench_median(alone, repeats));
}

static double most_wakes(int repeats)
{
    int64_t worst = 0;
    for (int i = 0; i < repeats; i++) {
        compute(QUIET_NS);
        int64_t before = __atomic_load_n(&wakes, __ATOMIC_RELAXED);
        time_of(empty);
        int64_t more = __atomic_load_n(&wakes, __ATOMIC_RELAXED) - before;
        worst = more > worst ? more : worst;
    }
    return (double)worst;
}

static int app(weft *w, int argc, char **argv)
{
    int repeats = (int)bench_arg(argc, argv, 1, 300);
    bench_need(repeats <= MOST, "there is room for every tree");
    bench_need(weft_workers(w) == 2, "there are two workers");
    calibrate();
    measure(w, ASLEEP, repeats, "asleep", "asleep.serial");
    measure(w, JUST_BUSY, repeats, "justbusy", "justbusy.serial");
    measure(w, BUSY, repeats, "busy", "busy.serial");
    bench_print("wakes", most_wakes(repeats));
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
