/* A directory of the test's own, beside its fresh engine. */
#ifndef WEFT_TESTS_LOOP_ROOT_H
#define WEFT_TESTS_LOOP_ROOT_H

#include <stdlib.h>

#include "task/fresh.h"

static char root[64];

static inline int setup_root(void **state)
{
    strcpy(root, "/tmp/weft-test-XXXXXX");
    return mkdtemp(root) ? setup(state) : -1;
}

static inline int teardown_root(void **state)
{
    char line[128];
    teardown(state);
    snprintf(line, sizeof line, "rm -rf %s", root);
    return system(line);
}

/* The path of `name` in it, until the thread asks for the next. */
static inline char *in_root(const char *name)
{
    static _Thread_local char path[160];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

#endif
