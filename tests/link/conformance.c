#include "link/conformance.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "weft/atomic.h"

enum {
    SCRIPT_SECONDS = 60, /* after that a script has failed */
    CARD_SLOT = WEFT__CARD_MAX + 8,
    WHY_MAX = 200
};

/* Where ranks of one machine meet. In memory that forked ranks share. */
typedef struct meeting {
    WEFT_ATOMIC(uint32_t) arrived, round, failed;
    uint8_t slots[CONFORM_RANKS_MAX][CARD_SLOT];
    char why[CONFORM_RANKS_MAX][WHY_MAX];
} meeting;

typedef struct actor actor;
/* How long frame `index` from rank `from` to rank `to` is; both ends know. */
typedef uint32_t length_fn(int from, int to, uint32_t index, uint32_t max);

/* One rank of a run. */
struct actor {
    conform *c;
    meeting *m;
    int rank, size;
    void (*script)(actor *a);
    length_fn *length;
    const weft__link_ops *ops;
    weft__link *link;
    weft__link_host host;
    uint32_t max;
    int64_t deadline;
    int kicked;                       /* an eventfd */
    uint32_t sent[CONFORM_RANKS_MAX]; /* by the one that sends to that peer */
    uint32_t got[CONFORM_RANKS_MAX];  /* by the one that serves */
    uint32_t gone[CONFORM_RANKS_MAX]; /* how often gone() was called */
    bool lost[CONFORM_RANKS_MAX];
    int owed;          /* frames to answer with; -1: this rank answers nothing */
    uint8_t *expected; /* `max` bytes, the server's */
    char why[WHY_MAX]; /* the first failure */
    WEFT_ATOMIC(uint32_t) failed;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void flunk(actor *a, const char *format, ...)
{
    if (weft_atomic_exchange(&a->failed, 1,
                             WEFT_ACQ_REL)) /* the first failure is the one to tell */
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(a->why, sizeof a->why, format, args);
    va_end(args);
    weft_atomic_store(&a->m->failed, 1, WEFT_RELEASE); /* pairs with over() of the other ranks */
}

/* Whether the script shall end: this rank or another failed, or it takes too long. */
static bool over(actor *a)
{
    if (weft_atomic_load(&a->m->failed, WEFT_ACQUIRE)) /* pairs with flunk() */
        return true;
    if (now_ns() < a->deadline)
        return false;
    flunk(a, "nothing came for too long (got %u from 0, %u from 1)", a->got[0], a->got[1]);
    return true;
}

#define CHECK(a, x)                                                                                \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            flunk((a), "line %d: %s", __LINE__, #x);                                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* The host */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static uint64_t hash(int from, int to, uint32_t index)
{
    return mix((uint64_t)index << 16 | (uint64_t)(unsigned)from << 8 | (uint64_t)(unsigned)to);
}

static void fill(uint8_t *buf, uint32_t len, int from, int to, uint32_t index)
{
    uint64_t h = hash(from, to, index);
    for (uint32_t k = 0; k < len; k++)
        buf[k] = (uint8_t)(h + k + (k >> 8));
}

static void on_frame(void *ctx, int peer, const void *data, uint32_t len)
{
    actor *a = ctx;
    if (peer < 0 || peer >= a->size || peer == a->rank) {
        flunk(a, "a frame from rank %d", peer);
        return;
    }
    uint32_t index = a->got[peer]++, want = a->length(peer, a->rank, index, a->max);
    if (a->gone[peer])
        flunk(a, "frame %u from rank %d after it was gone", index, peer);
    if (len != want) {
        flunk(a, "frame %u from rank %d has %u bytes, not %u", index, peer, len, want);
        return;
    }
    fill(a->expected, len, peer, a->rank, index);
    if (memcmp(data, a->expected, len) != 0)
        flunk(a, "frame %u from rank %d has the wrong bytes", index, peer);
}

static weft_err try_send(actor *a, int to);

/* Frames may be sent from within frame(). */
static void on_frame_answer(void *ctx, int peer, const void *data, uint32_t len)
{
    actor *a = ctx;
    on_frame(a, peer, data, len);
    weft_err e = a->owed < 0 ? WEFT_OK : a->owed > 0 ? WEFT_FULL : try_send(a, peer);
    if (e == WEFT_FULL)
        a->owed++;
    else if (e != WEFT_OK)
        flunk(a, "send from within frame(): %s", weft_strerror(e));
}

static void on_gone(void *ctx, int peer, bool lost, const char *why)
{
    actor *a = ctx;
    if (peer < 0 || peer >= a->size || peer == a->rank || !why || a->gone[peer]++)
        flunk(a, "gone: rank %d: %s", peer, why ? why : "(no reason)");
    else
        a->lost[peer] = lost;
}

static void on_kick(void *ctx)
{
    actor *a = ctx;
    uint64_t one = 1;
    if (write(a->kicked, &one, sizeof one) < 0)
        flunk(a, "kick");
}

__attribute__((format(printf, 2, 3))) static weft_err on_fail(weft_err e, const char *format, ...)
{
    (void)format;
    return e;
}

__attribute__((format(printf, 3, 4))) static void on_log(void *ctx, int level, const char *format,
                                                         ...)
{
    (void)ctx;
    (void)level;
    (void)format;
}

/* Moves of a rank */

/* All ranks meet and learn `each` bytes from one another. False: some rank failed. */
static bool gather(actor *a, const void *mine, void *all, uint32_t each)
{
    if (a->c->gather)
        return a->c->gather(a->c, mine, all, each);
    meeting *m = a->m;
    memcpy(m->slots[a->rank], mine, each);
    for (int turn = 0; turn < 2; turn++) { /* all have written; all have read */
        uint32_t round = weft_atomic_load(&m->round, WEFT_ACQUIRE);
        if (weft_atomic_fetch_add(&m->arrived, 1, WEFT_ACQ_REL) + 1 == (uint32_t)a->size) {
            weft_atomic_store(&m->arrived, 0, WEFT_RELAXED); /* ordered by round */
            weft_atomic_fetch_add(&m->round, 1, WEFT_ACQ_REL);
        }
        /* pairs with the last one's fetch_add */
        while (weft_atomic_load(&m->round, WEFT_ACQUIRE) == round) {
            if (over(a))
                return false;
            sched_yield();
        }
        for (int r = 0; turn == 0 && r < a->size; r++)
            memcpy((uint8_t *)all + (size_t)r * each, m->slots[r], each);
    }
    return true;
}

/* Meet; *value becomes that of rank `of`. */
static bool meet(actor *a, int of, uint32_t *value)
{
    uint32_t all[CONFORM_RANKS_MAX];
    if (!gather(a, value, all, sizeof *value))
        return false;
    *value = all[of];
    return true;
}

/* A nap ends by itself only if nothing came; frames that are there after it say that a wake was lost. */
enum { NAP_MS = 2000, SHORT_NAP_MS = 1 };

/* Serve what there is, else sleep until rung, kicked or due, at most `ms`. Returns the frames. */
static int turn(actor *a, int ms)
{
    bool overslept = false;
    if (a->ops->look(a->link))
        return a->ops->serve(a->link);
    if (a->ops->arm(a->link)) {
        int64_t due = a->ops->due(a->link), left = due == INT64_MAX ? INT64_MAX : due - now_ns();
        if (left < ms * INT64_C(1000000))
            ms = left < 0 ? 0 : (int)((left + 999999) / 1000000);
        struct pollfd fds[2] = {{.fd = a->ops->fd(a->link), .events = POLLIN},
                                {.fd = a->kicked, .events = POLLIN}};
        bool whole = ms == NAP_MS;
        overslept = poll(fds, 2, ms) == 0 && whole;
        uint64_t count;
        if (fds[1].revents && read(a->kicked, &count, sizeof count) < 0)
            flunk(a, "kick");
    }
    a->ops->disarm(a->link);
    int n = a->ops->serve(a->link);
    if (overslept && n > 0)
        flunk(a, "%d frames came and nobody rang", n);
    return n;
}

static weft_err try_send(actor *a, int to)
{
    uint32_t index = a->sent[to], len = a->length(a->rank, to, index, a->max);
    uint32_t head = 1 + (uint32_t)(hash(to, a->rank, index) % (len < 64 ? len : 64));
    uint8_t *buf = malloc(len);
    if (!buf)
        return WEFT_NOMEM;
    fill(buf, len, a->rank, to, index);
    weft_err e = a->ops->send(a->link, to, buf, head, buf + head, len - head);
    memset(buf, 0xee, len); /* the bytes are the caller's again */
    free(buf);
    if (e == WEFT_OK)
        a->sent[to]++;
    return e;
}

/* Send one frame to `to`, serving while there is no room. */
static bool push(actor *a, int to)
{
    for (;;) {
        weft_err e = try_send(a, to);
        if (e == WEFT_OK)
            return true;
        if (e != WEFT_FULL) {
            flunk(a, "send to rank %d: %s", to, weft_strerror(e));
            return false;
        }
        if (over(a))
            return false;
        turn(a, NAP_MS);
    }
}

static void until_got(actor *a, int from, uint32_t count)
{
    while (a->got[from] < count && !over(a))
        turn(a, NAP_MS);
    CHECK(a, over(a) || a->got[from] == count);
}

static void until_got_from_all(actor *a, uint32_t count)
{
    for (int p = 0; p < a->size; p++)
        if (p != a->rank)
            until_got(a, p, count);
}

static void until_flushed(actor *a)
{
    while (!a->ops->flushed(a->link) && !over(a))
        turn(a, SHORT_NAP_MS);
}

/* Stay until every rank has done its part. */
static void finish(actor *a)
{
    uint32_t none = 0;
    until_flushed(a);
    meet(a, 0, &none);
}

/* Running a script */

static bool open_link(actor *a)
{
    weft__link_args args = {.rank = a->rank, .size = a->size, .host = &a->host};
    if (a->c->args)
        a->c->args(a->c, &args);
    weft_err e = a->ops->open(&a->link, &args);
    uint8_t mine[CARD_SLOT] = {0}, *all = calloc(CONFORM_RANKS_MAX, CARD_SLOT);
    uint8_t *cards = calloc(CONFORM_RANKS_MAX, WEFT__CARD_MAX);
    uint32_t lengths[CONFORM_RANKS_MAX] = {0}, n = 0;
    if (e != WEFT_OK || !all || !cards)
        flunk(a, "open: %s", weft_strerror(e));
    else if (a->ops->card)
        n = a->ops->card(a->link, mine + sizeof n);
    if (n > WEFT__CARD_MAX)
        flunk(a, "a card of %u bytes", n);
    memcpy(mine, &n, sizeof n);
    if (!over(a) && gather(a, mine, all, CARD_SLOT) && a->ops->join) {
        for (int r = 0; r < a->size; r++) {
            memcpy(&lengths[r], all + r * CARD_SLOT, sizeof n);
            memcpy(cards + r * WEFT__CARD_MAX, all + r * CARD_SLOT + sizeof n, WEFT__CARD_MAX);
        }
        e = a->ops->join(a->link, cards, lengths);
        if (e != WEFT_OK)
            flunk(a, "join: %s", weft_strerror(e));
    }
    free(all);
    free(cards);
    return !over(a);
}

static void *act(void *arg)
{
    actor *a = arg;
    a->ops = a->c->ops;
    a->host = (weft__link_host){a, on_fail, on_log, on_frame_answer, on_gone, on_kick};
    a->owed = -1;
    a->deadline = now_ns() + SCRIPT_SECONDS * INT64_C(1000000000);
    a->kicked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (open_link(a)) {
        a->max = a->ops->max_frame(a->link);
        a->expected = malloc(a->max);
        if (a->max < 256 || !a->expected)
            flunk(a, "max_frame is %u", a->max);
        else
            a->script(a);
    }
    if (a->link)
        a->ops->close(a->link);
    uint32_t none = 0;
    if (a->c->gather)
        meet(a, 0, &none);
    free(a->expected);
    close(a->kicked);
    memcpy(a->m->why[a->rank], a->why, sizeof a->why);
    return NULL;
}

static void act_in_process(actor *a)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(2 * SCRIPT_SECONDS);
    act(a);
    _exit(0);
}

