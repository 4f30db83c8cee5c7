/* team/joining.h: the steps of joining a job. */
#ifndef WEFT_TEAM_JOINING_H
#define WEFT_TEAM_JOINING_H

#include "team/boot.h"
#include "team/marks.h"

/* What WEFT_LINK may say, in the order of link_names. */
typedef enum weft__link_choice {
    WEFT__LINK_ANY = -1,
    WEFT__LINK_SHM,
    WEFT__LINK_ZMQ,
    WEFT__LINK_MPI
} weft__link_choice;

extern const char *const weft__link_names[];

/* Lies on weft__boot_join's stack. */
typedef struct weft__joining {
    weft__boot *boot; /* rank, size and what is open so far */
    const weft_opts *opts;
    weft__log *log;
    int choice; /* a weft__link_choice */
    bool insecure;
    int64_t deadline;            /* monotonic ns */
    const weft__link_ops *slots; /* of `link`: the backend's, or the vigil's */
    weft__link *link;            /* open, and not yet the mail's */
} weft__joining;

/* launched.c: by `weft run`. */
weft_err weft__join_launched(weft__joining *j, const weft__job_mark *mark);
/* Whether this process has joined a job of `weft run` before. */
bool weft__launched_before(void);

/* world.c: by mpirun, srun. */
weft_err weft__join_world(weft__joining *j, const weft__mpi_mark *mark);

/* boot.c: make the mail and open the link of `ops` (the segment is watched if there is one and the
 * link is another than shm); hand the one to the other; take both back. */
weft_err weft__join_open(weft__joining *j, const weft__link_ops *ops);
void weft__join_use(weft__joining *j);
void weft__join_undo(weft__joining *j);
weft_err weft__join_zmq(const weft__link_ops **ops);

/* cards.c: hand all ranks' cards to the link, through the segment, or from the table `cards`, where
 * they lie WEFT__CARD_MAX apart. */
weft_err weft__cards_by_segment(weft__joining *j);
weft_err weft__cards_give(weft__joining *j, const uint8_t *cards, const uint32_t *lengths);

#endif
