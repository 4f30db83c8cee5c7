#include <stdio.h>
#include <stdlib.h>

#include "event.h"
#include "job.h"
#include "port/fd.h"
#include "port/pipe.h"
#include "team/boot.h"

/* Let the segment and the bells be inherited, one behind the other. */
static weft_err row_of(weft__seg *s)
{
    int *fds = malloc(((size_t)s->ranks + 1) * sizeof *fds);
    if (!fds)
        return weft__fail(WEFT_NOMEM, "no memory for %d descriptors", s->ranks);
    fds[0] = s->fd;
    for (int i = 0; i < s->ranks; i++)
        fds[i + 1] = s->bells[i];
    weft_err e = weft__fd_row(fds, s->ranks + 1);
    if (e == WEFT_OK) {
        s->fd = fds[0];
        for (int i = 0; i < s->ranks; i++)
            s->bells[i] = fds[i + 1];
    }
    free(fds);
    return e;
}

static weft_err start_process(weft__job *job, int rank, int in, int out, int err)
{
    char variable[64];
    const weft__place_plan *place = &job->plan.place[rank];
    snprintf(variable, sizeof variable, WEFT__JOB_VARIABLE "=%d:%d:%d", rank, job->seg.fd,
             job->seg.bells[0]);
    weft__spawn how = {.program = job->program,
                       .argv = job->argv,
                       .variable = variable,
                       .in = in,
                       .out = out,
                       .err = err,
                       .cpus = place->bound ? &place->cpus : NULL,
                       .descriptors = job->descriptors,
                       .group_at = &job->guard.groups[rank]};
    weft__process *p = &job->rank[rank].process;
    weft_err e = weft__spawn_start(p, &how);
    if (e != WEFT_OK)
        return e;
    weft__seg_rank_of(&job->seg, rank)->pid = p->pid;
    job->rank[rank].running = true;
    job->running++;
    job->started++;
    return weft__poller_set(&job->poller, p->fd, WEFT__POLL_IN,
                            weft__event_key(WEFT__EVENT_RANK, rank));
}

static weft_err start_rank(weft__job *job, int rank, int in)
{
    int out[2], err[2];
    weft_err e = weft__pipe_open(&out[0], &out[1]);
    if (e != WEFT_OK)
        return e;
    e = weft__pipe_open(&err[0], &err[1]);
    if (e != WEFT_OK) {
        weft__fd_close(out[0]);
        weft__fd_close(out[1]);
        return e;
    }
    e = weft__output_add(&job->output, rank, out[0], err[0]);
    if (e == WEFT_OK)
        e = start_process(job, rank, in, out[1], err[1]);
    weft__fd_close(out[1]);
    weft__fd_close(err[1]);
    return e;
}

weft_err weft__ranks_start(weft__job *job)
{
    int in;
    weft_err e = row_of(&job->seg);
    if (e == WEFT_OK)
        e = weft__input_open(&job->input, &job->poller, &in);
    if (e != WEFT_OK)
        return e;
    for (int r = 0; r < job->ranks && e == WEFT_OK; r++)
        e = start_rank(job, r, r == 0 ? in : -1);
    if (in != 0)
        weft__fd_close(in);
    return e;
}

void weft__ranks_signal(const weft__job *job, int signal)
{
    for (int r = 0; r < job->ranks; r++)
        if (job->rank[r].running)
            weft__group_signal(job->rank[r].process.pid, signal);
}
