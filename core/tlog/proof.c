/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.c - RFC 6962 proofs in their bit form: no recursion, no tree walk.
 *
 * Terms, for leaf m in a tree of n leaves:
 *
 *   inner   = bitlen(m XOR (n - 1)): up to this level the paths of leaf m and of the last leaf
 *             differ, so the sibling lies left or right as the bit of m says.
 *   border  = popcount(m >> inner): above it the path of m is the right edge of the tree; only its
 *             set bits have a sibling, always a complete one on the left.
 *
 * An inclusion proof has exactly inner + border hashes. All of them are complete nodes, but for at
 * most one: the right sibling at level inner - 1 may reach beyond the last leaf. It is "ephemeral",
 * is stored nowhere, and is folded here from the complete nodes that it consists of.
 *
 * Building is therefore two steps: write down which complete nodes are needed (struct plan), then
 * ask the reader once for all of them, ascending, and put the hashes in proof order.
 */
#include "core/tlog/proof.h"

#include "core/tlog/bits.h"

#include <assert.h>
#include <inttypes.h>

/* At most 64 hashes in a proof, one of which may stand for up to 63 nodes: never over 128. */
#define PLAN_MAX 128

struct plan {
    struct pl_node node[PLAN_MAX]; /* in proof order */
    size_t n;
    size_t eph_begin, eph_end; /* node[begin..end) fold into one hash; empty if begin == end */
};

/* Up to 2^63 leaves, inner + border <= 63 (add the old subtree's root: 64 in a consistency proof).
 */
static enum pl_code check_size(uint64_t size, struct pl_err *err)
{
    if (size > PL_TREE_SIZE_MAX)
        return PL_FAIL(err, PL_EINVAL, "proof: tree size %" PRIu64 " is over 2^63", size);
    return PL_OK;
}

static enum pl_code check_index(uint64_t index, uint64_t size, struct pl_err *err)
{
    if (index >= size)
        return PL_FAIL(err, PL_EINVAL,
                       "inclusion proof: index %" PRIu64 " is not below the tree size %" PRIu64,
                       index, size);
    return check_size(size, err);
}

static enum pl_code check_sizes(uint64_t old_size, uint64_t new_size, struct pl_err *err)
{
    if (old_size > new_size)
        return PL_FAIL(err, PL_EINVAL,
                       "consistency proof: old size %" PRIu64 " is over the new size %" PRIu64,
                       old_size, new_size);
    return check_size(new_size, err);
}

static void add_node(struct plan *p, unsigned level, uint64_t index)
{
    assert(p->n < PLAN_MAX);
    p->node[p->n++] = (struct pl_node){level, index};
}

/*
 * The ephemeral node over [begin, end): its complete subtrees, left to right, one per set bit of
 * the length, biggest first. @begin is a multiple of a power of two greater than the length, hence
 * each subtree is aligned to its own size.
 */
static void add_ephemeral(struct plan *p, uint64_t begin, uint64_t end)
{
    p->eph_begin = p->n;
    for (uint64_t left = end - begin; left != 0;) {
        unsigned level = pl_bitlen(left) - 1;
        add_node(p, level, begin >> level);
        begin += (uint64_t)1 << level;
        left -= (uint64_t)1 << level;
    }
    p->eph_end = p->n;
}

/* The siblings of the path of leaf @m from level @from to the root of the tree of @n leaves. */
static void add_path(struct plan *p, uint64_t m, unsigned from, uint64_t n)
{
    unsigned inner = pl_bitlen(m ^ (n - 1));

    for (unsigned k = from; k < inner; k++) {
        uint64_t sibling = (m >> k) ^ 1;
        /* Complete iff all of [s << k, (s + 1) << k) is in the tree; written without the sum, which
         * would overflow at the far end. */
        if (sibling < n >> k)
            add_node(p, k, sibling);
        else
            add_ephemeral(p, sibling << k, n); /* k == inner - 1: s << k <= n - 1, no overflow */
    }
    for (unsigned k = inner; pl_shr(m, k) != 0; k++) {
        if ((m >> k) & 1)
            add_node(p, k, (m >> k) - 1);
    }
}

