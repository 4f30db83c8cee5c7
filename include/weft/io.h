/* weft/io.h: waiting for descriptors, and calls that block.
 *
 *     e = weft_ready(fd, WEFT_READABLE, weft_in_s(5));   // parks the task; WEFT_LATE after 5 s
 *     e = weft_blocking(w, load, &job);                  // load(&job) on a thread; the task parks
 *
 * A worker must not block in the operating system: everything that runs there would wait with it.
 * Readiness of pipes, sockets and the like is waited for here; whatever really blocks (files,
 * names, other libraries) runs on the threads place while the task that wants it is parked.
 */
#ifndef WEFT_IO_H
#define WEFT_IO_H

#include "weft/err.h"
#include "weft/file.h"
#include "weft/rt.h"
#include "weft/task.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_readiness { WEFT_READABLE = 1, WEFT_WRITABLE = 2 } weft_readiness;

/* Wait until `fd` can be read or written without blocking, or has hung up or failed (then the next
 * call on it says so). At most one caller may wait for each direction of a descriptor.
 * Returns WEFT_OK, WEFT_LATE, WEFT_CANCELLED, WEFT_INVALID (not a descriptor that can be waited
 * for, or somebody waits already) or WEFT_NOMEM.   Owns: `fd` stays the caller's; it must not be
 * closed during the wait.   Caller: a task or a thread; a thread outside weft polls by itself.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_ready(int fd, weft_readiness what, weft_deadline by);

/* Run fn(arg) on the threads place of `w` and wait for it. The call, once begun, is waited for
 * whatever happens: `arg` may live on the caller's stack.
 * Returns what fn returned, WEFT_CANCELLED if the caller was cancelled before it began, or
 * WEFT_NOMEM.   Owns: nothing.   Caller: anyone; a thread runs fn itself.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_blocking(weft *w, weft_fn fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
