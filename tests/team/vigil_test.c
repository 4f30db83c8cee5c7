/* A watched link reports what the launcher knows, once, after the last frames. */
#include "team/harness.h"

#include "team/vigil.h"

/* A link that does what the test says. */
static struct {
    const weft__link_host *host;
    int frames; /* to come in the next serve(), from rank 1 */
    bool goodbye, something, armed, closed;
} fake;

static weft_err fake_open(weft__link **l, const weft__link_args *args)
{
    fake.host = args->host;
    *l = (weft__link *)(void *)&fake;
    return WEFT_OK;
}

static uint32_t fake_max(weft__link *l)
{
    (void)l;
    return 100;
}

static weft_err fake_send(weft__link *l, int peer, const void *head, uint32_t head_len,
                          const void *body, uint32_t body_len)
{
    (void)l, (void)peer, (void)head, (void)head_len, (void)body, (void)body_len;
    return WEFT_FULL;
}

static bool fake_look(weft__link *l)
{
    (void)l;
    return fake.something;
}

static int fake_serve(weft__link *l)
{
    (void)l;
    int n = fake.frames;
    for (; fake.frames > 0; fake.frames--)
        fake.host->frame(fake.host->ctx, 1, "f", 1);
    if (fake.goodbye)
        fake.host->gone(fake.host->ctx, 1, false, "");
    return n;
}

static bool fake_arm(weft__link *l)
{
    (void)l;
    return fake.armed = !fake.something;
}

static void fake_disarm(weft__link *l)
{
    (void)l;
    fake.armed = false;
}

static int fake_fd(weft__link *l)
{
    (void)l;
    return -1;
}

static int64_t fake_due(weft__link *l)
{
    (void)l;
    return INT64_MAX;
}

static void fake_close(weft__link *l)
{
    (void)l;
    fake.closed = true;
}

static const weft__link_ops fake_ops = {.name = "fake",
                                        .open = fake_open,
                                        .max_frame = fake_max,
                                        .send = fake_send,
                                        .look = fake_look,
                                        .serve = fake_serve,
                                        .arm = fake_arm,
                                        .disarm = fake_disarm,
                                        .fd = fake_fd,
                                        .due = fake_due,
                                        .flushed = fake_look,
                                        .close = fake_close};

/* What the host heard. */
static struct {
    int frames, gone, frames_after;
    bool lost;
} heard;

static void hear_frame(void *ctx, int peer, const void *data, uint32_t len)
{
    (void)ctx, (void)peer, (void)data, (void)len;
    heard.frames++;
    heard.frames_after += heard.gone > 0;
}

static void hear_gone(void *ctx, int peer, bool lost, const char *why)
{
    (void)ctx, (void)peer, (void)why;
    heard.gone++;
    heard.lost = lost;
}

static void hear_log(void *ctx, int level, const char *format, ...)
{
    (void)ctx, (void)level, (void)format;
}

static void hear_kick(void *ctx)
{
    (void)ctx;
}

static const weft__link_host host = {NULL, weft__fail, hear_log, hear_frame, hear_gone, hear_kick};

typedef struct watched {
    weft__seg seg;
    weft__link *link;
} watched;

static const weft__link_ops *const vigil = &weft__link_vigil;

static void begin(watched *w)
{
    memset(&fake, 0, sizeof fake);
    memset(&heard, 0, sizeof heard);
    assert_int_equal(weft__seg_create(&w->seg, 2), WEFT_OK);
    weft__link_args args = {.rank = 0, .size = 2, .host = &host, .seg = &w->seg};
    assert_int_equal(weft__vigil_open(&w->link, &fake_ops, &args), WEFT_OK);
    vigil->serve(w->link);
}

static void end(watched *w)
{
    vigil->close(w->link);
    assert_true(fake.closed);
    weft__seg_close(&w->seg);
}

