/* link/zmq_peer.c: one peer: its outbox, what was sent and acknowledged, what came. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "link/zmq_link.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

static const int64_t retry_ns = 5 * S;    /* a connection that does not come about is tried again */
static const int64_t connect_ns = 40 * S; /* and given up */
static const int64_t grace_ns = 1 * S;    /* Z3 */
static const int64_t look_ns = 1 * S;     /* how often a connection that stands is looked at */

weft_err weft__zmq_peer_init(weft__link *l, weft__zmq_peer *p, int rank, const weft__zmq_card *card)
{
    p->rank = rank;
    p->card = *card;
    if (rank == l->rank)
        return WEFT_OK;
    weft_err e = weft__zmq_socket(l, ZMQ_PUSH, &p->outbox);
    if (!e && l->secure)
        e = weft__zmq_curve_client(l, p->outbox, p->card.key);
    return e;
}

void weft__zmq_peer_fini(weft__zmq_peer *p)
{
    weft__zmq_shut(&p->outbox, 0);
    pthread_mutex_destroy(&p->lock);
}

static void enter(weft__zmq_peer *p, weft__zmq_state state, int64_t now)
{
    p->state = state;
    p->since = now;
    if (state == WEFT__ZMQ_BROKEN || state == WEFT__ZMQ_GONE)
        weft__zmq_shut(&p->outbox, 0);
}

static void say_why(weft__zmq_peer *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say_why(weft__zmq_peer *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->why, sizeof p->why, format, args);
    va_end(args);
}

static void break_off(weft__zmq_peer *p, int64_t now)
{
    say_why(p, "its connection broke without a goodbye: its process died, or the network failed");
    enter(p, WEFT__ZMQ_BROKEN, now);
}

static void connect_to(weft__link *l, weft__zmq_peer *p, int64_t now)
{
    if (p->state == WEFT__ZMQ_FRESH)
        enter(p, WEFT__ZMQ_CONNECTING, now);
    p->tried = now;
    if (weft__zmq_descriptors(l->host, 4) != WEFT_OK)
        say_why(p, "no descriptor was left to connect to it: raise ulimit -n");
    else if (zmq_connect(p->outbox, p->card.address) != 0)
        say_why(p, "it cannot be connected to: %s", zmq_strerror(errno));
    else
        return;
    enter(p, WEFT__ZMQ_BROKEN, now);
}

/* Pass a frame to libzmq; it is numbered and carries what is to be acknowledged. WEFT_FULL: there is
 * no connection now. Lock held. */
static weft_err post(weft__link *l, weft__zmq_peer *p, weft__zmq_kind kind, const void *head,
                     uint32_t head_len, const void *body, uint32_t body_len)
{
    weft__zmq_head h = {.version = WEFT__ZMQ_VERSION,
                        .kind = (uint8_t)kind,
                        .rank = (uint32_t)l->rank,
                        .token = l->secure ? 0 : l->card.token,
                        .number = p->sent_frames,
                        .ack_frames = p->got_frames,
                        .ack_bytes = p->got_bytes};
    zmq_msg_t m;
    if (zmq_msg_init_size(&m, sizeof h + head_len + body_len) != 0)
        return WEFT_FULL;
    char *at = zmq_msg_data(&m);
    memcpy(at, &h, sizeof h);
    if (head_len > 0)
        memcpy(at + sizeof h, head, head_len);
    if (body_len > 0)
        memcpy(at + sizeof h + head_len, body, body_len);
    int rc;
    do
        rc = zmq_msg_send(&m, p->outbox, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        zmq_msg_close(&m);
        if (p->state == WEFT__ZMQ_UP)
            break_off(p, weft__zmq_now());
        return WEFT_FULL;
    }
    if (p->state == WEFT__ZMQ_CONNECTING)
        enter(p, WEFT__ZMQ_UP, weft__zmq_now());
    p->told_frames = h.ack_frames;
    p->told_bytes = h.ack_bytes;
    return WEFT_OK;
}

/* Z2 */
static bool window_has_room(const weft__zmq_peer *p, uint32_t len)
{
    return p->sent_frames - p->acked_frames < WEFT__ZMQ_WINDOW_FRAMES &&
           p->sent_bytes - p->acked_bytes + len <= WEFT__ZMQ_WINDOW_BYTES;
}

weft_err weft__zmq_peer_send(weft__link *l, weft__zmq_peer *p, const void *head, uint32_t head_len,
                             const void *body, uint32_t body_len)
{
    weft_err e = WEFT_FULL;
    pthread_mutex_lock(&p->lock);
    weft__zmq_state before = p->state;
    if (before == WEFT__ZMQ_FRESH)
        connect_to(l, p, weft__zmq_now());
    if (p->state == WEFT__ZMQ_GONE)
        e = l->host->fail(WEFT_LOST, "zmq: rank %d is gone: %s", p->rank, p->why);
    else if (p->state != WEFT__ZMQ_BROKEN && window_has_room(p, head_len + body_len))
        e = post(l, p, WEFT__ZMQ_DATA, head, head_len, body, body_len);
    if (e == WEFT_OK) {
        p->sent_frames++;
        p->sent_bytes += head_len + body_len;
    }
    bool changed = p->state != before;
    pthread_mutex_unlock(&p->lock);
    if (changed) {
        /* pairs with serve: it looks after the peers, and finds the state under the lock */
        weft_atomic_store(&l->changed, true, WEFT_RELEASE);
        l->host->kick(l->host->ctx);
    }
    return e;
}

