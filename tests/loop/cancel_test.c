/* Cancellation at random points of every wait: nothing is lost, and nothing is left.
 *
 * A round has one or two victims, alone or in a gather, first, each or within; events that arrive for them; and
 * a cancellation, by this thread, by a task, or because a sibling fails, before, among or after the events.
 * After each round no descriptor and no child is left, after some thousands no task and no byte.
 * ctest: timeout=300 wrap=getaddrinfo,freeaddrinfo */
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "loop/victim.h"
#include "weft/gather.h"

#if defined(WEFT__TSAN) || defined(WEFT__ASAN)
#include <sanitizer/allocator_interface.h>
enum { BYTES_SLACK = 1024 };
#else
enum { BYTES_SLACK = 65536 }; /* what the C library keeps for threads and for what is free */
#endif

enum { BATCH = 2000 }; /* rounds of one engine */

/* "fake-slow" is found after a while, "fake-full-PORT:OTHER" is two addresses of 127.0.0.1. */

int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __real_freeaddrinfo(struct addrinfo *);
int __wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __wrap_freeaddrinfo(struct addrinfo *);

struct fake {
    struct addrinfo info[2];
    struct sockaddr_in at[2];
};

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    static WEFT_ATOMIC(uint32_t) turn; /* one after the other, whoever asks */
    (void)hints;
    assert_true(strncmp(host, "fake-", 5) == 0);
    struct fake *two = calloc(1, sizeof *two);
    if (!two)
        return EAI_MEMORY;
    const int ports[] = {atoi(host + strlen("fake-full-")), atoi(service)};
    for (int i = 0; i < 2; i++) {
        two->at[i].sin_family = AF_INET;
        two->at[i].sin_port = htons((uint16_t)ports[i]);
        two->at[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        two->info[i] = (struct addrinfo){.ai_addr = (struct sockaddr *)&two->at[i],
                                         .ai_addrlen = sizeof two->at[i],
                                         .ai_next = i == 0 ? &two->info[1] : NULL};
    }
    if (strcmp(host, "fake-slow") == 0)
        usleep(weft_atomic_fetch_add(&turn, 1, WEFT_RELAXED) % 4 * 50);
    *out = two->info;
    return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* What is left. */

static size_t bytes(void)
{
#if defined(WEFT__TSAN) || defined(WEFT__ASAN)
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

/* Side threads have told the engine that they end, and end a moment later: until then they have memory. */
static void await_threads(void)
{
#if defined(WEFT__TSAN)
    const int own = 2; /* it has one */
#else
    const int own = 1;
#endif
    int64_t until = weft_clock() + INT64_C(60000000000);
    while (victim_threads() > own && weft_clock() < until)
        ignore(weft_yield());
    assert_true(victim_threads() <= own);
}

/* How victims are called. */
enum mode { APART, WITHIN, GATHER, GATHER_ALL, FIRST, FIRST_OK, EACH, MODES };

static weft *w;
static uint64_t seed;

/* How many victims of a kind had all, and how many were cancelled. */
static struct tally {
    const victim_kind *kind;
    long n[2];
} tallies[32];

struct round {
    weft_scope scope;
    struct victim v[2];
    int n;
    enum mode mode;
    weft_deadline by;
    weft_err e; /* of the caller of the victims */
};

static size_t pick(size_t n)
{
    return (size_t)(test_random(&seed) % n);
}

static weft_err each_of(struct round *r, weft_call *calls)
{
    weft_each each;
    weft_call *next;
    weft_err e = weft_each_start(&each, NULL, calls, (size_t)r->n, "each");
    if (e != WEFT_OK)
        return e;
    while ((e = weft_each_next(&each, &next, r->by)) == WEFT_OK)
        ;
    weft_each_fini(&each);
    return e;
}

/* The caller of the victims, as a task: what it returns is no failure. */
static weft_err call_victims(void *arg)
{
    struct round *r = arg;
    weft_call calls[] = {WEFT_CALL(victim_run, &r->v[0]), WEFT_CALL(victim_run, &r->v[1])};
    size_t n = (size_t)r->n, which = 0;
    switch (r->mode) {
    case WITHIN:
        r->e = weft_within(victim_run, &r->v[0], r->by);
        break;
    case GATHER:
        r->e = weft_gather(NULL, calls, n, r->by);
        break;
    case GATHER_ALL:
        r->e = weft_gather_all(NULL, calls, n, r->by);
        break;
    case FIRST:
        r->e = weft_first(NULL, calls, n, &which, r->by);
        break;
    case FIRST_OK:
        r->e = weft_first_ok(NULL, calls, n, &which, r->by);
        break;
    default:
        r->e = each_of(r, calls);
    }
    return WEFT_OK;
}

static weft_err fails(void *arg)
{
    (void)arg;
    return WEFT_STALE;
}

static weft_err cancels(void *arg)
{
    weft_scope_cancel(arg);
    return WEFT_OK;
}

static const victim_kind *some_kind(void)
{
    size_t one = pick(64);
    if (one == 0)
        return &victims_of_processes[pick(victims_of_processes_n)];
    one = pick(victims_of_streams_n + victims_of_others_n);
    return one < victims_of_streams_n ? &victims_of_streams[one]
                                      : &victims_of_others[one - victims_of_streams_n];
}

static void open_round(struct round *r)
{
    weft_place *places[] = {weft_pool(w), weft_pool(w), weft_loop(w), weft_threads(w)};
    memset(r, 0, sizeof *r);
    r->mode = (enum mode)pick(MODES);
    r->n = r->mode == WITHIN ? 1 : 1 + (int)pick(2);
    r->by = pick(2) ? WEFT_FOREVER : weft_in_us((int64_t)pick(300));
    for (int i = 0; i < r->n; i++) {
        struct victim *v = &r->v[i];
        *v = (struct victim){.kind = some_kind(), .w = w, .number = i, .e = WEFT_CANCELLED};
        v->seed = test_random(&seed);
        v->chance = test_random(&seed);
        v->calls = 1 + (int)pick(6);
        v->fd[0] = v->fd[1] = -1;
        v->kind->open(v);
    }
    weft_scope_init(&r->scope, places[pick(4)], "round");
}

static void start_round(struct round *r)
{
    weft_err e = WEFT_OK;
    if (r->mode != APART)
        e = weft_go(&r->scope, call_victims, r);
    for (int i = 0; i < r->n && r->mode == APART && e == WEFT_OK; i++)
        e = weft_scope_go(&r->scope, victim_run, &r->v[i], r->v[i].kind->name);
    assert_int_equal(e, WEFT_OK);
}

/* Some events, with pauses between them of which some let the victim come to its wait. */
static void have_events(struct round *r, size_t n)
{
    for (; n > 0; n--) {
        struct victim *v = &r->v[pick((size_t)r->n)];
        int64_t until = pick(3) ? 0 : weft_clock() + (int64_t)pick(20000);
        for (size_t yields = pick(4); yields > 0 && pick(2); yields--)
            ignore(weft_yield());
        while (weft_clock() < until)
            ;
        v->kind->event(v);
    }
}

static void cancel(struct round *r)
{
    weft_place *places[] = {weft_pool(w), weft_loop(w)};
    weft_scope other;
    switch (pick(5)) {
    case 0:
        weft_scope_cancel(&r->scope);
        break;
    case 1:
        ignore(weft_go(&r->scope, fails, NULL));
        break;
    case 2: /* the end of the round does, or the victims have all */
        ignore(weft_scope_join(&r->scope, weft_in_us((int64_t)pick(200))));
        break;
    default: /* at the same time as events */
        weft_scope_init(&other, places[pick(2)], "canceller");
        assert_int_equal(weft_go(&other, cancels, &r->scope), WEFT_OK);
        have_events(r, pick(4));
        weft_scope_fini(&other);
    }
}

static void count(const struct victim *v)
{
    struct tally *t = tallies;
    while (t->kind && t->kind != v->kind)
        t++;
    t->kind = v->kind;
    t->n[v->e != WEFT_OK]++;
}

static void judge_round(struct round *r)
{
    for (int i = 0; i < r->n; i++) {
        struct victim *v = &r->v[i];
        if (v->fault[0])
            fail_msg("%s: %s", v->kind->name, v->fault);
        if (v->e != WEFT_OK && v->e != WEFT_CANCELLED)
            fail_msg("%s ended with %s", v->kind->name, weft_strerror(v->e));
        count(v);
        v->kind->judge(v);
    }
    if (r->e != WEFT_OK && r->e != WEFT_CANCELLED && r->e != WEFT_LATE && r->e != WEFT_CLOSED)
        fail_msg("the victims' caller ended with %s", weft_strerror(r->e));
}

static void play_round(void)
{
    struct round r;
    open_round(&r);
    start_round(&r);
    have_events(&r, pick(4));
    cancel(&r);
    have_events(&r, pick(3));
    weft_scope_fini(&r.scope);
    judge_round(&r);
}

/* No more than `n` rounds in an engine of its own; how many bytes are there when it is gone. */
static size_t play_batch(long n)
{
    w = engine_open(1 + (int)pick(2));
    watch(w, 250);
    int open = victim_descriptors();
    for (long i = 0; i < n; i++) {
        play_round();
        int now = victim_descriptors();
        if (now != open)
            fail_msg("round %ld left %d descriptors", i, now - open);
        if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
            fail_msg("round %ld left a child", i);
    }
    weft__engine_halt(w);
    weft__engine_join(w, 0);
    assert_int_equal(weft__engine_tasks(w), 0);
    assert_int_equal(weft_atomic_load(&w->poll.watched, WEFT_RELAXED), 0);
    watched = NULL;
    weft__readiness_close(w);
    weft__engine_close(w);
    free(w);
    await_threads();
    return bytes();
}

static void cancellation_at_any_wait_loses_and_leaves_nothing(void **state)
{
    (void)state;
    long rounds = test_length(4000, 100000);
    int before = victim_descriptors();
    seed = test_seed();
    victims_prepare();
    size_t first = play_batch(BATCH), last = first;
    for (long done = BATCH; done < rounds; done += BATCH)
        last = play_batch(rounds - done < BATCH ? rounds - done : BATCH);
    victims_clean();
    for (const struct tally *t = tallies; t->kind; t++) {
        printf("%-20s %6ld had all, %6ld were cancelled\n", t->kind->name, t->n[0], t->n[1]);
        assert_true(t->n[1] > 0);
    }
    printf("%ld rounds: %zu bytes at first, then %zu\n", rounds, first, last);
    assert_int_equal(victim_descriptors(), before);
    assert_true(last <= first + BYTES_SLACK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancellation_at_any_wait_loses_and_leaves_nothing),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
