/* Looking names up: by the system, and by a stand-in for it that answers when it is told to.
 * ctest: wrap=getaddrinfo,freeaddrinfo */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/fresh.h"
#include "weft/address.h"
#include "weft/stream.h"
#include "weft/sync.h"

enum { ROUNDS = 3000 };

/* The stand-in answers for names that begin with "fake": "fake-slow" once `answer` was released, "fake-CODE"
 * with that error, "fake-told" once the log said something; "fake" has three addresses. */
static weft_sem answer = WEFT_SEM_INIT("answer", 0);
static int begun, answered; /* atomic: slow look-ups */
static int invalid;         /* atomic: look-ups of names that never exist */
static int lines;           /* atomic: what the log said */
static char line[256];      /* the first of that */

int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __real_freeaddrinfo(struct addrinfo *);
int __wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __wrap_freeaddrinfo(struct addrinfo *);

enum { FAKE = -77 }; /* the protocol by which its lists are known */

struct fake {
    struct addrinfo info[3];
    struct sockaddr_in at[3];
};

static int fake(struct addrinfo **out)
{
    struct fake *three = calloc(1, sizeof *three);
    if (!three)
        return EAI_MEMORY;
    for (int i = 0; i < 3; i++) {
        three->at[i].sin_family = AF_INET;
        three->at[i].sin_port = htons(80);
        three->at[i].sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)i);
        three->info[i] = (struct addrinfo){.ai_protocol = FAKE,
                                           .ai_addr = (struct sockaddr *)&three->at[i],
                                           .ai_addrlen = sizeof three->at[i],
                                           .ai_next = i < 2 ? &three->info[i + 1] : NULL};
    }
    *out = three->info;
    return 0;
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    if (host && strcasestr(host, ".invalid"))
        __atomic_fetch_add(&invalid, 1, __ATOMIC_ACQ_REL);
    if (!host || strncmp(host, "fake", 4) != 0)
        return __real_getaddrinfo(host, service, hints, out);
    if (strcmp(host, "fake-slow") == 0) {
        __atomic_fetch_add(&begun, 1, __ATOMIC_ACQ_REL);
        ignore(weft_sem_acquire(&answer, weft_in_s(60)));
        __atomic_fetch_add(&answered, 1, __ATOMIC_ACQ_REL);
        return EAI_NONAME;
    }
    if (strcmp(host, "fake-told") == 0) {
        __atomic_fetch_add(&begun, 1, __ATOMIC_ACQ_REL);
        int64_t until = weft_clock() + INT64_C(60000000000);
        while (!__atomic_load_n(&lines, __ATOMIC_ACQUIRE) && weft_clock() < until)
            usleep(1000);
        return EAI_NONAME;
    }
    if (host[4] == '-')
        return atoi(host + 4);
    return fake(out);
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    if (list->ai_protocol == FAKE)
        free(list);
    else
        __real_freeaddrinfo(list);
}

struct ask {
    const char *name;
    weft_deadline by;
    int cap, n;
    weft_address found[8];
    weft_err result;
    char detail[512];
};

static weft_err ask(void *arg)
{
    struct ask *a = arg;
    a->n = -1;
    a->result = weft_resolve(w, a->name, a->found, a->cap, &a->n, a->by);
    if (a->result != WEFT_OK)
        snprintf(a->detail, sizeof a->detail, "%s", weft_detail());
    return WEFT_OK;
}

/* By a task and by a thread: both come to the same. */
static struct ask asked(const char *name)
{
    struct ask a = {.name = name, .by = weft_in_s(60), .cap = 8}, b = a;
    ignore(run_at(weft_pool(w), ask, &a));
    ignore(ask(&b));
    assert_int_equal(a.result, b.result);
    assert_int_equal(a.n, b.n);
    assert_string_equal(a.detail, b.detail);
    return a;
}

static bool has(const struct ask *a, const char *text)
{
    char t[WEFT_ADDRESS_TEXT];
    for (int i = 0; i < a->n; i++)
        if (strcmp(weft_address_text(&a->found[i], t, sizeof t), text) == 0)
            return true;
    return false;
}

