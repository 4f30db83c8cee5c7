/* An echo as the users of libuv write it who look at its speed: one buffer for all reads, since a read is
 * answered before the next one, and the answer is tried at once; only what the system does not take is
 * copied and queued, and no more is read until it is gone. */
#include "libuv/listen.h"

enum { BUFFER = 65536 };

struct answer {
    uv_write_t request;
    uv_stream_t *to;
    char data[];
};

static char buffer[BUFFER];

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h, (void)suggested;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_close(uv_handle_t *h)
{
    free(h);
}

static void end(uv_stream_t *s)
{
    if (!uv_is_closing((uv_handle_t *)s))
        uv_close((uv_handle_t *)s, on_close);
}

static void on_written(uv_write_t *request, int status)
{
    struct answer *a = (struct answer *)request;
    if (status < 0)
        end(a->to);
    else
        uv_read_start(a->to, on_alloc, on_read);
    free(a);
}

static void write_later(uv_stream_t *s, const char *data, size_t n)
{
    struct answer *a = malloc(sizeof *a + n);
    bench_need(a != NULL, "there is memory for an answer");
    a->to = s;
    memcpy(a->data, data, n);
    uv_buf_t rest = uv_buf_init(a->data, (unsigned)n);
    uv_read_stop(s);
    bench_need(uv_write(&a->request, s, &rest, 1, on_written) == 0, "an answer can be queued");
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    if (n < 0)
        end(s);
    if (n <= 0)
        return;
    uv_buf_t all = uv_buf_init(buf->base, (unsigned)n);
    int done = uv_try_write(s, &all, 1);
    if (done < 0 && done != UV_EAGAIN)
        end(s);
    else if (done < n)
        write_later(s, buf->base + (done < 0 ? 0 : done), (size_t)(n - (done < 0 ? 0 : done)));
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
