/* SPDX-License-Identifier: Apache-2.0 */
/* test_range.c - the compact range: invariants of core/tlog/range.c at every size. */
#include "core/base/enc.h"
#include "core/tlog/range.h"

#include "tests/lib/tlog_ref.h"
#include "tests/unit/test.h"

#include <inttypes.h>

#define SMALL 256
#define BIG   UINT64_C(70000)

static struct ref_tree tree;

static int set_up(void **state)
{
    (void)state;
    ref_tree_init(&tree, BIG);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    ref_tree_free(&tree);
    return 0;
}

static void assert_root(const struct pl_range *r, const char *hex)
{
    struct pl_hash got, want;

    pl_range_root(r, &got);
    assert_true(pl_hex_decode(pl_str(hex), want.b, sizeof(want.b)));
    assert_memory_equal(got.b, want.b, 32);
}

/* Invariants 1 and 2, by the second tree: one node per set bit, biggest first, without gaps. */
static void check_edge(const struct pl_range *r)
{
    struct pl_node node[64];
    unsigned n = pl_range_nodes(r->size, node);
    uint64_t covered = 0;

    assert_int_equal(n, __builtin_popcountll(r->size));
    assert_int_equal(r->nedge, n);
    for (unsigned i = 0; i < n; i++) {
        assert_true(node[i].index << node[i].level == covered);
        covered += UINT64_C(1) << node[i].level;
        if (i > 0)
            assert_true(node[i].level < node[i - 1].level);
        assert_memory_equal(r->edge[i].b, tree.level[node[i].level][node[i].index].b, 32);
    }
    assert_true(covered == r->size);
}

static void appending_keeps_the_invariants_at_every_size(void **state)
{
    struct pl_range r;
    struct pl_err err;
    struct pl_hash made[64], got, want;

    (void)state;
    pl_range_init(&r);
    for (uint64_t size = 0; size <= SMALL; size++) {
        assert_true(r.size == size);
        check_edge(&r);
        pl_range_root(&r, &got);
        want = ref_root(tree.level[0], 0, size);
        assert_memory_equal(got.b, want.b, 32);

        unsigned n = 0;
        assert_ok(pl_range_append(&r, &tree.level[0][size], made, &n, &err), err);
        /* Exactly the nodes that the new leaf completes, ascending from the leaf. */
        assert_int_equal(n, __builtin_ctzll(size + 1) + 1);
        for (unsigned k = 0; k < n; k++)
            assert_memory_equal(made[k].b, tree.level[k][size >> k].b, 32);
    }
}

static void roots_around_two_to_the_sixteenth_are_the_known_ones(void **state)
{
    static const struct {
        uint64_t size;
        const char *root;
    } known[] = {
        {1, "40766b2033429026f53d54502679a839706b4741f8dcaf3a8bba5f41b5ffe075"},
        {2, "2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479"},
        {255, "45da9f374748e17a372f71c00422b12e2bf96842f1f61c5740fe494e4becff0f"},
        {256, "f85f4ead34080710b4d1e808301543aaab81aa04deb88599350dc26a4f2f58de"},
        {257, "918b1cec64f317c76e3cf55c0536841c039eff06772ebb8828ce7c176028b5ac"},
        {65535, "ef9727904944e47fac4b347c1fb33fceb917dce3d314e2c20b2d0fcfe110c281"},
        {65536, "df2c606d114416fa600bf3495152e09e39e8be3d0e2e5501c352826539abda8e"},
        {65537, "b63007bf60359bdcbc1d1ef1ed256fe359d2b9d15aba68a3cee30a832f40c79e"},
        {70000, "a62a54be33294ffd5a5c4c637fd754630b71a892e8356e3a666a5c8a7ffd1518"},
    };
    struct pl_range r, loaded;
    struct pl_err err;
    struct pl_hash made[64];
    unsigned n;
    size_t at = 0;

    (void)state;
    pl_range_init(&r);
    for (uint64_t i = 0; i < BIG; i++) {
        assert_ok(pl_range_append(&r, &tree.level[0][i], made, &n, &err), err);
        if (r.size != known[at].size)
            continue;
        assert_root(&r, known[at].root);
        check_edge(&r);
        /* invariant 3 */
        ref_tree_reset(&tree, r.size);
        assert_ok(pl_range_load(&loaded, r.size, ref_tree_hashes, &tree, &err), err);
        assert_root(&loaded, known[at].root);
        at++;
    }
    assert_int_equal(at, sizeof(known) / sizeof(known[0]));
}

