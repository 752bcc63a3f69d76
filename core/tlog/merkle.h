/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle.h - RFC 6962 section 2.1 hashing, node coordinates, and the one hash-reader seam.
 *
 * Node (level, index) covers the leaves [index << level, (index + 1) << level). A node is complete
 * when the tree has all of them; complete nodes never change. Only complete nodes are ever read
 * through the seam or stored; the rest of the right edge is recomputed.
 */
#ifndef PL_CORE_TLOG_MERKLE_H
#define PL_CORE_TLOG_MERKLE_H

#include "core/crypto/hash.h"

/* The most leaves that a tree may have: with more, a consistency proof would need 65 hashes. */
#define PL_TREE_SIZE_MAX ((uint64_t)1 << 63)

struct pl_node {
    unsigned level; /* 0 = leaf hashes, at most 63 */
    uint64_t index; /* position within the level */
};
/* By (level, index): <0, 0, >0. */
int pl_node_cmp(const struct pl_node *a, const struct pl_node *b);

extern const struct pl_hash PL_EMPTY_ROOT;                     /* SHA-256(""): the root of size 0 */
void pl_leaf_hash(struct pl_bytes entry, struct pl_hash *out); /* SHA-256(0x00 || entry) */
/* SHA-256(0x01 || left || right); @out may be @left or @right. */
void pl_node_hash(const struct pl_hash *left, const struct pl_hash *right, struct pl_hash *out);

/*
 * Reads the hashes of @n complete nodes into @got, in the order of @want, which is sorted by
 * (level, index) without repeats; one call per proof. All or nothing: on failure (PL_ENOTFOUND: a
 * node that the source does not have) @got is undefined.
 */
typedef enum pl_code (*pl_hashes_fn)(void *ctx, const struct pl_node *want, size_t n,
                                     struct pl_hash *got, struct pl_err *err);

#endif