static int start_all(actor *actors, int size, bool forked)
{
    pthread_t threads[CONFORM_RANKS_MAX];
    pid_t children[CONFORM_RANKS_MAX];
    int bad = 0;
    for (int r = 0; r < size; r++) {
        if (!forked) {
            bad |= pthread_create(&threads[r], NULL, act, &actors[r]);
            continue;
        }
        children[r] = fork();
        if (children[r] == 0)
            act_in_process(&actors[r]);
        bad |= children[r] < 0;
    }
    for (int r = 0; r < size && !bad; r++) {
        int status = 0;
        if (!forked)
            pthread_join(threads[r], NULL);
        else if (waitpid(children[r], &status, 0) < 0 || status != 0)
            bad = 1;
    }
    return bad;
}

static void run_size(conform *c, int size, length_fn *length, void (*script)(actor *))
{
    meeting *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    actor *actors = calloc((size_t)size, sizeof *actors);
    assert_true(m != MAP_FAILED && actors);
    if (c->setup)
        assert_int_equal(c->setup(c, size), 0);
    for (int r = 0; r < size; r++)
        actors[r] =
            (actor){.c = c, .m = m, .rank = r, .size = size, .script = script, .length = length};
    if (c->gather)
        act(&actors[c->rank]);
    else
        assert_int_equal(start_all(actors, size, c->forked), 0);
    if (c->teardown)
        c->teardown(c);
    for (int r = 0; r < size; r++)
        if (m->why[r][0])
            print_error("%s: rank %d of %d: %s\n", c->ops->name, r, size, m->why[r]);
    assert_false(weft_atomic_load(&m->failed, WEFT_RELAXED)); /* all ranks have ended */
    free(actors);
    munmap(m, sizeof *m);
}

