/* Datagrams: UDP over loopback, and unix sockets.
 * ctest: timeout=200 */
#define HANG_S 180

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "port/clock.h"
#include "task/fresh.h"
#include "weft/datagram.h"
#include "weft/sync.h"

enum { ROUNDS = 4000, ECHOES = 300 };

/* An abstract address that no other process has. */
static const char *mine(const char *name)
{
    enum { NAMES = 16 };
    static char text[NAMES][64];
    static int next;
    char *t = text[next++ % NAMES];
    snprintf(t, sizeof text[0], "unix:@weft-%s-%d", name, (int)getpid());
    return t;
}

static weft_datagram *open_at(const char *at)
{
    weft_datagram *d = NULL;
    if (weft_datagram_open(w, &d, at) != WEFT_OK)
        fail_msg("%s: %s", at ? at : "NULL", weft_detail());
    return d;
}

static weft_address address_of(const weft_datagram *d)
{
    weft_address a;
    weft_datagram_address(d, &a);
    return a;
}

static const char *text_of(const weft_address *a)
{
    static char text[WEFT_ADDRESS_TEXT];
    return weft_address_text(a, text, sizeof text);
}

/* One call, as a task or as a thread. */
struct call {
    weft_datagram *d;
    char buf[64];
    size_t len, cap;
    weft_address at;
    weft_deadline by;
    weft_err result;
    int done; /* atomic: it has left the call */
};

static weft_err receive(void *arg)
{
    struct call *c = arg;
    c->result = weft_datagram_receive(c->d, c->buf, c->cap, &c->len, &c->at, c->by);
    __atomic_store_n(&c->done, 1, __ATOMIC_RELEASE); /* pairs with until_in */
    return WEFT_OK;
}

static weft_err send_it(void *arg)
{
    struct call *c = arg;
    c->result = weft_datagram_send(c->d, c->buf, c->len, &c->at, c->by);
    __atomic_store_n(&c->done, 1, __ATOMIC_RELEASE); /* pairs with until_in */
    return WEFT_OK;
}

static struct call a_receive(weft_datagram *d, weft_deadline by)
{
    return (struct call){.d = d, .cap = 64, .by = by, .result = WEFT_STALE};
}

static struct call a_send(weft_datagram *d, weft_address to, const char *text, weft_deadline by)
{
    struct call c = {.d = d, .len = strlen(text), .at = to, .by = by, .result = WEFT_STALE};
    memcpy(c.buf, text, c.len);
    return c;
}

static weft_err send_text(weft_datagram *d, weft_address to, const char *text)
{
    struct call c = a_send(d, to, text, weft_in_s(20));
    ignore(run_at(weft_pool(w), send_it, &c));
    return c.result;
}

static struct call received(weft_datagram *d)
{
    struct call c = a_receive(d, weft_in_s(20));
    ignore(run_at(weft_pool(w), receive, &c));
    return c;
}

static weft_err echo(void *arg)
{
    weft_datagram *d = arg;
    char buf[512];
    for (int i = 0; i < ECHOES; i++) {
        weft_address from;
        size_t len;
        weft_err e = weft_datagram_receive(d, buf, sizeof buf, &len, &from, weft_in_s(60));
        if (e == WEFT_OK)
            e = weft_datagram_send(d, buf, len, &from, weft_in_s(60));
        if (e != WEFT_OK)
            return e;
    }
    return WEFT_OK;
}

struct talk {
    weft_datagram *d;
    weft_address to;
};

static weft_err talk(void *arg)
{
    struct talk *t = arg;
    for (int i = 0; i < ECHOES; i++) {
        char buf[512], back[512];
        weft_address from;
        size_t n = (size_t)i, len;
        memset(buf, i, n);
        weft_err e = weft_datagram_send(t->d, buf, n, &t->to, weft_in_s(60));
        if (e == WEFT_OK)
            e = weft_datagram_receive(t->d, back, sizeof back, &len, &from, weft_in_s(60));
        if (e != WEFT_OK)
            return e;
        if (len != n || memcmp(buf, back, n) != 0 || from.len != t->to.len ||
            memcmp(from.data, t->to.data, from.len) != 0)
            return weft__fail(WEFT_INVALID, "echo %d of %zu bytes came back as %zu", i, n, len);
    }
    return WEFT_OK;
}

