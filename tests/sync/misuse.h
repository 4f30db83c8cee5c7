/* What must abort, in a process of its own; and who waits in a queue. */
#ifndef WEFT_TESTS_SYNC_MISUSE_H
#define WEFT_TESTS_SYNC_MISUSE_H

#include "task/child.h"
#include "task/wait.h"

/* Until `n` wait in `q`; by the test's own thread. */
static inline void await_waiters(weft_sync_head *q, int n)
{
    for (int seen = -1; seen != n; weft__cpu_yield()) {
        seen = 0;
        weft__guard_take(weft__sync_guard(q));
        for (weft__wait *x = weft__wait_first(q); x; x = x->next)
            seen++;
        weft__guard_drop(weft__sync_guard(q));
    }
}

#endif
