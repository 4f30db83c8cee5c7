/* Opening and closing a queue. */
#include "weft/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "share/stream.h"
#include "team/round.h"

/* What each rank says when it opens. */
typedef struct opening {
    uint32_t id, role, err; /* err: a weft_err: this rank cannot */
    uint64_t max_items, max_bytes, ahead;
    char name[WEFT__QUEUE_NAME_MAX];
} opening;

/* What rank 0 tells all. */
typedef struct terms {
    uint64_t max_items, max_bytes, ahead;
} terms;

static const char *check_name(const char *name)
{
    if (!name || !*name)
        return "a queue needs a name";
    return strlen(name) < WEFT__QUEUE_NAME_MAX ? NULL : "the name is too long (255 bytes)";
}

static void close_queue(weft_queue *q);

static const weft__queue_kind kind = {weft__queue_put, weft__queue_get, weft__queue_end,
                                      close_queue};

static weft_err make(weft_queue **out, weft_team *t, const char *name, weft_role role)
{
    weft_queue *q = calloc(1, sizeof *q);
    char *copy = strdup(name);
    if (!q || !copy) {
        free(q);
        free(copy);
        return weft__fail(WEFT_NOMEM, "queue %s: no memory", name);
    }
    *q = (weft_queue){.base = {&kind, copy},
                      .name = copy,
                      .team = t,
                      .mail = weft__team_mail(t),
                      .rank = weft_team_rank(t),
                      .size = weft_team_size(t),
                      .role = role};
    q->blocks = q->mail ? weft__mail_blocks(q->mail) : &q->own;
    weft__list_init(&q->outgoing);
    weft__list_init(&q->puts);
    weft__list_init(&q->shelf);
    weft__list_init(&q->getters);
    weft_err e = q->rank == WEFT__QUEUE_HOME ? weft__home_create(q) : WEFT_OK;
    if (e != WEFT_OK) {
        free(copy);
        free(q);
        return e;
    }
    *out = q;
    return WEFT_OK;
}

void weft__queue_unmake(weft_queue *q)
{
    weft__home_destroy(q);
    weft__queue_free_all(q, &q->outgoing);
    weft__queue_free_all(q, &q->shelf);
    weft__blocks_fini(&q->own);
    free(q->name);
    free(q);
}

/* What rank `from` says, against what rank 0 says. */
static weft_err check_opening(const opening *o, const opening *first, int from)
{
    if (memchr(o->name, 0, sizeof o->name) == NULL || o->err > WEFT__ERR_LAST)
        return weft__fail(WEFT_INVALID, "queue %s: rank %d opens it in a way that cannot be",
                          first->name, from);
    if (o->err != WEFT_OK)
        return weft__fail((weft_err)o->err, "queue %s: rank %d cannot open it: %s", first->name,
                          from, weft_strerror((weft_err)o->err));
    if (strcmp(o->name, first->name) != 0 || o->id != first->id)
        return weft__fail(
            WEFT_INVALID,
            "queue: rank %d opens \"%s\" as its number %u where rank 0 opens \"%s\" as "
            "its number %u: open the same queues in the same order on all ranks",
            from, o->name, o->id, first->name, first->id);
    if (o->role > WEFT_BOTH)
        return weft__fail(
            WEFT_INVALID,
            "queue %s: rank %d has role %u: it is one of WEFT_NEITHER, WEFT_PRODUCER, "
            "WEFT_CONSUMER and WEFT_BOTH",
            first->name, from, o->role);
    return WEFT_OK;
}

/* Rank 0 alone: the roles of all. */
static weft_err read_roles(weft_queue *q, weft__letter *const *parts, weft_role *roles)
{
    unsigned all = 0;
    opening first, o;
    for (int i = 0; i < q->size; i++) {
        if (parts[i]->head.len != sizeof o)
            return weft__fail(WEFT_INVALID, "queue %s: rank %d is another build of the program",
                              q->name, i);
        memcpy(&o, parts[i]->data, sizeof o);
        if (i == 0)
            first = o;
        weft_err e = check_opening(&o, &first, i);
        if (e != WEFT_OK)
            return e;
        roles[i] = (weft_role)o.role;
        all |= o.role;
    }
    if (all != WEFT_BOTH)
        return weft__fail(WEFT_INVALID, "queue %s: no rank opens it as a %s", q->name,
                          all & WEFT_PRODUCER ? "consumer" : "producer");
    return WEFT_OK;
}

