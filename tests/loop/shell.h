/* Child processes that run a script of the shell, for tests with a fresh engine. */
#ifndef WEFT_TESTS_LOOP_SHELL_H
#define WEFT_TESTS_LOOP_SHELL_H

#include <errno.h>
#include <sys/wait.h>

#include "task/fresh.h"
#include "weft/process.h"
#include "weft/stream.h"

/* No test leaves a child behind, not even a dead one. */
static inline int teardown_children(void **state)
{
    bool none = waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
    return teardown(state) == 0 && none ? 0 : -1;
}

static const weft_stdio to_pipe = {WEFT_STDIO_PIPE, 0};

/* `c`, as `sh -c script`. */
static inline weft_err shell(weft_process **p, const char *script, weft_command c)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    c.argv = argv;
    return weft_process_start(w, p, &c);
}

/* All that comes out of `s`, for which `text` has to have room. */
static inline weft_err read_all(weft_stream *s, char *text, size_t cap)
{
    size_t len = 0, got = 0;
    weft_err e;
    while ((e = weft_read(s, text + len, cap - 1 - len, &got, weft_in_s(20))) == WEFT_OK)
        len += got;
    text[len] = '\0';
    return e == WEFT_CLOSED ? WEFT_OK : e;
}

#endif
