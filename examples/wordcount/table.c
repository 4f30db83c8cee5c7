#include "table.h"

#include <stdlib.h>

#include "pages.h"

/* A table starts small and soon becomes as big as a huge page; from there on it doubles. */
enum { FIRST_SIZE = 1024, NEXT_SIZE = 64 * 1024, CHUNK = 64 * 1024 };

struct table_chunk {
    struct table_chunk *next;
    size_t used, size;
    unsigned char bytes[];
};

/* The slot of `key`, or the free one where it belongs. There is always a free one. */
static table_slot *slot_of(const table *t, const uint64_t key[2])
{
    size_t i = table_hash(key) >> t->shift;
    for (;; i = (i + 1) & (t->size - 1)) {
        table_slot *s = &t->slots[i];
        if (s->key[0] == 0 || (s->key[0] == key[0] && s->key[1] == key[1]))
            return s;
    }
}

/* Take `size` slots instead. False, and nothing has changed, if memory ran out. */
static bool resize(table *t, size_t size)
{
    table old = *t;
    t->slots = pages_get(size * sizeof *t->slots);
    if (t->slots == NULL) {
        t->slots = old.slots;
        return false;
    }
    t->size = size;
    t->shift = 64 - __builtin_ctzll(size);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].key[0] != 0)
            *slot_of(t, old.slots[i].key) = old.slots[i];
    pages_free(old.slots, old.size * sizeof *old.slots);
    return true;
}

/* Make room for one more word: at most half of the slots are taken. If memory runs out the old slots
 * go on filling, as long as one stays free. */
static bool grow(table *t)
{
    if (t->used * 2 < t->size)
        return true;
    size_t size = t->size == 0 ? FIRST_SIZE : t->size < NEXT_SIZE ? NEXT_SIZE : t->size * 2;
    return resize(t, size) || t->used + 1 < t->size;
}

void table_reserve(table *t, size_t more)
{
    size_t size = t->size > 0 ? t->size : FIRST_SIZE;
    while (size / 4 * 3 < t->used + more)
        size *= 2;
    if (size > t->size && !resize(t, size))
        t->failed = true;
}

/* The part of table_add that is not inline: the word is new or not at its first slot. */
void table_add_new(table *t, const uint64_t key[2], uint64_t count)
{
    table_slot *s = t->size > 0 ? slot_of(t, key) : NULL;
    if (s == NULL || s->key[0] == 0) {
        if (!grow(t)) {
            t->failed = true;
            return;
        }
        s = slot_of(t, key);
        s->key[0] = key[0];
        s->key[1] = key[1];
        t->used++;
    }
    s->count += count;
}

static uint64_t hash_long(const unsigned char *text, size_t len)
{
    uint64_t h = len, x;
    for (; len >= sizeof x; text += sizeof x, len -= sizeof x) {
        memcpy(&x, text, sizeof x);
        h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    x = 0;
    memcpy(&x, text, len);
    h = (h ^ x) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static table_long_slot *long_slot_of(const table *t, uint64_t hash, const unsigned char *text,
                                     size_t len)
{
    for (size_t i = hash & (t->long_size - 1);; i = (i + 1) & (t->long_size - 1)) {
        table_long_slot *s = &t->longs[i];
        if (s->text == NULL ||
            (s->hash == hash && s->len == len && memcmp(s->text, text, len) == 0))
            return s;
    }
}

static bool grow_longs(table *t)
{
    if (t->long_used * 2 < t->long_size)
        return true;
    size_t size = t->long_size > 0 ? t->long_size * 2 : FIRST_SIZE / 8;
    table_long_slot *longs = calloc(size, sizeof *longs);
    if (longs == NULL)
        return t->long_used + 1 < t->long_size;
    for (size_t i = 0; i < t->long_size; i++) {
        if (t->longs[i].text == NULL)
            continue;
        size_t at = t->longs[i].hash & (size - 1);
        while (longs[at].text != NULL)
            at = (at + 1) & (size - 1);
        longs[at] = t->longs[i];
    }
    free(t->longs);
    t->longs = longs;
    t->long_size = size;
    return true;
}

/* A copy of the word in the table's memory, with room behind it for loads of 16 bytes. */
static const unsigned char *keep(table *t, const unsigned char *text, size_t len)
{
    struct table_chunk *c = t->chunks;
    if (c == NULL || c->size - c->used < len) {
        size_t size = len > CHUNK / 8 ? len : CHUNK;
        c = malloc(sizeof *c + size + TABLE_SHORT);
        if (c == NULL)
            return NULL;
        c->used = 0;
        c->size = size;
        /* A chunk made for one big word is full: the one in use stays in front of it. */
        bool behind = size == len && t->chunks != NULL;
        c->next = behind ? t->chunks->next : t->chunks;
        *(behind ? &t->chunks->next : &t->chunks) = c;
    }
    unsigned char *copy = c->bytes + c->used;
    memcpy(copy, text, len);
    c->used += len;
    return copy;
}

/* The part of table_add for words that are not their own key. */
void table_add_long(table *t, const unsigned char *text, size_t len, uint64_t count)
{
    uint64_t hash = hash_long(text, len);
    table_long_slot *s = t->long_size > 0 ? long_slot_of(t, hash, text, len) : NULL;
    if (s == NULL || s->text == NULL) {
        const unsigned char *copy = grow_longs(t) ? keep(t, text, len) : NULL;
        if (copy == NULL) {
            t->failed = true;
            return;
        }
        s = long_slot_of(t, hash, text, len);
        *s = (table_long_slot){.text = copy, .len = len, .hash = hash};
        t->long_used++;
    }
    s->count += count;
}

void table_merge(table *t, const table *from)
{
    table_reserve(t, from->used);
    for (size_t i = 0; i < from->size; i++)
        if (from->slots[i].key[0] != 0)
            table_add_new(t, from->slots[i].key, from->slots[i].count);
    for (size_t i = 0; i < from->long_size; i++)
        if (from->longs[i].text != NULL)
            table_add_long(t, from->longs[i].text, from->longs[i].len, from->longs[i].count);
    t->failed |= from->failed;
}

/* The bytes in an integer that is padded with zeros. */
static size_t length(uint64_t x)
{
    return x == 0 ? 0 : 8 - (size_t)__builtin_clzll(x) / 8;
}

bool table_next(const table *t, table_at *at)
{
    for (; at->next < t->size; at->next++) {
        const table_slot *s = &t->slots[at->next];
        if (s->key[0] == 0)
            continue;
        at->text = (const unsigned char *)s->key;
        at->len = length(s->key[0]) + length(s->key[1]);
        at->count = s->count;
        at->next++;
        return true;
    }
    for (; at->next - t->size < t->long_size; at->next++) {
        const table_long_slot *s = &t->longs[at->next - t->size];
        if (s->text == NULL)
            continue;
        at->text = s->text;
        at->len = s->len;
        at->count = s->count;
        at->next++;
        return true;
    }
    return false;
}

void table_free(table *t)
{
    pages_free(t->slots, t->size * sizeof *t->slots);
    free(t->longs);
    for (struct table_chunk *c = t->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    *t = (table){0};
}
