/* Settle: all ask rank 0, rank 0 answers for all. */
#include <stdlib.h>
#include <string.h>

#include "team/round.h"

static weft__letter *letter_of(weft_err e, const void *data, size_t len)
{
    weft__letter *l = malloc(sizeof *l + len + 1);
    if (!l)
        return NULL;
    l->from = 0;
    l->head = (weft__letter_head){.b = (uint64_t)e, .len = len};
    if (len > 0)
        memcpy(l->data, data, len);
    return l;
}

/* Rank 0: collect, judge, answer. *said: the answer. */
static weft_err judge_all(weft__round *r, const void *data, size_t len, weft__judge judge,
                          void *ctx, weft__letter **said)
{
    weft_team *t = r->team;
    void *answer = NULL;
    size_t answer_len = 0;
    weft_err e = WEFT_OK;
    weft__letter **parts = calloc((size_t)t->size, sizeof *parts);
    if (!parts || (parts[0] = letter_of(WEFT_OK, data, len)) == NULL)
        e = weft__fail(WEFT_NOMEM, "%s: no memory for the parts of %d ranks", r->name, t->size);
    for (int from = 1; from < t->size && e == WEFT_OK; from++)
        e = weft__round_take(r, from, WEFT__ROUND_PART, &parts[from]);
    if (e == WEFT_OK) {
        weft_err verdict = judge(ctx, parts, &answer, &answer_len);
        const char *why = weft_detail();
        *said = verdict == WEFT_OK ? letter_of(verdict, answer, answer_len)
                                   : letter_of(verdict, why, strlen(why));
        if (!*said)
            e = weft__fail(WEFT_NOMEM, "%s: no memory for the answer", r->name);
    }
    /* One that is gone by now is for the layer above to notice. */
    for (int to = 1; to < t->size && e == WEFT_OK; to++)
        (void)weft__round_send(r, to, WEFT__ROUND_REPLY, (*said)->head.b, (*said)->data,
                               (*said)->head.len);
    for (int i = 0; parts && i < t->size; i++)
        free(parts[i]);
    free(parts);
    free(answer);
    return e;
}

weft_err weft__team_settle(weft_team *t, const char *name, const void *data, size_t len,
                           weft__judge judge, void *ctx, weft__letter **reply, bool *judged,
                           weft_deadline by)
{
    weft__round r;
    weft__letter *said = NULL;
    *judged = false;
    weft_err e = weft__round_begin(&r, t, WEFT__ROUND_SETTLE, 0, name, by);
    if (e != WEFT_OK)
        return e;
    if (t->rank == 0) {
        e = judge_all(&r, data, len, judge, ctx, &said);
    } else {
        e = weft__round_send(&r, 0, WEFT__ROUND_PART, 0, data, len);
        if (e == WEFT_OK)
            e = weft__round_take(&r, 0, WEFT__ROUND_REPLY, &said);
    }
    e = weft__round_end(&r, e);
    if (e != WEFT_OK) {
        free(said);
        return e;
    }
    *judged = true;
    uint64_t verdict = said->head.b;
    if (verdict == WEFT_OK) {
        *reply = said;
        return WEFT_OK;
    }
    e = weft__fail(verdict <= WEFT__ERR_LAST ? (weft_err)verdict : WEFT_INVALID, "%.*s",
                   said->head.len < WEFT__DETAIL_MAX ? (int)said->head.len : WEFT__DETAIL_MAX,
                   (const char *)said->data);
    free(said);
    return e;
}
