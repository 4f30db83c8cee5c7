#include "pack.h"

#include <string.h>

#include "pages.h"

enum {
    HEAD = 2 * sizeof(uint64_t),
    SHORTEST = 3 /* the shortest packed word: a length, a byte, a count */
};

static size_t number_size(uint64_t x)
{
    size_t n = 1;
    while ((x >>= 7) > 0)
        n++;
    return n;
}

static unsigned char *put_number(unsigned char *to, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        *to++ = (unsigned char)(x | 0x80);
    *to++ = (unsigned char)x;
    return to;
}

unsigned char *pack_table(const table *t, size_t *len)
{
    size_t size = HEAD;
    for (table_at at = {0}; table_next(t, &at);)
        size += number_size(at.len) + at.len + number_size(at.count);
    unsigned char *data = pages_get(size), *to = data;
    if (data == NULL)
        return NULL;
    const uint64_t head[2] = {t->used, t->long_used};
    memcpy(to, head, HEAD);
    to += HEAD;
    for (table_at at = {0}; table_next(t, &at);) {
        to = put_number(to, at.len);
        memcpy(to, at.text, at.len);
        to = put_number(to + at.len, at.count);
    }
    *len = size;
    return data;
}

void pack_free(unsigned char *data, size_t len)
{
    pages_free(data, len);
}

static bool get_number(const unsigned char **from, const unsigned char *end, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; shift < 64 && *from < end; shift += 7) {
        uint64_t byte = *(*from)++;
        *x |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool pack_merge(table *t, const unsigned char *data, size_t len)
{
    const unsigned char *from = data + HEAD, *end = data + len;
    uint64_t head[2], size, count;
    if (len < HEAD)
        return false;
    memcpy(head, data, HEAD);
    if (head[0] > len / SHORTEST || head[1] > len / SHORTEST)
        return false;
    table_reserve(t, (size_t)head[0]);
    for (uint64_t left = head[0] + head[1]; left > 0; left--) {
        if (!get_number(&from, end, &size) || size == 0 || size > (size_t)(end - from))
            return false;
        const unsigned char *text = from;
        from += size;
        if (!get_number(&from, end, &count) || memchr(text, 0, size) != NULL)
            return false;
        unsigned char last[TABLE_SHORT] = {0};
        if (size <= TABLE_SHORT && end - text < TABLE_SHORT)
            text = memcpy(last, text, size);
        table_add(t, text, (size_t)size, count);
    }
    return from == end;
}
