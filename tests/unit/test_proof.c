/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proof.c - proofs for all sizes and pairs up to 256 against the recursive definition, around
 * 2^16, at the far end of uint64_t, and what verification refuses.
 */
#include "core/base/enc.h"
#include "core/tlog/proof.h"
#include "core/tlog/range.h"

#include "tests/lib/tlog_ref.h"
#include "tests/unit/test.h"

#include <inttypes.h>

#define SMALL    256
#define BIG      UINT64_C(70000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ref_tree tree;
static struct pl_err err;

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

static struct pl_hash hex(const char *text)
{
    struct pl_hash h;

    assert_true(pl_hex_decode(pl_str(text), h.b, sizeof(h.b)));
    return h;
}
static struct pl_hash base64(const char *text)
{
    uint8_t raw[64];
    size_t n = 0;
    struct pl_hash h;

    assert_true(pl_base64_decode(pl_str(text), PL_BASE64_STD, raw, &n));
    assert_int_equal(n, 32);
    memcpy(h.b, raw, 32);
    return h;
}

static struct pl_proof inclusion(uint64_t index, uint64_t size)
{
    struct pl_proof p;

    ref_tree_reset(&tree, size);
    assert_ok(pl_proof_inclusion(index, size, ref_tree_hashes, &tree, &p, &err), err);
    return p;
}
static struct pl_proof consistency(uint64_t old_size, uint64_t new_size)
{
    struct pl_proof p;

    ref_tree_reset(&tree, new_size);
    assert_ok(pl_proof_consistency(old_size, new_size, ref_tree_hashes, &tree, &p, &err), err);
    return p;
}
static struct pl_hash root_of(uint64_t size)
{
    struct pl_range r;
    struct pl_hash root;

    ref_tree_reset(&tree, size);
    assert_ok(pl_range_load(&r, size, ref_tree_hashes, &tree, &err), err);
    pl_range_root(&r, &root);
    return root;
}

static void inclusion_proofs_equal_the_definition_for_all_small_trees(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= SMALL; size++) {
        struct pl_hash root = ref_root(tree.level[0], 0, size), want[64];
        for (uint64_t index = 0; index < size; index++) {
            struct pl_proof p = inclusion(index, size);
            assert_int_equal(p.n, ref_path(tree.level[0], index, size, want));
            if (p.n > 0)
                assert_memory_equal(p.hash, want, p.n * sizeof(want[0]));
            assert_ok(
                pl_verify_inclusion(index, size, &tree.level[0][index], p.hash, p.n, &root, &err),
                err);
        }
    }
}

static void consistency_proofs_equal_the_definition_for_all_small_trees(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= SMALL; size++) {
        struct pl_hash root = ref_root(tree.level[0], 0, size), want[64];
        for (uint64_t old = 1; old <= size; old++) {
            struct pl_hash old_root = ref_root(tree.level[0], 0, old);
            struct pl_proof p = consistency(old, size);
            assert_int_equal(p.n, ref_proof(tree.level[0], old, size, want));
            if (p.n > 0)
                assert_memory_equal(p.hash, want, p.n * sizeof(want[0]));
            assert_ok(pl_verify_consistency(old, size, p.hash, p.n, &old_root, &root, &err), err);
        }
    }
}

/* Every hash of @p changed in one bit, the proof shorter by one at either end, longer by one. */
typedef enum pl_code (*verify_fn)(const struct pl_hash *proof, size_t n, const void *arg);

