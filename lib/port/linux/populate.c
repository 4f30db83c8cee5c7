#include "port/populate.h"

#include <stdint.h>
#include <sys/mman.h>

#include "port/map.h"

void weft__populate(void *at, size_t size)
{
    uintptr_t page = weft__page_size(), begin = (uintptr_t)at & ~(page - 1);
    uintptr_t end = ((uintptr_t)at + size + page - 1) & ~(page - 1);
    /* Linux 5.14 and later; whatever goes wrong shows, or does not, when the memory is touched. */
    (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
}
