/* port/address.h: addresses as the system's calls take them. A weft_address holds one in `data`, with a zero
 * behind it. Nothing here looks a name of a host up. */
#ifndef WEFT_PORT_ADDRESS_H
#define WEFT_PORT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/address.h"

struct sockaddr;

typedef enum weft__family {
    WEFT__FAMILY_NONE, /* of an address that is none */
    WEFT__FAMILY_IPV4,
    WEFT__FAMILY_IPV6,
    WEFT__FAMILY_UNIX,
    WEFT__FAMILY_OTHER
} weft__family;

enum {
    WEFT__ADDRESS_UNIX_MOST = 107, /* bytes of a unix socket's path, or of an abstract name */
    WEFT__ADDRESS_HOST = 80        /* room for the text of a host's number and its interface */
};

weft__family weft__address_family(const weft_address *a);
/* False of none, and of a unix socket's that was not bound. */
bool weft__address_is_named(const weft_address *a);

/* From numbers. False: `host` is no such number, or `interface` (NULL: none) is no interface's name or
 * number; `a` is untouched then. */
bool weft__address_set_ipv4(weft_address *a, const char *host, int port);
bool weft__address_set_ipv6(weft_address *a, const char *host, const char *interface, int port);
/* Every address of this machine: the IPv6 one, which takes IPv4 as well on a socket that is not for IPv6 only,
 * and the one for machines without IPv6. */
void weft__address_set_any(weft_address *a, int port);
void weft__address_set_any_ipv4(weft_address *a, int port);
bool weft__address_is_any(const weft_address *a);
/* A unix socket: the path of a file, or with `abstract` a name. False: no bytes, or more than there is room for. */
bool weft__address_set_unix(weft_address *a, const char *name, size_t len, bool abstract);

int weft__address_port(const weft_address *a);
/* The host of an IPv4 or IPv6 address as numbers, the latter with its interface. */
void weft__address_host(const weft_address *a, char text[WEFT__ADDRESS_HOST]);
/* The file of a unix socket that has one, else NULL. Lies in `a`. */
const char *weft__address_file(const weft_address *a);
/* The name of an abstract unix socket and its length, else NULL. Lies in `a`; may have any bytes. */
const char *weft__address_abstract(const weft_address *a, size_t *len);

/* An IPv4 address in the form in which an IPv6 socket takes and gives it (::ffff:127.0.0.1), and back; any
 * other stays as it is. */
void weft__address_map(weft_address *a);
void weft__address_unmap(weft_address *a);

/* For the socket calls of the port: the address as they take it, and storing what they gave. A length that
 * says more than there is room for is cut. */
const struct sockaddr *weft__address_system(const weft_address *a, uint32_t *len);
void weft__address_from_system(weft_address *a, const struct sockaddr *from, uint32_t len);

#endif
