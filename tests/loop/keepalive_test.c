/* Half-open connections: the peer's machine vanishes, so that neither an end nor a reset ever comes. A filter
 * that drops all that is sent to it makes the peer as deaf as if its cable were cut. */
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "loop/ends.h"
#include "port/err.h"

/* From now on nothing reaches `s`, not even its machine. */
static void deafen(weft_stream *s)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    assert_int_equal(
        setsockopt(weft_stream_fd(s), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

/* A call that waits, as a task. */
struct call {
    weft_stream *s;
    weft_deadline by;
    int64_t took, ended;
    weft_err result;
};

static weft_err reads(void *arg)
{
    struct call *c = arg;
    char buf[16];
    size_t got;
    int64_t begin = weft_clock();
    c->result = weft_read(c->s, buf, sizeof buf, &got, c->by);
    c->ended = weft_clock();
    c->took = c->ended - begin;
    return WEFT_OK;
}

static weft_err writes(void *arg)
{
    struct call *c = arg;
    static char much[1 << 16];
    int64_t begin = weft_clock();
    do {
        c->result = weft_write(c->s, much, sizeof much, c->by);
    } while (c->result == WEFT_OK);
    c->ended = weft_clock();
    c->took = c->ended - begin;
    return WEFT_OK;
}

static const int64_t second = 1000000000;

static void without_it_only_a_deadline_ends_the_wait(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    deafen(s[1]);
    ok(weft_stream_keepalive(s[0], 1));
    ok(weft_stream_keepalive(s[0], 0)); /* off again */
    struct call c = {.s = s[0], .by = weft_in_s(4)};
    ok(run_at(weft_pool(w), reads, &c));
    assert_int_equal(c.result, WEFT_LATE);
    assert_true(c.ended >= c.by.ns);
    close_ends(s);
}

/* The system counts in seconds: 1 is as 2. */
static void a_read_of_a_peer_that_is_gone_is_lost(void **state)
{
    (void)state;
    weft_stream *s[2][2];
    struct call c[2];
    weft_scope scope;
    weft_scope_init(&scope, weft_pool(w), "readers");
    for (int i = 0; i < 2; i++) {
        connection(s[i]);
        ok(weft_stream_keepalive(s[i][0], i + 1));
        deafen(s[i][1]);
        c[i] = (struct call){.s = s[i][0], .by = weft_in_s(60)};
        ok(weft_go(&scope, reads, &c[i]));
    }
    ok(weft_scope_join(&scope, weft_in_s(80)));
    weft_scope_fini(&scope);
    for (int i = 0; i < 2; i++) {
        printf("lost after %.2f s of %d\n", (double)c[i].took / 1e9, i + 1);
        assert_int_equal(c[i].result, WEFT_LOST);
        assert_true(c[i].took >= 3 * second / 2 && c[i].took < 20 * second);
        ok(run_at(weft_pool(w), reads, &c[i]));
        assert_int_equal(c[i].result, WEFT_CLOSED);
        close_ends(s[i]);
    }
}

static void a_write_to_a_peer_that_is_gone_is_lost(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    deafen(s[1]);
    ok(weft_stream_keepalive(s[0], 2));
    struct call c = {.s = s[0], .by = weft_in_s(60)};
    ok(run_at(weft_pool(w), writes, &c));
    assert_int_equal(c.result, WEFT_LOST);
    assert_true(c.took < 30 * second);
    printf("lost after %.2f s of 2\n", (double)c.took / 1e9);
    close_ends(s);
}

/* What was written is on its way and not acknowledged: who waits to read an answer learns of it. */
static void a_question_that_never_arrives_is_lost(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    deafen(s[1]);
    ok(weft_stream_keepalive(s[0], 2));
    ok(weft_write(s[0], "question", 8, weft_in_s(20)));
    struct call c = {.s = s[0], .by = weft_in_s(60)};
    ok(run_at(weft_pool(w), reads, &c));
    assert_int_equal(c.result, WEFT_LOST);
    assert_true(c.took < 30 * second);
    close_ends(s);
}

/* Its machine answers for a program that is silent for longer than the time. */
static void a_peer_that_is_there_and_silent_is_not_lost(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    ok(weft_stream_keepalive(s[0], 1));
    struct call c = {.s = s[0], .by = weft_in_s(4)};
    ok(run_at(weft_pool(w), reads, &c));
    assert_int_equal(c.result, WEFT_LATE);
    ok(weft_write(s[1], "x", 1, weft_in_s(20)));
    c.by = weft_in_s(20);
    ok(run_at(weft_pool(w), reads, &c));
    assert_int_equal(c.result, WEFT_OK);
    close_ends(s);
}

static void a_peer_that_takes_nothing_for_so_long_counts_as_gone(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    ok(weft_stream_keepalive(s[0], 2));
    struct call c = {.s = s[0], .by = weft_in_s(60)};
    ok(run_at(weft_pool(w), writes, &c));
    assert_int_equal(c.result, WEFT_LOST);
    assert_true(c.took >= 3 * second / 2 && c.took < 40 * second);
    printf("lost after %.2f s of 2\n", (double)c.took / 1e9);
    close_ends(s);
}

static int option(weft_stream *s, int level, int name)
{
    int value = -1;
    socklen_t n = sizeof value;
    assert_int_equal(getsockopt(weft_stream_fd(s), level, name, &value, &n), 0);
    return value;
}

static void times_that_cannot_be_are_refused(void **state)
{
    (void)state;
    weft_stream *s[2], *out, *in;
    connection(s);
    assert_int_equal(weft_stream_keepalive(s[0], -1), WEFT_INVALID);
    assert_int_equal(weft_stream_keepalive(s[0], 32768), WEFT_INVALID);
    assert_int_equal(option(s[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    for (int t = 1; t <= 32767; t = t < 100 ? t + 1 : t == 32767 ? 32768 : 32767) {
        ok(weft_stream_keepalive(s[0], t));
        int idle = option(s[0], IPPROTO_TCP, TCP_KEEPIDLE);
        int every = option(s[0], IPPROTO_TCP, TCP_KEEPINTVL);
        assert_int_equal(option(s[0], SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_int_equal(option(s[0], IPPROTO_TCP, TCP_USER_TIMEOUT), (t == 1 ? 2 : t) * 1000);
        /* The last question's answer has at least a quarter, and all are over in time. 1 and 2 have no room for
         * that: a question after a second, and when the next is due the time is over. */
        assert_int_equal(idle + 2 * every, t < 3 ? 3 : t);
        assert_true(idle >= 1 && every >= 1);
        assert_int_equal(option(s[0], IPPROTO_TCP, TCP_KEEPCNT), 2);
    }
    weft_stream_stop(s[0]);
    assert_int_equal(weft_stream_keepalive(s[0], 1), WEFT_CLOSED);
    close_ends(s);
    ok(weft_stream_pair(w, s));
    ok(weft_stream_keepalive(s[0], 1));
    close_ends(s);
    ok(weft_pipe(w, &out, &in));
    ok(weft_stream_keepalive(in, 1));
    weft_close(&out);
    weft_close(&in);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(without_it_only_a_deadline_ends_the_wait),
        T(a_read_of_a_peer_that_is_gone_is_lost),
        T(a_write_to_a_peer_that_is_gone_is_lost),
        T(a_question_that_never_arrives_is_lost),
        T(a_peer_that_is_there_and_silent_is_not_lost),
        T(a_peer_that_takes_nothing_for_so_long_counts_as_gone),
        T(times_that_cannot_be_are_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
