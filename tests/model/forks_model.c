/* A task's deque of children: each runs once, its parent sees what it did, and no join waits for ever. The
 * owner is a worker whose waiting is the model's own; fork.h, forks.h and fork.c are the library's. */
#include <string.h>

#include "model/checker.h"
#include "model/port.h"
#include "task/worker.h"

enum { WORKERS = 3, CHILDREN = 8, PARENTS = 6 }; /* from PARENTS on they have children in tree() */

struct child {
    weft_child c;
    model_plain given, made;
    int runs;
};

static weft rt;
static weft__worker workers[WORKERS];
static weft__stack stacks[WORKERS];
static weft__task root;
static struct child child[CHILDREN];

/* What the library asks of others. */
void weft__poll_turn(weft *w, int64_t now)
{
    (void)w, (void)now;
}

void weft__yield_now(weft__stack *s)
{
    (void)s;
    require(false); /* nothing else is ready here */
}

void weft__wake_slow(weft *w)
{
    (void)w;
}

void weft__scope_unlist(weft__task *t)
{
    (void)t;
}

const char *weft_task_name(void)
{
    return "task";
}

bool weft__scope_relays(weft__waiter *self)
{
    (void)self;
    return false;
}

bool weft__scope_relay(weft__waiter *self)
{
    (void)self;
    return true;
}

