/* share/answer.h: one caller waits for one answer, which somebody else gives once. Lies on the
 * caller's stack; whoever gives holds a guard of his own, under which he found it, so that a caller
 * who takes that guard after a late wait knows whether the answer came (W1). */
#ifndef WEFT_SHARE_ANSWER_H
#define WEFT_SHARE_ANSWER_H

#include "task/wait.h"

typedef struct weft__answer {
    weft_sync_head head;
    bool given; /* under head's guard */
} weft__answer;

static inline void weft__answer_init(weft__answer *a, const char *name)
{
    weft__sync_init(&a->head, name);
    a->given = false;
}

/* The last access of the giver: the caller may free it as soon as this is done (R13). */
static inline void weft__answer_give(weft__answer *a)
{
    weft__guard *g = weft__sync_guard(&a->head);
    weft__guard_take(g);
    a->given = true;
    weft__wait_grant_all(&a->head);
    weft__guard_drop(g);
}

/* WEFT_OK (given), WEFT_LATE, WEFT_CANCELLED. */
static inline weft_err weft__answer_wait(weft__answer *a, const char *what, unsigned flags,
                                         weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&a->head);
    weft_err e = WEFT_OK;
    weft__guard_take(g);
    while (!a->given && e == WEFT_OK)
        e = weft__wait_held(&a->head, what, NULL, flags, by);
    if (a->given)
        e = WEFT_OK;
    weft__guard_drop(g);
    return e;
}

#endif
