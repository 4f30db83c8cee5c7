#include "sync/call.h"

#include <string.h>

#include "port/err.h"
#include "task/task.h"
#include "task/worker.h"

_Static_assert(sizeof(void *) != 8 || sizeof(weft_call) == 256, "as gather.h says");

weft_place *weft__call_place(weft_place *place)
{
    weft__waiter *self = weft__self();
    if (place)
        return place;
    if (!weft_here()) {
        (void)weft__fail(WEFT_INVALID, "this thread is no task and has no place of its own: "
                                       "weft_gather(weft_pool(w), ...) names one");
        return NULL;
    }
    return weft__of(self, weft__task, waiter)->place;
}

void weft__call_make(weft_call *c)
{
    c->result = c->fn(c->arg);
    if (c->result == WEFT_OK)
        return;
    size_t len = strnlen(weft_detail(), sizeof c->why - 1);
    memcpy(c->why, weft_detail(), len);
    c->why[len] = '\0';
}

weft_err weft__call_all(weft_scope *s, weft_call *calls, size_t n, void *of,
                        weft_err (*run)(void *call))
{
    for (size_t i = 0; i < n; i++) {
        calls[i].result = WEFT_CANCELLED;
        calls[i].why[0] = '\0';
        calls[i].of = of;
        calls[i].next = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = calls[i].name ? calls[i].name : "call";
        weft_err e = weft_scope_go(s, run, &calls[i], name);
        if (e == WEFT_CANCELLED) /* one of those before it has decided already */
            return WEFT_OK;
        if (e != WEFT_OK)
            return e;
    }
    return WEFT_OK;
}
