#include "task/stack.h"

#include <inttypes.h>
#include <stdlib.h>

#include "port/clock.h"
#include "port/limit.h"
#include "port/map.h"
#include "task/worker.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id)      ((void)(id))
#endif
#if defined(WEFT__ASAN)
#include <sanitizer/asan_interface.h>
#endif

/* Stacks start at different offsets in their pages, so that the tops of a thousand do not all fall into
 * the same few sets of the cache. With a record and the frames of a shallow task the rest of the page is
 * for that. */
enum { COLOURS = 16, COLOUR = 64 };
/* Free stacks of either kind that keep their memory for ever: most of them a page or a few. Others keep it
 * until it was not missed for so long. Getting memory and giving it back cost more than a thousand
 * switches. */
enum { KEEP = 256, KEEP_LARGE = 2 };
static const int64_t missed_ns = 500000000, pause_ns = 20000000; /* between two of these, if busy */
/* Address space is taken in steps that grow with the number of stacks. */
enum { STEP_LEAST = 16 << 20, STEP_MOST = 1 << 30, CELLS_MOST = 4096 };

void weft__stacks_init(weft__stacks *s, weft *rt, const weft__stacks_opts *o)
{
    size_t page = weft__page_size();
    uint64_t mappings = weft__limit_mappings();
    *s = (weft__stacks){.rt = rt,
                        .most = o->most ? o->most : WEFT__STACKS_MOST,
                        /* Some are left for others: a process without a mapping can do nothing. */
                        .most_guarded = (uint32_t)((mappings - mappings / 64) / 2)};
    s->kind[0] = (weft__stacks_kind){.size = (o->size + page - 1) / page * page, .keep = KEEP};
    s->kind[1] =
        (weft__stacks_kind){.size = (o->large + page - 1) / page * page, .keep = KEEP_LARGE};
    s->guarding = weft__stacks_guard_light() ? WEFT__GUARDS_LIGHT : WEFT__GUARDS_MAPPED;
    s->unguarded = o->unguarded;
    weft_atomic_store(&s->due, INT64_MAX, WEFT_RELAXED);
    s->watch = (weft__fault_watch){.explain = weft__stacks_explain, .ctx = s};
    if (o->report)
        weft__fault_watch_add(&s->watch);
}

static weft__stack *record_of(const weft__chunk *c, uint32_t cell)
{
    char *high = weft__chunk_low(c, cell) + c->size - sizeof(weft__canary);
    uintptr_t top = (uintptr_t)high - cell % COLOURS * COLOUR;
    return (weft__stack *)((top - sizeof(weft__stack)) & ~(uintptr_t)63);
}

/* A cell that was given back, out of the chunk that had one last or out of any. Guard held. */
static weft__chunk *thaw(weft__stacks_kind *k, uint32_t *cell)
{
    if (k->cold == 0)
        return NULL;
    weft__chunk *c = k->thawing;
    if (!c || !weft__chunk_warm(c, cell)) {
        c = weft_atomic_load(&k->chunks, WEFT_RELAXED);
        while (c && !weft__chunk_warm(c, cell))
            c = weft_atomic_load(&c->next, WEFT_RELAXED);
    }
    k->thawing = c;
    k->cold--;
    return c;
}

/* Guard held. */
static weft_err check_limits(const weft__stacks *s, weft__guarding guarding)
{
    if (s->made >= s->most)
        return weft__fail(WEFT_NOMEM,
                          "stacks: all %zu are in use; have fewer tasks wait at a time, or raise "
                          "weft_opts.max_stacks",
                          s->most);
    if (guarding == WEFT__GUARDS_MAPPED && s->guarded >= s->most_guarded)
        return weft__fail(WEFT_NOMEM,
                          "stacks: %" PRIu32
                          " with a guard page are all that vm.max_map_count=%llu "
                          "has room for; have fewer tasks wait at a time, raise it by sysctl -w "
                          "vm.max_map_count=N to two for each stack, or start with "
                          "weft_opts.unguarded",
                          s->most_guarded, (unsigned long long)weft__limit_mappings());
    return WEFT_OK;
}

/* Guard held. */
static weft_err reserve(weft__stacks *s, weft__stacks_kind *k, weft__guarding guarding)
{
    weft__chunk *c;
    size_t cells = k->made, least = STEP_LEAST / k->size, most = STEP_MOST / k->size;
    cells = cells < least ? least : cells > most ? most : cells;
    cells = cells > CELLS_MOST ? CELLS_MOST : cells > s->most - s->made ? s->most - s->made : cells;
    weft_err e = weft__chunk_open(&c, k->size, guarding, cells > 0 ? (uint32_t)cells : 1);
    if (e != WEFT_OK)
        return e;
    weft__chunk *rest = weft_atomic_load(&k->chunks, WEFT_RELAXED);
    weft_atomic_store(&c->next, rest, WEFT_RELAXED);
    weft_atomic_store(&k->chunks, c, WEFT_RELEASE); /* pairs with weft__stacks_explain */
    return WEFT_OK;
}

