/* Dialling where no way leads: in a network of the test's own, which has a loopback and nothing else. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "task/fresh.h"
#include "weft/address.h"
#include "weft/stream.h"

static bool set_loopback(bool up)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool set = s >= 0 && ioctl(s, SIOCSIFFLAGS, &loopback) == 0;
    if (s >= 0)
        close(s);
    return set;
}

/* What the system itself says. */
static int error_of(const char *to)
{
    weft_address a;
    ok(weft_address_parse(&a, to));
    const struct sockaddr *at = (const struct sockaddr *)(const void *)a.data;
    int s = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = s < 0 || connect(s, at, a.len) != 0 ? errno : 0;
    if (s >= 0)
        close(s);
    return error;
}

/* By a task, or by a thread. */
static weft_err dial_in_vain(void *arg)
{
    const char *to = arg;
    weft_stream *s = NULL;
    MUST(weft_dial(w, &s, to, weft_in_s(60)) == WEFT_LOST);
    MUST(!s);
    MUST(strstr(weft_detail(), "dial: "));
    MUST(strstr(weft_detail(), to));
    MUST(strstr(weft_detail(), "unreachable"));
    return WEFT_OK;
}

static void is_lost(const char *to)
{
    run(dial_in_vain, (void *)(uintptr_t)to);
    ok(dial_in_vain((void *)(uintptr_t)to));
}

static void where_no_way_leads_is_lost(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"10.1.2.3:1", "240.0.0.1:1"};
    static const char six[] = "[2001:db8::1]:1";
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_int_equal(error_of(nowhere[i]), ENETUNREACH);
        is_lost(nowhere[i]);
    }
    if (error_of(six) == ENETUNREACH) /* there may be no IPv6 here */
        is_lost(six);
    else
        printf("%s: %s: not judged\n", six, strerror(error_of(six)));
}

/* Without its loopback the machine has no address at all. */
static void where_no_address_fits_is_lost(void **state)
{
    (void)state;
    static const char six[] = "[::1]:1";
    set_loopback(false);
    if (error_of(six) == EADDRNOTAVAIL)
        is_lost(six);
    else
        printf("%s: %s: not judged\n", six, strerror(error_of(six)));
    set_loopback(true);
}

/* Whoever may not have a network of his own skips it: in a real one there might be a way. */
static bool leave_the_network(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    return set_loopback(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(where_no_way_leads_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(where_no_address_fits_is_lost, setup, teardown),
    };
    if (!leave_the_network()) {
        printf("no network namespace: not tried\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
