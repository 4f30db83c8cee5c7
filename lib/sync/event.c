#include "task/wait.h"
#include "weft/sync.h"
#include "weft/task.h"

void weft_event_init(weft_event *ev, const char *name)
{
    weft__sync_init(&ev->head, name);
    ev->set = false;
}

void weft_event_set(weft_event *ev)
{
    weft__guard *g = weft__sync_guard(&ev->head);
    weft__guard_take(g);
    ev->set = true;
    weft__wait *all = weft__wait_take_all(&ev->head);
    weft__guard_drop(g);
    weft__wait_let_all_go(all);
}

void weft_event_clear(weft_event *ev)
{
    weft__guard *g = weft__sync_guard(&ev->head);
    weft__guard_take(g);
    ev->set = false;
    weft__guard_drop(g);
}

weft_err weft_event_wait(weft_event *ev, weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&ev->head);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    weft__guard_take(g);
    if (!ev->set)
        return weft__wait_in(&ev->head, "event", NULL, 0, by);
    weft__guard_drop(g);
    return WEFT_OK;
}