static void run(void **state, length_fn *length, void (*script)(actor *))
{
    conform *c = *state;
    for (size_t i = 0; i < sizeof c->sizes / sizeof c->sizes[0] && c->sizes[i]; i++)
        run_size(c, c->sizes[i], length, script);
}

/* Lengths */

static uint32_t length_edges(int from, int to, uint32_t index, uint32_t max)
{
    static const uint32_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128};
    (void)from;
    (void)to;
    index %= 18;
    return index < 14 ? lengths[index] : index < 16 ? max - 1 : max;
}

static uint32_t length_mixed(int from, int to, uint32_t index, uint32_t max)
{
    uint64_t h = mix(hash(from, to, index));
    return 1 + (uint32_t)(h >> 8) % (h % 8 ? 200 : max);
}

static uint32_t length_small(int from, int to, uint32_t index, uint32_t max)
{
    (void)max;
    return 8 + (uint32_t)(hash(from, to, index) % 9);
}

static uint32_t length_max(int from, int to, uint32_t index, uint32_t max)
{
    (void)from;
    (void)to;
    (void)index;
    return max;
}

/* Scripts and their tests */

static void script_slots(actor *a)
{
    const weft__link_ops *o = a->ops;
    CHECK(a, o->name && o->name[0] && o->open && o->max_frame && o->send && o->look && o->serve);
    CHECK(a, o->arm && o->disarm && o->fd && o->due && o->flushed && o->close);
    CHECK(a, !o->card == !o->join);
    CHECK(a, a->max == o->max_frame(a->link));
    CHECK(a, o->fd(a->link) >= -1);
    CHECK(a, o->fd(a->link) >= 0 || o->due(a->link) != INT64_MAX);
    finish(a);
}

