/* team/vigil.h: a link between processes of a job whose launcher knows who died before the link can.
 *
 * Wraps the link of another backend: frames pass through, and the states in the job's segment are
 * watched beside it. A peer is reported gone once, by whichever notices first; what the segment says
 * waits until the link underneath has been quiet for a moment, so that the last frames come first. */
#ifndef WEFT_TEAM_VIGIL_H
#define WEFT_TEAM_VIGIL_H

#include "link/link.h"
#include "link/seg.h"

/* Open `inner` with args (args->seg is what is watched) and watch over it. Its slots are those of
 * weft__link_vigil. Errors as of inner->open. */
weft_err weft__vigil_open(weft__link **l, const weft__link_ops *inner, const weft__link_args *args);

extern const weft__link_ops weft__link_vigil;

#endif
