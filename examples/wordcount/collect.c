#include "collect.h"

#include <stdio.h>

#include "pack.h"

/* Add what rank `r` sent. A rank that failed sends nothing at all: an empty table has a head. */
static void add_part(table *t, const weft_part *part, int r, failure *f)
{
    if (f->error != WEFT_OK)
        return;
    if (part->len > 0 && pack_merge(t, part->data, part->len)) {
        if (t->failed)
            failure_memory(f, "merging");
        return;
    }
    f->error = part->len == 0 ? WEFT_LOST : WEFT_INVALID;
    snprintf(f->text, sizeof f->text, "rank %d: %s", r,
             part->len == 0 ? "it could not count its part" : "it sent no table of words");
}

void collect_words(weft *w, table *t, failure *f)
{
    size_t len = 0;
    unsigned char *data = NULL;
    weft_part *parts = NULL;
    if (weft_rank(w) != 0) {
        data = f->error == WEFT_OK ? pack_table(t, &len) : NULL;
        if (data == NULL)
            failure_memory(f, "sending the words");
        table_free(t);
    }
    weft_err e = weft_team_gather(weft_job(w), 0, data, len, &parts, WEFT_FOREVER);
    failure_set(f, "collecting the words", e);
    pack_free(data, len);
    if (e == WEFT_OK && weft_rank(w) == 0)
        for (int r = 1; r < weft_size(w); r++)
            add_part(t, &parts[r], r, f);
    weft_parts_free(&parts);
}
