/* port/number.h: whole decimal numbers as people write them. */
#ifndef WEFT_PORT_NUMBER_H
#define WEFT_PORT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Read `text`, all of it: an optional minus sign and digits. False if it is anything else or lies
 * outside of min and max. */
bool weft__number_read(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