static void numbers_are_not_looked_up(void **state)
{
    (void)state;
    static const char *const names[] = {"127.0.0.1:80", "[::1]:80", "unix:/a/path", "unix:@a",
                                        "[::]:9"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ask a = asked(names[i]);
        assert_int_equal(a.result, WEFT_OK);
        assert_int_equal(a.n, 1);
        assert_true(has(&a, names[i]));
    }
    struct ask now = {.name = "127.0.0.1:80", .by = WEFT_NOW, .cap = 1};
    ignore(run_at(weft_pool(w), ask, &now));
    assert_int_equal(now.result, WEFT_OK);
    assert_int_equal(w->side.threads, 0);
}

static void names_of_hosts_and_services_are_found(void **state)
{
    (void)state;
    struct ask a = asked("localhost:80");
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "127.0.0.1:80") || has(&a, "[::1]:80"));
    a = asked("LOCALHOST:http");
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "127.0.0.1:80") || has(&a, "[::1]:80"));
    a = asked("127.0.0.1:http");
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "127.0.0.1:80"));
    a = asked("[::1]:http");
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "[::1]:80"));
    a = asked("*:http");
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "0.0.0.0:80") || has(&a, "[::]:80"));
    a = asked("127.0.0.1:tftp"); /* which has no stream */
    assert_int_equal(a.result, WEFT_OK);
    assert_true(has(&a, "127.0.0.1:69"));
}

static void a_name_that_does_not_exist_is_missing_and_named(void **state)
{
    (void)state;
    static const char *const names[] = {"no-such-host.invalid:80", "NO.Such.INVALID.:80",
                                        "localhost:no-such-service"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ask a = asked(names[i]);
        assert_int_equal(a.result, WEFT_MISSING);
        assert_int_equal(a.n, -1);
        assert_non_null(strstr(a.detail, names[i]));
    }
    assert_int_equal(__atomic_load_n(&invalid, __ATOMIC_ACQUIRE), 0); /* nobody was asked */
    assert_non_null(strstr(asked("localhost:no-such-service").detail, "service"));
}

static void what_the_system_says_has_a_meaning(void **state)
{
    (void)state;
    static const struct {
        int code;
        weft_err e;
    } says[] = {
        {EAI_NONAME, WEFT_MISSING},     {EAI_NODATA, WEFT_MISSING}, {EAI_AGAIN, WEFT_SYS},
        {EAI_FAIL, WEFT_SYS},           {EAI_MEMORY, WEFT_NOMEM},   {EAI_SERVICE, WEFT_MISSING},
        {EAI_ADDRFAMILY, WEFT_MISSING},
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        char name[32];
        snprintf(name, sizeof name, "fake%d:80", says[i].code);
        struct ask a = asked(name);
        assert_int_equal(a.result, says[i].e);
        assert_non_null(strstr(a.detail, name));
    }
}

static void as_many_come_as_there_is_room_for_in_order(void **state)
{
    (void)state;
    for (int cap = 1; cap <= 4; cap++) {
        struct ask a = {.name = "fake:80", .by = weft_in_s(60), .cap = cap};
        char text[WEFT_ADDRESS_TEXT];
        ignore(run_at(weft_pool(w), ask, &a));
        assert_int_equal(a.result, WEFT_OK);
        assert_int_equal(a.n, cap < 3 ? cap : 3);
        assert_string_equal(weft_address_text(&a.found[0], text, sizeof text), "10.0.0.1:80");
        assert_int_equal(a.found[a.n].len, 0);
    }
    struct ask none = {.name = "fake:80", .by = weft_in_s(60)};
    ignore(ask(&none));
    assert_int_equal(none.result, WEFT_INVALID);
}

static void what_cannot_be_a_name_is_not_looked_up(void **state)
{
    (void)state;
    char label[64 + 8], host[256 + 8];
    memset(label, 'a', 64);
    memcpy(label + 64, ":80", 4);
    for (int i = 0; i < 256; i++)
        host[i] = i % 2 ? '.' : 'a';
    memcpy(host + 255, ":80", 4);
    const char *bad[] = {"localhost",
                         "localhost:",
                         "localhost:65536",
                         "localhost:99999999999",
                         "local host:1",
                         "a..b:80",
                         ".a:80",
                         "..:80",
                         "::1:http",
                         "[localhost]:80",
                         "[]:http",
                         "[*]:http",
                         "k\xc3\xa4se.de:80",
                         "a\n:80",
                         "",
                         "unix:",
                         label,
                         host,
                         "a:0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ask a = asked(bad[i]);
        if (a.result != WEFT_INVALID)
            fail_msg("'%s' is taken for a name: %s", bad[i], weft_strerror(a.result));
    }
    assert_int_equal(w->side.threads, 0);
}

