/* What a queue sends: listed under the guard, sent without it, by one at a time (Q1). */
#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "share/stream.h"

static void list(weft_queue *q, int to, weft__queue_verb verb, weft__letter *l)
{
    l->from = to;
    l->head.kind = WEFT__MAIL_QUEUE;
    l->head.verb = (uint16_t)verb;
    l->head.id = q->id;
    weft__list_push(&q->outgoing, &l->node);
}

weft__letter *weft__queue_item(weft_queue *q, const void *data, size_t len, uint64_t ticket)
{
    weft__letter *l =
        len <= SIZE_MAX - sizeof *l ? weft__block_get(q->blocks, sizeof *l + len) : NULL;
    if (!l)
        return NULL;
    weft__list_init(&l->node);
    l->from = q->rank;
    l->head = (weft__letter_head){.a = ticket, .len = len};
    if (len > 0)
        memcpy(l->data, data, len);
    return l;
}

void weft__queue_free(weft_queue *q, weft__letter *l)
{
    weft__block_put(q->blocks, l, sizeof *l + l->head.len);
}

void weft__queue_free_all(weft_queue *q, weft__list *letters)
{
    for (weft__list *n; (n = weft__list_pop(letters)) != NULL;)
        weft__queue_free(q, weft__of(n, weft__letter, node));
}

void weft__queue_note(weft_queue *q, int to, weft__queue_verb verb, uint64_t a, uint64_t b)
{
    weft__letter *l = weft__queue_item(q, NULL, 0, a);
    if (!l) {
        /* Nobody can be told; those who wait here get to know, close, and so tell the others. */
        weft__log_line(weft__team_log(q->team), WEFT_LOG_ERROR, "queue %s: out of memory", q->name);
        weft__shelf_end(q, WEFT_NOMEM, q->rank);
        weft__put_fail_all(q, WEFT_NOMEM);
        return;
    }
    l->head.b = b;
    list(q, to, verb, l);
}

void weft__queue_post(weft_queue *q, int to, weft__queue_verb verb, weft__letter *item)
{
    item->head.a = item->head.b = 0;
    list(q, to, verb, item);
}

void weft__queue_flush(weft_queue *q)
{
    if (q->posting)
        return;
    q->posting = true;
    for (weft__list *node; (node = weft__list_pop(&q->outgoing)) != NULL;) {
        weft__letter *l = weft__of(node, weft__letter, node);
        weft__guard_drop(&q->guard);
        weft_err e = weft__mail_send(q->mail, l->from, l->head, l->data, l->head.len);
        if (e != WEFT_NOMEM)
            weft__queue_free(q,
                             l); /* a peer that is gone is noticed as such, with what it was sent */
        weft__guard_take(&q->guard);
        if (e == WEFT_NOMEM) {
            weft__log_line(weft__team_log(q->team), WEFT_LOG_WARN,
                           "queue %s: no memory to send to rank %d; it is tried again", q->name,
                           l->from);
            weft__list_push_front(&q->outgoing, node);
            break;
        }
    }
    q->posting = false;
}
