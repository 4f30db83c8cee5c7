/* Mail above the shm link between ranks of this process, and above a link that misbehaves on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/frame.h"
#include "link/mail.h"
#include "port/err.h"

enum { TURNS = 2000000, RANKS = 2, SENDERS = 4 };

/* One rank: its mail and what came. */
typedef struct box {
    weft__mail *mail;
    weft__link *link;
    weft__seg *seg;
    uint64_t got, bad, gone, kicks, bytes;
    uint64_t next[SENDERS]; /* of each sender, by head.id */
    int gone_peer;
} box;

static weft__log silent;
static char last_line[256];

static void keep_line(void *ctx, weft_level level, const char *line)
{
    (void)ctx;
    (void)level;
    snprintf(last_line, sizeof last_line, "%s", line);
}

static weft__log loud = {.fn = keep_line, .level = WEFT_LOG_DEBUG};

static uint8_t byte_of(uint64_t a, uint64_t k)
{
    return (uint8_t)(a * 131 + k + (k >> 9));
}

/* A letter says in `a` which of its sender's it is, and its bytes follow from that. */
static void on_letter(void *ctx, weft__letter *l)
{
    box *b = ctx;
    b->got++;
    b->bytes += l->head.len;
    b->bad += b->gone != 0;
    if (l->head.id >= SENDERS || l->head.a != b->next[l->head.id]++)
        b->bad++;
    for (uint64_t k = 0; k < l->head.len; k++)
        b->bad += l->data[k] != byte_of(l->head.a, k);
    if (b->got % 4)
        weft__mail_free(b->mail, l);
    else
        free(l);
}

static void on_gone(void *ctx, int peer)
{
    box *b = ctx;
    b->gone++;
    b->gone_peer = peer;
}

static void on_kick(void *ctx)
{
    box *b = ctx;
    __atomic_fetch_add(&b->kicks, 1, __ATOMIC_RELAXED);
}

static void open_box(box *b, weft__seg *seg, int rank, weft__log *log)
{
    *b = (box){.gone_peer = -1, .seg = seg};
    assert_int_equal(weft__mail_create(&b->mail, rank, RANKS, log), WEFT_OK);
    weft__link_args args = {
        .rank = rank, .size = RANKS, .seg = seg, .host = weft__mail_host(b->mail)};
    assert_int_equal(weft__link_shm.open(&b->link, &args), WEFT_OK);
    weft__mail_use(b->mail, &weft__link_shm, b->link, on_kick, b);
    weft__mail_handle(b->mail, WEFT__MAIL_TEAM, on_letter, on_gone, b);
}

static void open_pair(weft__seg *seg, box *b, weft__log *log)
{
    assert_int_equal(weft__seg_create(seg, RANKS), WEFT_OK);
    for (int r = 0; r < RANKS; r++)
        open_box(&b[r], seg, r, log);
}

static void close_pair(weft__seg *seg, box *b)
{
    for (int r = 0; r < RANKS; r++)
        weft__mail_destroy(&b[r].mail);
    weft__seg_close(seg);
}

static weft_err send_numbered(box *b, int to, uint32_t sender, uint64_t number, size_t len)
{
    uint8_t *data = malloc(len + 1);
    if (!data)
        return WEFT_NOMEM;
    for (size_t k = 0; k < len; k++)
        data[k] = byte_of(number, k);
    weft__letter_head h = {.kind = WEFT__MAIL_TEAM, .verb = 7, .id = sender, .a = number};
    weft_err e = weft__mail_send(b->mail, to, h, data, len);
    memset(data, 0, len + 1);
    free(data);
    return e;
}

/* Serve whoever has something to do until rank `to` has `count` letters. */
static void pump(box *b, int to, uint64_t count)
{
    for (int i = 0; i < TURNS && b[to].got < count; i++)
        for (int r = 0; r < RANKS; r++)
            if (weft__mail_look(b[r].mail))
                weft__mail_serve(b[r].mail);
    assert_int_equal(b[to].got, count);
    assert_int_equal(b[to].bad, 0);
}

static void test_letters_of_every_size_arrive_whole(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    uint32_t max = weft__link_shm.max_frame(b[0].link);
    size_t first = max - sizeof(weft__frame_head) - sizeof(weft__letter_head);
    size_t sizes[] = {0,         1,         7,   first - 1, first,
                      first + 1, max - 1,   max, max + 1,   2 * (size_t)max,
                      3u << 20,  10u << 20, 0,   1u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int from = 0; from < RANKS; from++) {
            assert_int_equal(send_numbered(&b[from], 1 - from, 0, i, sizes[i]), WEFT_OK);
            pump(b, 1 - from, i + 1);
        }
    assert_true(weft__mail_flushed(b[0].mail) && weft__mail_flushed(b[1].mail));
    close_pair(&seg, b);
}