static void spin_until_begun(int n)
{
    int64_t until = weft_clock() + INT64_C(60000000000);
    while (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) < n && weft_clock() < until)
        ignore(weft_yield());
    assert_true(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) >= n);
}

/* Late, while its look-up goes on: where the deadline has passed before it begins there is none, as may happen on a
 * busy machine. */
static void ask_in_vain(struct ask *a, bool as_task)
{
    do {
        a->by = weft_in_ms(100);
        ignore(as_task ? run_at(weft_pool(w), ask, a) : ask(a));
        assert_int_equal(a->result, WEFT_LATE);
    } while (strstr(a->detail, "had passed before it began"));
}

/* The look-ups that nobody waits for any more end after the engine was told to close: it waits for them. */
static void late_and_cancelled_lookups_are_left_to_end_by_themselves(void **state)
{
    (void)state;
    begun = answered = 0;
    struct ask past = {.name = "fake-slow:80", .by = WEFT_NOW, .cap = 8};
    struct ask late = {.name = "fake-slow:80", .cap = 8}, thread = late;
    struct ask gone = {.name = "fake-slow:80", .by = WEFT_FOREVER, .cap = 8};
    ignore(run_at(weft_pool(w), ask, &past));
    assert_int_equal(past.result, WEFT_LATE);
    assert_int_equal(w->side.threads, 0);
    ask_in_vain(&late, true);
    assert_int_equal(late.n, -1);
    assert_non_null(strstr(late.detail, "fake-slow:80"));
    ask_in_vain(&thread, false);
    weft_scope s;
    weft_scope_init(&s, weft_pool(w), "cancelled");
    assert_int_equal(weft_go(&s, ask, &gone), WEFT_OK);
    spin_until_begun(3);
    weft_scope_fini(&s);
    assert_int_equal(gone.result, WEFT_CANCELLED);
    assert_int_equal(gone.n, -1);
    assert_int_equal(__atomic_load_n(&answered, __ATOMIC_ACQUIRE), 0);
    weft_sem_release(&answer);
    weft_sem_release(&answer);
    weft_sem_release(&answer);
    engine_close(w);
    assert_int_equal(__atomic_load_n(&answered, __ATOMIC_ACQUIRE), 3);
    w = engine_open(1);
    watch(w, 100);
}

static void hear(void *ctx, weft_level level, const char *text)
{
    (void)ctx;
    (void)level;
    if (__atomic_load_n(&lines, __ATOMIC_RELAXED) == 0)
        snprintf(line, sizeof line, "%s", text);
    __atomic_fetch_add(&lines, 1, __ATOMIC_RELEASE);
}

/* It ends only once the log said so: nobody waits without a name. */
static void stopping_says_which_lookup_it_waits_for(void **state)
{
    (void)state;
    struct ask late = {.name = "fake-told:80", .cap = 8};
    struct ask fake = {.name = "fake:80", .by = weft_in_s(60), .cap = 8};
    engine_close(w);
    w = engine_open_with(1, hear, 0);
    ignore(run_at(weft_pool(w), ask, &fake));
    engine_close(w);
    assert_int_equal(lines, 0); /* there was nothing to wait for */
    w = engine_open_with(1, hear, 0);
    ask_in_vain(&late, true);
    int64_t began = weft_clock();
    engine_close(w);
    int64_t took = weft_clock() - began;
    printf("after %.3f s: %s\n", (double)took / 1e9, line);
    assert_int_equal(lines, 1);
    assert_non_null(
        strstr(line, "rank 0: waits to stop: look-up of 'fake-told' has not ended, and"));
    assert_true(took >= INT64_C(900000000));
    w = engine_open(1);
    watch(w, 100);
}