static void two_tasks_echo(const char *at, const char *own)
{
    weft_datagram *server = open_at(at), *client = open_at(own);
    struct talk t = {client, address_of(server)};
    weft_scope s;
    if (own && strcmp(at, ":0") == 0) { /* every address: take one of them */
        char text[32];
        snprintf(text, sizeof text, "%s:%d", strchr(own, '[') ? "[::1]" : "127.0.0.1",
                 weft_address_port(&t.to));
        assert_int_equal(weft_address_parse(&t.to, text), WEFT_OK);
    }
    weft_scope_init(&s, weft_pool(w), "echo");
    assert_int_equal(weft_go(&s, echo, server), WEFT_OK);
    assert_int_equal(weft_go(&s, talk, &t), WEFT_OK);
    if (weft_scope_join(&s, weft_in_s(100)) != WEFT_OK)
        fail_msg("%s and %s: %s", at, own ? own : "NULL", weft_detail());
    weft_scope_fini(&s);
    weft_datagram_close(&server);
    weft_datagram_close(&client);
    assert_null(server);
    weft_datagram_close(&client);
}

static void tasks_echo_over_every_sort_of_socket(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-datagram-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "unix:%s/socket", folder);
    two_tasks_echo("127.0.0.1:0", "127.0.0.1:0");
    two_tasks_echo("127.0.0.1:0", NULL);
    two_tasks_echo("127.0.0.1:0", ":0");
    two_tasks_echo("[::1]:0", "[::1]:0");
    two_tasks_echo("[::1]:0", NULL);
    two_tasks_echo(":0", "127.0.0.1:0");
    two_tasks_echo(":0", "[::1]:0");
    two_tasks_echo(mine("datagram-test"), mine("datagram-test-2"));
    two_tasks_echo(mine("datagram-test"), NULL);
    two_tasks_echo(path, NULL);
    assert_int_equal(rmdir(folder), 0); /* the file is gone */
}

