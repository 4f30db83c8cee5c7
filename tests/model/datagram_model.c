/* A socket for datagrams that is closed while others are in it: they come back, although nothing comes and there
 * is no room for what they send; who closes waits until they have, and then nobody uses it. */
#include "weft/datagram.h"

#include "model/leave.h"
#include "port/address.h"
#include "port/datagram.h"
#include "port/fd.h"
#include "weft/io.h"

enum { SOCKET = 0, ROOM = 1, DESCRIPTORS = 2, RECEIVES = 1, SENDS = 2 };

static weft_datagram *datagram;
static model_plain open_of[DESCRIPTORS]; /* written by who closes it; read by who uses it */
static WEFT_ATOMIC(uint32_t) stopped[DESCRIPTORS];
static WEFT_ATOMIC(uint32_t) inside; /* who has come in: RECEIVES, SENDS */
static WEFT_ATOMIC(uint32_t) done;
static bool comes;   /* a datagram is there */
static bool stuffed; /* the socket itself has no room */

/* What the library asks of others. */
weft_err weft_address_parse(weft_address *a, const char *text)
{
    (void)a, (void)text;
    return WEFT_OK;
}

const char *weft_address_text(const weft_address *a, char *text, size_t cap)
{
    (void)a, (void)text, (void)cap;
    return "";
}

weft__family weft__address_family(const weft_address *a)
{
    (void)a;
    return WEFT__FAMILY_UNIX;
}

void weft__address_map(weft_address *a)
{
    (void)a;
}

void weft__address_unmap(weft_address *a)
{
    (void)a;
}

void weft__datagram_address(int fd, weft_address *a)
{
    (void)fd, (void)a;
}

static void opened(int fd)
{
    model_write(&open_of[fd], 1);
}

static void comes_in(uint32_t who)
{
    weft_atomic_fetch_or(&inside, who, WEFT_RELEASE);
    weft__futex_wake(&inside, 1, false);
}

weft_err weft__datagram_open(weft_address *at, int *fd, uint64_t *node)
{
    (void)at;
    *node = 0;
    *fd = SOCKET;
    opened(SOCKET);
    return WEFT_OK;
}

weft_err weft__datagram_open_for(const weft_address *to, weft_address *at, int *fd)
{
    (void)to;
    comes_in(SENDS);
    *at = (weft_address){0};
    *fd = SOCKET;
    opened(SOCKET);
    return WEFT_OK;
}

/* The receiver's queue is full. */
weft_err weft__datagram_send(int fd, const void *buf, size_t len, const weft_address *to)
{
    (void)buf, (void)len, (void)to;
    require(fd == SOCKET && model_read(&open_of[fd]) == 1);
    comes_in(SENDS);
    return WEFT_EMPTY;
}

weft_err weft__datagram_receive(int fd, void *buf, size_t cap, bool ask, size_t *len,
                                weft_address *from)
{
    (void)buf, (void)cap, (void)ask, (void)len, (void)from;
    comes_in(RECEIVES);
    require(fd == SOCKET && model_read(&open_of[fd]) == 1);
    return comes ? WEFT_OK : WEFT_EMPTY;
}

weft_err weft__datagram_room(const weft_address *to, int *fd)
{
    (void)to;
    *fd = ROOM;
    opened(ROOM);
    return WEFT_OK;
}

void weft__datagram_stop(int fd)
{
    require(model_read(&open_of[fd]) == 1);
    weft_atomic_store(&stopped[fd], 1, WEFT_RELEASE);
    weft__futex_wake(&stopped[fd], 2, false);
}

void weft__datagram_close(int fd, uint64_t node)
{
    (void)node;
    model_write(&open_of[fd], 2);
}

void weft__fd_close(int fd)
{
    model_write(&open_of[fd], 2);
}

/* The socket itself is writable, unless it is stuffed; all else becomes ready when it is stopped. */
weft_err weft_ready(int fd, weft_readiness what, weft_deadline by)
{
    (void)by;
    require(model_read(&open_of[fd]) == 1);
    if (fd == SOCKET && what == WEFT_WRITABLE && !stuffed)
        return WEFT_OK;
    while (weft_atomic_load(&stopped[fd], WEFT_ACQUIRE) == 0)
        weft__futex_wait(&stopped[fd], 0, INT64_MAX, false);
    return WEFT_OK;
}

static void begin(const char *at)
{
    begin_workers();
    for (int i = 0; i < DESCRIPTORS; i++)
        weft_atomic_store(&stopped[i], 0, WEFT_RELAXED);
    weft_atomic_store(&inside, 0, WEFT_RELAXED);
    weft_atomic_store(&done, 0, WEFT_RELAXED);
    stuffed = false;
    require(weft_datagram_open(&rt, &datagram, at) == WEFT_OK);
}

static void at_home(void)
{
    begin("unix:here");
    comes = false;
}

static void one_came(void)
{
    begin("unix:here");
    comes = true;
}

static void nowhere(void)
{
    begin(NULL);
    comes = false;
}

static void nowhere_without_room(void)
{
    nowhere();
    stuffed = true;
}

static void receives(void)
{
    char buf[1];
    size_t len;
    weft_address from;
    weft_err e = weft_datagram_receive(datagram, buf, sizeof buf, &len, &from, WEFT_FOREVER);
    require(e == (comes ? WEFT_OK : WEFT_CLOSED));
}

static void sends(void)
{
    weft_address to = {0};
    require(weft_datagram_send(datagram, "", 1, &to, WEFT_FOREVER) == WEFT_CLOSED);
}

static void closes_once(uint32_t who)
{
    weft_datagram *d = datagram;
    for (uint32_t seen; ((seen = weft_atomic_load(&inside, WEFT_ACQUIRE)) & who) != who;)
        weft__futex_wait(&inside, seen, INT64_MAX, false);
    weft_datagram_close(&d);
    require(model_held() == 0);
}

static void receive(int i)
{
    if (i == 0)
        receives();
    else
        closes_once(RECEIVES);
}

static void send(int i)
{
    if (i == 0)
        sends();
    else
        closes_once(SENDS);
}

/* It is stopped, and closed once the other one is done. Who sends is told so from then on. */
static void stop(int i)
{
    if (i == 0) {
        sends();
        sends();
        weft_atomic_store(&done, 1, WEFT_RELEASE);
        weft__futex_wake(&done, 1, false);
        return;
    }
    weft_datagram_stop(datagram);
    while (weft_atomic_load(&done, WEFT_ACQUIRE) == 0)
        weft__futex_wait(&done, 0, INT64_MAX, false);
    closes_once(0);
}

static void both(int i)
{
    if (i == 0)
        receives();
    else if (i == 1)
        sends();
    else
        closes_once(RECEIVES | SENDS);
}

const model models[] = {{"datagram.receive", 2, at_home, receive, NULL},
                        {"datagram.received", 2, one_came, receive, NULL},
                        {"datagram.send", 2, at_home, send, NULL},
                        {"datagram.first-send", 2, nowhere, send, NULL},
                        {"datagram.first-stuffed", 2, nowhere_without_room, send, NULL},
                        {"datagram.stop", 2, at_home, stop, NULL},
                        {"datagram.both", 3, at_home, both, NULL},
                        {NULL, 0, NULL, NULL, NULL}};