static void assert_no_mutant_verifies(const struct pl_proof *p, verify_fn verify, const void *arg)
{
    struct pl_hash m[PL_PROOF_MAX + 1];

    memset(m, 0, sizeof(m));
    memcpy(m, p->hash, p->n * sizeof(m[0]));
    assert_int_equal(verify(m, p->n, arg), PL_OK);
    for (size_t i = 0; i < p->n; i++) {
        m[i].b[i % 32] ^= (uint8_t)(1U << (i % 8));
        assert_int_equal(verify(m, p->n, arg), PL_EVERIFY);
        m[i] = p->hash[i];
    }
    assert_int_equal(verify(m, p->n + 1, arg), PL_EVERIFY); /* one more, zeros */
    assert_non_null(strstr(err.text, "hashes, but"));       /* the length, not the root */
    if (p->n == 0)
        return;
    m[p->n] = p->hash[p->n - 1];
    assert_int_equal(verify(m, p->n + 1, arg), PL_EVERIFY); /* the last one twice */
    assert_int_equal(verify(m, p->n - 1, arg), PL_EVERIFY);
    assert_int_equal(verify(m + 1, p->n - 1, arg), PL_EVERIFY);
}

struct inclusion_case {
    uint64_t index, size;
    struct pl_hash leaf, root;
};
static enum pl_code try_inclusion(const struct pl_hash *proof, size_t n, const void *arg)
{
    const struct inclusion_case *c = arg;

    return pl_verify_inclusion(c->index, c->size, &c->leaf, proof, n, &c->root, &err);
}

static void changed_inclusion_proofs_are_refused(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 70; size++) {
        for (uint64_t index = 0; index < size; index++) {
            struct pl_proof p = inclusion(index, size);
            struct inclusion_case c = {index, size, tree.level[0][index],
                                       ref_root(tree.level[0], 0, size)};
            assert_no_mutant_verifies(&p, try_inclusion, &c);
            struct inclusion_case other = c;
            other.leaf.b[0] ^= 1;
            assert_int_equal(try_inclusion(p.hash, p.n, &other), PL_EVERIFY);
            other = c;
            other.root.b[31] ^= 0x80;
            assert_int_equal(try_inclusion(p.hash, p.n, &other), PL_EVERIFY);
        }
    }
}

static void an_inclusion_proof_holds_for_its_index_only(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 40; size++) {
        for (uint64_t index = 0; index < size; index++) {
            struct pl_proof p = inclusion(index, size);
            struct inclusion_case c = {0, size, tree.level[0][index],
                                       ref_root(tree.level[0], 0, size)};
            for (c.index = 0; c.index < size; c.index++)
                assert_int_equal(try_inclusion(p.hash, p.n, &c),
                                 c.index == index ? PL_OK : PL_EVERIFY);
        }
    }
}

struct consistency_case {
    uint64_t old_size, new_size;
    struct pl_hash old_root, new_root;
};
static enum pl_code try_consistency(const struct pl_hash *proof, size_t n, const void *arg)
{
    const struct consistency_case *c = arg;

    return pl_verify_consistency(c->old_size, c->new_size, proof, n, &c->old_root, &c->new_root,
                                 &err);
}

static void changed_consistency_proofs_are_refused(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 70; size++) {
        for (uint64_t old = 1; old <= size; old++) {
            struct pl_proof p = consistency(old, size);
            struct consistency_case c = {old, size, ref_root(tree.level[0], 0, old),
                                         ref_root(tree.level[0], 0, size)};
            assert_no_mutant_verifies(&p, try_consistency, &c);
            struct consistency_case other = c;
            other.old_root.b[0] ^= 1;
            assert_int_equal(try_consistency(p.hash, p.n, &other), PL_EVERIFY);
            other = c;
            other.new_root.b[31] ^= 0x80;
            assert_int_equal(try_consistency(p.hash, p.n, &other), PL_EVERIFY);
        }
    }
}

