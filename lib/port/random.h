/* port/random.h: bytes nobody can guess. */
#ifndef WEFT_PORT_RANDOM_H
#define WEFT_PORT_RANDOM_H

#include <stddef.h>

/* Fill `buf` from the operating system's generator. Cannot fail (aborts where there is none). */
void weft__random_bytes(void *buf, size_t len);

#endif
