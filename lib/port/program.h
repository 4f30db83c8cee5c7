/* port/program.h: finding a program as a shell does. */
#ifndef WEFT_PORT_PROGRAM_H
#define WEFT_PORT_PROGRAM_H

#include <stddef.h>

#include "weft/err.h"

/* The path of the program `name`, looked for in PATH unless it has a slash. WEFT_MISSING: there is
 * none; WEFT_DENIED: there is, but it cannot be executed. */
weft_err weft__program_find(const char *name, char *path, size_t cap);

#endif