bool weft__zmq_peer_ack(weft__link *l, weft__zmq_peer *p)
{
    pthread_mutex_lock(&p->lock);
    if (p->state == WEFT__ZMQ_FRESH)
        connect_to(l, p, weft__zmq_now());
    bool open = p->state == WEFT__ZMQ_CONNECTING || p->state == WEFT__ZMQ_UP;
    bool done = !open || p->told_frames == p->got_frames ||
                post(l, p, WEFT__ZMQ_ACK, NULL, 0, NULL, 0) == WEFT_OK;
    pthread_mutex_unlock(&p->lock);
    return done;
}

/* When to look again after a peer that is being connected: soon at first, then less often. */
static int64_t tend_connecting(weft__link *l, weft__zmq_peer *p, int64_t now)
{
    if (weft__zmq_ready(p->outbox, ZMQ_POLLOUT)) {
        enter(p, WEFT__ZMQ_UP, now);
        return now + look_ns;
    }
    if (now - p->since > connect_ns) {
        say_why(p, "%s could not be connected to within %d s", p->card.address,
                (int)(connect_ns / S));
        enter(p, WEFT__ZMQ_BROKEN, now - grace_ns);
        return now;
    }
    if (now - p->tried > retry_ns) {
        zmq_disconnect(p->outbox, p->card.address);
        connect_to(l, p, now);
    }
    int64_t pause = (now - p->since) / 8;
    return now + (pause < MS / 4 ? MS / 4 : pause > 50 * MS ? 50 * MS : pause);
}

int64_t weft__zmq_peer_tend(weft__link *l, weft__zmq_peer *p, int64_t now, bool quiet, bool *gone)
{
    int64_t again = INT64_MAX;
    *gone = false;
    pthread_mutex_lock(&p->lock);
    if (p->state == WEFT__ZMQ_CONNECTING)
        again = tend_connecting(l, p, now);
    else if (p->state == WEFT__ZMQ_UP && weft__zmq_ready(p->outbox, ZMQ_POLLOUT))
        again = now + look_ns;
    else if (p->state == WEFT__ZMQ_UP)
        break_off(p, now);
    if (p->state == WEFT__ZMQ_BROKEN) {
        again = p->since + grace_ns;
        *gone = now >= again && quiet;
    }
    if (*gone) {
        enter(p, WEFT__ZMQ_GONE, now);
        again = INT64_MAX;
    }
    pthread_mutex_unlock(&p->lock);
    return again;
}

/* R7: counts from a peer only grow, and never beyond what was sent. */
static bool accept_ack(weft__zmq_peer *p, const weft__zmq_head *h)
{
    if (h->ack_frames < p->acked_frames || h->ack_frames > p->sent_frames ||
        h->ack_bytes < p->acked_bytes || h->ack_bytes > p->sent_bytes)
        return false;
    p->acked_frames = h->ack_frames;
    p->acked_bytes = h->ack_bytes;
    return true;
}

/* Lock held. */
static weft__zmq_verdict judge(weft__zmq_peer *p, const weft__zmq_head *h, uint32_t len)
{
    bool empty = h->kind != WEFT__ZMQ_DATA;
    if (h->version != WEFT__ZMQ_VERSION || h->kind < WEFT__ZMQ_DATA || h->kind > WEFT__ZMQ_BYE ||
        empty != (len == 0) || len > WEFT__ZMQ_FRAME_MAX)
        say_why(p, "it sent a frame that cannot be (version %u, kind %u, %u bytes)", h->version,
                h->kind, len);
    else if (h->number != p->got_frames)
        say_why(p, "its frame %llu came when frame %llu was the next",
                (unsigned long long)h->number, (unsigned long long)p->got_frames);
    else if (!accept_ack(p, h))
        say_why(p, "it acknowledged %llu frames, %llu bytes, which cannot be",
                (unsigned long long)h->ack_frames, (unsigned long long)h->ack_bytes);
    else if (h->kind == WEFT__ZMQ_BYE) {
        say_why(p, "it left");
        return WEFT__ZMQ_LEFT;
    } else {
        p->got_frames += !empty;
        p->got_bytes += len;
        bool much = p->got_frames - p->told_frames >= WEFT__ZMQ_WINDOW_FRAMES / 4 ||
                    p->got_bytes - p->told_bytes >= WEFT__ZMQ_WINDOW_BYTES / 4;
        return empty ? WEFT__ZMQ_DROP : much ? WEFT__ZMQ_URGENT : WEFT__ZMQ_TAKE;
    }
    return WEFT__ZMQ_LOST;
}

weft__zmq_verdict weft__zmq_peer_take(weft__zmq_peer *p, const weft__zmq_head *h, uint32_t len)
{
    weft__zmq_verdict v = WEFT__ZMQ_DROP;
    pthread_mutex_lock(&p->lock);
    if (p->state != WEFT__ZMQ_GONE)
        v = judge(p, h, len);
    if (v == WEFT__ZMQ_LEFT || v == WEFT__ZMQ_LOST)
        enter(p, WEFT__ZMQ_GONE, 0);
    pthread_mutex_unlock(&p->lock);
    return v;
}

bool weft__zmq_peer_flushed(weft__zmq_peer *p)
{
    pthread_mutex_lock(&p->lock);
    bool all = p->state == WEFT__ZMQ_GONE || p->acked_frames == p->sent_frames;
    pthread_mutex_unlock(&p->lock);
    return all;
}
