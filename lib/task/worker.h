/* task/worker.h: the engine: workers that run tasks, and how they sleep.
 *
 * A worker is a thread that runs on pooled stacks. At the base of each is the scheduler loop
 * (weft__serve); it calls a fresh task like any function. A task that has to wait leaves the stack to
 * itself: its worker goes on with a stack whose task is ready, or with a spare one, at whose base the
 * loop goes on. What must happen once the stack is left (publish the task as parked, queue it, give the
 * stack back) is done by the one that goes on, on its new stack, never before. So whatever stands on a
 * stack asks for its worker anew after every call that may wait: the stack's record tells.
 *
 * Sleeping. Each line pairs two sides of one store-then-load.
 * I1 A worker that sleeps is in idle.asleep until somebody takes it out; only who takes it out wakes
 *    it. While any worker sleeps, one of them holds the poll token and sleeps in the poller, or one
 *    that is awake will look for the token before it sleeps.
 * I2 Going to sleep: enter idle.asleep, stop counting as a searcher, ask all deques, then the heavy
 *    barrier, then look at every ring, deque and the inbox. Making work: publish it, then read `sleepers`
 *    with no more than the light barrier between; and if there are any, a full one, and read `searching`.
 *    A searcher that is counted on looks again after it stopped counting.
 * I3 Giving up the token: clear it, then look whether somebody sleeps, and wake one. Going to sleep:
 *    enter idle.asleep, then try for the token.
 * I4 Sleeping in the poller: store the deadline, then read the earliest timers and arm the sources.
 *    Adding a timer, or work of a source: publish it, then read the deadline, and ring if it is later.
 */
#ifndef WEFT_TASK_WORKER_H
#define WEFT_TASK_WORKER_H

#include "base/log.h"
#include "port/poller.h"
#include "port/thread.h"
#include "task/ring.h"
#include "task/side.h"
#include "task/source.h"
#include "task/stack.h"
#include "task/task.h"
#include "task/timer.h"
#include "weft/rt.h"

typedef struct weft__worker {
    weft__ring ready; /* tasks that go on: each has a stack. And the loop's carrier */
    weft__ring fresh; /* tasks that have not begun */
    weft__ring spent; /* tasks that go on, and have computed while others waited for the world */
    weft *rt;
    int index;
    WEFT_ATOMIC(weft__stack *) stack; /* on which it runs; written by it, read by thieves */
    weft__waiter waiter;              /* as which its scheduler takes guards and sets details */
    weft__context native;             /* its thread's own stack, while it works */
    weft__stack *spare;               /* stacks to go on with, at their base */
    uint32_t spares;
    weft__task *free_tasks;
    uint32_t frees;
    weft__scope *ended_of; /* tasks of this scope ended and have not been counted out yet */
    uint32_t ended;
    bool searching;   /* counted in idle.searching */
    bool fresh_first; /* somebody yielded to those that have not begun */
    bool carrying;    /* it runs the tasks of the loop */
    int loop_left;    /* so many more of them before others have a turn */
    uint32_t turns;
    int until_look, look_every; /* turns until the world is looked at, and from look to look */
    int64_t looked;             /* when it was */
    int64_t stole, steal_every; /* when it last took tasks from another, and when it may again */
    uint32_t hauled;            /* how many it took then */
    weft__list asleep;          /* in idle.asleep; under its guard */
    bool in_poller;             /* how to wake it; under idle.guard */
    weft__futex woken; /* 0 while it sleeps on it; set to 1 by who took it out of idle.asleep */
    /* For the watchdog, if there is one: what runs, and a number that changes whenever that does. */
    WEFT_ATOMIC(const char *) running;
    WEFT_ATOMIC(uint32_t) beat;
    bool beats;
    weft__thread thread; /* of all but a worker that runs on the program's main thread */
    bool bound;
    int cpu;
    weft__timers
        timers; /* of tasks that went to sleep on it; the last: most of it is never touched */
} __attribute__((aligned(64))) weft__worker;

/* Who sleeps and who looks for work. */
typedef struct weft__idle {
    weft__guard guard;
    weft__list asleep; /* last in, first out */
    WEFT_ATOMIC(uint32_t) sleepers;
    WEFT_ATOMIC(uint32_t) searching;
    bool light; /* the heavy barrier works: who makes work needs no fence */
    /* Stacks that parked with children others may take. */
    weft__list left;
    WEFT_ATOMIC(uint32_t) lefts;
} weft__idle;

/* The watchdog (hog.c). */
typedef struct weft__hog {
    int64_t after_ns;            /* a task that computes for longer without a wait is named */
    struct weft__hog_seen *seen; /* one for each worker */
    weft__thread thread;
    bool on;
    weft__futex stop;
} weft__hog;

/* Tasks that no worker has taken yet: from other threads, and what found no room in a ring. */
typedef struct weft__inbox {
    weft__guard guard;
    weft__task *first, *last;
    WEFT_ATOMIC(uint32_t) count; /* written under the guard; read by those who look for work: I2 */
} weft__inbox;

