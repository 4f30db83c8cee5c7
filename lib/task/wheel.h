/* task/wheel.h: the levels and slots of a wheel: in which slot a timer lies, which slots have any, and which
 * comes first. C1, C2 and C4 of timer.c. With the wheel's guard held.
 */
#ifndef WEFT_TASK_WHEEL_H
#define WEFT_TASK_WHEEL_H

#include "task/timer.h"

enum { WEFT__WHEEL_NONE = WEFT__TIMER_SLOTS }; /* no slot */

/* A slot of each level is so many bits of nanoseconds long: 1 ns, 64 ns, 4 us, 262 us, 2 s, 68 s, ... */
enum { WEFT__WHEEL_WIDE = 18, WEFT__WHEEL_FAR = WEFT__WHEEL_WIDE + WEFT__TIMER_WIDE - 1 };
static const uint8_t weft__wheel_shift[WEFT__TIMER_LEVELS] = {
    0,
    6,
    12,
    WEFT__WHEEL_WIDE,
    WEFT__WHEEL_FAR,
    WEFT__WHEEL_FAR + 5,
    WEFT__WHEEL_FAR + 10,
    WEFT__WHEEL_FAR + 15,
    WEFT__WHEEL_FAR + 20,
    WEFT__WHEEL_FAR + 25,
    WEFT__WHEEL_FAR + 30,
};

static inline unsigned weft__wheel_fan(unsigned level)
{
    return level == WEFT__TIMER_FINE ? WEFT__TIMER_WIDTH : WEFT__TIMER_FAN;
}

/* The number of the first slot of `level`. */
static inline unsigned weft__wheel_base(unsigned level)
{
    return level == WEFT__TIMER_FINE  ? 0
           : level < WEFT__TIMER_FINE ? WEFT__TIMER_WIDTH + level * WEFT__TIMER_FAN
                                      : WEFT__TIMER_WIDTH + (level - 1) * WEFT__TIMER_FAN;
}

static inline unsigned weft__wheel_level(unsigned slot)
{
    if (slot < WEFT__TIMER_WIDTH)
        return WEFT__TIMER_FINE;
    unsigned i = (slot - WEFT__TIMER_WIDTH) / WEFT__TIMER_FAN;
    return i < WEFT__TIMER_FINE ? i : i + 1;
}

/* Whether `at` is less than a turn of `level` ahead of the clock. */
static inline bool weft__wheel_in_turn(int64_t clock, int64_t at, unsigned level)
{
    uint64_t ahead =
        ((uint64_t)at >> weft__wheel_shift[level]) - ((uint64_t)clock >> weft__wheel_shift[level]);
    return ahead < weft__wheel_fan(level);
}

/* C1, C4 */
static inline unsigned weft__wheel_slot_for(int64_t clock, int64_t at)
{
    if (at < clock)
        return WEFT__TIMER_LATE;
    unsigned level = weft__wheel_in_turn(clock, at, WEFT__TIMER_FINE) ? 0 : WEFT__TIMER_FINE + 1;
    while (!weft__wheel_in_turn(clock, at, level))
        level++;
    return weft__wheel_base(level) +
           (unsigned)((uint64_t)at >> weft__wheel_shift[level]) % weft__wheel_fan(level);
}

static inline uint64_t weft__wheel_bit(unsigned i)
{
    return (uint64_t)1 << (i % 64);
}

static inline bool weft__wheel_has(const weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE)
        return ts->late;
    if (slot < WEFT__TIMER_WIDTH)
        return ts->wide[slot / 64] & weft__wheel_bit(slot);
    return ts->taken[weft__wheel_level(slot)] & weft__wheel_bit(slot);
}

static inline void weft__wheel_mark(weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE) {
        ts->late = true;
        return;
    }
    ts->levels |= 1u << weft__wheel_level(slot);
    if (slot < WEFT__TIMER_WIDTH) {
        ts->wide[slot / 64] |= weft__wheel_bit(slot);
        ts->sums[slot / 64 / 64] |= weft__wheel_bit(slot / 64);
    } else {
        ts->taken[weft__wheel_level(slot)] |= weft__wheel_bit(slot);
    }
}

static inline void weft__wheel_unmark_wide(weft__timers *ts, unsigned slot)
{
    uint64_t any = 0;
    ts->wide[slot / 64] &= ~weft__wheel_bit(slot);
    if (ts->wide[slot / 64] != 0)
        return;
    ts->sums[slot / 64 / 64] &= ~weft__wheel_bit(slot / 64);
    for (unsigned i = 0; i < WEFT__TIMER_SUMS; i++)
        any |= ts->sums[i];
    if (any == 0)
        ts->levels &= ~(1u << WEFT__TIMER_FINE);
}

static inline void weft__wheel_unmark(weft__timers *ts, unsigned slot)
{
    if (slot == WEFT__TIMER_LATE) {
        ts->late = false;
        return;
    }
    if (slot < WEFT__TIMER_WIDTH) {
        weft__wheel_unmark_wide(ts, slot);
        return;
    }
    unsigned level = weft__wheel_level(slot);
    ts->taken[level] &= ~weft__wheel_bit(slot);
    if (ts->taken[level] == 0)
        ts->levels &= ~(1u << level);
}

/* The first bit of `words` that is set, from number `from` on; 64 * `n`: none. */
static inline unsigned weft__wheel_next_bit(const uint64_t *words, unsigned n, unsigned from)
{
    for (unsigned i = from / 64; i < n; i++) {
        uint64_t left = i == from / 64 ? words[i] >> (from % 64) << (from % 64) : words[i];
        if (left != 0)
            return i * 64 + (unsigned)__builtin_ctzll(left);
    }
    return n * 64;
}

/* The first slot of `level`, which has one, counted from the clock's: C1. */
static inline unsigned weft__wheel_first_of(const weft__timers *ts, unsigned level)
{
    unsigned now =
        (unsigned)((uint64_t)ts->clock >> weft__wheel_shift[level]) % weft__wheel_fan(level);
    if (level != WEFT__TIMER_FINE) {
        uint64_t turned = ts->taken[level] >> now | ts->taken[level] << (63 - now) << 1;
        return weft__wheel_base(level) + (now + (unsigned)__builtin_ctzll(turned)) % 64;
    }
    unsigned here = weft__wheel_next_bit(&ts->wide[now / 64], 1, now % 64);
    if (here < 64)
        return now / 64 * 64 + here;
    unsigned word = weft__wheel_next_bit(ts->sums, WEFT__TIMER_SUMS, now / 64 + 1);
    if (word == WEFT__TIMER_SUMS * 64)
        word = weft__wheel_next_bit(ts->sums, WEFT__TIMER_SUMS, 0);
    return word * 64 + (unsigned)__builtin_ctzll(ts->wide[word]);
}

/* The slot that has the earliest, or WEFT__WHEEL_NONE; of several the highest, in which it may be hidden: C2. */
static inline unsigned weft__wheel_first(const weft__timers *ts)
{
    unsigned first = WEFT__WHEEL_NONE;
    if (ts->late)
        return WEFT__TIMER_LATE;
    for (uint32_t left = ts->levels; left != 0; left &= left - 1) {
        unsigned slot = weft__wheel_first_of(ts, (unsigned)__builtin_ctz(left));
        if (first == WEFT__WHEEL_NONE || ts->slot[slot].from <= ts->slot[first].from)
            first = slot;
    }
    return first;
}

#endif
