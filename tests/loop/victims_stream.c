/* Victims that wait for streams, listeners and descriptors. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/victim.h"
#include "weft/io.h"

enum { PIECE = 40, BIG = 6000 };

weft_err victim_run(void *arg)
{
    struct victim *v = arg;
    weft_err e = WEFT_OK;
    for (int i = 0; i < v->calls && e == WEFT_OK; i++)
        e = v->kind->call(v);
    v->e = e;
    return e;
}

/* A TCP connection, a socket pair or a pipe; what is written to s[1] is read from s[0]. */
static void connect_them(struct victim *v)
{
    weft_address a;
    v->sort = (int)victim_pick(v, 3);
    if (v->sort == 0) {
        victim_ok(v, weft_pipe(v->w, &v->s[0], &v->s[1]));
    } else if (v->sort == 1) {
        victim_ok(v, weft_stream_pair(v->w, v->s));
    } else {
        victim_ok(v, weft_listen(v->w, &v->l, "127.0.0.1:0", NULL));
        weft_listener_address(v->l, &a);
        weft_address_text(&a, v->at, sizeof v->at);
        victim_ok(v, weft_dial(v->w, &v->s[0], v->at, weft_in_s(20)));
        victim_ok(v, weft_accept(v->l, &v->s[1], weft_in_s(20)));
        weft_listener_close(&v->l);
    }
}

/* Reads: bytes are given by the test, and taken by the victim; what it did not take is still there. */

static weft_err read_some(struct victim *v)
{
    char buf[PIECE];
    size_t got = 0, n = 1 + victim_chance(v, sizeof buf);
    weft_err e;
    switch (victim_chance(v, 3)) {
    case 0:
        e = weft_read(v->s[0], buf, n, &got, WEFT_FOREVER);
        break;
    case 1:
        e = weft_read_full(v->s[0], buf, n, &got, WEFT_FOREVER);
        break;
    default:
        e = weft_read_until(v->s[0], "\n", buf, sizeof buf, &got, WEFT_FOREVER);
    }
    if (e == WEFT_OK && (got == 0 || !victim_right(buf, got, v->taken)))
        VICTIM_FAULT(v, "%zu wrong bytes from %zu on", got, v->taken);
    if (e == WEFT_OK)
        v->taken += got;
    return e;
}

static void write_a_piece(struct victim *v)
{
    char buf[PIECE];
    size_t n = 1 + victim_pick(v, sizeof buf);
    victim_fill(buf, n, v->given);
    victim_ok(v, weft_write(v->s[1], buf, n, weft_in_s(20)));
    v->given += n;
}

/* Read up to `most` of what is there; whether there was something. */
static bool drink(struct victim *v, size_t most, weft_deadline by)
{
    char buf[BIG];
    size_t got;
    weft_err e = weft_read(v->s[0], buf, most, &got, by);
    if (e == WEFT_LATE)
        return false;
    victim_ok(v, e);
    if (!victim_right(buf, got, v->taken))
        fail_msg("%s: %zu wrong bytes from %zu on", v->kind->name, got, v->taken);
    v->taken += got;
    return true;
}

static void drink_all(struct victim *v)
{
    while (v->taken < v->given)
        if (!drink(v, BIG, weft_in_s(20)))
            fail_msg("%s: %zu of %zu bytes came", v->kind->name, v->taken, v->given);
    while (drink(v, BIG, WEFT_NOW))
        ;
    if (v->taken != v->given)
        fail_msg("%s: %zu of %zu bytes came", v->kind->name, v->taken, v->given);
    weft_close(&v->s[0]);
    weft_close(&v->s[1]);
}

/* Writes: what the victim says that it wrote is what comes. */

static void connect_and_fill(struct victim *v)
{
    connect_them(v);
    int fd = weft_stream_fd(v->s[1]), small = 4096;
    if (v->sort == 0)
        (void)fcntl(fd, F_SETPIPE_SZ, small);
    else
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
}

