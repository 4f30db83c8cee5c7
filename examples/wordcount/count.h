/* count.h: every rank's part: take pieces from the queue and count their words. */
#ifndef COUNT_H
#define COUNT_H

#include "failure.h"
#include "table.h"
#include "weft/weft.h"

/* Count the words of all pieces that this rank gets, on all workers of its pool, and add them to
 * `t`. What goes wrong is kept in `f`, and the table is then incomplete; the pieces are taken to the
 * end all the same, so that whoever puts them need not wait for ever. */
void count_pieces(weft *w, weft_queue *q, table *t, failure *f);

#endif
