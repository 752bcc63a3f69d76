/* SPDX-License-Identifier: Apache-2.0 */
/* test_merkle.c - leaf and node hashes against the classic 8-leaf tree of RFC 6962's test inputs.
 */
#include "core/base/enc.h"
#include "core/tlog/merkle.h"

#include "tests/unit/test.h"

static struct pl_hash hex(const char *text)
{
    struct pl_hash h;

    assert_true(pl_hex_decode(pl_str(text), h.b, sizeof(h.b)));
    return h;
}

static const struct {
    const char *entry, *leaf;
} EIGHT[8] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"},
    {"10", "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"},
    {"2021", "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"},
    {"3031", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"},
    {"40414243", "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658"},
    {"5051525354555657", "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"},
    {"606162636465666768696a6b6c6d6e6f",
     "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1"},
};

static void leaf_hashes_are_those_of_the_classic_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        uint8_t entry[16];
        struct pl_hash got, want = hex(EIGHT[i].leaf);
        size_t n = strlen(EIGHT[i].entry) / 2;
        assert_true(pl_hex_decode(pl_str(EIGHT[i].entry), entry, n));
        pl_leaf_hash(pl_bytes(entry, n), &got);
        assert_memory_equal(got.b, want.b, 32);
    }
}

static void node_hashes_are_those_of_the_classic_tree(void **state)
{
    static const struct {
        const char *left, *right, *node;
    } table[] = {
        {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
         "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
         "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
         "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"},
        {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
         "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
         "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct pl_hash left = hex(table[i].left), right = hex(table[i].right);
        struct pl_hash want = hex(table[i].node), got;
        pl_node_hash(&left, &right, &got);
        assert_memory_equal(got.b, want.b, 32);
    }
}

static void the_output_may_be_either_child(void **state)
{
    struct pl_hash a = hex(EIGHT[0].leaf), b = hex(EIGHT[1].leaf), want, got;

    (void)state;
    pl_node_hash(&a, &b, &want);
    got = a;
    pl_node_hash(&got, &b, &got);
    assert_memory_equal(got.b, want.b, 32);
    got = b;
    pl_node_hash(&a, &got, &got);
    assert_memory_equal(got.b, want.b, 32);
    pl_node_hash(&b, &a, &got);
    assert_memory_not_equal(got.b, want.b, 32); /* order matters */
}

static void an_entry_that_looks_like_a_node_is_not_one(void **state)
{
    struct pl_hash a = hex(EIGHT[0].leaf), b = hex(EIGHT[1].leaf), node, leaf;
    uint8_t both[64];

    (void)state;
    memcpy(both, a.b, 32);
    memcpy(both + 32, b.b, 32);
    pl_node_hash(&a, &b, &node);
    pl_leaf_hash(pl_bytes(both, sizeof(both)), &leaf);
    assert_memory_not_equal(node.b, leaf.b, 32);
}

static void the_empty_root_is_the_hash_of_nothing(void **state)
{
    struct pl_hash got;

    (void)state;
    pl_sha256(pl_bytes(NULL, 0), &got);
    assert_memory_equal(got.b, PL_EMPTY_ROOT.b, 32);
}

static void nodes_sort_by_level_then_index(void **state)
{
    const struct pl_node n[] = {{0, 0}, {0, 1}, {0, UINT64_MAX}, {1, 0}, {63, 1}};
    const size_t count = sizeof(n) / sizeof(n[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int c = pl_node_cmp(&n[i], &n[j]);
            assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaf_hashes_are_those_of_the_classic_tree),
        cmocka_unit_test(node_hashes_are_those_of_the_classic_tree),
        cmocka_unit_test(the_output_may_be_either_child),
        cmocka_unit_test(an_entry_that_looks_like_a_node_is_not_one),
        cmocka_unit_test(the_empty_root_is_the_hash_of_nothing),
        cmocka_unit_test(nodes_sort_by_level_then_index),
    };
    return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
