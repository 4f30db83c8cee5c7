/* Victims of cancellations: a task in some wait, what it waits for, and how to tell that nothing was lost.
 *
 * A kind opens what its victim needs, runs as a task, has events arrive (from the test's own thread, while the
 * victim runs), and judges when it has ended: what was given and what was taken have to be the same once that
 * was taken that is still there. Whoever judges closes all. */
#ifndef WEFT_TESTS_LOOP_VICTIM_H
#define WEFT_TESTS_LOOP_VICTIM_H

#include "task/trial.h"
#include "weft/datagram.h"
#include "weft/dir.h"
#include "weft/file.h"
#include "weft/process.h"
#include "weft/signal.h"
#include "weft/stream.h"
#include "weft/timer.h"

enum { VICTIM_PEERS = 8 };

struct victim;

typedef struct victim_kind {
    const char *name;
    void (*open)(struct victim *v);
    weft_err (*call)(struct victim *v); /* one call, which waits; by the victim */
    void (*event)(struct victim *v);
    void (*judge)(struct victim *v);
} victim_kind;

struct victim {
    const victim_kind *kind;
    weft *w;
    int number;            /* among those of one round */
    uint64_t seed, chance; /* of the test's thread, and of the victim */
    int calls;             /* it makes so many, unless one fails */
    weft_err e;            /* of the last one; WEFT_CANCELLED if there was none */
    char fault[160];       /* what it found wrong */

    size_t given, taken; /* in the units of its kind */
    int sort, fd[2];
    bool cut;
    weft_stream *s[2], *peer[VICTIM_PEERS];
    weft_listener *l;
    weft_datagram *d[2];
    weft_process *p;
    weft_signals *signals;
    weft_ticker tick;
    int64_t first;
    weft_file *f;
    weft_dir *dir;
    char at[WEFT_ADDRESS_TEXT];
};

extern const victim_kind victims_of_streams[], victims_of_others[], victims_of_processes[];
/* How many those are. */
extern const size_t victims_of_streams_n, victims_of_others_n, victims_of_processes_n;

/* What they need for as long as the test runs. */
void victims_prepare(void);
void victims_clean(void);
void victims_open_full(void);
void victims_close_full(void);

/* How many descriptors this process has. */
int victim_descriptors(void);
/* And threads. */
int victim_threads(void);

/* The victim, as a task. */
weft_err victim_run(void *v);

/* What the victim says if something is wrong; the first word counts. */
#define VICTIM_FAULT(v, ...)                                                                       \
    do {                                                                                           \
        if (!(v)->fault[0])                                                                        \
            snprintf((v)->fault, sizeof(v)->fault, __VA_ARGS__);                                   \
    } while (0)

/* A number below `n`, by the test's thread; and by the victim. */
static inline size_t victim_pick(struct victim *v, size_t n)
{
    return (size_t)(test_random(&v->seed) % n);
}

static inline size_t victim_chance(struct victim *v, size_t n)
{
    return (size_t)(test_random(&v->chance) % n);
}

/* Byte `i` of all that is sent: each has its place, and some are marks. */
static inline char victim_byte(size_t i)
{
    return i % 7 == 6 ? '\n' : (char)('a' + i % 23);
}

static inline void victim_fill(char *buf, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        buf[i] = victim_byte(from + i);
}

static inline bool victim_right(const char *buf, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        if (buf[i] != victim_byte(from + i))
            return false;
    return true;
}

static inline void victim_ok(const struct victim *v, weft_err e)
{
    if (e != WEFT_OK)
        fail_msg("%s: %s: %s", v->kind->name, weft_strerror(e), weft_detail());
}

#endif
