/* SPDX-License-Identifier: Apache-2.0 */
/* signer.h - the logs' keys: key files, SETs and checkpoints. */
#ifndef PL_SERVER_SIGNER_H
#define PL_SERVER_SIGNER_H

#include "core/attest/entry.h"
#include "core/tlog/checkpoint.h"
#include "store/store.h"

/* Everything about the v1 log that never changes while the process runs. */
struct pl_v1_log {
    struct pl_privkey *key;
    struct pl_hash log_id; /* SHA-256 of the SPKI */
    char log_id_hex[PL_HASH_HEX_SIZE];
    uint64_t tree_id;
    char tree_id_hex[17]; /* 16 digits, as in entry ids */
    char tree_id_dec[21];
    char origin[PL_ORIGIN_MAX]; /* host name */
    struct pl_buf pem;          /* public key */
};
/* Makes keys/v1.pem (0600) and keys/v1.pub under @dir and syncs files and folder. PL_EEXISTS. */
PL_MUST_CHECK enum pl_code pl_signer_create_keys(const char *dir, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_signer_keys_exist(const char *dir, bool *out, struct pl_err *err);
/* Writes keys/v1.pub again when it is missing or says something else than @log; warns if it can't:
 * the folder may be read-only. */
void pl_signer_renew_public(const char *dir, const struct pl_v1_log *log);
/* Loads keys/v1.pem and compares it with the SPKI that the database names (PL_EINVAL with both
 * ids). */
PL_MUST_CHECK enum pl_code pl_signer_load(const char *dir, const struct pl_log_row *row,
                                          struct pl_v1_log *out, struct pl_err *err);
void pl_signer_free(struct pl_v1_log *log);
/* SET over an entry; DER into @out. Thread: any. */
PL_MUST_CHECK enum pl_code pl_signer_set(const struct pl_v1_log *log, struct pl_bytes body,
                                         int64_t time, uint64_t index, uint8_t out[PL_SIG_MAX],
                                         size_t *out_n, struct pl_err *err);
/* Verifies a SET (fsck). */
PL_MUST_CHECK enum pl_code pl_signer_check_set(const struct pl_v1_log *log, struct pl_bytes body,
                                               int64_t time, uint64_t index, struct pl_bytes set,
                                               struct pl_err *err);
/* The log's own first leaf (index 0): hashedrekord 0.0.1 by the log key over SHA-256 of the RFC
 * 8785 statement {"created","keys","origin","treeID","type":"provlog/log/v1"}, kept as its payload.
 */
PL_MUST_CHECK enum pl_code pl_signer_first_leaf(const struct pl_v1_log *log, int64_t created,
                                                struct pl_arena *arena, struct pl_entry *out,
                                                struct pl_err *err);

#endif
