/* An echo on bare epoll: what the system takes for it, whoever wrote the server. It answers as much as one
 * read brought before it reads again, and keeps what the system does not take for as long. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench.h"

enum { BUFFER = 65536, BATCH = 1024 };

struct conn {
    int fd;
    size_t from, len; /* of `rest` that is still to be sent */
    char *rest;       /* NULL most of the time */
};

static int epoll;

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.ptr = c}};
    bench_need(epoll_ctl(epoll, op, c->fd, &e) == 0, "epoll takes a connection");
}

static void end(struct conn *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

/* Returns how much was sent, -1 if the connection broke. */
static ssize_t answer(struct conn *c, const char *data, size_t n)
{
    ssize_t done = send(c->fd, data, n, MSG_NOSIGNAL);
    return done < 0 && errno == EAGAIN ? 0 : done;
}

static void serve(struct conn *c)
{
    static char buf[BUFFER];
    ssize_t n = recv(c->fd, buf, sizeof buf, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    ssize_t done = n > 0 ? answer(c, buf, (size_t)n) : -1;
    if (done < 0) {
        end(c);
    } else if (done < n) {
        c->from = 0;
        c->len = (size_t)(n - done);
        c->rest = malloc(c->len);
        bench_need(c->rest != NULL, "there is memory for an answer");
        memcpy(c->rest, buf + done, c->len);
        watch(c, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

static void go_on(struct conn *c)
{
    ssize_t done = answer(c, c->rest + c->from, c->len);
    if (done < 0) {
        end(c);
        return;
    }
    c->from += (size_t)done;
    c->len -= (size_t)done;
    if (c->len == 0) {
        free(c->rest);
        c->rest = NULL;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void take(int listener)
{
    int on = 1;
    struct conn *c = calloc(1, sizeof *c);
    bench_need(c != NULL, "there is memory for a connection");
    c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bench_need(c->fd >= 0, "a connection can be accepted");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static int listen_and_print(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_need(fd >= 0 && bind(fd, (const struct sockaddr *)&at, len) == 0 &&
                   listen(fd, 1024) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0,
               "it listens");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(void)
{
    struct epoll_event events[BATCH];
    struct conn listener = {.fd = listen_and_print()};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_need(epoll >= 0, "there is an epoll");
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c == &listener)
                take(listener.fd);
            else if (c->rest)
                go_on(c);
            else
                serve(c);
        }
    }
}
