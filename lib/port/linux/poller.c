#include "port/poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/err.h"
#include "port/fd.h"

/* The key of the poller's own bell; nobody else's: keys are indices or descriptors. */
#define BELL_KEY UINT64_MAX
_Static_assert(sizeof(struct epoll_event) * WEFT__POLL_BATCH <= sizeof(((weft__poller *)0)->raw),
               "room for a batch");

weft_err weft__poller_open(weft__poller *p)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return weft__sys_error(errno, "poller", "epoll_create1");
    int bell = -1;
    weft_err e = weft__bell_open(&bell);
    if (e != WEFT_OK)
        goto close_epoll;
    p->epoll = epoll;
    p->bell = bell;
    e = weft__poller_set(p, bell, WEFT__POLL_IN, BELL_KEY);
    if (e == WEFT_OK)
        return WEFT_OK;
    weft__fd_close(bell);
close_epoll:
    weft__fd_close(epoll);
    return e;
}

void weft__poller_close(weft__poller *p)
{
    weft__fd_close(p->bell);
    weft__fd_close(p->epoll);
}

weft_err weft__poller_set(weft__poller *p, int fd, unsigned what, uint64_t key)
{
    struct epoll_event ev = {.data.u64 = key};
    if (what & WEFT__POLL_IN)
        ev.events |= EPOLLIN | EPOLLRDHUP;
    if (what & WEFT__POLL_OUT)
        ev.events |= EPOLLOUT;
    /* epoll reports errors even of what is not watched: an empty set must be disarmed as well. */
    if (what & WEFT__POLL_ONCE || what == 0)
        ev.events |= EPOLLONESHOT;
    if (what & WEFT__POLL_EDGE)
        ev.events |= EPOLLET | EPOLLPRI;
    if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
        return WEFT_OK;
    if (errno == ENOENT && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
        return WEFT_OK;
    if (errno == EPERM)
        return weft__fail(WEFT_INVALID,
                          "descriptor %d is a file, or like one, and cannot be waited for; "
                          "weft_file_adopt makes a weft_file of it",
                          fd);
    if (errno == EBADF || errno == EINVAL)
        return weft__fail(WEFT_INVALID, "descriptor %d cannot be waited for", fd);
    if (errno == ENOSPC)
        return weft__fail(WEFT_NOMEM,
                          "descriptor %d: too many are waited for by this user; raise "
                          "fs.epoll.max_user_watches",
                          fd);
    return weft__sys_error(errno, "poller", "epoll_ctl");
}

void weft__poller_unset(weft__poller *p, int fd)
{
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int wait_ms(int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX)
        return -1;
    if (deadline_ns <= 0) /* the clock is never negative */
        return 0;
    int64_t left = deadline_ns - weft__clock_ns();
    if (left <= 0)
        return 0;
    /* Rounded up: waking early would poll in circles until the deadline. */
    int64_t ms = (left + 999999) / 1000000;
    return ms > 1000000 ? 1000000 : (int)ms;
}

/* epoll_pwait2 keeps nanoseconds; kernels before 5.11 do not have it. */
static int wait_events(int epoll, struct epoll_event *ev, int cap, int64_t deadline_ns)
{
    if (deadline_ns != INT64_MAX && deadline_ns > 0) {
        int64_t left = deadline_ns - weft__clock_ns();
        if (left < 0)
            left = 0;
        struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        int n = epoll_pwait2(epoll, ev, cap, &t, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
    }
    return epoll_wait(epoll, ev, cap, wait_ms(deadline_ns));
}

int weft__poller_wait(weft__poller *p, weft__poll_event *events, int cap, int64_t deadline_ns)
{
    struct epoll_event *ev = (struct epoll_event *)(void *)p->raw;
    int n = wait_events(p->epoll, ev, cap < WEFT__POLL_BATCH ? cap : WEFT__POLL_BATCH, deadline_ns);
    int stored = 0;
    for (int i = 0; i < n; i++) {
        if (ev[i].data.u64 == BELL_KEY) {
            weft__bell_drain(p->bell);
            continue;
        }
        unsigned what = 0;
        if (ev[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            what |= WEFT__POLL_IN;
        if (ev[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
            what |= WEFT__POLL_OUT;
        if (ev[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            what |= WEFT__POLL_END;
        if (ev[i].events & EPOLLPRI)
            what |= WEFT__POLL_IN | WEFT__POLL_URGENT;
        events[stored++] = (weft__poll_event){.key = ev[i].data.u64, .what = what};
    }
    return stored;
}

void weft__poller_ring(weft__poller *p)
{
    weft__bell_ring(p->bell);
}

weft_err weft__bell_open(int *fd)
{
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0)
        return weft__sys_error(errno, "doorbell", "eventfd");
    *fd = bell;
    return WEFT_OK;
}

void weft__bell_ring(int fd)
{
    uint64_t one = 1;
    /* Fails only if the counter is full, and then it is readable already. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void weft__bell_drain(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}
