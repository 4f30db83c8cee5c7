/* Joining a job of `weft run`: the segment and all bells are inherited. */
#include <stdlib.h>

#include "port/env.h"
#include "port/err.h"
#include "port/fd.h"
#include "team/joining.h"

/* The environment is the process's, and the variable is unset once read; so this is the process's. */
static WEFT_ATOMIC(uint32_t) joined_before;

bool weft__launched_before(void)
{
    /* set and read by weft_start, which comes one after the other */
    return weft_atomic_load(&joined_before, WEFT_RELAXED) != 0;
}

/* Check that the descriptors are there, and keep them from being inherited further. */
static weft_err claim(const weft__job_mark *m, int *bells, int ranks)
{
    for (int i = 0; i < ranks; i++) {
        bells[i] = m->first_bell + i;
        if (weft__fd_cloexec(bells[i], true) != WEFT_OK)
            return weft__fail(WEFT_INVALID,
                              "rank %d: descriptor %d of its job is not open: something between "
                              "`weft run` and this program closed it; start the program directly, "
                              "or set WEFT_ALONE=1 to run alone",
                              m->rank, bells[i]);
    }
    return WEFT_OK;
}

static weft_err attach(weft__boot *b, const weft__job_mark *m)
{
    int ranks;
    weft_err e = claim(&(weft__job_mark){m->rank, m->seg_fd, m->seg_fd}, &(int){0}, 1);
    if (e == WEFT_OK)
        e = weft__seg_count(m->seg_fd, &ranks);
    if (e != WEFT_OK)
        return e;
    if (m->rank >= ranks)
        return weft__fail(WEFT_INVALID, WEFT__JOB_VARIABLE " names rank %d of a job of %d", m->rank,
                          ranks);
    int *bells = malloc((size_t)ranks * sizeof *bells);
    if (!bells)
        return weft__fail(WEFT_NOMEM, "job: no memory for %d bells", ranks);
    e = claim(m, bells, ranks);
    if (e == WEFT_OK)
        e = weft__seg_attach(&b->seg, m->seg_fd, bells, ranks);
    free(bells);
    if (e != WEFT_OK)
        return e;
    b->have_seg = true;
    b->rank = b->local_rank = m->rank;
    b->size = b->local_size = ranks;
    return WEFT_OK;
}

/* A rank's place is taken once. */
static weft_err take_place(weft__boot *b)
{
    static const char *const done[] = {"", "joined by another process that still runs",
                                       "joined and left", "lost"};
    weft__rank_state s = weft__seg_state(&b->seg, b->rank);
    uint32_t nobody = 0;
    /* pairs with itself: of two processes that come at once one has the place */
    bool mine = weft_atomic_cas(&weft__seg_rank_of(&b->seg, b->rank)->claimed, &nobody, 1,
                                WEFT_ACQ_REL, WEFT_ACQUIRE);
    if (s == WEFT__RANK_ABSENT && !mine)
        s = WEFT__RANK_JOINED;
    if (s != WEFT__RANK_ABSENT)
        return weft__fail(
            WEFT_INVALID,
            "rank %d of this job has already been %s: one weft program joins for each "
            "rank, once; set WEFT_ALONE=1 to run this one alone",
            b->rank, done[s]);
    weft__seg_rank_of(&b->seg, b->rank)->pid = weft__process_id();
    return WEFT_OK;
}

/* All ranks want the same link; whoever comes later and wants another one fails. */
static weft_err agree_on_link(weft__joining *j)
{
    weft__boot *b = j->boot;
    int mine = j->choice == WEFT__LINK_ANY ? WEFT__LINK_SHM : j->choice;
    if (mine == WEFT__LINK_MPI)
        return weft__fail(WEFT_INVALID, "WEFT_LINK=mpi needs a job of MPI: start it with mpirun "
                                        "instead of weft run, or unset WEFT_LINK");
    uint32_t bit = UINT32_C(1) << mine;
    /* pairs with itself on the other ranks: the second of two different ones sees the first */
    uint32_t before = weft_atomic_fetch_or(&weft__seg_job_of(&b->seg)->links, bit, WEFT_ACQ_REL);
    if ((before & ~bit) != 0)
        return weft__fail(WEFT_INVALID,
                          "rank %d wants WEFT_LINK=%s, another rank of this job another link: set "
                          "it alike for all",
                          b->rank, weft__link_names[mine]);
    j->choice = mine;
    return WEFT_OK;
}

static weft_err open_zmq(weft__joining *j)
{
    const weft__link_ops *ops;
    weft_err e = weft__join_zmq(&ops);
    if (e == WEFT_OK)
        e = weft__join_open(j, ops);
    return e == WEFT_OK ? weft__cards_by_segment(j) : e;
}

weft_err weft__join_launched(weft__joining *j, const weft__job_mark *mark)
{
    weft__boot *b = j->boot;
    weft__env_unset(WEFT__JOB_VARIABLE);
    weft_err e = attach(b, mark);
    if (e != WEFT_OK)
        return e;
    weft_atomic_store(&joined_before, 1, WEFT_RELAXED); /* weft__launched_before */
    b->launched = true;
    e = take_place(b);
    if (e != WEFT_OK) { /* the place is somebody else's: leave its state alone */
        weft__seg_close(&b->seg);
        b->have_seg = false;
        return e;
    }
    e = agree_on_link(j);
    if (e == WEFT_OK)
        e = j->choice == WEFT__LINK_ZMQ ? open_zmq(j) : weft__join_open(j, &weft__link_shm);
    if (e != WEFT_OK)
        return e;
    if (j->choice == WEFT__LINK_SHM)
        weft__seg_set_state(&b->seg, b->rank, WEFT__RANK_JOINED);
    weft__join_use(j);
    return WEFT_OK;
}
