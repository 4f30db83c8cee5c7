#include "port/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/err.h"
#include "port/fd.h"

static weft_err meaning(int number)
{
    switch (number) {
    case EADDRINUSE:
        return WEFT_INUSE;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
    case EPROTOTYPE:
    case ENODEV:
        return WEFT_INVALID;
    case ECONNREFUSED:
    case EPIPE: /* the receiver does not receive any more */
        return WEFT_REFUSED;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
        return WEFT_LOST;
    case EMSGSIZE:
        return WEFT_TOOBIG;
    case ENOBUFS:
        return WEFT_NOMEM;
    default:
        return WEFT_OK;
    }
}

static weft_err failed(int number, const char *what, const weft_address *a)
{
    char text[WEFT_ADDRESS_TEXT];
    const char *next = number == EADDRNOTAVAIL  ? "; it has to be one of this machine"
                       : number == EADDRINUSE   ? "; close what is there, or take another"
                       : number == EAFNOSUPPORT ? "; the socket is of another sort"
                                                : "";
    (void)weft_address_text(a, text, sizeof text);
    weft_err e = meaning(number);
    if (e == WEFT_OK)
        return weft__sys_error(number, what, text);
    return weft__fail(e, "%s: %s: %s%s", what, text, strerror(number), next);
}

static int system_family(const weft_address *a)
{
    switch (weft__address_family(a)) {
    case WEFT__FAMILY_IPV4:
        return AF_INET;
    case WEFT__FAMILY_IPV6:
        return AF_INET6;
    case WEFT__FAMILY_UNIX:
        return AF_UNIX;
    default:
        return AF_UNSPEC;
    }
}