/* A cell that never was used. Guard held. */
static weft_err make(weft__stacks *s, bool large, weft__chunk **out, uint32_t *cell)
{
    weft__stacks_kind *k = &s->kind[large];
    weft__guarding guarding = s->unguarded && !large ? WEFT__GUARDS_NONE : s->guarding;
    weft_err e = check_limits(s, guarding);
    if (e != WEFT_OK)
        return e;
    weft__chunk *c = weft_atomic_load(&k->chunks, WEFT_RELAXED);
    if (!c || c->made == c->cells) {
        e = reserve(s, k, guarding);
        c = weft_atomic_load(&k->chunks, WEFT_RELAXED);
    }
    if (e == WEFT_OK)
        e = weft__chunk_more(c, cell);
    if (e != WEFT_OK)
        return e;
    s->made++;
    k->made++;
    s->guarded += guarding == WEFT__GUARDS_MAPPED;
    *out = c;
    return WEFT_OK;
}

/* Sets all that does not have to be written before it is read, but for the words that K1 names. */
static weft__stack *begin(weft__stacks *s, bool large, weft__chunk *c, uint32_t cell)
{
    weft__stack *k = record_of(c, cell);
    struct weft__record *h = &k->forks.here;
    h->head = k->forks.slots = k->forks.end = NULL;
    h->me = NULL;
    h->inside = 0;
    h->ticks = k->forks.tick_every = 0;
    k->forks.ticked = 0;
    h->detail = &k->detail;
    k->forks.loose = 0;
    weft_atomic_store(&k->forks.span, 0, WEFT_RELAXED);
    k->detail.text[0] = '\0';
    k->worker = NULL;
    k->first = NULL;
    k->listed = false;
    k->low = weft__chunk_low(c, cell);
    k->size = c->size;
    k->canary = weft__chunk_canary(c, cell);
    k->chunk = c;
    k->cell = cell;
    k->large = large;
    k->rt = s->rt;
    k->valgrind = VALGRIND_STACK_REGISTER(k->low, k->low + c->size);
    weft__list_init(&k->left);
    weft__forks_shut(&k->forks);
    weft__context_make(&k->context, k->low, k, weft__serve, k);
    if (c->guarding == WEFT__GUARDS_NONE)
        /* pairs with weft__stack_check on the stack above */
        weft_atomic_store((weft__canary *)(void *)(k->low + c->size - sizeof(weft__canary)),
                          weft__canary_value, WEFT_RELAXED);
    return k;
}

weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out)
{
    weft__stacks_kind *kind = &s->kind[large];
    uint32_t cell;
    weft__guard_take(&s->guard);
    weft__stack *k = kind->free;
    if (k) {
        kind->free = k->next;
        kind->warm--;
        kind->low = kind->warm < kind->low ? kind->warm : kind->low;
        weft__guard_drop(&s->guard);
        *out = k;
        return WEFT_OK;
    }
    weft_err e = WEFT_OK;
    weft__chunk *c = thaw(kind, &cell);
    if (!c)
        e = make(s, large, &c, &cell);
    weft__guard_drop(&s->guard);
    if (e != WEFT_OK)
        return e;
    *out = begin(s, large, c, cell);
    weft__guard_take(&s->guard);
    weft_atomic_store(&c->state[cell], WEFT__CELL_LIVE, WEFT_RELEASE); /* pairs with explain */
    weft__guard_drop(&s->guard);
    return WEFT_OK;
}

/* What belongs to the stack and is not in its memory. */
static void end(weft__stack *k)
{
    weft__context_end(&k->context);
    free(k->forks.slots);
    VALGRIND_STACK_DEREGISTER(k->valgrind);
#if defined(WEFT__ASAN)
    __asan_unpoison_memory_region(k->low, k->size);
#endif
}

void weft__stacks_put(weft__stacks *s, weft__stack *k)
{
    weft__stacks_kind *kind = &s->kind[k->large];
    int64_t due = INT64_MAX;
    weft__guard_take(&s->guard);
    k->next = kind->free;
    kind->free = k;
    kind->warm++;
    if (kind->warm > kind->keep && weft__stacks_due(s) == INT64_MAX) {
        kind->low = kind->warm;
        due = weft__clock_ns() + missed_ns;
        weft_atomic_exchange(&s->due, due, WEFT_SEQ_CST); /* I4; pairs with weft__stacks_due */
    }
    weft__guard_drop(&s->guard);
    if (due != INT64_MAX)
        weft__poll_earlier(s->rt, due);
}

