/* weft/err.h: how a call says what happened.
 *
 * Every call that can fail returns a weft_err. Results come by out-pointer and are untouched on
 * failure. Expected outcomes have names of their own (late, closed, full ...); whatever else went
 * wrong leaves a text that says what, where, which rank and what to do next:
 *
 *     weft_err e = weft_get(q, buf, sizeof buf, &len, weft_in_s(1));
 *     if (e != WEFT_OK)
 *         fprintf(stderr, "%s: %s\n", weft_strerror(e), weft_detail());
 *
 * The detail belongs to the calling task or thread and is overwritten by its next failing call.
 */
#ifndef WEFT_ERR_H
#define WEFT_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_API     __attribute__((visibility("default")))
#define WEFT_CHECKED __attribute__((warn_unused_result))

#define WEFT_STRING_(x) #x
#define WEFT_STRING(x)  WEFT_STRING_(x)
/* The place in the source that calls, as "file:line": misuse is reported there. */
#define WEFT_HERE __FILE__ ":" WEFT_STRING(__LINE__)

/* What a call came to. The numbers are part of the ABI: new ones are added at the end. */
typedef enum weft_err {
    WEFT_OK = 0,
    WEFT_LATE,      /* the deadline passed; nothing was changed, unless the call says so */
    WEFT_CLOSED,    /* a clean end: nothing will come any more */
    WEFT_CANCELLED, /* the calling task was cancelled; nothing was changed */
    WEFT_FULL,      /* no room now */
    WEFT_EMPTY,     /* nothing there now */
    WEFT_LOST,      /* a peer died or left; the detail names its rank */
    WEFT_STALE,     /* too late: what this refers to has been given to somebody else */
    WEFT_DEADLOCK,  /* this wait could never end */
    WEFT_NOMEM,     /* memory, descriptors, stacks or threads ran out */
    WEFT_INVALID,   /* an argument, option or message that cannot be */
    WEFT_DENIED,    /* not permitted */
    WEFT_MISSING,   /* no such file, program, plug-in or name */
    WEFT_TOOBIG,    /* longer than the space given; the needed length was stored */
    WEFT_SYS,       /* the operating system refused; the detail says what and why */
    WEFT_INUSE,     /* somebody else has it: an address */
    WEFT_REFUSED    /* nobody listens there */
} weft_err;

/* A short English name of `e`, such as "late".
 * Returns a static string, for unknown values too.   Owns: nothing.
 * Caller: anyone.   Switches: no. */
WEFT_API const char *weft_strerror(weft_err e);

/* What the last failing call of this task or thread had to say: what, where, which rank, what to do
 * next. Empty if it had nothing to add to the error's name.
 * Returns a string that is valid until the next failing call of the same task or thread.
 * Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API const char *weft_detail(void);

/* Set the detail, as printf does, for a failure of the program's own; the code is the one that fits, such as
 * WEFT_INVALID for input that cannot be: return weft_fail(WEFT_INVALID, "line %d: no number", n);
 * Returns `e`.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API weft_err weft_fail(weft_err e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
