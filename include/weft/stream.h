/* weft/stream.h: bytes in order, to and fro: TCP, unix sockets, pipes, socket pairs.
 *
 *     weft_listener *l;                                    // a server: a task for each connection
 *     e = weft_listen(w, &l, ":8080", NULL);
 *     while ((e = weft_accept(l, &s, WEFT_FOREVER)) == WEFT_OK)
 *         if (weft_go(&connections, serve, s) != WEFT_OK)
 *             weft_close(&s);
 *
 *     static weft_err serve(void *arg)                      // an echo
 *     {
 *         weft_stream *s = arg;
 *         char buf[512];
 *         size_t got;
 *         weft_err e;
 *         while ((e = weft_read(s, buf, sizeof buf, &got, WEFT_FOREVER)) == WEFT_OK)
 *             if ((e = weft_write(s, buf, got, WEFT_FOREVER)) != WEFT_OK)
 *                 break;
 *         weft_close(&s);
 *         return WEFT_OK;                               // one that broke is nobody else's failure
 *     }
 *
 *     e = weft_dial(w, &s, "example.org:80", weft_in_s(5)); // a client
 *
 * A call looks as if it blocked, and parks its task. The end of what the peer sends is WEFT_CLOSED; a
 * connection that broke is WEFT_LOST. At most one task or thread reads at a time, and one writes; both
 * may be in a stream at once. A read that ends late or cancelled has taken nothing. No SIGPIPE is raised.
 * Nothing is buffered on the way out; TCP sends small writes at once (no delay).
 *
 * A deadline ends waiting: a call that finds what it wants at once succeeds however late it is, so a loop of
 * calls looks at the clock itself. A peer whose machine or network is gone says no word, and waiting for it does
 * not notice: give calls a deadline, or the stream a weft_stream_keepalive.
 */
#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H

#include <stddef.h>

#include "weft/address.h"
#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One end of a connection. */
typedef struct weft_stream weft_stream;
/* Where connections come in. */
typedef struct weft_listener weft_listener;

/* How to listen. Zero is the default of every field. */
typedef struct weft_listen_opts {
    int backlog;    /* connections that wait to be accepted; 0: 1024 */
    int share_port; /* 1: others of this user may listen there too, and connections are dealt out */
    void *spare[6]; /* room to grow: leave it zero */
} weft_listen_opts;

/* Listen at `at`, an address as weft/address.h says. Names are not looked up here, which would have to wait:
 * weft_resolve does, and weft/address.h shows it. A file that a unix socket of a process that is no
 * more left behind is replaced.
 * Returns WEFT_OK; WEFT_INVALID (no such form, or not an address of this machine), WEFT_INUSE, WEFT_DENIED,
 * WEFT_MISSING (no such folder for a unix socket), WEFT_NOMEM or WEFT_SYS.
 * Owns: the caller owns *l until weft_listener_close.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_listen(weft *w, weft_listener **l, const char *at,
                                           const weft_listen_opts *opts);

/* The address where it listens, with the port that the system chose.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_listener_address(const weft_listener *l, weft_address *a);

/* Accept the next connection. While this process has no descriptor free it waits for one, and the log says
 * so, once until a connection was accepted again.
 * Returns WEFT_OK; WEFT_LATE, WEFT_CANCELLED, WEFT_CLOSED (closed by another task), WEFT_INVALID (somebody
 * accepts already), WEFT_NOMEM or WEFT_SYS.   Owns: the caller owns *s until weft_close.
 * Caller: anyone, one at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_accept(weft_listener *l, weft_stream **s, weft_deadline by);

/* Send away who accepts, and who comes to: WEFT_CLOSED. For a task that accepts in a loop: stop the listener,
 * wait for the task, close the listener, and not before this has returned.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_listener_stop(weft_listener *l);

/* Stop to listen and set *l to NULL; does nothing if *l is NULL. Who is in weft_accept has WEFT_CLOSED, and
 * nobody may come to it any more; a unix socket's file is removed.
 * Returns nothing.   Owns: takes the listener.   Caller: anyone.   Switches: yes, for a moment. */
