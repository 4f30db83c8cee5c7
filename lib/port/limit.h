/* port/limit.h: how much of something the operating system lets this process have. */
#ifndef WEFT_PORT_LIMIT_H
#define WEFT_PORT_LIMIT_H

#include <stdint.h>

/* Let this process have at least `want` descriptors: raises the soft limit, which children inherit,
 * to the hard one if it is lower than that. Returns how many it may have now. */
uint64_t weft__limit_files(uint64_t want);

/* How many mappings a process may have. */
uint64_t weft__limit_mappings(void);

#endif
