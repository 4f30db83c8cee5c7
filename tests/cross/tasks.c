/* The engine on another processor: port, base, task and sync, with a main of their own and nothing else,
 * so that it can be linked statically and run by an emulator. It proves the switch and the layout, not
 * the order of memory accesses. Prints one line for each promise; the last is "ok". */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "port/clock.h"
#include "task/worker.h"
#include "weft/fork.h"
#include "weft/sync.h"
#include "weft/task.h"

static weft *w;

static void need(int is, const char *what)
{
    printf("%s: %s\n", is ? "ok" : "FAILED", what);
    if (!is)
        exit(1);
}

static void open_engine(void)
{
    weft__engine_opts opts = {
        .workers = 2, .crowded = true, .stack_size = 64 * 1024, .large_stack = 1024 * 1024};
    w = calloc(1, sizeof *w);
    need(w && weft__engine_open(w, &opts) == WEFT_OK && weft__engine_start(w, 0) == WEFT_OK,
         "an engine of two workers starts");
}

static void close_engine(void)
{
    weft__engine_halt(w);
    weft__engine_join(w, 0);
    weft__engine_close(w);
    free(w);
    need(1, "the engine stops");
}

static WEFT_ATOMIC(uint32_t) done;

static uint32_t how_many(void)
{
    return weft_atomic_exchange(&done, 0, WEFT_ACQ_REL);
}

/* Values in registers that a call keeps, whole and floating, across waits. */
static weft_err yields(void *arg)
{
    uint64_t a = (uintptr_t)arg, b = a + 1, c = b + 1, d = c + 1;
    double p = (double)a, q = p + 1, r = q + 1, s = r + 1;
    for (int i = 0; i < 50; i++) {
        if (weft_yield() != WEFT_OK)
            return WEFT_SYS;
        a++, b++, c++, d++;
        p++, q++, r++, s++;
    }
    bool whole = a + 1 == b && b + 1 == c && c + 1 == d && d == (uintptr_t)arg + 53;
    bool floating = p + 1 == q && q + 1 == r && r + 1 == s && s == (double)(uintptr_t)arg + 53;
    weft_atomic_fetch_add(&done, whole && floating, WEFT_RELAXED);
    return WEFT_OK;
}

static void tasks(weft_place *place, weft_fn fn, uint32_t n, const char *what)
{
    weft_scope s;
    weft_scope_init(&s, place, what);
    for (uintptr_t i = 0; i < n; i++)
        if (weft_scope_go(&s, fn, (void *)i, what) != WEFT_OK)
            need(0, weft_detail());
    weft_err e = weft_scope_join(&s, weft_in_s(60));
    weft_scope_fini(&s);
    need(e == WEFT_OK && how_many() == n, what);
}

static weft_event all_here = WEFT_EVENT_INIT("all here");
static WEFT_ATOMIC(uint32_t) here;
enum { PARKED = 300 };

static weft_err parks(void *arg)
{
    (void)arg;
    if (weft_atomic_fetch_add(&here, 1, WEFT_ACQ_REL) == PARKED - 1)
        weft_event_set(&all_here);
    weft_err e = weft_event_wait(&all_here, WEFT_FOREVER);
    weft_atomic_fetch_add(&done, 1, WEFT_RELAXED);
    return e;
}

static weft_lock lock = WEFT_LOCK_INIT("lock");
static int counted;

static weft_err counts(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        if (weft_lock_acquire(&lock, WEFT_FOREVER) != WEFT_OK)
            return WEFT_SYS;
        int seen = counted;
        if (i % 10 == 0)
            (void)weft_yield();
        counted = seen + 1;
        weft_lock_release(&lock);
    }
    weft_atomic_fetch_add(&done, 1, WEFT_RELAXED);
    return WEFT_OK;
}

static weft_err sleeps(void *arg)
{
    int64_t until = weft__clock_ns() + (int64_t)((uintptr_t)arg % 20) * 1000000;
    weft_err e = weft_sleep((weft_deadline){until});
    weft_atomic_fetch_add(&done, e == WEFT_OK && weft__clock_ns() >= until, WEFT_RELAXED);
    return e;
}

static intptr_t fib(intptr_t n)
{
    if (n < 2)
        return n;
    weft_child left;
    weft_fork_value(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return weft_join_value(&left, fib) + right;
}

static weft_err waits_below(void *arg)
{
    (void)arg;
    return weft_sleep(weft_in_ms(2));
}

static weft_err forks(void *arg)
{
    weft_child c;
    weft_fork(&c, waits_below, NULL);
    bool right = fib(18) == 2584;
    weft_err e = weft_join(&c, waits_below);
    weft_atomic_fetch_add(&done, right && e == WEFT_OK, WEFT_RELAXED);
    (void)arg;
    return e;
}

static weft_err moves(void *arg)
{
    (void)arg;
    weft_err e = weft_move(weft_threads(w));
    usleep(1000);
    if (e == WEFT_OK)
        e = weft_move(weft_pool(w));
    weft_atomic_fetch_add(&done, e == WEFT_OK, WEFT_RELAXED);
    return e;
}

static weft_err waits(void *never)
{
    return weft_event_wait(never, WEFT_FOREVER);
}

static void cancels(void)
{
    static weft_event never = WEFT_EVENT_INIT("never");
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "cancelled");
    for (int i = 0; i < 20; i++)
        if (weft_go(&s, waits, &never) != WEFT_OK)
            need(0, weft_detail());
    weft_scope_cancel(&s);
    need(weft_scope_join(&s, weft_in_s(60)) == WEFT_OK, "cancelled tasks end");
    weft_scope_fini(&s);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(200);
    open_engine();
    tasks(weft_pool(w), yields, 200, "registers survive yields");
    tasks(weft_loop(w), yields, 20, "also on the loop");
    tasks(weft_pool(w), parks, PARKED, "tasks park and wake");
    tasks(weft_pool(w), counts, 20, "a lock excludes");
    need(counted == 2000, "every count was counted");
    tasks(weft_pool(w), sleeps, 100, "timers fire");
    tasks(weft_pool(w), forks, 10, "children are forked and joined");
    tasks(weft_pool(w), moves, 10, "tasks move to threads and back");
    cancels();
    close_engine();
    puts("ok");
    return 0;
}
