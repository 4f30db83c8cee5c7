/* Gather: every rank's bytes straight to the root, which keeps the letters as they came. */
#include <stdlib.h>
#include <string.h>

#include "team/round.h"

/* What lies before the array that the caller gets. */
typedef struct parts {
    size_t count;
    weft__letter **letters;
    weft_part part[];
} parts;

static void free_parts(parts *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->letters[i]);
    free(p->letters);
    free(p);
}

void weft_parts_free(weft_part **at)
{
    if (!*at)
        return;
    free_parts(weft__of(*at, parts, part));
    *at = NULL;
}

static parts *make_parts(size_t count)
{
    parts *p = calloc(1, sizeof *p + count * sizeof *p->part);
    if (!p)
        return NULL;
    p->letters = calloc(count, sizeof *p->letters);
    if (!p->letters) {
        free(p);
        return NULL;
    }
    p->count = count;
    return p;
}

/* The root's own bytes, in a letter as well. */
static weft__letter *own_part(const void *data, size_t len)
{
    weft__letter *l = malloc(sizeof *l + len);
    if (!l)
        return NULL;
    l->head = (weft__letter_head){.len = len};
    if (len > 0)
        memcpy(l->data, data, len);
    return l;
}

static weft_err collect(weft__round *r, parts *p, const void *data, size_t len)
{
    weft_team *t = r->team;
    for (int from = 0; from < t->size; from++) {
        weft__letter **l = &p->letters[from];
        weft_err e = WEFT_OK;
        if (from != t->rank)
            e = weft__round_take(r, from, WEFT__ROUND_PART, l);
        else if ((*l = own_part(data, len)) == NULL)
            e = weft__fail(WEFT_NOMEM, "gather: no memory for %zu bytes", len);
        if (e != WEFT_OK)
            return e;
        p->part[from].len = (*l)->head.len;
        p->part[from].data = (*l)->head.len > 0 ? (*l)->data : NULL;
    }
    /* Only now, so that whoever gives again has been waited for once. One that is gone gives no more. */
    for (int to = 0; to < t->size; to++)
        if (to != t->rank)
            (void)weft__round_send(r, to, WEFT__ROUND_TAKEN, 0, NULL, 0);
    return WEFT_OK;
}

static weft_err gather_here(weft__round *r, const void *data, size_t len, weft_part **out)
{
    parts *p = make_parts((size_t)r->team->size);
    if (!p)
        return weft__fail(WEFT_NOMEM, "gather: no memory for the parts of %d ranks", r->team->size);
    weft_err e = collect(r, p, data, len);
    if (e == WEFT_OK)
        *out = p->part;
    else
        free_parts(p);
    return e;
}

static weft_err give(weft__round *r, int root, const void *data, size_t len)
{
    weft_team *t = r->team;
    weft_err e = weft__round_credit(r);
    if (e != WEFT_OK)
        return e;
    weft__guard_take(weft__sync_guard(&t->inbox));
    t->owed = t->begun;
    t->owed_by = root;
    weft__guard_drop(weft__sync_guard(&t->inbox));
    return weft__round_send(r, root, WEFT__ROUND_PART, 0, data, len);
}

weft_err weft_team_gather(weft_team *t, int root, const void *data, size_t len, weft_part **out,
                          weft_deadline by)
{
    if (root < 0 || root >= t->size)
        return weft__round_refuse(t,
                                  weft__fail(WEFT_INVALID,
                                             "gather: root %d on rank %d: the team has the ranks "
                                             "0 to %d",
                                             root, t->rank, t->size - 1));
    weft__round r;
    weft_part *got = NULL;
    weft_err e = weft__round_begin(&r, t, WEFT__ROUND_GATHER, root, "gather", by);
    if (e != WEFT_OK)
        return e;
    if (root == t->rank)
        e = gather_here(&r, data, len, &got);
    else
        e = give(&r, root, data, len);
    e = weft__round_end(&r, e);
    if (e == WEFT_OK)
        *out = got;
    return e;
}
