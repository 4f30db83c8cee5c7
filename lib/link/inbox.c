#include "link/inbox.h"

#include <string.h>

#include "link/frame.h"

/* No letter is longer: whoever says so is wrong. */
#define LETTER_MAX (UINT64_C(1) << 40)

static weft_err broken(const char **why, const char *what)
{
    *why = what;
    return WEFT_INVALID;
}

/* Begin the letter whose head is at *data. */
static weft_err begin(weft__inbox *in, int from, const uint8_t **data, uint32_t *len,
                      const char **why)
{
    weft__letter_head head;
    if (in->letter)
        return broken(why, "a letter began inside another");
    if (*len < sizeof head)
        return broken(why, "a letter with half a head");
    memcpy(&head, *data, sizeof head);
    *data += sizeof head;
    *len -= (uint32_t)sizeof head;
    if (head.kind == 0 || head.kind >= WEFT__MAIL_KINDS)
        return broken(why, "a letter of a kind that does not exist");
    if (head.len > LETTER_MAX)
        return broken(why, "a letter longer than can be");
    weft__letter *l = weft__block_get(in->blocks, sizeof *l + head.len);
    if (!l) {
        *why = "no memory for a letter from it";
        return WEFT_NOMEM;
    }
    weft__list_init(&l->node);
    l->from = from;
    l->head = head;
    in->letter = l;
    in->filled = 0;
    return WEFT_OK;
}

weft_err weft__inbox_take(weft__inbox *in, int from, const void *frame, uint32_t len,
                          weft__letter **letter, const char **why)
{
    const uint8_t *data = frame;
    weft__frame_head f;
    *letter = NULL;
    if (len < sizeof f)
        return broken(why, "a frame with half a head");
    memcpy(&f, data, sizeof f);
    data += sizeof f;
    len -= (uint32_t)sizeof f;
    if (f.sequence != in->sequence)
        return broken(why, "a frame was lost or repeated");
    in->sequence++;
    if (f.flags == WEFT__FRAME_CUT && len == 0)
        return weft__inbox_clear(in) ? WEFT_OK : broken(why, "the end of no letter");
    if (f.flags & ~(uint32_t)(WEFT__FRAME_FIRST | WEFT__FRAME_LAST))
        return broken(why, "a frame of a kind that does not exist");
    if (f.flags & WEFT__FRAME_FIRST) {
        weft_err e = begin(in, from, &data, &len, why);
        if (e != WEFT_OK)
            return e;
    } else if (!in->letter) {
        return broken(why, "a letter without a beginning");
    }
    uint64_t left = in->letter->head.len - in->filled;
    if (len > left || (len == left) != !!(f.flags & WEFT__FRAME_LAST))
        return broken(why, "a letter of another length than it said");
    if (len)
        memcpy(in->letter->data + in->filled, data, len);
    in->filled += len;
    if (f.flags & WEFT__FRAME_LAST) {
        *letter = in->letter;
        in->letter = NULL;
    }
    return WEFT_OK;
}

bool weft__inbox_clear(weft__inbox *in)
{
    weft__letter *l = in->letter;
    if (!l)
        return false;
    weft__block_put(in->blocks, l, sizeof *l + l->head.len);
    in->letter = NULL;
    return true;
}