/* One call of the reader, ascending; @got comes back in plan order. The nodes of a proof cover
 * disjoint leaves, so none repeats. Insertion sort: a plan is short and nearly sorted. */
static enum pl_code read_plan(const struct plan *p, pl_hashes_fn hashes, void *ctx,
                              struct pl_hash got[PLAN_MAX], struct pl_err *err)
{
    struct pl_node want[PLAN_MAX];
    struct pl_hash sorted[PLAN_MAX];
    uint8_t from[PLAN_MAX]; /* want[i] is p->node[from[i]] */

    if (p->n == 0)
        return PL_OK;
    for (size_t i = 0; i < p->n; i++) {
        size_t j = i;
        for (; j > 0 && pl_node_cmp(&want[j - 1], &p->node[i]) > 0; j--) {
            want[j] = want[j - 1];
            from[j] = from[j - 1];
        }
        want[j] = p->node[i];
        from[j] = (uint8_t)i;
    }
    enum pl_code rc = hashes(ctx, want, p->n, sorted, err);
    if (rc != PL_OK)
        return rc;
    for (size_t i = 0; i < p->n; i++)
        got[from[i]] = sorted[i];
    return PL_OK;
}

/* Reads the plan and folds its ephemeral part, from the right as a root is folded. */
static enum pl_code build(const struct plan *p, pl_hashes_fn hashes, void *ctx,
                          struct pl_proof *out, struct pl_err *err)
{
    struct pl_hash got[PLAN_MAX];
    enum pl_code rc = read_plan(p, hashes, ctx, got, err);

    if (rc != PL_OK)
        return rc;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct pl_hash h = got[i];
        if (i == p->eph_begin && i < p->eph_end) {
            h = got[p->eph_end - 1];
            for (size_t j = p->eph_end - 1; j > p->eph_begin; j--)
                pl_node_hash(&got[j - 1], &h, &h);
            i = p->eph_end - 1;
        }
        assert(n < PL_PROOF_MAX);
        out->hash[n++] = h;
    }
    out->n = n;
    return PL_OK;
}

enum pl_code pl_proof_inclusion(uint64_t index, uint64_t size, pl_hashes_fn hashes, void *ctx,
                                struct pl_proof *out, struct pl_err *err)
{
    struct plan p = {.n = 0};
    enum pl_code rc = check_index(index, size, err);

    if (rc != PL_OK)
        return rc;
    add_path(&p, index, 0, size);
    return build(&p, hashes, ctx, out, err);
}

/*
 * The old tree's last complete subtree has height t = ctz(old size). Its root, then the path from
 * it to the new root. When the old size is a power of two, that subtree is the whole old tree: the
 * verifier has its root already, and it is left out.
 */
enum pl_code pl_proof_consistency(uint64_t old_size, uint64_t new_size, pl_hashes_fn hashes,
                                  void *ctx, struct pl_proof *out, struct pl_err *err)
{
    struct plan p = {.n = 0};
    enum pl_code rc = check_sizes(old_size, new_size, err);

    if (rc != PL_OK)
        return rc;
    if (old_size == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "consistency proof: there is none from size 0, ask from size 1 on");
    if (old_size < new_size) {
        uint64_t last = old_size - 1;
        unsigned t = pl_ctz(old_size);
        if (pl_popcount(old_size) > 1)
            add_node(&p, t, last >> t);
        add_path(&p, last, t, new_size);
    }
    return build(&p, hashes, ctx, out, err);
}

/*
 * Climbs from @r, the node above leaf @m at level @from. Below `inner` the bit of m says on which
 * side a proof hash stands; from there on all stand on the left. With @left_only the hashes on the
 * right are passed over: that gives the root of the old tree, which ends with leaf m.
 */
static struct pl_hash climb(struct pl_hash r, uint64_t m, unsigned from, unsigned inner,
                            const struct pl_hash *proof, size_t nproof, bool left_only)
{
    for (size_t i = 0; i < nproof; i++) {
        unsigned k = from + (unsigned)i;
        if (k >= inner || ((m >> k) & 1))
            pl_node_hash(&proof[i], &r, &r);
        else if (!left_only)
            pl_node_hash(&r, &proof[i], &r);
    }
    return r;
}