static void test_a_letter_to_self_comes_with_the_next_serve(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(send_numbered(&b[0], 0, 0, i, 1000 * (size_t)i), WEFT_OK);
    assert_int_equal(b[0].got, 0);
    assert_int_equal(b[0].kicks, 1);
    assert_false(weft__mail_flushed(b[0].mail));
    assert_false(weft__mail_arm(b[0].mail));
    assert_true(weft__mail_look(b[0].mail));
    weft__mail_serve(b[0].mail);
    assert_int_equal(b[0].got, 3);
    assert_int_equal(b[0].bad, 0);
    assert_true(weft__mail_flushed(b[0].mail));
    assert_int_equal(send_numbered(&b[0], 0, 0, 9, 5), WEFT_OK); /* freed with the mail */
    close_pair(&seg, b);
}

static void test_what_finds_no_room_is_kept_in_order(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    enum { LETTERS = 300, LEN = 20000 };
    for (uint64_t i = 0; i < LETTERS; i++)
        assert_int_equal(send_numbered(&b[0], 1, 0, i, i % 7 * LEN / 3), WEFT_OK);
    assert_true(weft__mail_count(b[0].mail).queued > LETTERS / 2);
    assert_true(weft__mail_look(b[0].mail)); /* the stall is looked at once more */
    weft__mail_serve(b[0].mail);
    assert_false(weft__mail_look(b[0].mail)); /* then not before there is room */
    assert_false(weft__mail_flushed(b[0].mail));
    pump(b, 1, LETTERS);
    assert_true(weft__mail_flushed(b[0].mail));
    assert_int_equal(weft__mail_count(b[0].mail).queued, 0);
    /* Letters go straight into the link again. */
    uint64_t copied = weft__mail_count(b[0].mail).copied;
    assert_int_equal(send_numbered(&b[0], 1, 0, LETTERS, 10), WEFT_OK);
    assert_int_equal(weft__mail_count(b[0].mail).copied, copied);
    pump(b, 1, LETTERS + 1);
    close_pair(&seg, b);
}

typedef struct sender {
    box *b;
    uint32_t id;
    uint64_t letters, failed;
} sender;

static size_t length_of(uint32_t id, uint64_t i)
{
    uint64_t h = (i * 2654435761u + id * 40503u) >> 4;
    return i % 50 == 0 ? (size_t)(h % 200000) : (size_t)(h % 300);
}

static void *send_all(void *arg)
{
    sender *s = arg;
    for (uint64_t i = 0; i < s->letters; i++)
        s->failed += send_numbered(s->b, 1, s->id, i, length_of(s->id, i)) != WEFT_OK;
    return NULL;
}

static void test_letters_of_many_threads_keep_their_order(void **state)
{
    (void)state;
    enum { LETTERS = 2000 };
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    pthread_t threads[SENDERS];
    sender senders[SENDERS];
    for (uint32_t t = 0; t < SENDERS; t++) {
        senders[t] = (sender){&b[0], t, LETTERS, 0};
        assert_int_equal(pthread_create(&threads[t], NULL, send_all, &senders[t]), 0);
    }
    int turns = 0;
    while (b[1].got < SENDERS * LETTERS && turns++ < 100 * TURNS)
        for (int r = 0; r < RANKS; r++)
            if (weft__mail_look(b[r].mail))
                weft__mail_serve(b[r].mail);
    for (uint32_t t = 0; t < SENDERS; t++) {
        pthread_join(threads[t], NULL);
        assert_int_equal(senders[t].failed, 0);
    }
    pump(b, 1, SENDERS * LETTERS);
    assert_true(weft__mail_flushed(b[0].mail));
    close_pair(&seg, b);
}

/* Sleeping ranks */

typedef struct server {
    box *b;
    uint64_t until; /* letters */
    int naps;       /* that ended by themselves: each is a wake that was lost */
} server;

