/* link/plugin.h: backends that live in a shared object of their own, so that a program pays for ZeroMQ
 * or MPI only when it uses it, and the library never links them. */
#ifndef WEFT_LINK_PLUGIN_H
#define WEFT_LINK_PLUGIN_H

#include "link/link.h"
#include "link/mpi.h"

enum { WEFT__PLUGIN_VERSION = 1 };

/* What a plug-in's entry gives. Static memory of the plug-in. */
typedef struct weft__plugin {
    uint32_t version; /* WEFT__PLUGIN_VERSION */
    uint32_t size;    /* sizeof(weft__plugin) */
    const char *name; /* "zmq", "mpi-openmpi" */
    const weft__link_ops *link;
    const weft__mpi_ops *mpi; /* NULL if it is no MPI */
} weft__plugin;

/* The entry's name in every plug-in: const weft__plugin *weft_plugin(void). */
#define WEFT__PLUGIN_ENTRY "weft_plugin"

/* Load weft/NAME.so: beside the library, in ../lib/weft beside a program that has the library in
 * itself, in WEFT_PLUGIN_DIR, in the directory it was installed to. Loaded once, never unloaded.
 * WEFT_MISSING with a detail that says where it was looked for; WEFT_INVALID: another version. */
weft_err weft__plugin_load(const char *name, const weft__plugin **p);

#endif
