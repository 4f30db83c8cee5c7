/* Streams: what is read is what was written, also in pieces, late, cancelled, closed and broken.
 * ctest: timeout=300 */
#define HANG_S 240

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/ends.h"
#include "loop/stream.h"
#include "weft/io.h"
#include "weft/sync.h"

static void pair(weft_stream *ends[2])
{
    ok(weft_stream_pair(w, ends));
}

static void put(weft_stream *s, const char *text)
{
    ok(weft_write(s, text, strlen(text), weft_in_s(20)));
}

static void comes(weft_stream *s, const char *text)
{
    char buf[200];
    size_t got = 0;
    ok(weft_read_full(s, buf, strlen(text), &got, weft_in_s(20)));
    assert_int_equal(got, strlen(text));
    assert_memory_equal(buf, text, got);
}

/* Every sort of stream; ends[0] is written, ends[1] is read. */
typedef void (*maker)(weft_stream *ends[2]);

static void pipe_of(weft_stream *ends[2])
{
    ok(weft_pipe(w, &ends[1], &ends[0]));
}

static const maker makers[] = {pair, connection, pipe_of};
enum { MAKERS = sizeof makers / sizeof *makers };

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        weft_stream *s[2];
        char buf[10];
        size_t got = 0;
        makers[i](s);
        put(s[0], "hello");
        ok(weft_read(s[1], buf, sizeof buf, &got, weft_in_s(20)));
        assert_int_equal(got, 5);
        assert_memory_equal(buf, "hello", 5);
        assert_int_equal(weft_read(s[1], buf, sizeof buf, &got, weft_in_ms(2)), WEFT_LATE);
        assert_int_equal(weft_read(s[1], buf, sizeof buf, &got, WEFT_NOW), WEFT_LATE);
        put(s[0], "more");
        weft_close(&s[0]);
        assert_null(s[0]);
        comes(s[1], "more");
        for (int again = 0; again < 3; again++)
            assert_int_equal(weft_read(s[1], buf, sizeof buf, &got, weft_in_s(20)), WEFT_CLOSED);
        assert_int_equal(weft_read(s[1], buf, 0, &got, WEFT_NOW), WEFT_INVALID);
        weft_close(&s[1]);
        weft_close(&s[1]);
    }
}

/* So much of a sequence that repeats itself nowhere nearby, in pieces of chance. */
enum { FLOOD = 8 << 20 };

struct flood {
    weft_stream *s;
    uint64_t seed;
    size_t done;
    bool right;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 13);
}

static weft_err pour_and_end(void *arg)
{
    struct flood *f = arg;
    enum { MOST = 100000 };
    uint8_t *buf = malloc(MOST);
    weft_err e = WEFT_OK;
    while (f->done < FLOOD && e == WEFT_OK) {
        size_t n = 1 + test_random(&f->seed) % MOST;
        n = n < FLOOD - f->done ? n : FLOOD - f->done;
        for (size_t i = 0; i < n; i++)
            buf[i] = byte_at(f->done + i);
        weft_slice three[] = {{buf, n / 3}, {buf + n / 3, 0}, {buf + n / 3, n - n / 3}};
        e = test_random(&f->seed) % 2 ? weft_write(f->s, buf, n, weft_in_s(60))
                                      : weft_write_slices(f->s, three, 3, weft_in_s(60));
        f->done += n;
    }
    free(buf);
    return e == WEFT_OK && weft_stream_end(f->s) == WEFT_CLOSED ? WEFT_CLOSED : e;
}

static weft_err pour(void *arg)
{
    struct flood *f = arg;
    weft_err e = pour_and_end(arg);
    weft_close(&f->s);
    return e;
}

