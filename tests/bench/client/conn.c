#include "client/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

enum {
    TABLE = 131071, /* a prime */
    PIECE = 65536,  /* of the table, at once */
    BATCH = 512,    /* what epoll says at once */
    BACKLOG = 256   /* connections that may wait to be accepted: a full backlog costs a second */
};

static char table[TABLE + PIECE]; /* its end is its beginning again */

static void fill_table(void)
{
    uint64_t seed = 1;
    for (int i = 0; i < TABLE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        table[i] = (char)(seed >> 56);
    }
    memcpy(table + TABLE, table, PIECE);
}

static const char *piece(const bench_conn *c, int64_t at)
{
    return table + (c->start + at) % TABLE;
}

static void watch(bench_conns *s, bench_conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.ptr = c}};
    bench_need(epoll_ctl(s->epoll, op, c->fd, &e) == 0, "epoll takes a connection");
}

static void open_one(bench_conns *s, bench_conn *c, const bench_server *server)
{
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_need(c->fd >= 0, "there is a socket for every connection (ulimit -n)");
    bench_need(connect(c->fd, (const struct sockaddr *)&server->at, sizeof server->at) == 0,
               "the server takes a connection");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bench_need(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0, "a socket need not block");
    watch(s, c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Send one message on each of `n` connections and have it back. */
static void greet(bench_conns *s, bench_conn *c, int n)
{
    bench_conn *got[BATCH];
    int64_t by = bench_clock() + 60000000000, left = (int64_t)n * CONN_MESSAGE;
    for (int i = 0; i < n; i++) {
        c[i].limit += CONN_MESSAGE;
        bench_conn_send(s, &c[i]);
    }
    while (left > 0) {
        bench_need(bench_clock() < by, "the server answers on every connection within 60 s");
        for (int i = bench_conns_wait(s, got, BATCH, 1000); i > 0; i--)
            left -= bench_conn_receive(got[i - 1]);
    }
}

void bench_conns_open(bench_conns *s, int n, const bench_server *server)
{
    fill_table();
    s->n = n;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->all = calloc((size_t)n, sizeof *s->all);
    bench_need(s->epoll >= 0 && s->all != NULL, "there is memory for the connections");
    for (int i = 0, greeted = 0; i < n; i++) {
        s->all[i].start = (uint32_t)i * 7919u % TABLE;
        open_one(s, &s->all[i], server);
        if (i + 1 - greeted == BACKLOG || i + 1 == n) {
            greet(s, &s->all[greeted], i + 1 - greeted);
            greeted = i + 1;
        }
    }
}

void bench_conns_close(bench_conns *s)
{
    for (int i = 0; i < s->n; i++)
        close(s->all[i].fd);
    close(s->epoll);
    free(s->all);
}

void bench_conn_send(bench_conns *s, bench_conn *c)
{
    while (c->sent < c->limit && !c->full) {
        int64_t want = c->limit - c->sent < PIECE ? c->limit - c->sent : PIECE;
        ssize_t n = send(c->fd, piece(c, c->sent), (size_t)want, MSG_NOSIGNAL);
        bench_need(n > 0 || (n < 0 && errno == EAGAIN), "the server takes what is sent");
        if (n > 0)
            c->sent += n;
        if (n < want) {
            c->full = true;
            watch(s, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        }
    }
}

int64_t bench_conn_receive(bench_conn *c)
{
    static char buf[PIECE];
    ssize_t n = recv(c->fd, buf, sizeof buf, 0);
    if (n < 0 && errno == EAGAIN)
        return 0;
    bench_need(n > 0, "the server keeps the connection");
    bench_need(c->came + n <= c->sent, "the server sends no more than it got");
    bench_need(memcmp(buf, piece(c, c->came), (size_t)n) == 0, "what comes back is what was sent");
    c->came += n;
    return n;
}

int bench_conns_wait(bench_conns *s, bench_conn **got, int most, int ms)
{
    struct epoll_event events[BATCH];
    int readable = 0, n = epoll_wait(s->epoll, events, most < BATCH ? most : BATCH, ms);
    for (int i = 0; i < n; i++) {
        bench_conn *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) {
            c->full = false;
            watch(s, c, EPOLL_CTL_MOD, EPOLLIN);
            bench_conn_send(s, c);
        }
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            got[readable++] = c;
    }
    return readable;
}
