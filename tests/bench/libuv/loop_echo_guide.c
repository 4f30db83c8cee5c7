/* An echo as libuv's own guide has it: each read into new memory, each answer a request of its own. */
#include "libuv/listen.h"

struct answer {
    uv_write_t request;
    char *data;
};

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_close(uv_handle_t *h)
{
    free(h);
}

static void on_written(uv_write_t *request, int status)
{
    struct answer *a = (struct answer *)request;
    (void)status; /* what broke is said to the reader too */
    free(a->data);
    free(a);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    if (n > 0) {
        struct answer *a = malloc(sizeof *a);
        bench_need(a != NULL, "there is memory for an answer");
        a->data = buf->base;
        uv_buf_t all = uv_buf_init(buf->base, (unsigned)n);
        bench_need(uv_write(&a->request, s, &all, 1, on_written) == 0, "an answer can be written");
        return;
    }
    if (n < 0)
        uv_close((uv_handle_t *)s, on_close);
    free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *c = malloc(sizeof *c);
    bench_need(status == 0 && c != NULL, "a connection can be made");
    uv_tcp_init(listener->loop, c);
    bench_need(uv_accept(listener, (uv_stream_t *)c) == 0, "a connection can be accepted");
    uv_tcp_nodelay(c, 1);
    uv_read_start((uv_stream_t *)c, on_alloc, on_read);
}

int main(void)
{
    uv_tcp_t listener;
    listen_and_print(&listener, on_connection);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
