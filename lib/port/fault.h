/* port/fault.h: saying why a thread touched memory that it may not, before the process dies of it.
 *
 * While anybody watches, SIGSEGV and SIGBUS are handled on a stack of their own: the watchers are asked
 * for an explanation, which goes to standard error, and then whatever the program had set for that
 * signal happens, or the default. */
#ifndef WEFT_PORT_FAULT_H
#define WEFT_PORT_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/atomic.h"

typedef struct weft__fault_watch {
    WEFT_ATOMIC(struct weft__fault_watch *) next; /* under the guard; read by the handler */
    /* Write a line about the fault at `at` into `line`, in the handler of a signal; false: it knows
     * nothing about it. */
    bool (*explain)(void *ctx, const void *at, char *line, size_t room);
    void *ctx;
} weft__fault_watch;

void weft__fault_watch_add(weft__fault_watch *w);
/* Does nothing if it was not added. */
void weft__fault_watch_remove(weft__fault_watch *w);

/* The calling thread's stack for handlers: one is made if somebody watches and it has none. Every
 * thread that the port starts does this; a thread that works in place of one has to. */
typedef struct weft__fault_thread {
    void *stack; /* NULL: none was made */
} weft__fault_thread;

void weft__fault_thread_begin(weft__fault_thread *t);
void weft__fault_thread_end(weft__fault_thread *t);

/* Append to a line in a handler: text, or a number. */
void weft__fault_text(char *line, size_t room, const char *text);
void weft__fault_number(char *line, size_t room, size_t number);

#endif