/* Pitfalls: no proof from size 0; equal sizes compare the roots; sizes the wrong way round. */
static void sizes_without_a_proof(void **state)
{
    struct pl_hash a = root_of(5), b = root_of(6), empty = PL_EMPTY_ROOT;
    struct pl_proof p;

    (void)state;
    assert_fails(pl_proof_inclusion(5, 5, ref_tree_hashes, &tree, &p, &err), PL_EINVAL,
                 "index 5 is not below the tree size 5", err);
    assert_fails(pl_proof_inclusion(0, 0, ref_tree_hashes, &tree, &p, &err), PL_EINVAL, "size 0",
                 err);
    assert_fails(pl_proof_consistency(0, 5, ref_tree_hashes, &tree, &p, &err), PL_EINVAL, "size 0",
                 err);
    assert_fails(pl_proof_consistency(6, 5, ref_tree_hashes, &tree, &p, &err), PL_EINVAL,
                 "old size 6 is over the new size 5", err);
    assert_fails(pl_verify_inclusion(5, 5, &a, NULL, 0, &a, &err), PL_EINVAL, "index 5", err);
    assert_fails(pl_verify_inclusion(0, 0, &a, NULL, 0, &a, &err), PL_EINVAL, "size 0", err);
    assert_fails(pl_verify_consistency(6, 5, NULL, 0, &b, &a, &err), PL_EINVAL, "old size 6", err);

    assert_ok(pl_verify_consistency(5, 5, NULL, 0, &a, &a, &err), err);
    assert_fails(pl_verify_consistency(5, 5, NULL, 0, &a, &b, &err), PL_EVERIFY, "contradict", err);
    assert_fails(pl_verify_consistency(5, 5, &a, 1, &a, &a, &err), PL_EVERIFY, "1 hashes", err);

    assert_ok(pl_verify_consistency(0, 5, NULL, 0, &empty, &a, &err), err);
    assert_ok(pl_verify_consistency(0, 0, NULL, 0, &empty, &empty, &err), err);
    assert_fails(pl_verify_consistency(0, 5, NULL, 0, &b, &a, &err), PL_EVERIFY, "contradict", err);
    assert_fails(pl_verify_consistency(0, 0, NULL, 0, &a, &a, &err), PL_EVERIFY, "contradict", err);
    assert_fails(pl_verify_consistency(0, 0, NULL, 0, &empty, &a, &err), PL_EVERIFY, "contradict",
                 err);
    assert_fails(pl_verify_consistency(0, 5, &a, 1, &empty, &a, &err), PL_EVERIFY, "1 hashes", err);
}

static enum pl_code no_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                              struct pl_err *e)
{
    (void)ctx;
    (void)want;
    (void)got;
    return PL_FAIL(e, PL_ENOTFOUND, "%zu nodes are missing", n);
}

static void a_failing_reader_leaves_the_proof_alone(void **state)
{
    struct pl_proof p, before;

    (void)state;
    memset(&p, 0xa5, sizeof(p));
    before = p;
    assert_fails(pl_proof_inclusion(3, 9, no_hashes, NULL, &p, &err), PL_ENOTFOUND, "missing", err);
    assert_fails(pl_proof_consistency(3, 9, no_hashes, NULL, &p, &err), PL_ENOTFOUND, "missing",
                 err);
    assert_memory_equal(&p, &before, sizeof(p));
}

static void proofs_around_two_to_the_sixteenth(void **state)
{
    static const uint64_t sizes[] = {65535, 65536, 65537};
    static const uint64_t indexes[] = {0,     1,     2,     255,   256,   257,   32767,
                                       32768, 65279, 65280, 65533, 65534, 65535, 65536};
    struct pl_hash want[64];

    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct pl_hash root = root_of(sizes[s]);
        for (size_t i = 0; i < COUNT(indexes) && indexes[i] < sizes[s]; i++) {
            struct inclusion_case c = {indexes[i], sizes[s], tree.level[0][indexes[i]], root};
            struct pl_proof p = inclusion(c.index, c.size);
            assert_no_mutant_verifies(&p, try_inclusion, &c);
        }
        for (size_t i = 1; i < COUNT(indexes) && indexes[i] <= sizes[s]; i++) {
            struct consistency_case c = {indexes[i], sizes[s], root_of(indexes[i]), root};
            struct pl_proof p = consistency(c.old_size, c.new_size);
            assert_no_mutant_verifies(&p, try_consistency, &c);
        }
    }
    /* The definition itself is slow here: one pair of each. */
    struct pl_proof p = inclusion(65534, 65537);
    assert_int_equal(p.n, ref_path(tree.level[0], 65534, 65537, want));
    assert_memory_equal(p.hash, want, p.n * sizeof(want[0]));
    p = consistency(65535, 65537);
    assert_int_equal(p.n, ref_proof(tree.level[0], 65535, 65537, want));
    assert_memory_equal(p.hash, want, p.n * sizeof(want[0]));
}