static weft_err write_some(struct victim *v)
{
    char buf[BIG];
    size_t n = 1 + victim_chance(v, sizeof buf), a = victim_chance(v, n), done = n;
    victim_fill(buf, n, v->given);
    weft_slice two[] = {{buf, a}, {buf + a, n - a}};
    weft_err e = victim_chance(v, 2) ? weft_write(v->s[1], buf, n, WEFT_FOREVER)
                                     : weft_write_slices(v->s[1], two, 2, WEFT_FOREVER);
    if (e != WEFT_OK) {
        v->cut = sscanf(weft_detail(), "%zu bytes were written", &done) == 1;
        done = v->cut ? done : 0;
    }
    if (e != WEFT_OK && v->cut && (done == 0 || done >= n))
        VICTIM_FAULT(v, "%zu of %zu bytes were written: %s", done, n, weft_detail());
    v->given += done;
    return e;
}

static void drink_a_little(struct victim *v)
{
    (void)drink(v, 1 + victim_pick(v, BIG / 2), WEFT_NOW);
}

static void drink_what_was_written(struct victim *v)
{
    char c = victim_byte(v->given);
    if (v->cut) /* the rest of its message is missing, so there is no next */
        assert_int_equal(weft_write(v->s[1], &c, 1, WEFT_NOW), WEFT_INVALID);
    drink_all(v);
}

/* Accepting: connections are given, and taken by the victim or still to be accepted. */

static void listen_at_some(struct victim *v)
{
    weft_address a;
    char name[64];
    v->sort = (int)victim_pick(v, 2);
    snprintf(name, sizeof name, "unix:@weft-victim-%d-%d", (int)getpid(), v->number);
    victim_ok(v, weft_listen(v->w, &v->l, v->sort ? name : "127.0.0.1:0", NULL));
    weft_listener_address(v->l, &a);
    weft_address_text(&a, v->at, sizeof v->at);
}

static weft_err accept_one(struct victim *v)
{
    weft_stream *s;
    weft_err e = weft_accept(v->l, &s, WEFT_FOREVER);
    if (e == WEFT_OK) {
        v->taken++;
        weft_close(&s);
    }
    return e;
}

static void dial_it(struct victim *v)
{
    if (v->given == VICTIM_PEERS)
        return;
    victim_ok(v, weft_dial(v->w, &v->peer[v->given], v->at, weft_in_s(20)));
    v->given++;
}

static void accept_the_rest(struct victim *v)
{
    weft_stream *s;
    weft_err e;
    while ((e = weft_accept(v->l, &s, WEFT_NOW)) == WEFT_OK) {
        v->taken++;
        weft_close(&s);
    }
    assert_int_equal(e, WEFT_LATE);
    if (v->taken != v->given)
        fail_msg("%s: %zu of %zu connections came", v->kind->name, v->taken, v->given);
    for (size_t i = 0; i < v->given; i++)
        weft_close(&v->peer[i]);
    weft_listener_close(&v->l);
}

/* A listener whose backlog is full: no answer comes to who dials. */
static int full[3], full_port;
/* A port that is taken, and at which nobody listens. */
static int none, none_port;

