/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.h - inclusion and consistency proofs: build over a hash reader, verify by arithmetic.
 *
 * Order of hashes: leaf to root (RFC 6962 sections 2.1.1 and 2.1.2). Building asks the reader once,
 * in ascending (level, index). Verifying trusts nothing but its arguments.
 */
#ifndef PL_CORE_TLOG_PROOF_H
#define PL_CORE_TLOG_PROOF_H

#include "core/base/limits.h"
#include "core/tlog/merkle.h"

struct pl_proof {
    size_t n; /* <= PL_PROOF_MAX */
    struct pl_hash hash[PL_PROOF_MAX];
};

/* Proof that leaf @index is in the tree of @size. PL_EINVAL unless index < size <= 2^63. */
PL_MUST_CHECK enum pl_code pl_proof_inclusion(uint64_t index, uint64_t size, pl_hashes_fn hashes,
                                              void *ctx, struct pl_proof *out, struct pl_err *err);
/* Proof that the tree of @old_size is a prefix of that of @new_size. PL_EINVAL unless
 * 0 < old_size <= new_size <= 2^63; equal sizes give an empty proof. */
PL_MUST_CHECK enum pl_code pl_proof_consistency(uint64_t old_size, uint64_t new_size,
                                                pl_hashes_fn hashes, void *ctx,
                                                struct pl_proof *out, struct pl_err *err);

/* PL_EVERIFY with the reason (length, root); PL_EINVAL when index >= size, old_size > new_size
 * or a size is over 2^63. Size 0 is consistent with every tree: empty proof, old root the empty
 * one. */
PL_MUST_CHECK enum pl_code pl_verify_inclusion(uint64_t index, uint64_t size,
                                               const struct pl_hash *leaf,
                                               const struct pl_hash *proof, size_t nproof,
                                               const struct pl_hash *root, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_verify_consistency(uint64_t old_size, uint64_t new_size,
                                                 const struct pl_hash *proof, size_t nproof,
                                                 const struct pl_hash *old_root,
                                                 const struct pl_hash *new_root,
                                                 struct pl_err *err);

#endif
