/* weft/address.h: where a socket is: an IPv4, an IPv6 or a unix address.
 *
 *     weft_address a;
 *     char text[WEFT_ADDRESS_TEXT];
 *     e = weft_address_parse(&a, "[::1]:8080");                  // numbers only, no names
 *     printf("%s\n", weft_address_text(&a, text, sizeof text));  // [::1]:8080
 *
 *     static weft_err listen_at(weft *w, weft_listener **l, const char *name)  // such as "localhost:8080"
 *     {
 *         weft_address all[8];
 *         char text[WEFT_ADDRESS_TEXT];
 *         int n = 0;
 *         weft_err e = weft_resolve(w, name, all, 8, &n, weft_in_s(5));
 *         for (int i = 0; i < n; i++)                            // the first at which it goes
 *             if ((e = weft_listen(w, l, weft_address_text(&all[i], text, sizeof text), NULL)) == WEFT_OK)
 *                 break;
 *         return e;
 *     }
 *
 * Forms: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80"; ":80" or "*:80" (every address of this machine,
 * IPv6 and IPv4; its text is "[::]:80"); "unix:/a/path", "unix:@name" (without a file, Linux's abstract
 * names). A port of 0 lets the system choose one. The text of no address is "none", that of a unix socket
 * without a name "unix:"; neither is read back.
 */
#ifndef WEFT_ADDRESS_H
#define WEFT_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "weft/err.h"
#include "weft/rt.h"
#include "weft/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An address. A plain value: copy it as you like. Zero: none. */
typedef struct weft_address {
    uint32_t len; /* bytes of `data` that count */
    uint32_t spare;
    uint64_t data[16];
} weft_address;

/* Room for the text of any address, its end included. */
enum { WEFT_ADDRESS_TEXT = 128 };

/* Read an address of numbers.
 * Returns WEFT_OK, or WEFT_INVALID (then *a is untouched, and the detail says what is wrong with it).
 * Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API WEFT_CHECKED weft_err weft_address_parse(weft_address *a, const char *text);

/* Write it as weft_address_parse reads it; what does not fit in `cap` bytes is cut off.
 * Returns `text`.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API const char *weft_address_text(const weft_address *a, char *text, size_t cap);

/* Its port.
 * Returns the port; 0 if it has none.   Owns: nothing.   Caller: anyone.   Switches: no. */
WEFT_API int weft_address_port(const weft_address *a);

/* Look "NAME:SERVICE" up, as getaddrinfo does: a host's name or numbers; a port or a service's name. What
 * weft_address_parse reads is not looked up. The look-up runs on the threads place; one that is late or
 * cancelled is left to end there by itself, and weft_stop waits for it; the log says so if it takes a second.
 * Returns WEFT_OK with *n addresses (at least 1, at most `cap`), in the order in which to try them;
 * WEFT_MISSING (no such name or service), WEFT_INVALID (nothing of that form, or a `cap` below 1), WEFT_LATE,
 * WEFT_CANCELLED, WEFT_NOMEM or WEFT_SYS (no name server answered).
 * Owns: nothing.   Caller: anyone.   Switches: yes. */
WEFT_API WEFT_CHECKED weft_err weft_resolve(weft *w, const char *name, weft_address *out, int cap,
                                            int *n, weft_deadline by);

#ifdef __cplusplus
}
#endif
#endif
