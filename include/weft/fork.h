/* weft/fork.h: children in the caller's frame; a fork costs a few instructions and no memory.
 *
 *     static intptr_t fib(intptr_t n)
 *     {
 *         if (n < 2)
 *             return n;
 *         weft_child left;
 *         weft_fork_value(&left, fib, n - 1);      // may run in parallel from here on
 *         intptr_t right = fib(n - 2);
 *         return weft_join_value(&left, fib) + right;
 *     }
 *
 * A child that nobody took is called directly by the join, as the compiler would call it; one that
 * another worker took is waited for, and its parent's worker does something else meanwhile. A child
 * may wait, like any task. Every fork is joined, in its own task and before its function returns, best
 * in the reverse order of the forks. A cancelled parent still joins; its children see the cancellation.
 *
 * Other workers learn of a fork at the latest at this task's next fork or join. Children run in
 * parallel if the parent is a task of the pool; elsewhere (loop, threads, a plain thread) the join
 * calls them. While a child is out, its parent cannot weft_move, and neither can a child: WEFT_INVALID. One
 * exception costs too much to be found: compiled with NDEBUG, a child that is called by the last join of
 * its parent moves like any function that the parent calls, and the parent goes on there.
 */
#ifndef WEFT_FORK_H
#define WEFT_FORK_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/atomic.h"
#include "weft/err.h"
#include "weft/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A child, from fork to join. Lives in the frame that forks it; all its fields are internal. */
typedef struct weft_child {
    union {
        weft_fn task;
        intptr_t (*value)(intptr_t);
    } fn;
    union {
        void *arg;
        intptr_t value;
    } in;         /* the result of one that was taken comes back here */
    char *detail; /* set with it: why it failed, or NULL; weft_join frees it */
    void *spare;
} weft_child;

/* A place in the deque: the address of a child, with this bit for fn.value. lib/task/forks.h. */
typedef WEFT_ATOMIC(uintptr_t) weft__slot;
enum { WEFT__CHILD_VALUE = 1 };

/* The head of the record of who runs on a thread; the rest of it is in lib/task/stack.h. The first three
 * are the private end of the task's deque of children: forks.h says who writes them. */
struct weft__record {
    weft__slot *head;                /* the next free slot */
    WEFT_ATOMIC(weft__slot *) limit; /* a fork at or above it goes the slow way */
    WEFT_ATOMIC(weft__slot *) floor; /* a join of a slot below it goes the slow way */
    void *detail;                    /* where the errors of this task leave their text */
    void *me;                        /* the waiter that runs: lib/task/wait.h */
    int32_t ticks;   /* joins and loop chunks until it looks after the world; its own */
    uint32_t inside; /* children that a join called; counted without NDEBUG only */
};

/* The record of the calling task: the same one from the beginning of a function to its end, whichever
 * threads the task runs on meanwhile. So its address may be kept across a wait, but never the address
 * of the thread's variable that holds it. */
