/* One chatty connection beside quiet ones: SERVER QUIET SLICES. A quiet one sends a message now and then
 * and notes when it has it back; the chatty one has as much under way as 2 MiB, so that the server always
 * finds something to read there.
 *
 * What is to be measured is what the server does to the quiet ones, on a machine where now and then nobody
 * runs for milliseconds. So the time is cut into slices, by turns with and without the chatty one; all
 * that was sent in a slice has come back before the next one begins. "extra" is the worst delay of a slice
 * with the chatty one, less the worst of a slice without, both the medians over their slices: a server
 * that lets the quiet ones wait does so in every slice, and a disturbance from outside is in a few. Of the
 * outside, other programs are known to the scheduler: a slice in which the server or the client was ready
 * to run and had to wait is done once more, a few times. "p99"
 * is the same of the 99th of 100 delays of a slice. "worst" is the worst of all with the chatty one,
 * whoever caused it. The client never sleeps and looks at the quiet ones first; where it takes long itself,
 * 0.3 ms at most here, the quiet ones are charged for it. */
#include "client/conn.h"

enum {
    BATCH = 512,
    SLICE_NS = 50000000,
    PAUSE_NS = 200000, /* between two messages of quiet connections: about 250 in a slice */
    SLICES = 100,      /* at most, of each kind */
    DELAYS = SLICE_NS / PAUSE_NS + 1,
    AGAIN = 4, /* times as many slices as are to count are tried */
    WAIT_NS =
        500000, /* that both together may have waited for the CPU in a slice; a wake takes some of it */
    WINDOW = 2 << 20 /* bytes of the chatty one that are under way */
};

/* What there is of slices with, or without, the chatty one. */
struct kind {
    double p99[SLICES], worst[SLICES];
    int slices;
};

static struct kind with, without;
static double delays[DELAYS]; /* of this slice */
static int count;
static bench_server server;
static bench_conns conns;
static int64_t messages, tries; /* of the chatty one; before disturbed slices count too */
static bench_conn *chatty;      /* the first of them */
static int next;                /* the quiet one that is to send next */
static int64_t awaited;         /* quiet ones that have not had their answer */

static void ask(bench_conn *c, int64_t bytes)
{
    c->limit += bytes;
    bench_conn_send(&conns, c);
}

static void send_quiet(void)
{
    bench_conn *c = &conns.all[1 + next];
    next = (next + 1) % (conns.n - 1);
    if (c->came != c->limit)
        return; /* its answer is on the way since the last turn, and will count as late as it is */
    c->mark = bench_clock();
    awaited++;
    ask(c, CONN_MESSAGE);
}

static void receive_quiet(bench_conn *c)
{
    bench_conn_receive(c);
    if (c->came != c->limit)
        return;
    bench_need(count < DELAYS, "there is room for every delay");
    delays[count++] = (double)(bench_clock() - c->mark) / 1e3;
    awaited--;
}

/* Take in what has come: the quiet ones first. `talk`: the chatty one goes on. */
static void turn(bool talk)
{
    bench_conn *got[BATCH];
    bool more = false;
    for (int i = bench_conns_wait(&conns, got, BATCH, 0); i > 0; i--)
        if (got[i - 1] == chatty)
            more = true;
        else
            receive_quiet(got[i - 1]);
    int64_t n = more ? bench_conn_receive(chatty) : 0;
    if (talk)
        ask(chatty, n);
}

/* What came of a slice. */
static void note(struct kind *k)
{
    bench_median(delays, count); /* which sorts them */
    k->p99[k->slices] = delays[count * 99 / 100];
    k->worst[k->slices++] = delays[count - 1];
}

/* Returns whether nobody else had the CPU; or it was not to be had without. */
static bool slice(struct kind *k, bool talk)
{
    int64_t kept_waiting = bench_server_kept_waiting(&server), before = chatty->came;
    int64_t begin = bench_clock(), due = begin;
    if (talk)
        ask(chatty, WINDOW);
    for (int64_t now; (now = bench_clock()) < begin + SLICE_NS;) {
        if (now >= due) {
            send_quiet();
            due = now + PAUSE_NS;
        }
        turn(talk);
    }
    while (awaited > 0 || chatty->came != chatty->limit) {
        bench_need(bench_clock() < begin + 20000000000, "everything comes back within 20 s");
        turn(false);
    }
    messages += (chatty->came - before) / CONN_MESSAGE;
    tries--;
    kept_waiting = bench_server_kept_waiting(&server) - kept_waiting;
    bool counts = tries <= 0 || kept_waiting <= WAIT_NS;
    if (counts)
        note(k);
    count = 0;
    return counts;
}

/* By how much the median of some slices is above that of the others. */
static double above(double *a, double *b, int n)
{
    double more = bench_median(a, n) - bench_median(b, n);
    return more > 0 ? more : 0;
}

int main(int argc, char **argv)
{
    int64_t slices = bench_arg(argc, argv, 3, 10);
    bench_need(slices <= SLICES, "there is room for every slice");
    bench_server_start(&server, argv[1]);
    bench_conns_open(&conns, 1 + (int)bench_arg(argc, argv, 2, 1000), &server);
    chatty = conns.all;
    for (int i = 0; i < 2; i++) { /* to warm up */
        slice(&without, false);
        slice(&with, true);
    }
    with.slices = without.slices = 0;
    tries = 2 * AGAIN * slices;
    for (int64_t i = 0; i < slices; i++) {
        while (!slice(&without, false))
            ;
        while (!slice(&with, true))
            ;
    }
    bench_need(messages > 1000 * slices, "the chatty connection is chatty");
    bench_print("p99", above(with.p99, without.p99, with.slices));
    bench_print("extra", above(with.worst, without.worst, with.slices));
    bench_print("worst", with.worst[with.slices - 1]);
    bench_conns_close(&conns);
    bench_server_stop(&server);
    return 0;
}
