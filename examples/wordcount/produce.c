#include "produce.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    READERS = 2,        /* one fills a piece while the other puts its own */
    SURVEY_FILES = 512, /* looked at in one blocking call */
    REDRAW_MS = 100
};

/* A piece to be filled by a blocking call. */
typedef struct filling {
    source *source;
    unsigned char *piece;
    size_t len;
} filling;

/* A walk ahead of the reading that finds out how much there is, for the progress line only. */
typedef struct survey {
    walk walk;
    uint64_t bytes;
    bool ended;
} survey;

bool produce_init(producer *p, weft *w, weft_queue *q, char *const *paths, size_t n)
{
    *p = (producer){.w = w, .queue = q, .paths = paths, .path_count = n};
    p->progress = (progress){.bar = {.width = weft_terminal(w)}, .started = weft_clock()};
    weft_lock_init(&p->turn, "the files");
    return source_init(&p->source, paths, n);
}

void produce_fini(producer *p)
{
    source_fini(&p->source);
}

static weft_err fill(void *arg)
{
    filling *f = arg;
    source_fill(f->source, f->piece, &f->len);
    return WEFT_OK;
}

/* Fill a piece on a thread, say what could not be read, and bring the progress up to date. */
static weft_err next_piece(producer *p, unsigned char *piece, size_t *len)
{
    filling f = {.source = &p->source, .piece = piece};
    weft_err e = weft_lock_acquire(&p->turn, WEFT_FOREVER);
    if (e != WEFT_OK)
        return e;
    while (e == WEFT_OK && !p->source.ended && f.len == 0) {
        e = weft_blocking(p->w, fill, &f);
        p->progress.done = p->source.bytes;
        if (p->source.notes.len > 0) {
            progress_clear(&p->progress);
            notes_print(&p->source.notes);
        }
    }
    weft_lock_release(&p->turn);
    *len = f.len;
    return e;
}

/* A reader: fill a piece, put it into the queue, until there is no more. */
static weft_err read_pieces(void *arg)
{
    producer *p = arg;
    unsigned char *piece = malloc(SOURCE_PIECE);
    size_t len = 0;
    if (piece == NULL) {
        failure_memory(&p->failure, "reading");
        return WEFT_NOMEM;
    }
    weft_err e;
    do {
        e = next_piece(p, piece, &len);
        if (e == WEFT_OK && len > 0)
            e = weft_put(p->queue, piece, len, WEFT_FOREVER);
    } while (e == WEFT_OK && len > 0);
    if (e != WEFT_CANCELLED)
        failure_set(&p->failure, "reading", e);
    free(piece);
    return e;
}

static weft_err look_ahead(void *arg)
{
    survey *s = arg;
    for (int i = 0; i < SURVEY_FILES && !s->ended; i++) {
        struct stat st;
        s->ended = !walk_next(&s->walk);
        if (!s->ended &&
            fstatat(s->walk.dir, s->walk.name, &st, s->walk.given ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
            s->bytes += (uint64_t)st.st_size;
    }
    return WEFT_OK;
}

/* A task that finds out how much there is to do. Without memory for it the total stays unknown. */
static weft_err survey_files(void *arg)
{
    producer *p = arg;
    survey s = {0};
    walk_init(&s.walk, p->paths, p->path_count, NULL);
    while (!s.ended && weft_blocking(p->w, look_ahead, &s) == WEFT_OK)
        p->progress.total = s.bytes;
    p->progress.whole = s.ended;
    walk_fini(&s.walk);
    return WEFT_OK;
}

/* A task that redraws the progress line until it is cancelled. */
static weft_err show_progress(void *arg)
{
    producer *p = arg;
    while (weft_sleep(weft_in_ms(REDRAW_MS)) == WEFT_OK)
        progress_draw(&p->progress, weft_clock());
    progress_clear(&p->progress);
    return WEFT_OK;
}

weft_err produce(void *arg)
{
    producer *p = arg;
    weft_scope readers, watchers;
    weft_scope_init(&readers, weft_loop(p->w), "readers");
    weft_scope_init(&watchers, weft_loop(p->w), "progress");
    weft_err e = WEFT_OK;
    for (int i = 0; i < READERS && e == WEFT_OK; i++)
        e = weft_go(&readers, read_pieces, p);
    failure_set(&p->failure, "reading", e);
    /* Not being able to show the progress is no reason to stop. */
    if (p->progress.bar.width > 0 && weft_go(&watchers, show_progress, p) == WEFT_OK &&
        weft_go(&watchers, survey_files, p) != WEFT_OK)
        p->progress.total = 0;
    if (weft_scope_join(&readers, WEFT_FOREVER) == WEFT_CANCELLED)
        weft_scope_cancel(&readers);
    weft_scope_fini(&readers);
    weft_queue_end(p->queue);
    weft_scope_fini(&watchers);
    return WEFT_OK;
}
