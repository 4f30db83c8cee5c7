/* link/zmq_link.h: what the files of the ZeroMQ link share.
 *
 * Each process has one context with one I/O thread, one inbox (PULL, bound) in which the frames of
 * all peers arrive, and for each peer an outbox (PUSH), connected when there is first something to
 * send. An inbox only receives and an outbox only sends, acknowledgements too: they go through the
 * outbox to the peer.
 *
 * Z1 Who sent a frame is what the connection proved, not what the frame says: with CURVE the ZAP
 *    thread maps the client's public key to the rank whose card has it, and every frame carries that
 *    rank as its User-Id. Without CURVE a frame carries its sender's rank and the token of its card.
 *    A frame without either is a stranger's: it is counted and dropped, it harms nobody.
 * Z2 Frames to a peer are numbered from 0. The peer acknowledges by count, and a frame with another
 *    number than the next makes its sender lost. At most WINDOW_FRAMES and WINDOW_BYTES are
 *    unacknowledged; libzmq's own limits are higher, so that a refused send means one thing only:
 *    there is no connection.
 * Z3 An outbox never reconnects once it was up (RECONNECT_IVL is -1): what a broken connection took
 *    with it would be missing without a word. A break is final; the peer has GRACE_NS to turn out to
 *    have said goodbye, then it is lost.
 * Z4 A socket is used under its lock: an outbox under the lock of its peer, the inbox by the one
 *    caller of serve(), arm() and close() only.
 * Z5 ZMQ_FD tells of commands to a socket, once, not of frames in it. Reading the inbox until it has
 *    nothing takes all commands in; where serve() stops before that it says so in `more`, and arm()
 *    asks for ZMQ_EVENTS once more before the caller sleeps on the descriptor. Nobody watches the
 *    descriptors of the outboxes: their state is looked at when `due` says.
 */
#ifndef WEFT_LINK_ZMQ_LINK_H
#define WEFT_LINK_ZMQ_LINK_H

#include <pthread.h>

#include "link/link.h"
#include "weft/atomic.h"

enum {
    WEFT__ZMQ_FRAME_MAX = 256 * 1024,
    WEFT__ZMQ_WINDOW_FRAMES = 1024,
    WEFT__ZMQ_WINDOW_BYTES = 4 << 20,
    WEFT__ZMQ_KEY_TEXT = 41, /* a key as Z85 text with its NUL */
    WEFT__ZMQ_KEY = 32,
    WEFT__ZMQ_ADDRESS_MAX = 128,
    WEFT__ZMQ_WHY_MAX = 160
};

/* What comes before the bytes of a frame. Travels as it is: all processes are the same build. */
typedef struct weft__zmq_head {
    uint8_t version, kind; /* WEFT__ZMQ_VERSION, a weft__zmq_kind */
    uint16_t zero;
    uint32_t rank;                  /* of the sender; believed only together with the token */
    uint64_t token;                 /* without CURVE: the token of the sender's card; else 0 */
    uint64_t number;                /* how many frames went before; for an ack how many went */
    uint64_t ack_frames, ack_bytes; /* how much came from the receiver of this, in all */
} weft__zmq_head;

enum { WEFT__ZMQ_VERSION = 1 };

typedef enum weft__zmq_kind {
    WEFT__ZMQ_DATA = 1,
    WEFT__ZMQ_ACK,
    WEFT__ZMQ_BYE /* its sender sends no more */
} weft__zmq_kind;

/* What peers need to know of a process. */
typedef struct weft__zmq_card {
    uint32_t version, secure;
    uint64_t token;                      /* without CURVE */
    char key[WEFT__ZMQ_KEY_TEXT];        /* with CURVE: the public key */
    char address[WEFT__ZMQ_ADDRESS_MAX]; /* of the inbox */
} weft__zmq_card;

typedef enum weft__zmq_state {
    WEFT__ZMQ_FRESH,      /* nothing was ever sent */
    WEFT__ZMQ_CONNECTING, /* since `since` */
    WEFT__ZMQ_UP,
    WEFT__ZMQ_BROKEN, /* the connection broke at `since` (Z3); the outbox is closed */
    WEFT__ZMQ_GONE    /* gone() was called; the outbox is closed */
} weft__zmq_state;

/* A peer. All under its lock, but what join() wrote once. */
typedef struct weft__zmq_peer {
    pthread_mutex_t lock;
    int rank;
    weft__zmq_card card; /* written by join() */
    void *outbox;
    weft__zmq_state state;
    int64_t since, tried;               /* when the state began, and the last attempt to connect */
    uint64_t sent_frames, sent_bytes;   /* to it */
    uint64_t acked_frames, acked_bytes; /* of these, what it acknowledged */
    uint64_t got_frames, got_bytes;     /* from it */
    uint64_t told_frames, told_bytes;   /* of these, what was acknowledged to it */
    bool owed;                          /* it is in the list of those to acknowledge to */
    bool parted;                        /* in close(): needs no goodbye any more */
    char why[WEFT__ZMQ_WHY_MAX];        /* why it is BROKEN or GONE */
} weft__zmq_peer;

