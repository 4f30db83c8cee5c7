#include "port/net_error.h"

#include <errno.h>

#include "port/fd.h"

weft_err weft__net_error(int number, const char *what, const weft_address *at)
{
    char text[WEFT_ADDRESS_TEXT];
    weft_err e = weft__sys_error(number, what, weft_address_text(at, text, sizeof text));
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
