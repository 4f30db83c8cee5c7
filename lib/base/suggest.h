/* base/suggest.h: the name that was probably meant. */
#ifndef WEFT_BASE_SUGGEST_H
#define WEFT_BASE_SUGGEST_H

/* The one of `names`, `count` of them, that is nearest to `typed` by edit distance (Wagner and
 * Fischer, with swapped neighbours as one step), or NULL if none is near. */
const char *weft__suggest(const char *typed, const char *const *names, int count);

#endif