extern WEFT_API __thread struct weft__record *weft__here_of_thread;
#if defined(__x86_64__) && !defined(WEFT__HERE_BY_CALL)
static inline struct weft__record *weft__here(void)
{
    struct weft__record *h;
    __asm__("movq weft__here_of_thread@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(h));
    return h;
}
#elif defined(__aarch64__) && !defined(WEFT__HERE_BY_CALL)
static inline struct weft__record *weft__here(void)
{
    struct weft__record *h;
    uintptr_t base;
    __asm__("adrp %0, :gottprel:weft__here_of_thread\n\t"
            "ldr %0, [%0, :gottprel_lo12:weft__here_of_thread]\n\t"
            "mrs %1, tpidr_el0\n\t"
            "ldr %0, [%1, %0]"
            : "=&r"(h), "=&r"(base));
    return h;
}
#else
WEFT_API struct weft__record *weft__here_by_call(void);
static inline struct weft__record *weft__here(void)
{
    return weft__here_by_call();
}
#endif

WEFT_API void weft__fork_slow(struct weft__record *h, uintptr_t child);
WEFT_API bool weft__join_slow(struct weft__record *h, uintptr_t child, const char *where);
WEFT_API weft_err weft__join_taken(weft_child *c);
WEFT_API void weft__tick_slow(struct weft__record *h);

/* Once in a while: let what has become ready meanwhile run, for who computes for long between waits. */
static inline void weft__tick(struct weft__record *h)
{
    if (__builtin_expect(--h->ticks < 0, 0))
        weft__tick_slow(h);
}

/* Push a child, whose function and argument are set. */
static inline void weft__fork_push(uintptr_t child)
{
    struct weft__record *h = weft__here();
    weft__slot *at = h->head;
    /* pairs with weft__forks_ask, which needs no more than to be seen some time */
    if (__builtin_expect(at >= weft_atomic_load(&h->limit, WEFT_RELAXED), 0)) {
        weft__fork_slow(h, child);
        return;
    }
    weft_atomic_store(at, child, WEFT_RELAXED);
    h->head = at + 1;
}

/* Whether the caller has to run the child; else it has been run and its result is there. */
static inline bool weft__join_pop(uintptr_t child, const char *where)
{
    struct weft__record *h = weft__here();
    weft__slot *head = h->head;
    if (__builtin_expect(head <= weft_atomic_load(&h->floor, WEFT_RELAXED) ||
                             weft_atomic_load(head - 1, WEFT_RELAXED) != child,
                         0))
        return weft__join_slow(h, child, where);
    h->head = head - 1;
    weft__tick(h);
    return true;
}

static inline void weft__fork(weft_child *c, weft_fn fn, void *arg)
{
    c->fn.task = fn;
    c->in.arg = arg;
    weft__fork_push((uintptr_t)c);
}

/* A join calls its child, or is back from it: for weft_move, which must not move the parent. */
static inline void weft__join_calls(int by)
{
#ifndef NDEBUG
    struct weft__record *h = weft__here();
    if (h->me)
        h->inside += (uint32_t)by;
#else
    (void)by;
#endif
}

static inline weft_err weft__join(weft_child *c, weft_fn fn, const char *where)
{
    if (__builtin_expect(!weft__join_pop((uintptr_t)c, where), 0))
        return weft__join_taken(c);
    weft__join_calls(1);
    weft_err e = fn(c->in.arg);
    weft__join_calls(-1);
    return e;
}

static inline void weft__fork_value(weft_child *c, intptr_t (*fn)(intptr_t), intptr_t value)
{
    c->fn.value = fn;
    c->in.value = value;
    weft__fork_push((uintptr_t)c | WEFT__CHILD_VALUE);
}

static inline intptr_t weft__join_value(weft_child *c, intptr_t (*fn)(intptr_t), const char *where)
{
    if (__builtin_expect(!weft__join_pop((uintptr_t)c | WEFT__CHILD_VALUE, where), 0))
        return c->in.value;
    weft__join_calls(1);
    intptr_t value = fn(c->in.value);
    weft__join_calls(-1);
    return value;
}

/* Let fn(arg) run in parallel with what follows, until weft_join.
 * Returns nothing: it cannot fail.   Owns: `c` and `arg` stay the caller's, and must stay until the
 * join.   Caller: anyone.   Switches: no. */
#define weft_fork(c, fn, arg) weft__fork((c), (fn), (arg))

/* Wait until the child ended; runs it now if it has not begun. `fn` is the one that was forked.
 * Returns what it returned.   Owns: nothing.   Caller: who forked it.   Switches: yes; it cannot be late
 * or cancelled. */
#define weft_join(c, fn) weft__join((c), (fn), WEFT_HERE)

/* As weft_fork, with a value that is passed and returned in registers: intptr_t (*fn)(intptr_t).
 * Returns nothing: it cannot fail.   Owns: `c` stays the caller's.   Caller: anyone.   Switches: no. */
#define weft_fork_value(c, fn, v) weft__fork_value((c), (fn), (v))

/* As weft_join, for weft_fork_value.
 * Returns what fn returned.   Owns: nothing.   Caller: who forked it.   Switches: yes. */
#define weft_join_value(c, fn) weft__join_value((c), (fn), WEFT_HERE)

#ifdef __cplusplus
}
#endif
#endif
