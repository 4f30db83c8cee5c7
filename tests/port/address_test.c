/* Addresses: their forms, what is none, and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "port/address.h"
#include "weft/address.h"

static weft_address parse(const char *text)
{
    weft_address a;
    memset(&a, 0xee, sizeof a);
    if (weft_address_parse(&a, text) != WEFT_OK)
        fail_msg("'%s': %s", text, weft_detail());
    return a;
}

struct form {
    const char *text, *shown; /* NULL: as it was read */
    int port;
    weft__family family;
};

static void each_form_is_read_and_written(void **state)
{
    (void)state;
    static const struct form forms[] = {
        {"127.0.0.1:80", NULL, 80, WEFT__FAMILY_IPV4},
        {"0.0.0.0:0", NULL, 0, WEFT__FAMILY_IPV4},
        {"255.255.255.255:65535", NULL, 65535, WEFT__FAMILY_IPV4},
        {"127.0.0.1:00080", "127.0.0.1:80", 80, WEFT__FAMILY_IPV4},
        {"[::1]:80", NULL, 80, WEFT__FAMILY_IPV6},
        {"[::]:1", NULL, 1, WEFT__FAMILY_IPV6},
        {"[0:0:0:0:0:0:0:1]:80", "[::1]:80", 80, WEFT__FAMILY_IPV6},
        {"[2001:db8:1111:2222:3333:4444:5555:6666]:65535", NULL, 65535, WEFT__FAMILY_IPV6},
        {"[::ffff:127.0.0.1]:80", NULL, 80, WEFT__FAMILY_IPV6},
        {"[fe80::1%lo]:80", NULL, 80, WEFT__FAMILY_IPV6},
        {"[fe80::1%1]:80", "[fe80::1%lo]:80", 80, WEFT__FAMILY_IPV6},
        {"[fe80::1%987654]:80", NULL, 80, WEFT__FAMILY_IPV6},
        {":80", "[::]:80", 80, WEFT__FAMILY_IPV6},
        {"*:80", "[::]:80", 80, WEFT__FAMILY_IPV6},
        {":0", "[::]:0", 0, WEFT__FAMILY_IPV6},
        {"unix:/a/path", NULL, 0, WEFT__FAMILY_UNIX},
        {"unix:in.this:folder", NULL, 0, WEFT__FAMILY_UNIX},
        {"unix:@name", NULL, 0, WEFT__FAMILY_UNIX},
        {"unix:@@", NULL, 0, WEFT__FAMILY_UNIX},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct form *f = &forms[i];
        char text[WEFT_ADDRESS_TEXT];
        weft_address a = parse(f->text);
        assert_ptr_equal(weft_address_text(&a, text, sizeof text), text);
        assert_string_equal(text, f->shown ? f->shown : f->text);
        assert_int_equal(weft_address_port(&a), f->port);
        assert_int_equal(weft__address_family(&a), f->family);
        weft_address again = parse(text); /* the text says all of it */
        assert_memory_equal(&again, &a, sizeof a);
    }
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    char path[8 + 108 + 1] = "unix:/", name[8 + 108 + 1] = "unix:@";
    memset(path + 6, 'p', 107); /* with its slash one byte too many */
    memset(name + 6, 'n', 108);
    const char *bad[] = {
        NULL,
        "",
        "80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:-0",
        "127.0.0.1:+1",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:000080",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:http",
        "127.0.0.1:0x50",
        "127.0.0:80",
        "127.1:80",
        "127.0.0.256:80",
        "127.0.0.01:80",
        "127.0.0.1.1:80",
        " 127.0.0.1:80",
        "localhost:80",
        "**:80",
        "[]:80",
        "[::1]",
        "[::1]:",
        "[::1:80",
        "::1]:80",
        "::1:80",
        "::1",
        "[:::]:80",
        "[::1]80",
        "[[::1]]:80",
        "[1:2:3:4:5:6:7:8:9]:80",
        "[::12345]:80",
        "[127.0.0.1]:80",
        "[fe80::1%]:80",
        "[fe80::1%no-such-one]:80",
        "[fe80::1%0]:80",
        "[fe80::1%4294967297]:80",
        "[%lo]:80",
        "[*]:80",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "a:80",
        ":",
        "*",
        "unix",
        "unix:",
        "unix:@",
        "UNIX:/a",
        path,
        name,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weft_address a, before;
        memset(&a, 0x5a, sizeof a);
        before = a;
        if (weft_address_parse(&a, bad[i]) != WEFT_INVALID)
            fail_msg("'%s' is taken for an address", bad[i] ? bad[i] : "NULL");
        assert_memory_equal(&a, &before, sizeof a);
        assert_non_null(strstr(weft_detail(), "address '"));
    }
}

