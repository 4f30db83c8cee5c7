/* port/child.h: children of a process with threads. port/spawn.h is for a process with one: a child of that
 * dies with the thread that started it, and this one does not. */
#ifndef WEFT_PORT_CHILD_H
#define WEFT_PORT_CHILD_H

#include "port/spawn.h"
#include "weft/err.h"

enum {
    WEFT__CHILD_NULL = -1, /* the null device */
    WEFT__CHILD_OUT = -2,  /* where 1 goes; for 2 only */
    WEFT__CHILD_SAME = -3  /* that of this process; closed, or closed on exec: the null device */
};

/* What to start, and how. */
typedef struct weft__child {
    const char *program;     /* its path; a relative one counts from `dir` */
    const char *const *argv; /* ended by NULL */
    const char *const *env;  /* NULL: that of this process */
    const char *dir;         /* NULL: that of this process */
    bool own_group;          /* it leads a process group of its own */
    int fd[3];               /* become its descriptors 0, 1 and 2; or one of those above */
} weft__child;

/* Start it; on return the program runs. Every signal has its default disposition, none is blocked, and no
 * other descriptor is open. WEFT_MISSING or WEFT_DENIED: the program cannot be run, and the detail names what of
 * it, of its interpreter and of its directory is at fault; WEFT_INVALID: it is none, or a descriptor is not open;
 * WEFT_NOMEM: too many processes or descriptors; WEFT_LOST: it has ended, and somebody else has taken its end;
 * WEFT_SYS. */
weft_err weft__child_start(weft__process *p, const weft__child *how);

/* How it ended. From then on its number may stand for another, unless it leads a group: that keeps its number, and
 * its end, until it is forgotten. WEFT_EMPTY: it runs; WEFT_LOST: somebody else has taken its end. */
weft_err weft__child_end(const weft__process *p, weft__process_end *end);

/* Whether it has; changes nothing. */
bool weft__child_ended(const weft__process *p);

/* Send it a signal, or to all of the group that it leads. WEFT_CLOSED: it has ended. Of a group this is never said,
 * for others in it may live; but WEFT_LOST: somebody else has taken its end, and its number may be a stranger's. */
weft_err weft__child_signal(const weft__process *p, int number);

/* It has ended; its number may stand for another, and p->fd is closed. */
void weft__child_forget(weft__process *p);

#endif
