/* Parallel loops, on fork-join. Whoever runs a part of a loop runs it from the left, chunk by chunk. What
 * others may take is the right half of what is left: forked off when there is nothing to take yet.
 *
 * L1 The parts of one runner lie next to each other: the one that it runs, then those in `out` from the
 *    youngest to the oldest. So it comes to them in their order, and what it adds up is always a range
 *    without a gap, to which the next part is added at the right.
 * L2 A part that nobody took is gone on with, in the same accumulator and without a call; so a loop needs
 *    no more stack than one runner, however long it is. One that was taken has its own accumulator.
 * L3 The first error is the loop's: who sets `error` writes `detail`, which is read when all is joined.
 */
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "port/err.h"
#include "task/worker.h"
#include "weft/par.h"

/* Parts that a runner has forked off and not joined; and the largest accumulator that lies with them. */
enum { OUT = 16, ROOM = 64 };
/* An automatic chunk takes about as long: the clock is read once for each, and it is so long that
 * somebody who asks for work may have to wait. */
static const int64_t chunk_ns = 10000;
/* A loop is worth a wake, which takes some microseconds, once it ran for so long and seems to take so
 * long in all. */
static const int64_t soon_ns = 2000, worth_ns = 10000;
/* With so few iterations to a worker even the first is worth one. */
enum { FEW = 8 };

static const char no_room[] = "weft_reduce: out of memory for an accumulator";

typedef struct loop {
    const char *verb; /* of the public function */
    weft_body body;   /* or, with a reducer, the fold */
    weft_fold fold;
    const weft_reducer *reducer; /* or NULL */
    void *arg;
    uint64_t grain;         /* 0: automatic */
    WEFT_ATOMIC(int) error; /* a weft_err; L3 */
    char *detail;
} loop;

/* A part that was forked off. Lives in the frame of its runner; who takes it writes `acc` and `room`. */
typedef struct part {
    weft_child child;
    loop *loop;
    int64_t begin;
    uint64_t left;
    uint64_t chunk; /* as long as they are at present */
    void *acc;      /* room, or memory of its own; NULL: there was none */
    _Alignas(max_align_t) char room[ROOM];
} part;

typedef struct runner {
    loop *loop;
    int64_t begin;
    uint64_t left, chunk;
    void *acc;
    bool parallel;       /* others may take parts */
    bool worth;          /* so it may fork */
    int64_t began, last; /* when it did, and when the last chunk ended */
    uint64_t total;      /* what it had at first */
    int outs;
    part out[OUT];
} runner;

/* L3 */
static void fail(loop *l, weft_err e, const char *detail)
{
    int none = WEFT_OK;
    /* pairs with over(), which needs no more than to see it some time */
    if (weft_atomic_cas(&l->error, &none, (int)e, WEFT_RELAXED, WEFT_RELAXED) && detail)
        l->detail = strdup(detail); /* without it only the text is missing */
}

/* Whether no further chunk may begin. */
static bool over(loop *l)
{
    if (weft_atomic_load(&l->error, WEFT_RELAXED) != WEFT_OK) /* pairs with fail() */
        return true;
    if (!weft__cancelled(weft__self()))
        return false;
    fail(l, WEFT_CANCELLED, NULL);
    return true;
}

/* An accumulator for no iteration: `room`, or memory of its own. NULL: there is none. */
static void *acc_make(loop *l, char *room)
{
    const weft_reducer *r = l->reducer;
    void *acc = !r || r->size <= ROOM ? room : malloc(r->size);
    if (acc && r)
        r->identity(acc, l->arg);
    return acc;
}

