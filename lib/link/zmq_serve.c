/* link/zmq_serve.c: take in what came, acknowledge it, look after the peers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "link/zmq_link.h"
#include "weft/rt.h"

enum { BATCH = 256 };

static const int64_t ack_delay_ns = 1000000; /* a frame the other way may carry it until then */

/* The rank that the connection proved, or -1. */
static int proven(const weft__link *l, zmq_msg_t *m)
{
    const char *user = zmq_msg_gets(m, "User-Id");
    char *end = NULL;
    long rank = user && *user ? strtol(user, &end, 10) : -1;
    return rank >= 0 && rank < l->size && *end == 0 ? (int)rank : -1;
}

weft__zmq_peer *weft__zmq_sender(weft__link *l, void *message, weft__zmq_head *h)
{
    zmq_msg_t *m = message;
    if (zmq_msg_size(m) < sizeof *h || zmq_msg_more(m))
        return NULL;
    memcpy(h, zmq_msg_data(m), sizeof *h);
    int rank = h->rank < (uint32_t)l->size ? (int)h->rank : -1;
    if (l->secure)
        rank = proven(l, m);
    else if (rank >= 0 && h->token != l->peers[rank].card.token)
        rank = -1;
    return rank >= 0 && rank != l->rank ? &l->peers[rank] : NULL;
}

static void gone(weft__link *l, weft__zmq_peer *p, bool lost)
{
    l->host->gone(l->host->ctx, p->rank, lost, p->why);
}

static void owe(weft__link *l, weft__zmq_peer *p, int64_t by)
{
    if (!p->owed)
        l->owed[l->owed_count++] = p->rank;
    p->owed = true;
    if (by < l->ack_at)
        l->ack_at = by;
}

/* Take one frame from the inbox. False: it is empty. */
static bool take(weft__link *l, int64_t now, int *frames)
{
    zmq_msg_t m;
    zmq_msg_init(&m);
    int rc;
    do
        rc = zmq_msg_recv(&m, l->inbox, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        zmq_msg_close(&m);
        return false;
    }
    weft__zmq_head h;
    weft__zmq_peer *p = weft__zmq_sender(l, &m, &h);
    if (!p) {
        l->dropped++;
    } else {
        uint32_t len = (uint32_t)(zmq_msg_size(&m) - sizeof h);
        weft__zmq_verdict v = weft__zmq_peer_take(p, &h, len);
        if (v == WEFT__ZMQ_TAKE || v == WEFT__ZMQ_URGENT) {
            owe(l, p, v == WEFT__ZMQ_URGENT ? now : now + ack_delay_ns);
            l->host->frame(l->host->ctx, p->rank, (char *)zmq_msg_data(&m) + sizeof h, len);
            ++*frames;
        } else if (v != WEFT__ZMQ_DROP) {
            gone(l, p, v == WEFT__ZMQ_LOST);
        }
    }
    zmq_msg_close(&m);
    return true;
}

/* Acknowledge to all that are owed; those that cannot be reached now stay, and are looked after. */
static void acknowledge(weft__link *l, int64_t now)
{
    int left = 0;
    for (int i = 0; i < l->owed_count; i++) {
        weft__zmq_peer *p = &l->peers[l->owed[i]];
        p->owed = !weft__zmq_peer_ack(l, p);
        if (p->owed)
            l->owed[left++] = p->rank;
    }
    l->owed_count = left;
    l->ack_at = left > 0 ? now + ack_delay_ns : INT64_MAX;
    if (left > 0)
        l->look_at = now;
}

static void warn(weft__link *l)
{
    /* pairs with the ZAP thread: a count, nothing else */
    uint64_t strangers = weft_atomic_load(&l->refused, WEFT_RELAXED) + l->dropped;
    if (strangers == l->warned)
        return;
    l->warned = strangers;
    l->host->log(l->host->ctx, WEFT_LOG_WARN,
                 "zmq: rank %d at %s: %llu connections or frames of strangers were refused so far",
                 l->rank, l->card.address, (unsigned long long)strangers);
}

static void tend(weft__link *l, int64_t now, bool quiet)
{
    l->look_at = INT64_MAX;
    for (int r = 0; r < l->size; r++) {
        if (r == l->rank)
            continue;
        bool lost;
        int64_t again = weft__zmq_peer_tend(l, &l->peers[r], now, quiet, &lost);
        if (lost)
            gone(l, &l->peers[r], true);
        if (again < l->look_at)
            l->look_at = again;
    }
    warn(l);
}

int weft__zmq_serve(weft__link *l)
{
    if (!l->joined)
        return 0;
    int frames = 0, taken = 0;
    int64_t now = weft__zmq_now();
    /* pairs with send: a state that changed before the flag was set is found by tend() */
    bool changed = weft_atomic_exchange(&l->changed, false, WEFT_ACQUIRE);
    while (taken < BATCH && take(l, now, &frames))
        taken++;
    bool quiet = taken < BATCH;
    if (now >= l->ack_at)
        acknowledge(l, now);
    if (changed || now >= l->look_at)
        tend(l, now, quiet);
    /* both pair with look() and due(), which any worker calls: hints, nothing else is read by them */
    weft_atomic_store(&l->more, !quiet, WEFT_RELAXED);
    weft_atomic_store(&l->due, l->ack_at < l->look_at ? l->ack_at : l->look_at, WEFT_RELAXED);
    return frames;
}
