/* SPDX-License-Identifier: Apache-2.0 */
/* test_sets.c - the table that makes all answers about an entry carry one SET. */
#include "server/sets.h"

#include "tests/unit/test.h"

/* Hands in a SET made of @c; returns the first byte of the one that counts. */
static uint8_t settle(struct pl_sets *sets, uint64_t index, uint8_t c)
{
    uint8_t set[PL_SET_MAX];
    size_t n = 70;

    memset(set, c, sizeof(set));
    pl_sets_settle(sets, index, set, &n);
    assert_int_equal(n, 70);
    return set[0];
}

static int setup(void **state)
{
    static struct pl_sets sets;
    struct pl_err err;

    assert_ok(pl_sets_init(&sets, &err), err);
    *state = &sets;
    return 0;
}

static int teardown(void **state)
{
    pl_sets_free(*state);
    return 0;
}

static void the_first_one_counts(void **state)
{
    assert_int_equal(settle(*state, 1, 'a'), 'a');
    assert_int_equal(settle(*state, 1, 'b'), 'a');
    assert_int_equal(settle(*state, 1 + 16384, 'c'), 'c'); /* the same bucket */
    assert_int_equal(settle(*state, 1, 'd'), 'a');
    assert_int_equal(settle(*state, 1 + 16384, 'd'), 'c');
}

static void it_counts_long_after_it_was_stored(void **state)
{
    struct pl_sets *sets = *state;
    struct pl_set out[8];

    settle(sets, 5, 'a');
    pl_sets_stored(sets, pl_sets_copy_fresh(sets, out, 8));
    assert_int_equal(sets->fresh, 0);
    /* Batches last a millisecond: a loop can be late by hundreds. */
    for (uint64_t i = 100; i < 1100; i++) {
        settle(sets, i, 'x');
        pl_sets_stored(sets, pl_sets_copy_fresh(sets, out, 8));
    }
    assert_int_equal(settle(sets, 5, 'b'), 'a');
}

static void what_no_batch_stored_is_given_again_in_order(void **state)
{
    struct pl_sets *sets = *state;
    struct pl_set out[8];

    for (uint64_t i = 10; i < 15; i++)
        settle(sets, i, 'a');
    assert_int_equal(pl_sets_copy_fresh(sets, out, 3), 3); /* this batch fails */
    assert_int_equal(pl_sets_copy_fresh(sets, out, 3), 3);
    assert_true(out[0].index == 10 && out[2].index == 12 && out[0].n == 70 && out[0].set[0] == 'a');
    settle(sets, 15, 'a'); /* meanwhile */
    pl_sets_stored(sets, 3);
    assert_int_equal(sets->fresh, 3);
    assert_int_equal(pl_sets_copy_fresh(sets, out, 8), 3);
    assert_true(out[0].index == 13 && out[2].index == 15);
    pl_sets_stored(sets, 3);
    assert_int_equal(pl_sets_copy_fresh(sets, out, 8), 0);
    pl_sets_stored(sets, 0);
    settle(sets, 16, 'a');
    assert_int_equal(pl_sets_copy_fresh(sets, out, 8), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_one_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(it_counts_long_after_it_was_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_batch_stored_is_given_again_in_order, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
