/* link/plugin.c: finding plug-ins and checking what they are. */
#include "link/plugin.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "port/env.h"
#include "port/err.h"
#include "port/module.h"

enum { PATH_BYTES = 4096 };

/* The file of the plug-in in the place number `i`. False: there is no such place here. */
static bool place(int i, const char *name, char *path)
{
    char folder[PATH_BYTES] = "";
    const char *variable = weft__env_get("WEFT_PLUGIN_DIR");
    int n = 0;
    switch (i) {
    case 0: /* beside the library */
    case 1: /* beside a program that has the library in itself */
        if (weft__module_folder(folder, sizeof folder))
            n = snprintf(path, PATH_BYTES, "%s/%sweft/%s.so", folder, i == 0 ? "" : "../lib/",
                         name);
        break;
    case 2:
        if (variable && *variable)
            n = snprintf(path, PATH_BYTES, "%s/%s.so", variable, name);
        break;
    default:
#ifdef WEFT_PLUGIN_INSTALL_DIR
        n = snprintf(path, PATH_BYTES, "%s/%s.so", WEFT_PLUGIN_INSTALL_DIR, name);
#endif
        break;
    }
    return n > 0 && n < PATH_BYTES;
}

/* What the plug-in in `m` gives, once it is sure to be one of this build. */
static weft_err enter(weft__module *m, const char *path, const char *name, const weft__plugin **p)
{
    const weft__plugin *(*entry)(void);
    void *symbol = weft__module_symbol(m, WEFT__PLUGIN_ENTRY);
    if (!symbol)
        return weft__fail(WEFT_INVALID, "plug-in %s: it is none: it has no " WEFT__PLUGIN_ENTRY,
                          path);
    /* C has no cast from an object's address to a function's. */
    memcpy(&entry, &symbol, sizeof entry);
    const weft__plugin *found = entry();
    if (!found || found->version != WEFT__PLUGIN_VERSION || found->size != sizeof *found)
        return weft__fail(WEFT_INVALID,
                          "plug-in %s: it has version %u, this library needs version %u: install "
                          "both from one build",
                          path, found ? found->version : 0, (unsigned)WEFT__PLUGIN_VERSION);
    if (!found->name || strcmp(found->name, name) != 0 || !found->link)
        return weft__fail(WEFT_INVALID, "plug-in %s: it is \"%.40s\", not \"%s\"", path,
                          found->name ? found->name : "", name);
    *p = found;
    return WEFT_OK;
}

weft_err weft__plugin_load(const char *name, const weft__plugin **p)
{
    char looked[WEFT__DETAIL_MAX] = "";
    size_t used = 0;
    for (int i = 0; i < 4; i++) {
        char path[PATH_BYTES];
        weft__module *m;
        if (!place(i, name, path))
            continue;
        weft_err e = weft__module_load(path, &m);
        if (e == WEFT_OK)
            return enter(m, path, name, p);
        if (e != WEFT_MISSING) /* it is there, but what it needs is not */
            return weft__fail_in(WEFT_MISSING, "plug-in %s cannot be used", name);
        int n = snprintf(looked + used, sizeof looked - used, "%s%s", used > 0 ? ", " : "", path);
        used = n < (int)(sizeof looked - used) ? used + (size_t)n : sizeof looked - 1;
    }
    return weft__fail(WEFT_MISSING,
                      "plug-in %s: not found; set WEFT_PLUGIN_DIR to its folder; "
                      "looked for %.380s",
                      name, looked);
}
