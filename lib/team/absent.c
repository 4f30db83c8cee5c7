#include "team/absent.h"

#include <stdio.h>

enum { NAMED = 8 };

int weft__absent_list(char *buf, size_t cap, int size, bool (*absent)(void *ctx, int rank),
                      void *ctx)
{
    int named[NAMED], count = 0;
    for (int i = 0; i < size; i++)
        if (absent(ctx, i)) {
            if (count < NAMED)
                named[count] = i;
            count++;
        }
    size_t at = (size_t)snprintf(buf, cap, count == 1 ? "rank" : "ranks");
    for (int i = 0; i < count && i < NAMED && at < cap; i++)
        at += (size_t)snprintf(buf + at, cap - at, "%s %d", i > 0 ? "," : "", named[i]);
    if (count > NAMED && at < cap)
        snprintf(buf + at, cap - at, " and %d more", count - NAMED);
    return count;
}

static bool not_here(void *team, int rank)
{
    const weft_team *t = team;
    return t->here[rank] < t->begun;
}

weft_err weft__absent_fail(weft__round *r)
{
    char names[160];
    int count = weft__absent_list(names, sizeof names, r->team->size, not_here, r->team);
    if (count == 0)
        return weft__fail(WEFT_LATE,
                          "%s: all ranks came, but not all the word of it in time: give "
                          "it a later deadline",
                          r->name);
    return weft__fail(WEFT_LATE,
                      "%s: %s did not come within the deadline; %s may be computing or stuck",
                      r->name, names, count == 1 ? "it" : "they");
}
