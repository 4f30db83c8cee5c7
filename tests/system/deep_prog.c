/* Stops a debugger inside of tasks: below a function that was called, after a wait, in a child. */
#include <signal.h>

#include "weft/weft.h"

static weft_sem sem = WEFT_SEM_INIT("sem", 0);

static __attribute__((noinline)) int stop_here(int n)
{
    raise(SIGTRAP);
    return n + 1;
}

static weft_err other(void *arg)
{
    (void)arg;
    weft_sem_release(&sem);
    return WEFT_OK;
}

static weft_err task(void *arg)
{
    int n = stop_here(*(int *)arg);
    /* Somebody else runs on this worker's next stack, then this goes on. */
    weft_err e = weft_sem_acquire(&sem, WEFT_FOREVER);
    return stop_here(n) == 3 ? e : WEFT_SYS;
}

static int app(weft *w, int argc, char **argv)
{
    int one = 1;
    (void)argc, (void)argv;
    stop_here(0);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "tasks");
    weft_err e = weft_go(&s, other, NULL);
    if (e == WEFT_OK)
        e = weft_go(&s, task, &one);
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    weft_scope_fini(&s);
    return e == WEFT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    weft_opts opts = WEFT_OPTS_INIT;
    opts.threads = 1;
    return weft_main(argc, argv, &opts, app);
}