static void the_detail_says_what_to_write_instead(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } hints[] = {
        {"127.0.0.1", "127.0.0.1:80"},
        {"::1:80", "brackets"},
        {"localhost:80", "weft_resolve"},
        {"localhost:80", "127.0.0.1:80 (this machine only), or :80 (everybody)"},
        {"127.0.0:80", "no IPv4 address"},
        {"8080", "behind a colon: :8080"},
        {"localhost", "localhost:80"},
        {"[fe80::1%no-such-one]:80", "no interface 'no-such-one'"},
        {"127.0.0.1:70000", "'70000' is no port"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        weft_address a;
        assert_int_equal(weft_address_parse(&a, hints[i].text), WEFT_INVALID);
        assert_non_null(strstr(weft_detail(), hints[i].words));
        assert_non_null(strstr(weft_detail(), hints[i].text));
    }
}

static void text_is_cut_to_the_room_there_is(void **state)
{
    (void)state;
    weft_address a = parse("127.0.0.1:80");
    char text[WEFT_ADDRESS_TEXT];
    for (size_t cap = 1; cap <= sizeof text; cap++) {
        memset(text, '#', sizeof text);
        weft_address_text(&a, text, cap);
        assert_int_equal(strlen(text), cap - 1 < 12 ? cap - 1 : 12);
        assert_memory_equal(text, "127.0.0.1:80", strlen(text));
        if (cap < sizeof text)
            assert_int_equal(text[cap], '#');
    }
    weft_address none = {0};
    assert_string_equal(weft_address_text(&none, text, sizeof text), "none");
    assert_int_equal(weft_address_port(&none), 0);
    memset(text, '#', sizeof text);
    weft_address_text(&a, text, 0);
    assert_int_equal(text[0], '#');
}

static void the_longest_address_fits(void **state)
{
    (void)state;
    char longest[5 + 107 + 1] = "unix:", text[WEFT_ADDRESS_TEXT];
    memset(longest + 5, 'p', 107);
    weft_address a = parse(longest);
    assert_string_equal(weft_address_text(&a, text, sizeof text), longest);
    longest[5] = '@';
    a = parse(longest);
    assert_string_equal(weft_address_text(&a, text, sizeof text), longest);
}

/* What getsockname and its like give. */
static void addresses_of_the_system_are_taken_as_they_are(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[WEFT_ADDRESS_TEXT];
    size_t head = offsetof(struct sockaddr_un, sun_path);
    weft_address a;
    weft__address_from_system(&a, (struct sockaddr *)&un, (uint32_t)head);
    assert_string_equal(weft_address_text(&a, text, sizeof text), "unix:");
    assert_null(weft__address_file(&a));
    memcpy(un.sun_path, "\0a\0b", 4);
    weft__address_from_system(&a, (struct sockaddr *)&un, (uint32_t)head + 4);
    assert_string_equal(weft_address_text(&a, text, sizeof text), "unix:@a@b");
    assert_null(weft__address_file(&a));
    memset(un.sun_path, 'p', sizeof un.sun_path); /* no zero at its end */
    weft__address_from_system(&a, (struct sockaddr *)&un, sizeof un);
    assert_int_equal(strlen(weft__address_file(&a)), sizeof un.sun_path);
    assert_int_equal(strlen(weft_address_text(&a, text, sizeof text)), 5 + sizeof un.sun_path);
    a = (weft_address){.len = 4, .data = {AF_INET}}; /* cut short */
    assert_string_equal(weft_address_text(&a, text, sizeof text), "none");
    assert_int_equal(weft_address_port(&a), 0);
    a.len = UINT32_MAX;
    assert_int_equal(weft__address_family(&a), WEFT__FAMILY_NONE);
}

static void an_ipv4_address_goes_through_ipv6_and_back(void **state)
{
    (void)state;
    weft_address a = parse("10.1.2.3:99"), four = a, six = parse("[::1]:99"), b = six;
    char text[WEFT_ADDRESS_TEXT];
    weft__address_map(&a);
    assert_string_equal(weft_address_text(&a, text, sizeof text), "[::ffff:10.1.2.3]:99");
    weft__address_unmap(&a);
    assert_memory_equal(&a, &four, sizeof a);
    weft__address_map(&b);
    weft__address_unmap(&b);
    assert_memory_equal(&b, &six, sizeof b);
    weft_address any = parse(":7"), any4;
    weft__address_set_any_ipv4(&any4, 7);
    assert_true(weft__address_is_any(&any));
    assert_true(weft__address_is_any(&any4));
    assert_false(weft__address_is_any(&six));
    assert_false(weft__address_is_any(&four));
    assert_string_equal(weft_address_text(&any4, text, sizeof text), "0.0.0.0:7");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read_and_written),
        cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
        cmocka_unit_test(the_detail_says_what_to_write_instead),
        cmocka_unit_test(text_is_cut_to_the_room_there_is),
        cmocka_unit_test(the_longest_address_fits),
        cmocka_unit_test(addresses_of_the_system_are_taken_as_they_are),
        cmocka_unit_test(an_ipv4_address_goes_through_ipv6_and_back),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
