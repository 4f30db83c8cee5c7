#include "weft/process.h"

#include <stdlib.h>
#include <string.h>

#include "loop/gate.h"
#include "port/child.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/pipe.h"
#include "port/poller.h"
#include "port/program.h"
#include "port/signals.h"
#include "task/worker.h"
#include "weft/io.h"

_Static_assert(sizeof(void *) != 8 || sizeof(weft_command) == 96, "as it was before it grew");

enum { PATH_LENGTH = 4096 };
/* How long a process that was killed has until it is said that somebody waits for its end. */
static const int64_t patience_ns = 1000000000;

struct weft_process {
    weft *w;
    weft__process child;
    weft_stream *pipe[3]; /* this process's ends; NULL: none */
    weft__gate gate;      /* of weft_process_wait */
    /* Of who is inside of the gate, and of who has closed it. */
    bool ended;
    weft_err how; /* WEFT_OK: `end` says it; WEFT_LOST */
    weft_process_end end;
};

/* What a start holds until the child has it. */
struct start {
    weft__child child;
    weft__process process;
    int theirs[3]; /* the child's ends of pipes; -1: none */
    char path[PATH_LENGTH];
};

static weft_err start_here(void *arg)
{
    struct start *s = arg;
    if (!strchr(s->child.program, '/')) {
        weft_err e = weft__program_find(s->child.program, s->path, sizeof s->path);
        if (e != WEFT_OK)
            return e;
        s->child.program = s->path;
    }
    return weft__child_start(&s->process, &s->child);
}

/* Descriptor `as` of the child is a pipe. */
static weft_err make_pipe(weft_process *p, struct start *s, int as)
{
    int from, to;
    weft_err e = weft__pipe_open(&from, &to);
    if (e != WEFT_OK)
        return e;
    int ours = as == 0 ? to : from;
    s->theirs[as] = s->child.fd[as] = as == 0 ? from : to;
    e = weft_stream_adopt(p->w, &p->pipe[as], ours);
    if (e != WEFT_OK)
        weft__fd_close(ours);
    return e;
}

static weft_err arrange(struct start *s, const weft_stdio *io, int as)
{
    switch (io->kind) {
    case WEFT_STDIO_INHERIT:
        s->child.fd[as] = WEFT__CHILD_SAME;
        return WEFT_OK;
    case WEFT_STDIO_NULL:
        s->child.fd[as] = WEFT__CHILD_NULL;
        return WEFT_OK;
    case WEFT_STDIO_PIPE: /* made later */
        return WEFT_OK;
    case WEFT_STDIO_FD:
        s->child.fd[as] = io->fd;
        if (weft__fd_is_open(io->fd))
            return WEFT_OK;
        return weft__fail(WEFT_INVALID, "start %s: descriptor %d is not open", s->child.program,
                          io->fd);
    case WEFT_STDIO_OUT:
        s->child.fd[as] = WEFT__CHILD_OUT;
        if (as == 2)
            return WEFT_OK;
        break;
    }
    return weft__fail(WEFT_INVALID, "start %s: nothing that descriptor %d could be",
                      s->child.program, as);
}

static weft_err start(weft_process *p, struct start *s, const weft_command *c)
{
    const weft_stdio *io[3] = {&c->in, &c->out, &c->err};
    weft_err e = WEFT_OK;
    /* Pipes last: they may take the number of a descriptor that is not open, and is asked for. */
    for (int i = 0; i < 3 && e == WEFT_OK; i++)
        if (io[i]->kind != WEFT_STDIO_PIPE)
            e = arrange(s, io[i], i);
    for (int i = 0; i < 3 && e == WEFT_OK; i++)
        if (io[i]->kind == WEFT_STDIO_PIPE)
            e = make_pipe(p, s, i);
    if (e == WEFT_OK)
        e = weft_blocking(p->w, start_here, s);
    for (int i = 0; i < 3; i++)
        if (s->theirs[i] >= 0)
            weft__fd_close(s->theirs[i]);
    return e;
}

static void close_pipes(weft_process *p)
{
    for (int i = 0; i < 3; i++)
        weft_close(&p->pipe[i]);
}

weft_err weft_process_start(weft *w, weft_process **p, const weft_command *c)
{
    if (!c->argv || !c->argv[0] || !c->argv[0][0])
        return weft__fail(WEFT_INVALID, "start: the command has no program");
    weft_process *own = calloc(1, sizeof *own);
    struct start *s = malloc(sizeof *s);
    weft_err e = WEFT_OK;
    if (!own || !s) {
        e = weft__fail(WEFT_NOMEM, "start %s: out of memory", c->argv[0]);
        goto done;
    }
    s->child = (weft__child){.program = c->argv[0],
                             .argv = c->argv,
                             .env = c->env,
                             .dir = c->dir,
                             .own_group = c->own_group != 0};
    s->theirs[0] = s->theirs[1] = s->theirs[2] = -1;
    own->w = w;
    weft__gate_init(&own->gate, "process");
    e = start(own, s, c);
    if (e == WEFT_OK) {
        own->child = s->process;
        *p = own;
    } else {
        close_pipes(own);
    }
done:
    free(s);
    if (e != WEFT_OK)
        free(own);
    return e;
}

