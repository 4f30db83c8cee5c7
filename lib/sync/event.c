/* The word is SET, or QUEUED while somebody is in the queue, or neither. QUEUED changes under the guard
 * only. Setting is a compare-and-swap from a word without QUEUED, after all that wait were taken out: the
 * last access, since whoever sees it may free the event (R13). */
#include "task/wait.h"
#include "weft/task.h"

_Static_assert(sizeof(weft_event) == 40, "as sync.h says");

enum { SET = 1, QUEUED = 2 };

void weft_event_init(weft_event *ev, const char *name)
{
    *ev = (weft_event)WEFT_EVENT_INIT(name);
}

/* Take out all that wait, before those in `list`. */
static weft__wait *take_out(weft_event *ev, weft__wait *list)
{
    weft__guard *g = weft__sync_guard(&ev->head);
    weft__guard_take(g);
    weft__wait *all = weft__wait_take_all(&ev->head);
    weft_atomic_fetch_and(&ev->word, ~(uint32_t)QUEUED, WEFT_RELAXED);
    weft__guard_drop(g);
    weft__wait *last = all;
    while (last && last->next)
        last = last->next;
    if (!last)
        return list;
    last->next = list;
    return all;
}

void weft_event_set(weft_event *ev)
{
    weft__wait *list = NULL;
    uint32_t v = weft_atomic_load(&ev->word, WEFT_RELAXED);
    for (;;) {
        if (v & QUEUED) {
            list = take_out(ev, list);
            v = weft_atomic_load(&ev->word, WEFT_RELAXED);
        } else if (weft_atomic_cas(&ev->word, &v, SET, WEFT_RELEASE, WEFT_RELAXED)) {
            break; /* pairs with weft_event_wait: what the caller wrote */
        }
    }
    weft__wait_let_all_go(list);
}

void weft_event_clear(weft_event *ev)
{
    weft_atomic_fetch_and(&ev->word, ~(uint32_t)SET, WEFT_ACQ_REL); /* pairs with weft_event_set */
}

/* Guard held: one has left the queue in vain. */
static void left(weft_sync_head *q, void *event)
{
    weft_event *ev = (weft_event *)event;
    if (!weft__wait_first(q))
        weft_atomic_fetch_and(&ev->word, ~(uint32_t)QUEUED, WEFT_RELAXED);
}

weft_err weft_event_wait(weft_event *ev, weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&ev->head);
    if (weft_cancelled())
        return WEFT_CANCELLED;
    if (weft_atomic_load(&ev->word, WEFT_ACQUIRE) == SET) /* pairs with weft_event_set */
        return WEFT_OK;
    weft__guard_take(g);
    uint32_t v = 0;
    /* pairs with weft_event_set, which finds somebody in the queue */
    while (!weft_atomic_cas(&ev->word, &v, QUEUED, WEFT_ACQUIRE, WEFT_ACQUIRE) && v != QUEUED)
        if (v == SET) {
            weft__guard_drop(g);
            return WEFT_OK;
        }
    return weft__wait_in_or(&ev->head, "event", NULL, 0, by, left, ev);
}
