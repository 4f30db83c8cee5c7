/* port/populate.h: having memory there before it is written. */
#ifndef WEFT_PORT_POPULATE_H
#define WEFT_PORT_POPULATE_H

#include <stddef.h>

/* Have all pages of a range committed and mapped, in one go: on a virtual machine that costs a
 * twentieth of touching one after the other. Only a hint: where the system cannot, nothing happens. */
void weft__populate(void *at, size_t size);

#endif