static void loading_equals_appending_at_every_size(void **state)
{
    struct pl_range r, loaded;
    struct pl_err err;
    struct pl_hash made[64];
    unsigned n;

    (void)state;
    pl_range_init(&r);
    for (uint64_t size = 0; size <= SMALL; size++) {
        memset(&loaded, 0xff, sizeof(loaded));
        ref_tree_reset(&tree, size);
        assert_ok(pl_range_load(&loaded, size, ref_tree_hashes, &tree, &err), err);
        assert_int_equal(tree.calls, size == 0 ? 0 : 1);
        assert_true(loaded.size == size);
        check_edge(&loaded);
        assert_ok(pl_range_append(&r, &tree.level[0][size], made, &n, &err), err);
    }
}

static enum pl_code no_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                              struct pl_err *err)
{
    (void)ctx;
    (void)want;
    (void)n;
    (void)got;
    return PL_FAIL(err, PL_ENOTFOUND, "node is missing");
}

static void a_failed_load_leaves_the_range_alone(void **state)
{
    struct pl_range r, before;
    struct pl_err err;

    (void)state;
    memset(&r, 0xa5, sizeof(r));
    before = r;
    assert_fails(pl_range_load(&r, 5, no_hashes, NULL, &err), PL_ENOTFOUND, "missing", err);
    assert_memory_equal(&r, &before, sizeof(r));
    assert_fails(pl_range_load(&r, (UINT64_C(1) << 63) + 1, no_hashes, NULL, &err), PL_EINVAL,
                 "9223372036854775809", err);
    assert_memory_equal(&r, &before, sizeof(r));
}

static void the_last_leaf_fits_and_one_more_is_refused(void **state)
{
    const uint64_t last = (UINT64_C(1) << 63) - 1;
    struct ref_huge huge;
    struct pl_range r, full;
    struct pl_err err;
    struct pl_hash made[64], got;
    unsigned n = 0;

    (void)state;
    ref_huge_init(&huge, last);
    ref_huge_reset(&huge, last);
    assert_ok(pl_range_load(&r, last, ref_huge_hashes, &huge, &err), err);
    assert_int_equal(r.nedge, 63);
    assert_ok(pl_range_append(&r, &huge.special[0], made, &n, &err), err);
    assert_true(r.size == UINT64_C(1) << 63);
    assert_int_equal(n, 64);
    assert_int_equal(r.nedge, 1);
    pl_range_root(&r, &got);
    assert_memory_equal(got.b, huge.special[63].b, 32);

    full = r;
    n = 77;
    assert_fails(pl_range_append(&r, &huge.plain[0], made, &n, &err), PL_ETOOBIG, "2^63", err);
    assert_int_equal(n, 77);
    assert_memory_equal(&r, &full, sizeof(r));
}

static void edge_nodes_of_extreme_sizes(void **state)
{
    struct pl_node node[64];

    (void)state;
    assert_int_equal(pl_range_nodes(0, node), 0);
    assert_int_equal(pl_range_nodes(UINT64_C(1) << 63, node), 1);
    assert_int_equal(node[0].level, 63);
    assert_true(node[0].index == 0);
    assert_int_equal(pl_range_nodes(UINT64_MAX, node), 64);
    assert_int_equal(node[63].level, 0);
    assert_true(node[63].index == UINT64_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_keeps_the_invariants_at_every_size),
        cmocka_unit_test(roots_around_two_to_the_sixteenth_are_the_known_ones),
        cmocka_unit_test(loading_equals_appending_at_every_size),
        cmocka_unit_test(a_failed_load_leaves_the_range_alone),
        cmocka_unit_test(the_last_leaf_fits_and_one_more_is_refused),
        cmocka_unit_test(edge_nodes_of_extreme_sizes),
    };
    return cmocka_run_group_tests_name("range", tests, set_up, tear_down);
}
