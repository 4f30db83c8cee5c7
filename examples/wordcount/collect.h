/* collect.h: the tables of all ranks come to rank 0. */
#ifndef COLLECT_H
#define COLLECT_H

#include "failure.h"
#include "table.h"
#include "weft/weft.h"

/* Add the words of every rank to the table of rank 0; the others' tables are freed. A rank that says
 * in `f` that its counting failed makes the collecting fail on rank 0. All ranks call this. */
void collect_words(weft *w, table *t, failure *f);

#endif
