/* What a task costs while it waits: resident memory and page tables, with very many of them parked. */
#include "bench.h"
#include "weft/weft.h"

static weft_event go = WEFT_EVENT_INIT("the end of the wait");
static int64_t parked, woken;

static weft_err wait_once(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&parked, 1, __ATOMIC_RELAXED);
    weft_err e = weft_event_wait(&go, WEFT_FOREVER);
    __atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
    return e;
}

/* Bytes that this process has in memory, with the page tables that lead there. */
static double memory(void)
{
    char text[256];
    double sum = 0;
    long kib;
    FILE *status = fopen("/proc/self/status", "r");
    bench_need(status != NULL, "/proc/self/status can be read");
    while (fgets(text, sizeof text, status))
        if (sscanf(text, "VmRSS: %ld", &kib) == 1 || sscanf(text, "VmPTE: %ld", &kib) == 1)
            sum += (double)kib * 1024;
    fclose(status);
    return sum;
}

static int app(weft *w, int argc, char **argv)
{
    int64_t tasks = bench_arg(argc, argv, 1, 1000000);
    double before = memory();
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "parked tasks");
    for (int64_t i = 0; i < tasks; i++)
        bench_need(weft_go(&s, wait_once, NULL) == WEFT_OK, "all tasks can be started");
    for (int64_t until = bench_clock() + 60000000000;
         __atomic_load_n(&parked, __ATOMIC_RELAXED) < tasks;) {
        bench_need(bench_clock() < until, "all tasks run within 60 s");
        weft_yield();
    }
    double each = (memory() - before) / (double)tasks;
    weft_event_set(&go);
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the tasks end well");
    weft_scope_fini(&s);
    bench_check("the number of tasks that went on", woken, tasks);
    bench_print("cost", each);
    return 0;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.unguarded = true; /* a guard page is a mapping of its own, and the kernel allows 65,530 */
    opts.stack_size = 64 << 10; /* closer together they need fewer page tables */
    return weft_main(argc, argv, &opts, app);
}
