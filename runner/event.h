/* event.h: what the keys of the launcher's poller stand for. */
#ifndef WEFT_RUNNER_EVENT_H
#define WEFT_RUNNER_EVENT_H

#include <stdint.h>

typedef enum weft__event_kind {
    WEFT__EVENT_SIGNAL,
    WEFT__EVENT_RANK,   /* index: the rank whose process ended */
    WEFT__EVENT_STREAM, /* index: the stream that has something to read */
    WEFT__EVENT_SINK,   /* index: the sink that has room */
    WEFT__EVENT_TYPED,  /* the terminal has something to read */
    WEFT__EVENT_FEED    /* the pipe to rank 0 has room */
} weft__event_kind;

static inline uint64_t weft__event_key(weft__event_kind kind, int index)
{
    return (uint64_t)kind << 32 | (uint32_t)index;
}

static inline weft__event_kind weft__event_kind_of(uint64_t key)
{
    return (weft__event_kind)(key >> 32);
}

static inline int weft__event_index(uint64_t key)
{
    return (int)(uint32_t)key;
}

#endif
