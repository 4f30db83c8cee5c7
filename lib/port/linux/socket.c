#include "port/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "port/address.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/linux/quiet.h"
#include "port/net_error.h"
#include "port/socket_file.h"

enum { SLICES = 64 };

static const struct sockaddr *of(const weft_address *a)
{
    return (const struct sockaddr *)(const void *)a->data;
}

weft__fd_kind weft__fd_kind_of(int fd)
{
    struct stat st;
    int domain = 0, type = 0;
    socklen_t n = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0) {
        n = sizeof domain;
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n);
        if (type != SOCK_STREAM)
            return WEFT__FD_DATAGRAM;
        return domain == AF_INET || domain == AF_INET6 ? WEFT__FD_TCP : WEFT__FD_LOCAL;
    }
    if (fstat(fd, &st) != 0)
        return WEFT__FD_NONE;
    return S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) ? WEFT__FD_PIPE : WEFT__FD_FILE;
}

static weft_err open_socket(const weft_address *a, int *fd)
{
    int s = socket(of(a)->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return weft__net_error(errno, "socket", a);
    if (of(a)->sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    *fd = s;
    return WEFT_OK;
}

bool weft__socket_is_v6(const weft_address *a)
{
    return of(a)->sa_family == AF_INET6;
}

weft__fd_kind weft__socket_kind(const weft_address *peer)
{
    return of(peer)->sa_family == AF_UNIX ? WEFT__FD_LOCAL : WEFT__FD_TCP;
}

/* 0, or the system's error number. */
static int bind_to(int s, const weft_address *a, bool share_port)
{
    int on = 1, off = 0;
    if (of(a)->sa_family == AF_INET6) /* ":80" is for IPv4 too */
        setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (of(a)->sa_family != AF_UNIX)
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share_port)
        setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return weft__socket_file_bind(s, a);
}

weft_err weft__socket_listen(const weft_address *a, int backlog, bool share_port, int *fd,
                             uint64_t *node)
{
    int s;
    weft_address ipv4, *at = &ipv4;
    *at = *a;
    weft_err e = open_socket(at, &s);
    if (e != WEFT_OK && weft__socket_is_v6(at) && weft__address_is_any(at)) {
        weft__address_set_any_ipv4(&ipv4, weft_address_port(at)); /* there is no IPv6 here */
        e = open_socket(at, &s);
    }
    if (e != WEFT_OK)
        return e;
    int number = bind_to(s, at, share_port);
    if (number != 0)
        goto close_socket;
    *node = weft__socket_file_node(at);
    if (listen(s, backlog) != 0) {
        number = errno;
        goto remove_file;
    }
    *fd = s;
    return WEFT_OK;
remove_file:
    weft__socket_file_remove(at, *node);
close_socket:
    close(s);
    return weft__bind_error(number, "listen", at);
}

/* Errors of a connection that broke before it was accepted: the next one, please. */
static bool passes(int number)
{
    return number == EINTR || number == ECONNABORTED || number == EPROTO || number == ENETDOWN ||
           number == ENOPROTOOPT || number == EHOSTDOWN || number == ENONET ||
           number == EHOSTUNREACH || number == ENETUNREACH;
}

weft_err weft__socket_accept(int fd, int *connection, weft_address *peer)
{
    int s, on = 1;
    socklen_t len;
    do {
        *peer = (weft_address){0};
        len = sizeof peer->data;
        s = accept4(fd, (struct sockaddr *)(void *)peer->data, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (s < 0 && passes(errno));
    if (s < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WEFT_EMPTY;
    if (s < 0)
        return weft__sys_error(errno, "accept", "socket");
    if (weft__socket_kind(peer) == WEFT__FD_TCP)
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer->len = len < sizeof peer->data ? len : sizeof peer->data;
    weft__address_unmap(peer); /* who came by IPv4 to a socket for both */
    *connection = s;
    return WEFT_OK;
}

/* The system has one number for "no local port is free" and "no address of this machine fits"; the latter it says of
 * a socket for datagrams too, which takes none of those ports. */
static weft_err no_local_address(const weft_address *to)
{
    char text[WEFT_ADDRESS_TEXT];
    int s = socket(of(to)->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool none = s >= 0 && connect(s, of(to), to->len) != 0 && errno == EADDRNOTAVAIL;
    if (s >= 0)
        close(s);
    weft_address_text(to, text, sizeof text);
    return none ? weft__fail(WEFT_LOST,
                             "dial: %s: unreachable: no address of this machine leads there", text)
                : weft__fail(WEFT_NOMEM,
                             "dial: %s: no local port is free; have fewer connections at a time",
                             text);
}

weft_err weft__socket_connect(const weft_address *to, int *fd)
{
    int s;
    weft_err e = open_socket(to, &s);
    if (e != WEFT_OK)
        return e;
    if (connect(s, of(to), to->len) == 0) {
        *fd = s;
        return WEFT_OK;
    }
    if (errno == EINPROGRESS || errno == EINTR) {
        *fd = s;
        return WEFT_EMPTY;
    }
    if (errno == EADDRNOTAVAIL) {
        close(s);
        return no_local_address(to);
    }
    e = errno == EAGAIN && of(to)->sa_family == AF_UNIX ? WEFT_FULL
                                                        : weft__net_error(errno, "dial", to);
    if (e ==
        WEFT_EMPTY) /* there is no socket: not to be taken for one that is about to be connected */
        e = weft__fail(WEFT_LOST, "dial: the system puts the connection off; try again later");
    close(s);
    return e;
}

weft_err weft__socket_outcome(int fd, const weft_address *to)
{
    int number = 0;
    socklen_t n = sizeof number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0)
        number = errno;
    struct sockaddr_storage peer;
    n = sizeof peer;
    if (number == 0 && getpeername(fd, (struct sockaddr *)(void *)&peer, &n) != 0)
        return WEFT_EMPTY;
    return number == 0 ? WEFT_OK : weft__net_error(number, "dial", to);
}

weft_err weft__socket_keepalive(int fd, int seconds)
{
    seconds = seconds == 1 ? 2 : seconds; /* the system's timers would not notice it sooner */
    /* The last of the questions goes out early enough for an answer to come within the time. */
    int on = seconds > 0, every = seconds / 4 > 0 ? seconds / 4 : 1;
    int first = seconds - 2 * every > 0 ? seconds - 2 * every : 1;
    const struct {
        int level, option, value;
    } set[] = {
        {IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000},
        {IPPROTO_TCP, TCP_KEEPIDLE, first},
        {IPPROTO_TCP, TCP_KEEPINTVL, every},
        {IPPROTO_TCP, TCP_KEEPCNT, 2},
        {SOL_SOCKET, SO_KEEPALIVE, on},
    };
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
        bool wanted = on || set[i].option == SO_KEEPALIVE || set[i].option == TCP_USER_TIMEOUT;
        if (wanted &&
            setsockopt(fd, set[i].level, set[i].option, &set[i].value, sizeof set[i].value) != 0)
            return weft__sys_error(errno, "keepalive", "stream");
    }
    return WEFT_OK;
}

void weft__socket_break(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

weft_err weft__socket_pair(int fd[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
        return weft__sys_error(errno, "socketpair", "streams");
    return WEFT_OK;
}

weft_err weft__socket_pipe(int *out, int *in)
{
    int fd[2];
    if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) != 0)
        return weft__sys_error(errno, "pipe", "streams");
    *out = fd[0];
    *in = fd[1];
    return WEFT_OK;
}

weft_err weft__stream_read(int fd, weft__fd_kind kind, void *buf, size_t cap, size_t *got)
{
    ssize_t n;
    do {
        n = kind == WEFT__FD_PIPE ? read(fd, buf, cap) : recv(fd, buf, cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WEFT_EMPTY;
    /* A terminal whose other end is gone says EIO. */
    if (n < 0 && errno != EIO)
        return weft__sys_error(errno, "read", "stream");
    *got = n < 0 ? 0 : (size_t)n;
    return WEFT_OK;
}

static ssize_t write_quietly(int fd, const struct iovec *v, int n)
{
    weft__quiet q;
    weft__quiet_begin(&q);
    ssize_t wrote = writev(fd, v, n);
    weft__quiet_end(&q, wrote < 0 ? errno : 0);
    return wrote;
}

static ssize_t write_once(int fd, weft__fd_kind kind, const weft_slice *s, int n)
{
    struct iovec v[SLICES];
    if (kind != WEFT__FD_PIPE && n == 1)
        return send(fd, s->at, s->len, MSG_NOSIGNAL);
    if (n > SLICES)
        n = SLICES;
    for (int i = 0; i < n; i++)
        v[i] = (struct iovec){(void *)(uintptr_t)s[i].at, s[i].len};
    if (kind == WEFT__FD_PIPE)
        return write_quietly(fd, v, n);
    struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)n};
    return sendmsg(fd, &m, MSG_NOSIGNAL);
}

weft_err weft__stream_write(int fd, weft__fd_kind kind, const weft_slice *v, int n, size_t *wrote)
{
    ssize_t w;
    do {
        w = write_once(fd, kind, v, n);
    } while (w < 0 && errno == EINTR);
    if (w < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WEFT_EMPTY;
    if (w < 0)
        return weft__sys_error(errno, "write", "stream");
    *wrote = (size_t)w;
    return WEFT_OK;
}

weft_err weft__socket_end(int fd)
{
    if (shutdown(fd, SHUT_WR) == 0)
        return WEFT_OK;
    if (errno == ENOTCONN)
        return weft__fail(WEFT_CLOSED, "end: the stream is broken already");
    if (errno == ENOTSOCK)
        return weft__fail(WEFT_INVALID, "end: a pipe has one direction only: close it");
    return weft__sys_error(errno, "end", "stream");
}

static void take_address(int fd, weft_address *a, int (*get)(int, struct sockaddr *, socklen_t *))
{
    socklen_t n = sizeof a->data;
    *a = (weft_address){0};
    if (get(fd, (struct sockaddr *)(void *)a->data, &n) == 0 && n <= sizeof a->data)
        a->len = n;
    weft__address_unmap(a);
}

static int peer(int fd, struct sockaddr *a, socklen_t *n)
{
    return getpeername(fd, a, n);
}

static int own(int fd, struct sockaddr *a, socklen_t *n)
{
    return getsockname(fd, a, n);
}

void weft__socket_peer(int fd, weft_address *a)
{
    take_address(fd, a, peer);
}

void weft__socket_address(int fd, weft_address *a)
{
    take_address(fd, a, own);
}
