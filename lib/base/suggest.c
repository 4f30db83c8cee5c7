#include "base/suggest.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST = 40 }; /* nothing longer is a misspelt name */

static int least(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many single letters must be put in, taken out, replaced or swapped. */
static int distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 1];
    int la = (int)strlen(a), lb = (int)strlen(b);
    for (int j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *now = rows[i % 3], *one = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= lb; j++) {
            now[j] = least(one[j] + 1, now[j - 1] + 1, one[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two[j - 2] + 1, LONGEST);
        }
    }
    return rows[la % 3][lb];
}

const char *weft__suggest(const char *typed, const char *const *names, int count)
{
    const char *best = NULL;
    size_t len = strlen(typed);
    if (len == 0 || len > LONGEST)
        return NULL;
    /* A third of the letters may be wrong; of a short name one. */
    int nearest = len < 6 ? 2 : (int)len / 3 + 1;
    for (int i = 0; i < count; i++) {
        if (strlen(names[i]) > LONGEST)
            continue;
        int d = distance(typed, names[i]);
        if (d < nearest && d < (int)strlen(names[i])) {
            nearest = d;
            best = names[i];
        }
    }
    return best;
}
