/* link/zmq_close.c: leaving: a goodbye to every peer that does not know. */
#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "link/zmq_link.h"

static const int64_t limit_ns = 1000000000;

/* Note who else left; what else comes is nobody's any more. */
static void read_goodbyes(weft__link *l)
{
    zmq_msg_t m;
    zmq_msg_init(&m);
    for (int i = 0; i < 65536 && zmq_msg_recv(&m, l->inbox, ZMQ_DONTWAIT) >= 0; i++) {
        weft__zmq_head h;
        weft__zmq_peer *p = weft__zmq_sender(l, &m, &h);
        if (p && h.kind == WEFT__ZMQ_BYE)
            p->parted = true;
    }
    zmq_msg_close(&m);
}

/* Send the goodbye if it can go now. No lock: nobody else is inside of the link. */
static void part_from(weft__link *l, weft__zmq_peer *p)
{
    if (p->state == WEFT__ZMQ_BROKEN || p->state == WEFT__ZMQ_GONE)
        p->parted = true;
    if (p->parted)
        return;
    if (p->state == WEFT__ZMQ_FRESH) {
        if (l->told || zmq_connect(p->outbox, p->card.address) != 0) {
            p->parted = true;
            return;
        }
        p->state = WEFT__ZMQ_CONNECTING;
    }
    weft__zmq_head h = {.version = WEFT__ZMQ_VERSION,
                        .kind = WEFT__ZMQ_BYE,
                        .rank = (uint32_t)l->rank,
                        .token = l->secure ? 0 : l->card.token,
                        .number = p->sent_frames,
                        .ack_frames = p->got_frames,
                        .ack_bytes = p->got_bytes};
    bool sent = zmq_send(p->outbox, &h, sizeof h, ZMQ_DONTWAIT) >= 0;
    p->parted = sent || p->state == WEFT__ZMQ_UP;
}

void weft__zmq_part(weft__link *l)
{
    int64_t end = weft__zmq_now() + limit_ns;
    for (;;) {
        read_goodbyes(l);
        int left = 0;
        for (int r = 0; r < l->size; r++)
            if (r != l->rank) {
                part_from(l, &l->peers[r]);
                left += !l->peers[r].parted;
            }
        if (left == 0 || weft__zmq_now() >= end)
            break;
        /* Goodbyes of others wake this at once; that an outbox was connected is seen a little later. */
        zmq_pollitem_t inbox = {.socket = l->inbox, .events = ZMQ_POLLIN};
        zmq_poll(&inbox, 1, 1);
    }
    int64_t rest_ms = (end - weft__zmq_now()) / 1000000;
    for (int r = 0; r < l->size; r++)
        weft__zmq_shut(&l->peers[r].outbox, rest_ms > 100 ? (int)rest_ms : 100);
}
