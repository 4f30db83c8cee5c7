/* The watchdog of workers: names a task that runs for long without a wait. It has a thread of its own,
 * which looks at the workers' beats now and then; workers beat only if there is a watchdog. */
#include <inttypes.h>
#include <stdlib.h>

#include "port/clock.h"
#include "port/err.h"
#include "task/worker.h"

static const int64_t ms = 1000000;

/* What the watchdog knows of a worker. */
struct weft__hog_seen {
    uint32_t beat;
    int64_t since; /* when it was first seen with this beat */
    bool told;
};

static void look_at(weft *w, int i, struct weft__hog_seen *s, int64_t now)
{
    weft__worker *k = &w->worker[i];
    uint32_t beat = weft_atomic_load(&k->beat, WEFT_ACQUIRE); /* pairs with weft__worker_beat */
    const char *name = weft_atomic_load(&k->running, WEFT_RELAXED);
    if (beat != s->beat || !name) {
        *s = (struct weft__hog_seen){beat, now, false};
        return;
    }
    if (s->told || now - s->since < w->hog.after_ns)
        return;
    s->told = true;
    weft__log_line(&w->log, WEFT_LOG_WARN,
                   "rank %d: task %s has computed on worker %d for more than %" PRId64
                   " ms without a wait: what waits there is late; weft_yield() now and then, or "
                   "weft_move() to the threads place",
                   w->rank, name, i, w->hog.after_ns / ms);
}

static void watch(void *arg)
{
    weft *w = arg;
    /* pairs with weft__hog_stop */
    while (weft_atomic_load(&w->hog.stop, WEFT_ACQUIRE) == 0) {
        int64_t now = weft__clock_ns();
        for (int i = 0; i < w->workers; i++)
            look_at(w, i, &w->hog.seen[i], now);
        (void)weft__futex_wait(&w->hog.stop, 0, now + w->hog.after_ns / 4 + 1, false);
    }
}

weft_err weft__hog_start(weft *w, int64_t after_ms)
{
    if (after_ms == 0)
        return WEFT_OK;
    w->hog.after_ns = after_ms * ms;
    w->hog.seen = calloc((size_t)w->workers, sizeof *w->hog.seen);
    if (!w->hog.seen)
        return weft__fail(WEFT_NOMEM, "watchdog: out of memory");
    for (int i = 0; i < w->workers; i++)
        w->worker[i].beats = true;
    weft_err e = weft__thread_start(&w->hog.thread, watch, w, "weft-hog");
    w->hog.on = e == WEFT_OK;
    return e;
}

void weft__hog_stop(weft *w)
{
    if (w->hog.on) {
        weft_atomic_store(&w->hog.stop, 1, WEFT_RELEASE); /* pairs with watch */
        weft__futex_wake(&w->hog.stop, 1, false);
        weft__thread_join(w->hog.thread);
    }
    w->hog.on = false;
    free(w->hog.seen);
    w->hog.seen = NULL;
}
