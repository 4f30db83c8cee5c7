#include "task/wait.h"
#include "weft/sync.h"
#include "weft/task.h"

void weft_sem_init(weft_sem *s, const char *name, int64_t value)
{
    weft__sync_init(&s->head, name);
    s->value = value;
}

weft_err weft_sem_acquire(weft_sem *s, weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&s->head);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(g);
    if (s->value <= 0)
        return weft__wait_in(&s->head, "sem", NULL, 0, by);
    s->value--;
    weft__guard_drop(g);
    return WEFT_OK;
}

void weft_sem_release(weft_sem *s)
{
    weft__guard *g = weft__sync_guard(&s->head);
    weft__guard_take(g);
    weft__wait *first = weft__wait_first(&s->head);
    /* While somebody waits the value is 0, and a unit goes from hand to hand. */
    if (first)
        weft__wait_take(&s->head, first);
    else
        s->value++;
    weft__guard_drop(g);
    if (first)
        weft__wait_let_go(first);
}
