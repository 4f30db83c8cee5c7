#include "team/round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "team/absent.h"

/* So long a round waits for a rank before it asks it whether it has come, and to the same round. */
static const int64_t nudge_after_ns = INT64_C(1000000000);

static weft__guard *guard(weft_team *t)
{
    return weft__sync_guard(&t->inbox);
}

static const char *kind_name(uint32_t id)
{
    static const char *const names[] = {"?", "barrier", "gather", "opening of a queue"};
    uint32_t kind = id >> 16;
    return names[kind < WEFT__ROUND_KINDS ? kind : 0];
}

/* Break the team, unless it is already. Guard held. Returns whether it was whole. */
static bool break_team(weft_team *t, weft_err e, const char *why)
{
    if (t->broken != WEFT_OK)
        return false;
    t->broken = e;
    snprintf(t->why, sizeof t->why, "%s", why);
    weft__wait_grant_all(&t->inbox);
    return true;
}

/* C2. Peers that are gone need not be told. */
static void tell_failure(weft_team *t, uint64_t round, uint32_t id, weft_err e, const char *why)
{
    weft__letter_head head = {
        .kind = WEFT__MAIL_TEAM, .verb = WEFT__ROUND_FAIL, .id = id, .a = round, .b = (uint64_t)e};
    for (int to = 0; to < t->size; to++)
        if (to != t->rank)
            (void)weft__mail_send(t->mail, to, head, why, strlen(why));
}

static void send_word(weft_team *t, int to, weft__round_verb verb, uint64_t round, uint32_t id)
{
    weft__letter_head head = {
        .kind = WEFT__MAIL_TEAM, .verb = (uint16_t)verb, .id = id, .a = round};
    /* Only a courtesy: one who cannot be told is gone. */
    (void)weft__mail_send(t->mail, to, head, NULL, 0);
}

/* C3. Guard held. Fills `why` and returns true if `l` is of another kind of round than ours. */
static bool another_kind(weft_team *t, const weft__letter *l, char *why, size_t cap)
{
    uint64_t round = l->head.a;
    if (round > t->begun || round + WEFT__ROUND_HISTORY <= t->begun)
        return false;
    uint32_t ours = t->kinds[round % WEFT__ROUND_HISTORY];
    if (ours == l->head.id)
        return false;
    snprintf(
        why, cap,
        "collective %llu: rank %d calls a %s (root %u) where rank %d calls a %s (root %u): all "
        "ranks make the same calls in the same order",
        (unsigned long long)round, l->from, kind_name(l->head.id), l->head.id & 0xffff, t->rank,
        kind_name(ours), ours & 0xffff);
    return true;
}

/* What waited for this round. Guard held. */
static bool check_inbox(weft_team *t, char *why, size_t cap)
{
    weft__list_each (it, &t->letters) {
        if (another_kind(t, weft__of(it, weft__letter, node), why, cap))
            return false;
    }
    return true;
}

/* Tell those who asked that this rank has come. */
static void answer_asked(weft_team *t, uint64_t round, uint32_t id)
{
    for (int to = 0; to < t->size; to++) {
        weft__guard_take(guard(t));
        bool tell = t->asked[to] != 0 && t->asked[to] <= round;
        if (tell)
            t->asked[to] = 0;
        weft__guard_drop(guard(t));
        if (tell)
            send_word(t, to, WEFT__ROUND_HERE, round, id);
    }
}

/* A round that this rank has begun, or with `ahead` of 1 the next one, fails with `e` and its detail. Returns
 * `e` with that detail: those who could not be told have left their own. */
static weft_err fail_round(weft_team *t, uint64_t ahead, uint32_t id, weft_err e)
{
    char why[WEFT__DETAIL_MAX];
    snprintf(why, sizeof why, "%s", weft_detail());
    weft_err told = e == WEFT_CANCELLED ? WEFT_LOST : e;
    weft__guard_take(guard(t));
    uint64_t round = t->begun + ahead;
    bool first = break_team(t, told, why);
    weft__guard_drop(guard(t));
    if (first)
        tell_failure(t, round, id, told, why);
    return weft__fail(e, "%s", why);
}

weft_err weft__round_refuse(weft_team *t, weft_err e)
{
    return fail_round(t, 1, 0, e);
}