struct weft__link {
    const weft__link_host *host;
    int rank, size;
    bool secure;
    bool joined;
    bool
        told; /* the job's segment tells peers who left: no connection is made just to say goodbye */
    void *context, *inbox;
    int fd;                          /* the inbox's */
    weft__zmq_card card;             /* this process's own */
    char secret[WEFT__ZMQ_KEY_TEXT]; /* zeroed by join(), once every outbox has it */
    weft__zmq_peer *peers;           /* NULL before join() */

    void *gate;        /* ZAP requests come here; the ZAP thread's once that runs */
    void *gate_thread; /* NULL before join() */
    uint8_t (*keys)[WEFT__ZMQ_KEY];
    WEFT_ATOMIC(uint64_t) refused; /* strangers at the gate; written by the ZAP thread */

    /* Of the caller of serve(): */
    int *owed; /* the ranks to acknowledge to */
    int owed_count;
    int64_t ack_at, look_at; /* when to acknowledge, and when to look after the peers */
    uint64_t dropped;        /* strangers' frames */
    uint64_t warned;         /* how many strangers the log was told of */

    WEFT_ATOMIC(bool) more;    /* serve() has more to do at once; read by look() */
    WEFT_ATOMIC(bool) changed; /* a peer's state changed in send(): look after the peers */
    WEFT_ATOMIC(int64_t) due;  /* the earlier of ack_at and look_at; written by serve() */
};

/* zmq_socket.c */

/* Where the inbox is bound. */
const char *weft__zmq_bind_address(void);
/* Monotonic time. */
int64_t weft__zmq_now(void);
/* WEFT_NOMEM unless `wanted` descriptors are free: libzmq aborts in places where it gets none. */
weft_err weft__zmq_descriptors(const weft__link_host *host, int wanted);
/* Make a socket with all options set but the keys. WEFT_NOMEM or WEFT_SYS. */
weft_err weft__zmq_socket(weft__link *l, int type, void **socket);
/* The detail says WHAT and libzmq's reason. */
weft_err weft__zmq_fail(const weft__link_host *host, int number, const char *what);
/* Close it and forget what it still has after `linger_ms`; does nothing on NULL. */
void weft__zmq_shut(void **socket, int linger_ms);
/* Whether `what` (ZMQ_POLLIN, ZMQ_POLLOUT) holds; takes in the socket's commands. */
bool weft__zmq_ready(void *socket, int what);

/* zmq_curve.c */

/* A key pair for this process; the gate, to which ZAP requests will come, is there on return. */
weft_err weft__zmq_curve_open(weft__link *l);
/* Make `socket` the server of this process, or a client of the peer with `key`. */
weft_err weft__zmq_curve_server(weft__link *l, void *socket);
weft_err weft__zmq_curve_client(weft__link *l, void *socket, const char *key);
/* The keys of all ranks are known: let in those that have them. */
weft_err weft__zmq_curve_start(weft__link *l);
/* After the context's end. */
void weft__zmq_curve_close(weft__link *l);
/* A number that nobody can guess. */
weft_err weft__zmq_token(weft__link *l, uint64_t *token);

/* zmq_peer.c. Each takes the peer's lock. */

weft_err weft__zmq_peer_init(weft__link *l, weft__zmq_peer *p, int rank,
                             const weft__zmq_card *card);
void weft__zmq_peer_fini(weft__zmq_peer *p);
weft_err weft__zmq_peer_send(weft__link *l, weft__zmq_peer *p, const void *head, uint32_t head_len,
                             const void *body, uint32_t body_len);
/* Acknowledge what came. False: try again later. */
bool weft__zmq_peer_ack(weft__link *l, weft__zmq_peer *p);
/* Look after the connection. Returns when to look again. `quiet`: the inbox was read to its end.
 * *gone: the peer is GONE from now on, lost, and the caller says so. */
int64_t weft__zmq_peer_tend(weft__link *l, weft__zmq_peer *p, int64_t now, bool quiet, bool *gone);
/* A frame with the head `h` and `len` bytes came. Returns what to do with it. */
typedef enum weft__zmq_verdict {
    WEFT__ZMQ_DROP,   /* nothing more */
    WEFT__ZMQ_TAKE,   /* hand it to the host; an acknowledgement is owed */
    WEFT__ZMQ_URGENT, /* the same, and acknowledge soon */
    WEFT__ZMQ_LEFT,   /* the peer said goodbye and is GONE: say so */
    WEFT__ZMQ_LOST    /* the peer broke a rule and is GONE: say so */
} weft__zmq_verdict;
weft__zmq_verdict weft__zmq_peer_take(weft__zmq_peer *p, const weft__zmq_head *h, uint32_t len);
bool weft__zmq_peer_flushed(weft__zmq_peer *p);

/* zmq_close.c */

/* Say goodbye to every peer that does not know yet, as far as that goes within about a second. */
void weft__zmq_part(weft__link *l);

/* zmq_serve.c */

int weft__zmq_serve(weft__link *l);
/* The peer whose frame `message` (a zmq_msg_t) is and its head, or NULL for a stranger's. */
weft__zmq_peer *weft__zmq_sender(weft__link *l, void *message, weft__zmq_head *h);

#endif
