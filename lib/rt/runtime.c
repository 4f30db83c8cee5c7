/* Building a runtime, lowest layer first, and taking it down again. */
#include <stdlib.h>

#include "base/env.h"
#include "loop/loop.h"
#include "port/clock.h"
#include "port/env.h"
#include "rt/rt.h"
#include "share/share.h"
#include "team/team.h"

/* Of tasks, and of the first task and those that have a thread: as much as a thread would have. */
enum {
    STACK_DEFAULT = 256 << 10,
    STACK_LARGE = 8 << 20,
    STACK_LEAST = 16 << 10,
    STACK_MOST = 1 << 30
};
/* While leaving waits for peers it says so this often. */
static const int64_t tell_every_ns = INT64_C(5000000000);

static weft_err open_log(weft *w, const weft_opts *opts)
{
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    int level = (int)opts->log_level;
    weft_err e = weft__env_choice("WEFT_LOG", levels, &level);
    w->log.fn = opts->log;
    w->log.ctx = opts->log_ctx;
    w->log.level = (weft_level)level;
    const char *odd = weft__env_unknown();
    if (odd && weft__boot_guess_rank() == 0)
        weft__log_line(&w->log, WEFT_LOG_WARN, "the environment has %s, which weft does not know",
                       odd);
    return e;
}

#ifndef WEFT_WATCHDOG_MS
#define WEFT_WATCHDOG_MS 0
#endif

static weft_err start_watchdog(weft *w, const weft_opts *opts)
{
    enum { MOST_MS = 3600000 };
    int64_t after = opts->watchdog_ms;
    if (after < 0 || after > MOST_MS)
        return weft__fail(WEFT_INVALID, "watchdog_ms of %d: 0 to %d are allowed", opts->watchdog_ms,
                          MOST_MS);
    if (after == 0)
        after = WEFT_WATCHDOG_MS;
    weft_err e = opts->watchdog_ms ? WEFT_OK : weft__env_int("WEFT_WATCHDOG", 0, MOST_MS, &after);
    return e == WEFT_OK ? weft__hog_start(w, after) : e;
}

static weft_err choose_stacks(weft__engine_opts *eo, const weft_opts *opts)
{
    int64_t kib = STACK_DEFAULT / 1024;
    weft_err e = opts->stack_size
                     ? WEFT_OK
                     : weft__env_int("WEFT_STACK_KIB", STACK_LEAST / 1024, STACK_MOST / 1024, &kib);
    eo->stack_size = opts->stack_size ? opts->stack_size : (size_t)kib * 1024;
    eo->large_stack = opts->large_stack_size ? opts->large_stack_size : STACK_LARGE;
    eo->max_stacks = opts->max_stacks;
    eo->unguarded = opts->unguarded;
    eo->report_overflow = opts->report_overflow;
    if (eo->stack_size < STACK_LEAST || eo->large_stack < STACK_LEAST ||
        eo->stack_size > STACK_MOST || eo->large_stack > STACK_MOST)
        return weft__fail(WEFT_INVALID,
                          "stack_size of %zu and large_stack_size of %zu bytes: %d to %d are "
                          "allowed",
                          eo->stack_size, eo->large_stack, STACK_LEAST, STACK_MOST);
    return e;
}

static weft_err open_engine(weft *w, const weft_opts *opts)
{
    weft__layout layout;
    weft_err e = weft__layout_make(&layout, w->boot, opts, &w->log);
    if (e != WEFT_OK)
        return e;
    weft__engine_opts eo = {.workers = layout.workers,
                            .crowded = layout.crowded,
                            .cpu = layout.bound ? layout.cpu : NULL};
    e = choose_stacks(&eo, opts);
    if (e == WEFT_OK)
        e = weft__engine_open(w, &eo);
    if (e != WEFT_OK)
        return e;
    e = start_watchdog(w, opts);
    if (e != WEFT_OK)
        weft__engine_close(w);
    return e;
}

static void kick(void *ctx)
{
    weft__source_kick(ctx);
}

/* The mail becomes a source of the engine: from now on workers serve it. */
static weft_err open_link(weft *w)
{
    weft__boot *b = w->boot;
    if (!b->mail)
        return WEFT_OK;
    w->link = (weft__source){.ctx = b->mail,
                             .look = weft__mail_look,
                             .serve = weft__mail_serve,
                             .arm = weft__mail_arm,
                             .disarm = weft__mail_disarm,
                             .due = weft__mail_due};
    weft__mail_on_kick(b->mail, kick, w);
    weft__source_add(w, &w->link);
    int fd = weft__mail_fd(b->mail);
    return fd >= 0 ? weft__source_watch(w, &w->link, fd) : WEFT_OK;
}