weft_err weft__round_begin(weft__round *r, weft_team *t, weft__round_kind kind, int root,
                           const char *name, weft_deadline by)
{
    weft_err e = weft_lock_acquire(&t->turn, by);
    if (e != WEFT_OK)
        return weft__round_refuse(
            t,
            weft__fail(e,
                       e == WEFT_CANCELLED ? "%s: cancelled on rank %d"
                                           : "%s: another collective of rank %d is still under way",
                       name, t->rank));
    int64_t now = weft__clock_ns();
    *r = (weft__round){.team = t,
                       .name = name,
                       .id = (uint32_t)kind << 16 | (uint32_t)root,
                       .by = by,
                       .nudge = {now + nudge_after_ns},
                       .ask = WEFT_FOREVER};
    if (by.ns != INT64_MAX)
        r->ask.ns = by.ns > now ? now + (by.ns - now) / 2 : INT64_MAX;
    char why[WEFT__DETAIL_MAX];
    weft__guard_take(guard(t));
    if (t->broken != WEFT_OK) {
        e = weft__fail(t->broken, "%s: an earlier collective failed: %s", name, t->why);
        weft__guard_drop(guard(t));
        weft_lock_release(&t->turn);
        return e;
    }
    uint64_t round = ++t->begun;
    t->kinds[round % WEFT__ROUND_HISTORY] = r->id;
    t->here[t->rank] = round;
    bool same = check_inbox(t, why, sizeof why), asked = t->any_asked;
    t->any_asked = false;
    weft__guard_drop(guard(t));
    if (!same)
        return weft__round_end(r, weft__fail(WEFT_INVALID, "%s", why));
    if (asked)
        answer_asked(t, round, r->id);
    return WEFT_OK;
}

weft_err weft__round_end(weft__round *r, weft_err e)
{
    weft_team *t = r->team;
    if (e != WEFT_OK)
        (void)fail_round(t, 0, r->id, e);
    weft_lock_release(&t->turn);
    return e;
}

weft_err weft__round_send(weft__round *r, int to, weft__round_verb verb, uint64_t b,
                          const void *data, size_t len)
{
    weft_team *t = r->team;
    weft__letter_head head = {
        .kind = WEFT__MAIL_TEAM, .verb = (uint16_t)verb, .id = r->id, .a = t->begun, .b = b};
    weft_err e = weft__mail_send(t->mail, to, head, data, len);
    return e == WEFT_OK ? e : weft__fail_in(e, "%s", r->name);
}

static weft_err fail_gone(weft__round *r, int peer)
{
    weft__mail *m = r->team->mail;
    if (weft__mail_state(m, peer) == WEFT__RANK_LEFT)
        return weft__fail(WEFT_LOST, "%s: rank %d left the job without coming", r->name, peer);
    return weft__fail(WEFT_LOST, "%s: rank %d was lost: %s", r->name, peer,
                      weft__mail_why(m, peer));
}

/* Halfway to the deadline: find out who has come, so that the error can name who has not. */
static void ask_all(weft__round *r)
{
    weft_team *t = r->team;
    for (int to = 0; to < t->size; to++)
        if (to != t->rank)
            send_word(t, to, WEFT__ROUND_ASK, t->begun, r->id);
}

/* One wait in the inbox for something of `from`. Guard held before and after. */
static weft_err wait_for_post(weft__round *r, int from)
{
    weft_team *t = r->team;
    weft_deadline next = r->nudge.ns < r->ask.ns ? r->nudge : r->ask;
    bool last = r->by.ns <= next.ns;
    weft_err e = weft__wait_held(&t->inbox, r->name, r, 0, last ? r->by : next);
    if (e == WEFT_CANCELLED)
        return weft__fail(e, "%s: cancelled on rank %d", r->name, t->rank);
    if (e != WEFT_LATE)
        return e;
    if (last)
        return weft__absent_fail(r);
    bool nudge = next.ns == r->nudge.ns;
    *(nudge ? &r->nudge : &r->ask) = WEFT_FOREVER;
    weft__guard_drop(guard(t));
    if (nudge)
        send_word(t, from, WEFT__ROUND_ASK, t->begun, r->id);
    else
        ask_all(r);
    weft__guard_take(guard(t));
    return WEFT_OK;
}

static weft__letter *find(weft_team *t, int from, weft__round_verb verb)
{
    weft__list_each (it, &t->letters) {
        weft__letter *l = weft__of(it, weft__letter, node);
        if (l->from == from && l->head.a == t->begun && l->head.verb == (uint16_t)verb) {
            weft__list_remove(it);
            return l;
        }
    }
    return NULL;
}

weft_err weft__round_take(weft__round *r, int from, weft__round_verb verb, weft__letter **letter)
{
    weft_team *t = r->team;
    weft_err e = WEFT_OK;
    weft__guard_take(guard(t));
    while (e == WEFT_OK) {
        weft__letter *l = find(t, from, verb);
        if (l) {
            *letter = l;
            break;
        }
        if (t->broken != WEFT_OK)
            e = weft__fail(t->broken, "%s", t->why);
        else if (t->gone[from])
            e = fail_gone(r, from);
        else
            e = wait_for_post(r, from);
    }
    weft__guard_drop(guard(t));
    return e;
}

