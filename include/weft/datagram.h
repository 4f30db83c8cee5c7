/* weft/datagram.h: messages without a connection: UDP over IPv4 and IPv6, and unix datagrams.
 *
 *     weft_datagram *d;                                     // an echo of UDP
 *     static char buf[65536];                               // where no datagram is longer
 *     e = weft_datagram_open(w, &d, ":7000");
 *     while ((e = weft_datagram_receive(d, buf, sizeof buf, &len, &from, WEFT_FOREVER)) == WEFT_OK)
 *         if (weft_datagram_send(d, buf, len, &from, weft_in_s(1)) != WEFT_OK)
 *             failed++;                                     // this one has no answer; others go on
 *     weft_datagram_close(&d);
 *
 * With less room, and with unix sockets, a loop also has WEFT_TOOBIG: the datagram stays in front until it is
 * received with the room that *len says, so that a loop makes that room and goes on. Without an end of its own the loop above ends when another task calls weft_datagram_stop.
 *
 * A call looks as if it blocked, and parks its task. At most one task or thread receives at a time, and one
 * sends; both may be in it at once. A call that ends late or cancelled has taken or sent nothing.
 *
 * A datagram arrives whole or not at all. With UDP, WEFT_OK from a send says that the system took it, not that
 * anybody received it: it may be lost, come twice, or overtake another, and no answer of the network to one
 * datagram ("port unreachable") is ever reported by a call that was about another. Between unix sockets none is
 * lost and a send waits while the receiver has no room; it says at once that nobody is there.
 *
 * A socket for every address of this machine serves IPv4 as well as IPv6; an IPv4 peer is an IPv4 address there.
 */
#ifndef WEFT_DATAGRAM_H
#define WEFT_DATAGRAM_H

#include <stddef.h>

#include "weft/address.h"
#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A socket for datagrams. */
typedef struct weft_datagram weft_datagram;

/* Open one at `at`, an address as weft/address.h says: numbers; weft_resolve looks names up. NULL: it has no
 * address until the first send, whose receiver says of which sort it is (IPv4 and IPv6, or unix); the system
 * chooses it then. A file that a unix socket of a process that is no more left behind is replaced.
 * Returns WEFT_OK; WEFT_INVALID (no such form, or not an address of this machine), WEFT_INUSE, WEFT_DENIED,
 * WEFT_MISSING (no folder for its file), WEFT_NOMEM or WEFT_SYS.
 * Owns: the caller owns *d until weft_datagram_close.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_datagram_open(weft *w, weft_datagram **d, const char *at);

/* Its address, with the port that the system chose; none (zero) if it has none yet.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_datagram_address(const weft_datagram *d, weft_address *a);

/* Send `len` bytes, which may be 0, to `to` as one datagram.
 * Returns WEFT_OK; WEFT_TOOBIG (the detail says how much can be), WEFT_REFUSED or WEFT_MISSING (unix: nobody is
 * there), WEFT_LOST (unreachable from here), WEFT_LATE or WEFT_CANCELLED (it was not sent), WEFT_CLOSED (stopped
 * or closed by another task), WEFT_INVALID (`to` is none or of another sort, or somebody sends already),
 * WEFT_DENIED, WEFT_NOMEM or WEFT_SYS.   Owns: nothing.   Caller: anyone, one sends at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_datagram_send(weft_datagram *d, const void *buf, size_t len,
                                                  const weft_address *to, weft_deadline by);

/* Receive the next datagram, and who sent it in *from, which may be NULL. Room for 65,536 bytes of UDP saves the
 * question of how long it is.
 * Returns WEFT_OK with *len bytes, which may be 0; WEFT_TOOBIG with the length of the next datagram in *len: it
 * was not taken, so that a call with more room has it; WEFT_LATE or WEFT_CANCELLED (nothing was taken),
 * WEFT_CLOSED (stopped or closed by another task), WEFT_INVALID (it has no address yet, or somebody receives
 * already), WEFT_NOMEM or WEFT_SYS.   Owns: nothing.   Caller: anyone, one receives at a time.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_datagram_receive(weft_datagram *d, void *buf, size_t cap,
                                                     size_t *len, weft_address *from,
                                                     weft_deadline by);

/* Send everybody away who receives or sends, or comes to: WEFT_CLOSED. For tasks that come back to it again and
 * again: stop it, wait for them, close it, and not before this has returned. Until it is
 * closed it keeps its address, and nobody has what comes.
 * Returns nothing.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API void weft_datagram_stop(weft_datagram *d);

/* Close it and set *d to NULL; does nothing if *d is NULL. Whoever receives or sends meanwhile has WEFT_CLOSED, and
 * has left it when this returns. What was not received is dropped; a unix socket's file is removed.
 * Returns nothing.   Owns: takes it.   Caller: anyone.   Switches: yes, for a moment. */
WEFT_API void weft_datagram_close(weft_datagram **d);

#ifdef __cplusplus
}
#endif
#endif
