/* team/team.h: the team as the layers above see it. */
#ifndef WEFT_TEAM_TEAM_H
#define WEFT_TEAM_TEAM_H

#include "link/mail.h"
#include "weft/team.h"

/* Make the team of a job: `mail` is NULL for a job of one. Registers the handlers of TEAM letters. */
weft_err weft__team_create(weft_team **t, weft *rt, int rank, int size, weft__mail *mail,
                           weft__log *log);
void weft__team_destroy(weft_team **t);

weft *weft__team_rt(const weft_team *t);
weft__mail *weft__team_mail(const weft_team *t);
weft__log *weft__team_log(const weft_team *t);
/* Slot for the layer above (share/): its registry of queues. */
void **weft__team_share(weft_team *t);

#endif
