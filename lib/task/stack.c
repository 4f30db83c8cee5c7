#include "task/stack.h"

#include "port/map.h"
#include "task/switch.h"

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

/* Free stacks beyond these go back to the system. */
enum { KEPT = 256 };

/* At the low end of every stack: what Valgrind knows it by, and the list of the free. The low end is
 * the far end; the page costs memory only while the stack is free, or under Valgrind. */
struct foot {
    weft__list node;
    unsigned id;
};

void weft__stacks_init(weft__stacks *s, size_t size)
{
    size_t page = weft__page_size();
    *s = (weft__stacks){.size = (size + page - 1) / page * page};
    weft__list_init(&s->free);
}

static void unmap(void *low, size_t size)
{
#if defined(WEFT__ASAN)
    __asan_unpoison_memory_region(low, size);
#endif
    VALGRIND_STACK_DEREGISTER(((struct foot *)low)->id);
    weft__stack_unmap(low, size);
}

void weft__stacks_fini(weft__stacks *s)
{
    for (weft__list *n; (n = weft__list_pop(&s->free));)
        unmap(weft__of(n, struct foot, node), s->size);
}

weft_err weft__stacks_get(weft__stacks *s, size_t *size, void **low)
{
    if (*size == 0) {
        *size = s->size;
        weft__guard_take(&s->guard);
        weft__list *n = weft__list_pop(&s->free);
        s->count -= n != NULL;
        weft__guard_drop(&s->guard);
        if (n) {
            *low = weft__of(n, struct foot, node);
            return WEFT_OK;
        }
    }
    weft_err e = weft__stack_map(*size, low);
    if (e == WEFT_OK)
        ((struct foot *)*low)->id = VALGRIND_STACK_REGISTER(*low, (char *)*low + *size);
    return e;
}

void weft__stacks_put(weft__stacks *s, void *low, size_t size)
{
    if (size == s->size) {
        struct foot *f = low;
#if defined(WEFT__ASAN)
        __asan_unpoison_memory_region(low, size);
#endif
        weft__guard_take(&s->guard);
        bool keep = s->count < KEPT;
        if (keep) {
            weft__list_push_front(&s->free, &f->node);
            s->count++;
        }
        weft__guard_drop(&s->guard);
        if (keep)
            return;
    }
    unmap(low, size);
}