WEFT_API void weft_listener_close(weft_listener **l);

/* Connect to `to`: "HOST:PORT", whose name is looked up, or an address as weft/address.h says. Of several
 * addresses the first one that answers is taken: the next is tried when one failed or after 250 ms, IPv6 and
 * IPv4 in turns (RFC 8305). With a deadline in the past no name is looked up; a look-up that is late goes on by
 * itself, and weft_stop waits for it. While the backlog of a unix socket is full it is tried again and again.
 * Returns WEFT_OK; WEFT_REFUSED (nobody listens), WEFT_MISSING (no such name, or no such unix socket), WEFT_LOST
 * (unreachable), WEFT_LATE, WEFT_CANCELLED, WEFT_INVALID, WEFT_DENIED, WEFT_NOMEM or WEFT_SYS.
 * Owns: the caller owns *s until weft_close.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_dial(weft *w, weft_stream **s, const char *to,
                                         weft_deadline by);

/* Two streams that are connected with each other.
 * Returns WEFT_OK, WEFT_NOMEM or WEFT_SYS.   Owns: the caller owns both until weft_close.
 * Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_stream_pair(weft *w, weft_stream *ends[2]);

/* A pipe: what is written to *in is read from *out.
 * Returns WEFT_OK, WEFT_NOMEM or WEFT_SYS.   Owns: the caller owns both until weft_close.
 * Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_pipe(weft *w, weft_stream **out, weft_stream **in);

/* Make a stream of `fd`, an open socket, pipe or terminal; it becomes non-blocking and, unless it is 0, 1 or 2,
 * closed on exec. A pipe or terminal does not block here only: it is opened anew under the same number, since other
 * programs, or standard output, may share it. Where that cannot be, as of another user's pipe, and of a socket, the
 * other owners see it until the stream is closed.
 * Returns WEFT_OK; WEFT_INVALID (a descriptor that is not open or cannot be waited for, such as a file, for which
 * there is weft_file_adopt, or that another stream has),
 * WEFT_NOMEM or WEFT_SYS.   Owns: takes `fd` if it returns WEFT_OK.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_stream_adopt(weft *w, weft_stream **s, int fd);

/* The descriptor, for options of the system. It stays the stream's: never read, written or closed.
 * Returns it.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_stream_fd(const weft_stream *s);

/* Have the connection count as broken when nothing was heard of its peer for `seconds`, at most 32,767; 0:
 * never, as it is at first. A read or a write, one that waits as well as the next one, then has WEFT_LOST; a
 * second time WEFT_CLOSED. The system asks the peer from half of that time on, and its machine answers without
 * the program; it counts in seconds, so that 1 is as 2. One that is there, but has no room for so long for what
 * is written to it, counts as gone too. It is for TCP; on other streams it does nothing: their peer is on this
 * machine, and its end is always noticed.
 * Returns WEFT_OK; WEFT_CLOSED (closed by another task), WEFT_INVALID (no such time, or somebody sets it just
 * now) or WEFT_SYS.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_stream_keepalive(weft_stream *s, int seconds);

/* Who is at the other end, or was, once it is gone; zero for what has no address. What fails
 * while it reads or writes names it too.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_stream_peer(const weft_stream *s, weft_address *a);

/* What this end's own address is; zero for what has none.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_stream_address(const weft_stream *s, weft_address *a);

/* Read what is there, at least a byte and at most `cap`.
 * Returns WEFT_OK with *got bytes; WEFT_CLOSED (the peer has ended, or another task closed the stream),
 * WEFT_LOST (the connection broke), WEFT_LATE or WEFT_CANCELLED (nothing was taken), WEFT_INVALID (a `cap` of
 * 0, or somebody reads already) or WEFT_SYS.   Owns: nothing.   Caller: anyone, one reads at a time.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_read(weft_stream *s, void *buf, size_t cap, size_t *got,
                                         weft_deadline by);

/* Read exactly `len` bytes.
 * Returns WEFT_OK; WEFT_CLOSED, with the number of bytes that came before the end in *got, which may be NULL;
 * WEFT_LATE or WEFT_CANCELLED (nothing was taken: what had come comes again), WEFT_NOMEM (as these, but there
 * was no memory for that: *got bytes were taken), or as weft_read.   Owns: nothing.
 * Caller: anyone, one reads at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_read_full(weft_stream *s, void *buf, size_t len, size_t *got,
                                              weft_deadline by);

/* Read up to and with the first `mark`, a string such as "\n" or "\r\n\r\n".
 * Returns WEFT_OK with *len bytes; WEFT_TOOBIG (no mark in the first `cap` bytes: nothing was taken),
 * WEFT_CLOSED, with the *len bytes that came before the end and have no mark; WEFT_LATE or WEFT_CANCELLED
 * (nothing was taken), WEFT_NOMEM, or as weft_read.   Owns: nothing.   Caller: anyone, one reads at a time.
 * Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_read_until(weft_stream *s, const char *mark, void *buf,
                                               size_t cap, size_t *len, weft_deadline by);

/* Write all `len` bytes: WEFT_OK says that the system took them, not that the peer has them; that the peer is
 * gone is often told by the next write only. After a call that failed in the middle the rest of the message is
 * missing, so later writes are refused.
 * Returns WEFT_OK; WEFT_CLOSED (nobody reads at the other end any more, this end was ended, or another task
 * closed the stream), WEFT_LOST (the connection broke), WEFT_LATE or WEFT_CANCELLED (the detail says how much
 * was written), WEFT_INVALID (somebody writes already, or a message was cut) or WEFT_SYS.   Owns: nothing.
 * Caller: anyone, one writes at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_write(weft_stream *s, const void *buf, size_t len,
                                          weft_deadline by);

/* A piece of memory to be written. */
typedef struct weft_slice {
    const void *at;
    size_t len;
} weft_slice;