static weft_err drink_and_stay(void *arg)
{
    struct flood *f = arg;
    enum { MOST = 70000 };
    uint8_t *buf = malloc(MOST);
    weft_err e = WEFT_OK;
    f->right = true;
    while (e == WEFT_OK) {
        size_t n = 1 + test_random(&f->seed) % MOST, got = 0;
        e = test_random(&f->seed) % 2 ? weft_read(f->s, buf, n, &got, weft_in_s(60))
                                      : weft_read_full(f->s, buf, n, &got, weft_in_s(60));
        for (size_t i = 0; i < got; i++)
            f->right &= buf[i] == byte_at(f->done + i);
        f->done += got;
    }
    free(buf);
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static weft_err drink(void *arg)
{
    struct flood *f = arg;
    weft_err e = drink_and_stay(arg);
    weft_close(&f->s);
    return e;
}

static void a_flood_arrives_whole_and_in_order(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    weft_place *places[] = {weft_pool(w), weft_loop(w), weft_threads(w)};
    for (int i = 0; i < MAKERS; i++)
        for (int p = 0; p < 3; p++) {
            weft_stream *s[2];
            weft_scope scope;
            makers[i](s);
            struct flood to = {s[0], seed++, 0, true}, from = {s[1], seed++, 0, false};
            weft_scope_init(&scope, places[p], "flood");
            ok(weft_go(&scope, pour, &to));
            ok(weft_go(&scope, drink, &from));
            ok(weft_scope_join(&scope, weft_in_s(60)));
            weft_scope_fini(&scope);
            assert_int_equal(from.done, FLOOD);
            assert_true(from.right);
        }
}

static void a_read_that_ends_late_takes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        weft_stream *s[2];
        char buf[100];
        size_t got = 77;
        makers[i](s);
        put(s[0], "half");
        assert_int_equal(weft_read_full(s[1], buf, 10, &got, weft_in_ms(2)), WEFT_LATE);
        assert_int_equal(weft_read_until(s[1], "\n", buf, 100, &got, weft_in_ms(2)), WEFT_LATE);
        assert_int_equal(got, 77);
        put(s[0], " and half\nrest");
        ok(weft_read_until(s[1], "\n", buf, 100, &got, weft_in_s(20)));
        assert_int_equal(got, 14);
        assert_memory_equal(buf, "half and half\n", 14);
        comes(s[1], "re");
        weft_close(&s[0]);
        assert_int_equal(weft_read_full(s[1], buf, 10, &got, weft_in_s(20)), WEFT_CLOSED);
        assert_int_equal(got, 2);
        assert_memory_equal(buf, "st", 2);
        weft_close(&s[1]);
    }
}

static void a_poll_sees_what_came_since(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        weft_stream *s[2];
        char buf[10];
        size_t got = 0;
        makers[i](s);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(weft_read(s[1], buf, 1, &got, WEFT_NOW), WEFT_LATE);
            put(s[0], "xy");
            ok(weft_read(s[1], buf, 1, &got, WEFT_NOW));
            ok(weft_read_full(s[1], buf, 1, &got, WEFT_NOW));
        }
        close_ends(s);
    }
}

/* One reads what the other writes, both ways at once. */
static void a_stream_is_read_and_written_at_once(void **state)
{
    (void)state;
    weft_stream *s[2];
    weft_scope scope;
    connection(s);
    struct flood f[4] = {
        {s[0], 1, 0, true}, {s[1], 2, 0, true}, {s[0], 3, 0, true}, {s[1], 4, 0, true}};
    weft_scope_init(&scope, weft_pool(w), "both ways");
    for (int i = 0; i < 4; i++)
        ok(weft_scope_go(&scope, i < 2 ? pour_and_end : drink_and_stay, &f[i], "both ways"));
    ok(weft_scope_join(&scope, weft_in_s(60)));
    weft_scope_fini(&scope);
    for (int i = 2; i < 4; i++) {
        assert_int_equal(f[i].done, FLOOD);
        assert_true(f[i].right);
    }
    close_ends(s);
}

static void lines_come_one_by_one(void **state)
{
    (void)state;
    weft_stream *s[2];
    char buf[5000];
    size_t n = 0;
    connection(s);
    put(s[0], "a\r\n\r\nbc\r");
    ok(weft_read_until(s[1], "\r\n\r\n", buf, sizeof buf, &n, weft_in_s(20)));
    assert_int_equal(n, 5);
    assert_int_equal(weft_read_until(s[1], "\r\n", buf, sizeof buf, &n, weft_in_ms(1)), WEFT_LATE);
    put(s[0], "\nlonger than six");
    ok(weft_read_until(s[1], "\r\n", buf, sizeof buf, &n, weft_in_s(20)));
    assert_int_equal(n, 4);
    assert_memory_equal(buf, "bc\r\n", 4);
    assert_int_equal(weft_read_until(s[1], "!", buf, 6, &n, weft_in_s(20)), WEFT_TOOBIG);
    assert_int_equal(weft_read_until(s[1], "", buf, 6, &n, weft_in_s(20)), WEFT_INVALID);
    ok(weft_stream_end(s[0]));
    assert_int_equal(weft_read_until(s[1], "!", buf, 100, &n, weft_in_s(20)), WEFT_CLOSED);
    assert_int_equal(n, 15);
    assert_memory_equal(buf, "longer than six", 15);
    put(s[1], "the other way is open");
    comes(s[0], "the other way is open");
    close_ends(s);
}

