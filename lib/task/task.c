/* Tasks: their memory, and how they start, leave and go on. */
#include "task/task.h"

#include <stdlib.h>

#include "port/clock.h"
#include "task/worker.h"

enum { SLAB_TASKS = 128, WORKER_KEEPS = 256, BATCH = 64 };

struct slab {
    struct slab *next;
    weft__task tasks[SLAB_TASKS];
};

void weft__tasks_init(weft__tasks *p)
{
    *p = (weft__tasks){.free = NULL};
}

void weft__tasks_fini(weft__tasks *p)
{
    struct slab *next;
    for (struct slab *s = p->slabs; s; s = next) {
        next = s->next;
        free(s);
    }
    *p = (weft__tasks){.free = NULL};
}

void weft__tasks_each(weft__tasks *p, void (*each)(void *arg, weft__task *t), void *arg)
{
    weft__guard_take(&p->guard);
    struct slab *first = p->slabs;
    weft__guard_drop(&p->guard);
    for (struct slab *s = first; s; s = s->next)
        for (int i = 0; i < SLAB_TASKS; i++)
            if (s->tasks[i].fn)
                each(arg, &s->tasks[i]);
}

/* Guard held. */
static bool add_slab(weft__tasks *p)
{
    struct slab *s = malloc(sizeof *s);
    if (!s)
        return false;
    s->next = p->slabs;
    p->slabs = s;
    p->total += SLAB_TASKS;
    for (int i = SLAB_TASKS - 1; i >= 0; i--) {
        weft_atomic_store(&s->tasks[i].waiter.state, 0, WEFT_RELAXED);
        s->tasks[i].fn = NULL;
        s->tasks[i].next = p->free;
        p->free = &s->tasks[i];
    }
    return true;
}

/* Up to `n` free ones, linked; NULL if there is no memory. */
static weft__task *take_some(weft__tasks *p, uint32_t n, uint32_t *got)
{
    weft__guard_take(&p->guard);
    weft__task *first = p->free || add_slab(p) ? p->free : NULL, *last = first;
    *got = first != NULL;
    while (last && last->next && *got < n) {
        last = last->next;
        ++*got;
    }
    if (last) {
        p->free = last->next;
        last->next = NULL;
    }
    weft__guard_drop(&p->guard);
    return first;
}

static void give_back(weft__tasks *p, weft__task *first, weft__task *last)
{
    weft__guard_take(&p->guard);
    last->next = p->free;
    p->free = first;
    weft__guard_drop(&p->guard);
}

static weft__task *task_alloc(weft *w)
{
    weft__worker *me = weft__worker_of(w);
    uint32_t got;
    if (!me)
        return take_some(&w->tasks, 1, &got);
    if (!me->free_tasks) {
        me->free_tasks = take_some(&w->tasks, BATCH, &got);
        me->frees = got;
    }
    weft__task *t = me->free_tasks;
    if (t) {
        me->free_tasks = t->next;
        me->frees--;
    }
    return t;
}

void weft__task_free(weft__task *t)
{
    weft *w = t->place->rt;
    weft__worker *me = weft__worker_of(w);
    t->fn = NULL;
    if (!me) {
        give_back(&w->tasks, t, t);
        return;
    }
    t->next = me->free_tasks;
    me->free_tasks = t;
    if (++me->frees < WORKER_KEEPS)
        return;
    weft__task *last = t;
    for (int i = 1; i < BATCH; i++)
        last = last->next;
    me->free_tasks = last->next;
    me->frees -= BATCH;
    give_back(&w->tasks, t, last);
}

weft_err weft__task_create(weft__task **out, weft_place *place, weft_fn fn, void *arg,
                           const char *name, const char *where)
{
    weft__task *t = task_alloc(place->rt);
    if (!t)
        return weft__fail(WEFT_NOMEM, "task %s: out of memory", name);
    /* All but the word, which a late waker may touch: W4. */
    t->waiter.kind = place->kind == WEFT__THREADS ? WEFT__WAITER_THREAD : WEFT__WAITER_TASK;
    t->waiter.listed = 0;
    weft_atomic_store(&t->waiter.shields, 0, WEFT_RELAXED);
    t->waiter.scope = NULL;
    t->waiter.name = name;
    t->waiter.what = t->waiter.on = NULL;
    t->next = NULL;
    t->stack = NULL;
    t->place = place;
    t->fn = fn;
    t->arg = arg;
    t->where = where;
    t->host = NULL;
    weft_atomic_store(&t->inside, NULL, WEFT_RELAXED);
    t->result = WEFT_OK;
    t->bodies = 0;
    t->nth = WEFT__NO_CHILD;
    *out = t;
    return WEFT_OK;
}

static void run_on_side(weft__job *job)
{
    weft__side_run(weft__of(job, weft__stack, job)->onboard);
}

static const char *name_on_side(const weft__job *job)
{
    return weft__of(job, weft__stack, job)->onboard->waiter.name;
}

static const weft__job_kind going_on = {run_on_side, "task", name_on_side};

