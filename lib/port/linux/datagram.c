#include "port/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "port/err.h"
#include "port/fd.h"
#include "port/net_error.h"
#include "port/socket_file.h"

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

/* A socket at `at`; *number is the system's error number if there is none. */
static int open_at(const weft_address *at, int *number)
{
    int off = 0, fd = make_socket(system_family(at));
    *number = fd < 0 ? errno : 0;
    bool ipv6_any = system_family(at) == AF_INET6 && weft__address_is_any(at);
    if (fd >= 0 && ipv6_any && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        *number = errno;
    if (*number == 0)
        *number = weft__socket_file_bind(fd, at);
    if (*number == 0)
        return fd;
    if (fd >= 0)
        weft__fd_close(fd);
    return -1;
}

weft_err weft__datagram_open(weft_address *at, int *fd, uint64_t *node)
{
    int number = 0, f = open_at(at, &number);
    if ((number == EAFNOSUPPORT || number == EADDRNOTAVAIL) && weft__address_is_any(at)) {
        weft__address_set_any_ipv4(at, weft__address_port(at));
        f = open_at(at, &number);
    }
    if (number != 0)
        return weft__bind_error(number, "datagram: open", at);
    *fd = f;
    *node = weft__socket_file_node(at);
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
    weft__address_unmap(a);
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
    return weft__net_error(errno, "datagram: send", to);
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
        return weft__net_error(errno, "datagram: send", to);
    if (connect_to(f, to) == 0) {
        *fd = f;
        return WEFT_OK;
    }
    int number = errno;
    weft__fd_close(f);
    return weft__net_error(number, "datagram: send", to);
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
    weft__socket_file_remove(&at, node);
    weft__fd_close(fd);
}
