/* The zmq link: the suite in threads and in processes, with CURVE and without.
 * ctest: timeout=240 */
#include "link/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "link/plugin.h"

static void make_insecure(conform *c, weft__link_args *args)
{
    (void)c;
    args->insecure = true;
}

static conform secure = {.sizes = {2, 4}};
static conform insecure = {.sizes = {2, 3}, .args = make_insecure};
static conform processes = {.sizes = {2}, .forked = true};

static int use_secure(void **state)
{
    *state = &secure;
    return 0;
}

static int use_insecure(void **state)
{
    *state = &insecure;
    return 0;
}

static int use_processes(void **state)
{
    *state = &processes;
    return 0;
}

int main(int argc, char **argv)
{
    const weft__plugin *plugin;
    const struct CMUnitTest in_processes[] = {CONFORMANCE};
    const struct CMUnitTest in_threads[] = {CONFORMANCE};
    const struct CMUnitTest in_the_open[] = {CONFORMANCE};
    alarm(220);
    if (weft__plugin_load("zmq", &plugin) != WEFT_OK) {
        fprintf(stderr, "%s\n", weft_detail());
        return 1;
    }
    secure.ops = insecure.ops = processes.ops = plugin->link;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int bad = cmocka_run_group_tests_name("processes", in_processes, use_processes, NULL);
    bad |= cmocka_run_group_tests_name("threads", in_threads, use_secure, NULL);
    bad |= cmocka_run_group_tests_name("insecure", in_the_open, use_insecure, NULL);
    return bad;
}