weft_stream *weft_process_in(const weft_process *p)
{
    return p->pipe[0];
}

weft_stream *weft_process_out(const weft_process *p)
{
    return p->pipe[1];
}

weft_stream *weft_process_err(const weft_process *p)
{
    return p->pipe[2];
}

void weft_process_close_in(weft_process *p)
{
    weft_close(&p->pipe[0]);
}

int weft_process_pid(const weft_process *p)
{
    return p->child.pid;
}

/* Whether it has ended; takes how. For who is inside, and for the closer. */
static weft_err look(weft_process *p)
{
    weft__process_end end;
    if (p->ended)
        return WEFT_OK;
    weft_err e = weft__child_end(&p->child, &end);
    if (e != WEFT_OK && e != WEFT_LOST)
        return e;
    p->ended = true;
    p->how = e;
    if (e == WEFT_OK)
        p->end = (weft_process_end){.code = end.killed ? -1 : end.code,
                                    .signal = end.killed ? end.code : 0};
    return WEFT_OK;
}

/* The caller is inside. */
static weft_err wait_inside(weft_process *p, weft_deadline by)
{
    weft_err e;
    while ((e = look(p)) == WEFT_EMPTY) {
        e = weft_ready(p->child.fd, WEFT_READABLE, by);
        if (e != WEFT_OK)
            return e;
    }
    if (e == WEFT_OK && p->how != WEFT_OK)
        return weft__fail(p->how,
                          "process %d has ended, and how is not known: do not ignore SIGCHLD, and "
                          "wait for no children of others",
                          p->child.pid);
    return e;
}

weft_err weft_process_wait(weft_process *p, weft_process_end *end, weft_deadline by)
{
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "process: %s was cancelled", weft_task_name());
    weft_err e = weft__gate_enter(&p->gate);
    if (e == WEFT_INVALID)
        return weft__fail(e, "process %d: somebody waits for its end already", p->child.pid);
    if (e != WEFT_OK)
        return weft__fail(e, "process %d: it was closed by another task", p->child.pid);
    e = wait_inside(p, by);
    if (e == WEFT_OK)
        *end = p->end;
    else if (e == WEFT_LATE)
        e = weft__fail(e, "process %d: it still runs at the deadline", p->child.pid);
    weft__gate_leave(&p->gate);
    return e;
}

weft_err weft_process_kill(weft_process *p, int signal)
{
    return weft__child_signal(&p->child, signal);
}

/* It outlives SIGKILL, and somebody waits: kill it again, and say so once. */
static void insist(weft_process *p, bool *said)
{
    weft_err e = weft__child_signal(&p->child, weft__signal_kill);
    if (*said || weft__child_ended(&p->child))
        return;
    weft__log_line(
        &p->w->log, WEFT_LOG_WARN,
        "weft_process_close waits for process %d, which was killed and does not end: %s",
        p->child.pid,
        e != WEFT_OK ? weft_detail()
        : p->child.leads
            ? "it is another user's by now, or in the operating system, which may wait for a device"
            : "it is in the operating system, which may wait for a device");
    *said = true;
}

/* After SIGKILL, until nobody is inside and the process has ended. The system needs a moment, and where the task
 * cannot be parked its thread waits. */
static weft_err await_end(void *arg)
{
    weft_process *p = arg;
    bool said = false;
    weft_err e;
    do {
        weft_deadline by = weft_in_ns(patience_ns);
        do
            e = weft__gate_await_by(&p->gate, by);
        while (e != WEFT_OK && e != WEFT_LATE);
        if (e == WEFT_LATE)
            insist(p, &said);
    } while (e != WEFT_OK);
    while (look(p) == WEFT_EMPTY) {
        weft_deadline by = weft_in_ns(patience_ns);
        e = weft_ready(p->child.fd, WEFT_READABLE, by);
        if (e != WEFT_OK && e != WEFT_LATE)
            e = weft__fd_wait(p->child.fd, WEFT__POLL_IN, by.ns);
        if (e == WEFT_LATE)
            insist(p, &said);
    }
    return WEFT_OK;
}

void weft_process_close(weft_process **p)
{
    weft_process *own = *p;
    if (!own)
        return;
    *p = NULL;
    weft__detail kept; /* what it is closed for may still have to be told */
    strcpy(kept.text, weft_detail());
    weft__gate_close(&own->gate);
    (void)weft__child_signal(&own->child, weft__signal_kill);
    (void)weft_shield(await_end, own);
    close_pipes(own);
    weft__child_forget(&own->child);
    free(own);
    (void)weft__fail(WEFT_OK, "%s", kept.text);
}
