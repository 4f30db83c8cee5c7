/* The guard, the lock inside of all primitives: one at a time sees what the last one wrote, nobody sleeps
 * while it is free, and who held it last frees it, which nobody else touches any more. The latch, inside of a
 * wheel of timers: the same, but that nobody sleeps. The other models take this for granted: instead/port/. */
#include <string.h>

#include "model/checker.h"
#include "model/port.h"
#include "port/guard.h"
#include "port/latch.h"

static weft__guard guard;
static weft__latch latch;
static model_plain inside;
static int left, rounds;

static void begin(int threads)
{
    model_port_reset();
    memset(&guard, 0, sizeof guard);
    memset(&latch, 0, sizeof latch);
    model_write(&inside, 0);
    left = threads;
}

static void two(void)
{
    begin(2);
    rounds = 1;
}

static void two_again(void)
{
    begin(2);
    rounds = 2;
}

static void three(void)
{
    begin(3);
    rounds = 2;
}

static void change(void)
{
    model_write(&inside, model_read(&inside) + 1);
}

static void usual(int i)
{
    (void)i;
    for (int n = 0; n < rounds; n++) {
        weft__guard_take(&guard);
        change();
        weft__guard_drop(&guard);
    }
}

static void is_free(void)
{
    require(weft_atomic_load(&guard, WEFT_RELAXED) == 0);
}

/* Who finds itself to be the last has held it after all others. */
static void frees(int i)
{
    bool last = false;
    (void)i;
    for (int n = 0; n < rounds; n++) {
        weft__guard_take(&guard);
        change();
        last = n + 1 == rounds && --left == 0;
        weft__guard_drop(&guard);
    }
    if (last)
        model_gone(&guard, sizeof guard);
}

static void latched(int i)
{
    (void)i;
    for (int n = 0; n < rounds; n++) {
        weft__latch_take(&latch);
        change();
        weft__latch_drop(&latch);
    }
}

static void latched_frees(int i)
{
    bool last = false;
    (void)i;
    for (int n = 0; n < rounds; n++) {
        weft__latch_take(&latch);
        change();
        last = n + 1 == rounds && --left == 0;
        weft__latch_drop(&latch);
    }
    if (last)
        model_gone(&latch, sizeof latch);
}

const model models[] = {{"guard.two", 2, two, usual, is_free},
                        {"guard.again", 2, two_again, usual, is_free},
                        {"guard.frees", 2, two_again, frees, NULL},
                        {"guard.latch", 2, two_again, latched, NULL},
                        {"guard.latch-frees", 2, two_again, latched_frees, NULL},
                        {"guard.three", 3, three, usual, is_free},
                        {"guard.three-free", 3, three, frees, NULL},
                        {"guard.three-latch", 3, three, latched, NULL},
                        {NULL, 0, NULL, NULL, NULL}};
