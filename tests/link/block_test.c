/* Blocks: what was given back is what the next one gets, and not more is kept than was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/block.h"
#include "port/map.h"
#include "port/populate.h"

static void test_a_block_is_used_again(void **state)
{
    (void)state;
    weft__blocks b = {.kept = 0};
    for (size_t size = 1; size <= (2u << 20); size += size / 3 + 1) {
        void *first = weft__block_get(&b, size);
        assert_non_null(first);
        memset(first, 1, size);
        weft__block_put(&b, first, size);
        void *second = weft__block_get(&b, size);
        memset(second, 2, size);
        if (size > 2048 && size <= (1u << 20))
            assert_ptr_equal(second, first);
        weft__block_put(&b, second, size);
    }
    weft__blocks_fini(&b);
    assert_int_equal(b.kept, 0);
}

static void test_only_so_much_is_kept(void **state)
{
    (void)state;
    enum { BLOCKS = 40, SIZE = 1 << 20 };
    weft__blocks b = {.kept = 0};
    void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        assert_non_null(blocks[i] = weft__block_get(&b, SIZE));
    for (int i = 0; i < BLOCKS; i++)
        weft__block_put(&b, blocks[i], SIZE);
    assert_int_equal(b.kept, WEFT__BLOCKS_KEPT_MAX);
    void *last = weft__block_get(&b, SIZE);
    assert_int_equal(b.kept, WEFT__BLOCKS_KEPT_MAX - SIZE);
    free(last); /* also good: it is just not kept */
    weft__block_put(&b, NULL, SIZE);
    weft__block_put(&b, NULL, 10);
    weft__blocks_fini(&b);
}

static void test_what_cannot_be_is_null(void **state)
{
    (void)state;
    weft__blocks b = {.kept = 0};
    assert_null(weft__block_get(&b, PTRDIFF_MAX - 100000));
    weft__blocks_fini(&b);
}

static void test_populating_changes_no_byte(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    uint8_t *p = malloc(SIZE);
    assert_non_null(p);
    memset(p, 7, SIZE);
    weft__populate(p + 5, SIZE - 10);
    weft__populate(p, 0);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(p[i], 7);
    free(p);
    weft__populate((void *)(uintptr_t)weft__page_size(), 100); /* nothing is there: no crash */
}

const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_is_used_again),
        cmocka_unit_test(test_only_so_much_is_kept),
        cmocka_unit_test(test_what_cannot_be_is_null),
        cmocka_unit_test(test_populating_changes_no_byte),
    };
    alarm(60);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
