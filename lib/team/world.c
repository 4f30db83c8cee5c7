/* Joining through MPI: find out who is there, then choose the link.
 *
 * M1 Every rank takes the same decisions from the same exchanged data, and makes the same exchanges in
 *    the same order: a step that may fail on one rank is followed by an exchange of what it came to,
 *    and fails on all if it failed on one.
 * M2 Only an exchange that itself fails leaves the ranks apart; then the job is aborted. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "port/env.h"
#include "port/err.h"
#include "port/fd.h"
#include "port/handover.h"
#include "team/joining.h"

enum { HOST_MAX = 256, WHY_MAX = 248, HANDOVER_SECONDS = 15 };

/* What a step came to on one rank. */
typedef struct verdict {
    int32_t err;
    char why[WHY_MAX];
} verdict;

/* Who a rank is and what it wants. */
typedef struct hello {
    char host[HOST_MAX];
    int32_t choice;
} hello;

static void log_line(void *ctx, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void log_line(void *ctx, int level, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    weft__log_line(ctx, (weft_level)level, "%s", line);
}

static weft_err exchange(weft__joining *j, const void *mine, void *all, size_t each)
{
    weft__boot *b = j->boot;
    weft_err e = b->mpi_plugin->mpi->allgather(b->mpi, mine, all, (uint32_t)each);
    if (e != WEFT_OK) { /* M2 */
        b->mpi_plugin->mpi->leave(&b->mpi, true);
        b->mpi = NULL;
    }
    return e;
}

/* M1: what `mine` came to on all ranks. Whoever merely waited for a failing rank is not blamed: the
 * last rank that failed is, and rank 0, which gives to the others, only if no other did. */
static weft_err agree(weft__joining *j, weft_err mine)
{
    size_t n = (size_t)j->boot->size;
    verdict *all = calloc(n, sizeof *all), one = {.err = (int32_t)mine};
    if (!all) { /* M2 */
        j->boot->mpi_plugin->mpi->leave(&j->boot->mpi, true);
        return weft__fail(WEFT_NOMEM, "job: no memory for %zu ranks", n);
    }
    if (mine != WEFT_OK)
        snprintf(one.why, sizeof one.why, "%s", weft_detail());
    weft_err e = exchange(j, &one, all, sizeof one);
    for (size_t i = n; i-- > 0 && e == WEFT_OK;) {
        if (all[i].err == WEFT_OK)
            continue;
        e = all[i].err > 0 && all[i].err <= WEFT__ERR_LAST ? (weft_err)all[i].err : WEFT_INVALID;
        all[i].why[WHY_MAX - 1] = 0;
        weft__fail(e, "rank %zu: %s", i, all[i].why);
    }
    free(all);
    return e;
}

static weft_err check_choices(const hello *all, int size)
{
    for (int i = 0; i < size; i++) {
        int theirs = all[i].choice, first = all[0].choice;
        if (theirs < WEFT__LINK_ANY || theirs > WEFT__LINK_MPI)
            return weft__fail(WEFT_INVALID, "rank %d is another build of the program", i);
        if (theirs != first)
            return weft__fail(WEFT_INVALID,
                              "rank %d has WEFT_LINK=%s, rank 0 has %s: set it alike "
                              "for all (mpirun -x WEFT_LINK)",
                              i, theirs < 0 ? "(not set)" : weft__link_names[theirs],
                              first < 0 ? "it not set" : weft__link_names[first]);
    }
    return WEFT_OK;
}

/* Who is on which host. *apart: the first rank that is not on rank 0's host, or -1. */
static weft_err meet(weft__joining *j, int *apart)
{
    weft__boot *b = j->boot;
    hello mine = {.choice = j->choice}, *all = calloc((size_t)b->size, sizeof *all);
    weft_err e = agree(j, all ? WEFT_OK : weft__fail(WEFT_NOMEM, "job: no memory"));
    weft__host_identity(mine.host, sizeof mine.host);
    if (e == WEFT_OK)
        e = exchange(j, &mine, all, sizeof mine);
    if (e == WEFT_OK)
        e = check_choices(all, b->size);
    *apart = -1;
    b->local_rank = b->local_size = 0;
    for (int i = b->size - 1; i >= 0 && e == WEFT_OK; i--) {
        all[i].host[HOST_MAX - 1] = 0;
        if (strcmp(all[i].host, all[0].host) != 0)
            *apart = i;
        if (strcmp(all[i].host, mine.host) != 0)
            continue;
        b->local_size++;
        b->local_rank += i < b->rank;
    }
    free(all);
    return e;
}

/* The descriptors of a segment in one row: the file, then the bells. NULL: no memory. */
static int *row_of(const weft__seg *s)
{
    int *row = malloc(((size_t)s->ranks + 1) * sizeof *row);
    if (!row)
        return NULL;
    row[0] = s->fd;
    memcpy(row + 1, s->bells, (size_t)s->ranks * sizeof *row);
    return row;
}

static weft_err give_segment(weft__joining *j, weft__handover *h)
{
    int *row = row_of(&j->boot->seg);
    if (!row)
        return weft__fail(WEFT_NOMEM, "job: no memory");
    int64_t by = weft__clock_ns() + HANDOVER_SECONDS * INT64_C(1000000000);
    weft_err e = weft__handover_give(h, row, j->boot->size + 1, j->boot->size - 1,
                                     by < j->deadline ? by : j->deadline);
    free(row);
    return e;
}

static weft_err take_segment(weft__joining *j, const weft__handover_key *key)
{
    weft__boot *b = j->boot;
    int count = b->size + 1, *row = malloc((size_t)count * sizeof *row);
    if (!row)
        return weft__fail(WEFT_NOMEM, "job: no memory");
    int64_t by = weft__clock_ns() + HANDOVER_SECONDS * INT64_C(1000000000);
    weft_err e = weft__handover_take(key, row, count, by < j->deadline ? by : j->deadline);
    if (e == WEFT_OK) {
        e = weft__seg_attach(&b->seg, row[0], row + 1, b->size);
        b->have_seg = e == WEFT_OK;
        for (int i = 0; e != WEFT_OK && i < count; i++)
            weft__fd_close(row[i]);
    }
    free(row);
    return e;
}

/* Rank 0 makes the segment, the others get it. On failure, on all ranks, nobody has it. */
static weft_err share_segment(weft__joining *j)
{
    weft__boot *b = j->boot;
    weft__handover h = {.fd = -1};
    weft_err e = WEFT_OK;
    if (b->rank == 0) {
        e = weft__seg_create(&b->seg, b->size);
        b->have_seg = e == WEFT_OK;
        if (e == WEFT_OK)
            e = weft__handover_open(&h);
    }
    e = agree(j, e);
    weft__handover_key *keys = calloc((size_t)b->size, sizeof *keys);
    if (e == WEFT_OK)
        e = agree(j, keys ? WEFT_OK : weft__fail(WEFT_NOMEM, "job: no memory"));
    if (e == WEFT_OK)
        e = exchange(j, &h.key, keys, sizeof h.key);
    if (e == WEFT_OK)
        e = agree(j, b->rank == 0 ? give_segment(j, &h) : take_segment(j, &keys[0]));
    weft__handover_close(&h);
    free(keys);
    if (e != WEFT_OK && b->have_seg) {
        weft__seg_close(&b->seg);
        b->have_seg = false;
    }
    return e;
}

static weft_err cards_by_world(weft__joining *j)
{
    typedef struct {
        uint32_t len;
        uint8_t bytes[WEFT__CARD_MAX];
    } card;
    size_t n = (size_t)j->boot->size;
    card mine = {0}, *all = calloc(n, sizeof *all);
    uint8_t *cards = calloc(n, WEFT__CARD_MAX);
    uint32_t *lengths = calloc(n, sizeof *lengths);
    weft_err e =
        agree(j, all && cards && lengths ? WEFT_OK : weft__fail(WEFT_NOMEM, "job: no memory"));
    if (e == WEFT_OK) {
        mine.len = j->slots->card(j->link, mine.bytes);
        e = exchange(j, &mine, all, sizeof mine);
    }
    for (size_t i = 0; i < n && e == WEFT_OK; i++) {
        lengths[i] = all[i].len;
        memcpy(cards + i * WEFT__CARD_MAX, all[i].bytes, WEFT__CARD_MAX);
    }
    if (e == WEFT_OK)
        e = weft__cards_give(j, cards, lengths);
    free(all);
    free(cards);
    free(lengths);
    return e;
}

static weft_err link_shm(weft__joining *j)
{
    weft_err e = share_segment(j);
    if (e != WEFT_OK)
        return e;
    e = agree(j, weft__join_open(j, &weft__link_shm));
    if (e == WEFT_OK)
        weft__seg_set_state(&j->boot->seg, j->boot->rank, WEFT__RANK_JOINED);
    return e;
}

static weft_err link_zmq(weft__joining *j)
{
    const weft__link_ops *ops = NULL;
    weft_err e = agree(j, weft__join_zmq(&ops));
    if (e == WEFT_OK)
        e = agree(j, weft__join_open(j, ops));
    if (e == WEFT_OK)
        e = cards_by_world(j);
    return j->boot->mpi ? agree(j, e) : e;
}

static weft_err link_mpi(weft__joining *j)
{
    return agree(j, weft__join_open(j, j->boot->mpi_plugin->link));
}

static weft_err choose_link(weft__joining *j, int apart)
{
    if (j->choice == WEFT__LINK_ZMQ)
        return link_zmq(j);
    if (j->choice == WEFT__LINK_SHM && apart >= 0)
        return weft__fail(WEFT_INVALID,
                          "WEFT_LINK=shm, but rank %d does not share memory with rank 0 (another "
                          "host, or another container): use WEFT_LINK=mpi or zmq, or unset it",
                          apart);
    if (j->choice == WEFT__LINK_MPI || apart >= 0)
        return link_mpi(j);
    weft_err e = link_shm(j);
    if (e == WEFT_OK || j->choice == WEFT__LINK_SHM || !j->boot->mpi)
        return e;
    weft__log_line(j->log, WEFT_LOG_WARN, "no shared memory (%s): weft talks through MPI instead",
                   weft_detail());
    weft__join_undo(j);
    if (j->boot->have_seg)
        weft__seg_close(&j->boot->seg);
    j->boot->have_seg = false;
    return link_mpi(j);
}

static weft_err enter_world(weft__joining *j, const weft__mpi_mark *mark)
{
    weft__boot *b = j->boot;
    weft_err e = weft__marks_joinable(mark);
    if (e != WEFT_OK)
        return e;
    e = weft__plugin_load("mpi-openmpi", &b->mpi_plugin);
    if (e == WEFT_OK && !b->mpi_plugin->mpi)
        e = weft__fail(WEFT_INVALID, "plug-in mpi-openmpi: it knows no MPI");
    if (e != WEFT_OK)
        return weft__fail(e,
                          "%s=%d says that this is one of %d processes; to join them: %s (it is "
                          "built when libopenmpi-dev is installed). WEFT_ALONE=1 runs alone",
                          mark->variable, mark->size, mark->size, weft_detail());
    b->mpi_plugin->mpi->patience(j->deadline - weft__clock_ns());
    b->mpi_host = (weft__link_host){.ctx = j->log, .fail = weft__fail, .log = log_line};
    e = b->mpi_plugin->mpi->join(&b->mpi, &b->mpi_host, j->opts->mpi_serialized, &b->rank,
                                 &b->size);
    if (e != WEFT_OK) {
        b->mpi = NULL;
        return e;
    }
    if (b->size != mark->size)
        return weft__fail(
            WEFT_INVALID,
            "%s=%d, but MPI knows of %d processes: the program's MPI is not the one of "
            "the mpirun that started it; start it with the Open MPI that weft was "
            "built with, or with weft run",
            mark->variable, mark->size, b->size);
    return WEFT_OK;
}

weft_err weft__join_world(weft__joining *j, const weft__mpi_mark *mark)
{
    int apart = -1;
    weft_err e = enter_world(j, mark);
    if (e != WEFT_OK)
        return e;
    j->boot->masked = true;
    e = meet(j, &apart);
    if (e == WEFT_OK)
        e = choose_link(j, apart);
    if (e == WEFT_OK)
        weft__join_use(j);
    return e;
}
