/* team/round.h: one collective operation of a team under way: a round.
 *
 * Rounds are numbered; all ranks go through the same ones in the same order. A letter of a round says
 * the round's number and its kind, and is waited for by sender and verb.
 *
 * C1 What is sent for a round that a rank has not begun yet waits in its inbox; what is for a round
 *    that it has ended is dropped.
 * C2 The first rank for which a round fails tells all others. From then on the team is broken: this
 *    round and all later ones fail everywhere, so nobody waits for a rank that gave up.
 * C3 Two ranks whose rounds of one number are of different kinds break the team: whichever of them
 *    gets the other's letter notices, also after its own round has ended.
 * C4 A peer that is gone matters only to a rank that waits for a letter of it, or sends it one. Others
 *    hear by C2. A peer may leave as soon as nobody needs it any more.
 */
#ifndef WEFT_TEAM_ROUND_H
#define WEFT_TEAM_ROUND_H

#include "base/list.h"
#include "link/mail.h"
#include "port/err.h"
#include "task/wait.h"
#include "team/team.h"
#include "weft/sync.h"

typedef enum weft__round_kind {
    WEFT__ROUND_BARRIER = 1,
    WEFT__ROUND_GATHER,
    WEFT__ROUND_SETTLE,
    WEFT__ROUND_KINDS
} weft__round_kind;

/* What a TEAM letter is. head.a: the round's number; head.id: its kind and root; head.b by verb. */
typedef enum weft__round_verb {
    WEFT__ROUND_UP = 1, /* barrier: all below the sender came */
    WEFT__ROUND_DOWN,   /* barrier: all came */
    WEFT__ROUND_PART,   /* one rank's bytes, for the root */
    WEFT__ROUND_REPLY,  /* settle: b is a weft_err, with the reply or a text */
    /* The rest is handled as it comes and never waited for by verb. */
    WEFT__ROUND_TAKEN, /* gather: the root has the parts of round a */
    WEFT__ROUND_ASK,   /* tell me when you have come to round a */
    WEFT__ROUND_HERE,  /* the sender has come to round a */
    WEFT__ROUND_FAIL,  /* round a failed at the sender: b is a weft_err, with a text */
    WEFT__ROUND_VERBS
} weft__round_verb;

enum { WEFT__ROUND_HISTORY = 64 };

struct weft_team {
    weft *rt;
    int rank, size;
    weft__mail *mail; /* NULL: alone */
    weft__log *log;
    void *share;

    weft_lock turn;       /* held by the caller of the one round under way */
    weft_sync_head inbox; /* its guard protects the rest; the round's caller waits in it */
    weft__list letters;   /* C1 */
    uint64_t begun;       /* the number of the last round begun here; the first is 1 */
    uint32_t kinds[WEFT__ROUND_HISTORY]; /* of the rounds begun last, by number (C3) */
    uint64_t taken, owed;                /* gathers: the last that a root took, that we gave to */
    int owed_by;                         /* the root that will say so */
    bool *gone;                          /* by rank */
    uint64_t *here;                      /* by rank: the last round it is known to have begun */
    uint64_t *asked;                     /* by rank: the round it wants to be told of, or 0 */
    bool any_asked;
    weft_err broken; /* C2 */
    char why[WEFT__DETAIL_MAX];
};

/* Lies on the caller's stack. */
typedef struct weft__round {
    weft_team *team;
    const char *name;
    uint32_t id;
    weft_deadline by;
    weft_deadline nudge; /* when to ask the rank that is waited for */
    weft_deadline ask;   /* when to find out from all who is missing */
} weft__round;

/* Begin the next round. On success weft__round_end must follow; not after a failure. */
weft_err weft__round_begin(weft__round *r, weft_team *t, weft__round_kind kind, int root,
                           const char *name, weft_deadline by);
/* This rank will not come to its next round, for what `e` and the detail say: C2. Returns `e`. */
weft_err weft__round_refuse(weft_team *t, weft_err e);
weft_err weft__round_send(weft__round *r, int to, weft__round_verb verb, uint64_t b,
                          const void *data, size_t len);
/* Wait for a letter of this round. The caller frees it. */
weft_err weft__round_take(weft__round *r, int from, weft__round_verb verb, weft__letter **letter);
/* Wait until the root of an earlier gather has taken what this rank gave: bounds its memory. */
weft_err weft__round_credit(weft__round *r);
/* The ranks `first` up to `end` have come. */
void weft__round_came(weft__round *r, int first, int end);
/* The end of the round here; `e` is what it came to (C2: an error breaks the team). Returns it. */
weft_err weft__round_end(weft__round *r, weft_err e);

/* The handlers of TEAM letters; ctx is the team. */
void weft__round_letter(void *team, weft__letter *letter);
void weft__round_gone(void *team, int peer);

/* Every rank's bytes go to rank 0, whose judge answers for all: on WEFT_OK its reply (malloc'd; may
 * stay NULL) comes to every rank, else its error and its detail do. For collectives of the layers above.
 * `parts` holds one letter for each rank, in order. *judged: the error is the judge's, the same
 * everywhere, and the team goes on. The caller frees *reply. */
typedef weft_err (*weft__judge)(void *ctx, weft__letter *const *parts, void **reply,
                                size_t *reply_len);
weft_err weft__team_settle(weft_team *t, const char *name, const void *data, size_t len,
                           weft__judge judge, void *ctx, weft__letter **reply, bool *judged,
                           weft_deadline by);

#endif
