/* Streams and descriptors that are waited for. What a peer sends is read, and what says that there is room is
 * noticed, by who tries just then too: the end of an execution in which somebody still waits is a deadlock. Who
 * closes waits until nobody is inside, and no longer.
 *
 * The socket has no order of its own for how much there is: what its reader has to see comes with the bits of
 * ready.c. */
#include "model/leave.h"

#include "loop/loop.h"
#include "loop/stream.h"
#include "port/address.h"
#include "port/fd.h"
#include "weft/io.h"

enum {
    FD = 0,
    DUE = 5,
    BYTES = 2,
    WATCH = 8 /* the number of a watch, above its bits in `armed` */
};

static weft_stream *stream;
static model_plain descriptor; /* written by who closes it; read by who uses it */
static model_plain payload[BYTES];
static WEFT_ATOMIC(uint32_t) arrived, ended, written,
    drained;                                    /* bytes; that there will be no more */
static WEFT_ATOMIC(uint32_t) inside, outside;   /* who tried, a bit each; how many are done */
static WEFT_ATOMIC(uint32_t) armed, bell, over; /* of the poller, for weft_ready */
static uint32_t got;
static bool closed;
static uint64_t stream_key; /* set before the threads begin */

/* What the library asks of others. */
static void ring(void)
{
    weft_atomic_fetch_add(&bell, 1, WEFT_SEQ_CST);
    weft__futex_wake(&bell, 1, false);
}

weft_err weft__poller_set(weft__poller *p, int fd, unsigned what, uint64_t key)
{
    (void)p;
    require(fd == FD && (uint32_t)key == FD);
    if (what & WEFT__POLL_EDGE) {
        stream_key = key;
        return WEFT_OK;
    }
    weft_atomic_exchange(&armed,
                         (uint32_t)(key >> 32) << WATCH | (what & (WEFT__POLL_IN | WEFT__POLL_OUT)),
                         WEFT_SEQ_CST);
    ring();
    return WEFT_OK;
}

void weft__poller_unset(weft__poller *p, int fd)
{
    (void)p, (void)fd;
}

weft_err weft__fd_wait(int fd, unsigned what, int64_t deadline_ns)
{
    (void)fd, (void)what, (void)deadline_ns;
    return WEFT_LATE;
}

weft_err weft__fd_nonblock(int fd, bool on)
{
    (void)fd, (void)on;
    require(false);
    return WEFT_OK;
}

bool weft__address_is_named(const weft_address *a)
{
    (void)a;
    return false;
}

const char *weft_address_text(const weft_address *a, char *text, size_t cap)
{
    (void)a, (void)cap;
    return text;
}

void weft__socket_break(int fd)
{
    (void)fd;
    require(false);
}

void weft__fd_close(int fd)
{
    require(fd == FD && !closed);
    closed = true;
    model_write(&descriptor, 2);
}

static void use(int fd)
{
    require(fd == FD && model_read(&descriptor) == 1);
    weft_atomic_fetch_or(&inside, 1u << model_thread(), WEFT_RELEASE);
    weft__futex_wake(&inside, 1, false);
}

/* What is there, at most `cap`. */
weft_err weft__stream_read(int fd, weft__fd_kind kind, void *buf, size_t cap, size_t *n)
{
    (void)kind, (void)buf;
    use(fd);
    bool last = weft_atomic_load(&ended, WEFT_ACQUIRE);
    uint32_t there = weft_atomic_load(&arrived, WEFT_ACQUIRE);
    for (*n = 0; *n < cap && got < there; ++*n, ++got)
        require(model_read(&payload[got]) == 1);
    return *n > 0 || last ? WEFT_OK : WEFT_EMPTY;
}

/* There is room for one byte that was not drained. */
weft_err weft__stream_write(int fd, weft__fd_kind kind, const weft_slice *v, int n, size_t *wrote)
{
    (void)kind;
    use(fd);
    uint32_t out = weft_atomic_load(&written, WEFT_RELAXED);
    require(n == 1 && v->len > 0);
    if (out > weft_atomic_load(&drained, WEFT_ACQUIRE))
        return WEFT_EMPTY;
    *wrote = 1;
    weft_atomic_store(&written, out + 1, WEFT_RELEASE);
    weft__futex_wake(&written, 1, false);
    return WEFT_OK;
}

