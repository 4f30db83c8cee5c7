/* download.h: one URL, and what became of it. */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

typedef struct download {
    const char *url;
    bool begun, done; /* done: all of it came, and is kept */
    int status;       /* of the answer; 0: there was none */
    uint64_t bytes;   /* that came */
    double seconds;
    char file[4096]; /* where it is kept, or "" */
    char why[512];   /* it failed; "" if not */
} download;

/* Get it, by the deadline, and keep it in a new file in the directory `into`, or nowhere if that is NULL. `all`
 * counts bytes while they come. A file that is not whole is removed.
 * Returns nothing: d->done tells.   Caller: a task.   Switches: yes. */
void download_run(weft *w, download *d, const char *into, uint64_t *all, weft_deadline by);

#endif
