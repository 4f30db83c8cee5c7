/* port/poller.h: many descriptors, one wait. One thread at a time waits; anyone may add, remove and
 * ring. */
#ifndef WEFT_PORT_POLLER_H
#define WEFT_PORT_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/err.h"

/* So many events come at a time, at most. */
enum { WEFT__POLL_BATCH = 256 };

typedef struct weft__poller {
    int epoll, bell;
    uint64_t raw[2 * WEFT__POLL_BATCH]; /* as the system gives them; of who waits */
} weft__poller;

enum {
    WEFT__POLL_IN = 1,
    WEFT__POLL_OUT = 2,
    WEFT__POLL_ONCE = 4,   /* of weft__poller_set: disarmed after its first event */
    WEFT__POLL_EDGE = 8,   /* of weft__poller_set: an event for each change, until it is unset */
    WEFT__POLL_END = 16,   /* of an event: with IN, and nothing may come that tells of more */
    WEFT__POLL_URGENT = 32 /* of an event: with IN; a read may stop before it has all there is */
};

typedef struct weft__poll_event {
    uint64_t key;
    unsigned what; /* IN, OUT, END, URGENT; the first three after a hang-up or an error */
} weft__poll_event;

weft_err weft__poller_open(weft__poller *p);
void weft__poller_close(weft__poller *p);

/* Watch `fd`, or change how; `what` of 0 watches nothing but keeps it. WEFT_INVALID: not a descriptor
 * that can be watched. */
weft_err weft__poller_set(weft__poller *p, int fd, unsigned what, uint64_t key);
void weft__poller_unset(weft__poller *p, int fd);

/* Wait for events until `deadline_ns` (INT64_MIN: only look; INT64_MAX: no limit) or a ring.
 * Returns how many were stored, at most `cap`; 0 after a ring, the deadline or a signal. */
int weft__poller_wait(weft__poller *p, weft__poll_event *events, int cap, int64_t deadline_ns);

/* Make the one that waits, or the next that would, return. */
void weft__poller_ring(weft__poller *p);

/* Doorbells between processes: descriptors that wake a poller which watches them. */
weft_err weft__bell_open(int *fd);
void weft__bell_ring(int fd);
void weft__bell_drain(int fd);

#endif
