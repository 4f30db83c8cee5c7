/* Items of tests of shared queues: each says who put it and which one it is, so that after a run every one
 * that was accepted can be looked for. */
#ifndef TESTS_SHARE_ITEMS_H
#define TESTS_SHARE_ITEMS_H

#include "team/harness.h"

enum { LONG_S = 30, ITEMS_MAX = 4000 };

/* What an item of a test says. Behind it `len` bytes that follow from it. */
typedef struct stamp {
    uint32_t producer, number, len;
} stamp;

/* accepted: put returned OK. seen: how often it was got. */
static WEFT_ATOMIC(uint32_t) accepted[CREW_MAX][ITEMS_MAX], seen[CREW_MAX][ITEMS_MAX];

static inline void forget_all(void)
{
    memset(accepted, 0, sizeof accepted);
    memset(seen, 0, sizeof seen);
}

static inline uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static inline size_t write_item(uint8_t *buf, uint32_t producer, uint32_t number, uint32_t len)
{
    stamp s = {producer, number, len};
    memcpy(buf, &s, sizeof s);
    memset(buf + sizeof s, (int)(producer * 7 + number), len);
    return sizeof s + len;
}

/* Returns whether it is whole; marks it as seen. */
static inline bool read_item(const uint8_t *buf, size_t len, stamp *s)
{
    if (len < sizeof *s)
        return false;
    memcpy(s, buf, sizeof *s);
    if (s->producer >= CREW_MAX || s->number >= ITEMS_MAX || len != sizeof *s + s->len)
        return false;
    for (size_t i = 0; i < s->len; i++)
        if (buf[sizeof *s + i] != (uint8_t)(s->producer * 7 + s->number))
            return false;
    weft_atomic_fetch_add(&seen[s->producer][s->number], 1, WEFT_RELAXED);
    return true;
}

/* What was accepted was seen once, and nothing else. */
static inline void assert_exactly_once(void)
{
    for (uint32_t p = 0; p < CREW_MAX; p++)
        for (uint32_t i = 0; i < ITEMS_MAX; i++)
            if (accepted[p][i].v != seen[p][i].v)
                fail_msg("item %u of rank %u: accepted %u times, seen %u times", i, p,
                         accepted[p][i].v, seen[p][i].v);
}

static inline void assert_all(crew *c, weft_err e)
{
    for (int i = 0; i < c->size; i++)
        if (c->m[i].err != e)
            fail_msg("rank %d: %s: %s", i, weft_strerror(c->m[i].err), c->m[i].detail);
}

#endif