static void the_proofs_of_the_seventy_thousand_entry_tree(void **state)
{
    static const char *const want[] = {
        "54427c367971652ce58f68f74f32b3db1b9261765280520a3a14986cba71e0f7",
        "f65dc81ca39ec86b623a7a7909e3f730eb16b29a29961e87384e4c8f385786d9",
        "3367178f1fa1a1ba66973225cba9bbf6cb189c4d1321bf0b495f3df42adef3fc",
        "0e8e99c22917077e7b73693eb1e98d92f6deb0c0100fc71784ce68c824eaed90",
        "1fdd706d2986c52c03cde4114942e18b944b6a2919be8f5b48799c3b58b3f882",
        "11bd1fbfd9e3d50d67f7308734e51bcfb007c7cbfeba47ce6701cbab5577ac7d",
        "777bdc83059aa6f269f9766d651798c92f1c5d5713b4bcbc57eb88634b47e284",
        "5f568bbc424c1127a6fa219d1e23185933c49ce59002dd2ef7eab2370fdc36ac",
        "1dcece1b47fb2c074f8dfe24642f2cc18900708ed2fc4d711693906f9e4e38a3",
        "f2811a7b5e8a43fbc1c814ddaed4a4b666571e6546c746f8668c84b20b7e4ad8",
        "22eab16f5a07c10890270b43ef19c3156aff25a719a80a26cefb6df292876d29",
        "292e53ea0917f196bd1cfc218139574cbffa0ce5d5bc87168d728b80cea0da2d",
        "922fb5e27b7b8c627cd499815810e5a78d56a0360f09416f03de45cc2d52a07a",
        "1cc7700f9e573f45b013268f74afe93c188be70ddb6f2d7266a97d7e42b8eb6b",
        "71ce00b2939c61741c7e8ebda7a40985895e64c50da3344ba974c5c46401d31b",
        "9ac266d00a48f5f2604dd1fcd40ac2796103194e033936c55c7ec1ff58394c6b",
        "136434fca2b2f132b30505979cdc81a6e2cb963a1b210f7f7da15f2f5a6f1abc",
    };
    struct pl_hash leaf = hex("18201a7c864601876f497acc3d1aaffd465d7d62a223a062339b5647fad1cebb");
    struct pl_hash root = hex("a62a54be33294ffd5a5c4c637fd754630b71a892e8356e3a666a5c8a7ffd1518");
    struct pl_proof p = inclusion(12345, BIG);

    (void)state;
    assert_int_equal(p.n, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        struct pl_hash h = hex(want[i]);
        assert_memory_equal(p.hash[i].b, h.b, 32);
    }
    assert_ok(pl_verify_inclusion(12345, BIG, &leaf, p.hash, p.n, &root, &err), err);

    p = consistency(65536, BIG);
    struct pl_hash only = base64("E2Q0/KKy8TKzBQWXnNyBpuLLljobIQ9/faFfL1pvGrw=");
    assert_int_equal(p.n, 1);
    assert_memory_equal(p.hash[0].b, only.b, 32);
    assert_int_equal(consistency(65535, BIG).n, 18);
    assert_int_equal(consistency(69999, BIG).n, 10);
    p = consistency(256, 257);
    assert_int_equal(p.n, 1);
    assert_memory_equal(p.hash[0].b, tree.level[0][256].b, 32);
    p = consistency(300, BIG);
    struct pl_hash first = base64("UgiJAe094wANsRP+ill2+OV+dwqbxH5+A5YT7dcKVa8=");
    struct pl_hash second = base64("Xl8ZeJjoN050am758COAUWLRwJ6niaZrp4ljHNOakOk=");
    assert_int_equal(p.n, 16);
    assert_memory_equal(p.hash[0].b, first.b, 32);
    assert_memory_equal(p.hash[1].b, second.b, 32);
}

