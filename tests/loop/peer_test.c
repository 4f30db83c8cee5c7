/* Who is at the other end: what a stream says of it, also once it is gone, and what it hears of a reset. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/ends.h"
#include "loop/stream.h"
#include "weft/sync.h"

/* What `call` fails with says who was at the other end. */
#define NAMES(expected, call)                                                                      \
    do {                                                                                           \
        assert_int_equal((call), (expected));                                                      \
        assert_int_equal(strncmp(weft_detail(), peer, strlen(peer)), 0);                           \
    } while (0)

static void a_stream_names_its_peer_when_that_is_gone(void **state)
{
    (void)state;
    weft_stream *s[2];
    weft_address a;
    char peer[WEFT_ADDRESS_TEXT], again[WEFT_ADDRESS_TEXT], buf[8];
    size_t n;
    connection(s);
    weft_stream_address(s[0], &a);
    weft_address_text(&a, peer, sizeof peer);
    assert_int_equal(strncmp(peer, "127.0.0.1:", 10), 0);
    NAMES(WEFT_LATE, weft_read(s[1], buf, sizeof buf, &n, weft_in_ms(1)));
    assert_int_equal(weft_read(s[1], buf, sizeof buf, &n, WEFT_NOW), WEFT_LATE);
    assert_null(strstr(weft_detail(), peer)); /* who polls pays for no text */
    ok(weft_write(s[0], "abc", 3, weft_in_s(20)));
    NAMES(WEFT_LATE, weft_read_full(s[1], buf, 4, &n, weft_in_ms(1)));
    NAMES(WEFT_TOOBIG, weft_read_until(s[1], "\n", buf, 2, &n, weft_in_s(20)));
    ok(weft_read_full(s[1], buf, 3, &n, weft_in_s(20)));
    weft_stream_reset(&s[0]);
    NAMES(WEFT_LOST, weft_read(s[1], buf, sizeof buf, &n, weft_in_s(20)));
    NAMES(WEFT_CLOSED, weft_write(s[1], "x", 1, weft_in_s(20)));
    NAMES(WEFT_CLOSED, weft_stream_end(s[1]));
    weft_stream_peer(s[1], &a);
    assert_string_equal(weft_address_text(&a, again, sizeof again), peer);
    weft_close(&s[1]);
}

/* By IPv4 to a listener for both: the peer has the address that it has itself. */
static void a_peer_by_ipv4_has_an_address_of_ipv4(void **state)
{
    (void)state;
    weft_listener *l;
    weft_stream *s[2];
    weft_address a, b;
    char to[64];
    ok(weft_listen(w, &l, ":0", NULL));
    weft_listener_address(l, &a);
    snprintf(to, sizeof to, "127.0.0.1:%d", weft_address_port(&a));
    ok(weft_dial(w, &s[0], to, weft_in_s(20)));
    ok(weft_accept(l, &s[1], weft_in_s(20)));
    for (int i = 0; i < 2; i++) {
        weft_stream_address(s[i], &a);
        weft_stream_peer(s[!i], &b);
        assert_memory_equal(&a, &b, sizeof a);
    }
    weft_listener_close(&l);
    weft_close(&s[0]);
    weft_close(&s[1]);
}

/* Who dials any address of this machine comes to one of them. */
static void a_peer_has_the_address_that_it_was_reached_at(void **state)
{
    (void)state;
    weft_listener *l;
    weft_stream *s;
    weft_address a, b;
    char to[64];
    ok(weft_listen(w, &l, "127.0.0.1:0", NULL));
    weft_listener_address(l, &a);
    snprintf(to, sizeof to, "0.0.0.0:%d", weft_address_port(&a));
    ok(weft_dial(w, &s, to, weft_in_s(20)));
    weft_stream_peer(s, &b);
    assert_memory_equal(&a, &b, sizeof a);
    weft_close(&s);
    weft_listener_close(&l);
}

static void an_adopted_stream_has_a_peer(void **state)
{
    (void)state;
    weft_stream *s[2], *again;
    weft_address a, b;
    connection(s);
    int fd = dup(weft_stream_fd(s[1]));
    assert_true(fd > 2);
    ok(weft_stream_adopt(w, &again, fd));
    weft_stream_address(s[0], &a);
    weft_stream_peer(again, &b);
    assert_memory_equal(&a, &b, sizeof a);
    weft_close(&again);
    close_ends(s);
}

