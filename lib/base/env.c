#include "base/env.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "port/env.h"
#include "port/err.h"
#include "port/number.h"

const weft__env_var weft__env_table[] = {
    {"WEFT_THREADS", "1 to 256",
     "how many workers the pool of each process has; default: this process's share of the CPUs"},
    {"WEFT_BIND", "core, l3, numa, package or none",
     "what processes and workers are bound to; none leaves every mask alone; default: core"},
    {"WEFT_LINK", "shm, zmq or mpi",
     "how processes talk; an error if it cannot work; default: what suits how they were started"},
    {"WEFT_ALONE", "0 or 1", "1: be alone, whatever job this process seems to belong to"},
    {"WEFT_INSECURE", "0 or 1", "1: no encryption and no keys on ZeroMQ links; warned of"},
    {"WEFT_PLUGIN_DIR", "a directory", "where plug-ins are looked for beside the library's own"},
    {"WEFT_LOG", "error, warn, info or debug",
     "the least urgent lines that are logged; default: warn"},
    {"WEFT_WATCHDOG", "0 to 3600000",
     "milliseconds; a task that computes for longer without a wait is named in the log; 0: never"},
    {"WEFT_STACK_KIB", "16 to 1048576",
     "KiB of address space of each task's stack, of which what is touched is used; default: 256"},
    {"WEFT_JOIN_SECONDS", "1 to 86400",
     "how long joining the job may take before it is an error; default: 60"},
    {NULL, NULL, NULL},
};

enum { TABLE_COUNT = sizeof weft__env_table / sizeof weft__env_table[0] - 1 };

/* Those that are not for users: the launcher's own, and those of the project's scripts and tests. */
static const char *const ignored_prefixes[] = {"WEFT_JOB", "WEFT_TEST_", "WEFT_BUILD_",
                                               "WEFT_SOURCE_"};

/* NULL if it is unset or empty. */
static const char *value_of(const char *name)
{
    const char *value = weft__env_get(name);
    return value && *value ? value : NULL;
}

weft_err weft__env_int(const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *value = value_of(name);
    if (!value || weft__number_read(value, min, max, out))
        return WEFT_OK;
    return weft__fail(WEFT_INVALID,
                      "%s=%.100s is not allowed; a whole number from %" PRId64 " to %" PRId64, name,
                      value, min, max);
}

weft_err weft__env_flag(const char *name, bool *out)
{
    const char *value = value_of(name);
    if (!value)
        return WEFT_OK;
    if ((value[0] != '0' && value[0] != '1') || value[1])
        return weft__fail(WEFT_INVALID, "%s=%.100s is not allowed; 0 or 1", name, value);
    *out = value[0] == '1';
    return WEFT_OK;
}

weft_err weft__env_choice(const char *name, const char *const *choices, int *out)
{
    const char *value = value_of(name);
    char all[256] = "";
    if (!value)
        return WEFT_OK;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(value, choices[i]) == 0) {
            *out = i;
            return WEFT_OK;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", choices[i]);
    }
    return weft__fail(WEFT_INVALID, "%s=%.100s is not allowed; one of %s", name, value, all);
}

/* Whether the first `len` letters of `entry` are a variable that is known or none of ours. */
static bool known(const char *entry, size_t len)
{
    if (strncmp(entry, "WEFT_", 5) != 0)
        return true;
    for (size_t i = 0; i < sizeof ignored_prefixes / sizeof ignored_prefixes[0]; i++)
        if (strncmp(entry, ignored_prefixes[i], strlen(ignored_prefixes[i])) == 0)
            return true;
    for (int i = 0; i < TABLE_COUNT; i++)
        if (strlen(weft__env_table[i].name) == len &&
            memcmp(entry, weft__env_table[i].name, len) == 0)
            return true;
    return false;
}

const char *weft__env_unknown(void)
{
    static _Thread_local char shown[160];
    const char *names[TABLE_COUNT], *entry;
    for (int i = 0; i < TABLE_COUNT; i++)
        names[i] = weft__env_table[i].name;
    for (int i = 0; (entry = weft__env_at(i)); i++) {
        size_t len = strcspn(entry, "=");
        if (known(entry, len))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), entry);
        const char *meant = weft__suggest(name, names, TABLE_COUNT);
        if (meant)
            snprintf(shown, sizeof shown, "%s (did you mean %s?)", name, meant);
        else
            snprintf(shown, sizeof shown, "%s", name);
        return shown;
    }
    return NULL;
}
