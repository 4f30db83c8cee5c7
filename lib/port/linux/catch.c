/* Handlers belong to the process, so what is here does too.
 *
 * H1 A handler says that it is inside before it looks whose the signal is. Who closes a catch first takes it
 *    out of the table, then waits until nobody is inside: a handler that comes later finds the table empty.
 * H2 What a handler does is safe whatever it interrupted: atomics without a lock, and one write. */
#include "port/catch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/guard.h"
#include "port/poller.h"

static weft__guard guard;                                   /* of opening and closing */
static WEFT_ATOMIC(weft__catch *) who[WEFT__CATCH_NUMBERS]; /* under the guard; read by handlers */
static struct sigaction before[WEFT__CATCH_NUMBERS];        /* what was there; under the guard */
static WEFT_ATOMIC(uint32_t) inside;                        /* handlers that run now */

static void on_signal(int number)
{
    int saved = errno;
    weft_atomic_fetch_add(&inside, 1, WEFT_SEQ_CST); /* H1; pairs with let_go */
    weft__catch *c = weft_atomic_load(&who[number], WEFT_SEQ_CST);
    if (c) {
        /* Pairs with weft__catch_take. While one is there its taker looks before it waits. */
        if (weft_atomic_fetch_add(&c->came[number], 1, WEFT_RELEASE) == 0)
            weft__bell_ring(c->bell);
    }
    weft_atomic_fetch_sub(&inside, 1, WEFT_RELEASE); /* pairs with settle */
    errno = saved;
}

static bool can_be_caught(int number)
{
    const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                         SIGILL,  SIGTRAP, SIGABRT, SIGSYS, SIGPIPE};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (number == never[i])
            return false;
    /* Those between are the C library's own. */
    return number > 0 && number < WEFT__CATCH_NUMBERS && number <= SIGRTMAX &&
           (number < __SIGRTMIN || number >= SIGRTMIN);
}

/* Guard held. */
static weft_err check(const weft__catch *c, int number)
{
    if (!can_be_caught(number))
        return weft__fail(WEFT_INVALID, "signal %d cannot be waited for", number);
    const weft__catch *has = weft_atomic_load(&who[number], WEFT_RELAXED);
    if (has && has != c)
        return weft__fail(WEFT_INUSE, "signal %d (%s): somebody waits for it already", number,
                          strsignal(number));
    return WEFT_OK;
}

/* Guard held; the number was checked. */
static weft_err hold(weft__catch *c, int number)
{
    struct sigaction own = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    if (weft_atomic_load(&who[number], WEFT_RELAXED) == c) /* it was said twice */
        return WEFT_OK;
    sigfillset(&own.sa_mask);
    weft_atomic_store(&who[number], c, WEFT_SEQ_CST); /* pairs with on_signal */
    if (sigaction(number, &own, &before[number]) == 0)
        return WEFT_OK;
    int error = errno;
    weft_atomic_store(&who[number], NULL, WEFT_SEQ_CST);
    return weft__sys_error(error, "cannot wait for signal", strsignal(number));
}

/* Guard held. Whoever has put a handler over ours keeps it. */
static void let_go(const weft__catch *c)
{
    struct sigaction now;
    for (int i = 1; i < WEFT__CATCH_NUMBERS; i++) {
        if (weft_atomic_load(&who[i], WEFT_RELAXED) != c)
            continue;
        if (sigaction(i, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == on_signal)
            sigaction(i, &before[i], NULL);
        weft_atomic_store(&who[i], NULL, WEFT_SEQ_CST); /* H1; pairs with on_signal */
    }
}

/* Wait until no handler runs that may have seen what is gone now. */
static void settle(void)
{
    while (weft_atomic_fetch_add(&inside, 0, WEFT_SEQ_CST) != 0) /* H1; pairs with on_signal */
        sched_yield();
}

weft_err weft__catch_open(weft__catch *c, const int *numbers, int n)
{
    memset(c, 0, sizeof *c);
    if (n < 1)
        return weft__fail(WEFT_INVALID, "no signal to wait for");
    weft_err e = weft__bell_open(&c->bell);
    if (e != WEFT_OK)
        return e;
    weft__guard_take(&guard);
    for (int i = 0; i < n && e == WEFT_OK; i++)
        e = check(c, numbers[i]);
    bool held = e == WEFT_OK;
    for (int i = 0; i < n && e == WEFT_OK; i++)
        e = hold(c, numbers[i]);
    if (held && e != WEFT_OK)
        let_go(c);
    weft__guard_drop(&guard);
    if (e != WEFT_OK) {
        settle();
        weft__fd_close(c->bell);
    }
    return e;
}

int weft__catch_take(weft__catch *c)
{
    for (int i = 1; i < WEFT__CATCH_NUMBERS; i++) {
        int number = (c->last + i - 1) % (WEFT__CATCH_NUMBERS - 1) + 1;
        if (weft_atomic_load(&c->came[number], WEFT_ACQUIRE) == 0) /* pairs with on_signal */
            continue;
        weft_atomic_fetch_sub(&c->came[number], 1, WEFT_RELAXED);
        c->last = number;
        return number;
    }
    return 0;
}

void weft__catch_close(weft__catch *c)
{
    weft__guard_take(&guard);
    let_go(c);
    weft__guard_drop(&guard);
    settle();
    weft__fd_close(c->bell);
}
