/* pack.h: a table as bytes, to be sent to another process of the same program.
 *
 * First how many short and how many long words there are, as 64-bit integers; then for each word
 * its length, its bytes and its count, the two numbers in 7 bits a byte, lowest first, the highest
 * bit set in all but the last.
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* Pack `t` into memory that the caller frees with pack_free. NULL if there is none. */
unsigned char *pack_table(const table *t, size_t *len);

/* Free what pack_table gave; does nothing on NULL. */
void pack_free(unsigned char *data, size_t len);

/* Add the packed words to `t`. False if the bytes are not those of a packed table; some of the words
 * may have been added by then. */
bool pack_merge(table *t, const unsigned char *data, size_t len);

#endif
