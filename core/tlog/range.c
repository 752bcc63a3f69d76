/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.c - compact range of [0, size): append and root in O(log size), nothing stored but the
 * edge.
 *
 * Invariants, true before and after every function here:
 *
 *   (1) nedge == popcount(size), so size 0 has no edge and its root is PL_EMPTY_ROOT.
 *   (2) edge[0..nedge) are the roots of complete subtrees, one per set bit of size, biggest first.
 *       The subtree of bit b is node (b, (size >> b) - 1), for the bits above b are the leaves left
 *       of it. Together they cover [0, size) without gap or overlap.
 *   (3) edge[] is a pure function of the leaf hashes: appending leaf by leaf and reading the nodes
 *       of (2) from storage give the same bytes. That is what lets a start compare the stored tree
 *       with the last signed root before anything new is signed.
 *   (4) size <= 2^63, so size + 1 and every node index are free of overflow.
 *
 *   size 7 = 0b111          edge[0] = (2,0)   edge[1] = (1,2)   edge[2] = (0,6)
 *
 *                 root                        root = H(edge[0], H(edge[1], edge[2]))
 *              /        \
 *          (2,0)          *                   * is ephemeral: it changes with the next leaf, so it
 *         /     \        /  \                 is folded when asked for and kept nowhere
 *      (1,0)  (1,1)  (1,2)  (0,6)
 */
#include "core/tlog/range.h"

#include "core/tlog/bits.h"

#include <assert.h>
#include <inttypes.h>

void pl_range_init(struct pl_range *r)
{
    *r = (struct pl_range){0};
}

/*
 * The new leaf is a subtree of height 0. While the old size has bit k set, its smallest subtree has
 * height k too: the two become one of height k + 1, exactly as a carry runs through a binary sum.
 * Every hash on the way is a complete node and goes to @made; nothing else ever becomes complete.
 */
enum pl_code pl_range_append(struct pl_range *r, const struct pl_hash *leaf,
                             struct pl_hash made[64], unsigned *nmade, struct pl_err *err)
{
    if (r->size >= PL_TREE_SIZE_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "append leaf: the tree has its maximum of 2^63 leaves");
    assert(r->nedge == pl_popcount(r->size)); /* invariant 1 */

    struct pl_hash top = *leaf;
    unsigned k = 0;
    made[0] = top;
    while ((r->size >> k) & 1) {
        r->nedge--;
        pl_node_hash(&r->edge[r->nedge], &top, &top);
        k++;
        made[k] = top;
    }
    r->edge[r->nedge++] = top;
    r->size++;
    *nmade = k + 1;
    return PL_OK;
}

/* RFC 6962 splits at the largest power of two below n, so the small subtrees meet first: fold from
 * the right. nedge - 1 hashes. */
void pl_range_root(const struct pl_range *r, struct pl_hash *out)
{
    if (r->nedge == 0) {
        *out = PL_EMPTY_ROOT;
        return;
    }
    struct pl_hash root = r->edge[r->nedge - 1];
    for (unsigned i = r->nedge - 1; i > 0; i--)
        pl_node_hash(&r->edge[i - 1], &root, &root);
    *out = root;
}

unsigned pl_range_nodes(uint64_t size, struct pl_node out[64])
{
    unsigned n = 0;

    for (unsigned k = pl_bitlen(size); k > 0; k--) {
        unsigned level = k - 1;
        if ((size >> level) & 1)
            out[n++] = (struct pl_node){level, (size >> level) - 1}; /* invariant 2 */
    }
    return n;
}

enum pl_code pl_range_load(struct pl_range *r, uint64_t size, pl_hashes_fn hashes, void *ctx,
                           struct pl_err *err)
{
    struct pl_node edge[64], want[64];
    struct pl_hash got[64];

    if (size > PL_TREE_SIZE_MAX)
        return PL_FAIL(err, PL_EINVAL, "load tree edge: size %" PRIu64 " is over 2^63", size);
    unsigned n = pl_range_nodes(size, edge);
    /* The edge has one node per level, biggest first: reversed it is ascending, as the reader
     * wants. */
    for (unsigned i = 0; i < n; i++)
        want[i] = edge[n - 1 - i];
    if (n > 0) {
        enum pl_code rc = hashes(ctx, want, n, got, err);
        if (rc != PL_OK)
            return rc;
    }
    pl_range_init(r);
    r->size = size;
    r->nedge = n;
    for (unsigned i = 0; i < n; i++)
        r->edge[i] = got[n - 1 - i];
    return PL_OK;
}
