/* client/server.h: the server that a bench talks to, a program of its own on a CPU of its own.
 *
 * A server program listens on 127.0.0.1, prints its port and serves until it is killed. It is started on
 * the first CPU of the line; the client, which is the same for all servers, has the second one.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench.h"

typedef struct bench_server {
    pid_t pid;
    struct sockaddr_in at; /* where it listens */
} bench_server;

/* Start `program`, wait for its port, and bind the caller to the other CPU. The server ends when the
 * caller does, whichever way. Both may have as many descriptors as the system allows. */
void bench_server_start(bench_server *s, const char *program);

/* End it and wait for its end; it must have been alive. */
void bench_server_stop(bench_server *s);

/* Nanoseconds of CPU time that all of its threads have used. */
int64_t bench_server_cpu(const bench_server *s);

/* Bytes that it has in memory, without those of the kernel. */
int64_t bench_server_memory(const bench_server *s);

/* Nanoseconds that its first thread, or the caller, was ready to run while others had the CPU. */
int64_t bench_server_kept_waiting(const bench_server *s);

#endif
