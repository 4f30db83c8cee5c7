/* work/sort.h: the serial parts of a merge sort, and its input. */
#ifndef BENCH_SORT_H
#define BENCH_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SORT_LEAF = 20000 }; /* this many numbers and fewer are sorted, and merged, serially */

/* The same n numbers each time; the caller frees them. */
int *sort_make(size_t n);
/* Sort `a`, or with `to_spare` leave what was in `a` sorted in `spare`, of the same length; both are
 * overwritten. */
void sort_serial(int *a, int *spare, size_t n, bool to_spare);
/* Merge two sorted runs into `out`. */
void sort_merge(const int *a, size_t na, const int *b, size_t nb, int *out);
/* How many of `a` are less than `x`. */
size_t sort_below(const int *a, size_t n, int x);
/* `a` has to be what sort_make made, sorted: else the program ends as wrong. */
void sort_check(const int *a, size_t n);

/* Two sorted runs to be merged into `out`. Cut in two, both halves may be merged at the same time. */
typedef struct sort_runs {
    const int *a, *b;
    size_t na, nb;
    int *out;
} sort_runs;

/* The part of `whole` that goes to the first half of `out`; *rest is the other. */
sort_runs sort_cut(const sort_runs *whole, sort_runs *rest);

#ifdef __cplusplus
}
#endif
#endif
