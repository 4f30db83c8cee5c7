/* port/signals.h: signals as events of a poller. For a process with one thread. */
#ifndef WEFT_PORT_SIGNALS_H
#define WEFT_PORT_SIGNALS_H

#include <stdbool.h>

#include "weft/err.h"

/* What a signal asks of a launcher. */
typedef enum weft__signal_kind {
    WEFT__SIGNAL_NONE,
    WEFT__SIGNAL_END,   /* INT, TERM, QUIT, HUP: end */
    WEFT__SIGNAL_PAUSE, /* TSTP: stop for a while */
    WEFT__SIGNAL_GO_ON, /* CONT */
    WEFT__SIGNAL_CHILD  /* a child ended */
} weft__signal_kind;

typedef struct weft__signals {
    int fd; /* readable while signals wait */
} weft__signals;

/* Take these signals from now on through the descriptor; SIGHUP and SIGTSTP only if they were not
 * ignored, as under nohup. A write that nobody reads is an error from now on, not a signal. */
weft_err weft__signals_open(weft__signals *s);
void weft__signals_close(weft__signals *s);

/* The next one that waits, and its number; WEFT__SIGNAL_NONE if none does. */
weft__signal_kind weft__signals_next(weft__signals *s, int *number);

/* Stop this process until somebody continues it. */
void weft__signal_stop_self(void);

/* A line such as "Killed". */
const char *weft__signal_name(int number);

/* Numbers that a launcher sends. */
extern const int weft__signal_term, weft__signal_kill, weft__signal_stop, weft__signal_cont,
    weft__signal_pipe;

#endif
