/* Addresses and their text. */
#include <stdio.h>
#include <string.h>

#include "port/address.h"
#include "port/err.h"
#include "port/number.h"

static const char unix_mark[] = "unix:";
enum { UNIX_MARK = sizeof unix_mark - 1, PORT_MOST = 65535, PORT_DIGITS = 5 };

static bool read_port(const char *text, int *port)
{
    int64_t number;
    /* Digits only: -0 is a number as well. */
    if (*text < '0' || *text > '9' || strlen(text) > PORT_DIGITS ||
        !weft__number_read(text, 0, PORT_MOST, &number))
        return false;
    *port = (int)number;
    return true;
}

static weft_err parse_unix(weft_address *a, const char *text, const char *name)
{
    bool abstract = *name == '@';
    name += abstract;
    size_t len = strlen(name);
    if (len == 0)
        return weft__fail(WEFT_INVALID, "address '%s': unix: wants a path, or @ and a name", text);
    if (!weft__address_set_unix(a, name, len, abstract))
        return weft__fail(WEFT_INVALID, "address '%s': %zu bytes are too long, %d is the most",
                          text, len, WEFT__ADDRESS_UNIX_MOST);
    return WEFT_OK;
}

/* `host` was between brackets. */
static weft_err parse_ipv6(weft_address *a, const char *text, char *host, int port)
{
    char *interface = strchr(host, '%');
    if (interface)
        *interface++ = 0;
    if (weft__address_set_ipv6(a, host, interface, port))
        return WEFT_OK;
    if (interface && weft__address_set_ipv6(&(weft_address){0}, host, NULL, port))
        return weft__fail(WEFT_INVALID, "address '%s': there is no interface '%s'", text,
                          interface);
    return weft__fail(WEFT_INVALID, "address '%s': '%s' is no IPv6 address", text, host);
}

/* `colon` stands before the port. */
static weft_err parse_host(weft_address *a, const char *text, const char *colon, int port)
{
    char host[WEFT__ADDRESS_HOST];
    size_t len = (size_t)(colon - text);
    if (len == 0 || (len == 1 && *text == '*')) {
        weft__address_set_any(a, port);
        return WEFT_OK;
    }
    bool bracketed = len > 1 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    if (len >= sizeof host)
        return weft__fail(WEFT_INVALID, "address '%.*s...': no number is that long",
                          WEFT__ADDRESS_HOST, text);
    memcpy(host, text, len);
    host[len] = 0;
    if (bracketed)
        return parse_ipv6(a, text - 1, host, port);
    if (weft__address_set_ipv4(a, host, port))
        return WEFT_OK;
    if (strstr(text, "://"))
        return weft__fail(WEFT_INVALID,
                          "address '%s': no URL: write HOST:PORT, such as 127.0.0.1:80", text);
    if (strchr(host, ':'))
        return weft__fail(WEFT_INVALID,
                          "address '%s': an IPv6 address stands in brackets, as in [::1]:80", text);
    if (host[strspn(host, "0123456789.")] == 0)
        return weft__fail(WEFT_INVALID, "address '%s': '%s' is no IPv4 address", text, host);
    return weft__fail(
        WEFT_INVALID,
        "address '%s': '%s' is a name, for weft_dial and weft_resolve only: write what "
        "weft_resolve makes of it, or 127.0.0.1%s (this machine only), or %s (everybody)",
        text, host, colon, colon);
}

/* `text` has no port. */
static weft_err refuse_without_port(const char *text)
{
    if (text[strspn(text, "0123456789")] == 0)
        return weft__fail(WEFT_INVALID, "address '%s': a port stands behind a colon: :%s", text,
                          text);
    return weft__fail(WEFT_INVALID, "address '%s': the port is missing, as in %s:80", text, text);
}

weft_err weft_address_parse(weft_address *a, const char *text)
{
    if (!text || !*text)
        return weft__fail(WEFT_INVALID, "address '': write HOST:PORT or unix:PATH");
    if (strncmp(text, unix_mark, UNIX_MARK) == 0)
        return parse_unix(a, text, text + UNIX_MARK);
    const char *colon = strrchr(text, ':');
    if (!colon || strchr(colon, ']'))
        return refuse_without_port(text);
    int port;
    if (!read_port(colon + 1, &port))
        return weft__fail(WEFT_INVALID, "address '%s': '%s' is no port, which is 0 to %d", text,
                          colon + 1, PORT_MOST);
    return parse_host(a, text, colon, port);
}

/* An abstract name may have zeros in it: they are shown as @, as the system's tools do. */
static void write_abstract(char *text, size_t cap, const char *name, size_t len)
{
    char shown[WEFT__ADDRESS_UNIX_MOST + 1];
    if (len > WEFT__ADDRESS_UNIX_MOST)
        len = WEFT__ADDRESS_UNIX_MOST;
    for (size_t i = 0; i < len; i++)
        shown[i] = name[i] ? name[i] : '@';
    (void)snprintf(text, cap, "%s@%.*s", unix_mark, (int)len, shown);
}

const char *weft_address_text(const weft_address *a, char *text, size_t cap)
{
    char host[WEFT__ADDRESS_HOST];
    size_t len;
    const char *name = weft__address_abstract(a, &len);
    weft__family family = weft__address_family(a);
    weft__address_host(a, host);
    if (family == WEFT__FAMILY_IPV4)
        (void)snprintf(text, cap, "%s:%d", host, weft__address_port(a));
    else if (family == WEFT__FAMILY_IPV6)
        (void)snprintf(text, cap, "[%s]:%d", host, weft__address_port(a));
    else if (name)
        write_abstract(text, cap, name, len);
    else if (family == WEFT__FAMILY_UNIX && weft__address_file(a))
        (void)snprintf(text, cap, "%s%s", unix_mark, weft__address_file(a));
    else
        (void)snprintf(text, cap, "%s", family == WEFT__FAMILY_UNIX ? unix_mark : "none");
    return text;
}

int weft_address_port(const weft_address *a)
{
    return weft__address_port(a);
}
