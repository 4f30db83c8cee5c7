#include "client/server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A thousand connections are more descriptors than a process has unless it asks. */
static void raise_limit(void)
{
    struct rlimit limit;
    bench_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "the limit of descriptors can be read");
    limit.rlim_cur = limit.rlim_max;
    bench_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "the limit of descriptors can be raised");
}

static void be_server(const char *program, int out)
{
    bench_pin(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execl(program, program, (char *)NULL);
    bench_fail("the server's program cannot be started");
}

static int read_port(int fd)
{
    int port = 0;
    FILE *in = fdopen(fd, "r");
    bench_need(in != NULL && fscanf(in, "%d", &port) == 1, "the server prints its port");
    fclose(in);
    return port;
}

void bench_server_start(bench_server *s, const char *program)
{
    int ends[2];
    bench_need(program != NULL, "the first argument is the server's program");
    raise_limit();
    bench_need(pipe(ends) == 0, "a pipe is made");
    s->pid = fork();
    bench_need(s->pid >= 0, "the server is forked");
    if (s->pid == 0)
        be_server(program, ends[1]);
    bench_pin(1);
    close(ends[1]);
    s->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    s->at.sin_port = htons((uint16_t)read_port(ends[0]));
}

void bench_server_stop(bench_server *s)
{
    int status;
    bench_need(waitpid(s->pid, &status, WNOHANG) == 0, "the server is alive at the end");
    kill(s->pid, SIGKILL);
    bench_need(waitpid(s->pid, &status, 0) == s->pid, "the server ends");
}

int64_t bench_server_cpu(const bench_server *s)
{
    clockid_t clock;
    struct timespec t;
    bench_need(clock_getcpuclockid(s->pid, &clock) == 0 && clock_gettime(clock, &t) == 0,
               "the server's CPU time can be read");
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_server_memory(const bench_server *s)
{
    char text[256];
    long kib = -1;
    snprintf(text, sizeof text, "/proc/%d/status", (int)s->pid);
    FILE *status = fopen(text, "r");
    bench_need(status != NULL, "the server's status can be read");
    while (kib < 0 && fgets(text, sizeof text, status))
        if (sscanf(text, "VmRSS: %ld", &kib) != 1)
            kib = -1;
    fclose(status);
    bench_need(kib >= 0, "the server's status says how much memory it has");
    return (int64_t)kib * 1024;
}

static int64_t waited(const char *process)
{
    char path[64];
    long long ran, wait;
    snprintf(path, sizeof path, "/proc/%s/schedstat", process);
    FILE *in = fopen(path, "r");
    if (!in)
        return 0; /* a system that does not say so */
    bench_need(fscanf(in, "%lld %lld", &ran, &wait) == 2, "what the scheduler says can be read");
    fclose(in);
    return wait;
}

int64_t bench_server_kept_waiting(const bench_server *s)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)s->pid);
    return waited(pid) + waited("self");
}
