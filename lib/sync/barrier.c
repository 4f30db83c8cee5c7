#include "port/err.h"
#include "task/wait.h"
#include "weft/task.h"

_Static_assert(sizeof(weft_barrier) == 40, "as sync.h says");

void weft_barrier_init_at(weft_barrier *b, const char *name, uint32_t parties, const char *where)
{
    if (parties == 0)
        weft__misuse(where, "barrier %s: made for no parties: one is the least", name);
    *b = (weft_barrier)WEFT_BARRIER_INIT(name, parties);
}

/* Guard held. Who leaves has not come: this round is still open. */
static void count_out(weft_sync_head *q, void *barrier)
{
    weft_barrier *b = (weft_barrier *)barrier;
    (void)q;
    b->arrived--;
}

weft_err weft_barrier_wait_at(weft_barrier *b, weft_deadline by, const char *where)
{
    weft__guard *g = weft__sync_guard(&b->head);
    if (b->parties == 0)
        weft__misuse(where, "barrier %s: made for no parties: one is the least", b->head.name);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(g);
    if (b->arrived + 1 < b->parties) {
        b->arrived++;
        return weft__wait_in_or(&b->head, "barrier", NULL, 0, by, count_out, b);
    }
    b->arrived = 0;
    weft__wait *all = weft__wait_take_all(&b->head);
    weft__guard_drop(g);
    weft__wait_let_all_go(all);
    return WEFT_OK;
}
