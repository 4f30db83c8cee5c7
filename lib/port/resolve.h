/* port/resolve.h: looking names of hosts and services up. */
#ifndef WEFT_PORT_RESOLVE_H
#define WEFT_PORT_RESOLVE_H

#include "weft/address.h"

/* Look `host` and `service` up, for as long as it takes; an empty host is every address of this machine. The
 * first `cap` addresses, in the order in which to try them; at least 1 if it returns WEFT_OK. WEFT_MISSING: no
 * such host or service. */
weft_err weft__resolve(const char *host, const char *service, weft_address *out, int cap, int *n);

#endif
