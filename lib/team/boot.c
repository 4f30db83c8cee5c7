#include "team/boot.h"

#include <stdio.h>

#include "base/env.h"
#include "port/clock.h"
#include "port/env.h"
#include "port/err.h"
#include "team/joining.h"
#include "team/vigil.h"

const char *const weft__link_names[] = {"shm", "zmq", "mpi", NULL};

static weft_err read_settings(weft__joining *j, bool *alone)
{
    int64_t seconds = 60;
    weft_err e = weft__env_flag("WEFT_ALONE", alone);
    if (e == WEFT_OK)
        e = weft__env_choice("WEFT_LINK", weft__link_names, &j->choice);
    if (e == WEFT_OK)
        e = weft__env_flag("WEFT_INSECURE", &j->insecure);
    if (e == WEFT_OK)
        e = weft__env_int("WEFT_JOIN_SECONDS", 1, 86400, &seconds);
    j->deadline = weft__clock_ns() + seconds * INT64_C(1000000000);
    return e;
}

static weft_err join(weft__joining *j, bool alone)
{
    weft__job_mark job;
    weft__mpi_mark mpi;
    bool launched;
    if (alone)
        return WEFT_OK;
    weft_err e = weft__marks_job(&job, &launched);
    if (e != WEFT_OK)
        return e;
    if (launched)
        return weft__join_launched(j, &job);
    if (weft__launched_before())
        return weft__fail(WEFT_INVALID, "this process has already joined its job of `weft run` and "
                                        "left it; start weft once in a process, or set "
                                        "WEFT_ALONE=1 before the second start to run alone");
    e = weft__marks_mpi(&mpi);
    if (e == WEFT_OK && mpi.size > 1)
        e = weft__join_world(j, &mpi);
    return e;
}

weft_err weft__boot_join(weft__boot *b, const weft_opts *opts, weft__log *log)
{
    bool alone = false;
    *b = (weft__boot){.size = 1, .local_size = 1};
    weft__joining j = {.boot = b, .opts = opts, .log = log, .choice = WEFT__LINK_ANY};
    weft_err e = read_settings(&j, &alone);
    if (e == WEFT_OK)
        e = join(&j, alone);
    if (e == WEFT_OK)
        return WEFT_OK;
    char why[WEFT__DETAIL_MAX]; /* it outlives what the leaving may say */
    snprintf(why, sizeof why, "%s", weft_detail());
    weft__join_undo(&j);
    weft__boot_leave(b, false);
    return weft__fail(e, "%s", why);
}

weft_err weft__join_open(weft__joining *j, const weft__link_ops *ops)
{
    weft__boot *b = j->boot;
    weft_err e = weft__mail_create(&b->mail, b->rank, b->size, j->log);
    if (e != WEFT_OK)
        return e;
    weft__link_args args = {.rank = b->rank,
                            .size = b->size,
                            .host = weft__mail_host(b->mail),
                            .seg = b->have_seg ? &b->seg : NULL,
                            .mpi = b->mpi,
                            .insecure = j->insecure};
    bool watched = b->have_seg && ops != &weft__link_shm;
    j->slots = watched ? &weft__link_vigil : ops;
    e = watched ? weft__vigil_open(&j->link, ops, &args) : ops->open(&j->link, &args);
    if (e == WEFT_OK) {
        b->ops = ops;
        return WEFT_OK;
    }
    j->link = NULL;
    weft__join_undo(j);
    return e;
}

void weft__join_use(weft__joining *j)
{
    weft__mail_use(j->boot->mail, j->slots, j->link, NULL, NULL);
    j->link = NULL;
}

void weft__join_undo(weft__joining *j)
{
    if (j->link)
        j->slots->close(j->link);
    j->link = NULL;
    j->boot->ops = NULL;
    if (j->boot->mail)
        weft__mail_destroy(&j->boot->mail);
}

weft_err weft__join_zmq(const weft__link_ops **ops)
{
    const weft__plugin *p;
    weft_err e = weft__plugin_load("zmq", &p);
    if (e != WEFT_OK)
        return weft__fail(e, "%s (it is built when libzmq3-dev is installed)", weft_detail());
    *ops = p->link;
    return WEFT_OK;
}

void weft__boot_leave(weft__boot *b, bool lost)
{
    if (b->mail)
        weft__mail_destroy(&b->mail);
    if (b->have_seg) {
        /* The shm link has said it already; others have said it in their own way. */
        if (weft__seg_state(&b->seg, b->rank) == WEFT__RANK_JOINED)
            weft__seg_set_state(&b->seg, b->rank, WEFT__RANK_LEFT);
        weft__seg_close(&b->seg);
        b->have_seg = false;
    }
    if (b->mpi)
        b->mpi_plugin->mpi->leave(&b->mpi, lost);
    b->mpi = NULL;
    b->ops = NULL;
}

int weft__boot_guess_rank(void)
{
    weft__job_mark job;
    weft__mpi_mark mpi;
    bool launched, alone = false;
    if (weft__env_flag("WEFT_ALONE", &alone) == WEFT_OK && alone)
        return 0;
    if (weft__marks_job(&job, &launched) == WEFT_OK && launched)
        return job.rank;
    return weft__marks_mpi(&mpi) == WEFT_OK ? mpi.rank : 0;
}
