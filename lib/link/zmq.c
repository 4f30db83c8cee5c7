/* link/zmq.c: frames over ZeroMQ: the slots of the link, and the plug-in's entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "link/plugin.h"
#include "link/zmq_link.h"
#include "weft/rt.h"

static void zmq_link_close(weft__link *l);

static weft_err check(const weft__link_args *a)
{
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    if (major != 4 || minor < 3)
        return a->host->fail(WEFT_INVALID, "zmq: libzmq %d.%d.%d is loaded, 4.3 or later is needed",
                             major, minor, patch);
    if (a->size < 1 || a->rank < 0 || a->rank >= a->size)
        return a->host->fail(WEFT_INVALID, "zmq: rank %d of %d cannot be", a->rank, a->size);
    /* The context's own and the inbox; for each peer an outbox and a connection both ways. */
    return weft__zmq_descriptors(a->host, 16 + 3 * (a->size - 1));
}

static weft_err make_context(weft__link *l)
{
    l->context = zmq_ctx_new();
    if (!l->context)
        return weft__zmq_fail(l->host, errno, "no context");
    if (zmq_ctx_set(l->context, ZMQ_IO_THREADS, 1) != 0 ||
        zmq_ctx_set(l->context, ZMQ_MAX_SOCKETS, l->size + 16) != 0)
        return weft__zmq_fail(l->host, errno, "context");
    return WEFT_OK;
}

static weft_err bind_inbox(weft__link *l)
{
    weft_err e = weft__zmq_socket(l, ZMQ_PULL, &l->inbox);
    if (!e && l->secure)
        e = weft__zmq_curve_server(l, l->inbox);
    if (e)
        return e;
    size_t size = sizeof l->card.address;
    if (zmq_bind(l->inbox, weft__zmq_bind_address()) != 0 ||
        zmq_getsockopt(l->inbox, ZMQ_LAST_ENDPOINT, l->card.address, &size) != 0)
        return weft__zmq_fail(l->host, errno, weft__zmq_bind_address());
    size = sizeof l->fd;
    if (zmq_getsockopt(l->inbox, ZMQ_FD, &l->fd, &size) != 0)
        return weft__zmq_fail(l->host, errno, "the inbox has no descriptor");
    return WEFT_OK;
}

static weft_err zmq_link_open(weft__link **out, const weft__link_args *args)
{
    weft_err e = check(args);
    if (e)
        return e;
    weft__link *l = calloc(1, sizeof *l);
    if (!l)
        return args->host->fail(WEFT_NOMEM, "zmq: no memory for a link");
    l->host = args->host;
    l->rank = args->rank;
    l->size = args->size;
    l->secure = !args->insecure;
    l->told = args->seg != NULL;
    l->ack_at = l->look_at = INT64_MAX;
    /* pairs with due() */
    weft_atomic_store(&l->due, INT64_MAX, WEFT_RELAXED);
    l->card.version = WEFT__ZMQ_VERSION;
    l->card.secure = l->secure;
    e = make_context(l);
    if (!e)
        e = l->secure ? weft__zmq_curve_open(l) : weft__zmq_token(l, &l->card.token);
    if (!e)
        e = bind_inbox(l);
    if (e) {
        zmq_link_close(l);
        return e;
    }
    if (!l->secure && l->rank == 0)
        l->host->log(l->host->ctx, WEFT_LOG_WARN,
                     "WEFT_INSECURE=1: the ranks of this job talk without keys and encryption");
    *out = l;
    return WEFT_OK;
}

static uint32_t zmq_link_card(weft__link *l, void *buf)
{
    _Static_assert(sizeof(weft__zmq_card) <= WEFT__CARD_MAX, "a card fits");
    memcpy(buf, &l->card, sizeof l->card);
    return sizeof l->card;
}

/* R7: a card comes from another process. */
static weft_err check_card(const weft__link *l, int rank, const weft__zmq_card *c, uint32_t length)
{
    const char *wrong = NULL;
    uint8_t key[WEFT__ZMQ_KEY];
    if (length != sizeof *c || c->version != WEFT__ZMQ_VERSION)
        wrong = "is of another version: all ranks must run the same build";
    else if ((c->secure != 0) != l->secure)
        wrong = "differs in CURVE: set WEFT_INSECURE for all ranks or for none";
    else if (!memchr(c->address, 0, sizeof c->address) || strncmp(c->address, "tcp://", 6) != 0)
        wrong = "has no address";
    else if (l->secure &&
             (strnlen(c->key, sizeof c->key) != sizeof c->key - 1 || !zmq_z85_decode(key, c->key)))
        wrong = "has no key";
    else if (rank == l->rank && memcmp(c, &l->card, sizeof *c) != 0)
        wrong = "is not the one that it gave";
    if (wrong)
        return l->host->fail(WEFT_INVALID, "zmq: the card of rank %d %s", rank, wrong);
    return WEFT_OK;
}

