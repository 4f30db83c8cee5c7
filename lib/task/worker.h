/* task/worker.h: the engine: workers that run tasks, and how they sleep.
 *
 * A worker runs its scheduler on its thread's native stack and switches to a task's stack and back.
 * What must happen after a task left its stack (publish it as parked, queue it again, free it) is
 * done by the scheduler, never before the switch.
 *
 * Sleeping. Each line pairs two sides of one store-then-load; all are sequentially consistent.
 * I1 A worker that sleeps is in idle.asleep until somebody takes it out; only who takes it out wakes
 *    it. While any worker sleeps, one of them holds the poll token and sleeps in the poller, or one
 *    that is awake will look for the token before it sleeps.
 * I2 Going to sleep: enter idle.asleep, stop counting as a searcher, then look at every run queue.
 *    Making work: count it in a queue, then read searching and asleep. A searcher that is counted on
 *    looks again after it stopped counting.
 * I3 Giving up the token: clear it, then look whether somebody sleeps, and wake one. Going to sleep:
 *    enter idle.asleep, then try for the token.
 * I4 Sleeping in the poller: store the deadline, then read the earliest timer and arm the sources.
 *    Adding a timer, or work of a source: publish it, then read the deadline, and ring if it is later.
 */
#ifndef WEFT_TASK_WORKER_H
#define WEFT_TASK_WORKER_H

#include "base/log.h"
#include "port/poller.h"
#include "port/thread.h"
#include "task/runq.h"
#include "task/side.h"
#include "task/source.h"
#include "task/stack.h"
#include "task/task.h"
#include "task/timer.h"
#include "weft/rt.h"

typedef enum weft__after { WEFT__AFTER_PARK, WEFT__AFTER_YIELD, WEFT__AFTER_END } weft__after;

typedef struct weft__worker {
    weft__runq ready;
    weft *rt;
    int index;
    weft__context context; /* its scheduler, while a task runs */
    weft__after after;     /* what the task that just left asks for */
    weft__waiter waiter;   /* as which the scheduler itself takes guards and sets details */
    bool searching;        /* counted in idle.searching */
    uint32_t turns;
    weft__list asleep;   /* in idle.asleep; under its guard */
    bool in_poller;      /* how to wake it; under idle.guard */
    weft__futex woken;   /* 0 while it sleeps on it; set to 1 by who took it out of idle.asleep */
    weft__thread thread; /* of all but a worker that runs on the program's main thread */
    bool bound;
    int cpu;
} __attribute__((aligned(64))) weft__worker;

/* Who sleeps and who looks for work. */
typedef struct weft__idle {
    weft__guard guard;
    weft__list asleep; /* last in, first out */
    WEFT_ATOMIC(uint32_t) sleepers;
    WEFT_ATOMIC(uint32_t) searching;
} weft__idle;

/* The poll token and what its holder looks after. */
typedef struct weft__poll {
    weft__poller poller;
    WEFT_ATOMIC(uint32_t) token; /* 1 while somebody holds it; what follows is the holder's */
    int64_t last;                /* when the poller was last asked */
    weft__list sources;
    /* Until when the holder sleeps; INT64_MIN: it does not. I4. */
    WEFT_ATOMIC(int64_t) sleeps_until;
    WEFT_ATOMIC(uint32_t) watched; /* descriptors that are waited for */
    void (*ready)(weft *w, uint64_t key,
                  unsigned what); /* loop/ready.c, for all keys but sources' */
} weft__poll;

/* The loop: tasks that run one at a time. */
typedef struct weft__strand {
    weft__guard guard;
    weft__list ready;       /* its tasks that could run */
    bool carried;           /* the carrier is in a run queue, or a worker has it */
    weft__runnable carrier; /* who pops it runs one task of the loop, then passes it on */
} weft__strand;

struct weft {
    weft__log log;
    int rank, size;
    int terminal;

    int workers;
    weft__worker *worker; /* `workers` of them */
    bool crowded;         /* more workers than CPUs on this host: never spin */
    weft_place pool, loop, threads;
    weft__runq inbox; /* work from threads that are no workers */
    weft__strand strand;
    weft__idle idle;
    weft__poll poll;
    weft__timers timers;
    weft__stacks stacks;
    weft__side side;
    WEFT_ATOMIC(uint32_t) stopping;
    WEFT_ATOMIC(int64_t) tasks; /* started and not ended; a number */

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
    const int *cpu; /* worker i is bound to CPU cpu[i]; NULL: none is bound */
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

/* The worker that runs on the calling thread, or NULL. Never remembered across a switch (R1). */
weft__worker *weft__worker_self(void);
void weft__worker_set(weft__worker *w);
/* The calling task leaves its stack; its worker then does what `after` says. */
void weft__worker_leave(weft__task *t, weft__after after);
/* The scheduler loop. */
void weft__worker_run(weft__worker *me);

/* `t` can run: queue it at its place. */
void weft__task_ready(weft__task *t);
/* Queue `r` for any worker: with the calling worker, or in the inbox; wakes one if need be. */
void weft__make_work(weft *w, weft__runnable *r);
/* place.c: one of the loop's tasks out of the carrier, and the carrier back. */
void weft__strand_init(weft__strand *s);
void weft__strand_push(weft *w, weft__task *t);
weft__task *weft__strand_take(weft__strand *s);
void weft__strand_pass(weft *w);

/* idle.c */
void weft__idle_init(weft__idle *i);
bool weft__any_work(weft *w);
void weft__wake_one(weft *w);
void weft__wake_all(weft *w);
void weft__search_begin(weft__worker *me);
/* Found something: wakes the next if it was the last searcher and there is more. */
void weft__search_end(weft__worker *me);
/* The token was given up: wake one that sleeps, unless somebody awake will look for it. I3. */
void weft__pass_token(weft *w);
/* Nothing found: sleep until there may be something. */
void weft__worker_sleep(weft__worker *me);

/* poll.c */
weft_err weft__poll_open(weft__poll *p);
void weft__poll_close(weft__poll *p);
bool weft__token_take(weft *w);
void weft__token_drop(weft *w);
/* Serve timers, sources and descriptors without waiting, unless somebody else has the token. */
void weft__poll_turn(weft *w);
/* As holder: sleep in the poller until there is something or until `until`, then serve it. `stay` is
 * asked, after all is armed, whether to sleep at all; `awake` is called before anything is served. */
void weft__poll_sleep(weft *w, int64_t until, bool (*stay)(void *arg), void (*awake)(void *arg),
                      void *arg);
bool weft__poll_pending(weft *w);
/* Have the holder wake at `at` or earlier. I4. */
void weft__poll_earlier(weft *w, int64_t at);

/* wait.c */
void weft__self_set(weft__waiter *w);
/* `t` has left its stack to park: true if it is parked now, false if it was let go meanwhile. */
bool weft__parked(weft__task *t);
void weft__resuming(weft__task *t);
/* Cancel and let go. Under the guard that keeps the waiter alive. */
void weft__cancel(weft__waiter *w);

static inline weft__timers *weft__timers_of(weft *w)
{
    return &w->timers;
}
void weft__timer_add_to(weft *w, weft__timer *t);

#endif