static void *serve_asleep(void *arg)
{
    server *s = arg;
    weft__mail *m = s->b->mail;
    while (s->b->got < s->until || !weft__mail_flushed(m)) {
        if (!weft__mail_look(m) && weft__mail_arm(m)) {
            struct pollfd fd = {.fd = weft__mail_fd(m), .events = POLLIN};
            if (poll(&fd, 1, 10000) == 0 && ++s->naps)
                return NULL;
        }
        weft__mail_disarm(m);
        weft__mail_serve(m);
    }
    return NULL;
}

static void test_room_wakes_a_sleeping_sender(void **state)
{
    (void)state;
    enum { LETTERS = 400, LEN = 30000 };
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    for (uint64_t i = 0; i < LETTERS; i++)
        for (int r = 0; r < RANKS; r++)
            assert_int_equal(send_numbered(&b[r], 1 - r, 0, i, LEN), WEFT_OK);
    server servers[RANKS];
    pthread_t threads[RANKS];
    for (int r = 0; r < RANKS; r++) {
        servers[r] = (server){&b[r], LETTERS, 0};
        assert_int_equal(pthread_create(&threads[r], NULL, serve_asleep, &servers[r]), 0);
    }
    for (int r = 0; r < RANKS; r++)
        pthread_join(threads[r], NULL);
    for (int r = 0; r < RANKS; r++) {
        assert_int_equal(servers[r].naps, 0);
        assert_int_equal(b[r].got, LETTERS);
        assert_int_equal(b[r].bad, 0);
    }
    close_pair(&seg, b);
}

/* Peers that go */

static void serve_until_gone(box *b)
{
    for (int i = 0; i < 1000 && !b->gone; i++)
        if (weft__mail_look(b->mail))
            weft__mail_serve(b->mail);
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->gone_peer, 1);
}

static void test_a_peer_that_left_is_gone_after_its_last_letter(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &loud);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(send_numbered(&b[1], 0, 0, i, 400), WEFT_OK);
    for (uint64_t i = 0; i < 100; i++) /* more than fits; never read */
        assert_int_equal(send_numbered(&b[0], 1, 0, i, 50000), WEFT_OK);
    assert_int_equal(weft__mail_state(b[0].mail, 1), WEFT__RANK_JOINED);
    weft__mail_destroy(&b[1].mail);
    uint64_t queued = weft__mail_count(b[0].mail).queued;
    assert_true(queued > 0);
    serve_until_gone(&b[0]);
    assert_int_equal(b[0].got, 50);
    assert_int_equal(b[0].bad, 0);
    assert_int_equal(weft__mail_state(b[0].mail, 1), WEFT__RANK_LEFT);
    assert_string_equal(weft__mail_why(b[0].mail, 1), "");
    assert_int_equal(weft__mail_count(b[0].mail).dropped, queued);
    assert_int_equal(weft__mail_count(b[0].mail).queued, 0);
    assert_non_null(strstr(last_line, "to rank 1 dropped"));
    assert_int_equal(send_numbered(&b[0], 1, 0, 0, 8), WEFT_LOST);
    assert_string_equal(weft_detail(), "rank 1 left");
    assert_true(weft__mail_flushed(b[0].mail));
    weft__mail_destroy(&b[0].mail);
    weft__seg_close(&seg);
}

static void test_a_peer_that_died_is_lost_and_says_why(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    assert_int_equal(send_numbered(&b[1], 0, 0, 0, 100000), WEFT_OK);
    weft__seg_set_state(&seg, 1, WEFT__RANK_LOST);
    serve_until_gone(&b[0]);
    assert_int_equal(b[0].got, 1);
    assert_int_equal(weft__mail_state(b[0].mail, 1), WEFT__RANK_LOST);
    assert_int_equal(send_numbered(&b[0], 1, 0, 0, 8), WEFT_LOST);
    assert_non_null(strstr(weft_detail(), "rank 1 died: "));
    assert_true(strlen(weft__mail_why(b[0].mail, 1)) > 0);
    close_pair(&seg, b);
}

static void test_a_peer_that_leaves_within_a_letter_is_lost(void **state)
{
    (void)state;
    weft__seg seg;
    box b[RANKS];
    open_pair(&seg, b, &silent);
    assert_int_equal(send_numbered(&b[1], 0, 0, 0, 5u << 20), WEFT_OK); /* the rest is queued */
    weft__mail_destroy(&b[1].mail);
    serve_until_gone(&b[0]);
    assert_int_equal(b[0].got, 0);
    assert_int_equal(weft__mail_state(b[0].mail, 1), WEFT__RANK_LOST);
    weft__mail_destroy(&b[0].mail);
    weft__seg_close(&seg);
}

