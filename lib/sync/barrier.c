#include "port/err.h"
#include "task/wait.h"
#include "weft/sync.h"
#include "weft/task.h"

void weft_barrier_init(weft_barrier *b, const char *name, uint32_t parties)
{
    if (parties == 0)
        weft__misuse(name, "barrier of no parties");
    weft__sync_init(&b->head, name);
    b->parties = parties;
    b->arrived = 0;
}

weft_err weft_barrier_wait(weft_barrier *b, weft_deadline by)
{
    weft_err e = WEFT_OK;
    weft__guard *g = weft__sync_guard(&b->head);
    weft__guard_take(g);
    if (weft_cancelled()) {
        e = WEFT_CANCELLED;
    } else if (b->arrived + 1 == b->parties) {
        b->arrived = 0;
        weft__wait_grant_all(&b->head);
    } else {
        b->arrived++;
        e = weft__wait_in(&b->head, "barrier", NULL, 0, by);
        if (e != WEFT_OK)
            b->arrived--; /* not granted: this round is still open, and it has not come */
    }
    weft__guard_drop(g);
    return e;
}