/* A reader or a writer who waits while somebody else closes the stream. */
struct inside {
    weft_stream *s;
    weft_event begun;
    weft_err e;
};

static weft_err reads_inside(void *arg)
{
    struct inside *x = arg;
    char buf[10];
    size_t got;
    weft_event_set(&x->begun);
    x->e = weft_read(x->s, buf, sizeof buf, &got, WEFT_FOREVER);
    return WEFT_OK;
}

static weft_err writes_inside(void *arg)
{
    struct inside *x = arg;
    static const char more_than_there_is_room_for[16 << 20];
    weft_event_set(&x->begun);
    x->e = weft_write(x->s, more_than_there_is_room_for, sizeof more_than_there_is_room_for,
                      WEFT_FOREVER);
    return WEFT_OK;
}

/* Until somebody is inside of the stream or listener, whose handle is its first member. */
static void until_inside(void *of, uint32_t as)
{
    weft__handle *h = of;
    for (int i = 0; !(weft_atomic_load(&h->door.word, WEFT_ACQUIRE) & as) && i < 10000000; i++)
        weft_yield();
    assert_true(weft_atomic_load(&h->door.word, WEFT_ACQUIRE) & as);
}

static void close_lets_go_who_is_inside(void **state)
{
    (void)state;
    weft_fn inside[] = {reads_inside, writes_inside};
    weft_place *places[] = {weft_pool(w), weft_threads(w)};
    for (int i = 0; i < MAKERS; i++)
        for (int k = 0; k < 40; k++) {
            weft_stream *s[2];
            weft_scope scope;
            makers[i](s);
            int end = k % 2 ? 0 : 1; /* who reads is at ends[1] */
            struct inside x = {.s = s[end], .begun = WEFT_EVENT_INIT("begun")};
            weft_scope_init(&scope, places[k / 2 % 2], "inside");
            ok(weft_scope_go(&scope, inside[k % 2], &x, "inside"));
            ok(weft_event_wait(&x.begun, weft_in_s(20)));
            until_inside(s[end], k % 2 ? WEFT__WRITING : WEFT__READING);
            if (k % 3 == 0)
                ok(weft_sleep(weft_in_ms(1)));
            weft_close(&s[end]);
            ok(weft_scope_join(&scope, weft_in_s(20)));
            assert_int_equal(x.e, WEFT_CLOSED);
            weft_scope_fini(&scope);
            weft_close(&s[1 - end]);
        }
}

static weft_err reads_on_and_on(void *arg)
{
    struct inside *x = arg;
    char buf[10];
    size_t got;
    do {
        x->e = weft_read(x->s, buf, sizeof buf, &got, WEFT_FOREVER);
    } while (x->e == WEFT_OK);
    return WEFT_OK;
}

/* Tasks that come back to the stream hear of its end; then it is closed. */
static void who_comes_back_to_a_stopped_stream_is_sent_away(void **state)
{
    (void)state;
    for (int k = 0; k < 200; k++) {
        weft_stream *s[2];
        weft_scope scope;
        pair(s);
        struct inside x = {.s = s[0]};
        weft_scope_init(&scope, weft_pool(w), "reader");
        ok(weft_go(&scope, reads_on_and_on, &x));
        for (int i = 0; i < k % 5; i++)
            put(s[1], "x");
        weft_stream_stop(s[0]);
        ok(weft_scope_join(&scope, weft_in_s(20)));
        assert_int_equal(x.e, WEFT_CLOSED);
        weft_scope_fini(&scope);
        close_ends(s);
    }
}

