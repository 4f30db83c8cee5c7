#include "port/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

#include "port/address.h"
#include "port/err.h"
#include "port/fd.h"

/* `number` is errno of that moment. */
static weft_err failed(int code, int number, const char *host, const char *service)
{
    switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        if (number == EMFILE ||
            number == ENFILE) /* it could not ask, and says that there is none */
            return weft__sys_error(number, "look-up", host);
        return weft__fail(WEFT_MISSING, "no host is named '%s'", host);
    case EAI_SERVICE:
        return weft__fail(WEFT_MISSING,
                          "no service is named '%s'; write the port's number if it has none",
                          service);
    case EAI_AGAIN:
        return weft__fail(WEFT_SYS, "no name server answered; try again, or see /etc/resolv.conf");
    case EAI_MEMORY:
        return weft__fail(WEFT_NOMEM, "out of memory");
    case EAI_SYSTEM:
        return weft__sys_error(number, "getaddrinfo", host);
    default:
        return weft__fail(WEFT_SYS, "%s", gai_strerror(code));
    }
}

weft_err weft__resolve(const char *host, const char *service, weft_address *out, int cap, int *n)
{
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    if (*host == 0)
        hints.ai_flags = AI_PASSIVE;
    errno = 0;
    int code = getaddrinfo(*host ? host : NULL, service, &hints, &found);
    if (code == EAI_SERVICE) { /* one that only datagrams have */
        hints.ai_socktype = SOCK_DGRAM;
        code = getaddrinfo(*host ? host : NULL, service, &hints, &found);
    }
    if (code != 0)
        return failed(code, errno, host, service);
    int count = 0;
    for (const struct addrinfo *i = found; i && count < cap; i = i->ai_next)
        weft__address_from_system(&out[count++], i->ai_addr, i->ai_addrlen);
    freeaddrinfo(found);
    *n = count;
    return count > 0 ? WEFT_OK : weft__fail(WEFT_MISSING, "'%s' has no address", host);
}