static void a_datagram_arrives_whole_with_its_sender(void **state)
{
    (void)state;
    weft_datagram *a = open_at(":0"), *b = open_at("127.0.0.1:0");
    weft_address all = address_of(a), to, own = address_of(b);
    char text[32];
    assert_true(weft_address_port(&all) > 0);
    snprintf(text, sizeof text, "127.0.0.1:%d", weft_address_port(&all));
    assert_int_equal(weft_address_parse(&to, text), WEFT_OK);
    assert_int_equal(send_text(b, to, "one"), WEFT_OK);
    assert_int_equal(send_text(b, to, ""), WEFT_OK);
    assert_int_equal(send_text(b, to, "three"), WEFT_OK);
    struct call c = received(a);
    assert_int_equal(c.result, WEFT_OK);
    assert_int_equal(c.len, 3);
    assert_memory_equal(c.buf, "one", 3);
    assert_memory_equal(&c.at, &own, sizeof own); /* IPv4, not what the socket makes of it */
    c = received(a);
    assert_int_equal(c.result, WEFT_OK);
    assert_int_equal(c.len, 0);
    /* A thread receives as well, at a deadline in the past too if something is there. */
    c = a_receive(a, WEFT_NOW);
    ignore(receive(&c));
    assert_int_equal(c.result, WEFT_OK);
    assert_int_equal(c.len, 5);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static void one_that_is_too_long_is_not_lost_for(const char *at)
{
    weft_datagram *a = open_at(at), *b = open_at(NULL);
    assert_int_equal(send_text(b, address_of(a), "0123456789"), WEFT_OK);
    assert_int_equal(send_text(b, address_of(a), "x"), WEFT_OK);
    for (size_t cap = 0; cap < 10; cap += 3) {
        struct call c = a_receive(a, weft_in_s(20));
        c.cap = cap;
        ignore(run_at(weft_pool(w), receive, &c));
        assert_int_equal(c.result, WEFT_TOOBIG);
        assert_int_equal(c.len, 10);
        assert_int_equal(c.at.len, 0);
        assert_int_equal(c.buf[0], 0);
    }
    struct call c = a_receive(a, weft_in_s(20));
    c.cap = 10;
    ignore(run_at(weft_pool(w), receive, &c));
    assert_int_equal(c.result, WEFT_OK);
    assert_memory_equal(c.buf, "0123456789", 10);
    assert_int_equal(received(a).len, 1);
    /* And what cannot be one is not sent. */
    size_t most = 4 << 20;
    char *huge = calloc(1, most);
    weft_address to = address_of(a);
    assert_non_null(huge);
    assert_int_equal(weft_datagram_send(b, huge, most, &to, weft_in_s(20)), WEFT_TOOBIG);
    c = a_receive(a, WEFT_NOW);
    ignore(receive(&c));
    assert_int_equal(c.result, WEFT_LATE);
    free(huge);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static void one_that_is_too_long_is_not_lost(void **state)
{
    (void)state;
    one_that_is_too_long_is_not_lost_for("127.0.0.1:0");
    one_that_is_too_long_is_not_lost_for("[::1]:0");
    one_that_is_too_long_is_not_lost_for(mine("datagram-long"));
}

static void the_longest_of_udp_is_received_with_room_for_it(void **state)
{
    (void)state;
    weft_datagram *a = open_at("127.0.0.1:0"), *b = open_at(NULL);
    weft_address to = address_of(a), from;
    size_t len = 0;
    char *sent = malloc(65507), *got = malloc(65536);
    assert_true(sent && got);
    memset(sent, 7, 65507);
    assert_int_equal(weft_datagram_send(b, sent, 65507, &to, weft_in_s(20)), WEFT_OK);
    assert_int_equal(weft_datagram_receive(a, got, 65536, &len, &from, weft_in_s(20)), WEFT_OK);
    assert_int_equal(len, 65507);
    assert_memory_equal(sent, got, len);
    free(sent);
    free(got);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static void a_wait_ends_late_and_takes_nothing(void **state)
{
    (void)state;
    weft_datagram *a = open_at("127.0.0.1:0"), *b = open_at(NULL);
    const weft_deadline by[] = {WEFT_NOW, {0}, {-1}, weft_in_ms(10)};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct call c = a_receive(a, by[i]), d = c;
        ignore(run_at(weft_pool(w), receive, &c));
        ignore(receive(&d));
        assert_int_equal(c.result, WEFT_LATE);
        assert_int_equal(d.result, WEFT_LATE);
        assert_non_null(strstr(weft_detail(), "receive: nothing came"));
    }
    assert_int_equal(send_text(b, address_of(a), "x"), WEFT_OK);
    assert_int_equal(received(a).len, 1);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static void nobody_at_a_port_is_no_error_of_another_call(void **state)
{
    (void)state;
    weft_datagram *a = open_at("127.0.0.1:0"), *gone = open_at("127.0.0.1:0"), *b = open_at(NULL);
    weft_address nobody = address_of(gone);
    weft_datagram_close(&gone);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send_text(a, nobody, "lost"), WEFT_OK);
        assert_int_equal(send_text(b, nobody, "lost"), WEFT_OK);
        assert_int_equal(send_text(b, address_of(a), "x"), WEFT_OK);
        assert_int_equal(received(a).result, WEFT_OK);
    }
    weft_datagram_close(&a);
    weft_datagram_close(&b);
    /* Between unix sockets it is known at once, and it is this call's answer. */
    weft_address none;
    b = open_at(NULL);
    assert_int_equal(weft_address_parse(&none, mine("datagram-nobody")), WEFT_OK);
    assert_int_equal(send_text(b, none, "x"), WEFT_REFUSED);
    assert_int_equal(weft_address_parse(&none, "unix:/nowhere/at/all"), WEFT_OK);
    assert_int_equal(send_text(b, none, "x"), WEFT_MISSING);
    weft_datagram_close(&b);
}

static void what_cannot_be_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        weft_err e;
    } bad[] = {
        {"localhost:80", WEFT_INVALID},         {"", WEFT_INVALID},
        {"192.0.2.1:0", WEFT_INVALID},          {"[2001:db8::1]:0", WEFT_INVALID},
        {"unix:/nowhere/at/all", WEFT_MISSING},
    };
    weft_datagram *d = NULL, *unix_one = open_at(mine("datagram-bad"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(weft_datagram_open(w, &d, bad[i].at), bad[i].e);
        assert_null(d);
        assert_non_null(strstr(weft_detail(), bad[i].at));
    }
    weft_datagram *a = open_at("127.0.0.1:0");
    weft_address at = address_of(a), six, none = {0};
    assert_int_equal(weft_datagram_open(w, &d, text_of(&at)), WEFT_INUSE);
    assert_int_equal(weft_datagram_open(w, &d, mine("datagram-bad")), WEFT_INUSE);
    assert_int_equal(weft_address_parse(&six, "[::1]:9"), WEFT_OK);
    assert_int_equal(send_text(a, six, "x"), WEFT_INVALID);
    assert_int_equal(send_text(a, none, "x"), WEFT_INVALID);
    assert_int_equal(send_text(a, address_of(unix_one), "x"), WEFT_INVALID);
    assert_int_equal(send_text(unix_one, at, "x"), WEFT_INVALID);
    weft_datagram *fresh = open_at(NULL);
    at = address_of(fresh);
    assert_string_equal(text_of(&at), "none");
    assert_int_equal(received(fresh).result, WEFT_INVALID);
    weft_datagram_close(&fresh);
    weft_datagram_close(&unix_one);
    weft_datagram_close(&a);
}

