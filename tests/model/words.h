/* model/words.h: at which accesses other threads have a turn. Included by checker.cpp only. */
#ifndef WEFT_MODEL_WORDS_H
#define WEFT_MODEL_WORDS_H

#include <unistd.h>

#include "model/cells.h"
#include "model/order.h"

namespace
{

/* The words that matter: those that two threads touch in one execution, one of them writing. Only at an
 * access to such a word need other threads have a turn: all other accesses commute with theirs. Which
 * they are is learnt from executions. A search that goes through all of them starts again when it meets
 * a new one; so the words outlive the process that searches. */
struct learnt {
    enum { SLOTS = 1 << 16 };
    uintptr_t slot[SLOTS];

    bool find(uintptr_t at, bool add)
    {
        uint32_t i = (uint32_t)(at * 0x9e3779b97f4a7c15u >> 48);
        for (; slot[i]; i = (i + 1) % SLOTS)
            if (slot[i] == at)
                return true;
        if (add)
            slot[i] = at;
        return false;
    }
};
learnt *words;
enum { AGAIN = 77 }; /* how a process ends that met a new one */
/* Of this execution; for the next, since one that failed is repeated as it was. */
rl::vector<uintptr_t>::type lesson;
bool side_by_side, whole, reduced;
enum { STACK = 64 * 1024 }; /* as in Relacy */
uintptr_t stacks[THREADS];
/* Who has yielded since it last wrote: it spins. */
bool spins[THREADS];

/* The stacks of threads lie elsewhere when an execution is repeated. */
uintptr_t word_at(uintptr_t at)
{
    for (uintptr_t i = 0; i < THREADS; i++)
        if (at - stacks[i] < STACK)
            return (i + 1) * STACK + (at - stacks[i]);
    return at;
}

void learn(uintptr_t at)
{
    if (whole) {
        words->find(at, true);
        fflush(stdout);
        _exit(AGAIN);
    }
    lesson.push_back(at);
}

/* The calling thread touches `c`. Is that one of the words that matter? */
bool matters(cell &c, bool writes)
{
    if (!side_by_side)
        return false;
    c.threads |= (uint8_t)(1 << rl::thread_index());
    c.written |= writes;
    uintptr_t at = word_at(c.at);
    if (words->find(at, false))
        return true;
    if (c.written && (c.threads & (c.threads - 1)))
        learn(at);
    return false;
}

/* Others may have a turn before what the calling thread does next. */
void others(const step &next)
{
    next_step[rl::thread_index()] = next;
    rl::ctx().sched();
}

/* The cell of an access that the calling thread is about to make. Others have had their turn, in which they
 * may have freed it. */
cell &reach(const model_access &a, bool writes, const uint32_t *lock = nullptr)
{
    cell &c = cell_of_access(a);
    if (writes)
        spins[rl::thread_index()] = false;
    if (matters(c, writes))
        others({c.at, c.at + a.size, writes, lock});
    must_be_there(a.cell, here(a));
    return c;
}

} // namespace

#endif
