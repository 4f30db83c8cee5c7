/* progress.h: one line of standard error that is drawn again and again.
 *
 * A drawn line ends with a carriage return, so that whatever is printed next starts at its place;
 * clear it first. One task at a time.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct progress {
    int width;       /* columns of the terminal, or 0: nothing is ever drawn */
    int64_t started; /* nanoseconds, as `now` below */
    uint64_t done;   /* bytes */
    uint64_t total;  /* bytes known of so far */
    bool whole;      /* the total is all there is */
    size_t shown;    /* characters that stand on the terminal */
} progress;

/* Write the line for the time `now` into `line`, in less than `width` columns and `size` bytes.
 * Returns its length. */
size_t progress_line(const progress *p, int64_t now, char *line, size_t size);

/* Draw the line. */
void progress_draw(progress *p, int64_t now);

/* Take the line away, if there is one. */
void progress_clear(progress *p);

#endif