/* A pair, a pipe, and a unix socket that was not bound have no address, whoever made them. */
static void without_an_address_there_is_no_peer(void **state)
{
    (void)state;
    weft_stream *s[2], *again;
    weft_listener *l;
    weft_address a, none = {0};
    char text[WEFT_ADDRESS_TEXT];
    ok(weft_stream_pair(w, s));
    weft_stream_peer(s[0], &a);
    assert_memory_equal(&a, &none, sizeof a);
    close_ends(s);
    ok(weft_pipe(w, &s[0], &s[1]));
    weft_stream_peer(s[0], &a);
    assert_memory_equal(&a, &none, sizeof a);
    close_ends(s);
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    ok(weft_stream_adopt(w, &again, fd[0]));
    weft_stream_peer(again, &a);
    assert_memory_equal(&a, &none, sizeof a);
    weft_close(&again);
    close(fd[1]);
    snprintf(text, sizeof text, "unix:@weft-peer-%d", (int)getpid());
    ok(weft_listen(w, &l, text, NULL));
    ok(weft_dial(w, &s[0], text, weft_in_s(20)));
    ok(weft_accept(l, &s[1], weft_in_s(20)));
    weft_stream_peer(s[1], &a);
    assert_memory_equal(&a, &none, sizeof a);
    weft_stream_peer(s[0], &a);
    char said[WEFT_ADDRESS_TEXT];
    assert_string_equal(weft_address_text(&a, said, sizeof said), text);
    close_ends(s);
    weft_listener_close(&l);
}

/* What has arrived is read, then the stream is broken; of other sorts it ends. */
static void a_reset_comes_after_what_has_arrived(void **state)
{
    (void)state;
    weft_stream *s[2];
    char buf[8];
    size_t n;
    connection(s);
    ok(weft_write(s[0], "abc", 3, weft_in_s(20)));
    ok(weft_read_full(s[1], buf, 1, &n, weft_in_s(20)));
    weft_stream_reset(&s[0]);
    assert_null(s[0]);
    weft_stream_reset(&s[0]); /* does nothing */
    weft_err e = weft_read_full(s[1], buf, 3, &n, weft_in_s(20));
    assert_int_equal(e, WEFT_LOST);
    weft_close(&s[1]);
    ok(weft_stream_pair(w, s));
    ok(weft_write(s[0], "abc", 3, weft_in_s(20)));
    weft_stream_reset(&s[0]);
    ok(weft_read_full(s[1], buf, 3, &n, weft_in_s(20)));
    assert_int_equal(weft_read(s[1], buf, 1, &n, weft_in_s(20)), WEFT_CLOSED);
    weft_close(&s[1]);
}

struct reading {
    weft_stream *s;
    weft_err e;
};

static weft_err reads(void *arg)
{
    struct reading *r = arg;
    char buf[8];
    size_t n;
    r->e = weft_read(r->s, buf, sizeof buf, &n, WEFT_FOREVER);
    return WEFT_OK;
}

/* Who reads at the end that is reset has WEFT_CLOSED, as after a close. */
static void a_reset_sends_away_who_is_inside(void **state)
{
    (void)state;
    weft_stream *s[2];
    weft_scope scope;
    connection(s);
    struct reading here = {s[0], WEFT_OK}, there = {s[1], WEFT_OK};
    weft_scope_init(&scope, weft_pool(w), "readers");
    ok(weft_go(&scope, reads, &here));
    ok(weft_go(&scope, reads, &there));
    for (int i = 0; i < 10000000 && !(weft_atomic_load(&s[0]->h.door.word, WEFT_ACQUIRE) &
                                      weft_atomic_load(&s[1]->h.door.word, WEFT_ACQUIRE));
         i++)
        (void)!weft_yield();
    weft_stream_reset(&s[0]);
    ok(weft_scope_join(&scope, weft_in_s(20)));
    weft_scope_fini(&scope);
    assert_int_equal(here.e, WEFT_CLOSED);
    assert_int_equal(there.e, WEFT_LOST);
    weft_close(&s[1]);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_stream_names_its_peer_when_that_is_gone),
        T(a_peer_by_ipv4_has_an_address_of_ipv4),
        T(a_peer_has_the_address_that_it_was_reached_at),
        T(an_adopted_stream_has_a_peer),
        T(without_an_address_there_is_no_peer),
        T(a_reset_comes_after_what_has_arrived),
        T(a_reset_sends_away_who_is_inside),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
