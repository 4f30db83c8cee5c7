#include "port/net_error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "port/address.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/socket_file.h"

enum { PORTS_OF_ROOT = 1024 };

static bool folder_is_missing(const weft_address *at)
{
    char folder[WEFT__ADDRESS_UNIX_MOST + 1];
    weft__socket_file_folder(at, folder);
    return access(folder, F_OK) != 0;
}

/* What the file at the address makes of the error; NULL: nothing more. */
static const char *of_file(int number, const weft_address *at)
{
    const char *file = weft__address_file(at);
    if (number == ENOENT && file && folder_is_missing(at))
        return "its folder is missing";
    if (number == ECONNREFUSED && file && weft__socket_file_node(at) == 0)
        return "what is there is no socket";
    return NULL;
}

/* The same where a socket is to have the address. */
static const char *of_binding(int number, const weft_address *at)
{
    const char *file = weft__address_file(at);
    int port = weft__address_port(at);
    if (number == EWOULDBLOCK)
        return "another program has locked its folder (flock)";
    if (number == EACCES && port > 0 && port < PORTS_OF_ROOT)
        return "a port below 1024 takes root, or CAP_NET_BIND_SERVICE";
    if (number == EACCES && file)
        return "to make it takes the right to write to its folder";
    if (number == EADDRINUSE && file && weft__socket_file_node(at) == 0)
        return "what is there is no socket: take another path";
    return of_file(number, at);
}

static weft_err say(int number, const char *what, const weft_address *at, const char *next)
{
    char text[WEFT_ADDRESS_TEXT];
    weft_address shown = *at;
    weft__address_unmap(&shown);
    weft_err e = weft__sys_error(number, what, weft_address_text(&shown, text, sizeof text));
    if (next)
        e = weft__fail(e, "%s: %s: %s; %s", what, text, strerror(number), next);
    switch (number) {
    case EINVAL:
    case ENODEV: /* its interface is gone */
        return WEFT_INVALID;
    case EPIPE: /* the receiver does not receive any more */
        return WEFT_REFUSED;
    default:
        return e;
    }
}

weft_err weft__net_error(int number, const char *what, const weft_address *at)
{
    return say(number, what, at, of_file(number, at));
}

weft_err weft__bind_error(int number, const char *what, const weft_address *at)
{
    weft_err e = say(number, what, at, of_binding(number, at));
    return number == EWOULDBLOCK ? WEFT_INUSE : e;
}