static int make_socket(int family)
{
    return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int connect_to(int fd, const weft_address *a)
{
    uint32_t len;
    const struct sockaddr *to = weft__address_system(a, &len);
    return connect(fd, to, len);
}

/* Whether the file is a unix socket that nobody has any more. */
static bool left_behind(const weft_address *at)
{
    struct stat s;
    const char *path = weft__address_file(at);
    if (!path || lstat(path, &s) != 0 || !S_ISSOCK(s.st_mode))
        return false;
    int fd = make_socket(AF_UNIX);
    bool refused = fd >= 0 && connect_to(fd, at) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        weft__fd_close(fd);
    return refused;
}

static int bind_to(int fd, const weft_address *a)
{
    uint32_t len;
    const struct sockaddr *at = weft__address_system(a, &len);
    if (bind(fd, at, len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (!left_behind(a) || unlink(weft__address_file(a)) != 0) {
        errno = EADDRINUSE;
        return -1;
    }
    return bind(fd, at, len);
}

static uint64_t node_of(const weft_address *a)
{
    struct stat s;
    const char *path = weft__address_file(a);
    return path && lstat(path, &s) == 0 && S_ISSOCK(s.st_mode) ? (uint64_t)s.st_ino : 0;
}

static int open_at(const weft_address *at)
{
    int off = 0, fd = make_socket(system_family(at));
    if (fd < 0)
        return -1;
    bool ipv6_any = system_family(at) == AF_INET6 && weft__address_is_any(at);
    if ((!ipv6_any || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind_to(fd, at) == 0)
        return fd;
    int number = errno;
    weft__fd_close(fd);
    errno = number;
    return -1;
}

weft_err weft__datagram_open(weft_address *at, int *fd, uint64_t *node)
{
    int f = open_at(at);
    if (f < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) && weft__address_is_any(at)) {
        weft__address_set_any_ipv4(at, weft__address_port(at));
        f = open_at(at);
    }
    if (f < 0)
        return failed(errno, "datagram: open", at);
    *fd = f;
    *node = node_of(at);
    return WEFT_OK;
}

weft_err weft__datagram_open_for(const weft_address *to, weft_address *at, int *fd)
{
    uint64_t none;
    if (system_family(to) == AF_UNIX) {
        /* An address without a name: the system gives it an abstract one. */
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        weft__address_from_system(at, (struct sockaddr *)&un,
                                  offsetof(struct sockaddr_un, sun_path));
    } else {
        weft__address_set_any(at, 0);
    }
    return weft__datagram_open(at, fd, &none);
}

void weft__datagram_address(int fd, weft_address *a)
{
    struct sockaddr_storage s;
    socklen_t len = sizeof s;
    if (getsockname(fd, (struct sockaddr *)&s, &len) == 0)
        weft__address_from_system(a, (struct sockaddr *)&s, len);
    else
        *a = (weft_address){0};
}

/* What the network answered to an earlier datagram is no answer to this call: the call that meets it takes it
 * away, and is made again. */
static bool again(int number, bool ip)
{
    return number == EINTR || (ip && number == ECONNREFUSED);
}

weft_err weft__datagram_send(int fd, const void *buf, size_t len, const weft_address *to)
{
    uint32_t size;
    const struct sockaddr *at = weft__address_system(to, &size);
    bool ip = at->sa_family != AF_UNIX;
    ssize_t n;
    do {
        n = sendto(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL, at, size);
    } while (n < 0 && again(errno, ip));
    if (n >= 0)
        return WEFT_OK;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return WEFT_EMPTY;
    if (errno == EMSGSIZE)
        return weft__fail(WEFT_TOOBIG, "datagram: send: %zu bytes are more than one holds; %s", len,
                          ip ? "UDP takes 65507 (IPv4) or 65527 (IPv6)"
                             : "net.core.wmem_default limits it");
    return failed(errno, "datagram: send", to);
}

static ssize_t receive(int fd, void *buf, size_t cap, int flags, struct sockaddr_storage *s,
                       socklen_t *size)
{
    ssize_t n;
    do {
        *size = sizeof *s;
        n = recvfrom(fd, buf, cap, MSG_DONTWAIT | MSG_TRUNC | flags, (struct sockaddr *)s, size);
    } while (n < 0 && again(errno, true));
    return n;
}

weft_err weft__datagram_receive(int fd, void *buf, size_t cap, bool ask, size_t *len,
                                weft_address *from)
{
    struct sockaddr_storage s;
    socklen_t size;
    ssize_t n = ask ? receive(fd, NULL, 0, MSG_PEEK, &s, &size) : 0;
    bool fits = n >= 0 && (size_t)n <= cap;
    if (fits)
        n = receive(fd, buf, cap, 0, &s, &size);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WEFT_EMPTY;
    if (n < 0)
        return weft__sys_error(errno, "datagram: receive", "recvfrom");
    *len = (size_t)n;
    if ((size_t)n > cap)
        return weft__fail(WEFT_TOOBIG, "datagram: receive: %zd bytes, and room for %zu%s", n, cap,
                          fits ? "; it is lost: others receive from this socket" : "");
    if (from) {
        weft__address_from_system(from, (struct sockaddr *)&s, size);
        weft__address_unmap(from);
    }
    return WEFT_OK;
}

weft_err weft__datagram_room(const weft_address *to, int *fd)
{
    /* The system watches the queue of a receiver for sockets that are connected to it only; the sender itself
     * must not be, or it would receive from there alone. */
    int f = make_socket(AF_UNIX);
    if (f < 0)
        return failed(errno, "datagram: send", to);
    if (connect_to(f, to) == 0) {
        *fd = f;
        return WEFT_OK;
    }
    int number = errno;
    weft__fd_close(f);
    return failed(number, "datagram: send", to);
}

void weft__datagram_stop(int fd)
{
    /* It says ENOTCONN of a UDP socket that is not connected, and wakes all the same. */
    (void)shutdown(fd, SHUT_RDWR);
}

void weft__datagram_close(int fd, uint64_t node)
{
    weft_address at;
    weft__datagram_address(fd, &at);
    if (node != 0 && node_of(&at) == node)
        (void)unlink(weft__address_file(&at));
    weft__fd_close(fd);
}
