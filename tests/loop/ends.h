/* Both ends of a connection, for tests with a fresh engine. */
#ifndef WEFT_TESTS_LOOP_ENDS_H
#define WEFT_TESTS_LOOP_ENDS_H

#include "task/fresh.h"
#include "weft/stream.h"

/* A TCP connection: ends[0] dialled, ends[1] was accepted. */
static inline void connection(weft_stream *ends[2])
{
    weft_listener *l;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    ok(weft_listen(w, &l, "127.0.0.1:0", NULL));
    weft_listener_address(l, &a);
    ok(weft_dial(w, &ends[0], weft_address_text(&a, text, sizeof text), weft_in_s(20)));
    ok(weft_accept(l, &ends[1], weft_in_s(20)));
    weft_listener_close(&l);
    assert_null(l);
}

static inline void close_ends(weft_stream *ends[2])
{
    weft_close(&ends[0]);
    weft_close(&ends[1]);
}

#endif