static void a_file_left_behind_is_replaced_and_others_are_not(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-datagram-XXXXXX", at[80], *path = at + 5;
    assert_non_null(mkdtemp(folder));
    snprintf(at, sizeof at, "unix:%s/socket", folder);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&un, sizeof un), 0);
    weft_datagram *d = NULL;
    assert_int_equal(weft_datagram_open(w, &d, at), WEFT_INUSE); /* it lives */
    close(dead);
    d = open_at(at);
    /* Somebody else's file of that name stays when this one goes. */
    assert_int_equal(unlink(path), 0);
    dead = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&un, sizeof un), 0);
    weft_datagram_close(&d);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    close(dead);
    assert_int_equal(unlink(path), 0);
    FILE *f = fopen(path, "w"); /* not a socket at all */
    assert_non_null(f);
    fclose(f);
    assert_int_equal(weft_datagram_open(w, &d, at), WEFT_INUSE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A call that is made again as long as it met the questions of until_in. */
static weft_err receive_patiently(void *arg)
{
    struct call *c = arg;
    do {
        c->result = weft_datagram_receive(c->d, c->buf, c->cap, &c->len, &c->at, c->by);
    } while (c->result == WEFT_INVALID);
    __atomic_store_n(&c->done, 1, __ATOMIC_RELEASE); /* pairs with until_in */
    return WEFT_OK;
}

static weft_err send_patiently(void *arg)
{
    struct call *c = arg;
    do {
        c->result = weft_datagram_send(c->d, c->buf, c->len, &c->at, c->by);
    } while (c->result == WEFT_INVALID);
    __atomic_store_n(&c->done, 1, __ATOMIC_RELEASE); /* pairs with until_in */
    return WEFT_OK;
}

/* Until `c` is in its call, which is told by another's being refused, or has left it: from then on the socket
 * may be closed. The questions neither take nor send anything. */
static void until_in(const struct call *c, bool sends)
{
    static const char refused[] = "another task does that already";
    int64_t until = weft_clock() + INT64_C(60000000000);
    while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
        size_t len;
        weft_address none = {0};
        weft_err e = sends ? weft_datagram_send(c->d, "", 0, &none, WEFT_NOW)
                           : weft_datagram_receive(c->d, NULL, 0, &len, NULL, WEFT_NOW);
        if (e == WEFT_INVALID && strstr(weft_detail(), refused))
            return;
        assert_true(weft_clock() < until);
        ignore(weft_yield());
    }
}

static void one_receives_and_one_sends_at_a_time(void **state)
{
    (void)state;
    weft_datagram *a = open_at("127.0.0.1:0");
    struct call c = a_receive(a, weft_in_s(60));
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "first");
    assert_int_equal(weft_go(&s, receive_patiently, &c), WEFT_OK);
    until_in(&c, false);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(30)), WEFT_LATE);
    struct call second = a_receive(a, weft_in_s(20));
    ignore(run_at(weft_pool(w), receive, &second));
    assert_int_equal(second.result, WEFT_INVALID);
    assert_int_equal(send_text(a, address_of(a), "to itself"), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(c.result, WEFT_OK);
    assert_int_equal(c.len, 9);
    weft_datagram_close(&a);
}

/* Fill the receiver at `to`. */
static void fill(weft_datagram *d, weft_address to)
{
    weft_err e = WEFT_OK;
    for (int i = 0; i < 100000 && e == WEFT_OK; i++)
        e = weft_datagram_send(d, "x", 1, &to, WEFT_NOW);
    assert_int_equal(e, WEFT_LATE);
}

