/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rekor.h - Rekor v1 as a client sees it: requests built and answers checked, without I/O.
 *
 * The client binary and the server's mirror both use it. Nothing of an answer is believed before
 * pl_rekor_check_entry() has verified it under a pinned log key.
 */
#ifndef PL_CLIENT_REKOR_H
#define PL_CLIENT_REKOR_H

#include "core/attest/bundle.h"
#include "core/trust/root.h"

struct pl_rekor_request {
    const char *method;   /* "GET", "POST" */
    struct pl_bytes path; /* below the base URL: "/api/v1/log/entries" */
    struct pl_bytes body; /* empty for GET; JSON otherwise */
    const char *accept;
};
/* Requests live in @arena. PL_ENOMEM only. */
PL_MUST_CHECK enum pl_code pl_rekor_post_entry(struct pl_bytes proposal, struct pl_arena *arena,
                                               struct pl_rekor_request *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_rekor_get_by_index(uint64_t index, struct pl_arena *arena,
                                                 struct pl_rekor_request *out, struct pl_err *err);
/* @id: 64 or 80 hex digits, PL_EINVAL otherwise. */
PL_MUST_CHECK enum pl_code pl_rekor_get_by_uuid(struct pl_bytes id, struct pl_arena *arena,
                                                struct pl_rekor_request *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_rekor_retrieve(struct pl_bytes proposal, struct pl_arena *arena,
                                             struct pl_rekor_request *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_rekor_log_info(struct pl_arena *arena, struct pl_rekor_request *out,
                                             struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_rekor_log_proof(uint64_t first, uint64_t last, struct pl_arena *arena,
                                              struct pl_rekor_request *out, struct pl_err *err);
/* @hash "sha256:HEX" or empty, @email or empty. */
PL_MUST_CHECK enum pl_code pl_rekor_search(struct pl_bytes hash, struct pl_bytes email,
                                           struct pl_bytes public_key_pem, struct pl_arena *arena,
                                           struct pl_rekor_request *out, struct pl_err *err);

struct pl_rekor_entry {
    struct pl_bytes entry_id; /* 80 hex (64 from old servers) */
    struct pl_bytes uuid;     /* its last 64 */
    struct pl_tlog_entry entry;
    struct pl_bytes attestation; /* attestation.data decoded; empty if none */
};
/* One LogEntry map with exactly one member; everything in @arena. PL_EINVAL names the member. */
PL_MUST_CHECK enum pl_code pl_rekor_parse_entry(struct pl_bytes json, struct pl_arena *arena,
                                                struct pl_rekor_entry *out, struct pl_err *err);
/* Leaf hash equals the UUID, log id, SET, proof, checkpoint; and @body when it is not empty. */
PL_MUST_CHECK enum pl_code pl_rekor_check_entry(const struct pl_rekor_entry *entry,
                                                const struct pl_trusted_log *log,
                                                struct pl_bytes body, struct pl_err *err);
struct pl_rekor_log_info {
    struct pl_hash root;
    uint64_t size, tree_id;
    struct pl_bytes checkpoint;
};
PL_MUST_CHECK enum pl_code pl_rekor_parse_log_info(struct pl_bytes json, struct pl_arena *arena,
                                                   struct pl_rekor_log_info *out,
                                                   struct pl_err *err);
/* {"code","message"} of an error answer, or the start of whatever came; never fails. */
struct pl_bytes pl_rekor_error_text(struct pl_bytes body, struct pl_arena *arena);

#endif