/* Serve until it says that there is nothing more to do, sleeping as a poller would. */
static void serve_until_quiet(watched *w)
{
    weft__poller p;
    weft__poll_event ev[1];
    assert_int_equal(weft__poller_open(&p), WEFT_OK);
    assert_int_equal(weft__poller_set(&p, vigil->fd(w->link), WEFT__POLL_IN, 1), WEFT_OK);
    for (int i = 0; i < 1000; i++) {
        vigil->serve(w->link);
        if (vigil->look(w->link) || !vigil->arm(w->link))
            continue;
        int64_t due = vigil->due(w->link);
        if (due == INT64_MAX) {
            vigil->disarm(w->link);
            break;
        }
        weft__poller_wait(&p, ev, 1, due);
        vigil->disarm(w->link);
    }
    weft__poller_close(&p);
}

static void a_lost_peer_is_reported_once_after_its_frames(void **state)
{
    (void)state;
    watched w;
    begin(&w);
    weft__seg_set_state(&w.seg, 1, WEFT__RANK_LOST);
    assert_true(vigil->look(w.link));
    fake.frames = 3;
    vigil->serve(w.link);
    assert_int_equal(heard.frames, 3);
    assert_int_equal(heard.gone, 0);
    fake.frames = 2;
    serve_until_quiet(&w);
    assert_int_equal(heard.frames, 5);
    assert_int_equal(heard.gone, 1);
    assert_true(heard.lost);
    fake.frames = 1; /* too late */
    fake.goodbye = true;
    vigil->serve(w.link);
    assert_int_equal(heard.frames, 5);
    assert_int_equal(heard.gone, 1);
    assert_int_equal(vigil->send(w.link, 1, "x", 1, NULL, 0), WEFT_LOST);
    end(&w);
}

static void a_goodbye_of_the_link_comes_first(void **state)
{
    (void)state;
    watched w;
    begin(&w);
    fake.goodbye = true;
    vigil->serve(w.link);
    fake.goodbye = false;
    weft__seg_set_state(&w.seg, 1, WEFT__RANK_LEFT);
    serve_until_quiet(&w);
    assert_int_equal(heard.gone, 1);
    assert_false(heard.lost);
    end(&w);
}

static void a_change_of_state_wakes_the_sleeper(void **state)
{
    (void)state;
    watched w;
    weft__poller p;
    weft__poll_event ev[1];
    begin(&w);
    assert_int_equal(weft__poller_open(&p), WEFT_OK);
    assert_int_equal(weft__poller_set(&p, vigil->fd(w.link), WEFT__POLL_IN, 1), WEFT_OK);
    serve_until_quiet(&w);
    assert_true(vigil->arm(w.link));
    assert_true(fake.armed);
    assert_int_equal(weft__poller_wait(&p, ev, 1, INT64_MIN), 0);
    weft__seg_set_state(&w.seg, 1, WEFT__RANK_LOST);
    assert_int_equal(weft__poller_wait(&p, ev, 1, weft__clock_ns() + INT64_C(10000000000)), 1);
    vigil->disarm(w.link);
    serve_until_quiet(&w);
    assert_int_equal(heard.gone, 1);
    assert_int_equal(weft__poller_wait(&p, ev, 1, INT64_MIN), 0); /* the bell was drained */
    /* Something to do underneath: no sleep. */
    fake.something = true;
    assert_false(vigil->arm(w.link));
    weft__poller_close(&p);
    end(&w);
}

static void what_was_lost_before_is_seen(void **state)
{
    (void)state;
    watched w;
    memset(&fake, 0, sizeof fake);
    memset(&heard, 0, sizeof heard);
    assert_int_equal(weft__seg_create(&w.seg, 2), WEFT_OK);
    weft__seg_set_state(&w.seg, 1, WEFT__RANK_LOST);
    weft__seg_take(&w.seg, 0, 0);
    weft__link_args args = {.rank = 0, .size = 2, .host = &host, .seg = &w.seg};
    assert_int_equal(weft__vigil_open(&w.link, &fake_ops, &args), WEFT_OK);
    assert_false(vigil->arm(w.link));
    serve_until_quiet(&w);
    assert_int_equal(heard.gone, 1);
    end(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_peer_is_reported_once_after_its_frames),
        cmocka_unit_test(a_goodbye_of_the_link_comes_first),
        cmocka_unit_test(a_change_of_state_wakes_the_sleeper),
        cmocka_unit_test(what_was_lost_before_is_seen),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
