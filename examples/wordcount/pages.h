/* pages.h: big zeroed memory that is used all over.
 *
 * A big table is touched at random places all over: with pages of 4 KiB each of them costs a fault
 * when it is first used, and translations are missed ever after. Big memory is asked for in huge
 * pages, of which some 500 times fewer are needed; the system may or may not give them.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stddef.h>

/* `size` bytes of zeros; NULL if there are none. */
void *pages_get(size_t size);

/* Give back what pages_get gave for `size`; does nothing on NULL. */
void pages_free(void *p, size_t size);

#endif
