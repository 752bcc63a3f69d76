/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - origin, size, root (C2SP tlog-checkpoint), and Rekor v1's variant of it.
 *
 * Rekor v1: origin "HOST - TREEID" (decimal), signer name HOST, exactly one signature line.
 */
#ifndef PL_CORE_TLOG_CHECKPOINT_H
#define PL_CORE_TLOG_CHECKPOINT_H

#include "core/tlog/note.h"

struct pl_checkpoint {
    struct pl_bytes origin; /* view */
    uint64_t size;
    struct pl_hash root;
};

/* The note text "origin LF size LF base64(root) LF". */
void pl_checkpoint_add_text(const struct pl_checkpoint *c, struct pl_buf *b);
/* Reads a note's text; extension lines are allowed and ignored. PL_EINVAL. */
PL_MUST_CHECK enum pl_code pl_checkpoint_parse(struct pl_bytes text, struct pl_checkpoint *out,
                                               struct pl_err *err);
/* Writes the whole signed note of a Rekor v1 checkpoint of tree @tree_id on @host. */
PL_MUST_CHECK enum pl_code pl_checkpoint_sign_v1(struct pl_bytes host, uint64_t tree_id,
                                                 uint64_t size, const struct pl_hash *root,
                                                 const struct pl_privkey *key, struct pl_buf *out,
                                                 struct pl_err *err);
/*
 * Parses and verifies a whole note by @key. The signer's name is the origin for a C2SP log, and for
 * a Rekor v1 origin ("NAME - DIGITS") the part before " - ". @out views into @note.
 * PL_EINVAL malformed, PL_EVERIFY signature.
 */
PL_MUST_CHECK enum pl_code pl_checkpoint_open(struct pl_bytes note, const struct pl_key *key,
                                              struct pl_checkpoint *out, struct pl_err *err);

#endif
