/* The echo server of weft: a task for each connection, and its buffer on the task's stack. */
#include "bench.h"
#include "weft/weft.h"

static weft_err serve(void *arg)
{
    weft_stream *s = arg;
    char buf[65536];
    size_t got;
    weft_err e;
    while ((e = weft_read(s, buf, sizeof buf, &got, WEFT_FOREVER)) == WEFT_OK)
        if ((e = weft_write(s, buf, got, WEFT_FOREVER)) != WEFT_OK)
            break;
    weft_close(&s);
    return WEFT_OK; /* a connection that broke is the client's affair */
}

static int app(weft *w, int argc, char **argv)
{
    weft_listener *l;
    weft_stream *s;
    weft_address at;
    weft_scope connections;
    (void)argc, (void)argv;
    bench_need(weft_listen(w, &l, "127.0.0.1:0", NULL) == WEFT_OK, "it listens");
    weft_listener_address(l, &at);
    printf("%d\n", weft_address_port(&at));
    fflush(stdout);
    weft_scope_init(&connections, weft_pool(w), "connections");
    while (weft_accept(l, &s, WEFT_FOREVER) == WEFT_OK)
        bench_need(weft_go(&connections, serve, s) == WEFT_OK, "a connection has a task");
    weft_scope_fini(&connections);
    weft_listener_close(&l);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
