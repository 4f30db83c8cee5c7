#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct ranked {
    uint64_t count;
    uint64_t prefix; /* the first 8 bytes as a number that sorts as they do */
    const unsigned char *text;
    size_t len;
} ranked;

static ranked rank_word(const table_at *at)
{
    unsigned char first[8] = {0};
    memcpy(first, at->text, at->len < 8 ? at->len : 8);
    ranked r = {.count = at->count, .text = at->text, .len = at->len};
    for (int i = 0; i < 8; i++)
        r.prefix = r.prefix << 8 | first[i];
    return r;
}

/* Less than 0 if `a` is printed before `b`. */
static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* Put `r` where the heap's root was; the root is the one that would be printed last. */
static void replace_root(ranked *heap, size_t n, ranked r)
{
    size_t i = 0;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && compare(&heap[child + 1], &heap[child]) > 0)
            child++;
        if (compare(&heap[child], &r) <= 0)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = r;
}

/* The `n` words that are printed first, in that order. The first n words make a heap, and each
 * later one that comes before the last of them takes its place. */
static ranked *select_words(const table *t, size_t n)
{
    ranked *best = malloc(n * sizeof *best);
    size_t have = 0;
    if (best == NULL)
        return NULL;
    for (table_at at = {0}; table_next(t, &at);) {
        ranked r = rank_word(&at);
        if (have < n) {
            best[have++] = r;
            if (have == n) /* in printing order backwards, which is a heap */
                qsort(best, n, sizeof *best, compare);
            for (size_t i = 0; have == n && i < n / 2; i++) {
                ranked swap = best[i];
                best[i] = best[n - 1 - i];
                best[n - 1 - i] = swap;
            }
        } else if (compare(&r, &best[0]) < 0) {
            replace_root(best, n, r);
        }
    }
    qsort(best, n, sizeof *best, compare);
    return best;
}

static void put_number(uint64_t x, FILE *out)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + x % 10);
    while ((x /= 10) > 0);
    fwrite(digits + at, 1, sizeof digits - at, out);
}

int report_words(const table *t, size_t top, FILE *out)
{
    size_t n = top < table_distinct(t) ? top : table_distinct(t);
    ranked *best = n > 0 ? select_words(t, n) : NULL;
    if (n > 0 && best == NULL)
        return ENOMEM;
    errno = 0;
    for (size_t i = 0; i < n && !ferror(out); i++) {
        put_number(best[i].count, out);
        putc('\t', out);
        fwrite(best[i].text, 1, best[i].len, out);
        putc('\n', out);
    }
    int error = fflush(out) != 0 || ferror(out) ? errno : 0;
    free(best);
    return error;
}

void report_line(const report_totals *sum, FILE *out)
{
    double megabytes = (double)sum->bytes / 1e6;
    fprintf(out,
            "%llu file%s, %.1f MB, %llu words, %llu distinct, %.2f s, %.1f MB/s, "
            "%d process%s x %d thread%s\n",
            (unsigned long long)sum->files, sum->files == 1 ? "" : "s", megabytes,
            (unsigned long long)sum->words, (unsigned long long)sum->distinct, sum->seconds,
            sum->seconds > 0 ? megabytes / sum->seconds : 0, sum->processes,
            sum->processes == 1 ? "" : "es", sum->threads, sum->threads == 1 ? "" : "s");
}

uint64_t report_count(const table *t)
{
    uint64_t n = 0;
    for (table_at at = {0}; table_next(t, &at);)
        n += at.count;
    return n;
}
