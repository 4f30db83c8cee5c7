/* An echo server under load: SERVER CONNECTIONS WINDOW MESSAGES. Each connection has WINDOW messages of
 * 512 bytes under way, sends the next one when one has come back, and all of them together send MESSAGES.
 * A WINDOW of 1 is ping-pong; a large one is a stream.
 *
 * "cost" is the time for each message; "cpu" is the server's CPU time, without what the client's CPU does
 * for it: on loopback a packet is taken in by whoever sent it. The client never sleeps: a server that is a little
 * slower than the client would have to wake it with nearly each answer, and pay for that too. */
#include "client/conn.h"

enum { BATCH = 512 };

static bench_conns conns;
static int64_t window, left; /* left: bytes that may still be asked for */

/* Ask for `bytes` more on this connection, if there are any left. */
static void ask(bench_conn *c, int64_t bytes)
{
    bytes = bytes < left ? bytes : left;
    left -= bytes;
    c->limit += bytes;
    bench_conn_send(&conns, c);
}

/* Ask for the next message when the last one is complete; of a stream, for as much as has come. */
static void answer(bench_conn *c)
{
    int64_t n = bench_conn_receive(c);
    if (window > 1)
        ask(c, n);
    else if (c->came == c->limit)
        ask(c, CONN_MESSAGE);
}

/* Send `messages` and have them back. Returns the nanoseconds for each. */
static double load(int64_t messages, double *cpu, const bench_server *server)
{
    bench_conn *got[BATCH];
    int64_t before = bench_server_cpu(server), begin = bench_clock(), last = begin;
    left = messages * CONN_MESSAGE;
    for (int i = 0; i < conns.n; i++)
        ask(&conns.all[i], window * CONN_MESSAGE);
    for (int64_t done = 0; done < messages * CONN_MESSAGE;) {
        int n = bench_conns_wait(&conns, got, BATCH, 0);
        int64_t now = bench_clock();
        bench_need(n > 0 || now < last + 10000000000,
                   "the server does not stop to answer for 10 s");
        last = n > 0 ? now : last;
        for (int i = 0; i < n; i++) {
            done -= got[i]->came;
            answer(got[i]);
            done += got[i]->came;
        }
    }
    *cpu = (double)(bench_server_cpu(server) - before) / (double)messages;
    return (double)(bench_clock() - begin) / (double)messages;
}

int main(int argc, char **argv)
{
    bench_server server;
    double cpu;
    int64_t messages = bench_arg(argc, argv, 4, 100000);
    bench_server_start(&server, argv[1]);
    window = bench_arg(argc, argv, 3, 1);
    bench_conns_open(&conns, (int)bench_arg(argc, argv, 2, 1000), &server);
    load(messages / 10, &cpu, &server);
    bench_print("cost", load(messages, &cpu, &server));
    bench_print("cpu", cpu);
    for (int i = 0; i < conns.n; i++)
        bench_check("the bytes that came back", conns.all[i].came, conns.all[i].limit);
    bench_conns_close(&conns);
    bench_server_stop(&server);
    return 0;
}