/* As in wait.c and worker.c: a stack is left with its children for others. */
weft_err weft__park(weft__waiter *self, weft_deadline by)
{
    weft__stack *s = weft__stack_here();
    (void)by;
    weft__fork_leave(s);
    while (weft_atomic_load(&self->state, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&self->state, 0, INT64_MAX, false);
    if (s->listed)
        weft__fork_back(s);
    return WEFT_OK;
}

uint32_t weft__told(weft__waiter *self)
{
    uint32_t told = weft_atomic_load(&self->state, WEFT_ACQUIRE);
    if (told != 0)
        weft_atomic_store(&self->state, 0, WEFT_RELAXED);
    return told;
}

void weft__grant(weft__waiter *w)
{
    require(weft_atomic_exchange(&w->state, WEFT__GRANTED, WEFT_RELEASE) == 0);
    weft__futex_wake(&w->state, 1, false);
}

static weft_err work(void *arg)
{
    struct child *k = arg;
    require(k >= child && k < child + CHILDREN); /* a child that was run has its result there */
    require(k->runs++ == 0);
    model_write(&k->made, model_read(&k->given) + 1);
    return WEFT_OK;
}

static void forks_as(int i, weft_fn fn)
{
    child[i].runs = 0;
    model_write(&child[i].given, 10 + i);
    weft_fork(&child[i].c, fn, &child[i]);
}

static void joins_as(int i, weft_fn fn)
{
    require(weft_join(&child[i].c, fn) == WEFT_OK);
    require(child[i].runs == 1);
    require(model_read(&child[i].made) == (uint64_t)(11 + i));
    /* The child is its parent's again, whoever ran it. */
    memset(&child[i].c, 0xee, sizeof child[i].c);
    model_write(&child[i].given, 0);
    model_write(&child[i].made, 0);
}

static void forks(int i)
{
    forks_as(i, work);
}

static void joins(int i)
{
    joins_as(i, work);
}

/* What a thief has is a child, and it sees what the parent wrote; only then is the child called. */
static void runs(int i, const weft__stolen *out)
{
    size_t at = out->child - (uintptr_t)child, k = at / sizeof *child;
    require(k < CHILDREN && at % sizeof *child == 0);
    require(model_read(&child[k].given) == 10 + k);
    weft__fork_run(&stacks[i], out);
}

static void steals(int i)
{
    weft__stolen out;
    if (weft__fork_steal(&workers[i], &out))
        runs(i, &out);
}

/* No more than a theft from the owner. */
static void takes(int i)
{
    weft__stolen out = {.parent = &root};
    out.child = weft__forks_steal(&stacks[0].forks, &out.slot);
    if (out.child)
        runs(i, &out);
}

static void reset(void)
{
    memset(&rt, 0, sizeof rt);
    memset(&root, 0, sizeof root);
    model_port_reset();
    rt.workers = WORKERS;
    rt.worker = workers;
    rt.steal_span = 4;
    rt.pool = (weft_place){&rt, WEFT__POOL};
    weft__list_init(&rt.idle.left);
    root.place = &rt.pool;
    root.waiter.name = "root";
    for (int i = 0; i < WORKERS; i++) {
        workers[i].rt = &rt;
        workers[i].index = i;
        memset(&stacks[i], 0, sizeof stacks[i]);
        stacks[i].rt = &rt;
        stacks[i].worker = &workers[i];
        stacks[i].forks.here.me = &workers[i].waiter;
        stacks[i].forks.here.detail = &stacks[i].detail;
        weft__list_init(&stacks[i].left);
        weft__forks_shut(&stacks[i].forks);
        weft_atomic_store(&workers[i].stack, &stacks[i], WEFT_RELAXED);
        model_here(i, &stacks[0].forks.here);
    }
    stacks[0].forks.here.me = &root.waiter;
}

/* From here on each thread is its own worker. */
static void settle(void)
{
    for (int i = 0; i < WORKERS; i++)
        model_here(i, &stacks[i].forks.here);
}

static void fresh(void)
{
    reset();
    settle();
}

/* The first fork gives the deque its slots. With somebody who asked, it is shared. */
static void begin(bool asked, int n)
{
    reset();
    weft_atomic_store(&stacks[0].forks.asked, asked, WEFT_RELAXED);
    for (int i = 0; i < n; i++) {
        forks(i);
        if (asked)
            weft__forks_ask(&stacks[0].forks);
    }
}

/* Nothing is out, but there are slots. */
static void none(void)
{
    begin(false, 1);
    joins(0);
    settle();
}

static void one_shared(void)
{
    begin(true, 1);
    settle();
}

static void two_shared(void)
{
    begin(true, 2);
    settle();
}

static void one_private(void)
{
    begin(false, 1);
    settle();
}

static void end(void)
{
    require(weft__forks_none(&stacks[0].forks));
    require(rt.idle.left.next == &rt.idle.left);
}

/* The join and the thief both want it. */
static void one(int i)
{
    if (i > 0)
        takes(i);
    else
        joins(0);
}

/* A thief asks; the next fork or join answers. */
static void asked(int i)
{
    if (i > 0) {
        weft__forks_ask(&stacks[0].forks);
        takes(i);
        return;
    }
    forks(1);
    joins(1);
    joins(0);
}

/* A thief gets a child that it has not seen being forked. */
static void shared(int i)
{
    if (i > 0) {
        weft__forks_ask(&stacks[0].forks);
        takes(i);
        return;
    }
    forks(1);
    forks(2);
    joins(2);
    joins(1);
}

/* The slot of a child that was taken is used again. */
static void again(int i)
{
    if (i > 0) {
        takes(i);
        takes(i);
        return;
    }
    joins(0);
    forks(1);
    joins(1);
}

/* Joined in the order of the forks. */
static void order(int i)
{
    if (i > 0) {
        takes(i);
        return;
    }
    joins(0);
    joins(1);
}

/* More than the deque has room for, two rounds, and children that fork. */
static void many(int i)
{
    if (i > 0) {
        for (int n = 0; n < 4; n++)
            steals(i);
        return;
    }
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 3; k++)
            forks(k);
        joins(2);
        forks(3);
        joins(0);
        forks(4);
        joins(4);
        joins(3);
        joins(1);
    }
}

static weft_err parent(void *arg)
{
    struct child *k = arg;
    int first = 2 * ((int)(k - child) - PARENTS);
    forks(first);
    forks(first + 1);
    joins(first + 1);
    joins(first);
    return work(arg);
}

/* Children that have children. */
static void tree(int i)
{
    if (i > 0) {
        for (int n = 0; n < 5; n++)
            steals(i);
        return;
    }
    forks_as(PARENTS, parent);
    forks_as(PARENTS + 1, parent);
    joins_as(PARENTS + 1, parent);
    joins_as(PARENTS, parent);
}

const model models[] = {{"forks.one", 2, one_shared, one, end},
                        {"forks.asked", 2, one_private, asked, end},
                        {"forks.shared", 2, none, shared, end},
                        {"forks.again", 2, one_shared, again, end},
                        {"forks.order", 2, two_shared, order, end},
                        {"forks.thieves", 3, two_shared, order, end},
                        {"forks.many", 3, fresh, many, end},
                        {"forks.tree", 3, fresh, tree, end},
                        {NULL, 0, NULL, NULL, NULL}};
