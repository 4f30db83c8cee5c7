#include "sync/spin.h"

#include "task/worker.h"

/* The number of this host's CPUs, once it is known; the same whoever finds it out. */
static WEFT_ATOMIC(int) cpus;

bool weft__spin_pays(void)
{
    weft__worker *me = weft__worker_self();
    if (me)
        return me->rt->workers > 1 && !me->rt->crowded;
    int n = weft_atomic_load(&cpus, WEFT_RELAXED); /* a number that stays the same */
    if (n == 0) {
        n = weft__thread_cpus_online();
        weft_atomic_store(&cpus, n, WEFT_RELAXED);
    }
    return n > 1;
}
