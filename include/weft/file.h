/* weft/file.h: files: reading and writing, one after the other or at an offset.
 *
 *     weft_file *f;
 *     e = weft_file_open_as(w, &f, "out", WEFT_FILE_WRITE | WEFT_FILE_CREATE | WEFT_FILE_TRUNCATE);
 *     e = weft_file_write(f, text, len);                       // all of it, or an error
 *     e = weft_file_read_at(g, page, sizeof page, 4096, &got); // g, open for reading: less at its end only
 *     e = weft_file_sync(f);                                   // it is on the disk now
 *     weft_file_close(&f);
 *
 * What the system has in memory is read at once. Everything else that may block runs on the threads place
 * while the task is parked. A call that has begun is waited for, however long the disk takes: the system
 * gives nothing back of what it was asked for. So no call has a deadline, and one that was cancelled before
 * it began has done nothing.
 *
 * A file has one position, at which weft_file_read and weft_file_write go on; one task at a time uses it.
 * weft_file_read_at and weft_file_write_at leave it alone: any number of tasks may be in them at once.
 * Pipes and terminals are better made streams of (weft_stream_adopt): a read of those can end late.
 *
 * Standard input may be anything. A stream of it, to read lines from by weft_read_until:
 *
 *     struct input {
 *         weft_file *from;
 *         weft_stream *to;
 *     };
 *
 *     static weft_err pour(void *arg)                  // a file goes through a pipe
 *     {
 *         struct input *i = arg;
 *         char buf[4096];
 *         size_t got = 1;
 *         weft_err e = WEFT_OK;
 *         while (e == WEFT_OK && got > 0) {
 *             e = weft_file_read(i->from, buf, sizeof buf, &got);
 *             if (e == WEFT_OK && got > 0)
 *                 e = weft_write(i->to, buf, got, WEFT_FOREVER);
 *         }
 *         weft_close(&i->to);
 *         weft_file_close(&i->from);
 *         return e == WEFT_CLOSED ? WEFT_OK : e;       // closed: the program has read enough
 *     }
 *
 *     static weft_err open_input(weft *w, weft_scope *s, struct input *i, weft_stream **in)
 *     {
 *         weft_err e = weft_stream_adopt(w, in, 0);
 *         if (e != WEFT_INVALID)
 *             return e;                                // a pipe, a terminal, a socket
 *         e = weft_file_adopt(w, &i->from, 0);
 *         if (e != WEFT_OK)
 *             return e;
 *         e = weft_pipe(w, in, &i->to);
 *         return e == WEFT_OK ? weft_go(s, pour, i) : e;
 *     }
 */
#ifndef WEFT_FILE_H
#define WEFT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"
#include "weft/rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An open file. */
typedef struct weft_file weft_file;

/* How to open a file; to be or-ed. */
enum {
    WEFT_FILE_READ = 1,
    WEFT_FILE_WRITE = 2,
    WEFT_FILE_CREATE = 4,    /* make it if it is missing, for everybody whom the umask lets */
    WEFT_FILE_EXCLUSIVE = 8, /* with CREATE: it must be missing, else WEFT_INUSE */
    WEFT_FILE_TRUNCATE = 16, /* forget what is in it */
    WEFT_FILE_APPEND = 32    /* every write goes to its end */
};

/* Open the file at `path` for reading.
 * Returns WEFT_OK, WEFT_MISSING, WEFT_DENIED, WEFT_INVALID (a directory), WEFT_NOMEM (memory, descriptors),
 * WEFT_CANCELLED or WEFT_SYS.   Owns: the caller owns *f until weft_file_close.   Caller: anyone.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_open(weft *w, weft_file **f, const char *path);

/* Open the file at `path`; `how` is READ, WRITE or both, and what may be added to WRITE.
 * Returns WEFT_OK, WEFT_MISSING, WEFT_DENIED, WEFT_INUSE (EXCLUSIVE, and it is there; a program that runs),
 * WEFT_FULL (no room to create it), WEFT_INVALID (a directory, or no such `how`), WEFT_NOMEM (memory,
 * descriptors), WEFT_CANCELLED or WEFT_SYS.   Owns: the caller owns *f until weft_file_close.
 * Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_open_as(weft *w, weft_file **f, const char *path,
                                                 unsigned how);

/* Make a file of `fd`, which is open and blocks: an ordinary file, a device, also a pipe or a terminal. What may
 * be done with it is what it was opened for. Unless it is 0, 1 or 2, it becomes closed on exec.
 * Returns WEFT_OK; WEFT_INVALID (it is not open, or is a directory, a socket, or non-blocking: make a stream of
 * that), WEFT_NOMEM or WEFT_SYS.   Owns: takes `fd` if it returns WEFT_OK.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_file_adopt(weft *w, weft_file **f, int fd);

/* Read up to `cap` bytes at the file's position. *got is 0 at the end only.
 * Returns WEFT_OK, WEFT_NOMEM, WEFT_CANCELLED (nothing was read), WEFT_INVALID (not open for reading) or
 * WEFT_SYS.   Owns: nothing.   Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_read(weft_file *f, void *buf, size_t cap, size_t *got);

/* Read `cap` bytes at offset `at`. *got is less only where the file ends.
 * Returns WEFT_OK, WEFT_NOMEM, WEFT_CANCELLED (nothing was read), WEFT_INVALID (not open for reading, or
 * it has no offsets) or WEFT_SYS.   Owns: nothing.   Caller: anyone, several at once.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_read_at(weft_file *f, void *buf, size_t cap, uint64_t at,
                                                 size_t *got);

/* Write all `len` bytes at the file's position, or at its end (WEFT_FILE_APPEND). After an error in the
 * middle the detail says how many were written, and the position is behind them.
 * Returns WEFT_OK, WEFT_FULL (the disk, a quota or a limit), WEFT_NOMEM, WEFT_CANCELLED (nothing was
 * written), WEFT_INVALID (not open for writing), WEFT_CLOSED (a pipe that nobody reads) or WEFT_SYS.
 * Owns: nothing.   Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_write(weft_file *f, const void *buf, size_t len);

/* Write all `len` bytes at offset `at`.
 * Returns as weft_file_write; WEFT_INVALID also for a file open to append.   Owns: nothing.
 * Caller: anyone, several at once.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_write_at(weft_file *f, const void *buf, size_t len,
                                                  uint64_t at);

/* How long the file is now.
 * Returns WEFT_OK, WEFT_NOMEM, WEFT_CANCELLED or WEFT_SYS.   Owns: nothing.   Caller: anyone.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_size(weft_file *f, uint64_t *size);

/* Wait until all that was written is on the disk. What the disk could not take is reported here, not by
 * the write or by weft_file_close.
 * Returns WEFT_OK, WEFT_FULL, WEFT_NOMEM, WEFT_CANCELLED, WEFT_INVALID (what has no disk) or WEFT_SYS.
 * Owns: nothing.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_file_sync(weft_file *f);

/* Close the file and set *f to NULL; does nothing if *f is NULL.
 * Returns nothing.   Owns: takes the file.   Caller: anyone, when nobody uses it any more.
 * Switches: yes, if it was open for writing; it is not cancelled. */
WEFT_API void weft_file_close(weft_file **f);

#ifdef __cplusplus
}
#endif
#endif