/* A link that does as it is told */

enum { FAKE_MAX = 256, FAKE_FRAMES = 400 };

static struct fake {
    const weft__link_host *host;
    weft_err answers[8]; /* what send says next; then WEFT_OK */
    int answer, frames;
    uint32_t len[FAKE_FRAMES];
    uint8_t data[FAKE_FRAMES][FAKE_MAX];
    int handed;  /* frames of `data` that serve() has given to the host */
    box *during; /* within its next send another thread sends letter 1: it is played by this one */
    bool hand;   /* serve() gives them to the host, as from rank 1 */
} fake;

static uint32_t fake_max_frame(weft__link *l)
{
    (void)l;
    return FAKE_MAX;
}

static weft_err fake_send(weft__link *l, int peer, const void *head, uint32_t head_len,
                          const void *body, uint32_t body_len)
{
    (void)l;
    (void)peer;
    box *b = fake.during;
    fake.during = NULL;
    if (b && send_numbered(b, 1, 0, 1, 300) != WEFT_OK)
        return WEFT_SYS;
    weft_err e = fake.answer < 8 ? fake.answers[fake.answer++] : WEFT_OK;
    if (e != WEFT_OK || fake.frames == FAKE_FRAMES || head_len + body_len > FAKE_MAX)
        return e != WEFT_OK ? e : WEFT_INVALID;
    memcpy(fake.data[fake.frames], head, head_len);
    if (body_len)
        memcpy(fake.data[fake.frames] + head_len, body, body_len);
    fake.len[fake.frames++] = head_len + body_len;
    return WEFT_OK;
}

static bool fake_look(weft__link *l)
{
    (void)l;
    return false;
}

static int fake_serve(weft__link *l)
{
    (void)l;
    for (; fake.hand && fake.handed < fake.frames; fake.handed++)
        fake.host->frame(fake.host->ctx, 1, fake.data[fake.handed], fake.len[fake.handed]);
    return 0;
}

static int64_t fake_due(weft__link *l)
{
    (void)l;
    return INT64_MAX;
}

static void fake_nothing(weft__link *l)
{
    (void)l;
}

static const weft__link_ops fake_ops = {.name = "fake",
                                        .max_frame = fake_max_frame,
                                        .send = fake_send,
                                        .look = fake_look,
                                        .serve = fake_serve,
                                        .due = fake_due,
                                        .flushed = fake_look,
                                        .close = fake_nothing};

static void open_fake(box *b)
{
    static char link;
    memset(&fake, 0, sizeof fake);
    *b = (box){.gone_peer = -1};
    assert_int_equal(weft__mail_create(&b->mail, 0, RANKS, &loud), WEFT_OK);
    fake.host = weft__mail_host(b->mail);
    weft__mail_use(b->mail, &fake_ops, (weft__link *)(void *)&link, on_kick, b);
    weft__mail_handle(b->mail, WEFT__MAIL_TEAM, on_letter, on_gone, b);
}

/* Give the host what was sent so far, after `change` spoiled it; the peer must be lost by it. */
static void expect_refused(void (*change)(void), const char *why)
{
    box b;
    open_fake(&b);
    assert_int_equal(send_numbered(&b, 1, 0, 0, 600), WEFT_OK);
    assert_int_equal(send_numbered(&b, 1, 0, 1, 10), WEFT_OK);
    change();
    fake.hand = true;
    weft__mail_serve(b.mail);
    assert_int_equal(b.gone, 1);
    assert_int_equal(weft__mail_state(b.mail, 1), WEFT__RANK_LOST);
    assert_string_equal(weft__mail_why(b.mail, 1), why);
    assert_int_equal(send_numbered(&b, 1, 0, 2, 10), WEFT_LOST);
    assert_non_null(strstr(last_line, "rank 1"));
    weft__mail_destroy(&b.mail);
}

static weft__frame_head *frame_of(int i)
{
    return (weft__frame_head *)(void *)fake.data[i];
}

static weft__letter_head *letter_of(int i)
{
    return (weft__letter_head *)(void *)(fake.data[i] + sizeof(weft__frame_head));
}

static void lose_one(void)
{
    fake.handed = 1;
}

static void lose_middle(void)
{
    memmove(fake.data[1], fake.data[2], sizeof fake.data[0] * 2);
    memmove(&fake.len[1], &fake.len[2], sizeof fake.len[0] * 2);
    fake.frames--;
}

static void repeat_one(void)
{
    memcpy(fake.data[1], fake.data[0], sizeof fake.data[0]);
}

