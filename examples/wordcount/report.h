/* report.h: the result, most frequent words first. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "table.h"

typedef struct report_totals {
    uint64_t files, bytes, words, distinct;
    double seconds;
    int processes, threads;
} report_totals;

/* Print COUNT<TAB>WORD for the `top` most frequent words of `t`, by count descending, then by bytes
 * ascending. Returns 0, or the errno of what went wrong: ENOMEM, or why `out` could not be written. */
int report_words(const table *t, size_t top, FILE *out);

/* Print one line about what was done. */
void report_line(const report_totals *sum, FILE *out);

/* How often all words together were seen. */
uint64_t report_count(const table *t);

#endif
