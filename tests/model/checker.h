/* model/checker.h: what a model is, and what it may ask of the checker.
 *
 * A model is compiled as C, together with the files of lib/ that it checks. Relacy runs it over and over:
 * `before`, then `threads` threads side by side, each time in another order and with other values for
 * the loads, then `after`. An execution fails if a `require` does, if all threads sleep, if a thread runs
 * for ever, or if two threads touch a model_plain with nothing that orders them.
 *
 * Everything in a model starts each execution as before() leaves it; static atomics by themselves.
 */
#ifndef WEFT_MODEL_CHECKER_H
#define WEFT_MODEL_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct model {
    const char *name;
    int threads; /* 1 to 4 */
    void (*before)(void);
    void (*thread)(int i);
    void (*after)(void);
} model;

/* Every model program has one; ends with one without a name. */
extern const model models[];

/* Memory that is not atomic: two accesses, one of them a write, need an order. */
typedef struct model_plain {
    model_cell cell;
} model_plain;

#define model_write(p, x) model_plain_write(&(p)->cell, MODEL_WORD(x), __FILE__, __LINE__)
#define model_read(p)     model_plain_read(&(p)->cell, __FILE__, __LINE__)
void model_plain_write(model_cell *c, uint64_t x, const char *file, unsigned line);
uint64_t model_plain_read(model_cell *c, const char *file, unsigned line);

/* The execution is wrong unless `x`. */
#define require(x) model_require((x), #x, __FILE__, __LINE__)
void model_require(bool x, const char *what, const char *file, unsigned line);

/* No thread may touch what lies there any more: its owner has freed it. */
void model_gone(void *from, size_t size);

/* What is one for all threads at any time and orders nothing, such as the clock, is about to be read or
 * written. */
void model_touch(model_access a, bool writes);

/* The number of the calling thread. */
int model_thread(void);
/* One of 0 to n-1: each is tried. */
unsigned model_choose(unsigned n);

/* Sleep while the word, whose order is the system's own, is `seen`. False: it was `timed` and was late. */
bool model_sleep(model_access word, uint64_t seen, bool timed);
void model_wake(model_access word, int n);

/* Take the lock whose word that is, once it is free, and free it again: in a full search. False: nothing was
 * done, since in others it is to be a lock made of atomics. */
bool model_lock(model_access word);
bool model_unlock(model_access word);

#ifdef __cplusplus
}
#endif

#endif
