/* Ranks that do nothing but pass items through a queue until they are ended, or idle if so asked:
 *   traffic_prog flow      rank 0 puts without end, the others take
 *   traffic_prog idle      everybody waits for an item for 5 s; each rank prints what that cost
 *   traffic_prog leave     the last rank leaves at once with code 5, the others meet it in a barrier
 * Rank 0 prints "running" once all are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "weft/weft.h"

enum { ITEM = 64 * 1024 };

static int failed(weft *w, const char *what, weft_err e)
{
    fprintf(stderr, "traffic: rank %d: %s: %s: %s\n", weft_rank(w), what, weft_strerror(e),
            weft_detail());
    return 1;
}

static int flow(weft *w, weft_queue *q)
{
    static char item[ITEM];
    size_t len;
    for (;;) {
        weft_err e = weft_rank(w) == 0 ? weft_put(q, item, sizeof item, WEFT_FOREVER)
                                       : weft_get(q, item, sizeof item, &len, WEFT_FOREVER);
        if (e != WEFT_OK)
            return failed(w, "flow", e);
    }
}

static int idle(weft *w, weft_queue *q)
{
    struct rusage before, after;
    struct timespec cpu0, cpu1;
    char item[8];
    size_t len;
    /* A first wait, in which all of starting is over and every rank has told the home what it wants. */
    weft_err e = weft_get(q, item, sizeof item, &len, weft_in_ms(500));
    if (e != WEFT_LATE)
        return failed(w, "settling", e);
    getrusage(RUSAGE_SELF, &before);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu0);
    e = weft_get(q, item, sizeof item, &len, weft_in_s(5));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu1);
    getrusage(RUSAGE_SELF, &after);
    if (e != WEFT_LATE)
        return failed(w, "idle", e);
    printf("idle %ld us %ld switches\n",
           (cpu1.tv_sec - cpu0.tv_sec) * 1000000 + (cpu1.tv_nsec - cpu0.tv_nsec) / 1000,
           after.ru_nvcsw - before.ru_nvcsw);
    fflush(stdout);
    /* Nobody ends the queue while another still waits in it. */
    e = weft_team_barrier(weft_job(w), weft_in_s(20));
    return e == WEFT_OK ? 0 : failed(w, "barrier after idling", e);
}

static int leave(weft *w)
{
    if (weft_rank(w) == weft_size(w) - 1)
        return 5;
    weft_err e = weft_team_barrier(weft_job(w), weft_in_s(20));
    if (e != WEFT_LOST)
        return failed(w, "barrier with one that left", e);
    printf("rank %d: %s\n", weft_rank(w), weft_detail());
    return 0;
}

static int app(weft *w, int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "flow";
    weft_queue *q;
    weft_role role = weft_rank(w) == 0 ? WEFT_BOTH : WEFT_CONSUMER;
    weft_err e = weft_queue_open(&q, weft_job(w), "traffic", role, NULL, weft_in_s(20));
    if (e == WEFT_OK)
        e = weft_team_barrier(weft_job(w), weft_in_s(20));
    if (e != WEFT_OK)
        return failed(w, "open", e);
    if (weft_rank(w) == 0) {
        puts("running");
        fflush(stdout);
    }
    if (strcmp(mode, "leave") == 0)
        return leave(w);
    int code = strcmp(mode, "idle") == 0 ? idle(w, q) : flow(w, q);
    if (code != 0)
        return code;
    weft_queue_end(q);
    weft_queue_close(&q);
    return 0;
}

int main(int argc, char **argv)
{
    return weft_main(argc, argv, NULL, app);
}
