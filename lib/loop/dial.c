/* Connecting: to one address, or to the first of several that answers (RFC 8305, "happy eyeballs"). */
#include <string.h>

#include "loop/pause.h"
#include "loop/stream.h"
#include "port/clock.h"
#include "port/err.h"
#include "port/fd.h"
#include "task/wait.h"
#include "weft/io.h"
#include "weft/sync.h"
#include "weft/task.h"

enum { ADDRESSES = 16, WHY = 256 };
/* How long an attempt has before the next one begins beside it. */
static const int64_t ahead_ns = 250000000;

/* The backlog is full, and nothing tells when it has room: wait for a while, longer and longer. */
static weft_err hold_off(const weft_address *to, weft__pause *pause, weft_deadline by)
{
    char text[WEFT_ADDRESS_TEXT];
    weft_sync_head nobody;
    weft_deadline until;
    if (!weft__pause_next(pause, by, &until))
        return weft__fail(
            WEFT_LATE,
            "%s: its backlog was full until the deadline; whoever listens there has to "
            "accept sooner, or to have a longer backlog",
            weft_address_text(to, text, sizeof text));
    weft__sync_init(&nobody, "room in a backlog");
    weft__guard_take(weft__sync_guard(&nobody));
    weft_err e = weft__wait_in(&nobody, "dial", NULL, 0, until);
    return e == WEFT_LATE ? WEFT_OK : e; /* the next try tells */
}

/* A socket that is connected, or that is about to be: WEFT_EMPTY. */
static weft_err begin(const weft_address *to, int *s, weft_deadline by)
{
    weft__pause pause = WEFT__PAUSE_INIT;
    weft_err e;
    while ((e = weft__socket_connect(to, s)) == WEFT_FULL) {
        e = hold_off(to, &pause, by);
        if (e != WEFT_OK)
            return e;
    }
    return e;
}

/* A connection to `to`; *fd is the caller's. */
static weft_err connect_to(const weft_address *to, int *fd, weft_deadline by)
{
    int s = -1;
    weft_err e = begin(to, &s, by);
    if (e == WEFT_OK)
        (void)weft_yield(); /* it did not have to wait: others have a turn */
    else if (e != WEFT_EMPTY)
        return e;
    while (e == WEFT_EMPTY) {
        e = weft_ready(s, WEFT_WRITABLE, by);
        if (e == WEFT_OK)
            e = weft__socket_outcome(s, to);
    }
    if (e == WEFT_OK)
        *fd = s;
    else
        weft__fd_close(s);
    return e;
}

/* One of several. Written by its task until it releases the news, then read by who dials. */
struct attempt {
    const weft_address *to;
    weft_sem *news;
    WEFT_ATOMIC(uint32_t) over;
    bool counted; /* of who dials */
    int fd;       /* or -1 */
    weft_err e;
    char why[WHY];
};

static weft_err run_attempt(void *arg)
{
    struct attempt *a = arg;
    a->e = connect_to(a->to, &a->fd, WEFT_FOREVER);
    if (a->e != WEFT_OK)
        strncpy(a->why, weft_detail(), sizeof a->why - 1);
    weft_atomic_store(&a->over, 1, WEFT_RELEASE); /* pairs with look */
    weft_sem_release(a->news);
    return WEFT_OK;
}

/* Who has ended since the last look: one that is connected, or NULL. */
static struct attempt *look(struct attempt *all, int begun, int *running)
{
    for (int i = 0; i < begun; i++) {
        struct attempt *a = &all[i];
        if (a->counted ||
            weft_atomic_load(&a->over, WEFT_ACQUIRE) == 0) /* pairs with run_attempt */
            continue;
        a->counted = true;
        --*running;
        if (a->e == WEFT_OK)
            return a;
    }
    return NULL;
}

static weft_deadline sooner(weft_deadline a, weft_deadline b)
{
    return a.ns < b.ns ? a : b;
}

/* All attempts, the next one when one failed or after a while. WEFT_OK: *winner is connected. */
static weft_err run_race(weft_scope *scope, struct attempt *all, int n, weft_sem *news,
                         struct attempt **winner, weft_deadline by)
{
    int begun = 0, running = 0;
    for (;;) {
        if (begun < n) {
            weft_err e = weft_go(scope, run_attempt, &all[begun]);
            if (e != WEFT_OK)
                return e;
            begun++;
            running++;
        }
        weft_deadline next = {weft__clock_ns() + ahead_ns};
        weft_err e = weft_sem_acquire(news, begun < n ? sooner(next, by) : by);
        if (e == WEFT_OK && (*winner = look(all, begun, &running)))
            return WEFT_OK;
        if (e == WEFT_OK && running == 0 && begun == n)
            return weft__fail(all[0].e, "%s", all[0].why);
        if (e != WEFT_OK && (e != WEFT_LATE || begun == n || weft__clock_ns() >= by.ns))
            return e;
    }
}

/* *peer is the one of them that it came to. */
static weft_err connect_to_one_of(weft *w, const weft_address *to, int n, int *fd,
                                  const weft_address **peer, weft_deadline by)
{
    struct attempt all[ADDRESSES], *winner = NULL;
    weft_sem news;
    weft_scope scope;
    memset(all, 0, sizeof all);
    weft_sem_init(&news, "dial", 0);
    for (int i = 0; i < n; i++)
        all[i] = (struct attempt){.to = &to[i], .news = &news, .fd = -1};
    weft_scope_init(&scope, weft_pool(w), "dial");
    weft_err e = run_race(&scope, all, n, &news, &winner, by);
    weft_scope_fini(&scope); /* whose detail is left as it was */
    for (int i = 0; i < n; i++)
        if (all[i].fd >= 0 && &all[i] != winner)
            weft__fd_close(all[i].fd);
    if (e == WEFT_OK) {
        *fd = winner->fd;
        *peer = winner->to;
    }
    return e;
}

/* The families in turns, beginning with the first one's; each in its order. */
static void take_turns(weft_address *a, int n)
{
    weft_address turned[ADDRESSES];
    bool taken[ADDRESSES] = {false}, v6 = weft__socket_is_v6(&a[0]);
    for (int k = 0; k < n; k++, v6 = !v6) {
        int i = 0;
        while (i < n && (taken[i] || weft__socket_is_v6(&a[i]) != v6))
            i++;
        for (int j = 0; i == n; j++) /* none of this family is left */
            if (!taken[j])
                i = j;
        taken[i] = true;
        turned[k] = a[i];
    }
    memcpy(a, turned, (size_t)n * sizeof *a);
}

/* What was asked for is a name; the detail has the address that came of it. */
static weft_err in_name(weft_err e, const char *name)
{
    return strstr(weft_detail(), name) ? e : weft__fail_in(e, "%s", name);
}

weft_err weft_dial(weft *w, weft_stream **s, const char *to, weft_deadline by)
{
    weft_address all[ADDRESSES], at;
    const weft_address *peer = all;
    int n, fd;
    weft_err e = weft_resolve(w, to, all, ADDRESSES, &n, by);
    if (e != WEFT_OK)
        return e;
    take_turns(all, n);
    e = n == 1 ? connect_to(&all[0], &fd, by) : connect_to_one_of(w, all, n, &fd, &peer, by);
    if (e == WEFT_LATE || e == WEFT_CANCELLED)
        return weft__fail_in(e, "dial %s", to);
    if (e != WEFT_OK)
        return in_name(e, to);
    weft__socket_peer(fd, &at); /* to any address of this machine is to one of them */
    return weft__stream_of(w, fd, weft__socket_kind(peer), at.len ? at : *peer, s);
}
