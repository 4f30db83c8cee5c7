/* The guard, the lock inside of all primitives: one at a time sees what the last one wrote, nobody sleeps
 * while it is free, and who held it last frees it, which nobody else touches any more. The other models take
 * this for granted: instead/port/guard.h. */
#include <string.h>

#include "model/checker.h"
#include "model/port.h"
#include "port/guard.h"

static weft__guard guard;
static model_plain inside;
static int left, rounds;

static void begin(int threads)
{
    model_port_reset();
    memset(&guard, 0, sizeof guard);
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

const model models[] = {
    {"guard.two", 2, two, usual, is_free},       {"guard.again", 2, two_again, usual, is_free},
    {"guard.frees", 2, two_again, frees, NULL},  {"guard.three", 3, three, usual, is_free},
    {"guard.three-free", 3, three, frees, NULL}, {NULL, 0, NULL, NULL, NULL}};
