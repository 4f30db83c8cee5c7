/* Looking names up. getaddrinfo blocks and cannot be interrupted, so a side thread calls it, and whoever is
 * late or cancelled goes on without it. A look-up's memory is its own, not the caller's:
 *
 * U1 Under the guard of `done` either the job says that it has ended, or who waits says that it has gone;
 *    whichever comes second frees the memory. One that waits when the job ends is let go first, after the
 *    guard was dropped, and frees it.
 * U2 Until then it is the side threads' work, and weft__side_close waits for it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "port/address.h"
#include "port/clock.h"
#include "port/err.h"
#include "port/number.h"
#include "port/resolve.h"
#include "task/worker.h"

enum {
    HOST_MOST = 253,
    LABEL_MOST = 63,
    SERVICE_MOST = 32,
    PORT_MOST = 65535,
    FOUND_MOST = 4096 /* more than an answer of a name server has room for */
};

struct lookup {
    weft__job job;
    char host[HOST_MOST + 2], service[SERVICE_MOST + 1];
    weft_sync_head done; /* U1: its guard protects `ended` and `abandoned` */
    bool ended, abandoned;
    weft_err result; /* what follows is the job's until it has ended */
    weft__detail detail;
    int cap, n;
    weft_address found[];
};

static void run(weft__job *job)
{
    struct lookup *l = weft__of(job, struct lookup, job);
    l->result = weft__resolve(l->host, l->service, l->found, l->cap, &l->n);
    if (l->result != WEFT_OK)
        memcpy(&l->detail, weft_detail(), strlen(weft_detail()) + 1);
    weft__guard *g = weft__sync_guard(&l->done);
    weft__guard_take(g);
    l->ended = true;
    bool abandoned = l->abandoned;
    weft__wait *waiter = weft__wait_first(&l->done);
    if (waiter)
        weft__wait_take(&l->done, waiter);
    weft__guard_drop(g);
    if (waiter)
        weft__wait_let_go(waiter);
    else if (abandoned)
        free(l);
}

static const char *host_of(const weft__job *job)
{
    return weft__of(job, struct lookup, job)->host;
}

static const weft__job_kind looking_up = {run, "look-up of", host_of};

static void abandon(weft_sync_head *q, void *arg)
{
    (void)q;
    ((struct lookup *)arg)->abandoned = true;
}

/* WEFT_OK: the look-up has ended and is the caller's. Else it is left to itself. */
static weft_err await(struct lookup *l, weft_deadline by)
{
    weft__guard *g = weft__sync_guard(&l->done);
    weft__guard_take(g);
    if (!l->ended)
        return weft__wait_in_or(&l->done, "answer of", NULL, 0, by, abandon, l);
    weft__guard_drop(g);
    return WEFT_OK;
}

static weft_err take(struct lookup *l, weft_address *out, int *n)
{
    weft_err e = l->result;
    if (e == WEFT_OK) {
        memcpy(out, l->found, (size_t)l->n * sizeof *out);
        *n = l->n;
    } else {
        (void)weft__fail(e, "%s", l->detail.text);
    }
    free(l);
    return e;
}

/* Names of letters and digits, in labels of 1 to 63; international ones are written xn--. A scope of an IPv6
 * number may be in it. */
static bool is_host(const char *host, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];
        if (!isgraph(c) || (c == '.' && label == 0))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MOST)
            return false;
    }
    return len <= HOST_MOST + (size_t)(len > 0 && host[len - 1] == '.');
}

static bool is_service(const char *service)
{
    int64_t port;
    size_t len = strlen(service), digits = strspn(service, "0123456789");
    if (len == 0 || len > SERVICE_MOST)
        return false;
    /* The system would take a larger port modulo 65536. */
    return digits < len || weft__number_read(service, 0, PORT_MOST, &port);
}

/* Take `name` apart. */
static weft_err split(struct lookup *l, const char *name)
{
    const char *colon = strrchr(name, ':'), *host = name;
    if (!colon || !is_service(colon + 1))
        return weft__fail(WEFT_INVALID, "write HOST:PORT or HOST:SERVICE, with a port from 0 to %d",
                          PORT_MOST);
    size_t len = (size_t)(colon - name);
    bool bracketed = len > 1 && name[0] == '[' && name[len - 1] == ']';
    if (bracketed) {
        host++;
        len -= 2;
    }
    if (len == 1 && *host == '*' && !bracketed)
        len = 0;
    if ((memchr(host, ':', len) != NULL) != bracketed)
        return weft__fail(WEFT_INVALID, "an IPv6 address, and nothing else, stands in brackets");
    if (!is_host(host, len))
        return weft__fail(WEFT_INVALID, "no name of a host can be '%.*s'",
                          (int)(len < HOST_MOST ? len : HOST_MOST), host);
    memcpy(l->host, host, len);
    memcpy(l->service, colon + 1, strlen(colon + 1));
    return WEFT_OK;
}

/* Names under "invalid" are never looked up (RFC 6761, 6.4): no name server has to be waited for. */
static bool never_exists(const char *host)
{
    static const char last[] = ".invalid";
    size_t len = strlen(host), tail = sizeof last - 1;
    if (len > 0 && host[len - 1] == '.')
        len--;
    if (len < tail)
        return false;
    for (size_t i = 0; i < tail; i++)
        if (tolower((unsigned char)host[len - tail + i]) != last[i])
            return false;
    return true;
}

static weft_err look_up(weft *w, struct lookup *l, weft_address *out, int *n, weft_deadline by)
{
    l->job.kind = &looking_up;
    weft__sync_init(&l->done, "name servers");
    weft_err e = weft__side_submit(&w->side, &l->job);
    if (e != WEFT_OK) {
        free(l);
        return e;
    }
    e = await(l, by);
    return e == WEFT_OK ? take(l, out, n) : e;
}

static weft_err resolve_name(weft *w, const char *name, weft_address *out, int cap, int *n,
                             weft_deadline by)
{
    if (by.ns != INT64_MAX && (by.ns == INT64_MIN || weft__clock_ns() >= by.ns))
        return weft__fail(WEFT_LATE, "the deadline had passed before it began");
    if (cap > FOUND_MOST)
        cap = FOUND_MOST;
    struct lookup *l = calloc(1, sizeof *l + (size_t)cap * sizeof *l->found);
    if (!l)
        return weft__fail(WEFT_NOMEM, "out of memory");
    l->cap = cap;
    weft_err e = split(l, name);
    if (e == WEFT_OK && never_exists(l->host))
        e = weft__fail(WEFT_MISSING, "no host is named '%s'", l->host);
    if (e == WEFT_OK)
        return look_up(w, l, out, n, by);
    free(l);
    return e;
}

weft_err weft_resolve(weft *w, const char *name, weft_address *out, int cap, int *n,
                      weft_deadline by)
{
    weft_address one;
    if (weft_cancelled())
        return weft__fail(WEFT_CANCELLED, "look-up of '%s': %s was cancelled", name,
                          weft_task_name());
    if (cap < 1)
        return weft__fail(WEFT_INVALID, "look-up of '%s': room for %d addresses", name, cap);
    weft_err e = weft_address_parse(&one, name);
    if (e == WEFT_OK) {
        *out = one;
        *n = 1;
        return WEFT_OK;
    }
    if (strncmp(name, "unix:", 5) == 0)
        return e;
    e = resolve_name(w, name, out, cap, n, by);
    return e == WEFT_OK ? e : weft__fail_in(e, "look-up of '%s'", name);
}