/* Z1: two ranks with one key or token could not be told apart. */
static weft_err check_unique(const weft__link *l, int rank)
{
    const weft__zmq_card *c = &l->peers[rank].card;
    for (int r = 0; r < rank; r++) {
        const weft__zmq_card *o = &l->peers[r].card;
        if (l->secure ? memcmp(o->key, c->key, sizeof c->key) == 0 : o->token == c->token)
            return l->host->fail(WEFT_INVALID, "zmq: ranks %d and %d have the same card", r, rank);
    }
    return WEFT_OK;
}

static weft_err meet(weft__link *l, const char *cards, const uint32_t *lengths)
{
    for (int r = 0; r < l->size; r++) {
        weft__zmq_card c;
        memcpy(&c, cards + (size_t)r * WEFT__CARD_MAX, sizeof c);
        weft_err e = check_card(l, r, &c, lengths[r]);
        if (!e)
            e = weft__zmq_peer_init(l, &l->peers[r], r, &c);
        if (!e)
            e = check_unique(l, r);
        if (e)
            return e;
    }
    return l->secure ? weft__zmq_curve_start(l) : WEFT_OK;
}

static weft_err zmq_link_join(weft__link *l, const void *cards, const uint32_t *lengths)
{
    size_t n = (size_t)l->size;
    l->owed = calloc(n, sizeof *l->owed);
    l->peers = calloc(n, sizeof *l->peers);
    if (!l->owed || !l->peers)
        return l->host->fail(WEFT_NOMEM, "zmq: no memory for %d peers", l->size);
    for (int r = 0; r < l->size; r++)
        pthread_mutex_init(&l->peers[r].lock, NULL);
    weft_err e = meet(l, cards, lengths);
    explicit_bzero(l->secret, sizeof l->secret);
    l->joined = e == WEFT_OK;
    return e;
}

static uint32_t zmq_link_max_frame(weft__link *l)
{
    (void)l;
    return WEFT__ZMQ_FRAME_MAX;
}

static weft_err zmq_link_send(weft__link *l, int peer, const void *head, uint32_t head_len,
                              const void *body, uint32_t body_len)
{
    uint64_t len = (uint64_t)head_len + body_len;
    if (!l->joined || peer < 0 || peer >= l->size || peer == l->rank || len == 0 ||
        len > WEFT__ZMQ_FRAME_MAX)
        return l->host->fail(WEFT_INVALID, "zmq: a frame of %llu bytes to rank %d of %d",
                             (unsigned long long)len, peer, l->size);
    return weft__zmq_peer_send(l, &l->peers[peer], head, head_len, body, body_len);
}

static bool zmq_link_look(weft__link *l)
{
    /* pair with serve() and send(): hints */
    return weft_atomic_load(&l->more, WEFT_RELAXED) || weft_atomic_load(&l->changed, WEFT_RELAXED);
}

static bool zmq_link_arm(weft__link *l)
{
    return !zmq_link_look(l) && !weft__zmq_ready(l->inbox, ZMQ_POLLIN);
}

static void zmq_link_disarm(weft__link *l)
{
    (void)l;
}

static int zmq_link_fd(weft__link *l)
{
    return l->fd;
}

static int64_t zmq_link_due(weft__link *l)
{
    /* pairs with serve(): a hint */
    return weft_atomic_load(&l->due, WEFT_RELAXED);
}

static bool zmq_link_flushed(weft__link *l)
{
    if (l->owed_count > 0) /* a peer that waits for these would wait for ever */
        return false;
    for (int r = 0; l->joined && r < l->size; r++)
        if (r != l->rank && !weft__zmq_peer_flushed(&l->peers[r]))
            return false;
    return true;
}

static void zmq_link_close(weft__link *l)
{
    if (l->joined)
        weft__zmq_part(l);
    for (int r = 0; l->peers && r < l->size; r++)
        weft__zmq_peer_fini(&l->peers[r]);
    weft__zmq_shut(&l->inbox, 0);
    if (!l->gate_thread)
        weft__zmq_shut(&l->gate, 0);
    if (l->context)
        while (zmq_ctx_term(l->context) != 0 && errno == EINTR)
            continue;
    weft__zmq_curve_close(l);
    free(l->peers);
    free(l->owed);
    free(l);
}

static const weft__link_ops ops = {
    .name = "zmq",
    .open = zmq_link_open,
    .card = zmq_link_card,
    .join = zmq_link_join,
    .max_frame = zmq_link_max_frame,
    .send = zmq_link_send,
    .look = zmq_link_look,
    .serve = weft__zmq_serve,
    .arm = zmq_link_arm,
    .disarm = zmq_link_disarm,
    .fd = zmq_link_fd,
    .due = zmq_link_due,
    .flushed = zmq_link_flushed,
    .close = zmq_link_close,
};

static const weft__plugin plugin = {
    .version = WEFT__PLUGIN_VERSION, .size = sizeof(weft__plugin), .name = "zmq", .link = &ops};

WEFT_API const weft__plugin *weft_plugin(void);
WEFT_API const weft__plugin *weft_plugin(void)
{
    return &plugin;
}