/* The 8-leaf tree's proofs by name: leaf number, or {level, index} of a node. */
static void the_proofs_of_the_eight_leaf_tree(void **state)
{
    static const char *const l[8] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
        "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1"};
    static const char n01[] = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    static const char n23[] = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    static const char n03[] = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
    static const char n67[] = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    static const char n47[] = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    static const char root3[] = "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77";
    static const char root7[] = "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c";
    static const char root8[] = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    static const char n46[] = "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e";
    struct pl_hash p[4], leaf, root, old;

    (void)state;
    p[0] = hex(l[4]); /* (5, 8) */
    p[1] = hex(n67);
    p[2] = hex(n03);
    leaf = hex(l[5]);
    root = hex(root8);
    assert_ok(pl_verify_inclusion(5, 8, &leaf, p, 3, &root, &err), err);
    p[0] = hex(l[2]); /* (3, 7), with the ephemeral [4:7] */
    p[1] = hex(n01);
    p[2] = hex(n46);
    leaf = hex(l[3]);
    root = hex(root7);
    assert_ok(pl_verify_inclusion(3, 7, &leaf, p, 3, &root, &err), err);
    p[0] = hex(l[2]); /* 3 -> 7 */
    p[1] = hex(l[3]);
    p[2] = hex(n01);
    p[3] = hex(n46);
    old = hex(root3);
    assert_ok(pl_verify_consistency(3, 7, p, 4, &old, &root, &err), err);
    p[0] = hex(l[1]); /* 1 -> 8 */
    p[1] = hex(n23);
    p[2] = hex(n47);
    old = hex(l[0]);
    root = hex(root8);
    assert_ok(pl_verify_consistency(1, 8, p, 3, &old, &root, &err), err);
    p[0] = hex(l[6]); /* 7 -> 8 */
    p[1] = hex(l[7]);
    p[2] = hex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
    p[3] = hex(n03);
    old = hex(root7);
    assert_ok(pl_verify_consistency(7, 8, p, 4, &old, &root, &err), err);
}

/* The far end: no overflow, exact lengths, and the odd leaf proved at its own index only. */
static void proofs_at_the_far_end_of_uint64(void **state)
{
    static const struct {
        uint64_t index, size;
        size_t n;
    } table[] = {
        {0, UINT64_C(1) << 63, 63},
        {(UINT64_C(1) << 63) - 1, UINT64_C(1) << 63, 63},
        {UINT64_C(1) << 62, (UINT64_C(1) << 63) - 1, 63},
        {(UINT64_C(1) << 63) - 2, (UINT64_C(1) << 63) - 1, 62},
        {0, (UINT64_C(1) << 62) + 1, 63},
        {UINT64_C(1) << 62, (UINT64_C(1) << 62) + 1, 1},
        {(UINT64_C(1) << 62) + 12345, UINT64_C(1) << 63, 63},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct ref_huge h;
        struct pl_proof p;
        struct pl_hash root;
        uint64_t index = table[i].index, size = table[i].size;
        ref_huge_init(&h, index);
        ref_huge_reset(&h, size);
        assert_ok(pl_proof_inclusion(index, size, ref_huge_hashes, &h, &p, &err), err);
        assert_int_equal(p.n, table[i].n);
        /* The root by folding the edge here. */
        struct pl_node node[64];
        unsigned n = pl_range_nodes(size, node);
        for (unsigned j = n; j > 0; j--) {
            unsigned k = node[j - 1].level;
            const struct pl_hash *e = h.odd >> k == node[j - 1].index ? &h.special[k] : &h.plain[k];
            if (j == n)
                root = *e;
            else
                pl_node_hash(e, &root, &root);
        }
        struct inclusion_case c = {index, size, h.special[0], root};
        assert_no_mutant_verifies(&p, try_inclusion, &c);
        c.index = index ^ 1;
        if (c.index < size)
            assert_int_equal(try_inclusion(p.hash, p.n, &c), PL_EVERIFY);
    }
}

