/* link/zmq_curve.c: who may connect: the processes whose public keys the cards of the job have (Z1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "link/zmq_link.h"

/* libzmq asks at this address, within the context, about everyone that connects. */
#define GATE "inproc://zeromq.zap.01"

/* A question has at least these parts; what follows them is the credentials, for CURVE one key. */
enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, PARTS };
enum { PART_MAX = 256 };

typedef struct question {
    char part[PARTS][PART_MAX];
    size_t length[PARTS];
    int parts; /* that came, also those that were not kept */
} question;

weft_err weft__zmq_curve_open(weft__link *l)
{
    if (!zmq_has("curve"))
        return l->host->fail(WEFT_INVALID,
                             "zmq: this libzmq has no CURVE: install one that has, or "
                             "set WEFT_INSECURE=1");
    if (zmq_curve_keypair(l->card.key, l->secret) != 0)
        return weft__zmq_fail(l->host, errno, "no key pair");
    l->gate = zmq_socket(l->context, ZMQ_REP);
    int none = 0;
    /* Before the inbox is bound: without a gate libzmq would let everybody in. */
    if (!l->gate || zmq_setsockopt(l->gate, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_bind(l->gate, GATE) != 0)
        return weft__zmq_fail(l->host, errno, "no gate for those that connect");
    return WEFT_OK;
}

weft_err weft__zmq_curve_server(weft__link *l, void *socket)
{
    int server = 1;
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "weft", 4) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, l->secret, WEFT__ZMQ_KEY_TEXT) != 0)
        return weft__zmq_fail(l->host, errno, "CURVE for the inbox");
    return WEFT_OK;
}

weft_err weft__zmq_curve_client(weft__link *l, void *socket, const char *key)
{
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key, WEFT__ZMQ_KEY_TEXT) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, l->card.key, WEFT__ZMQ_KEY_TEXT) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, l->secret, WEFT__ZMQ_KEY_TEXT) != 0)
        return weft__zmq_fail(l->host, errno, "CURVE for an outbox");
    return WEFT_OK;
}

/* Take in one question, all of it. False: the context ends. */
static bool ask(void *gate, question *q)
{
    memset(q, 0, sizeof *q);
    int more = 1;
    while (more) {
        char unkept[PART_MAX];
        bool keep = q->parts < PARTS;
        int length = zmq_recv(gate, keep ? q->part[q->parts] : unkept, PART_MAX, 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        if (keep)
            q->length[q->parts] = (size_t)length;
        q->parts++;
        size_t size = sizeof more;
        if (zmq_getsockopt(gate, ZMQ_RCVMORE, &more, &size) != 0)
            return false;
    }
    return true;
}

static bool says(const question *q, int part, const char *text)
{
    return q->length[part] == strlen(text) && memcmp(q->part[part], text, strlen(text)) == 0;
}

/* The rank of whoever asks, or -1. */
static int admit(const weft__link *l, const question *q)
{
    if (q->parts != PARTS || !says(q, VERSION, "1.0") || !says(q, MECHANISM, "CURVE") ||
        q->length[KEY] != WEFT__ZMQ_KEY)
        return -1;
    for (int r = 0; r < l->size; r++)
        if (r != l->rank && memcmp(l->keys[r], q->part[KEY], WEFT__ZMQ_KEY) == 0)
            return r;
    return -1;
}

static void answer(void *gate, const question *q, int rank)
{
    char user[16] = "";
    if (rank >= 0)
        snprintf(user, sizeof user, "%d", rank);
    const char *code = rank >= 0 ? "200" : "400";
    size_t id = q->length[REQUEST] < PART_MAX ? q->length[REQUEST] : PART_MAX;
    zmq_send(gate, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(gate, q->part[REQUEST], id, ZMQ_SNDMORE);
    zmq_send(gate, code, 3, ZMQ_SNDMORE);
    zmq_send(gate, "", 0, ZMQ_SNDMORE);
    zmq_send(gate, user, strlen(user), ZMQ_SNDMORE);
    zmq_send(gate, "", 0, 0);
}

/* The ZAP thread. */
static void keep_gate(void *arg)
{
    weft__link *l = arg;
    question q;
    while (ask(l->gate, &q)) {
        int rank = admit(l, &q);
        if (rank < 0) /* pairs with the load in serve's warnings: a count, nothing else */
            weft_atomic_fetch_add(&l->refused, 1, WEFT_RELAXED);
        answer(l->gate, &q, rank);
    }
    zmq_close(l->gate);
}

weft_err weft__zmq_curve_start(weft__link *l)
{
    l->keys = calloc((size_t)l->size, sizeof *l->keys);
    if (!l->keys)
        return l->host->fail(WEFT_NOMEM, "zmq: no memory for the keys of %d ranks", l->size);
    for (int r = 0; r < l->size; r++)
        if (!zmq_z85_decode(l->keys[r], r == l->rank ? l->card.key : l->peers[r].card.key))
            return l->host->fail(WEFT_INVALID, "zmq: the card of rank %d has no key", r);
    l->gate_thread = zmq_threadstart(keep_gate, l);
    return l->gate_thread ? WEFT_OK : l->host->fail(WEFT_NOMEM, "zmq: no thread for the gate");
}

void weft__zmq_curve_close(weft__link *l)
{
    if (l->gate_thread)
        zmq_threadclose(l->gate_thread);
    free(l->keys);
    explicit_bzero(l->secret, sizeof l->secret);
}

weft_err weft__zmq_token(weft__link *l, uint64_t *token)
{
    char public[WEFT__ZMQ_KEY_TEXT], secret[WEFT__ZMQ_KEY_TEXT];
    uint8_t raw[WEFT__ZMQ_KEY];
    if (zmq_curve_keypair(public, secret) != 0 || !zmq_z85_decode(raw, public))
        return weft__zmq_fail(l->host, errno, "no random token");
    memcpy(token, raw, sizeof *token);
    explicit_bzero(secret, sizeof secret);
    return WEFT_OK;
}
