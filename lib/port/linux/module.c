/* port/linux/module.c: dlopen. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/err.h"
#include "port/module.h"

weft_err weft__module_load(const char *path, weft__module **m)
{
    if (access(path, F_OK) != 0)
        return weft__fail(WEFT_MISSING, "%s: %s", path, strerror(errno));
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return weft__fail(WEFT_INVALID, "%s", dlerror());
    *m = handle;
    return WEFT_OK;
}

void *weft__module_symbol(weft__module *m, const char *name)
{
    return dlsym(m, name);
}

bool weft__module_folder(char *buf, size_t cap)
{
    static const char here;
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP))
        return false;
    /* The loader knows the program itself by no name of its own. */
    bool program = !map || map->l_name[0] == 0;
    char path[PATH_MAX];
    if (!realpath(program ? "/proc/self/exe" : map->l_name, path))
        return false;
    *strrchr(path, '/') = 0;
    if (strlen(path) >= cap)
        return false;
    strcpy(buf, path);
    return true;
}
