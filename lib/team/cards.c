/* Exchanging cards: what the peers of a link need to reach one another. */
#include <stdlib.h>
#include <string.h>

#include "port/err.h"
#include "team/absent.h"
#include "team/joining.h"

weft_err weft__cards_give(weft__joining *j, const uint8_t *cards, const uint32_t *lengths)
{
    for (int i = 0; i < j->boot->size; i++)
        if (lengths[i] > WEFT__CARD_MAX)
            return weft__fail(WEFT_INVALID, "rank %d gave a card of %u bytes; it is another build",
                              i, lengths[i]);
    return j->slots->join(j->link, cards, lengths);
}

static void publish(weft__joining *j)
{
    weft__boot *b = j->boot;
    weft__seg_rank *mine = weft__seg_rank_of(&b->seg, b->rank);
    uint8_t card[WEFT__CARD_MAX];
    uint32_t len = j->slots->card(j->link, card);
    memcpy(mine->card, card, len);
    mine->card_len = len;
    weft_atomic_store(&mine->carded, 1, WEFT_RELEASE); /* pairs with has_card */
    weft__seg_set_state(&b->seg, b->rank, WEFT__RANK_JOINED);
}

static bool has_card(const weft__boot *b, int rank)
{
    /* pairs with publish: the card */
    return weft_atomic_load(&weft__seg_rank_of(&b->seg, rank)->carded, WEFT_ACQUIRE) != 0;
}

static bool lacks_card(void *boot, int rank)
{
    return !has_card(boot, rank);
}

/* WEFT_OK: all cards are there. WEFT_EMPTY: not yet. Nobody leaves in good order before all cards are
 * there; the states are read first, so that one who left afterwards is no reason to fail. */
static weft_err look(weft__boot *b)
{
    int ended = -1, missing = 0;
    for (int i = 0; i < b->size; i++)
        if (weft__seg_state(&b->seg, i) > WEFT__RANK_JOINED)
            ended = i;
    for (int i = 0; i < b->size; i++)
        missing += !has_card(b, i);
    if (missing == 0)
        return WEFT_OK;
    if (ended < 0)
        return WEFT_EMPTY;
    return weft__fail(WEFT_LOST, "rank %d ended while the job was starting", ended);
}

static weft_err wait_for_cards(weft__joining *j)
{
    weft__boot *b = j->boot;
    for (;;) {
        uint32_t epoch = weft__seg_epoch(&b->seg);
        weft_err e = look(b);
        if (e != WEFT_EMPTY)
            return e;
        if (!weft__seg_wait_change(&b->seg, &epoch, j->deadline))
            break;
    }
    char names[160];
    weft__absent_list(names, sizeof names, b->size, lacks_card, b);
    return weft__fail(
        WEFT_LATE,
        "%s did not come to the job in time: look whether it hangs before weft_start, "
        "or give it longer with WEFT_JOIN_SECONDS",
        names);
}

weft_err weft__cards_by_segment(weft__joining *j)
{
    weft__boot *b = j->boot;
    publish(j);
    weft_err e = wait_for_cards(j);
    if (e != WEFT_OK)
        return e;
    size_t n = (size_t)b->size;
    uint8_t *cards = calloc(n, WEFT__CARD_MAX);
    uint32_t *lengths = calloc(n, sizeof *lengths);
    e = cards && lengths
            ? WEFT_OK
            : weft__fail(WEFT_NOMEM, "job: no memory for the cards of %d ranks", b->size);
    for (int i = 0; i < b->size && e == WEFT_OK; i++) {
        const weft__seg_rank *r = weft__seg_rank_of(&b->seg, i);
        lengths[i] = r->card_len;
        memcpy(cards + (size_t)i * WEFT__CARD_MAX, r->card, WEFT__CARD_MAX);
    }
    if (e == WEFT_OK)
        e = weft__cards_give(j, cards, lengths);
    free(cards);
    free(lengths);
    return e;
}
