/* Descriptors by SCM_RIGHTS over an abstract unix socket. */
#include "port/handover.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/random.h"

enum {
    BATCH = 200,       /* descriptors in one message; the kernel takes 253 */
    PATIENCE_MS = 2000 /* with one taker, so that a silent one does not use up everybody's time */
};

static socklen_t address(struct sockaddr_un *a, const weft__handover_key *key)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    size_t n = (size_t)snprintf(a->sun_path + 1, sizeof a->sun_path - 1, "weft-");
    for (size_t i = 0; i < sizeof key->name; i++)
        n +=
            (size_t)snprintf(a->sun_path + 1 + n, sizeof a->sun_path - 1 - n, "%02x", key->name[i]);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* Whether the process at the other end of `fd` runs under the user of this one. */
static bool same_user(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

/* Wait until `fd` is ready for `what`. */
static weft_err ready(int fd, short what, int64_t deadline_ns)
{
    for (;;) {
        int64_t left = (deadline_ns - weft__clock_ns()) / 1000000;
        if (left < 0)
            return weft__fail(WEFT_LATE, "handover: the other process did not come in time");
        struct pollfd p = {fd, what, 0};
        int n = poll(&p, 1, left > 1000 ? 1000 : (int)left + 1);
        if (n > 0)
            return WEFT_OK;
        if (n < 0 && errno != EINTR)
            return weft__sys_error(errno, "handover", "poll");
    }
}

weft_err weft__handover_open(weft__handover *h)
{
    weft__handover fresh = {.fd =
                                socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (fresh.fd < 0)
        return weft__sys_error(errno, "handover", "socket");
    weft__random_bytes(&fresh.key, sizeof fresh.key);
    struct sockaddr_un a;
    socklen_t len = address(&a, &fresh.key);
    if (bind(fresh.fd, (struct sockaddr *)&a, len) != 0 || listen(fresh.fd, SOMAXCONN) != 0) {
        weft_err e = weft__sys_error(errno, "handover", "bind");
        close(fresh.fd);
        return e;
    }
    *h = fresh;
    return WEFT_OK;
}

void weft__handover_close(weft__handover *h)
{
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
}

/* Send `count` descriptors as one message whose only byte says nothing. */
static weft_err send_batch(int fd, const int *fds, int count)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(BATCH * sizeof(int))];
    } control;
    char byte = 0;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    memset(&control, 0, sizeof control);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    for (;;) {
        if (sendmsg(fd, &m, MSG_NOSIGNAL) == 1)
            return WEFT_OK;
        if (errno == EAGAIN)
            return WEFT_EMPTY;
        if (errno != EINTR)
            return weft__sys_error(errno, "handover", "sendmsg");
    }
}

/* One that connected: check who it is, then give. */
static weft_err give_one(int fd, const weft__handover_key *key, const int *fds, int count,
                         int64_t deadline_ns)
{
    if (!same_user(fd))
        return WEFT_DENIED;
    weft_err e = ready(fd, POLLIN, deadline_ns);
    if (e != WEFT_OK)
        return e;
    uint8_t token[sizeof key->token + 1], differ = 0;
    if (recv(fd, token, sizeof token, 0) != (ssize_t)sizeof key->token)
        return WEFT_DENIED;
    for (size_t i = 0; i < sizeof key->token; i++)
        differ |= token[i] ^ key->token[i];
    if (differ != 0)
        return WEFT_DENIED;
    for (int done = 0; done < count;) {
        int n = count - done < BATCH ? count - done : BATCH;
        e = send_batch(fd, fds + done, n);
        if (e == WEFT_EMPTY) {
            e = ready(fd, POLLOUT, deadline_ns);
            n = 0;
        }
        if (e != WEFT_OK)
            return e;
        done += n;
    }
    /* The taker says when it has all of them. */
    e = ready(fd, POLLIN, deadline_ns);
    return e == WEFT_OK && recv(fd, token, sizeof token, 0) == 1 ? WEFT_OK : WEFT_DENIED;
}

weft_err weft__handover_give(weft__handover *h, const int *fds, int count, int takers,
                             int64_t deadline_ns)
{
    for (int given = 0; given < takers;) {
        weft_err e = ready(h->fd, POLLIN, deadline_ns);
        if (e != WEFT_OK)
            return e;
        int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EINTR || errno == EAGAIN || errno == ECONNABORTED)
                continue;
            return weft__sys_error(errno, "handover", "accept");
        }
        int64_t patience = weft__clock_ns() + PATIENCE_MS * INT64_C(1000000);
        e = give_one(fd, &h->key, fds, count, patience < deadline_ns ? patience : deadline_ns);
        given += e == WEFT_OK;
        close(fd);
    }
    return WEFT_OK;
}

/* Receive one message; its descriptors go to fds, at most `room`. *got: how many. */
static weft_err take_batch(int fd, int *fds, int room, int *got)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(BATCH * sizeof(int))];
    } control;
    char byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    *got = 0;
    ssize_t n;
    do
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? WEFT_OK : weft__sys_error(errno, "handover", "recvmsg");
    int surplus = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
            if (*got < room) {
                fds[(*got)++] = one;
            } else {
                close(one);
                surplus++;
            }
        }
    }
    if (n == 0)
        return weft__fail(WEFT_DENIED, "handover: hung up on, as a wrong token or another user is");
    if (surplus > 0 || (m.msg_flags & MSG_CTRUNC) != 0 || *got == 0)
        return weft__fail(WEFT_DENIED, "handover: the giver sends something else than descriptors, "
                                       "or this process may have no more of them (ulimit -n)");
    return WEFT_OK;
}

weft_err weft__handover_take(const weft__handover_key *key, int *fds, int count,
                             int64_t deadline_ns)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return weft__sys_error(errno, "handover", "socket");
    struct sockaddr_un a;
    socklen_t len = address(&a, key);
    int got = 0;
    weft_err e = WEFT_OK;
    /* A giver whose queue of connections is full makes connect() wait. */
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (struct sockaddr *)&a, len) != 0)
        e = weft__sys_error(errno, "handover", "connect");
    else if (!same_user(fd))
        e = weft__fail(WEFT_DENIED, "handover: the giver is another user");
    else if (send(fd, key->token, sizeof key->token, MSG_NOSIGNAL) != sizeof key->token)
        e = weft__sys_error(errno, "handover", "send");
    while (e == WEFT_OK && got < count) {
        int n = 0;
        e = ready(fd, POLLIN, deadline_ns);
        if (e == WEFT_OK)
            e = take_batch(fd, fds + got, count - got, &n);
        got += n;
    }
    if (e == WEFT_OK && send(fd, "", 1, MSG_NOSIGNAL) != 1)
        e = weft__sys_error(errno, "handover", "send");
    if (e != WEFT_OK)
        while (got > 0)
            close(fds[--got]);
    close(fd);
    return e;
}