static void one_reads_at_a_time(void **state)
{
    (void)state;
    weft_stream *s[2];
    weft_scope scope;
    char buf[10];
    size_t got;
    pair(s);
    struct inside x = {.s = s[0], .begun = WEFT_EVENT_INIT("begun")};
    weft_scope_init(&scope, weft_pool(w), "reader");
    ok(weft_go(&scope, reads_inside, &x));
    ok(weft_event_wait(&x.begun, weft_in_s(20)));
    until_inside(s[0], WEFT__READING);
    assert_int_equal(weft_read(s[0], buf, 10, &got, WEFT_FOREVER), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "one at a time"));
    put(s[1], "x");
    ok(weft_scope_join(&scope, weft_in_s(20)));
    assert_int_equal(x.e, WEFT_OK);
    weft_scope_fini(&scope);
    close_ends(s);
}

static void a_message_that_was_cut_is_the_last(void **state)
{
    (void)state;
    static char large[4 << 20];
    for (int i = 0; i < MAKERS; i++) {
        weft_stream *s[2];
        makers[i](s);
        assert_int_equal(weft_write(s[0], large, sizeof large, weft_in_ms(5)), WEFT_LATE);
        assert_non_null(strstr(weft_detail(), "bytes were written"));
        assert_int_equal(weft_write(s[0], "x", 1, weft_in_ms(5)), WEFT_INVALID);
        close_ends(s);
    }
}

static void nobody_reads_is_no_signal(void **state)
{
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        weft_stream *s[2];
        weft_err e = WEFT_OK;
        makers[i](s);
        weft_close(&s[1]);
        for (int k = 0; k < 1000 && e == WEFT_OK; k++)
            e = weft_write(s[0], "x", 1, weft_in_s(20));
        assert_true(e == WEFT_CLOSED || e == WEFT_LOST);
        weft_close(&s[0]);
    }
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
}

static void a_reset_is_lost(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        weft_stream *s[2];
        weft_scope scope;
        connection(s);
        struct inside x = {.s = s[1], .begun = WEFT_EVENT_INIT("begun")};
        weft_scope_init(&scope, weft_pool(w), "reader");
        if (k == 0) { /* it waits already, or comes later */
            ok(weft_go(&scope, reads_inside, &x));
            ok(weft_event_wait(&x.begun, weft_in_s(20)));
        }
        weft_stream_reset(&s[0]);
        assert_null(s[0]);
        if (k == 1)
            ok(weft_go(&scope, reads_inside, &x));
        ok(weft_scope_join(&scope, weft_in_s(20)));
        assert_int_equal(x.e, WEFT_LOST);
        weft_scope_fini(&scope);
        weft_close(&s[1]);
    }
}

static void urgent_data_hides_nothing(void **state)
{
    (void)state;
    weft_stream *s[2];
    connection(s);
    for (int i = 0; i < 20; i++) {
        put(s[0], "before");
        assert_int_equal(send(weft_stream_fd(s[0]), "!", 1, MSG_OOB), 1);
        put(s[0], "after");
        comes(s[1], "beforeafter");
    }
    close_ends(s);
}

static void dials_in_vain_say_why(void **state)
{
    (void)state;
    weft_stream *s = NULL;
    weft_listener *l = NULL, *second = NULL;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    ok(weft_listen(w, &l, "127.0.0.1:0", NULL));
    weft_listener_address(l, &a);
    weft_address_text(&a, text, sizeof text);
    assert_int_equal(weft_listen(w, &second, text, NULL), WEFT_INUSE);
    assert_non_null(strstr(weft_detail(), text));
    weft_stream *unused = NULL;
    assert_int_equal(weft_accept(l, &unused, weft_in_ms(1)), WEFT_LATE);
    assert_int_equal(weft_accept(l, &unused, WEFT_NOW), WEFT_LATE);
    weft_listener_close(&l);
    assert_int_equal(weft_dial(w, &s, text, weft_in_s(20)), WEFT_REFUSED);
    assert_non_null(strstr(weft_detail(), text));
    assert_null(s);
}

struct accepting {
    weft_listener *l;
    weft_event begun;
    weft_stream *s;
    weft_err e;
};

static weft_err accepts(void *arg)
{
    struct accepting *x = arg;
    weft_event_set(&x->begun);
    x->e = weft_accept(x->l, &x->s, WEFT_FOREVER);
    return WEFT_OK;
}

