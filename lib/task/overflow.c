/* A stack that overflowed: into its guard page, or into the canary below it. */
#include "port/err.h"
#include "task/worker.h"

static const char *name_on(const weft__stack *k)
{
    const weft__waiter *who = k->forks.here.me;
    return who ? who->name : "weft";
}

bool weft__stacks_explain(void *stacks, const void *at, char *line, size_t room)
{
    const weft__stack *k = weft__stacks_at(stacks, at);
    if (!k)
        return false;
    weft__fault_text(line, room, "weft: task ");
    weft__fault_text(line, room, name_on(k));
    weft__fault_text(line, room, " overflowed its stack of ");
    weft__fault_number(line, room, k->size);
    weft__fault_text(line, room,
                     k->large ? " bytes; raise weft_opts.large_stack_size\n"
                              : " bytes; raise weft_opts.stack_size or WEFT_STACK_KIB\n");
    return true;
}

bool weft__canary_is_whole(weft__stack *k)
{
    weft__stacks *s = &k->rt->stacks;
    /* Where memory was given back is nothing to be seen, and looking would commit it. */
    if (weft_atomic_load(&k->chunk->state[k->cell - 1], WEFT_RELAXED) != WEFT__CELL_LIVE ||
        weft_atomic_load(k->canary, WEFT_RELAXED) == weft__canary_value)
        return true;
    /* That stack may just have given its memory back. */
    weft__guard_take(&s->guard);
    bool live = weft_atomic_load(&k->chunk->state[k->cell - 1], WEFT_RELAXED) == WEFT__CELL_LIVE;
    bool whole = !live || weft_atomic_load(k->canary, WEFT_RELAXED) == weft__canary_value;
    weft__guard_drop(&s->guard);
    return whole;
}

void weft__stack_check_canary(weft__stack *k)
{
    if ((char *)__builtin_frame_address(0) >= k->low && weft__canary_is_whole(k))
        return;
    weft__misuse(name_on(k),
                 "overflowed its stack of %zu bytes into the memory of another task; raise "
                 "weft_opts.stack_size or WEFT_STACK_KIB (weft_opts.unguarded: there are no guard "
                 "pages)",
                 k->size);
}