static void shorten(void)
{
    fake.len[1] = 7;
}

static void unknown_flag(void)
{
    frame_of(1)->flags |= 64;
}

static void unknown_kind(void)
{
    letter_of(0)->kind = 77;
}

static void too_long(void)
{
    letter_of(0)->len = UINT64_MAX / 2;
}

static void longer_than_said(void)
{
    letter_of(0)->len = 590;
}

static void shorter_than_said(void)
{
    letter_of(0)->len = 610;
}

static void inside_another(void)
{
    frame_of(1)->flags |= WEFT__FRAME_FIRST;
}

static void no_beginning(void)
{
    frame_of(0)->flags &= ~(uint32_t)WEFT__FRAME_FIRST;
}

static void half_a_head(void)
{
    fake.len[0] = sizeof(weft__frame_head) + 3;
}

static void cut_nothing(void)
{
    frame_of(0)->flags = WEFT__FRAME_CUT;
    fake.len[0] = sizeof(weft__frame_head);
}

static void test_frames_that_break_a_rule_lose_the_peer(void **state)
{
    (void)state;
    expect_refused(lose_one, "a frame was lost or repeated");
    expect_refused(lose_middle, "a frame was lost or repeated");
    expect_refused(repeat_one, "a frame was lost or repeated");
    expect_refused(shorten, "a frame with half a head");
    expect_refused(unknown_flag, "a frame of a kind that does not exist");
    expect_refused(unknown_kind, "a letter of a kind that does not exist");
    expect_refused(too_long, "a letter longer than can be");
    expect_refused(longer_than_said, "a letter of another length than it said");
    expect_refused(shorter_than_said, "a letter of another length than it said");
    expect_refused(inside_another, "a letter began inside another");
    expect_refused(no_beginning, "a letter without a beginning");
    expect_refused(half_a_head, "a letter with half a head");
    expect_refused(cut_nothing, "the end of no letter");
}

static void test_frames_after_the_end_are_counted(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(send_numbered(&b, 1, 0, i, 10), WEFT_OK);
    frame_of(1)->sequence = 5;
    fake.hand = true;
    weft__mail_serve(b.mail);
    assert_int_equal(b.got, 1);
    assert_int_equal(weft__mail_count(b.mail).ignored, 3);
    fake.host->frame(fake.host->ctx, 0, fake.data[0], fake.len[0]); /* from this rank itself */
    fake.host->frame(fake.host->ctx, 2, fake.data[0], fake.len[0]); /* from nobody */
    assert_int_equal(weft__mail_count(b.mail).ignored, 5);
    weft__mail_destroy(&b.mail);
}

static void test_a_letter_goes_on_after_the_link_had_no_room(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    const weft_err answers[8] = {WEFT_OK, WEFT_FULL, WEFT_FULL, WEFT_OK, WEFT_NOMEM, WEFT_FULL};
    memcpy(fake.answers, answers, sizeof answers);
    assert_int_equal(send_numbered(&b, 1, 0, 0, 1000), WEFT_OK);
    assert_int_equal(send_numbered(&b, 1, 0, 1, 1000), WEFT_OK);
    assert_int_equal(b.kicks, 1);
    assert_int_equal(fake.answer, 2); /* nobody tries while the box is stalled */
    weft__mail_serve(b.mail);
    weft__mail_serve(b.mail); /* no memory in the link: wants to be served again by itself */
    assert_true(weft__mail_due(b.mail) != INT64_MAX);
    weft__mail_serve(b.mail);
    assert_true(weft__mail_due(b.mail) == INT64_MAX);
    fake.hand = true;
    weft__mail_serve(b.mail);
    weft__mail_serve(b.mail);
    assert_int_equal(b.got, 2);
    assert_int_equal(b.bad, 0);
    assert_int_equal(weft__mail_count(b.mail).queued, 0);
    weft__mail_destroy(&b.mail);
}

static void test_a_letter_that_was_begun_stays_in_front(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    fake.answers[1] = WEFT_FULL;
    fake.during = &b;
    assert_int_equal(send_numbered(&b, 1, 0, 0, 1000), WEFT_OK);
    assert_int_equal(weft__mail_count(b.mail).queued, 2);
    fake.hand = true;
    weft__mail_serve(b.mail);
    weft__mail_serve(b.mail);
    assert_int_equal(b.gone, 0);
    assert_int_equal(b.got, 2);
    assert_int_equal(b.bad, 0);
    weft__mail_destroy(&b.mail);
}

