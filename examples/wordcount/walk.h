/* walk.h: all files of some paths, directories gone through in depth.
 *
 *     walk w;
 *     walk_init(&w, paths, n, &out);
 *     while (walk_next(&w))
 *         fd = openat(w.dir, w.name, ...);
 *     walk_fini(&w);
 *
 * Regular files only. A symbolic link that is one of the paths is followed; those met in directories
 * are passed over. What is neither file, directory nor link is passed over with a note, which counts
 * as a failure only if it was one of the paths. Memory and descriptors go with the depth of the
 * directories, not with the number of files. These calls block: they belong on a thread.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "notes.h"

typedef struct walk {
    int dir;          /* the file that walk_next found: its directory, or AT_FDCWD */
    const char *name; /* its name there */
    char *path;       /* its name for messages */
    bool given;       /* it is one of the paths, not met in a directory */

    char *const *paths; /* the paths still to come */
    size_t left;
    struct walk_level *levels; /* the directories being read, outermost first */
    size_t depth, level_size;
    size_t path_size;
    notes *notes; /* NULL: say nothing */
} walk;

/* Start at the first of `n` paths, which stay the caller's. `out` may be NULL: say nothing. */
void walk_init(walk *w, char *const *paths, size_t n, notes *out);

/* Find the next file; false when there are no more. */
bool walk_next(walk *w);

/* Close what is open and free what is held. */
void walk_fini(walk *w);

/* What a file of this mode is called in a message, such as "a FIFO". */
const char *walk_kind(unsigned mode);

#endif
