/* Sockets for datagrams.
 *
 * V1 One receives and one sends at a time: S1 of loop/door.h.
 * V2 `fd` and `room` change under the guard, by the one that sends. Who stops or closes says so at the door before
 *    it takes the guard to stop them; who puts one there looks at the door under the guard. So none is waited for
 *    that was not stopped. */
#include "weft/datagram.h"

#include <stdlib.h>

#include "loop/door.h"
#include "loop/turn.h"
#include "port/datagram.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/guard.h"
#include "weft/io.h"
#include "weft/task.h"

enum { RECEIVING = 1, SENDING = 2 };
/* No datagram of UDP is longer. */
enum { UDP_MOST = 65535 };

struct weft_datagram {
    weft__door door;
    weft__guard guard;     /* V2 */
    WEFT_ATOMIC(int) fd;   /* -1: it has no address yet; set once */
    int room;              /* while somebody waits for room at a receiver, else -1 */
    weft__family family;   /* of the socket; set before `fd` */
    uint64_t node;         /* of its file */
    size_t received, sent; /* loop/turn.h; of who receives, and who sends */
};

static weft_err closed(void)
{
    return weft__fail(WEFT_CLOSED, "datagram: it was stopped or closed by another task");
}

static weft_err enter(weft_datagram *d, uint32_t who)
{
    const char *does = who == RECEIVING ? "receive" : "send";
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "datagram: %s: %s was cancelled", does, weft_task_name());
    weft_err e = weft__door_enter(&d->door, who);
    if (e == WEFT_INVALID)
        return weft__fail(e, "datagram: %s: another task does that already", does);
    return e == WEFT_OK ? WEFT_OK : closed();
}

static weft_err late(const weft_datagram *d, weft_readiness what, weft_deadline by)
{
    weft_address at;
    char text[WEFT_ADDRESS_TEXT];
    const char *why = what == WEFT_READABLE ? "receive: nothing came" : "send: there was no room";
    if (by.ns == INT64_MIN) /* in a loop, and no news */
        return weft__fail(WEFT_LATE, "datagram: %s", why);
    weft_datagram_address(d, &at);
    return weft__fail(WEFT_LATE, "datagram at %s: %s before the deadline",
                      weft_address_text(&at, text, sizeof text), why);
}

static weft_err await(weft_datagram *d, int fd, weft_readiness what, weft_deadline by)
{
    weft_err e = weft_ready(fd, what, by);
    if (weft__door_stopped(&d->door))
        return closed();
    if (e == WEFT_LATE)
        return late(d, what, by);
    return e == WEFT_OK
               ? e
               : weft__fail_in(e, "datagram: %s", what == WEFT_READABLE ? "receive" : "send");
}

weft_err weft_datagram_open(weft *w, weft_datagram **out, const char *at)
{
    (void)w;
    weft_address a = {0};
    int fd = -1;
    weft_err e = at ? weft_address_parse(&a, at) : WEFT_OK;
    if (e != WEFT_OK)
        return weft__fail_in(e, "datagram: open");
    weft_datagram *d = calloc(1, sizeof *d);
    if (!d)
        return weft__fail(WEFT_NOMEM, "datagram: open: out of memory");
    if (at)
        e = weft__datagram_open(&a, &fd, &d->node);
    if (e != WEFT_OK) {
        free(d);
        return e;
    }
    d->family = weft__address_family(&a);
    d->room = -1;
    weft_atomic_store(&d->fd, fd, WEFT_RELEASE); /* socket_of */
    *out = d;
    return WEFT_OK;
}

static int socket_of(const weft_datagram *d)
{
    return weft_atomic_load(&d->fd, WEFT_ACQUIRE); /* pairs with weft_datagram_open and open_for */
}

void weft_datagram_address(const weft_datagram *d, weft_address *a)
{
    int fd = socket_of(d);
    *a = (weft_address){0};
    if (fd >= 0)
        weft__datagram_address(fd, a);
}

/* The first send of one without an address. */
static weft_err open_for(weft_datagram *d, const weft_address *to)
{
    weft_address at;
    int fd;
    weft_err e = weft__datagram_open_for(to, &at, &fd);
    if (e != WEFT_OK)
        return e;
    weft__guard_take(&d->guard); /* V2 */
    d->family = weft__address_family(&at);
    weft_atomic_store(&d->fd, fd, WEFT_RELEASE); /* socket_of */
    weft__guard_drop(&d->guard);
    return weft__door_stopped(&d->door) ? closed() : WEFT_OK;
}

