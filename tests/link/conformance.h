/* The suite that every link must pass, stamped on a backend by its test:
 *
 *     static conform zmq = {.ops = &weft__link_zmq, .sizes = {2, 4}};
 *     static int begin(void **state) { *state = &zmq; return 0; }
 *     int main(int argc, char **argv)
 *     {
 *         const struct CMUnitTest tests[] = {CONFORMANCE};
 *         alarm(120);
 *         return cmocka_run_group_tests(tests, begin, NULL);
 *     }
 *
 * Each test runs one script on `size` ranks, each with a link of its own, opened for the test and
 * closed after it. A rank is a thread of this process, or a forked process (`forked`), or, when the
 * ranks were started by mpirun (`gather` is set), this very process: then all ranks run the whole
 * suite in step. Compile with conformance.c.
 */
#ifndef TESTS_LINK_CONFORMANCE_H
#define TESTS_LINK_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/link.h"

enum { CONFORM_RANKS_MAX = 16 };

typedef struct conform conform;
struct conform {
    const weft__link_ops *ops;
    int sizes[4]; /* run each script with so many ranks; ended by 0 */
    bool forked;  /* a process for each rank; this process must have one thread only */
    /* Make what the ranks of one run share, before they start; undo it. 0 is success. May be NULL. */
    int (*setup)(conform *c, int size);
    void (*teardown)(conform *c);
    /* Complete the arguments of open(): all but rank, size and host. On the rank's thread. May be
     * NULL. */
    void (*args)(conform *c, weft__link_args *args);
    void *ctx;

    /* Ranks that somebody else started: who this process is (sizes then holds `size`), and how all
     * meet: `each` bytes of every rank into `all`, in rank order; each >= 1. */
    int rank, size;
    bool (*gather)(conform *c, const void *mine, void *all, uint32_t each);
};

void conform_slots(void **state);   /* every slot is there and says what can be */
void conform_edges(void **state);   /* the shortest and the longest frame, in two parts */
void conform_order(void **state);   /* frames of all sizes, all to all: whole, once, in order */
void conform_full(void **state);    /* a peer that does not listen: FULL, and room is announced */
void conform_cross(void **state);   /* everybody sends more than fits before listening */
void conform_sleep(void **state);   /* a sleeper is woken by each frame */
void conform_answer(void **state);  /* frames sent from within frame() */
void conform_threads(void **state); /* a thread for each peer sends while another serves */
void conform_leave(void **state);   /* close: every frame, then gone once, then LOST */
void conform_bounded(void **state); /* one serve does not go on for ever */
void conform_last_words(void **state); /* what was flushed arrives though the sender closed */

#define CONFORMANCE                                                                                \
    cmocka_unit_test(conform_slots), cmocka_unit_test(conform_edges),                              \
        cmocka_unit_test(conform_order), cmocka_unit_test(conform_full),                           \
        cmocka_unit_test(conform_cross), cmocka_unit_test(conform_sleep),                          \
        cmocka_unit_test(conform_answer), cmocka_unit_test(conform_threads),                       \
        cmocka_unit_test(conform_leave), cmocka_unit_test(conform_bounded),                        \
        cmocka_unit_test(conform_last_words)

#endif
