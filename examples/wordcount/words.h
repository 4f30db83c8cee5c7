/* words.h: what a word is, and counting the words of a text.
 *
 * A word is a maximal run of ASCII letters and bytes of 0x80 or more; everything else, the zero byte
 * too, parts words. ASCII letters are counted in lower case. Bytes of 0x80 or more are taken as they
 * are, so words of UTF-8 text, and those of other encodings, stay whole.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* Bytes behind a text that words_count may overwrite, so that it can work in whole blocks. */
enum { WORDS_SLACK = 64 + TABLE_SHORT };

static inline bool words_byte(unsigned char c)
{
    return c >= 0x80 || (unsigned char)((c | 0x20) - 'a') < 26;
}

/* Count the words of `len` bytes into `t`. The text is changed to lower case in place, and there are
 * WORDS_SLACK bytes of the caller's behind it. */
void words_count(table *t, unsigned char *text, size_t len);

/* How many bytes at the start of the text belong to a word. */
size_t words_head(const unsigned char *text, size_t len);

/* How many bytes at the end of the text belong to a word. */
size_t words_tail(const unsigned char *text, size_t len);

#endif
