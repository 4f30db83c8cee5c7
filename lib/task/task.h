/* task/task.h: a task, and the places where tasks run. */
#ifndef WEFT_TASK_TASK_H
#define WEFT_TASK_TASK_H

#include "base/list.h"
#include "task/wait.h"
#include "weft/task.h"

typedef enum weft__place_kind { WEFT__POOL, WEFT__LOOP, WEFT__THREADS } weft__place_kind;

struct weft_place {
    weft *rt;
    weft__place_kind kind;
};

/* A task. Written by its creator until it is started, then by whoever runs it. Tasks come from the
 * runtime's slabs, whose memory is used for tasks only (W4). */
typedef struct weft__task {
    weft__waiter waiter;
    struct weft__task *next;   /* in a list of tasks, or of free ones */
    struct weft__stack *stack; /* where it goes on; NULL: it has not begun */
    weft_place *place;
    weft_fn fn; /* NULL: it is free */
    void *arg;
    const char *where;       /* it was started in the source: FILE:LINE */
    struct weft__task *host; /* who waits for it below it on the stack, or whose child it is */
    uint32_t nth; /* the slot in its host's deque, if it is a forked child; else WEFT__NO_CHILD */
    /* Forked children in slots from this one on are under its shield; its own, they read it. */
    WEFT_ATOMIC(uint32_t) shielded_from;
    /* The task that runs in its scope join, on its stack; set and cleared by it, read by who cancels. */
    WEFT_ATOMIC(struct weft__task *) inside;
    weft__list sibling; /* while waiter.listed: among those of its scope; under the scope's guard */
    weft_err result;
    uint32_t bodies; /* of loops, that it is in: it cannot move */
} weft__task;

#define WEFT__NO_CHILD UINT32_MAX

typedef struct weft__scope {
    weft_sync_head head; /* its guard protects `listed`, `first`, `detail` */
    weft_place *place;
    weft__waiter *owner;             /* who called init: it alone joins */
    WEFT_ATOMIC(uint64_t) live;      /* tasks that have not ended and credit, scope.c */
    WEFT_ATOMIC(uint32_t) cancelled; /* set once; read by the tasks */
    uint32_t credit;                 /* counted in `live` and not yet used; the owner's */
    weft__list listed;               /* tasks that waited at least once */
    /* Where its timers are: set by who starts the first, read by who cancels: timed.c */
    WEFT_ATOMIC(struct weft__timers *) wheel;
    weft__list timed; /* those that have not fired; under the wheel's guard */
    weft_err first;   /* the first failure */
    char *detail;     /* what that task had to say, or NULL */
} weft__scope;

_Static_assert(sizeof(weft__scope) <= sizeof(weft_scope), "room of the public type");

/* Whether `t`, the calling task, is cancelled; the usual answer without a call. */
static inline bool weft__task_cancelled(const weft__task *t)
{
    const weft__scope *s = t->waiter.scope;
    /* pairs with cancel_all in scope.c */
    if (s && !t->host && weft_atomic_load(&s->cancelled, WEFT_ACQUIRE) == 0)
        return false;
    return weft__cancelled(&t->waiter);
}

/* Tasks that are free, in one place for all workers; each worker keeps some. */
typedef struct weft__tasks {
    weft__guard guard;
    weft__task *free;
    void *slabs;
    int64_t total; /* in all slabs */
} weft__tasks;

void weft__tasks_init(weft__tasks *p);
void weft__tasks_fini(weft__tasks *p);
/* Each that has not ended; those that begin or end meanwhile may be among them. */
void weft__tasks_each(weft__tasks *p, void (*each)(void *arg, weft__task *t), void *arg);

/* A task that will run fn(arg) at `place` once started. WEFT_NOMEM. */
weft_err weft__task_create(weft__task **t, weft_place *place, weft_fn fn, void *arg,
                           const char *name, const char *where);
/* Free one that ended or was never started. */
void weft__task_free(weft__task *t);
/* Let it run. Nothing of it may be touched any more. WEFT_NOMEM: no thread or no stack. */
weft_err weft__task_start(weft__task *t);
/* `t` can run: have it run at its place. */
void weft__task_ready(weft__task *t);
/* Have `t`, which has not begun, run on a large stack of its own. WEFT_NOMEM. */
weft_err weft__task_give_stack(weft__task *t);
/* The calling task `t` leaves its stack until it is made ready. False: there is no stack for what its
 * worker does meanwhile, so it did not. */
bool weft__task_leave(weft__task *t);
/* The same, and after(t) is called once its stack is left. */
bool weft__leave_for_next(weft__task *t, void (*after)(void *t));
/* weft_move of `t`, the caller, to another place, whatever stands above it on its stack. */
weft_err weft__move(weft__task *t, weft_place *place);
/* The task on `s`, which has a thread, leaves that to itself. */
void weft__leave_thread(struct weft__stack *s, void (*after)(void *arg), void *arg);

/* scope.c */
/* The scope in use, or misuse. */
weft__scope *weft__scope_in_use(weft_scope *s, const char *where);
/* Count a task in, before it is there; and out, if it will never be. */
void weft__scope_admit(weft__scope *s);
void weft__scope_dismiss(weft__scope *s);
/* The same if there should have been one, but for `e`: the scope fails. */
void weft__scope_miss(weft__scope *s, weft_err e);
/* Start `t` as a task of `s`; nothing is left behind if that fails. */
weft_err weft__scope_start(weft_scope *s, weft__task *t);
/* From now on a cancellation reaches `self`, the caller. */
void weft__scope_list(weft__waiter *self);
/* For the caller `self`, which waits for a forked child: whether a cancellation from further out than the
 * scope in which its children are listed has to be passed on to them. From now on it wakes `self`. */
bool weft__scope_relays(weft__waiter *self);
/* Pass it on if it has come. */
bool weft__scope_relay(weft__waiter *self);
/* No cancellation has to reach `t` any more; its caller. */
void weft__scope_unlist(weft__task *t);
/* `t` ended: free it. Its scope counts it out with the next weft__scope_ended. */
void weft__scope_forget(weft__task *t);
/* `n` tasks of `s` ended. The last access to `s`. */
void weft__scope_ended(weft__scope *s, uint32_t n);

/* timed.c */
/* The scope is cancelled: none of its timers fires from now on. Returns how many of its tasks that were,
 * which are still to be counted out; its guard held. */
uint32_t weft__timed_drop_all(weft__scope *s);

#endif
