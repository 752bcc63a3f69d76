/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlog_ref.h - a second, naive Merkle tree for tests: RFC 6962 section 2.1 as it is written there,
 * recursive, over [begin, end), sharing nothing with core/tlog but SHA-256. And two node sources
 * behind the hash-reader seam that check how they are asked.
 */
#ifndef PL_TESTS_LIB_TLOG_REF_H
#define PL_TESTS_LIB_TLOG_REF_H

#include "core/tlog/merkle.h"

/* RFC 6962 MTH(D[begin:end]) and its proofs over leaf hashes, which must not change while the same
 * array is used (results for the first 256 are remembered). */
struct pl_hash ref_root(const struct pl_hash *leaves, uint64_t begin, uint64_t end);
/* PATH(m, D[n]); returns the length. @out has room for 64. */
size_t ref_path(const struct pl_hash *leaves, uint64_t m, uint64_t n, struct pl_hash *out);
/* PROOF(m, D[n]), 0 < m <= n. */
size_t ref_proof(const struct pl_hash *leaves, uint64_t m, uint64_t n, struct pl_hash *out);

/*
 * All complete nodes of a tree of entries "entry-0", "entry-1", ... as a pl_hashes_fn. It serves
 * the first @size of them, and fails the running test when asked twice in a row without
 * ref_tree_reset, out of order, or for a node that is not complete at @size.
 */
struct ref_tree {
    uint64_t built, size;
    struct pl_hash *level[64];
    unsigned calls;
};
void ref_tree_init(struct ref_tree *t, uint64_t entries);
void ref_tree_free(struct ref_tree *t);
/* Limits it to @size and allows one call. */
void ref_tree_reset(struct ref_tree *t, uint64_t size);
enum pl_code ref_tree_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                             struct pl_err *err);
/* The leaf hash of "entry-@i". */
struct pl_hash ref_entry_hash(uint64_t i);

/*
 * A tree of any size up to 2^64 - 1 in a few hashes: every leaf is the same, but for leaf @odd.
 * Same checks as above.
 */
struct ref_huge {
    uint64_t odd, size;
    struct pl_hash plain[64], special[64];
    unsigned calls;
};
void ref_huge_init(struct ref_huge *h, uint64_t odd);
void ref_huge_reset(struct ref_huge *h, uint64_t size);
enum pl_code ref_huge_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                             struct pl_err *err);

#endif
