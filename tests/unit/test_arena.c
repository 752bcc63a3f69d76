/* SPDX-License-Identifier: Apache-2.0 */
/* test_arena.c - bump memory: alignment, ceiling, growth, reset. */
#include "core/base/arena.h"

#include "tests/unit/test.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    struct pl_arena a;
    uint8_t *got[200];

    (void)state;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 200; i++) {
        got[i] = pl_arena_alloc(&a, i * 7);
        assert_non_null(got[i]);
        assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(got[i][k], 0);
        memset(got[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(got[i][k], (uint8_t)i);
    }
    assert_int_equal(a.used, 7 * 199 * 200 / 2);
    pl_arena_free(&a);
    pl_arena_free(&a);
    pl_arena_free(NULL);
}

static void the_ceiling_holds(void **state)
{
    struct pl_arena a;

    (void)state;
    pl_arena_init(&a, 1000);
    assert_non_null(pl_arena_alloc(&a, 600));
    assert_null(pl_arena_alloc(&a, 401));
    assert_non_null(pl_arena_alloc(&a, 400));
    assert_null(pl_arena_alloc(&a, 1));
    assert_null(pl_arena_alloc(&a, SIZE_MAX));
    assert_null(pl_arena_alloc(&a, SIZE_MAX - 20));
    assert_null(pl_arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(pl_arena_dup(&a, PL_LIT("x")).p);
    assert_null(pl_arena_printf(&a, "%d", 1));
    pl_arena_free(&a);
}

static void growth_keeps_the_content(void **state)
{
    struct pl_arena a;
    uint8_t *p = NULL, *q, *other;

    (void)state;
    pl_arena_init(&a, 1 << 20);
    memset(pl_arena_alloc(&a, 1000), 0xff, 1000);
    pl_arena_reset(&a);
    p = pl_arena_grow(&a, NULL, 0, 10);
    memset(p, 1, 10);
    q = pl_arena_grow(&a, p, 10, 500);
    assert_ptr_equal(q, p); /* the last one grows in place */
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(q[i], i < 10);
    assert_int_equal(a.used, 500);
    other = pl_arena_alloc(&a, 1);
    *other = 9;
    p = pl_arena_grow(&a, q, 500, 600);
    assert_ptr_not_equal(p, q);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(p[i], i < 10);
    assert_int_equal(*other, 9);
    q = pl_arena_grow(&a, p, 600, 100000); /* beyond the block */
    assert_non_null(q);
    assert_int_equal(q[9], 1);
    assert_int_equal(q[99999], 0);
    assert_ptr_equal(pl_arena_grow(&a, q, 100000, 5), q);
    assert_null(pl_arena_grow(&a, q, 100000, 2 << 20));
    pl_arena_free(&a);
}

static void copies_end_with_a_nul(void **state)
{
    struct pl_arena a;
    struct pl_bytes x;

    (void)state;
    pl_arena_init(&a, 1 << 20);
    memset(pl_arena_alloc(&a, 100), 0xff, 100);
    pl_arena_reset(&a);
    x = pl_arena_dup(&a, PL_LIT("abc"));
    assert_bytes(x, PL_LIT("abc"));
    assert_int_equal(x.p[3], 0);
    x = pl_arena_dup(&a, pl_bytes(NULL, 0));
    assert_non_null(x.p);
    assert_int_equal(x.n, 0);
    assert_string_equal(pl_arena_printf(&a, "%s/%d", "x", 12), "x/12");
    pl_arena_free(&a);
}

static void reset_keeps_one_small_block(void **state)
{
    struct pl_arena a;
    void *first;

    (void)state;
    pl_arena_init(&a, 10 << 20);
    first = pl_arena_alloc(&a, 100);
    assert_non_null(pl_arena_alloc(&a, 1 << 20));
    pl_arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(a.head);
    assert_ptr_equal(pl_arena_alloc(&a, 100), first);
    pl_arena_reset(&a);
    for (int i = 0; i < 1000; i++)
        assert_non_null(pl_arena_alloc(&a, 1000));
    pl_arena_reset(&a);
    assert_non_null(pl_arena_alloc(&a, 10));
    pl_arena_free(&a);
    /* Only large blocks: nothing is kept. */
    pl_arena_init(&a, 10 << 20);
    assert_non_null(pl_arena_alloc(&a, 1 << 20));
    pl_arena_reset(&a);
    assert_null(a.head);
    assert_non_null(pl_arena_alloc(&a, 1));
    pl_arena_free_secret(&a);
    assert_null(a.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(growth_keeps_the_content),
        cmocka_unit_test(copies_end_with_a_nul),
        cmocka_unit_test(reset_keeps_one_small_block),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
