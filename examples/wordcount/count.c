#include "count.h"

#include <stdlib.h>

#include "source.h"
#include "words.h"

/* One of the tasks that count, and its words. */
typedef struct counter {
    weft_queue *queue;
    table words;
    struct counter *other; /* whose words come to these in the end */
    failure failure;
    unsigned char piece[SOURCE_PIECE + WORDS_SLACK];
} counter;

static weft_err count_some(void *arg)
{
    counter *c = arg;
    weft_err e;
    size_t len = 0;
    while ((e = weft_get(c->queue, c->piece, SOURCE_PIECE, &len, WEFT_FOREVER)) == WEFT_OK) {
        words_count(&c->words, c->piece, len);
        /* While there are pieces nothing else makes this task wait, and on rank 0 those that fill the
         * queue want the same worker. */
        (void)weft_yield();
    }
    if (e != WEFT_CLOSED)
        failure_set(&c->failure, "taking a piece", e);
    if (c->words.failed)
        failure_memory(&c->failure, "counting");
    return WEFT_OK;
}

static weft_err merge_other(void *arg)
{
    counter *c = arg;
    table_merge(&c->words, &c->other->words);
    table_free(&c->other->words);
    if (c->words.failed)
        failure_memory(&c->failure, "merging");
    return WEFT_OK;
}

/* Run fn for every `step`th counter, all at once, and wait for them. */
static void run(weft *w, counter **all, int n, int step, weft_fn fn)
{
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "counters");
    for (int i = 0; i < n; i += step)
        if (weft_scope_go(&s, fn, all[i], "count") != WEFT_OK)
            (void)fn(all[i]); /* without a task of its own it is done here */
    failure_set(&all[0]->failure, "counting", weft_scope_join(&s, WEFT_FOREVER));
    weft_scope_fini(&s);
}

/* Bring the words of all counters to the first, in pairs, then in pairs of pairs. */
static void merge(weft *w, counter **all, int n)
{
    for (int apart = 1; apart < n; apart *= 2) {
        int last = 0;
        for (int i = 0; i + apart < n; i += 2 * apart) {
            all[i]->other = all[i + apart];
            last = i + 1;
        }
        run(w, all, last, 2 * apart, merge_other);
    }
}

void count_pieces(weft *w, weft_queue *q, table *t, failure *f)
{
    int n = 0, most = weft_workers(w);
    counter **all = calloc((size_t)most, sizeof *all);
    while (all != NULL && n < most && (all[n] = calloc(1, sizeof **all)) != NULL)
        all[n++]->queue = q;
    if (n == 0) {
        failure_memory(f, "counting");
        free(all);
        return;
    }
    run(w, all, n, 1, count_some);
    merge(w, all, n);
    for (int i = 0; i < n; i++) {
        if (f->error == WEFT_OK)
            *f = all[i]->failure;
        if (i > 0)
            table_free(&all[i]->words);
    }
    *t = all[0]->words;
    for (int i = 0; i < n; i++)
        free(all[i]);
    free(all);
}