static int port_of(int fd)
{
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

void victims_open_full(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    full[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(full[0], (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(full[0], 0), 0);
    full_port = port_of(full[0]);
    in.sin_port = htons((uint16_t)full_port);
    for (int i = 1; i < 3;
         i++) { /* a backlog of 0 has room for one; the other stays in front of it */
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(full[i], (struct sockaddr *)&in, sizeof in);
    }
    none = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_port = 0;
    assert_int_equal(bind(none, (struct sockaddr *)&in, sizeof in), 0);
    none_port = port_of(none);
}

void victims_close_full(void)
{
    for (int i = 0; i < 3; i++)
        close(full[i]);
    close(none);
}

/* Dialling: what the victim has connected can be accepted, and so may what it gave up. By address, or by a name
 * whose first address is a port where nobody listens. */

static void listen_or_name(struct victim *v)
{
    listen_at_some(v);
    const char *port = strrchr(v->at, ':');
    char name[64];
    if (v->sort || !victim_pick(v, 2))
        return;
    snprintf(name, sizeof name, "fake-full-%d%s", none_port, port);
    memcpy(v->at, name, sizeof name);
}

static weft_err dial_listener(struct victim *v)
{
    weft_stream *s;
    weft_err e = weft_dial(v->w, &s, v->at, WEFT_FOREVER);
    if (e == WEFT_OK) {
        v->given++;
        weft_close(&s);
    }
    return e;
}

static void accept_now(struct victim *v)
{
    weft_stream *s;
    weft_err e = weft_accept(v->l, &s, WEFT_NOW);
    assert_true(e == WEFT_OK || e == WEFT_LATE);
    if (e == WEFT_OK) {
        v->taken++;
        weft_close(&s);
    }
}

static void accept_all(struct victim *v)
{
    size_t before;
    do {
        before = v->taken;
        accept_now(v);
    } while (v->taken > before);
    if (v->taken < v->given || v->taken > v->given + 1)
        fail_msg("%s: %zu connections were made, and %zu came", v->kind->name, v->given, v->taken);
    weft_listener_close(&v->l);
}

/* The address itself, or a name that has a port where nobody listens and then it. */
static void aim_at_full(struct victim *v)
{
    v->sort = (int)victim_pick(v, 2);
    snprintf(v->at, sizeof v->at, v->sort ? "127.0.0.1:%d" : "fake-full-%d:%d",
             v->sort ? full_port : none_port, full_port);
}

static weft_err dial_full(struct victim *v)
{
    weft_stream *s;
    weft_err e = weft_dial(v->w, &s, v->at, WEFT_FOREVER);
    if (e == WEFT_OK) {
        VICTIM_FAULT(v, "it was connected to one whose backlog is full");
        weft_close(&s);
    }
    return e;
}

static void nothing(struct victim *v)
{
    (void)v;
}

/* Readiness of a descriptor of the program's own. */

static void open_descriptors(struct victim *v)
{
    char full_of[4096] = {0};
    v->sort = (int)victim_pick(v, 2);
    assert_int_equal(pipe2(v->fd, O_NONBLOCK | O_CLOEXEC), 0);
    if (v->sort == 0)
        return;
    assert_true(fcntl(v->fd[1], F_SETPIPE_SZ, (int)sizeof full_of) >= 0);
    while (write(v->fd[1], full_of, sizeof full_of) > 0)
        v->given += sizeof full_of;
}

static weft_err await_descriptor(struct victim *v)
{
    char page[4096] = {0};
    bool reads = v->sort == 0;
    weft_err e = weft_ready(v->fd[!reads], reads ? WEFT_READABLE : WEFT_WRITABLE, WEFT_FOREVER);
    if (e != WEFT_OK)
        return e;
    ssize_t n = reads ? read(v->fd[0], page, 1) : write(v->fd[1], page, sizeof page);
    if (n <= 0)
        VICTIM_FAULT(v, "it is not ready");
    else if (reads)
        v->taken++;
    else
        v->given += (size_t)n;
    return e;
}

static void move_a_descriptor(struct victim *v)
{
    char page[4096] = {0};
    ssize_t n = v->sort == 0 ? write(v->fd[1], page, 1) : read(v->fd[0], page, sizeof page);
    if (n > 0)
        *(v->sort == 0 ? &v->given : &v->taken) += (size_t)n;
}

static void empty_descriptors(struct victim *v)
{
    char page[4096];
    for (ssize_t n; (n = read(v->fd[0], page, sizeof page)) > 0;)
        v->taken += (size_t)n;
    assert_int_equal(v->taken, v->given);
    close(v->fd[0]);
    close(v->fd[1]);
}

const victim_kind victims_of_streams[] = {
    {"reads", connect_them, read_some, write_a_piece, drink_all},
    {"writes", connect_and_fill, write_some, drink_a_little, drink_what_was_written},
    {"accepts", listen_at_some, accept_one, dial_it, accept_the_rest},
    {"dials", listen_or_name, dial_listener, accept_now, accept_all},
    {"dials in vain", aim_at_full, dial_full, nothing, nothing},
    {"awaits a descriptor", open_descriptors, await_descriptor, move_a_descriptor,
     empty_descriptors},
};
const size_t victims_of_streams_n = sizeof victims_of_streams / sizeof *victims_of_streams;