void conform_slots(void **state)
{
    run(state, length_small, script_slots);
}

static void all_to_all(actor *a, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (int p = 0; p < a->size; p++)
            if (p != a->rank && !push(a, p))
                return;
    until_got_from_all(a, count);
    finish(a);
}

static void script_edges(actor *a)
{
    all_to_all(a, 18 * 3);
}

void conform_edges(void **state)
{
    run(state, length_edges, script_edges);
}

static void script_order(actor *a)
{
    all_to_all(a, 400);
}

void conform_order(void **state)
{
    run(state, length_mixed, script_order);
}

static void script_full(actor *a)
{
    enum { MOST = 64 << 20, MORE = 8 };
    uint32_t count = 0;
    weft_err e = WEFT_OK;
    while (a->rank == 0 && (uint64_t)count * a->max < MOST && (e = try_send(a, 1)) == WEFT_OK)
        count++;
    CHECK(a, e == WEFT_OK || e == WEFT_FULL);
    if (!meet(a, 0, &count))
        return;
    for (int i = 0; a->rank == 0 && i < MORE; i++)
        if (!push(a, 1))
            return;
    if (a->rank == 1)
        until_got(a, 0, count + MORE);
    finish(a);
}

void conform_full(void **state)
{
    run(state, length_max, script_full);
}

static void script_cross(actor *a)
{
    uint32_t count = (2u << 20) / a->max;
    count = count < 16 ? 16 : count > 200 ? 200 : count;
    for (int p = 0; p < a->size; p++)
        while (p != a->rank && a->sent[p] < count && try_send(a, p) == WEFT_OK)
            ;
    for (int p = 0; p < a->size; p++)
        while (p != a->rank && a->sent[p] < count)
            if (!push(a, p))
                return;
    until_got_from_all(a, count);
    finish(a);
}

void conform_cross(void **state)
{
    run(state, length_max, script_cross);
}

static void script_sleep(actor *a)
{
    for (uint32_t i = 0; i < 500 && a->rank < 2; i++) {
        if (a->rank == 1)
            until_got(a, 0, i + 1);
        if (!push(a, 1 - a->rank))
            return;
        if (a->rank == 0)
            until_got(a, 1, i + 1);
    }
    finish(a);
}

void conform_sleep(void **state)
{
    run(state, length_small, script_sleep);
}

