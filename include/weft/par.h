/* weft/par.h: loops whose iterations run in parallel.
 *
 *     static weft_err scale(int64_t begin, int64_t end, void *arg)
 *     {
 *         double *x = arg;
 *         for (int64_t i = begin; i < end; i++)
 *             x[i] *= 2;
 *         return WEFT_OK;
 *     }
 *     e = weft_for(weft_pool(w), 0, n, 0, scale, x);
 *
 * The range is cut into chunks, and the body is called with one chunk at a time: [begin, end). Whoever
 * has nothing to do takes half of what somebody else has left, so uneven iterations are fine. With grain
 * 0 the length of the chunks follows from the time that they take; with another grain each chunk has
 * that many iterations, counted from the beginning, and only the last may have fewer.
 *
 * A body may wait. It must not wait for another iteration, which may not have begun; and it cannot
 * weft_move. After a body returned an error no further chunk begins, and that error is the loop's. A
 * cancellation of the caller reaches the bodies, and no further chunk begins.
 *
 * A loop at the pool uses all workers; the caller, if it is a task of the pool, is one of them. Elsewhere
 * it waits for a task that runs the loop at the place. At the loop place and at the threads place the
 * chunks run in order in one task: the caller, if it is at that place.
 */
#ifndef WEFT_PAR_H
#define WEFT_PAR_H

#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"
#include "weft/rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The iterations from `begin` to before `end`. Any error but WEFT_OK ends the loop. */
typedef weft_err (*weft_body)(int64_t begin, int64_t end, void *arg);

/* Call the body for each iteration from `begin` to before `end`; nothing if there is none. `grain`: how
 * many iterations a chunk has; 0: as time tells.
 * Returns WEFT_OK; the first error that a body returned, with its detail; WEFT_CANCELLED (the caller was,
 * and something was left out); WEFT_INVALID (a negative grain); or WEFT_NOMEM (a task at `place`).
 * Owns: `arg` stays the caller's.   Caller: anyone.   Switches: yes; no body runs when it returns. */
WEFT_API WEFT_CHECKED weft_err weft_for(weft_place *place, int64_t begin, int64_t end,
                                        int64_t grain, weft_body body, void *arg);

/* What a loop adds up. Accumulators are plain bytes, which the loop may move, at addresses as malloc
 * gives them; they own nothing, since they are dropped if the loop fails. */
typedef struct weft_reducer {
    size_t size;                            /* of an accumulator, in bytes */
    void (*identity)(void *acc, void *arg); /* make one that stands for no iteration */
    /* Add `from`, which stands for the iterations right after those of `into`. */
    void (*combine)(void *into, const void *from, void *arg);
} weft_reducer;

/* Add the iterations from `begin` to before `end` to `acc`, which stands for some right before them. */
typedef weft_err (*weft_fold)(int64_t begin, int64_t end, void *acc, void *arg);

/* As weft_for, and store what the iterations add up to at `result`. They are put together from left to
 * right, so combine need not be commutative; it has to be associative, and how they are grouped differs
 * from run to run, which sums of floating point numbers show in their last digits.
 * Returns what weft_for does, and WEFT_INVALID (a reducer without size or functions) or WEFT_NOMEM (no
 * memory for accumulators of more than 64 bytes); `result` is untouched then.
 * Owns: `result` and `arg` stay the caller's.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_reduce(weft_place *place, int64_t begin, int64_t end,
                                           int64_t grain, const weft_reducer *r, weft_fold fold,
                                           void *result, void *arg);

#ifdef __cplusplus
}
#endif
#endif