static void a_send_waits_for_room_without_using_the_cpu(void **state)
{
    (void)state;
    weft_datagram *a = open_at(mine("datagram-full")), *b = open_at(NULL);
    fill(b, address_of(a));
    struct call c = a_send(b, address_of(a), "last", weft_in_s(60));
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "sender");
    int64_t cpu = weft__clock_cpu_ns();
    assert_int_equal(weft_go(&s, send_it, &c), WEFT_OK);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(500)), WEFT_LATE);
    cpu = weft__clock_cpu_ns() - cpu;
    printf("a sender waited for 500 ms: %lld us CPU\n", (long long)cpu / 1000);
    assert_true(cpu < 200000000);
    struct call r;
    int got = 0;
    do {
        r = a_receive(a, weft_in_s(20));
        ignore(receive(&r));
        got++;
    } while (r.result == WEFT_OK && r.len == 1 && got < 100000);
    assert_int_equal(r.result, WEFT_OK);
    assert_int_equal(r.len, 4); /* nothing was lost or overtaken */
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(c.result, WEFT_OK);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static void long_ones_wait_for_room_as_well(void **state)
{
    (void)state;
    weft_datagram *a = open_at(mine("datagram-full")), *b = open_at(NULL);
    static char big[60000];
    weft_address to = address_of(a);
    weft_err e = WEFT_OK;
    for (int i = 0; i < 1000 && e == WEFT_OK; i++)
        e = weft_datagram_send(b, big, sizeof big, &to, WEFT_NOW);
    assert_int_equal(e, WEFT_LATE);
    struct call c = a_send(b, to, "last", weft_in_ms(200));
    int64_t cpu = weft__clock_cpu_ns();
    ignore(run_at(weft_pool(w), send_it, &c));
    cpu = weft__clock_cpu_ns() - cpu;
    assert_int_equal(c.result, WEFT_LATE);
    assert_true(cpu < 100000000);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

static weft_err close_it(void *arg)
{
    weft_datagram_close(arg);
    return WEFT_OK;
}

/* One waits; a task or a thread closes. */
static void closing_ends(bool sends, struct call c, bool by_task)
{
    weft_datagram *d = c.d;
    weft_fn fn = sends ? send_patiently : receive_patiently;
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "waits");
    assert_int_equal(weft_go(&s, fn, &c), WEFT_OK);
    until_in(&c, sends);
    assert_int_equal(weft_scope_join(&s, weft_in_ms(10)), WEFT_LATE);
    if (by_task)
        ignore(run_at(weft_pool(w), close_it, &d));
    else
        weft_datagram_close(&d);
    assert_null(d);
    /* It has left already, or will touch it no more. */
    assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
    weft_scope_fini(&s);
    assert_int_equal(c.result, WEFT_CLOSED);
}

static void closing_ends_the_waits_of_others(void **state)
{
    (void)state;
    const char *const at[] = {"127.0.0.1:0", "[::1]:0", ":0", mine("datagram-close")};
    for (int i = 0; i < 8; i++)
        closing_ends(false, a_receive(open_at(at[i / 2]), WEFT_FOREVER), i % 2);
    weft_datagram *full = open_at(mine("datagram-full"));
    for (int i = 0; i < 2; i++) {
        weft_datagram *b = open_at(NULL), *c = open_at(NULL);
        fill(c, address_of(full));
        weft_datagram_close(&c);
        assert_int_equal(weft_datagram_send(b, "x", 1, &(weft_address){0}, WEFT_NOW), WEFT_INVALID);
        closing_ends(true, a_send(b, address_of(full), "x", WEFT_FOREVER), i % 2);
    }
    weft_datagram_close(&full);
}

/* A thread outside of weft that waits in the system is let go too. */
static void *receive_on_thread(void *arg)
{
    ignore(receive_patiently(arg));
    return NULL;
}

static void closing_ends_the_wait_of_a_thread(void **state)
{
    (void)state;
    weft_datagram *d = open_at("127.0.0.1:0");
    struct call c = a_receive(d, WEFT_FOREVER);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, receive_on_thread, &c), 0);
    until_in(&c, false);
    ignore(weft_sleep(weft_in_ms(10))); /* most times it is asleep then; either is right */
    weft_datagram_close(&d);
    pthread_join(t, NULL);
    assert_int_equal(c.result, WEFT_CLOSED);
}