/* Some of those that nobody has missed. Guard held. */
static int take_surplus(weft__stacks_kind *kind, weft__stack_place *out)
{
    int n = 0;
    for (; n < WEFT__TRIM_MOST && kind->low > kind->keep; n++) {
        weft__stack *k = kind->free;
        kind->free = k->next;
        kind->warm--;
        kind->low--;
        out[n] = (weft__stack_place){k->chunk, k->cell};
        weft_atomic_store(&k->chunk->state[k->cell], WEFT__CELL_BETWEEN, WEFT_RELAXED);
    }
    return n;
}

static bool is_above(const weft__stack_place *a, const weft__stack_place *b)
{
    return a->chunk->at == b->chunk->at ? a->cell > b->cell : a->chunk->at > b->chunk->at;
}

/* By address; there are few, and mostly they are in order, this way or the other. */
static void sort(weft__stack_place *p, int n)
{
    for (int i = 1; i < n; i++) {
        weft__stack_place it = p[i];
        int k = i;
        for (; k > 0 && is_above(&p[k - 1], &it); k--)
            p[k] = p[k - 1];
        p[k] = it;
    }
}

/* Their memory goes back to the system, that of neighbours together: a call costs more than the pages. */
static void cool(weft__stacks *s, weft__stacks_kind *kind, weft__stack_place *p, int n)
{
    sort(p, n);
    for (int i = 0, k; i < n; i = k) {
        weft__chunk *c = p[i].chunk;
        for (k = i; k < n && p[k].chunk == c && p[k].cell - p[i].cell == (uint32_t)(k - i); k++)
            end(record_of(c, p[k].cell));
        char *low = weft__chunk_low(c, p[i].cell);
        weft__stacks_forget(low, (size_t)(weft__chunk_low(c, p[k - 1].cell) + c->size - low));
    }
    weft__guard_take(&s->guard);
    for (int i = 0; i < n; i++)
        weft__chunk_cool(p[i].chunk, p[i].cell);
    kind->cold += (uint32_t)n;
    weft__guard_drop(&s->guard);
}

bool weft__stacks_trim(weft__stacks *s, int64_t now, bool busy)
{
    bool surplus = false, more = false;
    if (weft__stacks_due(s) > now)
        return false;
    for (int i = 0; i < 2; i++) {
        weft__stacks_kind *kind = &s->kind[i];
        weft__guard_take(&s->guard);
        int n = take_surplus(kind, s->trimmed);
        more |= kind->low > kind->keep;
        surplus |= kind->warm > kind->keep;
        weft__guard_drop(&s->guard);
        cool(s, kind, s->trimmed, n);
    }
    weft__guard_take(&s->guard);
    /* What is above the least number now may be missed soon: look again later. */
    for (int i = 0; !more && i < 2; i++)
        s->kind[i].low = s->kind[i].warm;
    int64_t due = more ? now + (busy ? pause_ns : 0) : surplus ? now + missed_ns : INT64_MAX;
    weft_atomic_exchange(&s->due, due, WEFT_SEQ_CST);
    weft__guard_drop(&s->guard);
    return more;
}

void weft__stacks_each(weft__stacks *s, void (*fn)(void *arg, weft__stack *stack), void *arg)
{
    weft__guard_take(&s->guard);
    for (int kind = 0; kind < 2; kind++) {
        weft__chunk *c = weft_atomic_load(&s->kind[kind].chunks, WEFT_RELAXED);
        for (; c; c = weft_atomic_load(&c->next, WEFT_RELAXED))
            for (uint32_t i = 0; i < c->made; i++)
                if (weft_atomic_load(&c->state[i], WEFT_RELAXED) == WEFT__CELL_LIVE)
                    fn(arg, record_of(c, i));
    }
    weft__guard_drop(&s->guard);
}

static void end_one(void *arg, weft__stack *k)
{
    (void)arg;
    end(k);
}

void weft__stacks_fini(weft__stacks *s)
{
    weft__fault_watch_remove(&s->watch);
    weft__stacks_each(s, end_one, NULL);
    for (int i = 0; i < 2; i++) {
        weft__chunk *c = weft_atomic_load(&s->kind[i].chunks, WEFT_RELAXED), *next;
        for (; c; c = next) {
            next = weft_atomic_load(&c->next, WEFT_RELAXED);
            weft__chunk_close(c);
        }
    }
}

weft__stack *weft__stacks_at(weft__stacks *s, const void *guard_page)
{
    uint32_t cell;
    for (int i = 0; i < 2; i++) {
        /* pairs with reserve */
        weft__chunk *c = weft_atomic_load(&s->kind[i].chunks, WEFT_ACQUIRE);
        for (; c; c = weft_atomic_load(&c->next, WEFT_ACQUIRE))
            if (weft__chunk_guards(c, guard_page, &cell) &&
                weft_atomic_load(&c->state[cell], WEFT_ACQUIRE) == WEFT__CELL_LIVE)
                return record_of(c, cell);
    }
    return NULL;
}