static weft_err judge(void *ctx, weft__letter *const *parts, void **reply, size_t *reply_len)
{
    weft_queue *q = ctx;
    weft_role *roles = calloc((size_t)q->size, sizeof *roles);
    terms *all = malloc(sizeof *all);
    weft_err e = roles && all ? read_roles(q, parts, roles)
                              : weft__fail(WEFT_NOMEM, "queue %s: no memory", q->name);
    if (e == WEFT_OK) {
        opening mine;
        memcpy(&mine, parts[q->rank]->data, sizeof mine);
        *all = (terms){mine.max_items, mine.max_bytes, mine.ahead};
        weft__guard_take(&q->guard);
        q->max_items = mine.max_items;
        q->max_bytes = mine.max_bytes;
        weft__home_open(q, roles);
        weft__queue_flush(q);
        weft__guard_drop(&q->guard);
        *reply = all;
        *reply_len = sizeof *all;
    } else {
        free(all);
    }
    free(roles);
    return e;
}

/* Without a runtime (a test of the layers below it) there are no workers to count. */
static size_t ahead_by_default(weft_team *t)
{
    weft *rt = weft__team_rt(t);
    return rt ? (size_t)weft_workers(rt) + 1 : 2;
}

static weft_err take_terms(weft_queue *q, const weft__letter *reply)
{
    terms all;
    if (reply->head.len != sizeof all)
        return weft__fail(WEFT_INVALID, "queue %s: rank 0 is another build of the program",
                          q->name);
    memcpy(&all, reply->data, sizeof all);
    weft__guard_take(&q->guard);
    q->max_items = all.max_items;
    q->max_bytes = all.max_bytes;
    q->ahead = all.ahead > 0 && all.ahead <= UINT32_MAX ? all.ahead : ahead_by_default(q->team);
    weft__guard_drop(&q->guard);
    return WEFT_OK;
}

/* The home must know that this rank will not come, if the home's opening succeeds. */
static void give_up(weft_queue *q)
{
    char why[WEFT__DETAIL_MAX]; /* of the opening; it outlives what the sending may say */
    snprintf(why, sizeof why, "%s", weft_detail());
    weft__guard_take(&q->guard);
    if (!q->home && !q->home_gone)
        weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_CLOSE, 1, 0);
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
    weft__fail(WEFT_OK, "%s", why);
}

static weft_err judge_failed(void *ctx, weft__letter *const *parts, void **reply, size_t *reply_len)
{
    (void)parts, (void)reply, (void)reply_len;
    return weft__fail(WEFT_NOMEM, "queue %s: rank 0 has no memory for it", (const char *)ctx);
}

/* Let the others know that this rank has no memory for the queue. */
static weft_err open_nothing(weft_team *t, const char *name, opening *mine, weft_deadline by)
{
    char copy[WEFT__QUEUE_NAME_MAX];
    weft__letter *reply = NULL;
    bool judged;
    mine->err = WEFT_NOMEM;
    weft__share_skip(t);
    strcpy(copy, name);
    (void)weft__team_settle(t, copy, mine, sizeof *mine, judge_failed, copy, &reply, &judged, by);
    free(reply);
    return weft__fail(WEFT_NOMEM, "queue %s: no memory", name);
}

static weft_err open_by(weft_queue *q, opening *mine, weft_deadline by)
{
    weft__letter *reply = NULL;
    bool judged;
    mine->id = q->id;
    weft_err e =
        weft__team_settle(q->team, q->name, mine, sizeof *mine, judge, q, &reply, &judged, by);
    if (e == WEFT_OK)
        e = take_terms(q, reply);
    else if (!judged)
        give_up(q);
    free(reply);
    return e;
}

