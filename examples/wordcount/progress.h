/* progress.h: how far the reading is: bytes, a rate, and the time that is left once the total is known. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../parts/bar.h"

typedef struct progress {
    bar bar;
    int64_t started; /* nanoseconds, as `now` below */
    uint64_t done;   /* bytes */
    uint64_t total;  /* bytes known of so far */
    bool whole;      /* the total is all there is */
} progress;

/* Write the line for the time `now` into `line`, as bar_line does.
 * Returns its length. */
size_t progress_line(const progress *p, int64_t now, char *line, size_t size);

/* Draw the line. */
void progress_draw(progress *p, int64_t now);

/* Take the line away, if there is one. */
void progress_clear(progress *p);

#endif
