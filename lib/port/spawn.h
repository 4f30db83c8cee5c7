/* port/spawn.h: starting a program in a process group of its own, waiting for it, ending it.
 *
 * The one that spawns has a single thread. A child dies with its parent: the system kills it when
 * the parent ends, however that ends. Descriptors that are not closed on exec are inherited.
 */
#ifndef WEFT_PORT_SPAWN_H
#define WEFT_PORT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

#include "port/cpuset.h"
#include "port/spawn_guard.h"
#include "weft/err.h"

/* What to start, and how. */
typedef struct weft__spawn {
    const char *program;      /* its path, as weft__program_find gives it */
    char *const *argv;        /* ended by NULL */
    const char *variable;     /* "NAME=VALUE", set in its environment; NULL: none */
    int in, out, err;         /* become its descriptors 0, 1 and 2; -1: /dev/null */
    const weft__cpuset *cpus; /* NULL: leaves the mask alone */
    uint64_t descriptors;     /* its soft limit on open files; 0: as it is */
    weft__group *group_at;    /* the child writes its process group here before it is the
                                      program; NULL: nowhere */
} weft__spawn;

typedef struct weft__process {
    int pid;
    int fd;     /* readable once the process ended */
    bool leads; /* of port/child.h: a process group, which has its number until it is forgotten */
} weft__process;

/* How a process ended. */
typedef struct weft__process_end {
    bool killed; /* by the signal `code`; else it exited with `code` */
    int code;
} weft__process_end;

/* Start it; on return the program runs. Every signal has its default disposition and none is
 * blocked. WEFT_MISSING or WEFT_DENIED: the program cannot be run; WEFT_NOMEM: too many processes or
 * descriptors; WEFT_SYS. */
weft_err weft__spawn_start(weft__process *p, const weft__spawn *how);

/* Whether it ended, and how. It stays, so that its number stands for nobody else, until reaped. */
bool weft__process_ended(const weft__process *p, weft__process_end *end);
/* Forget a process that ended. */
void weft__process_reap(weft__process *p);

/* Send a signal to a whole process group; no such group: nothing happens. */
void weft__group_signal(int group, int signal);

/* Descendants whose parent died become children of this process. */
weft_err weft__orphans_adopt(void);
/* Forget the adopted ones that ended; stops at the first ended process of its own, to be reaped by
 * who started it. */
void weft__orphans_reap(bool (*own)(void *arg, int pid), void *arg);
/* Kill every child of this process and theirs, and wait for them. All its own were reaped before. */
void weft__orphans_end(void);

#endif
