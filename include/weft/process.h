/* weft/process.h: child processes.
 *
 *     weft_process *p;
 *     weft_process_end end;
 *     const char *argv[] = {"sort", "-u", NULL};
 *     e = weft_process_start(w, &p, &(weft_command){.argv = argv,
 *                                                   .in = {WEFT_STDIO_PIPE}, .out = {WEFT_STDIO_PIPE}});
 *     e = weft_write(weft_process_in(p), text, len, by);   // a task that writes, and one that reads
 *     weft_process_close_in(p);                            // the child reads the end
 *     e = weft_read(weft_process_out(p), buf, sizeof buf, &got, by);
 *     e = weft_process_wait(p, &end, by);                  // end.code, or end.signal
 *     weft_process_close(&p);                              // what still runs is killed
 *
 * A child starts with every signal at its default and none blocked, and with no descriptors but 0, 1 and 2,
 * whatever else this process has open. It stays in the process group and session of this process, so that an
 * interrupt from the terminal reaches it too. What the child itself starts is its own affair: a kill does not
 * reach it, and it may keep the pipes open; unless the child leads a process group of its own:
 *
 *     const char *line[] = {"sh", "-c", "tail -f log | grep fault", NULL};
 *     e = weft_process_start(w, &p, &(weft_command){.argv = line, .own_group = 1, .out = {WEFT_STDIO_PIPE}});
 *     e = weft_read(weft_process_out(p), buf, sizeof buf, &got, by);
 *     weft_process_close(&p);                              // the shell, tail and grep are killed
 *
 * Then a kill and a close reach all that the child started and that stayed in the group (a shell with job control
 * and a daemon put what they start elsewhere). An interrupt from the terminal reaches none of them, so the program
 * passes it on if it wants to; and one of them that reads from the terminal is stopped. A child that has ended stays
 * a zombie until weft_process_close, for its number is the group's name and may not become a stranger's.
 *
 * The program's own part: it must not ignore SIGCHLD, and must not wait for children of others (wait,
 * waitpid(-1)); whoever does takes the end of a child away, and weft_process_wait says WEFT_LOST.
 */
#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/stream.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A child process. */
typedef struct weft_process weft_process;

typedef enum weft_stdio_kind {
    WEFT_STDIO_INHERIT, /* that of this process; the null device if it has none, or one closed on exec */
    WEFT_STDIO_NULL, /* the null device */
    WEFT_STDIO_PIPE, /* a pipe, whose other end is weft_process_in, _out or _err */
    WEFT_STDIO_FD,   /* the descriptor `fd`, which stays the caller's */
    WEFT_STDIO_OUT   /* `err` only: where `out` goes */
} weft_stdio_kind;

/* What becomes one of the child's descriptors 0, 1 and 2. */
typedef struct weft_stdio {
    weft_stdio_kind kind;
    int fd; /* of WEFT_STDIO_FD */
} weft_stdio;

/* What to start, and how. Zero is the default of every field but `argv`. */
typedef struct weft_command {
    const char *const
        *argv; /* the program and its arguments, ended by NULL. A program without a slash is
                                looked for in PATH; a relative path counts from `dir` */
    const char *const *env; /* "NAME=VALUE", ended by NULL; NULL: the environment of this process */
    const char *dir;        /* the child's working directory; NULL: that of this process */
    weft_stdio in, out, err;
    int own_group; /* 1: it leads a process group of its own, which is killed as a whole; see above */
    void *spare[5]; /* room to grow: leave it zero */
} weft_command;

/* How a process ended. */
typedef struct weft_process_end {
    int code;   /* it exited with this code; -1: it was killed */
    int signal; /* by this signal; 0: it exited */
} weft_process_end;

/* Start a program; on return it runs. The start, once begun, is waited for.
 * Returns WEFT_OK; WEFT_MISSING (no such program, interpreter or directory), WEFT_DENIED (one of them may not be
 * run, or worked in), WEFT_INVALID (no program, arguments that are too long, a descriptor that is not open, a file
 * that is no program), WEFT_INUSE (somebody writes the program), WEFT_NOMEM (memory, processes, descriptors),
 * WEFT_LOST (it has ended, and somebody else has taken how), WEFT_CANCELLED or WEFT_SYS. The detail names which of
 * program, interpreter and directory it was.
 * Owns: the caller owns *p until weft_process_close; `c` is not needed any more.   Caller: anyone.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_process_start(weft *w, weft_process **p, const weft_command *c);

/* This process's end of a pipe: to write to the child's standard input.
 * Returns the stream; NULL if it is no pipe, or closed.   Owns: it is the process's.   Caller: anyone.
 * Switches: no. */
WEFT_API weft_stream *weft_process_in(const weft_process *p);

/* To read what the child writes to its standard output.
 * Returns the stream; NULL if it is no pipe.   Owns: it is the process's.   Caller: anyone.
 * Switches: no. */
WEFT_API weft_stream *weft_process_out(const weft_process *p);

/* To read what the child writes to its standard error.
 * Returns the stream; NULL if it is no pipe.   Owns: it is the process's.   Caller: anyone.
 * Switches: no. */
WEFT_API weft_stream *weft_process_err(const weft_process *p);

/* Close weft_process_in: the child reads the end. Does nothing if there is none. Who writes there meanwhile has
 * WEFT_CLOSED.
 * Returns nothing.   Owns: the stream of weft_process_in is gone.   Caller: anyone.
 * Switches: yes, for a moment. */
WEFT_API void weft_process_close_in(weft_process *p);

/* Wait until the process has ended. It may be asked again, also after WEFT_LATE: the answer stays.
 * Returns WEFT_OK; WEFT_LATE or WEFT_CANCELLED (it still runs), WEFT_INVALID (somebody waits already),
 * WEFT_CLOSED (another task closes it), WEFT_LOST (it ended, and somebody else has taken how), WEFT_NOMEM or
 * WEFT_SYS.   Owns: nothing.   Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_process_wait(weft_process *p, weft_process_end *end,
                                                 weft_deadline by);

/* Send a signal to the process, and never to another that has its number now. With own_group it goes to all that
 * are in the group, also after the process itself has ended, and then WEFT_OK does not say that any were left.
 * Returns WEFT_OK; WEFT_CLOSED (it has ended; not with own_group), WEFT_INVALID (no such signal), WEFT_DENIED (it is
 * another user's by now; of a group, all in it are), WEFT_LOST (own_group: it has ended and somebody else has taken
 * how, so that no signal can be sent) or WEFT_SYS.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_process_kill(weft_process *p, int signal);

/* Its number; once weft_process_wait has said how it ended, it may be another's. With own_group it stays its own
 * until weft_process_close.
 * Returns the number.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_process_pid(const weft_process *p);

/* Kill the process if it still runs, and with own_group all that are in the group, also if it has ended; wait for its
 * end, close its pipes and set *p to NULL; does nothing if *p is NULL. The others of a group are no children of this
 * process and are not waited for: they end a moment later, and a pipe that they hold then ends. (Where somebody else
 * has taken the end of the process they are not reached, and live on: see weft_process_kill.) Who waits in weft_process_wait has its answer or
 * WEFT_CLOSED, and has left it when this returns. One that cannot be killed (it is another user's by now), or that
 * the system does not let go, is waited for all the same; after a second the log says which and why, and it is killed
 * again each second.
 * Returns nothing.   Owns: takes the process.   Caller: anyone.   Switches: yes; it is not cancelled. */
WEFT_API void weft_process_close(weft_process **p);

#ifdef __cplusplus
}
#endif
#endif