static void acc_free(void *acc, const char *room)
{
    if (acc != room)
        free(acc);
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Counting up from any number to any other does not fit into an int64_t. */
static int64_t ahead(int64_t begin, uint64_t by)
{
    return (int64_t)((uint64_t)begin + by);
}

static weft_err run_part(void *arg);

/* Fork off the right half, in whole chunks if their length was given. */
static void split(runner *r)
{
    loop *l = r->loop;
    uint64_t keep = r->left / 2;
    if (l->grain > 0)
        keep = (r->left / l->grain + (r->left % l->grain > 0)) / 2 * l->grain;
    else if (r->left <= r->chunk / 2)
        return;
    if (keep == 0)
        return;
    part *p = &r->out[r->outs++];
    p->loop = l;
    p->begin = ahead(r->begin, keep);
    p->left = r->left - keep;
    p->chunk = r->chunk;
    r->left = keep;
    weft__fork(&p->child, run_part, p);
    weft__fork_publish(
        &weft__stack_here()->forks); /* it must not wait until a long chunk is over */
}

/* Before a chunk: see to it that others find something. */
static void offer(runner *r)
{
    weft__forks *f = &weft__stack_here()->forks;
    if (weft__forks_bare(f)) {
        if (r->worth && r->outs < OUT)
            split(r);
    } else if (weft__forks_hungry(f)) {
        weft__fork_serve(f);
    }
}

/* After a chunk: how long the next should be, and whether the loop is worth a fork by now. */
static void pace(runner *r)
{
    int64_t now = weft__clock_ns(), took = now - r->last, all = now - r->began;
    r->last = now;
    if (took <= chunk_ns / 128 && r->chunk <= UINT64_MAX / 64)
        r->chunk *= 64;
    else if (took <= chunk_ns / 8 && r->chunk <= UINT64_MAX / 8)
        r->chunk *= 8;
    else if (took <= chunk_ns / 2 && r->chunk <= UINT64_MAX / 2)
        r->chunk *= 2;
    else if (took > 2 * chunk_ns && r->chunk > 1)
        r->chunk /= 2;
    if (r->parallel && !r->worth && all >= soon_ns) {
        double done = (double)(r->total - r->left);
        r->worth = (double)all / done * (double)r->total >= (double)worth_ns;
    }
}

static void run_chunk(runner *r)
{
    loop *l = r->loop;
    uint64_t n = at_most(r->chunk, r->left);
    int64_t begin = r->begin, end = ahead(begin, n);
    r->begin = end;
    r->left -= n;
    weft_err e = l->reducer ? l->fold(begin, end, r->acc, l->arg) : l->body(begin, end, l->arg);
    if (e != WEFT_OK)
        fail(l, e, weft_detail());
    else if (l->grain == 0 && (r->left > 0 || r->outs > 0))
        pace(r);
}

/* The youngest part that is out: to be gone on with, or to be waited for and added. L1, L2 */
static void join(runner *r)
{
    loop *l = r->loop;
    part *p = &r->out[--r->outs];
    if (weft__join_pop((uintptr_t)&p->child, l->verb)) {
        r->begin = p->begin;
        r->left = p->left;
        return;
    }
    if (l->reducer && p->acc && weft_atomic_load(&l->error, WEFT_RELAXED) == WEFT_OK)
        l->reducer->combine(r->acc, p->acc, l->arg);
    acc_free(p->acc, p->room);
    if (l->grain == 0)
        r->last = weft__clock_ns();
}

static void run(runner *r)
{
    if (r->loop->grain == 0)
        r->began = r->last = weft__clock_ns();
    for (;;) {
        while (r->left > 0 && !over(r->loop)) {
            if (r->parallel)
                offer(r);
            run_chunk(r);
            weft__tick(weft__here());
        }
        r->left = 0;
        if (r->outs == 0)
            return;
        join(r);
    }
}

/* As the child of another runner. */
static weft_err run_part(void *arg)
{
    part *p = arg;
    loop *l = p->loop;
    runner r;
    p->acc = acc_make(l, p->room);
    if (!p->acc)
        fail(l, WEFT_NOMEM, no_room);
    r.loop = l;
    r.begin = p->begin;
    r.left = r.total = p->left;
    r.chunk = p->chunk;
    r.acc = p->acc;
    r.parallel = r.worth = true;
    r.outs = 0;
    run(&r);
    return WEFT_OK;
}

/* The whole loop, by the caller: a task at the place of the loop. */
static void run_all(loop *l, int64_t begin, uint64_t n, void *acc)
{
    weft__stack *s = weft__stack_here();
    weft__task *me = weft__of(weft__self(), weft__task, waiter);
    runner r;
    r.loop = l;
    r.begin = begin;
    r.left = r.total = n;
    r.chunk = l->grain > 0 ? l->grain : 1;
    r.acc = acc;
    r.parallel = weft__fork_parallel(s);
    r.worth = r.parallel && (l->grain > 0 || n <= (uint64_t)s->rt->workers * FEW);
    r.outs = 0;
    me->bodies++;
    run(&r);
    me->bodies--;
}

/* A loop that is to be run at another place. */
struct errand {
    loop *loop;
    int64_t begin;
    uint64_t n;
    void *acc;
};

static weft_err run_errand(void *arg)
{
    struct errand *x = arg;
    run_all(x->loop, x->begin, x->n, x->acc);
    return WEFT_OK;
}

static weft_err send(weft_place *place, loop *l, int64_t begin, uint64_t n, void *acc)
{
    weft_scope s;
    struct errand x = {l, begin, n, acc};
    weft_scope_init(&s, place, l->verb);
    weft_err e = weft_scope_go(&s, run_errand, &x, l->verb);
    if (e == WEFT_OK)
        e = weft_scope_join(&s, WEFT_FOREVER);
    weft_scope_fini(&s);
    return e;
}

/* What the loop came to; all is joined. */
static weft_err outcome(const loop *l)
{
    weft_err e = (weft_err)weft_atomic_load(&l->error, WEFT_RELAXED);
    if (e == WEFT_OK)
        return e;
    if (e == WEFT_CANCELLED && !l->detail)
        return weft__fail(e, "%s: %s was cancelled", l->verb, weft_task_name());
    return weft__fail(e, "%s", l->detail ? l->detail : "");
}

/* Run it where it belongs. */
static weft_err run_at(weft_place *place, loop *l, int64_t begin, int64_t end, void *acc)
{
    uint64_t n = begin < end ? (uint64_t)end - (uint64_t)begin : 0;
    weft_err e = WEFT_OK;
    if (n == 0)
        return e;
    if (weft__here()->me && weft__of(weft__self(), weft__task, waiter)->place == place)
        run_all(l, begin, n, acc);
    else
        e = send(place, l, begin, n, acc);
    if (e == WEFT_OK)
        e = outcome(l);
    free(l->detail);
    return e;
}

static weft_err check(const char *verb, const weft_place *place, int64_t grain)
{
    if (!place)
        return weft__fail(WEFT_INVALID, "%s: no place: pass weft_pool(w)", verb);
    if (grain < 0)
        return weft__fail(WEFT_INVALID,
                          "%s: a grain of %lld: pass how many iterations a chunk has, or 0", verb,
                          (long long)grain);
    return WEFT_OK;
}

weft_err weft_for(weft_place *place, int64_t begin, int64_t end, int64_t grain, weft_body body,
                  void *arg)
{
    weft_err e = check("weft_for", place, grain);
    if (e != WEFT_OK)
        return e;
    loop l = {.verb = "weft_for", .body = body, .arg = arg, .grain = (uint64_t)grain};
    return run_at(place, &l, begin, end, NULL);
}

weft_err weft_reduce(weft_place *place, int64_t begin, int64_t end, int64_t grain,
                     const weft_reducer *r, weft_fold fold, void *result, void *arg)
{
    _Alignas(max_align_t) char room[ROOM];
    weft_err e = check("weft_reduce", place, grain);
    if (e != WEFT_OK)
        return e;
    if (!r || r->size == 0 || !r->identity || !r->combine)
        return weft__fail(WEFT_INVALID, "weft_reduce: the reducer needs a size, identity and "
                                        "combine");
    loop l = {
        .verb = "weft_reduce", .fold = fold, .reducer = r, .arg = arg, .grain = (uint64_t)grain};
    void *acc = acc_make(&l, room);
    if (!acc)
        return weft__fail(WEFT_NOMEM, "%s", no_room);
    e = run_at(place, &l, begin, end, acc);
    if (e == WEFT_OK)
        memcpy(result, acc, r->size);
    acc_free(acc, room);
    return e;
}
