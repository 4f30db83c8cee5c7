/* Several ranks in one process, for tests of what ranks do together: each has its own attachment to one
 * segment, its own mail over the shm link, team and queues, and a thread that serves its mail.
 *
 *     crew c;
 *     crew_open(&c, 4);
 *     crew_run(&c, part, ctx);        // part(member, ctx) on a thread for each rank; waits for all
 *     crew_close(&c);
 *
 * Only the test's own thread asserts; the others leave what they saw in the member. */
#ifndef TESTS_TEAM_HARNESS_H
#define TESTS_TEAM_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "link/link.h"
#include "link/mail.h"
#include "link/seg.h"
#include "port/clock.h"
#include "port/poller.h"
#include "port/thread.h"
#include "share/share.h"
#include "team/team.h"
#include "weft/weft.h"

enum { CREW_MAX = 8 };

typedef struct crew crew;

typedef struct member {
    crew *crew;
    int rank;
    weft__seg seg;
    weft__mail *mail;
    weft_team *team;
    weft__poller poller;
    weft__thread server, worker;
    WEFT_ATOMIC(uint32_t) stop; /* set by the test's thread, read by the server */
    bool serving;
    /* What the part of this rank saw; written by its thread, read after it was joined. */
    weft_err err;
    char detail[512];
    uint64_t seen[4];
} member;

struct crew {
    int size;
    weft__seg seg; /* the launcher's */
    weft__log log;
    member m[CREW_MAX];
    void (*part)(member *m, void *ctx);
    void *ctx;
};

static inline void crew_line(void *ctx, weft_level level, const char *line)
{
    (void)ctx;
    if (getenv("WEFT_TEST_VERBOSE"))
        fprintf(stderr, "[%d] %s\n", (int)level, line);
}

static inline void crew_kick(void *m)
{
    weft__poller_ring(&((member *)m)->poller);
}

static inline void crew_serve(void *arg)
{
    member *m = arg;
    weft__poll_event ev[4];
    /* pairs with crew_halt */
    while (!weft_atomic_load(&m->stop, WEFT_ACQUIRE)) {
        if (weft__mail_look(m->mail)) {
            weft__mail_serve(m->mail);
            continue;
        }
        if (!weft__mail_arm(m->mail))
            continue;
        int64_t due = weft__mail_due(m->mail);
        weft__poller_wait(&m->poller, ev, 4, due);
        weft__mail_disarm(m->mail);
        weft__mail_serve(m->mail);
    }
}

static inline void crew_attach(crew *c, member *m, int rank)
{
    int bells[CREW_MAX];
    weft__link *link;
    m->crew = c;
    m->rank = rank;
    for (int i = 0; i < c->size; i++)
        bells[i] = dup(c->seg.bells[i]);
    assert_int_equal(weft__seg_attach(&m->seg, dup(c->seg.fd), bells, c->size), WEFT_OK);
    assert_int_equal(weft__mail_create(&m->mail, rank, c->size, &c->log), WEFT_OK);
    weft__link_args args = {
        .rank = rank, .size = c->size, .host = weft__mail_host(m->mail), .seg = &m->seg};
    assert_int_equal(weft__link_shm.open(&link, &args), WEFT_OK);
    assert_int_equal(weft__poller_open(&m->poller), WEFT_OK);
    weft__mail_use(m->mail, &weft__link_shm, link, crew_kick, m);
    assert_int_equal(
        weft__poller_set(&m->poller, weft__mail_fd(m->mail), WEFT__POLL_IN, (uint64_t)rank),
        WEFT_OK);
    assert_int_equal(weft__team_create(&m->team, NULL, rank, c->size, m->mail, &c->log), WEFT_OK);
    assert_int_equal(weft__share_create(m->team), WEFT_OK);
    weft__seg_set_state(&m->seg, rank, WEFT__RANK_JOINED);
    assert_int_equal(weft__thread_start(&m->server, crew_serve, m, "serve"), WEFT_OK);
    m->serving = true;
}

static inline void crew_open(crew *c, int size)
{
    memset(c, 0, sizeof *c);
    c->size = size;
    c->log = (weft__log){.fn = crew_line, .level = WEFT_LOG_DEBUG};
    if (size == 1) { /* as a job of one: no mail */
        c->m[0].crew = c;
        assert_int_equal(weft__team_create(&c->m[0].team, NULL, 0, 1, NULL, &c->log), WEFT_OK);
        assert_int_equal(weft__share_create(c->m[0].team), WEFT_OK);
        return;
    }
    assert_int_equal(weft__seg_create(&c->seg, size), WEFT_OK);
    for (int i = 0; i < size; i++)
        crew_attach(c, &c->m[i], i);
}

/* No more letters are served for this rank, as if its process had stopped. Any thread. */
static inline void crew_halt(member *m)
{
    if (!m->serving)
        return;
    m->serving = false;
    weft_atomic_store(&m->stop, 1, WEFT_RELEASE); /* pairs with crew_serve */
    weft__poller_ring(&m->poller);
    weft__thread_join(m->server);
}

/* The rank's process ends without a goodbye. */
static inline void crew_kill(crew *c, int rank)
{
    crew_halt(&c->m[rank]);
    weft__seg_set_state(&c->seg, rank, WEFT__RANK_LOST);
}

/* The rank says goodbye: the end of weft_stop. Its thread may do this. */
static inline void crew_leave(member *m)
{
    if (m->mail == NULL)
        return;
    crew_halt(m);
    weft__share_destroy(m->team);
    weft__team_destroy(&m->team);
    weft__mail_destroy(&m->mail);
    weft__poller_close(&m->poller);
    weft__seg_close(&m->seg);
}

static inline void crew_close(crew *c)
{
    if (c->size == 1) {
        weft__share_destroy(c->m[0].team);
        weft__team_destroy(&c->m[0].team);
        return;
    }
    for (int i = 0; i < c->size; i++)
        crew_leave(&c->m[i]);
    weft__seg_close(&c->seg);
}

static inline void crew_part(void *arg)
{
    member *m = arg;
    m->crew->part(m, m->crew->ctx);
}

static inline void crew_run(crew *c, void (*part)(member *m, void *ctx), void *ctx)
{
    c->part = part;
    c->ctx = ctx;
    for (int i = 0; i < c->size; i++)
        assert_int_equal(weft__thread_start(&c->m[i].worker, crew_part, &c->m[i], "part"), WEFT_OK);
    for (int i = 0; i < c->size; i++)
        weft__thread_join(c->m[i].worker);
}

/* Remember what a call came to. */
static inline weft_err saw(member *m, weft_err e)
{
    m->err = e;
    if (e != WEFT_OK)
        snprintf(m->detail, sizeof m->detail, "%s", weft_detail());
    return e;
}

#endif
