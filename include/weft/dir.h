/* weft/dir.h: what is in a directory, one entry after the other.
 *
 *     weft_dir *d;
 *     weft_dir_entry x;
 *     e = weft_dir_open(w, &d, "/etc");
 *     while ((e = weft_dir_next(d, &x)) == WEFT_OK)
 *         printf("%s%s\n", x.name, x.kind == WEFT_DIR_DIR ? "/" : "");
 *     weft_dir_close(&d);                                  // e is WEFT_CLOSED: that was all
 *
 * Entries come in the order of the file system, without "." and "..". They are read in batches, on the
 * threads place, so that a directory of any size takes the same memory. What comes or goes meanwhile may
 * be seen or not.
 */
#ifndef WEFT_DIR_H
#define WEFT_DIR_H

#include "weft/err.h"
#include "weft/rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A directory that is being read. */
typedef struct weft_dir weft_dir;

typedef enum weft_dir_kind {
    WEFT_DIR_OTHER, /* a socket, a pipe, a device; or gone before it could be told */
    WEFT_DIR_FILE,
    WEFT_DIR_DIR,
    WEFT_DIR_LINK /* a symbolic link, whatever it leads to */
} weft_dir_kind;

typedef struct weft_dir_entry {
    const char *name; /* within the directory; valid until the next call */
    weft_dir_kind kind;
} weft_dir_entry;

/* Open the directory at `path`.
 * Returns WEFT_OK, WEFT_MISSING (there is none; it is no directory), WEFT_DENIED, WEFT_NOMEM (memory,
 * descriptors), WEFT_CANCELLED or WEFT_SYS.   Owns: the caller owns *d until weft_dir_close.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_dir_open(weft *w, weft_dir **d, const char *path);

/* The next entry. A call that has begun is waited for.
 * Returns WEFT_OK, WEFT_CLOSED (that was all), WEFT_NOMEM, WEFT_CANCELLED (the entry comes again) or
 * WEFT_SYS.   Owns: x->name is the directory's.   Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_dir_next(weft_dir *d, weft_dir_entry *x);

/* Close it and set *d to NULL; does nothing if *d is NULL.
 * Returns nothing.   Owns: takes the directory.   Caller: anyone.   Switches: no. */
WEFT_API void weft_dir_close(weft_dir **d);

#ifdef __cplusplus
}
#endif
#endif
