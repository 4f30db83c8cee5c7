/* table.h: words and how often each was seen.
 *
 *     table t = {0};
 *     table_add(&t, text, len, 1);                // 16 bytes must be readable at `text`
 *     for (table_at at = {0}; table_next(&t, &at);)
 *         printf("%llu %.*s\n", at.count, (int)at.len, at.text);
 *     table_free(&t);
 *
 * Two tables in one, both with open addressing. A word of up to 16 bytes is its own key, held in two
 * integers, so that finding it is two loads and one comparison; it cannot contain a zero byte, so
 * padding with zeros tells its length, and a key that starts with zero is a free slot. Longer words
 * are rare: theirs is a slot with the hash and a pointer to a copy in the table's own memory.
 * One task uses a table at a time.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TABLE_SHORT = 16 }; /* the longest word that is its own key */

typedef struct table_slot {
    uint64_t key[2]; /* the bytes of the word, the first one lowest; key[0] is 0 in a free slot */
    uint64_t count;
} table_slot;

typedef struct table_long_slot {
    const unsigned char *text; /* NULL in a free slot */
    size_t len;
    uint64_t hash, count;
} table_long_slot;

typedef struct table {
    table_slot *slots;
    size_t size, used; /* slots, a power of 2 or 0; those taken */
    int shift;         /* 64 less the bits of an index */
    bool failed;       /* memory ran out and words were lost: the counts are worth nothing */
    table_long_slot *longs;
    size_t long_size, long_used;
    struct table_chunk *chunks; /* the bytes of the long words */
} table;

/* A place in a table, and the word found there. */
typedef struct table_at {
    const unsigned char *text; /* valid until the table changes */
    size_t len;
    uint64_t count;
    size_t next;
} table_at;

/* The first 0 to 8 bytes of a little-endian load. */
static inline uint64_t table_bytes(uint64_t x, size_t n)
{
    return n >= 8 ? x : x & ((UINT64_C(1) << 8 * n) - 1);
}

static inline uint64_t table_hash(const uint64_t key[2])
{
    uint64_t h = key[1] * UINT64_C(0xd6e8feb86659fd93);
    return (key[0] ^ h >> 32 ^ h << 32) * UINT64_C(0x9e3779b97f4a7c15);
}

void table_add_new(table *t, const uint64_t key[2], uint64_t count);
void table_add_long(table *t, const unsigned char *text, size_t len, uint64_t count);

/* Count a word of `len` bytes, 1 or more, none of them zero, `count` times more. At least 16 bytes
 * can be read at `text`, whatever `len` is. */
static inline void table_add(table *t, const unsigned char *text, size_t len, uint64_t count)
{
    if (len > TABLE_SHORT) {
        table_add_long(t, text, len, count);
        return;
    }
    uint64_t key[2];
    memcpy(key, text, sizeof key);
    key[0] = table_bytes(key[0], len);
    key[1] = len > 8 ? table_bytes(key[1], len - 8) : 0;
    if (t->size > 0) {
        table_slot *s = &t->slots[table_hash(key) >> t->shift];
        if (s->key[0] == key[0] && s->key[1] == key[1]) {
            s->count += count;
            return;
        }
    }
    table_add_new(t, key, count);
}

/* Make room for `more` words. To be called before words come in the order in which another table gave
 * them: that is the order of their hashes, and they would pile up at the start of a table that grows
 * under them. */
void table_reserve(table *t, size_t more);

/* Add all words of `from` to `t`. */
void table_merge(table *t, const table *from);

/* The next word, in no particular order; false at the end. */
bool table_next(const table *t, table_at *at);

/* How many different words there are. */
static inline size_t table_distinct(const table *t)
{
    return t->used + t->long_used;
}

/* Free what the table holds and make it empty. */
void table_free(table *t);

#endif
