/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.h - compact range: the right edge of the tree [0, size), enough to append and to give
 * roots.
 *
 * Invariants: (1) nedge == popcount(size); (2) edge[] holds the complete subtrees of the binary
 * decomposition of size, biggest first; (3) it is a pure function of the leaf hashes, so it can be
 * rebuilt from stored complete nodes (pl_range_nodes) and compared with a signed root.
 */
#ifndef PL_CORE_TLOG_RANGE_H
#define PL_CORE_TLOG_RANGE_H

#include "core/tlog/merkle.h"

struct pl_range {
    uint64_t size;
    unsigned nedge;
    struct pl_hash edge[64];
};

void pl_range_init(struct pl_range *r); /* size 0 */
/*
 * Appends one leaf hash. Calls for every complete node that this creates, in ascending level and
 * starting with the leaf itself (0, old size): their hashes go to made[0..*nmade), node i being
 * (i, old size >> i). @made has room for 64. PL_ETOOBIG at size 2^63.
 */
PL_MUST_CHECK enum pl_code pl_range_append(struct pl_range *r, const struct pl_hash *leaf,
                                           struct pl_hash made[64], unsigned *nmade,
                                           struct pl_err *err);
void pl_range_root(const struct pl_range *r, struct pl_hash *out);
/* The nodes of the edge of a tree of @size, biggest first; returns how many (<= 64). */
unsigned pl_range_nodes(uint64_t size, struct pl_node out[64]);
/* Rebuilds the edge of [0, @size) with one call of @hashes. */
PL_MUST_CHECK enum pl_code pl_range_load(struct pl_range *r, uint64_t size, pl_hashes_fn hashes,
                                         void *ctx, struct pl_err *err);

#endif