static void begin(void)
{
    begin_workers();
    stream = NULL;
    require(weft__readiness_open(&rt) == WEFT_OK);
    weft_atomic_store(&arrived, 0, WEFT_RELAXED);
    weft_atomic_store(&ended, 0, WEFT_RELAXED);
    weft_atomic_store(&written, 0, WEFT_RELAXED);
    weft_atomic_store(&drained, 0, WEFT_RELAXED);
    weft_atomic_store(&inside, 0, WEFT_RELAXED);
    weft_atomic_store(&outside, 0, WEFT_RELAXED);
    weft_atomic_store(&armed, 0, WEFT_RELAXED);
    weft_atomic_store(&bell, 0, WEFT_RELAXED);
    weft_atomic_store(&over, 0, WEFT_RELAXED);
    model_write(&descriptor, 1);
    got = 0;
    closed = false;
}

static void with_stream(void)
{
    begin();
    require(weft__stream_of(&rt, FD, WEFT__FD_TCP, (weft_address){0}, &stream) == WEFT_OK);
}

static void with_thread(void)
{
    with_stream();
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

static void bare(void)
{
    begin();
}

static void bare_thread(void)
{
    begin();
    tasks[0].waiter.kind = WEFT__WAITER_THREAD;
}

/* Nobody is in it any more. */
static void all_freed(void)
{
    if (stream)
        weft_close(&stream);
    weft__readiness_close(&rt);
    require(model_held() == 0);
}

static void await(weft__futex *word, uint32_t least)
{
    for (uint32_t n; (n = weft_atomic_load(word, WEFT_ACQUIRE)) < least;)
        weft__futex_wait(word, n, INT64_MAX, false);
}

static void sends(int byte)
{
    model_write(&payload[byte], 1);
    weft_atomic_store(&arrived, (uint32_t)byte + 1, WEFT_RELEASE);
}

/* What the poller's holder does with an event. */
static void event(unsigned what)
{
    rt.poll.ready(&rt, stream_key, what);
}

static weft_err reads(size_t *n, weft_deadline by)
{
    char buf[BYTES + 1];
    return weft_read(stream, buf, sizeof buf, n, by);
}

static void reads_bytes(size_t bytes)
{
    for (size_t n, all = 0; all < bytes; all += n)
        require(reads(&n, WEFT_FOREVER) == WEFT_OK);
}

/* Two changes, of which the poller may see one. */
static void peer_sends_two(void)
{
    sends(0);
    if (model_choose(2))
        event(WEFT__POLL_IN);
    sends(1);
    event(WEFT__POLL_IN);
}

static void read_two(int i)
{
    if (i > 0)
        peer_sends_two();
    else
        reads_bytes(2);
}

/* The peer ends: no event comes after that. */
static void read_end(int i)
{
    size_t n;
    if (i > 0) {
        sends(0);
        if (model_choose(2))
            event(WEFT__POLL_IN);
        weft_atomic_store(&ended, 1, WEFT_RELEASE);
        event(WEFT__POLL_IN | WEFT__POLL_END);
        return;
    }
    reads_bytes(1);
    require(reads(&n, WEFT_FOREVER) == WEFT_CLOSED);
    require(reads(&n, WEFT_FOREVER) == WEFT_CLOSED);
}

/* Late the first time, perhaps. */
static void read_late(int i)
{
    size_t n;
    if (i > 0) {
        sends(0);
        event(WEFT__POLL_IN);
        return;
    }
    weft_err e = reads(&n, (weft_deadline){DUE});
    require(e == WEFT_OK || e == WEFT_LATE);
    if (e == WEFT_LATE)
        reads_bytes(1);
}

static void peer_drains(void)
{
    await(&written, 1);
    weft_atomic_store(&drained, 1, WEFT_RELEASE);
    event(WEFT__POLL_OUT);
}

static void writes_two(void)
{
    require(weft_write(stream, "ab", 2, WEFT_FOREVER) == WEFT_OK);
}

static void write_two(int i)
{
    if (i > 0)
        peer_drains();
    else
        writes_two();
}

static void both(int i)
{
    if (i == 0) {
        reads_bytes(1);
    } else if (i == 1) {
        writes_two();
    } else {
        sends(0);
        event(WEFT__POLL_IN);
        peer_drains();
    }
}

/* It is closed while one is inside, to whom nothing comes. */
static void close_reader(int i)
{
    size_t n;
    if (i == 0) {
        require(reads(&n, WEFT_FOREVER) == WEFT_CLOSED);
        return;
    }
    await(&inside, 1);
    weft_close(&stream);
    require(closed);
}

/* Or something comes just then. */
static void close_and_event(int i)
{
    size_t n;
    if (i == 0) {
        weft_err e = reads(&n, WEFT_FOREVER);
        require(e == WEFT_OK || e == WEFT_CLOSED);
    } else if (i == 1) {
        await(&inside, 1);
        weft_close(&stream);
    } else {
        sends(0);
        event(WEFT__POLL_IN);
    }
}

/* While two are inside. */
static void close_both(int i)
{
    size_t n;
    if (i == 0) {
        require(reads(&n, WEFT_FOREVER) == WEFT_CLOSED);
    } else if (i == 1) {
        require(weft_write(stream, "ab", 2, WEFT_FOREVER) == WEFT_CLOSED);
    } else {
        await(&inside, 1 | 2);
        weft_close(&stream);
    }
}

/* One that reads again and again is sent away; then it is closed. */
static void stop(int i)
{
    size_t n;
    if (i == 0) {
        while (reads(&n, WEFT_FOREVER) == WEFT_OK)
            ;
        weft_atomic_store(&outside, 1, WEFT_RELEASE);
        weft__futex_wake(&outside, 1, false);
        return;
    }
    sends(0);
    event(WEFT__POLL_IN);
    weft_stream_stop(stream);
    await(&outside, 1);
    weft_close(&stream);
}

/* A descriptor of the program's own, which is readable and writable. Each event disarms it. */
static void polls(void)
{
    for (;;) {
        uint32_t heard = weft_atomic_load(&bell, WEFT_ACQUIRE);
        if (weft_atomic_load(&over, WEFT_ACQUIRE))
            return;
        uint32_t is = weft_atomic_exchange(&armed, 0, WEFT_SEQ_CST);
        uint32_t what = is & (WEFT__POLL_IN | WEFT__POLL_OUT);
        if (what == (WEFT__POLL_IN | WEFT__POLL_OUT) && model_choose(2))
            what = WEFT__POLL_IN;
        if (what)
            rt.poll.ready(&rt, (uint64_t)(is >> WATCH) << 32 | FD, what);
        else
            weft__futex_wait(&bell, heard, INT64_MAX, false);
    }
}

static void has_waited(uint32_t all)
{
    if (weft_atomic_fetch_add(&outside, 1, WEFT_ACQ_REL) + 1 < all)
        return;
    weft_atomic_store(&over, 1, WEFT_RELEASE);
    ring();
}

static void once(int i)
{
    if (i > 0) {
        polls();
        return;
    }
    require(weft_ready(FD, WEFT_READABLE, WEFT_FOREVER) == WEFT_OK);
    has_waited(1);
}

static void once_late(int i)
{
    if (i > 0) {
        polls();
        return;
    }
    weft_err e = weft_ready(FD, WEFT_READABLE, (weft_deadline){DUE});
    require(e == WEFT_OK || e == WEFT_LATE);
    require(weft_ready(FD, WEFT_READABLE, WEFT_FOREVER) == WEFT_OK);
    has_waited(1);
}

static void once_two(int i)
{
    if (i == 2) {
        polls();
        return;
    }
    require(weft_ready(FD, i == 0 ? WEFT_READABLE : WEFT_WRITABLE, WEFT_FOREVER) == WEFT_OK);
    has_waited(2);
}

const model models[] = {{"loop.read", 2, with_stream, read_two, all_freed},
                        {"loop.end", 2, with_stream, read_end, all_freed},
                        {"loop.late", 2, with_thread, read_late, all_freed},
                        {"loop.write", 2, with_stream, write_two, all_freed},
                        {"loop.close", 2, with_stream, close_reader, all_freed},
                        {"loop.stop", 2, with_stream, stop, all_freed},
                        {"loop.once", 2, bare, once, all_freed},
                        {"loop.once-late", 2, bare_thread, once_late, all_freed},
                        {"loop.both", 3, with_stream, both, all_freed},
                        {"loop.close-event", 3, with_stream, close_and_event, all_freed},
                        {"loop.close-both", 3, with_stream, close_both, all_freed},
                        {"loop.once-two", 3, bare, once_two, all_freed},
                        {NULL, 0, NULL, NULL, NULL}};
