/* The zmq link and those at its other end: strangers, liars, sleepers, the dead, wrong cards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "link/plugin.h"
#include "link/zmq_link.h"
#include "port/err.h"

static const weft__link_ops *ops;

/* One end of a link, and what it was told. */
typedef struct end {
    weft__link *link;
    weft__link_host host;
    int kicked; /* an eventfd */
    int peer;   /* the other rank */
    int frames, strange, gone, lost, warnings;
    char why[200], logged[200];
    uint8_t card[WEFT__CARD_MAX];
    uint32_t card_len;
} end;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static const char hello[] = "hello";

static void on_frame(void *ctx, int peer, const void *data, uint32_t len)
{
    end *e = ctx;
    if (peer == e->peer && len == sizeof hello && memcmp(data, hello, len) == 0)
        e->frames++;
    else
        e->strange++;
}

static void on_gone(void *ctx, int peer, bool lost, const char *why)
{
    end *e = ctx;
    (void)peer;
    e->gone++;
    e->lost += lost;
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void on_kick(void *ctx)
{
    end *e = ctx;
    uint64_t one = 1;
    if (write(e->kicked, &one, sizeof one) < 0)
        abort();
}

__attribute__((format(printf, 3, 4))) static void on_log(void *ctx, int level, const char *format,
                                                         ...)
{
    end *e = ctx;
    va_list args;
    (void)level;
    va_start(args, format);
    vsnprintf(e->logged, sizeof e->logged, format, args);
    va_end(args);
    e->warnings += strstr(e->logged, "strangers") != NULL;
}

static weft_err open_end(end *e, int rank, int size, bool insecure)
{
    *e = (end){.kicked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    e->host = (weft__link_host){e, weft__fail, on_log, on_frame, on_gone, on_kick};
    e->peer = 1 - rank;
    weft__link_args args = {.rank = rank, .size = size, .host = &e->host, .insecure = insecure};
    weft_err err = ops->open(&e->link, &args);
    if (err == WEFT_OK)
        e->card_len = ops->card(e->link, e->card);
    return err;
}

static weft_err join_two(end *e, const end *first, const end *second)
{
    uint8_t cards[2][WEFT__CARD_MAX];
    uint32_t lengths[2] = {first->card_len, second->card_len};
    memcpy(cards[0], first->card, sizeof cards[0]);
    memcpy(cards[1], second->card, sizeof cards[1]);
    return ops->join(e->link, cards, lengths);
}

static void close_end(end *e)
{
    if (e->link)
        ops->close(e->link);
    e->link = NULL;
    close(e->kicked);
}

/* Serve, asleep until rung, kicked or due. */
static void turn(end *e)
{
    if (!ops->look(e->link) && ops->arm(e->link)) {
        int64_t due = ops->due(e->link), left = due == INT64_MAX ? 0 : due - now_ns();
        struct pollfd fds[2] = {{.fd = ops->fd(e->link), .events = POLLIN},
                                {.fd = e->kicked, .events = POLLIN}};
        int ms = due == INT64_MAX ? 20000 : left <= 0 ? 0 : (int)(left / 1000000) + 1;
        uint64_t count;
        if (poll(fds, 2, ms) > 0 && fds[1].revents && read(e->kicked, &count, sizeof count) < 0)
            abort();
    }
    ops->disarm(e->link);
    ops->serve(e->link);
}

/* The same for several ends in one thread. */
static void turn_short(end *e)
{
    struct pollfd fd = {.fd = ops->fd(e->link), .events = POLLIN};
    poll(&fd, 1, 1);
    ops->serve(e->link);
}

static weft_err say(end *e, int to)
{
    return ops->send(e->link, to, hello, sizeof hello, NULL, 0);
}

enum { PATIENCE_S = 20 };

/* Turn the ends, whichever are given, until `x`, at most PATIENCE_S. */
#define UNTIL(x, a, b, c)                                                                          \
    do {                                                                                           \
        end *ends_[] = {(a), (b), (c)};                                                            \
        int64_t stop_ = now_ns() + PATIENCE_S * INT64_C(1000000000);                               \
        bool met_ = false;                                                                         \
        while (!met_ && !(met_ = (x)) && now_ns() < stop_)                                         \
            for (int i_ = 0; i_ < 3; i_++)                                                         \
                if (ends_[i_])                                                                     \
                    turn_short(ends_[i_]);                                                         \
        if (!met_)                                                                                 \
            fail_msg("line %d: never: %s", __LINE__, #x);                                          \
    } while (0)

static void open_two(end *a, end *b, bool insecure)
{
    assert_int_equal(open_end(a, 0, 2, insecure), WEFT_OK);
    assert_int_equal(open_end(b, 1, 2, insecure), WEFT_OK);
    assert_int_equal(join_two(a, a, b), WEFT_OK);
    assert_int_equal(join_two(b, a, b), WEFT_OK);
}

/* Someone who knows where rank 0 is, and takes the place of rank 1, but has not rank 1's card. */
static void stranger(bool insecure, bool stranger_insecure)
{
    end a, b, c, seen;
    open_two(&a, &b, insecure);
    UNTIL(say(&a, 1) == WEFT_OK, &a, &b, NULL);
    UNTIL(say(&b, 0) == WEFT_OK, &a, &b, NULL);
    UNTIL(a.frames == 1 && b.frames == 1, &a, &b, NULL);

    assert_int_equal(open_end(&c, 1, 2, stranger_insecure), WEFT_OK);
    seen = a;
    weft__zmq_card card;
    memcpy(&card, seen.card, sizeof card);
    card.secure = !stranger_insecure;
    memcpy(seen.card, &card, sizeof card);
    assert_int_equal(join_two(&c, &seen, &c), WEFT_OK);
    /* Without CURVE on both sides it does get a connection, and its frames are dropped. */
    if (insecure)
        UNTIL(say(&c, 0) == WEFT_OK, &a, &c, NULL);
    else
        assert_int_equal(say(&c, 0), WEFT_FULL);
    if (insecure || !stranger_insecure)
        UNTIL(a.warnings > 0, &a, &b, &c);
    else /* refused before anybody asks who it is: nothing to count */
        for (int i = 0; i < 200; i++)
            turn_short(&a);
    assert_true(insecure || say(&c, 0) == WEFT_FULL);

    UNTIL(say(&b, 0) == WEFT_OK, &a, &b, NULL);
    UNTIL(say(&a, 1) == WEFT_OK, &a, &b, NULL);
    UNTIL(a.frames == 2 && b.frames == 2, &a, &b, NULL);
    assert_int_equal(a.strange + b.strange + a.gone + b.gone, 0);
    close_end(&c);
    close_end(&b);
    UNTIL(a.gone == 1, &a, NULL, NULL);
    assert_int_equal(a.lost, 0);
    close_end(&a);
}

static void a_stranger_with_another_key_is_refused(void **state)
{
    (void)state;
    stranger(false, false);
}

static void a_stranger_without_a_key_is_refused(void **state)
{
    (void)state;
    stranger(false, true);
}

static void a_stranger_without_the_token_is_ignored(void **state)
{
    (void)state;
    stranger(true, true);
}

/* libzmq itself, to send what no link would send. */
static struct {
    void *(*ctx_new)(void);
    int (*ctx_term)(void *);
    void *(*socket)(void *, int);
    int (*connect)(void *, const char *);
    int (*send)(void *, const void *, size_t, int);
    int (*close)(void *);
} raw;

static bool find_raw(void)
{
    static const char *const names[] = {"zmq_ctx_new", "zmq_ctx_term", "zmq_socket",
                                        "zmq_connect", "zmq_send",     "zmq_close"};
    void **slots = (void **)(void *)&raw;
    void *lib = dlopen("libzmq.so.5", RTLD_NOW);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!lib || !(slots[i] = dlsym(lib, names[i])))
            return false;
    return true;
}

enum { RAW_PUSH = 8 };

static const struct {
    const char *what, *why; /* NULL: it is a stranger's, dropped */
    uint8_t version, kind;
    uint32_t rank;
    bool forged;
    uint64_t number, ack_frames, ack_bytes;
    size_t cut, body;
} lies[] = {
    {"a gap", "frame 1 came", 1, WEFT__ZMQ_DATA, 1, false, 1, 0, 0, 0, 5},
    {"too many acknowledged", "acknowledged 1 frames", 1, WEFT__ZMQ_ACK, 1, false, 0, 1, 0, 0, 0},
    {"bytes acknowledged", "acknowledged 0 frames", 1, WEFT__ZMQ_ACK, 1, false, 0, 0, 9, 0, 0},
    {"an unknown kind", "cannot be", 1, 9, 1, false, 0, 0, 0, 0, 0},
    {"another version", "cannot be", 2, WEFT__ZMQ_DATA, 1, false, 0, 0, 0, 0, 5},
    {"data without data", "cannot be", 1, WEFT__ZMQ_DATA, 1, false, 0, 0, 0, 0, 0},
    {"an acknowledgement with data", "cannot be", 1, WEFT__ZMQ_ACK, 1, false, 0, 0, 0, 0, 5},
    {"too long", "cannot be", 1, WEFT__ZMQ_DATA, 1, false, 0, 0, 0, 0, WEFT__ZMQ_FRAME_MAX + 1},
    {"too short", NULL, 1, WEFT__ZMQ_DATA, 1, false, 0, 0, 0, 1, 0},
    {"another token", NULL, 1, WEFT__ZMQ_DATA, 1, true, 0, 0, 0, 0, 5},
    {"a rank beyond", NULL, 1, WEFT__ZMQ_DATA, 2, false, 0, 0, 0, 0, 5},
    {"a huge rank", NULL, 1, WEFT__ZMQ_DATA, UINT32_MAX, false, 0, 0, 0, 0, 5},
    {"its own rank", NULL, 1, WEFT__ZMQ_DATA, 0, false, 0, 0, 0, 0, 5},
};

/* Rank 1 lies to rank 0, then says goodbye. */
static void lie(size_t i)
{
    static uint8_t message[sizeof(weft__zmq_head) + WEFT__ZMQ_FRAME_MAX + 1];
    end a, b;
    open_two(&a, &b, true);
    weft__zmq_card mine, its;
    memcpy(&mine, b.card, sizeof mine);
    memcpy(&its, a.card, sizeof its);
    weft__zmq_head h = {lies[i].version,
                        lies[i].kind,
                        0,
                        lies[i].rank,
                        mine.token ^ lies[i].forged,
                        lies[i].number,
                        lies[i].ack_frames,
                        lies[i].ack_bytes};
    if (lies[i].rank == 0)
        h.token = its.token;
    memcpy(message, &h, sizeof h);
    void *context = raw.ctx_new(), *socket = raw.socket(context, RAW_PUSH);
    assert_int_equal(raw.connect(socket, its.address), 0);
    size_t len = sizeof h - lies[i].cut + lies[i].body;
    assert_int_equal(raw.send(socket, message, len, 0), (int)len);
    h = (weft__zmq_head){.version = 1, .kind = WEFT__ZMQ_BYE, .rank = 1, .token = mine.token};
    assert_int_equal(raw.send(socket, &h, sizeof h, 0), (int)sizeof h);
    UNTIL(a.gone == 1, &a, NULL, NULL);
    if (a.frames + a.strange != 0 || a.lost != (lies[i].why != NULL) ||
        !strstr(a.why, lies[i].why ? lies[i].why : "it left"))
        fail_msg("%s: %d frames, lost %d: %s", lies[i].what, a.frames, a.lost, a.why);
    assert_int_equal(say(&a, 1), WEFT_LOST);
    assert_int_equal(raw.close(socket) | raw.ctx_term(context), 0);
    close_end(&b); /* first: its goodbye finds somebody */
    close_end(&a);
}

static void lies_end_their_sender_and_nobody_else(void **state)
{
    (void)state;
    if (!find_raw())
        skip();
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        lie(i);
}

static void a_window_of_small_frames_is_bounded(void **state)
{
    (void)state;
    end a, b;
    open_two(&a, &b, false);
    UNTIL(say(&a, 1) == WEFT_OK, &a, NULL, NULL);
    int sent = 1;
    while (sent < 100000 && say(&a, 1) == WEFT_OK)
        sent++;
    assert_int_equal(sent, WEFT__ZMQ_WINDOW_FRAMES);
    assert_false(ops->flushed(a.link));
    for (int more = 0; more < 3; more++, sent++)
        UNTIL(say(&a, 1) == WEFT_OK, &a, &b, NULL);
    UNTIL(b.frames == sent && ops->flushed(a.link), &a, &b, NULL);
    close_end(&a);
    UNTIL(b.gone == 1, &b, NULL, NULL);
    assert_int_equal(b.lost, 0);
    close_end(&b);
}

enum { ROUNDS = 10000 };

/* Answer every frame; ends when the peer left. Returns the end if all went well. */
static void *echo(void *arg)
{
    end *e = arg;
    int answered = 0;
    while (!e->gone) {
        turn(e);
        while (answered < e->frames && say(e, 0) == WEFT_OK)
            answered++;
    }
    return answered == ROUNDS ? e : NULL;
}

static void a_sleeper_is_woken_ten_thousand_times(void **state)
{
    (void)state;
    end a, b;
    pthread_t thread;
    open_two(&a, &b, false);
    UNTIL(say(&a, 1) == WEFT_OK, &a, NULL, NULL);
    assert_int_equal(pthread_create(&thread, NULL, echo, &b), 0);
    int64_t start = now_ns(), stop = start + 60 * INT64_C(1000000000);
    for (int i = 1; i < ROUNDS && now_ns() < stop; i++) {
        while (a.frames < i && now_ns() < stop)
            turn(&a);
        while (say(&a, 1) == WEFT_FULL && now_ns() < stop)
            turn(&a);
    }
    while (a.frames < ROUNDS && now_ns() < stop)
        turn(&a);
    int64_t took = now_ns() - start;
    close_end(&a);
    void *well = NULL;
    assert_int_equal(pthread_join(thread, &well), 0);
    close_end(&b);
    assert_non_null(well);
    print_message("%.1f us a round\n", (double)took / 1000 / ROUNDS);
}

/* Rank 1, in a process of its own: it says one thing and waits to be killed. */
static void be_victim(int wire)
{
    end a = {0}, b;
    alarm(60);
    if (open_end(&b, 1, 2, false) != WEFT_OK || write(wire, b.card, sizeof b.card) < 0 ||
        read(wire, a.card, sizeof a.card) != sizeof a.card)
        _exit(1);
    a.card_len = b.card_len;
    if (join_two(&b, &a, &b) != WEFT_OK)
        _exit(1);
    while (say(&b, 0) == WEFT_FULL)
        turn(&b);
    for (;;)
        turn(&b);
}

static void a_killed_peer_is_lost(void **state)
{
    (void)state;
    int wire[2];
    end a, b = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, wire), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        be_victim(wire[1]);
    assert_int_equal(open_end(&a, 0, 2, false), WEFT_OK);
    assert_int_equal(write(wire[0], a.card, sizeof a.card), sizeof a.card);
    assert_int_equal(read(wire[0], b.card, sizeof b.card), sizeof b.card);
    b.card_len = a.card_len;
    assert_int_equal(join_two(&a, &a, &b), WEFT_OK);
    UNTIL(a.frames == 1, &a, NULL, NULL);
    UNTIL(say(&a, 1) == WEFT_OK, &a, NULL, NULL);
    UNTIL(ops->flushed(a.link), &a, NULL, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int64_t start = now_ns();
    UNTIL(a.gone == 1, &a, NULL, NULL);
    int64_t took = now_ns() - start;
    assert_int_equal(a.lost, 1);
    assert_non_null(strstr(a.why, "connection broke"));
    assert_int_equal(say(&a, 1), WEFT_LOST);
    assert_true(ops->flushed(a.link));
    close_end(&a);
    close(wire[0]);
    close(wire[1]);
    print_message("noticed after %d ms\n", (int)(took / 1000000));
    assert_true(took < 10 * INT64_C(1000000000));
}

/* What rank 0 says to cards of which rank 1's was changed. */
static void assert_card_refused(bool insecure, void (*change)(weft__zmq_card *c, const end *a),
                                uint32_t shorter)
{
    end a, b;
    assert_int_equal(open_end(&a, 0, 2, insecure), WEFT_OK);
    assert_int_equal(open_end(&b, 1, 2, insecure), WEFT_OK);
    weft__zmq_card card;
    memcpy(&card, b.card, sizeof card);
    if (change)
        change(&card, &a);
    memcpy(b.card, &card, sizeof card);
    b.card_len -= shorter;
    assert_int_equal(join_two(&a, &a, &b), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "1"));
    close_end(&a);
    close_end(&b);
}

static void change_security(weft__zmq_card *c, const end *a)
{
    (void)a;
    c->secure = !c->secure;
}

static void change_address(weft__zmq_card *c, const end *a)
{
    (void)a;
    memset(c->address, 'x', sizeof c->address);
}

static void change_key(weft__zmq_card *c, const end *a)
{
    (void)a;
    memset(c->key, 'x', sizeof c->key);
}

static void spoil_key(weft__zmq_card *c, const end *a)
{
    (void)a;
    c->key[5] = '"';
}

static void copy_identity(weft__zmq_card *c, const end *a)
{
    weft__zmq_card other;
    memcpy(&other, a->card, sizeof other);
    memcpy(c->key, other.key, sizeof c->key);
    c->token = other.token;
}

static void wrong_cards_are_refused(void **state)
{
    (void)state;
    assert_card_refused(false, NULL, 1);
    assert_card_refused(false, change_security, 0);
    assert_card_refused(false, change_address, 0);
    assert_card_refused(false, change_key, 0);
    assert_card_refused(false, spoil_key, 0);
    assert_card_refused(false, copy_identity, 0);
    assert_card_refused(true, copy_identity, 0);
    assert_card_refused(true, change_security, 0);
}

static void too_few_descriptors_are_an_error(void **state)
{
    (void)state;
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    end a;
    weft_err e = open_end(&a, 0, 200, false);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(e, WEFT_NOMEM);
    assert_non_null(strstr(weft_detail(), "ulimit"));
    close(a.kicked);
}

static void a_link_that_never_joined_closes(void **state)
{
    (void)state;
    end a;
    assert_int_equal(open_end(&a, 0, 3, false), WEFT_OK);
    assert_int_equal(say(&a, 1), WEFT_INVALID);
    assert_int_equal(ops->serve(a.link), 0);
    close_end(&a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_peer_is_lost),
        cmocka_unit_test(a_stranger_with_another_key_is_refused),
        cmocka_unit_test(a_stranger_without_a_key_is_refused),
        cmocka_unit_test(a_stranger_without_the_token_is_ignored),
        cmocka_unit_test(lies_end_their_sender_and_nobody_else),
        cmocka_unit_test(a_window_of_small_frames_is_bounded),
        cmocka_unit_test(a_sleeper_is_woken_ten_thousand_times),
        cmocka_unit_test(wrong_cards_are_refused),
        cmocka_unit_test(too_few_descriptors_are_an_error),
        cmocka_unit_test(a_link_that_never_joined_closes),
    };
    const weft__plugin *plugin;
    alarm(110);
    if (weft__plugin_load("zmq", &plugin) != WEFT_OK) {
        fprintf(stderr, "%s\n", weft_detail());
        return 1;
    }
    ops = plugin->link;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
