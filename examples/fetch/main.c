/* fetch: download URLs, so many at a time.
 *
 *     fetch --jobs 20 --timeout 60 --into pages http://localhost:8080/{1..100}.html
 *
 * The URLs go through a queue to as many workers as may run at once (main.c); each worker downloads one after
 * the other (download.c), within a deadline that is handed down through every call. All tasks are on the loop:
 * they run one at a time, and another one goes on only where one waits. So they share what they count and
 * print without locks.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../parts/bar.h"
#include "download.h"
#include "report.h"
#include "weft/weft.h"

enum { REDRAW_MS = 100 };

static int64_t jobs = 10, timeout_s = 30;
static const char *into = ".";
static bool discard, json;

static const weft_option options[] = {
    {.name = "jobs",
     .letter = 'j',
     .kind = WEFT_OPT_INT,
     .out = &jobs,
     .arg = "K",
     .min = 1,
     .max = 10000,
     .help = "at most K at a time; 10 if not given"},
    {.name = "timeout",
     .letter = 't',
     .kind = WEFT_OPT_INT,
     .out = &timeout_s,
     .arg = "S",
     .min = 1,
     .max = 86400,
     .help = "seconds that each may take; 30 if not given"},
    {.name = "into",
     .letter = 'o',
     .kind = WEFT_OPT_TEXT,
     .out = &into,
     .arg = "DIR",
     .help = "the directory to keep them in; this one if not given"},
    {.name = "discard", .kind = WEFT_OPT_FLAG, .out = &discard, .help = "keep nothing, only try"},
    {.name = "json",
     .kind = WEFT_OPT_FLAG,
     .out = &json,
     .help = "print JSON: an object in a line for each URL, and one for all"},
    {0}};

static const weft_cli cli = {
    .program = "fetch",
    .usage = "[OPTION]... URL...",
    .about =
        "Download http:// URLs, several at a time. A file has the name of the URL's last part; if "
        "there is one of that name, a number is added. Redirections are not followed. Prints a "
        "line for each URL; at a terminal a bar shows how far it is.\n\nExit code: 0; 1 if one of "
        "them failed; 2 for wrong usage. SIGINT and SIGTERM cancel what still runs.",
    .options = options,
    .examples = "fetch http://localhost:8080/book.txt\n"
                "fetch --jobs 20 --into pages http://localhost:8080/{1..100}.html",
    .min_args = 1,
    .arg_name = "URL"};

typedef struct fetch {
    weft *w;
    weft_queue *queue; /* of pointers to downloads */
    weft_signals *signals;
    weft_scope workers;
    download *all;
    size_t n, ended;
    uint64_t bytes; /* that came so far */
    int64_t started;
    bar bar;
} fetch;

/* A worker: download one after the other. One that fails is no failure of the worker. */
static weft_err work(void *arg)
{
    fetch *f = arg;
    download *d;
    size_t len;
    weft_err e;
    while ((e = weft_get(f->queue, &d, sizeof d, &len, WEFT_FOREVER)) == WEFT_OK &&
           !weft_cancelled()) {
        download_run(f->w, d, discard ? NULL : into, &f->bytes, weft_in_s(timeout_s));
        f->ended++;
        bar_clear(&f->bar);
        report_download(d, json, stdout);
    }
    while (weft_get(f->queue, &d, sizeof d, &len, WEFT_NOW) == WEFT_OK)
        continue; /* after a signal nobody tries these */
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

static weft_err show_progress(void *arg)
{
    fetch *f = arg;
    while (weft_sleep(weft_in_ms(REDRAW_MS)) == WEFT_OK) {
        char text[128];
        double megabytes = (double)f->bytes / 1e6,
               seconds = (double)(weft_clock() - f->started) / 1e9;
        snprintf(text, sizeof text, "%zu of %zu, %.1f MB, %.1f MB/s", f->ended, f->n, megabytes,
                 megabytes / seconds);
        bar_draw(&f->bar, (double)f->ended / (double)f->n, text);
    }
    bar_clear(&f->bar);
    return WEFT_OK;
}

static weft_err end_on_signal(void *arg)
{
    fetch *f = arg;
    int number;
    weft_err e = weft_signals_next(f->signals, &number, WEFT_FOREVER);
    if (e == WEFT_OK)
        weft_scope_cancel(&f->workers);
    return e;
}

/* Start the workers and hand out the URLs; wait until they have ended. */
static weft_err fetch_all(fetch *f)
{
    weft_err e = WEFT_OK;
    for (int64_t i = 0; i < jobs && (size_t)i < f->n && e == WEFT_OK; i++)
        e = weft_go(&f->workers, work, f);
    for (size_t i = 0; i < f->n && e == WEFT_OK; i++)
        e = weft_put(f->queue, &(download *){&f->all[i]}, sizeof(download *), WEFT_FOREVER);
    weft_queue_end(f->queue);
    return e == WEFT_OK ? weft_scope_join(&f->workers, WEFT_FOREVER) : e;
}

static weft_err start(fetch *f, char **urls, size_t n)
{
    weft_err e = weft_signals_open(f->w, &f->signals, (const int[]){SIGINT, SIGTERM}, 2);
    if (e == WEFT_OK)
        e = weft_queue_init(&f->queue, "urls", sizeof(download *), n);
    if (e == WEFT_OK && (f->all = calloc(n, sizeof *f->all)) == NULL)
        e = WEFT_NOMEM;
    for (size_t i = 0; e == WEFT_OK && i < n; i++)
        f->all[i].url = urls[i];
    return e;
}

static int app(weft *w, int argc, char **argv)
{
    weft_scope watchers;
    fetch f = {
        .w = w, .n = (size_t)argc - 1, .bar = {weft_terminal(w), 0}, .started = weft_clock()};
    weft_err e = start(&f, argv + 1, f.n);
    size_t failed = f.n;
    weft_scope_init(&f.workers, weft_loop(w), "workers");
    weft_scope_init(&watchers, weft_loop(w), "watchers");
    if (e == WEFT_OK)
        e = weft_go(&watchers, end_on_signal, &f);
    if (e == WEFT_OK && f.bar.width > 0)
        e = weft_go(&watchers, show_progress, &f);
    if (e == WEFT_OK)
        e = fetch_all(&f);
    if (e != WEFT_OK)
        fprintf(stderr, "fetch: %s: %s\n", weft_strerror(e), weft_detail());
    weft_scope_fini(&f.workers);
    weft_scope_fini(&watchers);
    if (f.all != NULL)
        failed = report_all(f.all, f.n, (double)(weft_clock() - f.started) / 1e9, json);
    weft_queue_close(&f.queue);
    weft_signals_close(&f.signals);
    free(f.all);
    return failed > 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, &(weft_opts){.cli = &cli}, app);
}
