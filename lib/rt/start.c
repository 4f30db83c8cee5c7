#include "port/err.h"
#include "rt/rt.h"

#ifndef WEFT_VERSION_STRING
#error "the build defines WEFT_VERSION_STRING"
#endif

const char *weft_version(void)
{
    return WEFT_VERSION_STRING;
}

weft_err weft_start(weft **out, const weft_opts *opts)
{
    weft *w;
    weft_err e = weft__rt_open(&w, opts);
    if (e != WEFT_OK)
        return e;
    e = weft__engine_start(w, 0);
    if (e != WEFT_OK) {
        (void)weft__rt_close(&w, WEFT_NOW);
        return e;
    }
    *out = w;
    return WEFT_OK;
}

weft_err weft_stop_at(weft **w, weft_deadline by, const char *where)
{
    if (!*w)
        return WEFT_OK;
    if (weft_here())
        weft__misuse(where,
                     "weft_stop: called by task %s: only the thread that started weft can stop it",
                     weft_task_name());
    weft__engine_halt(*w);
    weft__engine_join(*w, 0);
    return weft__rt_close(w, by);
}
