/* source.h: the text of many files, in pieces of bounded size that cut no word.
 *
 *     source s;
 *     e = source_init(&s, paths, n);
 *     while (!s.ended) {
 *         source_fill(&s, piece, &len);   // 0 bytes mean nothing but: call again
 *         ...
 *     }
 *     source_fini(&s);
 *
 * A piece holds the text of as many files as fit, with a separator between them, so that one call
 * does much. What a piece would cut is carried to the next one. A word longer than a piece is
 * gathered here, as long as it is, and counted in the source's own table. These calls block: they
 * belong on a thread. One caller at a time.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notes.h"
#include "table.h"
#include "walk.h"

/* The longest piece, in bytes: each costs some switches between threads and processes, and some of
 * the caches of whoever counts it. */
enum { SOURCE_PIECE = 256 * 1024 };

typedef struct source {
    walk walk;
    int fd;               /* the file being read, or -1; w.path is its name */
    unsigned char *carry; /* what was read of it and is not in a piece yet */
    size_t carried;
    bool ended;            /* there is no more */
    uint64_t files, bytes; /* opened; read */
    table words;           /* those longer than a piece */
    notes notes;           /* what could not be read */
} source;

/* Make a source of the files that `paths` lead to. False if memory ran out. */
bool source_init(source *s, char *const *paths, size_t n);

/* Fill `piece`, which has SOURCE_PIECE bytes, with the text that comes next. */
void source_fill(source *s, unsigned char *piece, size_t *len);

void source_fini(source *s);

#endif
