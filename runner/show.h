/* show.h: a plan for people and for programs to read. */
#ifndef WEFT_RUNNER_SHOW_H
#define WEFT_RUNNER_SHOW_H

#include <stdio.h>

#include "topo/plan.h"

/* A table: which rank has how many workers on which CPUs; and a picture of the machine with the
 * ranks in it. */
void weft__show_table(FILE *out, const weft__machine *m, const weft__plan *plan);
void weft__show_picture(FILE *out, const weft__machine *m, const weft__plan *plan);
/* The same as one line of JSON. */
void weft__show_json(FILE *out, const weft__machine *m, const weft__plan *plan);

#endif
