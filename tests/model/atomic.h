/* model/atomic.h: what stands behind the names of weft/atomic.h in a model: each access asks the checker,
 * which may run another thread first, and answers a load with any value that the memory model allows.
 *
 * A cell is made known to the checker by its first access. What it was initialised with, by whatever
 * plain store, is then visible to everybody: a model does not see a race with an initialisation.
 */
#ifndef WEFT_MODEL_ATOMIC_H
#define WEFT_MODEL_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_RELAXED, WEFT_ACQUIRE, WEFT_RELEASE, WEFT_ACQ_REL, WEFT_SEQ_CST };

/* By which the checker finds what it knows of a value; nothing, if `execution` is not the current one. */
typedef struct model_cell {
    uint32_t execution, index;
} model_cell;

/* One access: to what, and where it stands in the source. */
typedef struct model_access {
    void *value;
    model_cell *cell;
    unsigned size;
    unsigned line;
    const char *file;
} model_access;

#define WEFT_ATOMIC(T)                                                                             \
    struct {                                                                                       \
        T v;                                                                                       \
        model_cell cell;                                                                           \
    }
#define WEFT_ATOMIC_INIT(x)                                                                        \
    {                                                                                              \
        (x),                                                                                       \
        {                                                                                          \
            0, 0                                                                                   \
        }                                                                                          \
    }

typedef enum model_op { MODEL_EXCHANGE, MODEL_ADD, MODEL_SUB, MODEL_OR, MODEL_AND } model_op;

uint64_t model_load(model_access a, int order);
void model_store(model_access a, uint64_t x, int order);
uint64_t model_modify(model_access a, model_op op, uint64_t x, int order);
bool model_cas(model_access a, void *expect, uint64_t x, int ok, int no);
void model_fence(void);
void model_yield(void);

#define MODEL_AT(a)                                                                                \
    ((model_access){(void *)(uintptr_t) & (a)->v, (model_cell *)(uintptr_t) & (a)->cell,           \
                    sizeof((a)->v), __LINE__, __FILE__})
#define MODEL_AS(a, x) ((__typeof__((a)->v))(x))
#define MODEL_WORD(x)  ((uint64_t)(uintptr_t)(x))
#define MODEL_MODIFY(a, op, x, order)                                                              \
    MODEL_AS(a, model_modify(MODEL_AT(a), op, MODEL_WORD(x), order))

#define weft_atomic_load(a, order)         MODEL_AS(a, model_load(MODEL_AT(a), order))
#define weft_atomic_store(a, x, order)     model_store(MODEL_AT(a), MODEL_WORD(x), order)
#define weft_atomic_exchange(a, x, order)  MODEL_MODIFY(a, MODEL_EXCHANGE, x, order)
#define weft_atomic_fetch_add(a, x, order) MODEL_MODIFY(a, MODEL_ADD, x, order)
#define weft_atomic_fetch_sub(a, x, order) MODEL_MODIFY(a, MODEL_SUB, x, order)
#define weft_atomic_fetch_or(a, x, order)  MODEL_MODIFY(a, MODEL_OR, x, order)
#define weft_atomic_fetch_and(a, x, order) MODEL_MODIFY(a, MODEL_AND, x, order)
#define weft_atomic_cas(a, expect, x, ok, no)                                                      \
    model_cas(MODEL_AT(a), (expect), MODEL_WORD(x), ok, no)
#define weft_atomic_fence() model_fence()

/* weft__cpu_relax: a thread that spins lets the others run. */
#define __builtin_ia32_pause() model_yield()

#ifdef __cplusplus
}
#endif

#endif
