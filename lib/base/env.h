/* base/env.h: the WEFT_* variables: one table, from which the reading, the errors and the
 * documentation (`weft env`) come. */
#ifndef WEFT_BASE_ENV_H
#define WEFT_BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/err.h"

typedef struct weft__env_var {
    const char *name, *values, *help;
} weft__env_var;

/* Every variable that a user may set, ended by a NULL name. */
extern const weft__env_var weft__env_table[];

/* Each reads one variable of the table; untouched outs if it is unset or empty. WEFT_INVALID with a
 * detail that names the variable, its value and what is allowed. */
weft_err weft__env_int(const char *name, int64_t min, int64_t max, int64_t *out);
weft_err weft__env_flag(const char *name, bool *out);
weft_err weft__env_choice(const char *name, const char *const *choices, int *out);

/* A WEFT_ variable in the environment that the table does not know: its name, and where one is near
 * "(did you mean ...?)"; or NULL. Valid until the calling thread asks again. */
const char *weft__env_unknown(void);

#endif
