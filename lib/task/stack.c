#include "task/stack.h"

#include <stdlib.h>
#include <string.h>

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
 * the same few sets of the cache. */
enum { COLOURS = 8, COLOUR = 64 };

void weft__stacks_init(weft__stacks *s, weft *rt, size_t size, size_t large)
{
    size_t page = weft__page_size();
    *s = (weft__stacks){
        .rt = rt, .size = {(size + page - 1) / page * page, (large + page - 1) / page * page}};
}

static weft__stack *place_record(char *low, size_t size)
{
    uintptr_t top = (uintptr_t)low + size;
    uintptr_t colour = (uintptr_t)low / size % COLOURS * COLOUR;
    return (weft__stack *)((top - colour - sizeof(weft__stack)) & ~(uintptr_t)63);
}

static weft_err make(weft__stacks *s, bool large, weft__stack **out)
{
    void *low;
    size_t size = s->size[large];
    weft_err e = weft__stack_map(size, &low);
    if (e != WEFT_OK)
        return e;
    weft__stack *k = place_record(low, size);
    memset(k, 0, sizeof *k);
    k->low = low;
    k->size = size;
    k->large = large;
    k->rt = s->rt;
    k->valgrind = VALGRIND_STACK_REGISTER(low, (char *)low + size);
    weft__list_init(&k->left);
    k->forks.here.detail = &k->detail;
    weft__forks_shut(&k->forks);
    weft__context_make(&k->context, low, k, weft__serve, k);
    *out = k;
    return WEFT_OK;
}

weft_err weft__stacks_get(weft__stacks *s, bool large, weft__stack **out)
{
    weft__guard_take(&s->guard);
    weft__stack *k = s->free[large];
    if (k) {
        s->free[large] = k->next;
        s->count[large]--;
    }
    weft__guard_drop(&s->guard);
    if (k) {
        *out = k;
        return WEFT_OK;
    }
    weft_err e = make(s, large, &k);
    if (e != WEFT_OK)
        return e;
    weft__guard_take(&s->guard);
    k->all = s->all;
    s->all = k;
    weft__guard_drop(&s->guard);
    *out = k;
    return WEFT_OK;
}

void weft__stacks_put(weft__stacks *s, weft__stack *k)
{
    weft__guard_take(&s->guard);
    k->next = s->free[k->large];
    s->free[k->large] = k;
    s->count[k->large]++;
    weft__guard_drop(&s->guard);
}

void weft__stacks_fini(weft__stacks *s)
{
    while (s->all) {
        weft__stack *k = s->all;
        s->all = k->all;
        weft__context_end(&k->context);
        free(k->forks.slots);
        VALGRIND_STACK_DEREGISTER(k->valgrind);
        char *low = k->low;
        size_t size = k->size;
#if defined(WEFT__ASAN)
        __asan_unpoison_memory_region(low, size);
#endif
        weft__stack_unmap(low, size);
    }
}
