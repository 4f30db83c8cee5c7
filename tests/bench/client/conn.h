/* client/conn.h: many connections to an echo server, in one thread, and every byte that comes back is
 * looked at.
 *
 * What a connection sends is a piece of one table of chance, from a place of its own on, and around when
 * the table ends, after a number of bytes that no length of a message divides. So messages differ, of one
 * connection and of several; nothing has to be filled in before a send; and the check is a memcmp.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdint.h>

#include "client/server.h"

enum { CONN_MESSAGE = 512 }; /* bytes of a message */

typedef struct bench_conn {
    int fd;
    bool full;          /* the system took no more: wait until it can be written */
    uint32_t start;     /* where in the table its bytes begin */
    int64_t limit;      /* how many bytes are to be sent in all; the user's */
    int64_t sent, came; /* how many were sent, and came back */
    int64_t mark;       /* the user's: when the message was sent that is awaited */
} bench_conn;

/* `n` connections, and what epoll says about them. */
typedef struct bench_conns {
    bench_conn *all;
    int n, epoll;
} bench_conns;

/* Connect to the server, and have one message back on every connection, so that all are accepted. */
void bench_conns_open(bench_conns *s, int n, const bench_server *server);

/* Close and free them. */
void bench_conns_close(bench_conns *s);

/* Send what is missing up to c->limit, as far as the system takes it. */
void bench_conn_send(bench_conns *s, bench_conn *c);

/* Read once what has come back, at most 64 KiB, and check it. Returns how many bytes that were. */
int64_t bench_conn_receive(bench_conn *c);

/* Wait until something can be done, at most `ms`: of those that can be read, `got` has as many as fit,
 * at most `most`; those that could not be written and now can have been. Returns how many are in `got`. */
int bench_conns_wait(bench_conns *s, bench_conn **got, int most, int ms);

#endif