/* A receiver and a sender, a deadline, a cancellation, a datagram and a close, at any moment. */
struct mix {
    int ok, late, cancelled, closed;
};

static void count(struct mix *m, weft_err e)
{
    m->ok += e == WEFT_OK;
    m->late += e == WEFT_LATE;
    m->cancelled += e == WEFT_CANCELLED;
    m->closed += e == WEFT_CLOSED;
    assert_true(e == WEFT_OK || e == WEFT_LATE || e == WEFT_CANCELLED || e == WEFT_CLOSED);
}

static void pause_ns(int64_t ns)
{
    int64_t until = weft_clock() + ns;
    while (weft_clock() < until)
        ;
}

static void a_close_may_come_at_any_moment(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(ROUNDS / 10, ROUNDS);
    struct mix in = {0}, out = {0};
    for (long i = 0; i < rounds; i++) {
        bool ip = test_random(&seed) % 2;
        weft_datagram *d = open_at(ip ? "127.0.0.1:0" : mine("datagram-any")), *gone = d;
        struct call r = a_receive(d, WEFT_FOREVER), s = a_send(d, address_of(d), "x", WEFT_FOREVER);
        weft_scope scope;
        if (test_random(&seed) % 2)
            r.by = weft_in_ns((int64_t)(test_random(&seed) % 50000));
        weft_scope_init(&scope, weft_pool(w), "any");
        assert_int_equal(weft_go(&scope, receive_patiently, &r), WEFT_OK);
        bool sends = test_random(&seed) % 2, cancels = test_random(&seed) % 2;
        if (sends)
            assert_int_equal(weft_go(&scope, send_patiently, &s), WEFT_OK);
        until_in(&r, false);
        if (sends)
            until_in(&s, true);
        pause_ns((int64_t)(test_random(&seed) % 30000));
        if (cancels)
            weft_scope_cancel(&scope);
        pause_ns((int64_t)(test_random(&seed) % 10000));
        if (test_random(&seed) % 2)
            weft_datagram_stop(d);
        weft_datagram_close(&gone);
        ignore(weft_scope_join(&scope, weft_in_s(60)));
        weft_scope_fini(&scope);
        count(&in, r.result);
        if (sends)
            count(&out, s.result);
    }
    printf("received %d, late %d, cancelled %d, closed %d; sent %d, closed %d\n", in.ok, in.late,
           in.cancelled, in.closed, out.ok, out.closed);
}

/* The first send opens the socket, and then waits for a receiver that is full. */
static void a_close_may_meet_the_first_send(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(ROUNDS / 10, ROUNDS);
    weft_datagram *full = open_at(mine("datagram-full")), *filler = open_at(NULL);
    fill(filler, address_of(full));
    for (long i = 0; i < rounds; i++) {
        weft_datagram *d = open_at(NULL), *gone = d;
        struct call c = a_send(d, address_of(full), "x", WEFT_FOREVER);
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "first send");
        assert_int_equal(weft_go(&s, send_patiently, &c), WEFT_OK);
        until_in(&c, true);
        pause_ns((int64_t)(test_random(&seed) % 30000));
        weft_datagram_close(&gone);
        assert_int_equal(weft_scope_join(&s, weft_in_s(60)), WEFT_OK);
        weft_scope_fini(&s);
        assert_int_equal(c.result, WEFT_CLOSED);
    }
    weft_datagram_close(&filler);
    weft_datagram_close(&full);
}

