/* Connections on which nothing happens any more: SERVER CONNECTIONS MS. Each has said something once and
 * has had its answer, so nothing of it is still to be made.
 *
 * "memory" is what each of them adds to what the server has in memory, "cpu" the milliseconds of CPU time
 * that the server uses during MS milliseconds. */
#include "client/conn.h"

enum { SETTLE_MS = 700 }; /* what the server wants to do once it has nothing to do */

static void pass(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

int main(int argc, char **argv)
{
    bench_server server;
    bench_conns conns;
    int n = (int)bench_arg(argc, argv, 2, 10000);
    bench_server_start(&server, argv[1]);
    int64_t before = bench_server_memory(&server);
    bench_conns_open(&conns, n, &server);
    pass(SETTLE_MS);
    bench_print("memory", (double)(bench_server_memory(&server) - before) / n / 1024);
    before = bench_server_cpu(&server);
    pass(bench_arg(argc, argv, 3, 5000));
    bench_print("cpu", (double)(bench_server_cpu(&server) - before) / 1e6);
    for (int i = 0; i < n; i++)
        bench_check("the bytes that came back", conns.all[i].came, CONN_MESSAGE);
    bench_conns_close(&conns);
    bench_server_stop(&server);
    return 0;
}