static void closing_a_listener_lets_its_acceptor_go(void **state)
{
    (void)state;
    weft_scope scope;
    struct accepting x = {.begun = WEFT_EVENT_INIT("begun")};
    ok(weft_listen(w, &x.l, "127.0.0.1:0", NULL));
    weft_listener *l = x.l;
    weft_scope_init(&scope, weft_pool(w), "acceptor");
    ok(weft_go(&scope, accepts, &x));
    until_inside(l, WEFT__READING);
    weft_listener_close(&l);
    ok(weft_scope_join(&scope, weft_in_s(20)));
    assert_int_equal(x.e, WEFT_CLOSED);
    weft_scope_fini(&scope);
}

static weft_err accepts_on_and_on(void *arg)
{
    struct accepting *x = arg;
    while ((x->e = weft_accept(x->l, &x->s, WEFT_FOREVER)) == WEFT_OK)
        weft_close(&x->s);
    return WEFT_OK;
}

static void a_stopped_listener_sends_its_acceptor_away(void **state)
{
    (void)state;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    for (int k = 0; k < 100; k++) {
        weft_scope scope;
        weft_stream *s;
        struct accepting x = {.begun = WEFT_EVENT_INIT("begun")};
        ok(weft_listen(w, &x.l, "127.0.0.1:0", NULL));
        weft_listener_address(x.l, &a);
        weft_scope_init(&scope, weft_pool(w), "acceptor");
        ok(weft_go(&scope, accepts_on_and_on, &x));
        for (int i = 0; i < k % 3; i++) {
            ok(weft_dial(w, &s, weft_address_text(&a, text, sizeof text), weft_in_s(20)));
            weft_close(&s);
        }
        weft_listener_stop(x.l);
        ok(weft_scope_join(&scope, weft_in_s(20)));
        assert_int_equal(x.e, WEFT_CLOSED);
        weft_scope_fini(&scope);
        weft_listener_close(&x.l);
    }
}

