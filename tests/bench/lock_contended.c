#include "weft/weft.h"
#include "work/contend.h"

static weft_lock lock = WEFT_LOCK_INIT("everybody's");
static contend_state state;
static int64_t turns;

static weft_err contender(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg;
    for (int64_t i = 0; i < turns; i++) {
        weft_err e = weft_lock_acquire(&lock, WEFT_FOREVER);
        if (e != WEFT_OK)
            return e;
        contend_inside(&state);
        weft_lock_release(&lock);
        x = contend_outside(x);
    }
    return WEFT_OK;
}

static int app(weft *w, int argc, char **argv)
{
    turns = bench_arg(argc, argv, 1, 200000);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "contenders");
    int64_t begin = bench_clock();
    for (int i = 0; i < CONTENDERS; i++)
        bench_need(weft_go(&s, contender, NULL) == WEFT_OK, "a task starts");
    bench_need(weft_scope_join(&s, WEFT_FOREVER) == WEFT_OK, "the tasks end well");
    int64_t took = bench_clock() - begin;
    weft_scope_fini(&s);
    bench_check("the number of turns", state.turns, CONTENDERS * turns);
    bench_print("cost", (double)took / (double)(CONTENDERS * turns));
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