static void consistency_at_the_far_end_of_uint64(void **state)
{
    const uint64_t top = UINT64_C(1) << 63;
    static const uint64_t below[] = {
        1, 2, 3, (UINT64_C(1) << 62) - 1, UINT64_C(1) << 62, (UINT64_C(1) << 62) + 1};

    (void)state;
    for (size_t i = 0; i < COUNT(below); i++) {
        for (uint64_t size = top - 1; size <= top; size++) {
            struct ref_huge h;
            struct pl_proof p;
            struct pl_range r;
            struct consistency_case c = {.old_size = below[i], .new_size = size};
            ref_huge_init(&h, below[i] - 1);
            ref_huge_reset(&h, size);
            assert_ok(pl_proof_consistency(below[i], size, ref_huge_hashes, &h, &p, &err), err);
            ref_huge_reset(&h, below[i]);
            assert_ok(pl_range_load(&r, below[i], ref_huge_hashes, &h, &err), err);
            pl_range_root(&r, &c.old_root);
            ref_huge_reset(&h, size);
            assert_ok(pl_range_load(&r, size, ref_huge_hashes, &h, &err), err);
            pl_range_root(&r, &c.new_root);
            assert_no_mutant_verifies(&p, try_consistency, &c);
        }
    }
    /* The longest of all has 64 hashes: the seed and 63 on the path. */
    struct ref_huge h;
    struct pl_proof p;
    ref_huge_init(&h, 7);
    ref_huge_reset(&h, top);
    assert_ok(pl_proof_consistency(3, top, ref_huge_hashes, &h, &p, &err), err);
    assert_int_equal(p.n, PL_PROOF_MAX);
}

static void sizes_over_the_maximum_are_refused(void **state)
{
    static const uint64_t sizes[] = {(UINT64_C(1) << 63) + 1, UINT64_MAX};
    struct pl_hash any = PL_EMPTY_ROOT;
    struct pl_proof p = {.n = 5};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_fails(pl_proof_inclusion(3, sizes[i], ref_tree_hashes, &tree, &p, &err), PL_EINVAL,
                     "over 2^63", err);
        assert_fails(pl_proof_consistency(3, sizes[i], ref_tree_hashes, &tree, &p, &err), PL_EINVAL,
                     "over 2^63", err);
        assert_int_equal(p.n, 5);
        assert_fails(pl_verify_inclusion(3, sizes[i], &any, NULL, 0, &any, &err), PL_EINVAL,
                     "over 2^63", err);
        assert_fails(pl_verify_consistency(3, sizes[i], NULL, 0, &any, &any, &err), PL_EINVAL,
                     "over 2^63", err);
        assert_fails(pl_verify_consistency(sizes[i], sizes[i], NULL, 0, &any, &any, &err),
                     PL_EINVAL, "over 2^63", err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inclusion_proofs_equal_the_definition_for_all_small_trees),
        cmocka_unit_test(consistency_proofs_equal_the_definition_for_all_small_trees),
        cmocka_unit_test(changed_inclusion_proofs_are_refused),
        cmocka_unit_test(an_inclusion_proof_holds_for_its_index_only),
        cmocka_unit_test(changed_consistency_proofs_are_refused),
        cmocka_unit_test(sizes_without_a_proof),
        cmocka_unit_test(a_failing_reader_leaves_the_proof_alone),
        cmocka_unit_test(proofs_around_two_to_the_sixteenth),
        cmocka_unit_test(the_proofs_of_the_seventy_thousand_entry_tree),
        cmocka_unit_test(the_proofs_of_the_eight_leaf_tree),
        cmocka_unit_test(proofs_at_the_far_end_of_uint64),
        cmocka_unit_test(consistency_at_the_far_end_of_uint64),
        cmocka_unit_test(sizes_over_the_maximum_are_refused),
    };
    return cmocka_run_group_tests_name("proof", tests, set_up, tear_down);
}
