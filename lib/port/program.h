/* port/program.h: finding a program as a shell does, and why one cannot be run. */
#ifndef WEFT_PORT_PROGRAM_H
#define WEFT_PORT_PROGRAM_H

#include <stddef.h>

#include "weft/err.h"

/* The path of the program `name`, looked for in PATH unless it has a slash. WEFT_MISSING: there is
 * none; WEFT_DENIED: there is, but it cannot be executed. */
weft_err weft__program_find(const char *name, char *path, size_t cap);

/* To run `program`, whose relative path counts from the directory `at` (AT_FDCWD), came to the system's `error`,
 * which does not say of what it speaks: of the program, or of its interpreter. It is looked at once more.
 * Returns WEFT_MISSING, WEFT_DENIED, or what the number means. */
weft_err weft__program_error(int error, int at, const char *program);

#endif