static void script_answer(actor *a)
{
    enum { FRAMES = 600 };
    uint32_t none = 0;
    a->owed = a->rank == 1 ? 0 : -1;
    if (!meet(a, 0, &none)) /* from here on rank 1 answers */
        return;
    for (int i = 0; i < FRAMES && a->rank == 0; i++)
        if (!push(a, 1))
            return;
    while (a->rank == 1 && a->sent[0] < FRAMES && !over(a)) {
        turn(a, NAP_MS);
        while (a->owed > 0 && try_send(a, 0) == WEFT_OK)
            a->owed--;
    }
    if (a->rank == 0)
        until_got(a, 1, FRAMES);
    finish(a);
}

void conform_answer(void **state)
{
    run(state, length_mixed, script_answer);
}

enum { THREAD_FRAMES = 600 };

typedef struct sender {
    actor *a;
    int to;
} sender;

static void *send_many(void *arg)
{
    sender *s = arg;
    for (int i = 0; i < THREAD_FRAMES && !over(s->a);) {
        weft_err e = try_send(s->a, s->to);
        if (e == WEFT_OK)
            i++;
        else if (e == WEFT_FULL)
            sched_yield();
        else
            flunk(s->a, "send to rank %d: %s", s->to, weft_strerror(e));
    }
    return NULL;
}

static void script_threads(actor *a)
{
    pthread_t threads[CONFORM_RANKS_MAX];
    sender senders[CONFORM_RANKS_MAX];
    bool started[CONFORM_RANKS_MAX] = {false};
    for (int p = 0; p < a->size; p++) {
        senders[p] = (sender){a, p};
        if (p == a->rank)
            continue;
        started[p] = pthread_create(&threads[p], NULL, send_many, &senders[p]) == 0;
        if (!started[p])
            flunk(a, "no thread");
    }
    until_got_from_all(a, THREAD_FRAMES);
    for (int p = 0; p < a->size; p++) {
        while (started[p] && pthread_tryjoin_np(threads[p], NULL) != 0)
            turn(a, SHORT_NAP_MS);
    }
    finish(a);
}

void conform_threads(void **state)
{
    run(state, length_mixed, script_threads);
}

static void leave(actor *a)
{
    until_flushed(a);
    a->ops->close(a->link);
    a->link = NULL;
}

static void until_gone(actor *a, int peer)
{
    while (!a->gone[peer] && !over(a))
        turn(a, NAP_MS);
    CHECK(a, over(a) || !a->lost[peer]);
}

static void script_leave(actor *a)
{
    int leaver = a->size - 1;
    uint32_t none = 0;
    for (int i = 0; i < 300 && a->rank == leaver; i++)
        for (int p = 0; p < leaver; p++)
            if (!push(a, p))
                return;
    if (a->rank == leaver) {
        leave(a);
    } else {
        until_gone(a, leaver);
        CHECK(a, over(a) || a->got[leaver] == 300);
        CHECK(a, over(a) || try_send(a, leaver) == WEFT_LOST);
        for (int p = 0; p < leaver; p++)
            if (p != a->rank && !push(a, p))
                return;
        for (int p = 0; p < leaver; p++)
            if (p != a->rank)
                until_got(a, p, 1);
        until_flushed(a);
    }
    meet(a, 0, &none);
}

void conform_leave(void **state)
{
    run(state, length_mixed, script_leave);
}

static void script_bounded(actor *a)
{
    uint32_t count = 0;
    while (a->rank == 0 && count < 20000 && try_send(a, 1) == WEFT_OK)
        count++;
    if (!meet(a, 0, &count))
        return;
    while (a->rank == 1 && a->got[0] < count && !over(a)) {
        uint32_t before = a->got[0];
        int n = turn(a, NAP_MS);
        CHECK(a, n == (int)(a->got[0] - before));
        CHECK(a, n <= 1024);
    }
    finish(a);
}

void conform_bounded(void **state)
{
    run(state, length_small, script_bounded);
}

static void script_last_words(actor *a)
{
    uint32_t none = 0;
    for (int i = 0; i < 40 && a->rank != 0; i++)
        if (!push(a, 0))
            return;
    if (a->rank != 0)
        leave(a);
    for (int p = 1; p < a->size && a->rank == 0; p++) {
        until_gone(a, p);
        CHECK(a, over(a) || a->got[p] == 40);
        CHECK(a, over(a) || a->gone[p] == 1);
    }
    meet(a, 0, &none);
}

void conform_last_words(void **state)
{
    run(state, length_max, script_last_words);
}
