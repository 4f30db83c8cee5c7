#include "port/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ROOM = sizeof((weft_address *)0)->data };

_Static_assert(sizeof(struct sockaddr_storage) <= ROOM, "room of the public type");
_Static_assert(sizeof(struct sockaddr_un) < ROOM, "and for a zero behind a path");
_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == WEFT__ADDRESS_UNIX_MOST + 1,
               "a path, and a zero behind it");
_Static_assert(WEFT__ADDRESS_HOST > INET6_ADDRSTRLEN + IF_NAMESIZE, "a number and an interface");

/* `len` bytes of an abstract or an ordinary path lie behind the family. */
enum { UNIX_HEAD = offsetof(struct sockaddr_un, sun_path) };

static void store(weft_address *a, const void *from, size_t len)
{
    *a = (weft_address){.len = (uint32_t)len};
    memcpy(a->data, from, len);
}

weft__family weft__address_family(const weft_address *a)
{
    sa_family_t family;
    if (a->len < sizeof family || a->len > ROOM)
        return WEFT__FAMILY_NONE;
    memcpy(&family, a->data, sizeof family);
    if (family == AF_INET)
        return a->len >= sizeof(struct sockaddr_in) ? WEFT__FAMILY_IPV4 : WEFT__FAMILY_NONE;
    if (family == AF_INET6)
        return a->len >= sizeof(struct sockaddr_in6) ? WEFT__FAMILY_IPV6 : WEFT__FAMILY_NONE;
    return family == AF_UNIX ? WEFT__FAMILY_UNIX : WEFT__FAMILY_OTHER;
}

bool weft__address_is_named(const weft_address *a)
{
    size_t len;
    weft__family family = weft__address_family(a);
    return family == WEFT__FAMILY_IPV4 || family == WEFT__FAMILY_IPV6 || weft__address_file(a) ||
           weft__address_abstract(a, &len);
}

static struct sockaddr_in ipv4_of(const weft_address *a)
{
    struct sockaddr_in in;
    memcpy(&in, a->data, sizeof in);
    return in;
}

static struct sockaddr_in6 ipv6_of(const weft_address *a)
{
    struct sockaddr_in6 in;
    memcpy(&in, a->data, sizeof in);
    return in;
}

bool weft__address_set_ipv4(weft_address *a, const char *host, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
        return false;
    store(a, &in, sizeof in);
    return true;
}

/* The number of an interface by its name, or by the number itself; 0: there is none. */
static uint32_t interface_number(const char *interface)
{
    uint32_t number = if_nametoindex(interface);
    if (number || strlen(interface) > 9 || strspn(interface, "0123456789") != strlen(interface))
        return number;
    return (uint32_t)strtoul(interface, NULL, 10);
}

bool weft__address_set_ipv6(weft_address *a, const char *host, const char *interface, int port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
        return false;
    if (interface && (in.sin6_scope_id = interface_number(interface)) == 0)
        return false;
    store(a, &in, sizeof in);
    return true;
}

void weft__address_set_any(weft_address *a, int port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    store(a, &in, sizeof in);
}

void weft__address_set_any_ipv4(weft_address *a, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    store(a, &in, sizeof in);
}

bool weft__address_is_any(const weft_address *a)
{
    if (weft__address_family(a) == WEFT__FAMILY_IPV4)
        return ipv4_of(a).sin_addr.s_addr == htonl(INADDR_ANY);
    if (weft__address_family(a) != WEFT__FAMILY_IPV6)
        return false;
    struct sockaddr_in6 in = ipv6_of(a);
    return IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr);
}

bool weft__address_set_unix(weft_address *a, const char *name, size_t len, bool abstract)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (len == 0 || len > WEFT__ADDRESS_UNIX_MOST)
        return false;
    /* An abstract name begins with a zero and ends with its length; a path ends with a zero. */
    memcpy(un.sun_path + (abstract ? 1 : 0), name, len);
    store(a, &un, UNIX_HEAD + len + 1);
    return true;
}

int weft__address_port(const weft_address *a)
{
    if (weft__address_family(a) == WEFT__FAMILY_IPV4)
        return ntohs(ipv4_of(a).sin_port);
    if (weft__address_family(a) == WEFT__FAMILY_IPV6)
        return ntohs(ipv6_of(a).sin6_port);
    return 0;
}

void weft__address_host(const weft_address *a, char text[WEFT__ADDRESS_HOST])
{
    text[0] = 0;
    if (weft__address_family(a) == WEFT__FAMILY_IPV4) {
        struct sockaddr_in in = ipv4_of(a);
        (void)inet_ntop(AF_INET, &in.sin_addr, text, WEFT__ADDRESS_HOST);
        return;
    }
    if (weft__address_family(a) != WEFT__FAMILY_IPV6)
        return;
    struct sockaddr_in6 in = ipv6_of(a);
    (void)inet_ntop(AF_INET6, &in.sin6_addr, text, INET6_ADDRSTRLEN);
    if (in.sin6_scope_id == 0)
        return;
    size_t at = strlen(text);
    char name[IF_NAMESIZE];
    if (if_indextoname(in.sin6_scope_id, name))
        (void)snprintf(text + at, WEFT__ADDRESS_HOST - at, "%%%s", name);
    else
        (void)snprintf(text + at, WEFT__ADDRESS_HOST - at, "%%%u", in.sin6_scope_id);
}

const char *weft__address_file(const weft_address *a)
{
    const char *path = (const char *)a->data + UNIX_HEAD;
    bool named = weft__address_family(a) == WEFT__FAMILY_UNIX && a->len > UNIX_HEAD && *path;
    return named ? path : NULL;
}

const char *weft__address_abstract(const weft_address *a, size_t *len)
{
    const char *path = (const char *)a->data + UNIX_HEAD;
    if (weft__address_family(a) != WEFT__FAMILY_UNIX || a->len <= UNIX_HEAD + 1 || *path)
        return NULL;
    *len = a->len - UNIX_HEAD - 1;
    return path + 1;
}

void weft__address_map(weft_address *a)
{
    if (weft__address_family(a) != WEFT__FAMILY_IPV4)
        return;
    struct sockaddr_in from = ipv4_of(a);
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = from.sin_port};
    in.sin6_addr.s6_addr[10] = in.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&in.sin6_addr.s6_addr[12], &from.sin_addr, sizeof from.sin_addr);
    store(a, &in, sizeof in);
}

void weft__address_unmap(weft_address *a)
{
    if (weft__address_family(a) != WEFT__FAMILY_IPV6)
        return;
    struct sockaddr_in6 from = ipv6_of(a);
    if (!IN6_IS_ADDR_V4MAPPED(&from.sin6_addr))
        return;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = from.sin6_port};
    memcpy(&in.sin_addr, &from.sin6_addr.s6_addr[12], sizeof in.sin_addr);
    store(a, &in, sizeof in);
}

const struct sockaddr *weft__address_system(const weft_address *a, uint32_t *len)
{
    *len = a->len <= ROOM ? a->len : ROOM;
    return (const struct sockaddr *)(const void *)a->data;
}

void weft__address_from_system(weft_address *a, const struct sockaddr *from, uint32_t len)
{
    /* A path that fills its field comes with a length that counts a zero behind it. */
    store(a, from, len <= sizeof(struct sockaddr_storage) ? len : sizeof(struct sockaddr_storage));
    ((char *)a->data)[ROOM - 1] = 0;
}