static void test_a_first_frame_without_memory_is_the_callers_error(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    fake.answers[0] = WEFT_NOMEM;
    assert_int_equal(send_numbered(&b, 1, 0, 0, 1000), WEFT_NOMEM);
    weft__mail_serve(b.mail);
    assert_int_equal(send_numbered(&b, 1, 0, 0, 1000), WEFT_OK);
    fake.hand = true;
    weft__mail_serve(b.mail);
    assert_int_equal(b.got, 1);
    assert_int_equal(b.bad, 0);
    weft__mail_destroy(&b.mail);
}

/* A letter so long that it cannot be copied: sanitizers shall say NULL to it, as malloc does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_a_letter_that_cannot_be_kept_is_cut(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    fake.answers[1] = fake.answers[2] = WEFT_FULL;
    static uint8_t bytes[FAKE_MAX]; /* only what goes into the first frame is read */
    weft__letter_head h = {.kind = WEFT__MAIL_TEAM};
    assert_int_equal(weft__mail_send(b.mail, 1, h, bytes, (size_t)1 << 50), WEFT_NOMEM);
    assert_false(weft__mail_flushed(b.mail));
    assert_int_equal(weft__mail_count(b.mail).queued, 1);
    letter_of(0)->len = 1000; /* the other side has the memory */
    assert_int_equal(send_numbered(&b, 1, 0, 0, 10), WEFT_OK);
    fake.hand = true;
    for (int i = 0; i < 3; i++)
        weft__mail_serve(b.mail);
    assert_int_equal(weft__mail_state(b.mail, 1), WEFT__RANK_JOINED);
    assert_int_equal(b.got, 1);
    assert_int_equal(b.bad, 0);
    assert_int_equal(weft__mail_count(b.mail).queued, 0);
    weft__mail_destroy(&b.mail);
}

static void test_a_link_that_refuses_in_the_middle_loses_the_peer(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    fake.answers[1] = WEFT_SYS;
    assert_int_equal(send_numbered(&b, 1, 0, 0, 1000), WEFT_SYS);
    weft__mail_serve(b.mail);
    assert_int_equal(b.gone, 1);
    assert_int_equal(send_numbered(&b, 1, 0, 1, 10), WEFT_LOST);
    weft__mail_destroy(&b.mail);
}

static void test_what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    box b;
    open_fake(&b);
    weft__letter_head h = {.kind = WEFT__MAIL_TEAM};
    assert_int_equal(weft__mail_send(b.mail, 2, h, NULL, 0), WEFT_INVALID);
    assert_int_equal(weft__mail_send(b.mail, -1, h, NULL, 0), WEFT_INVALID);
    h.kind = 0;
    assert_int_equal(weft__mail_send(b.mail, 1, h, NULL, 0), WEFT_INVALID);
    h.kind = WEFT__MAIL_KINDS;
    assert_int_equal(weft__mail_send(b.mail, 1, h, NULL, 0), WEFT_INVALID);
    weft__mail_destroy(&b.mail);
    assert_null(b.mail);
    weft__mail_destroy(&b.mail);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_of_every_size_arrive_whole),
        cmocka_unit_test(test_a_letter_to_self_comes_with_the_next_serve),
        cmocka_unit_test(test_what_finds_no_room_is_kept_in_order),
        cmocka_unit_test(test_letters_of_many_threads_keep_their_order),
        cmocka_unit_test(test_room_wakes_a_sleeping_sender),
        cmocka_unit_test(test_a_peer_that_left_is_gone_after_its_last_letter),
        cmocka_unit_test(test_a_peer_that_died_is_lost_and_says_why),
        cmocka_unit_test(test_a_peer_that_leaves_within_a_letter_is_lost),
        cmocka_unit_test(test_frames_that_break_a_rule_lose_the_peer),
        cmocka_unit_test(test_frames_after_the_end_are_counted),
        cmocka_unit_test(test_a_letter_goes_on_after_the_link_had_no_room),
        cmocka_unit_test(test_a_letter_that_was_begun_stays_in_front),
        cmocka_unit_test(test_a_first_frame_without_memory_is_the_callers_error),
        cmocka_unit_test(test_a_letter_that_cannot_be_kept_is_cut),
        cmocka_unit_test(test_a_link_that_refuses_in_the_middle_loses_the_peer),
        cmocka_unit_test(test_what_cannot_be_sent_is_refused),
    };
    alarm(100);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
