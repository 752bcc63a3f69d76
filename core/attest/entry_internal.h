/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_internal.h - what the kinds share: the job of making one entry, its canonical body, and its
 * search keys.
 */
#ifndef PL_CORE_ATTEST_ENTRY_INTERNAL_H
#define PL_CORE_ATTEST_ENTRY_INTERNAL_H

#include "core/attest/dsse_internal.h"
#include "core/attest/entry.h"

/* Collects search keys; duplicates go at the end. Lives in the job's arena. */
struct pl_keyset {
    struct pl_arena *arena;
    struct pl_bytes *keys;
    size_t n, cap;
};

/* One entry in the making. */
struct pl_entry_job {
    struct pl_arena *arena;
    const struct pl_entry_opts *opts;
    struct pl_entry *out; /* zeroed at first; its kind is set */
    struct pl_keyset keys;
};

/* ---- the kinds: decode, verify, canonicalize, collect search keys ---- */
PL_MUST_CHECK enum pl_code pl_entry_dsse(struct pl_entry_job *job, const json_t *spec,
                                         struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_hashedrekord(struct pl_entry_job *job, const json_t *spec,
                                                 struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_intoto1(struct pl_entry_job *job, const json_t *spec,
                                            struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_intoto2(struct pl_entry_job *job, const json_t *spec,
                                            struct pl_err *err);
/* The same from a stored body's spec and job->out->payload, which must fit it. */
PL_MUST_CHECK enum pl_code pl_entry_dsse_stored(struct pl_entry_job *job, const json_t *spec,
                                                struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_hashedrekord_stored(struct pl_entry_job *job,
                                                        const json_t *spec, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_intoto1_stored(struct pl_entry_job *job, const json_t *spec,
                                                   struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_entry_intoto2_stored(struct pl_entry_job *job, const json_t *spec,
                                                   struct pl_err *err);

/* ---- shared ---- */

/* Loads a verifier from base64 of PEM; *@slow when it has to be deferred. One reference. */
PL_MUST_CHECK enum pl_code pl_entry_verifier(struct pl_entry_job *job, struct pl_bytes base64,
                                             const char *what, const struct pl_verifier **out,
                                             bool *slow, struct pl_err *err);
/* Copies what the entry keeps of a checked envelope; @text is the envelope as stored. */
PL_MUST_CHECK enum pl_code pl_entry_keep(struct pl_entry_job *job, const struct pl_dsse *env,
                                         struct pl_bytes text, struct pl_err *err);

/* Credits keys with the signatures of one envelope that they verify. */
struct pl_credits {
    const struct pl_dsse *env;
    struct pl_bytes pae;
    const struct pl_verifier *by_sig[PL_SIGNATURES_MAX]; /* borrowed; NULL: none yet */
};
/* @v must verify one; the first that it does, in the envelope's order, is its. */
PL_MUST_CHECK enum pl_code pl_credits_add(struct pl_credits *c, const struct pl_verifier *v,
                                          struct pl_err *err);
bool pl_credits_full(const struct pl_credits *c);

/* Starts a body in the arena with {"apiVersion","kind","spec": written; @room is a guess. */
void pl_body_start(struct pl_entry_job *job, struct pl_buf *b, size_t room);
/* "NAME":{"algorithm":"sha256","value":"HEX"} */
void pl_body_add_hash(struct pl_buf *b, const char *name, const struct pl_hash *hash);
/* Closes the outermost object and checks the size: PL_ETOOBIG over PL_BODY_MAX. */
PL_MUST_CHECK enum pl_code pl_body_end(struct pl_entry_job *job, struct pl_buf *b,
                                       struct pl_err *err);
/* Of a stored body: the member's {"algorithm":"sha256","value"} must be @want. PL_ECORRUPT. */
PL_MUST_CHECK enum pl_code pl_stored_hash(const json_t *obj, const char *name,
                                          const struct pl_hash *want, struct pl_err *err);

/* Search keys are lower-cased (ASCII) and at most PL_SEARCH_KEY_MAX bytes, else PL_ETOOBIG. */
PL_MUST_CHECK enum pl_code pl_keys_add(struct pl_keyset *set, struct pl_bytes prefix,
                                       struct pl_bytes text, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_keys_add_hash(struct pl_keyset *set, const struct pl_hash *hash,
                                            struct pl_err *err);
/* Both spellings of the key hash, and the certificate's names. */
PL_MUST_CHECK enum pl_code pl_keys_add_verifier(struct pl_keyset *set, const struct pl_verifier *v,
                                                struct pl_err *err);
/*
 * Subjects, materials, dependencies and predicate type of job->out->statement, if it is one; sets
 * predicate_type. What is not a statement is logged all the same and found by its hashes only, as
 * Rekor does: the log proves what was signed, whether or not it makes sense.
 */
PL_MUST_CHECK enum pl_code pl_keys_add_statement(struct pl_entry_job *job, struct pl_err *err);
/* Sorts, drops repeats, checks PL_SEARCH_KEYS_MAX, moves the result to the entry. */
PL_MUST_CHECK enum pl_code pl_keys_finish(struct pl_entry_job *job, struct pl_err *err);

#endif
