/* link/zmq_socket.c: sockets of libzmq with every option that matters set. */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "link/zmq_link.h"

const char *weft__zmq_bind_address(void)
{
    return "tcp://127.0.0.1:*";
}

int64_t weft__zmq_now(void)
{
    /* A plug-in sees no weft symbol: the clock is read directly. */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

weft_err weft__zmq_descriptors(const weft__link_host *host, int wanted)
{
    /* A plug-in sees no weft symbol: sysconf and poll are called directly. poll tells without side
     * effects which numbers are free. */
    enum { STEP = 256 };
    struct pollfd step[STEP];
    long limit = sysconf(_SC_OPEN_MAX);
    int unused = 0;
    for (long at = 0; at < limit && unused < wanted; at += STEP) {
        nfds_t count = limit - at < STEP ? (nfds_t)(limit - at) : STEP;
        for (nfds_t i = 0; i < count; i++)
            step[i] = (struct pollfd){.fd = (int)at + (int)i};
        if (poll(step, count, 0) < 0)
            continue;
        for (nfds_t i = 0; i < count; i++)
            unused += (step[i].revents & POLLNVAL) != 0;
    }
    if (unused >= wanted || limit < 0)
        return WEFT_OK;
    return host->fail(WEFT_NOMEM,
                      "zmq: %d more descriptors are needed, %d are free of %ld: raise ulimit -n",
                      wanted, unused, limit);
}

weft_err weft__zmq_fail(const weft__link_host *host, int number, const char *what)
{
    weft_err e = number == ENOMEM || number == EMFILE || number == ENFILE ? WEFT_NOMEM : WEFT_SYS;
    return host->fail(e, "zmq: %s: %s", what, zmq_strerror(number));
}

/* What the defaults of libzmq would leave open. Times are in milliseconds. */
static const struct {
    int option, value;
    const char *name;
} settings[] = {
    {ZMQ_LINGER, 0, "LINGER"},
    {ZMQ_IMMEDIATE, 1, "IMMEDIATE"}, /* nothing is taken on before there is a connection */
    /* Never reached (Z2): the window, and acknowledgements of a window. */
    {ZMQ_SNDHWM, 8 * WEFT__ZMQ_WINDOW_FRAMES, "SNDHWM"},
    {ZMQ_RCVHWM, 8 * WEFT__ZMQ_WINDOW_FRAMES, "RCVHWM"},
    {ZMQ_HANDSHAKE_IVL, 30000, "HANDSHAKE_IVL"},
    {ZMQ_HEARTBEAT_IVL, 10000, "HEARTBEAT_IVL"}, /* a host that vanished */
    {ZMQ_HEARTBEAT_TIMEOUT, 30000, "HEARTBEAT_TIMEOUT"},
    {ZMQ_HEARTBEAT_TTL, 30000, "HEARTBEAT_TTL"},
    {ZMQ_RECONNECT_IVL, -1, "RECONNECT_IVL"}, /* Z3 */
    {ZMQ_RECONNECT_IVL_MAX, 0, "RECONNECT_IVL_MAX"},
    {ZMQ_CONNECT_TIMEOUT, 10000, "CONNECT_TIMEOUT"},
    {ZMQ_BACKLOG, 1024, "BACKLOG"},
    {ZMQ_IPV6, 0, "IPV6"},
};

/* What CURVE adds to a message, generously. */
static const int64_t curve_overhead = 256;

weft_err weft__zmq_socket(weft__link *l, int type, void **socket)
{
    void *s = zmq_socket(l->context, type);
    if (!s)
        return weft__zmq_fail(l->host, errno, "no socket");
    const char *name = "MAXMSGSIZE";
    int64_t longest = WEFT__ZMQ_FRAME_MAX + (int64_t)sizeof(weft__zmq_head) + curve_overhead;
    if (zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &longest, sizeof longest) != 0)
        goto refused;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        name = settings[i].name;
        if (zmq_setsockopt(s, settings[i].option, &settings[i].value, sizeof(int)) != 0)
            goto refused;
    }
    *socket = s;
    return WEFT_OK;
refused:;
    weft_err e = weft__zmq_fail(l->host, errno, name);
    zmq_close(s);
    return e;
}

void weft__zmq_shut(void **socket, int linger_ms)
{
    if (!*socket)
        return;
    zmq_setsockopt(*socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(*socket);
    *socket = NULL;
}

bool weft__zmq_ready(void *socket, int what)
{
    int events = 0;
    size_t size = sizeof events;
    while (zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) != 0)
        if (errno != EINTR)
            return false;
    return (events & what) != 0;
}
