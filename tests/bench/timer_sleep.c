/* Very many tasks sleep until points in time that chance chose: how late the worst of them goes on, and
 * how far the order in which they go on is from that of their deadlines. None may come too early. */
#include "bench.h"
#include "weft/weft.h"

struct sleeper {
    int64_t offset, woke;
};

static struct sleeper *order[1 << 20]; /* in which they went on; each slot written by one of them */
static int64_t next, ready, first;     /* first: when the first may go on; written before `begin` */
static weft_event begin = WEFT_EVENT_INIT("all are there");

static weft_err sleep_once(void *arg)
{
    struct sleeper *s = arg;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
    weft_err e = weft_event_wait(&begin, WEFT_FOREVER);
    if (e == WEFT_OK)
        e = weft_sleep((weft_deadline){first + s->offset});
    s->woke = bench_clock();
    order[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)] = s;
    return e;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void judge(int64_t tasks)
{
    int64_t late = 0, disorder = 0, latest = 0;
    for (int64_t i = 0; i < tasks; i++) {
        int64_t by = first + order[i]->offset;
        bench_need(order[i]->woke >= by, "nobody goes on too early");
        late = larger(late, order[i]->woke - by);
        disorder = larger(disorder, latest - by);
        latest = larger(latest, by);
    }
    bench_print("late", (double)late / 1e6);
    bench_print("disorder", (double)disorder / 1e6);
}

/* Once all have a stack, which takes longer than many of them sleep. */
static void let_go(int64_t tasks)
{
    int64_t until = bench_clock() + 60000000000;
    while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < tasks) {
        bench_need(bench_clock() < until, "all tasks run within 60 s");
        weft_yield();
    }
    first = bench_clock() + 1000000000;
    weft_event_set(&begin);
}

static int app(weft *w, int argc, char **argv)
{
    int64_t tasks = bench_arg(argc, argv, 1, 100000),
            window = bench_arg(argc, argv, 2, 2000) * 1000000;
    bench_need(tasks <= (int64_t)(sizeof order / sizeof *order), "there is room for every task");
    struct sleeper *all = calloc((size_t)tasks, sizeof *all);
    bench_need(all != NULL, "there is memory for the sleepers");
    uint64_t seed = 1;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "sleepers");
    for (int64_t i = 0; i < tasks; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        all[i].offset = (int64_t)((seed >> 33) % (uint64_t)window);
        bench_need(weft_go(&s, sleep_once, &all[i]) == WEFT_OK, "all tasks can be started");
    }
    let_go(tasks);
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the tasks end well");
    weft_scope_fini(&s);
    bench_check("the number of tasks that went on", next, tasks);
    judge(tasks);
    free(all);
    return 0;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.unguarded = true; /* a guard page is a mapping of its own, and the kernel allows 65,530 */
    return weft_main(argc, argv, &opts, app);
}