/* Prepare for `to`: in the form in which the socket takes it. */
static weft_err aim(weft_datagram *d, weft_address *to)
{
    char text[WEFT_ADDRESS_TEXT];
    weft__family family = weft__address_family(to);
    if (family == WEFT__FAMILY_NONE || family == WEFT__FAMILY_OTHER)
        return weft__fail(WEFT_INVALID, "datagram: send: no address to send to");
    weft_err e = socket_of(d) >= 0 ? WEFT_OK : open_for(d, to);
    if (e != WEFT_OK)
        return e;
    if (d->family == WEFT__FAMILY_IPV6)
        weft__address_map(to);
    else
        weft__address_unmap(to);
    if (weft__address_family(to) == d->family)
        return WEFT_OK;
    return weft__fail(WEFT_INVALID, "datagram: send: %s cannot be reached from %s socket",
                      weft_address_text(to, text, sizeof text),
                      d->family == WEFT__FAMILY_UNIX   ? "a unix"
                      : d->family == WEFT__FAMILY_IPV4 ? "an IPv4"
                                                       : "an IPv6");
}

/* Put `room` where the closer finds it, or -1. False: it came already. */
static bool set_room(weft_datagram *d, int room)
{
    weft__guard_take(&d->guard); /* V2 */
    d->room = room;
    bool open = !weft__door_stopped(&d->door);
    weft__guard_drop(&d->guard);
    return open;
}

/* Wait until the unix socket at `to` has room: its queue is no concern of the sending socket. */
static weft_err await_room(weft_datagram *d, const weft_address *to, weft_deadline by)
{
    int room;
    weft_err e = weft__datagram_room(to, &room);
    if (e != WEFT_OK)
        return e;
    e = set_room(d, room) ? await(d, room, WEFT_WRITABLE, by) : closed();
    (void)set_room(d, -1);
    weft__fd_close(room);
    return e;
}

static weft_err send_to(weft_datagram *d, const void *buf, size_t len, const weft_address *receiver,
                        weft_deadline by)
{
    weft_address to = *receiver;
    weft_err e = aim(d, &to);
    while (e == WEFT_OK) {
        int fd = socket_of(d);
        e = weft__datagram_send(fd, buf, len, &to);
        if (e != WEFT_EMPTY)
            return weft__door_stopped(&d->door) && e != WEFT_OK ? closed() : e;
        e = await(d, fd, WEFT_WRITABLE, by);
        if (e == WEFT_OK && d->family == WEFT__FAMILY_UNIX)
            e = await_room(d, &to, by);
    }
    return e;
}

weft_err weft_datagram_send(weft_datagram *d, const void *buf, size_t len, const weft_address *to,
                            weft_deadline by)
{
    weft_err e = enter(d, SENDING);
    if (e != WEFT_OK)
        return e;
    e = send_to(d, buf, len, to, by);
    if (e == WEFT_OK)
        weft__no_wait(&d->sent, len);
    weft__door_leave(&d->door, SENDING);
    return e;
}

static weft_err receive(weft_datagram *d, void *buf, size_t cap, size_t *len, weft_address *from,
                        weft_deadline by)
{
    int fd = socket_of(d);
    if (fd < 0)
        return weft__fail(WEFT_INVALID,
                          "datagram: receive: it has no address before its first send");
    bool ask = cap < UDP_MOST || d->family == WEFT__FAMILY_UNIX;
    for (;;) {
        weft_err e = weft__datagram_receive(fd, buf, cap, ask, len, from);
        if (e != WEFT_EMPTY)
            return e;
        e = await(d, fd, WEFT_READABLE, by);
        if (e != WEFT_OK)
            return e;
    }
}

weft_err weft_datagram_receive(weft_datagram *d, void *buf, size_t cap, size_t *len,
                               weft_address *from, weft_deadline by)
{
    weft_err e = enter(d, RECEIVING);
    if (e != WEFT_OK)
        return e;
    e = receive(d, buf, cap, len, from, by);
    if (e == WEFT_OK)
        weft__no_wait(&d->received, *len);
    weft__door_leave(&d->door, RECEIVING);
    return e;
}

/* Wake whoever waits: V2. */
static void wake(weft_datagram *d)
{
    weft__guard_take(&d->guard);
    int fd = socket_of(d);
    if (fd >= 0)
        weft__datagram_stop(fd);
    if (d->room >= 0)
        weft__datagram_stop(d->room);
    weft__guard_drop(&d->guard);
}

void weft_datagram_stop(weft_datagram *d)
{
    weft__door_stop(&d->door);
    wake(d);
}

void weft_datagram_close(weft_datagram **dp)
{
    weft_datagram *d = *dp;
    if (!d)
        return;
    *dp = NULL;
    weft_datagram_stop(d);
    weft__door_close(&d->door, "datagram");
    int fd = socket_of(d);
    if (fd >= 0)
        weft__datagram_close(fd, d->node);
    free(d);
}