static void stopping_says_how_many_lookups_it_waits_for(void **state)
{
    (void)state;
    static const char *const says[] = {
        "'fake-told' has not ended, nor has another one, and cannot be interrupted",
        "'fake-told' has not ended, nor have 2 others, and cannot be interrupted"};
    for (int i = 0; i < 2; i++) {
        engine_close(w);
        w = engine_open_with(1, hear, 0);
        begun = lines = 0;
        for (int k = 0; k < i + 2; k++) {
            struct ask late = {.name = "fake-told:80", .cap = 8};
            ask_in_vain(&late, true);
        }
        spin_until_begun(i + 2);
        engine_close(w);
        w = engine_open(1);
        watch(w, 100);
        assert_int_equal(lines, 1);
        if (!strstr(line, says[i]))
            fail_msg("not \"%s\": %s", says[i], line);
    }
}

/* Deadlines, cancellations and answers that meet: each look-up ends in one way, and is freed once. */
static void an_answer_may_meet_a_deadline_or_a_cancellation(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    long rounds = test_length(ROUNDS / 10, ROUNDS);
    int found = 0, late = 0, cancelled = 0;
    for (long i = 0; i < rounds; i++) {
        struct ask a = {.name = "fake:80", .by = WEFT_FOREVER, .cap = 8, .result = WEFT_INVALID};
        bool cancel = test_random(&seed) % 2;
        int64_t ns = (int64_t)(test_random(&seed) % 60000);
        weft_scope s;
        weft_scope_init(&s, weft_pool(w), "meeting");
        if (!cancel)
            a.by = weft_in_ns(ns);
        assert_int_equal(weft_go(&s, ask, &a), WEFT_OK);
        if (cancel) {
            int64_t until = weft_clock() + ns;
            while (weft_clock() < until)
                ;
            weft_scope_cancel(&s);
        }
        ignore(weft_scope_join(&s, weft_in_s(60)));
        weft_scope_fini(&s);
        found += a.result == WEFT_OK;
        late += a.result == WEFT_LATE;
        cancelled += a.result == WEFT_CANCELLED;
        assert_int_equal(a.n, a.result == WEFT_OK ? 3 : -1);
    }
    printf("found %d, late %d, cancelled %d\n", found, late, cancelled);
    assert_int_equal(found + late + cancelled, rounds);
}

/* The example of weft/address.h. */
static weft_err listen_at(weft *in, weft_listener **l, const char *name)
{
    weft_address all[8];
    char text[WEFT_ADDRESS_TEXT];
    int n = 0;
    weft_err e = weft_resolve(in, name, all, 8, &n, weft_in_s(5));
    for (int i = 0; i < n; i++)
        if ((e = weft_listen(in, l, weft_address_text(&all[i], text, sizeof text), NULL)) ==
            WEFT_OK)
            break;
    return e;
}

static void a_server_is_told_to_resolve_and_then_can_listen(void **state)
{
    (void)state;
    weft_listener *l = NULL;
    weft_stream *s;
    weft_address a;
    char text[WEFT_ADDRESS_TEXT];
    assert_int_equal(weft_listen(w, &l, "localhost:0", NULL), WEFT_INVALID);
    assert_non_null(strstr(weft_detail(), "listen: address 'localhost:0'"));
    assert_non_null(strstr(weft_detail(), "weft_resolve"));
    assert_non_null(strstr(weft_detail(), "127.0.0.1:0"));
    assert_null(l);
    ok(listen_at(w, &l, "localhost:0"));
    weft_listener_address(l, &a);
    snprintf(text, sizeof text, "localhost:%d", weft_address_port(&a));
    ok(weft_dial(w, &s, text, weft_in_s(20)));
    weft_close(&s);
    weft_listener_close(&l);
    assert_int_equal(listen_at(w, &l, "nowhere.invalid:0"), WEFT_MISSING);
    assert_int_equal(listen_at(w, &l, "fake:0"), WEFT_INVALID); /* three that are elsewhere */
    assert_non_null(strstr(weft_detail(), "one of this machine"));
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(numbers_are_not_looked_up),
        T(names_of_hosts_and_services_are_found),
        T(a_name_that_does_not_exist_is_missing_and_named),
        T(what_the_system_says_has_a_meaning),
        T(as_many_come_as_there_is_room_for_in_order),
        T(what_cannot_be_a_name_is_not_looked_up),
        T(a_server_is_told_to_resolve_and_then_can_listen),
        T(late_and_cancelled_lookups_are_left_to_end_by_themselves),
        T(stopping_says_which_lookup_it_waits_for),
        T(stopping_says_how_many_lookups_it_waits_for),
        T(an_answer_may_meet_a_deadline_or_a_cancellation),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
