/* port/module.h: shared objects that are loaded while the program runs. */
#ifndef WEFT_PORT_MODULE_H
#define WEFT_PORT_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/err.h"

/* A shared object; it stays loaded until the process ends. */
typedef struct weft__module weft__module;

/* Load the file `path`; loading it again gives the same. WEFT_MISSING: there is no such file;
 * WEFT_INVALID: it cannot be loaded, the detail says why. */
weft_err weft__module_load(const char *path, weft__module **m);

/* The address of its exported `name`, or NULL. */
void *weft__module_symbol(weft__module *m, const char *name);

/* The folder of the file that this code was loaded from: the library's, or the program's if that
 * has the library in itself. False if it cannot be told. */
bool weft__module_folder(char *buf, size_t cap);

#endif