static int find_terminal(const weft__boot *b)
{
    if (!b->launched)
        return weft__tty_width(2);
    int columns = weft__seg_job_of(&b->seg)->terminal;
    return columns > 0 && columns < 10000 ? columns : 0;
}

weft_err weft__rt_open(weft **out, const weft_opts *opts)
{
    static const weft_opts none = WEFT_OPTS_INIT;
    if (!opts)
        opts = &none;
    weft *w = calloc(1, sizeof *w);
    weft__boot *b = calloc(1, sizeof *b);
    weft_err e = WEFT_NOMEM;
    if (!w || !b) {
        weft__fail(e, "runtime: out of memory");
        goto free_both;
    }
    if ((e = open_log(w, opts)) != WEFT_OK)
        goto free_both;
    if ((e = weft__boot_join(b, opts, &w->log)) != WEFT_OK)
        goto free_both;
    w->boot = b;
    w->rank = b->rank;
    w->size = b->size;
    w->terminal = find_terminal(b);
    if ((e = open_engine(w, opts)) != WEFT_OK)
        goto leave;
    if ((e = weft__readiness_open(w)) != WEFT_OK)
        goto close_engine;
    if ((e = weft__team_create(&w->team, w, b->rank, b->size, b->mail, &w->log)) != WEFT_OK)
        goto close_readiness;
    if ((e = weft__share_create(w->team)) != WEFT_OK)
        goto destroy_team;
    if ((e = open_link(w)) != WEFT_OK)
        goto destroy_share;
    *out = w;
    return WEFT_OK;

destroy_share:
    weft__share_destroy(w->team);
destroy_team:
    weft__team_destroy(&w->team);
close_readiness:
    weft__readiness_close(w);
close_engine:
    weft__engine_close(w);
leave:
    weft__boot_leave(b, true);
free_both:
    free(b);
    free(w);
    return e;
}

static bool stay(void *arg)
{
    return !weft__mail_flushed(arg);
}

static void awake(void *arg)
{
    (void)arg;
}

/* No worker runs: the calling thread serves the link until all is delivered. */
static weft_err flush(weft *w, weft_deadline by)
{
    weft__mail *mail = w->boot->mail;
    int64_t tell = weft__clock_ns() + tell_every_ns;
    while (mail && !weft__mail_flushed(mail)) {
        int64_t now = weft__clock_ns();
        if (by.ns != INT64_MAX && now >= by.ns)
            return weft__fail(WEFT_LATE, "rank %d: stopped before its peers took all that it sent",
                              w->rank);
        if (now >= tell) {
            weft__log_line(&w->log, WEFT_LOG_WARN,
                           "rank %d: waits to leave: a peer has not taken all that was sent",
                           w->rank);
            tell = now + tell_every_ns;
        }
        if (weft__token_take(w)) {
            weft__poll_sleep(w, tell < by.ns ? tell : by.ns, stay, awake, mail);
            weft__token_drop(w);
        }
    }
    return WEFT_OK;
}

static bool peer_lost(weft *w)
{
    for (int r = 0; w->boot->mail && r < w->size; r++)
        if (r != w->rank && weft__mail_state(w->boot->mail, r) == WEFT__RANK_LOST)
            return true;
    return false;
}

weft_err weft__rt_close(weft **wp, weft_deadline by)
{
    weft *w = *wp;
    int64_t tasks = weft__engine_tasks(w);
    if (tasks > 0)
        weft__log_line(
            &w->log, WEFT_LOG_ERROR,
            "rank %d: stopped with %lld tasks that had not ended: weft_scope_fini waits for "
            "those of a scope",
            w->rank, (long long)tasks);
    weft_err e = flush(w, by);
    bool lost = peer_lost(w);
    if (w->boot->mail)
        weft__source_remove(w, &w->link);
    weft__share_destroy(w->team);
    weft__team_destroy(&w->team);
    weft__readiness_close(w);
    weft__engine_close(w);
    weft__boot_leave(w->boot, lost);
    free(w->boot);
    free(w);
    *wp = NULL;
    return e;
}

int weft_rank(const weft *w)
{
    return w->rank;
}

int weft_size(const weft *w)
{
    return w->size;
}

weft_team *weft_job(weft *w)
{
    return w->team;
}

const char *weft_link_name(const weft *w)
{
    return w->boot->ops ? w->boot->ops->name : "none";
}

int weft_terminal(const weft *w)
{
    return w->terminal;
}