/* The poll token and what its holder looks after. */
typedef struct weft__poll {
    weft__poller poller;
    WEFT_ATOMIC(uint32_t) token; /* 1 while somebody holds it; what follows is the holder's */
    weft__poll_event events[WEFT__POLL_BATCH]; /* not on its stack, which may soon be a task's */
    weft__detail detail;                       /* of what is served on the stack of some task */
    int64_t last;                              /* when the poller was last asked */
    uint64_t returns; /* how often a sleep in the poller ended: none of an idle process's */
    int64_t kept;     /* when all wheels were last told what time it is */
    weft__list sources;
    /* Until when the holder sleeps; INT64_MIN: it does not. I4. */
    WEFT_ATOMIC(int64_t) sleeps_until;
    WEFT_ATOMIC(uint32_t) watched; /* descriptors that are waited for */
    void (*ready)(weft *w, uint64_t key,
                  unsigned what); /* loop/ready.c, for all keys but sources' */
} weft__poll;

/* The loop: tasks that run one at a time (place.c). */
typedef struct weft__strand {
    /* Tasks that became ready, last in first out; or &idle_mark while nobody carries the loop. */
    WEFT_ATOMIC(weft__task *) inbox;
    weft__task *first, *last; /* in order; of the worker that carries */
    weft__task carrier;       /* who takes it from a ring carries the loop */
} weft__strand;

struct weft {
    weft__log log;
    int rank, size;
    int terminal;

    int workers;
    weft__worker *worker; /* `workers` of them */
    bool crowded;         /* more workers than CPUs on this host: never spin */
    int steal_span;       /* the power of two that is not below `workers` */
    weft_place pool, loop, threads;
    weft__inbox inbox;
    weft__strand strand;
    weft__idle idle;
    weft__poll poll;
    weft__stacks stacks;
    weft__tasks tasks;
    weft__side side;
    weft__hog hog;
    WEFT_ATOMIC(uint32_t) stopping;

    /* Of the layers above. */
    struct weft__readiness *readiness; /* loop/ */
    struct weft__boot *boot;           /* rt/ */
    weft_team *team;
    weft__source link; /* the mail, as a source */
};

typedef struct weft__engine_opts {
    int workers;
    bool crowded;
    size_t stack_size;
    size_t large_stack;   /* of the root task and of tasks that have a thread */
    size_t max_stacks;    /* 0: WEFT__STACKS_MOST */
    bool unguarded;       /* no guard pages */
    bool report_overflow; /* handle its signal */
    const int *cpu;       /* worker i is bound to CPU cpu[i]; NULL: none is bound */
} weft__engine_opts;

/* Prepare `w` (zeroed but for log and rank); no thread is started yet. */
weft_err weft__engine_open(weft *w, const weft__engine_opts *opts);
/* Start the threads of the workers from number `first` on. */
weft_err weft__engine_start(weft *w, int first);
/* Be worker 0 on the calling thread until the engine is told to stop. */
void weft__engine_work(weft *w);
/* Tell all workers to stop; may be called by a task. */
void weft__engine_halt(weft *w);
/* Wait for the threads that were started, from number `first` on. */
void weft__engine_join(weft *w, int first);
void weft__engine_close(weft *w);

/* How many tasks are there that have not ended; with all workers stopped. */
int64_t weft__engine_tasks(weft *w);

/* The worker that the caller runs on, or NULL. Never remembered across a wait (R1). */
static inline weft__worker *weft__worker_self(void)
{
    struct weft__record *h = weft__here();
    return h->me ? ((weft__stack *)(void *)h)->worker : NULL;
}
/* The one it runs on, if that serves `w`. */
static inline weft__worker *weft__worker_of(weft *w)
{
    weft__worker *me = weft__worker_self();
    return me && me->rt == w ? me : NULL;
}
/* Whether there is something in its rings. Any worker; I2. */
static inline bool weft__worker_has_any(weft__worker *k)
{
    return weft__ring_length(&k->ready) != 0 || weft__ring_length(&k->fresh) != 0 ||
           weft__ring_length(&k->spent) != 0;
}
/* The scheduler loop, at the base of `stack`. */
_Noreturn void weft__serve(void *stack);
/* Work on the calling thread until the engine is told to stop. */
void weft__worker_run(weft__worker *me);
/* Run `t`, which was never begun, as a call on the stack that the caller runs on. */
void weft__run_here(weft__stack *s, weft__task *t);
/* Count out the tasks that ended on `me`. */
void weft__worker_flush(weft__worker *me);
/* work.c */
/* Something to run for `me`, which looks after the world on the way; NULL: it found nothing, and counts
 * as a searcher from now on. */
weft__task *weft__work_find(weft__worker *me);
/* Have some worker run `t`: with the calling worker, or in the inbox; wakes one if need be. */
void weft__make_work(weft *w, weft__task *t);
void weft__inbox_push(weft *w, weft__task *first, weft__task *last, uint32_t n);
/* A task is about to run: have the memory of those behind it come near, a step for each. First the task,
 * then its stack's record, then the frames that it returns into: of thousands that wait they are in no
 * cache. */