static void a_cancelled_receive_takes_nothing(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(ROUNDS / 10, ROUNDS);
    weft_datagram *a = open_at("127.0.0.1:0"), *b = open_at(NULL);
    weft_address to = address_of(a);
    int ok = 0, cancelled = 0;
    for (long i = 0; i < rounds; i++) {
        struct call c = a_receive(a, WEFT_FOREVER);
        weft_scope s;
        int32_t n = 0, sent = (int32_t)i;
        weft_scope_init(&s, weft_pool(w), "cancelled");
        assert_int_equal(weft_go(&s, receive, &c), WEFT_OK);
        pause_ns((int64_t)(test_random(&seed) % 20000));
        if (test_random(&seed) % 2)
            weft_scope_cancel(&s);
        assert_int_equal(weft_datagram_send(b, &sent, sizeof sent, &to, weft_in_s(20)), WEFT_OK);
        if (test_random(&seed) % 2)
            weft_scope_cancel(&s);
        ignore(weft_scope_join(&s, weft_in_s(60)));
        weft_scope_fini(&s);
        assert_true(c.result == WEFT_OK || c.result == WEFT_CANCELLED);
        ok += c.result == WEFT_OK;
        cancelled += c.result == WEFT_CANCELLED;
        if (c.result == WEFT_OK) {
            memcpy(&n, c.buf, sizeof n);
        } else {
            size_t len;
            assert_int_equal(weft_datagram_receive(a, &n, sizeof n, &len, NULL, weft_in_s(20)),
                             WEFT_OK);
        }
        assert_int_equal(n, sent);
    }
    printf("received %d, cancelled %d\n", ok, cancelled);
    weft_datagram_close(&a);
    weft_datagram_close(&b);
}

/* Tasks that come back again and again are sent away; then it is closed. */
static weft_err receive_on_and_on(void *arg)
{
    struct call *c = arg;
    do {
        c->result = weft_datagram_receive(c->d, c->buf, c->cap, &c->len, &c->at, c->by);
    } while (c->result == WEFT_OK);
    return WEFT_OK;
}

static weft_err send_on_and_on(void *arg)
{
    struct call *c = arg;
    do {
        c->result = weft_datagram_send(c->d, c->buf, c->len, &c->at, c->by);
    } while (c->result == WEFT_OK);
    return WEFT_OK;
}

static weft_err stop_it(void *arg)
{
    weft_datagram_stop(arg);
    return WEFT_OK;
}

static void who_comes_back_to_a_stopped_one_is_sent_away(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    const char *const at[] = {"127.0.0.1:0", "[::1]:0", mine("datagram-stop"), NULL};
    weft_datagram *full = open_at(mine("datagram-full"));
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int i = 0; i < 240; i++) {
        bool receives = at[i % 4] != NULL; /* else it sends to one that is full before long */
        weft_datagram *d = open_at(at[i % 4]);
        struct call r = a_receive(d, WEFT_FOREVER), s = a_send(d, address_of(full), "x", r.by);
        weft_scope scope;
        weft_scope_init(&scope, places[test_random(&seed) % 3], "on and on");
        if (receives)
            assert_int_equal(weft_go(&scope, receive_on_and_on, &r), WEFT_OK);
        else
            assert_int_equal(weft_go(&scope, send_on_and_on, &s), WEFT_OK);
        pause_ns((int64_t)(test_random(&seed) % 60000));
        if (test_random(&seed) % 2)
            weft_datagram_stop(d);
        else
            assert_int_equal(run_at(weft_pool(w), stop_it, d), WEFT_OK);
        assert_int_equal(weft_scope_join(&scope, weft_in_s(60)), WEFT_OK);
        weft_scope_fini(&scope);
        assert_int_equal(receives ? r.result : s.result, WEFT_CLOSED);
        assert_int_equal(received(d).result, WEFT_CLOSED);
        assert_int_equal(send_text(d, address_of(full), "x"), WEFT_CLOSED);
        weft_datagram_stop(d);
        weft_datagram_close(&d);
    }
    weft_datagram_close(&full);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(tasks_echo_over_every_sort_of_socket),
        T(a_datagram_arrives_whole_with_its_sender),
        T(one_that_is_too_long_is_not_lost),
        T(the_longest_of_udp_is_received_with_room_for_it),
        T(a_wait_ends_late_and_takes_nothing),
        T(nobody_at_a_port_is_no_error_of_another_call),
        T(what_cannot_be_is_an_error),
        T(a_file_left_behind_is_replaced_and_others_are_not),
        T(one_receives_and_one_sends_at_a_time),
        T(a_send_waits_for_room_without_using_the_cpu),
        T(long_ones_wait_for_room_as_well),
        T(closing_ends_the_waits_of_others),
        T(closing_ends_the_wait_of_a_thread),
        T(a_close_may_come_at_any_moment),
        T(a_close_may_meet_the_first_send),
        T(who_comes_back_to_a_stopped_one_is_sent_away),
        T(a_cancelled_receive_takes_nothing),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
