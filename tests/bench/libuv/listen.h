/* libuv/listen.h: where both of libuv's servers listen. */
#ifndef BENCH_LIBUV_LISTEN_H
#define BENCH_LIBUV_LISTEN_H

#include <uv.h>

#include "bench.h"

/* Listen on the default loop and print the port. */
static inline void listen_and_print(uv_tcp_t *listener, uv_connection_cb on_connection)
{
    struct sockaddr_in at;
    int len = sizeof at;
    uv_tcp_init(uv_default_loop(), listener);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_bind(listener, (const struct sockaddr *)&at, 0);
    bench_need(uv_listen((uv_stream_t *)listener, 1024, on_connection) == 0, "it listens");
    uv_tcp_getsockname(listener, (struct sockaddr *)&at, &len);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
}

#endif
