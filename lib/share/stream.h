/* share/stream.h: a shared queue from the inside.
 *
 * Every rank has a part; the home's part holds the store. An item is a letter all its life: the one in
 * which it came, or one made of a local put; it is copied out of the putter's memory and into the
 * getter's, and by the link.
 *
 *   putter            home                      consumer
 *   PUT      ------>  store, or an offer that waits for room
 *            <------  ANSWER (each PUT gets one: taken, or why not)
 *   WITHDRAW ------>  answered only if the offer still waits
 *                     <------ WANT (more demand; how many were taken so far)
 *                     ITEM    ------>  shelf, or straight to a getter
 *   END      ------>
 *                     DRAIN   ------>  tell at once what is taken
 *                     ENDED   ------>
 *   CLOSE    ------>  CLOSED  ------>  after it no ITEM;  RETURN..., BYE  ------>
 *
 * Q1 One guard for each part of a queue; everything below is under it. Under it nothing waits and no
 *    item is copied: what is to be sent is listed and sent by one at a time, in the order of the list.
 * Q2 At home: if the store holds something, nobody has demand (home.c serves at once); if an offer
 *    waits, there is no room for the first of them. Offers are admitted in the order they came.
 * Q3 An item is counted as taken when a getter has it. The end is told only when all that was sent to
 *    consumers that still live was taken, so that what a closing one returns finds a taker.
 * Q4 A PUT that was sent is answered exactly once, unless the home is gone. A late putter withdraws
 *    and takes the answer that comes: either the item is in, or it is not (R6).
 * Q5 An item that was handed to a waiting getter is its own: a getter leaves late only if it was not.
 */
#ifndef WEFT_SHARE_STREAM_H
#define WEFT_SHARE_STREAM_H

#include "base/list.h"
#include "link/block.h"
#include "link/mail.h"
#include "share/answer.h"
#include "share/share.h"
#include "sync/queue.h"

typedef enum weft__queue_verb {
    WEFT__QUEUE_PUT = 1,  /* a: ticket; the item */
    WEFT__QUEUE_ANSWER,   /* a: ticket, b: a weft_err */
    WEFT__QUEUE_WITHDRAW, /* a: ticket */
    WEFT__QUEUE_WANT,     /* a: how many more, b: how many taken in all */
    WEFT__QUEUE_ITEM,     /* the item */
    WEFT__QUEUE_END,
    WEFT__QUEUE_DRAIN,
    WEFT__QUEUE_ENDED, /* a: the rank it is about, b: WEFT_CLOSED or WEFT_LOST */
    WEFT__QUEUE_CLOSE, /* a: 1 if the sender gave up while opening; then nothing follows */
    WEFT__QUEUE_CLOSED,
    WEFT__QUEUE_RETURN, /* an item, the last one first */
    WEFT__QUEUE_BYE
} weft__queue_verb;

enum { WEFT__QUEUE_HOME = 0, WEFT__QUEUE_NAME_MAX = 256 };

/* A put under way. On the putter's stack. */
typedef struct weft__putting {
    weft__list node; /* in q->puts until it is answered */
    uint64_t ticket;
    weft_err result; /* WEFT_STALE: withdrawn */
    bool home_gone;  /* why it is WEFT_LOST */
    weft__answer answer;
} weft__putting;

/* A get that waits. On the getter's stack. */
typedef struct weft__getting {
    weft__list node; /* in q->getters until it is answered */
    size_t cap;
    weft__letter *item; /* if result is WEFT_OK */
    size_t needed;      /* if result is WEFT_TOOBIG */
    weft_err result;
    weft__answer answer;
} weft__getting;

/* A rank as the home sees it. */
typedef struct weft__peer {
    weft__list turn; /* in home.turn while it has demand */
    weft_role role;
    bool ended;           /* puts no more */
    bool closed;          /* takes no more */
    bool gone;            /* sends nothing any more: said BYE, died or left */
    bool draining;        /* was sent DRAIN */
    uint64_t demand;      /* items it wants; not of the home, which has as much as it has getters */
    uint64_t sent, taken; /* items, in all (Q3) */
} weft__peer;

typedef struct weft__home {
    bool open;           /* the roles are known */
    weft__list store;    /* items, the oldest first */
    size_t items, bytes; /* of the store */
    weft__list offers;   /* PUTs that wait for room */
    weft__list turn;     /* peers with demand, the next to be served first */
    int producing, consuming,
        present;          /* how many ranks still do, and how many others are not gone */
    int lost;             /* the first rank that was lost in the middle of its part, or -1 */
    bool told;            /* ENDED has been sent */
    weft__answer *closer; /* waits for present == 0 */
    weft__peer *peers;
} weft__home;