/* Write `n` pieces, one after the other, as weft_write does one.
 * Returns what weft_write does.   Owns: nothing.   Caller: anyone, one writes at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_write_slices(weft_stream *s, const weft_slice *v, int n,
                                                 weft_deadline by);

/* Say that no more is written; what the peer sends can still be read.
 * Returns WEFT_OK; WEFT_CLOSED (it is ended or broken already), WEFT_INVALID (a pipe: close it) or WEFT_SYS.
 * Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_stream_end(weft_stream *s);

/* Send everybody away who reads or writes, or comes to: WEFT_CLOSED. For tasks that come back to the stream
 * again and again: stop it, wait for them, close it, and not before this has returned.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_stream_stop(weft_stream *s);

/* Close the stream and set *s to NULL; does nothing if *s is NULL. Whoever is in a call on it has WEFT_CLOSED, and has
 * left the stream when this returns; nobody may come to it any more. The peer reads what was written, then the
 * end, as if it were all there was to be: a protocol says by itself what is complete, or has weft_stream_reset.
 * Returns nothing.   Owns: takes the stream.   Caller: anyone.   Switches: yes, for a moment. */
WEFT_API void weft_close(weft_stream **s);

/* As weft_close, for who gives up in the middle: the peer of a TCP connection reads what has arrived, and then no end,
 * but has WEFT_LOST; what is still on its way to it is dropped. An end that weft_stream_end has sent stays one. For
 * other streams it is weft_close.
 * Returns nothing.   Owns: takes the stream.   Caller: anyone.   Switches: yes, for a moment. */
WEFT_API void weft_stream_reset(weft_stream **s);

#ifdef __cplusplus
}
#endif
#endif
