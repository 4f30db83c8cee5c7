/* The registry: which queue a letter is for. */
#include <stdlib.h>

#include "port/err.h"
#include "share/stream.h"

/* All queues of a team, by ascending id. The guard of `head` protects all of it; those wait in `head`
 * that want a queue to be out of the handlers' hands. Taken before the guard of a queue, never after. */
typedef struct registry {
    weft_sync_head head;
    weft__list queues;
    uint32_t last_id;
} registry;

static registry *of_team(weft_team *t)
{
    return *weft__team_share(t);
}

/* The queue `id`, or with `next` the first one after it. In use until unuse. */
static weft_queue *use(registry *r, uint32_t id, bool next)
{
    weft_queue *found = NULL;
    weft__guard_take(weft__sync_guard(&r->head));
    weft__list_each (it, &r->queues) {
        weft_queue *q = weft__of(it, weft_queue, node);
        if (next ? q->id > id : q->id == id) {
            found = q;
            found->users++;
            break;
        }
    }
    weft__guard_drop(weft__sync_guard(&r->head));
    return found;
}

static void unuse(registry *r, weft_queue *q)
{
    weft__guard_take(weft__sync_guard(&r->head));
    if (--q->users == 0)
        weft__wait_grant_all(&r->head);
    weft__guard_drop(weft__sync_guard(&r->head));
}

static void letter(void *ctx, weft__letter *l)
{
    registry *r = ctx;
    weft_queue *q = use(r, l->head.id, false);
    if (!q) {
        free(l); /* told to a rank that gave up opening, or closed: it matters to nobody */
        return;
    }
    weft__queue_letter(q, l);
    unuse(r, q);
}

static void gone(void *ctx, int peer)
{
    registry *r = ctx;
    uint32_t id = 0;
    for (weft_queue *q; (q = use(r, id, true)) != NULL; unuse(r, q)) {
        id = q->id;
        weft__queue_gone(q, peer);
    }
}

void weft__share_add(weft_queue *q)
{
    registry *r = of_team(q->team);
    weft__guard_take(weft__sync_guard(&r->head));
    q->id = ++r->last_id;
    weft__list_push(&r->queues, &q->node);
    weft__guard_drop(weft__sync_guard(&r->head));
}

void weft__share_skip(weft_team *t)
{
    registry *r = of_team(t);
    weft__guard_take(weft__sync_guard(&r->head));
    r->last_id++;
    weft__guard_drop(weft__sync_guard(&r->head));
}

void weft__share_drop(weft_queue *q)
{
    registry *r = of_team(q->team);
    weft__guard_take(weft__sync_guard(&r->head));
    weft__list_remove(&q->node);
    while (q->users > 0)
        (void)weft__wait_held(&r->head, "queue (to close)", q, WEFT__WAIT_STEADY, WEFT_FOREVER);
    weft__guard_drop(weft__sync_guard(&r->head));
}

weft_err weft__share_create(weft_team *t)
{
    registry *r = calloc(1, sizeof *r);
    if (!r)
        return weft__fail(WEFT_NOMEM, "team: no memory for its queues");
    weft__sync_init(&r->head, "queues");
    weft__list_init(&r->queues);
    *weft__team_share(t) = r;
    if (weft__team_mail(t))
        weft__mail_handle(weft__team_mail(t), WEFT__MAIL_QUEUE, letter, gone, r);
    return WEFT_OK;
}

void weft__share_destroy(weft_team *t)
{
    registry *r = of_team(t);
    if (!r)
        return;
    /* A rank that gives up in the middle leaves its queues open: the others learn that it left. */
    for (weft__list *n; (n = weft__list_pop(&r->queues)) != NULL;) {
        weft_queue *q = weft__of(n, weft_queue, node);
        size_t items = q->shelved + (q->home ? q->home->items : 0);
        weft__log_line(weft__team_log(t), items > 0 ? WEFT_LOG_WARN : WEFT_LOG_INFO,
                       "queue %s was still open at the stop; %zu items in it are lost", q->name,
                       items);
        weft__queue_unmake(q);
    }
    *weft__team_share(t) = NULL;
    free(r);
}