weft_err weft__round_credit(weft__round *r)
{
    weft_team *t = r->team;
    weft_err e = WEFT_OK;
    weft__guard_take(guard(t));
    while (e == WEFT_OK && t->taken < t->owed) {
        if (t->broken != WEFT_OK)
            e = weft__fail(t->broken, "%s", t->why);
        else if (t->gone[t->owed_by])
            e = fail_gone(r, t->owed_by);
        else
            e = wait_for_post(r, t->owed_by);
    }
    weft__guard_drop(guard(t));
    return e;
}

void weft__round_came(weft__round *r, int first, int end)
{
    weft_team *t = r->team;
    weft__guard_take(guard(t));
    for (int i = first; i < end && i < t->size; i++)
        if (t->here[i] < t->begun)
            t->here[i] = t->begun;
    weft__guard_drop(guard(t));
}

/* FAIL: what the sender says, with its rank. Guard held. */
static void take_failure(weft_team *t, const weft__letter *l)
{
    enum { QUOTED = WEFT__DETAIL_MAX - 40 };
    weft_err e =
        l->head.b > WEFT_OK && l->head.b <= WEFT__ERR_LAST ? (weft_err)l->head.b : WEFT_LOST;
    int len = l->head.len < QUOTED ? (int)l->head.len : QUOTED;
    char why[WEFT__DETAIL_MAX];
    snprintf(why, sizeof why, "%.*s (said by rank %d)", len, (const char *)l->data, l->from);
    break_team(t, e, why);
}

/* What is handled as it comes. Guard held. Returns true if the sender of an ASK is to be told. */
static bool take_word(weft_team *t, const weft__letter *l)
{
    char why[WEFT__DETAIL_MAX];
    uint64_t round = l->head.a;
    bool asks = l->head.verb == WEFT__ROUND_ASK || l->head.verb == WEFT__ROUND_HERE;
    if (asks && another_kind(t, l, why, sizeof why))
        break_team(t, WEFT_INVALID, why);
    switch (l->head.verb) {
    case WEFT__ROUND_TAKEN:
        if (l->from == t->owed_by && round <= t->owed && round > t->taken)
            t->taken = round;
        weft__wait_grant_all(&t->inbox);
        return false;
    case WEFT__ROUND_ASK:
        if (t->begun >= round)
            return true;
        t->asked[l->from] = round;
        t->any_asked = true;
        return false;
    case WEFT__ROUND_HERE:
        if (round > t->here[l->from])
            t->here[l->from] = round;
        return false;
    case WEFT__ROUND_FAIL:
        take_failure(t, l);
        return false;
    default:
        weft__log_line(t->log, WEFT_LOG_WARN, "team: rank %d sent a letter of no known sort (%u)",
                       l->from, l->head.verb);
        return false;
    }
}

/* A letter that a round waits for. Guard held. Returns false if nobody will (C1, C3). */
static bool keep(weft_team *t, weft__letter *l)
{
    char why[WEFT__DETAIL_MAX];
    if (l->head.a > t->here[l->from])
        t->here[l->from] = l->head.a;
    if (another_kind(t, l, why, sizeof why))
        break_team(t, WEFT_INVALID, why);
    if (l->head.a < t->begun || t->broken != WEFT_OK)
        return false;
    weft__list_push(&t->letters, &l->node);
    weft__wait_grant_all(&t->inbox);
    return true;
}

void weft__round_letter(void *team, weft__letter *l)
{
    weft_team *t = team;
    bool kept = false, tell = false, failed = false;
    weft__guard_take(guard(t));
    bool was_whole = t->broken == WEFT_OK;
    if (l->head.verb >= WEFT__ROUND_UP && l->head.verb <= WEFT__ROUND_REPLY) {
        kept = keep(t, l);
    } else {
        tell = take_word(t, l);
    }
    /* What a FAIL broke its sender has told to all. */
    failed = was_whole && t->broken != WEFT_OK && l->head.verb != WEFT__ROUND_FAIL;
    uint64_t begun = t->begun;
    uint32_t id = t->kinds[begun % WEFT__ROUND_HISTORY];
    weft__guard_drop(guard(t));
    if (tell)
        send_word(t, l->from, WEFT__ROUND_HERE, begun, id);
    if (failed)
        tell_failure(t, l->head.a, l->head.id, WEFT_INVALID, t->why);
    if (!kept)
        free(l);
}

void weft__round_gone(void *team, int peer)
{
    weft_team *t = team;
    weft__guard_take(guard(t));
    t->gone[peer] = true;
    weft__wait_grant_all(&t->inbox);
    weft__guard_drop(guard(t));
}