void weft__work_warm(weft__worker *me);
/* For a worker that has no stack for its loop: a task that has one, after a look at the world. NULL: none. */
weft__task *weft__work_on_stack(weft__worker *me);
/* On a side thread: run `t` on the stack that it has. Returns when it ended or moved on. */
void weft__side_run(weft__task *t);

/* `name` runs on `me` from now on, or NULL: nothing. For the watchdog. */
static inline void weft__worker_beat(weft__worker *me, const char *name)
{
    if (__builtin_expect(!me->beats, 1))
        return;
    weft_atomic_store(&me->running, name, WEFT_RELAXED);
    /* pairs with look_at in hog.c */
    weft_atomic_store(&me->beat, weft_atomic_load(&me->beat, WEFT_RELAXED) + 1, WEFT_RELEASE);
}

/* hog.c */
/* Watch the workers, before they start; 0: do not. WEFT_NOMEM: no thread. */
weft_err weft__hog_start(weft *w, int64_t after_ms);
/* Once they ended. */
void weft__hog_stop(weft *w);

/* fork.c */
/* A child to run, out of a deque of another; with the slot to which its end is told. */
typedef struct weft__stolen {
    uintptr_t child;
    weft__slot *slot;
    uint32_t nth; /* that slot, counted */
    weft__task *parent;
} weft__stolen;
/* Whether the children of who runs here are for others. */
bool weft__fork_parallel(weft__stack *s);
/* The caller, whose task is on `s` and computes, lets what is ready have a turn before it. */
void weft__yield_now(weft__stack *s);
/* `t`, which ran on `s`, has ended: misuse if it has forks that it did not join. */
void weft__fork_all_joined(weft__stack *s, const weft__task *t);
/* The caller's deque: share what others have asked for. */
void weft__fork_serve(weft__forks *f);
/* The caller's deque: share all that it has. */
void weft__fork_publish(weft__forks *f);
bool weft__fork_steal_left(weft *w, weft__stolen *out); /* of a parent that has parked */
bool weft__fork_steal(weft__worker *me, weft__stolen *out);
void weft__fork_run(weft__stack *s, const weft__stolen *c);
/* Whether any deque has something to take. */
bool weft__fork_any(weft *w);
void weft__fork_ask_all(weft *w);
/* `s` parks: whatever children it has are for others now; and it goes on. */
void weft__fork_leave(weft__stack *s);
void weft__fork_back(weft__stack *s);

/* place.c */
void weft__strand_init(weft__strand *s, weft *w);
void weft__strand_push(weft *w, weft__task *t);
/* The next task of the loop for its carrier; NULL: it passed the loop on. */
weft__task *weft__strand_next(weft__worker *me);

/* idle.c */
void weft__idle_init(weft__idle *i);
bool weft__any_work(weft *w);
/* Work was published: wake a worker if none is awake to find it. I2 */
static inline void weft__wake_one(weft *w);
void weft__wake_slow(weft *w);
void weft__wake_all(weft *w);
void weft__search_begin(weft__worker *me);
/* Found something: wakes the next if it was the last searcher and there is more. */
void weft__search_end(weft__worker *me);
/* The token was given up, or work was left to be found: wake one that sleeps, unless somebody awake will
 * look for it. I2, I3. */
void weft__pass_token(weft *w);
/* Nothing found: sleep until there may be something. */
void weft__worker_sleep(weft__worker *me);

/* poll.c */
weft_err weft__poll_open(weft__poll *p);
void weft__poll_close(weft__poll *p);
bool weft__token_take(weft *w);
void weft__token_drop(weft *w);
/* Serve timers, sources and, now and then, descriptors without waiting, unless somebody else has the
 * token. */
void weft__poll_turn(weft *w, int64_t now);
/* Before the caller sleeps: the same, but the descriptors now, if there are any. False: somebody else has the
 * token, or there is nothing to ask. */
bool weft__poll_now(weft *w);
/* As holder: sleep in the poller until there is something or until `until`, then serve it. `stay` is
 * asked, after all is armed, whether to sleep at all; `awake` is called before anything is served. */
void weft__poll_sleep(weft *w, int64_t until, bool (*stay)(void *arg), void (*awake)(void *arg),
                      void *arg);
bool weft__poll_pending(weft *w);
/* Have the holder wake at `at` or earlier. I4. */
void weft__poll_earlier(weft *w, int64_t at);

/* The calling worker's wheel. I4 */
void weft__timer_set(weft__timer *t);

static inline void weft__wake_one(weft *w)
{
    if (!w->idle.light)
        weft_atomic_fence();
    /* I2; pairs with enter() in idle.c */
    if (__builtin_expect(weft_atomic_load(&w->idle.sleepers, WEFT_RELAXED) != 0, 0))
        weft__wake_slow(w);
}

#endif