struct weft_queue {
    weft__queue_base base;
    weft__list node; /* in the registry (share.c) */
    int users;       /* handlers at work on it; the registry's guard */
    uint32_t id;
    char *name;
    weft_team *team;
    weft__mail *mail; /* NULL: a team of one */
    int rank, size;
    weft_role role;
    size_t max_items, max_bytes, ahead;

    weft__blocks own;     /* memory of items in a team of one */
    weft__blocks *blocks; /* where items come from and go back to: the mail's, or those */

    weft__guard guard;   /* Q1 */
    weft__list outgoing; /* letters; `from` says where to */
    bool posting;

    weft__list puts;
    uint64_t tickets;
    bool put_end; /* this rank said END */

    weft__list shelf; /* items that came and nobody has taken */
    weft__list getters;
    size_t shelved, waiting; /* how many are on the shelf, how many getters */
    uint64_t coming, taken;  /* asked for and not yet come; taken in all */
    bool draining, closing;
    weft_err end; /* WEFT_CLOSED, WEFT_LOST or WEFT_NOMEM once nothing will come */
    int end_rank; /* the one that was lost */
    bool home_gone;
    weft__answer *closer; /* waits for CLOSED */

    weft__home *home; /* at home only */
};

/* share.c: the registry. Numbers the queue: the numbers are the same on all ranks. */
void weft__share_add(weft_queue *q);
/* Use up a number: an opening that fails here has one elsewhere. */
void weft__share_skip(weft_team *t);
/* On return no handler knows the queue. */
void weft__share_drop(weft_queue *q);

/* letter.c: what comes in. Takes the letter. */
void weft__queue_letter(weft_queue *q, weft__letter *l);
void weft__queue_gone(weft_queue *q, int peer);

/* post.c: what goes out. Guard held. */
void weft__queue_note(weft_queue *q, int to, weft__queue_verb verb, uint64_t a, uint64_t b);
void weft__queue_post(weft_queue *q, int to, weft__queue_verb verb, weft__letter *item);
void weft__queue_flush(weft_queue *q);
/* An item out of `data`, or NULL; and its end. Guard held or not. */
weft__letter *weft__queue_item(weft_queue *q, const void *data, size_t len, uint64_t ticket);
void weft__queue_free(weft_queue *q, weft__letter *l);
void weft__queue_free_all(weft_queue *q, weft__list *letters);

/* What the functions of weft/queue.h do with a shared queue. */
weft_err weft__queue_put(weft_queue *q, const void *data, size_t len, weft_deadline by);
weft_err weft__queue_get(weft_queue *q, void *buf, size_t cap, size_t *len, weft_deadline by);
void weft__queue_end(weft_queue *q);

/* queue.c: free a queue that nobody uses, with what is in it. */
void weft__queue_unmake(weft_queue *q);

/* put.c: the producer's side. Guard held. */
void weft__put_answer(weft_queue *q, uint64_t ticket, weft_err result);
void weft__put_fail_all(weft_queue *q, weft_err result);

/* shelf.c: the consumer's side. Guard held. */
void weft__shelf_add(weft_queue *q, weft__letter *item);
void weft__shelf_end(weft_queue *q, weft_err e, int rank);
void weft__shelf_drain(weft_queue *q);
/* The item that came last, or NULL. */
weft__letter *weft__shelf_last(weft_queue *q);

/* home.c: the home's side. Guard held. */
weft_err weft__home_create(weft_queue *q);
void weft__home_destroy(weft_queue *q);
void weft__home_open(weft_queue *q, const weft_role *roles);
/* Take the item in, let it wait, or refuse it; answers its ticket when it is known. */
void weft__home_offer(weft_queue *q, weft__letter *item);
void weft__home_withdraw(weft_queue *q, int from, uint64_t ticket);
void weft__home_end(weft_queue *q, int from);
/* The home's own consumers: the next item of the store without taking it; take it; a getter waits. */
weft__letter *weft__home_first(weft_queue *q);
weft__letter *weft__home_take(weft_queue *q);
/* Put the next item of the store on the home's shelf: it is the next one of this rank. */
void weft__home_keep(weft_queue *q);
void weft__home_wait(weft_queue *q);
/* An item that was sent to a peer, or lay on the home's shelf, was taken. */
void weft__home_taken(weft_queue *q, int from, uint64_t taken);
void weft__home_want(weft_queue *q, int from, uint64_t more);
/* No more demand of it. */
void weft__home_close(weft_queue *q, int from);
void weft__home_return(weft_queue *q, weft__letter *item);
/* Nothing comes from it any more; `lost`: in the middle. */
void weft__home_leave(weft_queue *q, int from, bool lost);

#endif