static void a_path_in_use_is_in_use(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-stream-XXXXXX", at[64], other[64];
    weft_listener *l = NULL, *second = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(at, sizeof at, "unix:%s/s", folder);
    ok(weft_listen(w, &l, at, &(weft_listen_opts){.backlog = 1}));
    weft_stream *waiting[8];
    int n = 0; /* until its backlog is full */
    while (n < 8 && weft_dial(w, &waiting[n], at, weft_in_ms(20)) == WEFT_OK)
        n++;
    assert_int_equal(weft_listen(w, &second, at, NULL), WEFT_INUSE);
    while (n > 0)
        weft_close(&waiting[--n]);
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    snprintf(other, sizeof other, "unix:%s/d", folder);
    snprintf(u.sun_path, sizeof u.sun_path, "%s/d", folder);
    int d = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(d, (struct sockaddr *)&u, sizeof u), 0);
    assert_int_equal(weft_listen(w, &second, other, NULL), WEFT_INUSE);
    close(d);
    unlink(u.sun_path);
    weft_listener_close(&l);
    assert_int_equal(access(at + 5, F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
}

static int lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static int shortages; /* that the log told of; written by who accepts, read when it has ended */

static void count_shortages(void *ctx, weft_level level, const char *line)
{
    (void)ctx, (void)level;
    shortages += strstr(line, "accept waits") != NULL;
}

static void accept_waits_for_a_free_descriptor(void **state)
{
    (void)state;
    shortages = 0;
    w->log.fn = count_shortages;
    w->log.level = WEFT_LOG_WARN;
    struct rlimit before, tight;
    weft_scope scope;
    weft_stream *client;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    struct accepting x = {.begun = WEFT_EVENT_INIT("begun")};
    ok(weft_listen(w, &x.l, "127.0.0.1:0", NULL));
    weft_listener_address(x.l, &a);
    ok(weft_dial(w, &client, weft_address_text(&a, text, sizeof text), weft_in_s(20)));
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)lowest_free();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(weft_accept(x.l, &x.s, weft_in_ms(30)), WEFT_LATE);
    weft_scope_init(&scope, weft_pool(w), "acceptor");
    ok(weft_go(&scope, accepts, &x));
    ok(weft_event_wait(&x.begun, weft_in_s(20)));
    assert_int_equal(weft_scope_join(&scope, weft_in_ms(20)), WEFT_LATE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    ok(weft_scope_join(&scope, weft_in_s(20)));
    ok(x.e);
    assert_int_equal(shortages, 1); /* however often it was tried */
    put(client, "now");
    comes(x.s, "now");
    weft_scope_fini(&scope);
    weft_close(&client);
    weft_close(&x.s);
    weft_listener_close(&x.l);
}

/* Cancelled at a random point of a conversation: no descriptor, task or byte is left or lost. */
struct talk {
    weft_stream *s;
    size_t held; /* read and not written */
};

static weft_err talks(void *arg)
{
    struct talk *t = arg;
    char buf[64];
    size_t got;
    weft_err e;
    while ((e = weft_read_full(t->s, buf, sizeof buf, &got, WEFT_FOREVER)) == WEFT_OK) {
        t->held = got;
        if ((e = weft_write(t->s, buf, sizeof buf, WEFT_FOREVER)) != WEFT_OK)
            break;
        t->held = 0;
    }
    return e;
}

static void cancellation_at_any_point_loses_no_byte(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(2000, 100000);
    int free_before = lowest_free();
    for (long i = 0; i < rounds; i++) {
        weft_stream *s[2];
        weft_scope scope;
        char buf[64];
        size_t got = 0, sent = 0, back = 0;
        i % 2 ? pair(s) : connection(s);
        weft_scope_init(&scope, weft_pool(w), "talk");
        struct talk t = {s[0], 0};
        ok(weft_go(&scope, talks, &t));
        long turns = (long)(test_random(&seed) % 6);
        for (long k = 0; k < turns; k++) {
            size_t n = 1 + test_random(&seed) % sizeof buf;
            ok(weft_write(s[1], buf, n, weft_in_s(20)));
            sent += n;
        }
        for (uint64_t k = test_random(&seed) % 100; k > 0; k--)
            weft_yield();
        weft_scope_cancel(&scope);
        weft_scope_fini(&scope);
        /* What was echoed, and what is left to be read, is all that was sent. */
        while (weft_read(s[1], buf, sizeof buf, &got, WEFT_NOW) == WEFT_OK)
            back += got;
        while (back + t.held < sent &&
               weft_read(s[0], buf, sizeof buf, &got, weft_in_s(20)) == WEFT_OK)
            back += got;
        assert_int_equal(back + t.held, sent);
        assert_int_equal(weft_read(s[0], buf, sizeof buf, &got, WEFT_NOW), WEFT_LATE);
        close_ends(s);
    }
    assert_int_equal(lowest_free(), free_before);
}

static void a_descriptor_has_one_owner(void **state)
{
    (void)state;
    weft_stream *s = NULL;
    int fd[2], file = fileno(tmpfile());
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    ok(weft_stream_adopt(w, &s, fd[0]));
    weft_stream *other = NULL;
    assert_int_equal(weft_stream_adopt(w, &other, fd[0]), WEFT_INVALID);
    assert_int_equal(weft_stream_adopt(w, &other, file), WEFT_INVALID);
    assert_int_equal(weft_stream_adopt(w, &other, -1), WEFT_INVALID);
    assert_int_equal(write(fd[1], "raw", 3), 3);
    comes(s, "raw");
    weft_close(&s);
    close(fd[1]);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_written_is_read),
        T(a_flood_arrives_whole_and_in_order),
        T(a_read_that_ends_late_takes_nothing),
        T(a_poll_sees_what_came_since),
        T(a_stream_is_read_and_written_at_once),
        T(lines_come_one_by_one),
        T(close_lets_go_who_is_inside),
        T(who_comes_back_to_a_stopped_stream_is_sent_away),
        T(one_reads_at_a_time),
        T(a_message_that_was_cut_is_the_last),
        T(nobody_reads_is_no_signal),
        T(a_reset_is_lost),
        T(urgent_data_hides_nothing),
        T(dials_in_vain_say_why),
        T(closing_a_listener_lets_its_acceptor_go),
        T(a_stopped_listener_sends_its_acceptor_away),
        T(a_path_in_use_is_in_use),
        T(accept_waits_for_a_free_descriptor),
        T(cancellation_at_any_point_loses_no_byte),
        T(a_descriptor_has_one_owner),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