/* Have a side thread go on with `t`, which has a stack. */
static weft_err submit(weft__task *t)
{
    weft__stack *s = t->stack;
    s->onboard = t;
    s->job.kind = &going_on;
    return weft__side_submit(&s->rt->side, &s->job);
}

weft_err weft__task_give_stack(weft__task *t)
{
    weft__stack *s;
    weft_err e = weft__stacks_get(&t->place->rt->stacks, true, &s);
    if (e != WEFT_OK)
        return weft__fail_in(e, "task %s", t->waiter.name);
    s->first = t;
    t->stack = s;
    return WEFT_OK;
}

weft_err weft__task_start(weft__task *t)
{
    if (t->place->kind != WEFT__THREADS) {
        weft__task_ready(t);
        return WEFT_OK;
    }
    weft_err e = weft__task_give_stack(t);
    if (e != WEFT_OK)
        return e;
    weft__stack *s = t->stack;
    e = submit(t);
    if (e != WEFT_OK) {
        s->first = NULL;
        weft__stacks_put(&t->place->rt->stacks, s);
    }
    return e;
}

void weft__task_ready(weft__task *t)
{
    if (t->place->kind == WEFT__LOOP)
        weft__strand_push(t->place->rt, t);
    else
        weft__make_work(t->place->rt, t);
}

weft *weft_here(void)
{
    return weft__here()->me ? weft__stack_here()->rt : NULL;
}

weft_err weft_sleep(weft_deadline by)
{
    weft__waiter *self = weft__self();
    weft__scope_list(self);
    self->what = "sleep";
    while (!weft__cancelled(self) && weft__clock_ns() < by.ns) {
        weft__park(self, by);
        weft__told(self);
    }
    self->what = NULL;
    return weft__cancelled(self) ? WEFT_CANCELLED : WEFT_OK;
}

bool weft_cancelled(void)
{
    return weft__cancelled(weft__self());
}

const char *weft_task_name(void)
{
    return weft__self()->name;
}

weft_err weft_shield(weft_fn fn, void *arg)
{
    weft__waiter *self = weft__self();
    uint16_t shields = weft_atomic_load(&self->shields, WEFT_RELAXED);
    if (shields == 0 && weft__here()->me) {
        weft__forks *f = &weft__stack_here()->forks;
        weft_atomic_store(&weft__of(self, weft__task, waiter)->shielded_from,
                          (uint32_t)(f->here.head - f->slots), WEFT_RELAXED);
    }
    /* pairs with covers() in scope.c: from where on */
    weft_atomic_store(&self->shields, (uint16_t)(shields + 1), WEFT_RELEASE);
    weft_err e = fn(arg);
    weft_atomic_store(&self->shields, shields, WEFT_RELAXED);
    return e;
}

/* What happens to the task that moved once its stack is left. */
static void after_move(void *arg)
{
    weft__task *t = arg;
    if (t->place->kind != WEFT__THREADS) {
        weft__task_ready(t);
        return;
    }
    t->waiter.kind = WEFT__WAITER_THREAD;
    weft_err e = submit(t);
    if (e == WEFT_OK)
        return;
    /* `t` goes on where it was, and says so. */
    t->waiter.kind = WEFT__WAITER_TASK;
    t->place = t->arg;
    t->result = e;
    weft__task_ready(t);
}

weft_err weft_move(weft_place *place)
{
    weft__waiter *self = weft__self();
    struct weft__record *h = weft__here();
    if (!h->me)
        return weft__fail(WEFT_INVALID, "weft_move: this thread is not a task");
    weft__task *t = weft__of(self, weft__task, waiter);
    weft__stack *s = weft__stack_here();
    if (t == &s->guest)
        return weft__fail(WEFT_INVALID, "weft_move: task %s is a forked child", self->name);
    if (s->forks.here.inside > 0)
        return weft__fail(WEFT_INVALID,
                          "weft_move: task %s is in a forked child that its join calls",
                          self->name);
    if (t->bodies > 0)
        return weft__fail(WEFT_INVALID, "weft_move: task %s is in the body of a loop", self->name);
    if (!weft__forks_none(&s->forks))
        return weft__fail(WEFT_INVALID, "weft_move: task %s has forks that it did not join",
                          self->name);
    if (place->rt != s->rt)
        return weft__fail(WEFT_INVALID, "weft_move: the place is of another runtime");
    return place == t->place ? WEFT_OK : weft__move(t, place);
}

weft_err weft__move(weft__task *t, weft_place *place)
{
    weft__stack *s = weft__stack_here();
    /* While it moves these fields are free: what it runs has begun, and its end is not there yet. */
    t->arg = t->place;
    t->result = WEFT_OK;
    t->place = place;
    t->stack = s;
    weft__forks_shut(&s->forks);
    t->waiter.kind = WEFT__WAITER_TASK;
    if (!s->worker)
        weft__leave_thread(s, after_move, t);
    else if (!weft__leave_for_next(t, after_move)) {
        t->place = t->arg;
        t->result = WEFT_NOMEM;
    }
    weft_err e = t->result;
    t->result = WEFT_OK;
    if (e == WEFT_OK)
        return WEFT_OK;
    return weft__fail(e, "weft_move: task %s: no thread or no stack", t->waiter.name);
}