/* The length is checked first and exactly: a proof that is longer or shorter belongs to another
 * index or size, whatever it hashes to. */
enum pl_code pl_verify_inclusion(uint64_t index, uint64_t size, const struct pl_hash *leaf,
                                 const struct pl_hash *proof, size_t nproof,
                                 const struct pl_hash *root, struct pl_err *err)
{
    enum pl_code rc = check_index(index, size, err);
    if (rc != PL_OK)
        return rc;
    unsigned inner = pl_bitlen(index ^ (size - 1));
    size_t want = inner + pl_popcount(pl_shr(index, inner));
    if (nproof != want)
        return PL_FAIL(err, PL_EVERIFY,
                       "inclusion proof: %zu hashes, but index %" PRIu64
                       " in a tree of size %" PRIu64 " needs %zu",
                       nproof, index, size, want);
    struct pl_hash got = climb(*leaf, index, 0, inner, proof, nproof, false);
    if (!pl_hash_eq(&got, root))
        return PL_FAIL(err, PL_EVERIFY,
                       "inclusion proof: index %" PRIu64 " does not lead to the root of size "
                       "%" PRIu64,
                       index, size);
    return PL_OK;
}

/* Sizes that need no hashing: equal ones, and the empty tree, which is a prefix of every tree. Then
 * the proof must be empty, and the roots must still be what they have to be. */
static enum pl_code verify_trivial(const struct pl_hash *want_old, size_t nproof,
                                   const struct pl_hash *old_root, const char *why,
                                   struct pl_err *err)
{
    if (nproof != 0)
        return PL_FAIL(err, PL_EVERIFY, "consistency proof: %zu hashes, but %s needs none", nproof,
                       why);
    if (!pl_hash_eq(old_root, want_old))
        return PL_FAIL(err, PL_EVERIFY, "consistency proof: the roots contradict each other for %s",
                       why);
    return PL_OK;
}

enum pl_code pl_verify_consistency(uint64_t old_size, uint64_t new_size,
                                   const struct pl_hash *proof, size_t nproof,
                                   const struct pl_hash *old_root, const struct pl_hash *new_root,
                                   struct pl_err *err)
{
    enum pl_code rc = check_sizes(old_size, new_size, err);
    if (rc != PL_OK)
        return rc;
    if (old_size == 0) {
        rc = verify_trivial(&PL_EMPTY_ROOT, nproof, old_root, "an empty old tree", err);
        if (rc != PL_OK || new_size != 0)
            return rc;
    }
    if (old_size == new_size)
        return verify_trivial(new_root, nproof, old_root, "equal sizes", err);

    uint64_t last = old_size - 1;
    unsigned t = pl_ctz(old_size);
    /* Sizes differ, so bit t or a higher one does: inner > t. */
    unsigned inner = pl_bitlen(last ^ (new_size - 1));
    size_t path = inner - t + pl_popcount(pl_shr(last, inner));
    bool whole = pl_popcount(old_size) == 1; /* the seed is the old root itself */
    size_t want = path + (whole ? 0 : 1);
    if (nproof != want)
        return PL_FAIL(err, PL_EVERIFY,
                       "consistency proof: %zu hashes, but sizes %" PRIu64 " and %" PRIu64
                       " need %zu",
                       nproof, old_size, new_size, want);
    struct pl_hash seed = whole ? *old_root : proof[0];
    const struct pl_hash *rest = whole ? proof : proof + 1;
    struct pl_hash got = climb(seed, last, t, inner, rest, path, true);
    if (!pl_hash_eq(&got, old_root))
        return PL_FAIL(err, PL_EVERIFY,
                       "consistency proof: does not lead to the old root, of size %" PRIu64,
                       old_size);
    got = climb(seed, last, t, inner, rest, path, false);
    if (!pl_hash_eq(&got, new_root))
        return PL_FAIL(err, PL_EVERIFY,
                       "consistency proof: does not lead to the new root, of size %" PRIu64,
                       new_size);
    return PL_OK;
}
