#include "team/team.h"

#include <stdlib.h>

#include "team/round.h"

/* Until the first round there is nothing to tell them apart from what calloc gives. */
static weft_err make_lists(weft_team *t)
{
    size_t n = (size_t)t->size;
    t->gone = calloc(n, sizeof *t->gone);
    t->here = calloc(n, sizeof *t->here);
    t->asked = calloc(n, sizeof *t->asked);
    return t->gone && t->here && t->asked ? WEFT_OK : WEFT_NOMEM;
}

weft_err weft__team_create(weft_team **team, weft *rt, int rank, int size, weft__mail *mail,
                           weft__log *log)
{
    weft_team *t = calloc(1, sizeof *t);
    if (!t)
        return weft__fail(WEFT_NOMEM, "team: no memory for a team of %d", size);
    *t = (weft_team){.rt = rt, .rank = rank, .size = size, .mail = mail, .log = log};
    weft_lock_init(&t->turn, "team");
    weft__sync_init(&t->inbox, "team");
    weft__list_init(&t->letters);
    if (make_lists(t) != WEFT_OK) {
        weft__team_destroy(&t);
        return weft__fail(WEFT_NOMEM, "team: no memory for a team of %d", size);
    }
    if (mail)
        weft__mail_handle(mail, WEFT__MAIL_TEAM, weft__round_letter, weft__round_gone, t);
    *team = t;
    return WEFT_OK;
}

void weft__team_destroy(weft_team **team)
{
    weft_team *t = *team;
    *team = NULL;
    if (!t)
        return;
    for (weft__list *l; (l = weft__list_pop(&t->letters)) != NULL;)
        free(weft__of(l, weft__letter, node));
    free(t->gone);
    free(t->here);
    free(t->asked);
    free(t);
}

int weft_team_rank(const weft_team *t)
{
    return t->rank;
}

int weft_team_size(const weft_team *t)
{
    return t->size;
}

weft *weft__team_rt(const weft_team *t)
{
    return t->rt;
}

weft__mail *weft__team_mail(const weft_team *t)
{
    return t->mail;
}

weft__log *weft__team_log(const weft_team *t)
{
    return t->log;
}

void **weft__team_share(weft_team *t)
{
    return &t->share;
}
