/* Handlers belong to the process, so what is here does too. */
#include "port/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/guard.h"

static const int numbers[] = {SIGSEGV, SIGBUS};
enum { NUMBERS = sizeof numbers / sizeof *numbers, LINE = 512 };
/* For handlers of the program too, which are called from ours. */
enum { STACK = 64 * 1024 };

static weft__guard guard;
static WEFT_ATOMIC(weft__fault_watch *) watches; /* written under the guard; read by the handler */
static struct sigaction before[NUMBERS];         /* what the program had set */
static bool ours[NUMBERS]; /* our handler is set, or one of the program's that may call it */

void weft__fault_text(char *line, size_t room, const char *text)
{
    size_t n = strlen(line), more = strlen(text);
    if (more > room - 1 - n)
        more = room - 1 - n;
    memcpy(line + n, text, more);
    line[n + more] = '\0';
}

void weft__fault_number(char *line, size_t room, size_t number)
{
    char digits[24], *d = digits + sizeof digits;
    *--d = '\0';
    do {
        *--d = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    weft__fault_text(line, room, d);
}

static void explain(const void *at)
{
    char line[LINE];
    /* pairs with weft__fault_watch_add */
    weft__fault_watch *w = weft_atomic_load(&watches, WEFT_ACQUIRE);
    for (; w; w = weft_atomic_load(&w->next, WEFT_ACQUIRE)) {
        line[0] = '\0';
        if (w->explain(w->ctx, at, line, sizeof line)) {
            ssize_t n = write(STDERR_FILENO, line, strlen(line));
            (void)n; /* nobody is left to be told */
            return;
        }
    }
}

/* What would have happened without us. A fault happens again on return, and one that was sent is sent
 * again; by then the default is back. */
static void chain(const struct sigaction *was, int number, siginfo_t *info, void *context)
{
    if (was->sa_flags & SA_SIGINFO) {
        was->sa_sigaction(number, info, context);
    } else if (was->sa_handler != SIG_DFL && was->sa_handler != SIG_IGN) {
        was->sa_handler(number);
    } else {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(number, &usual, NULL);
        if (info->si_code <= 0)
            raise(number);
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    if (info->si_code > 0)
        explain(info->si_addr);
    for (int i = 0; i < NUMBERS; i++)
        if (numbers[i] == number)
            chain(&before[i], number, info, context);
    errno = saved;
}

void weft__fault_watch_add(weft__fault_watch *w)
{
    struct sigaction own = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    weft__guard_take(&guard);
    weft__fault_watch *first = weft_atomic_load(&watches, WEFT_RELAXED);
    weft_atomic_store(&w->next, first, WEFT_RELAXED);
    for (int i = 0; i < NUMBERS; i++)
        if (!ours[i])
            ours[i] = sigaction(numbers[i], &own, &before[i]) == 0;
    weft_atomic_store(&watches, w, WEFT_RELEASE); /* pairs with explain */
    weft__guard_drop(&guard);
}

/* Guard held. Whoever has put a handler over ours keeps it. */
static void restore(void)
{
    struct sigaction now;
    for (int i = 0; i < NUMBERS; i++)
        if (sigaction(numbers[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
            now.sa_sigaction == on_fault && sigaction(numbers[i], &before[i], NULL) == 0)
            ours[i] = false;
}

void weft__fault_watch_remove(weft__fault_watch *w)
{
    weft__guard_take(&guard);
    weft__fault_watch *last = NULL, *at = weft_atomic_load(&watches, WEFT_RELAXED);
    while (at && at != w) {
        last = at;
        at = weft_atomic_load(&at->next, WEFT_RELAXED);
    }
    if (at) {
        weft__fault_watch *next = weft_atomic_load(&w->next, WEFT_RELAXED);
        if (last)
            weft_atomic_store(&last->next, next, WEFT_RELEASE); /* pairs with explain */
        else
            weft_atomic_store(&watches, next, WEFT_RELEASE);
        if (!weft_atomic_load(&watches, WEFT_RELAXED))
            restore();
    }
    weft__guard_drop(&guard);
}

void weft__fault_thread_begin(weft__fault_thread *t)
{
    stack_t now;
    t->stack = NULL;
    /* pairs with weft__fault_watch_add, which comes before the threads that it is about */
    if (!weft_atomic_load(&watches, WEFT_ACQUIRE))
        return;
    if (sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE))
        return;
    t->stack = malloc(STACK);
    stack_t own = {.ss_sp = t->stack, .ss_size = STACK};
    if (t->stack && sigaltstack(&own, NULL) != 0) {
        free(t->stack); /* there will be no explanation, that is all */
        t->stack = NULL;
    }
}

void weft__fault_thread_end(weft__fault_thread *t)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (!t->stack)
        return;
    sigaltstack(&none, NULL);
    free(t->stack);
    t->stack = NULL;
}
