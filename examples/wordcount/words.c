#include "words.h"

#include <stdint.h>
#include <string.h>

/* The text goes through in blocks of 64 bytes, one bit of an integer for each byte, and in stretches
 * of many blocks: first the edges of all words of a stretch are listed, then its words are looked up.
 * The lookups then run without guessing where the next word starts. */
enum { BLOCK = 64, STRETCH = 64 * BLOCK };

#define EACH_BYTE(x) ((x)*UINT64_C(0x0101010101010101))

/* Mark the word bytes among 8 by one bit each, and turn the letters to lower case. */
static inline uint64_t mark_8(unsigned char *text)
{
    uint64_t x;
    memcpy(&x, text, sizeof x);
    uint64_t high = EACH_BYTE(0x80), low7 = (x | EACH_BYTE(0x20)) & ~high;
    uint64_t from_a = low7 + EACH_BYTE(0x80 - 'a'), beyond_z = low7 + EACH_BYTE(0x7f - 'z');
    uint64_t letter = from_a & ~beyond_z & ~x & high;
    uint64_t lower = x | letter >> 2;
    memcpy(text, &lower, sizeof lower);
    /* The product brings the lowest bit of each byte into the highest byte, in order. */
    return (((letter | x) & high) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static inline uint64_t mark_block(unsigned char *text)
{
    uint64_t word = 0;
    for (int i = 0; i < BLOCK; i += 8)
        word |= mark_8(text + i) << i;
    return word;
}

/* List where words start and end in `len` bytes at `from`. `inside` says whether the byte before
 * belongs to a word, and is brought up to date. Returns how many edges are listed now. */
static size_t list_edges(unsigned char *text, size_t from, size_t len, size_t *edges, size_t n,
                         uint64_t *inside)
{
    for (size_t at = from; at < from + len; at += BLOCK) {
        uint64_t word = mark_block(text + at);
        uint64_t change = word ^ (word << 1 | *inside);
        *inside = word >> (BLOCK - 1);
        for (; change != 0; change &= change - 1)
            edges[n++] = at + (size_t)__builtin_ctzll(change);
    }
    return n;
}

void words_count(table *t, unsigned char *text, size_t len)
{
    size_t edges[STRETCH + 2], n = 0;
    uint64_t inside = 0;
    memset(text + len, 0, WORDS_SLACK);
    for (size_t at = 0; at < len; at += STRETCH) {
        n = list_edges(text, at, len - at < STRETCH ? len - at : STRETCH, edges, n, &inside);
        if (inside && len - at <= STRETCH)
            edges[n++] = len;
        size_t i = 0;
        for (; i + 1 < n; i += 2)
            table_add(t, text + edges[i], edges[i + 1] - edges[i], 1);
        /* A word that goes on in the next stretch has only its start listed. */
        edges[0] = edges[i < n ? i : 0];
        n -= i;
    }
}

size_t words_head(const unsigned char *text, size_t len)
{
    size_t n = 0;
    while (n < len && words_byte(text[n]))
        n++;
    return n;
}

size_t words_tail(const unsigned char *text, size_t len)
{
    size_t n = 0;
    while (n < len && words_byte(text[len - 1 - n]))
        n++;
    return n;
}
