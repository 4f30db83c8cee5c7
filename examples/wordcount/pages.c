#include "pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* From BIG on memory comes in whole huge pages. That is less than one of them: the rest of it costs
 * nothing but address space as long as huge pages are not given. */
static const size_t HUGE_PAGE = (size_t)2 << 20, BIG = (size_t)256 << 10;

static size_t whole(size_t size)
{
    return (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

void *pages_get(size_t size)
{
    if (size < BIG)
        return calloc(1, size);
    if (size > SIZE_MAX - 2 * HUGE_PAGE)
        return NULL;
    size_t len = whole(size);
    char *p =
        mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    /* Cut off what lies before the first multiple of a huge page, and what lies behind. */
    size_t before = whole((uintptr_t)p) - (uintptr_t)p;
    if (before > 0)
        munmap(p, before);
    if (before < HUGE_PAGE)
        munmap(p + before + len, HUGE_PAGE - before);
    madvise(p + before, len, MADV_HUGEPAGE);
    return p + before;
}

void pages_free(void *p, size_t size)
{
    if (size < BIG)
        free(p);
    else if (p != NULL)
        munmap(p, whole(size));
}