weft_err weft_queue_open(weft_queue **out, weft_team *t, const char *name, weft_role role,
                         const weft_queue_opts *opts, weft_deadline by)
{
    static const weft_queue_opts defaults;
    const weft_queue_opts *o = opts ? opts : &defaults;
    const char *wrong = check_name(name);
    opening mine = {.role = (uint32_t)role,
                    .max_items = o->max_items ? o->max_items : 64,
                    .max_bytes = o->max_bytes ? o->max_bytes : (size_t)16 << 20,
                    .ahead = o->ahead};
    if (wrong) { /* the others are told, instead of waiting for this rank */
        mine.err = WEFT_INVALID;
        name = "?";
    }
    strcpy(mine.name, name);
    weft_queue *q = NULL;
    if (make(&q, t, name, role) != WEFT_OK)
        return open_nothing(t, name, &mine, by);
    weft__share_add(q);
    weft_err e = open_by(q, &mine, by);
    if (e == WEFT_OK) {
        *out = q;
        return WEFT_OK;
    }
    weft__share_drop(q);
    weft__queue_unmake(q);
    return wrong ? weft__fail(WEFT_INVALID, "queue: %s", wrong) : e;
}

/* Give back what was not taken, the last first, so that it comes to stand in its order. Guard held. */
static void return_items(weft_queue *q)
{
    size_t dropped = 0;
    for (weft__letter *item; (item = weft__shelf_last(q)) != NULL;) {
        if (q->home) {
            item->from = q->rank;
            weft__home_return(q, item);
        } else if (q->home_gone) {
            weft__queue_free(q, item);
            dropped++;
        } else {
            weft__queue_post(q, WEFT__QUEUE_HOME, WEFT__QUEUE_RETURN, item);
        }
    }
    if (dropped > 0)
        weft__log_line(weft__team_log(q->team), WEFT_LOG_WARN,
                       "queue %s: rank %d closed it with %zu items that nobody took; the home is "
                       "gone",
                       q->name, q->rank, dropped);
}

static void close_away(weft_queue *q)
{
    weft__answer closed;
    weft__answer_init(&closed, q->name);
    weft__guard_take(&q->guard);
    bool told = !q->home_gone;
    q->closing = true;
    if (told) {
        q->closer = &closed;
        weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_CLOSE, 0, 0);
        weft__queue_flush(q);
    }
    weft__guard_drop(&q->guard);
    if (told)
        (void)weft__answer_wait(&closed, "queue (to close)", WEFT__WAIT_STEADY, WEFT_FOREVER);
    weft__guard_take(&q->guard);
    return_items(q);
    if (!q->home_gone)
        weft__queue_note(q, WEFT__QUEUE_HOME, WEFT__QUEUE_BYE, 0, 0);
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
}

static void close_home(weft_queue *q)
{
    weft__home *h = q->home;
    weft__answer alone;
    weft__answer_init(&alone, q->name);
    weft__guard_take(&q->guard);
    q->closing = true;
    return_items(q);
    weft__home_close(q, q->rank);
    bool wait = h->present > 0;
    h->closer = wait ? &alone : NULL;
    weft__queue_flush(q);
    weft__guard_drop(&q->guard);
    if (wait)
        (void)weft__answer_wait(&alone, "queue (to close)", WEFT__WAIT_STEADY, WEFT_FOREVER);
    weft__guard_take(&q->guard);
    if (h->items > 0)
        weft__log_line(weft__team_log(q->team), WEFT_LOG_WARN,
                       "queue %s: closed with %zu items that nobody took", q->name, h->items);
    weft__guard_drop(&q->guard);
}

static void close_queue(weft_queue *q)
{
    weft__queue_end(q);
    if (q->home)
        close_home(q);
    else
        close_away(q);
    weft__share_drop(q);
    weft__queue_unmake(q);
}
