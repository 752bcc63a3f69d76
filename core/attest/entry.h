/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - Rekor v1 entry kinds: a proposal is decoded, verified, and made into its canonical
 * body.
 *
 * Kinds: dsse 0.0.1, hashedrekord 0.0.1, intoto 0.0.1 and 0.0.2. Source: rekor-v1 reference
 * section 7. Bodies are RFC 8785 bytes; the leaf hash (UUID) is SHA-256(0x00 || body), made by
 * core/tlog.
 */
#ifndef PL_CORE_ATTEST_ENTRY_H
#define PL_CORE_ATTEST_ENTRY_H

#include "core/attest/dsse.h"
#include "core/crypto/verifier.h"

enum pl_kind { PL_KIND_HASHEDREKORD_001, PL_KIND_DSSE_001, PL_KIND_INTOTO_001, PL_KIND_INTOTO_002 };
const char *pl_kind_name(enum pl_kind kind);    /* "dsse" */
const char *pl_kind_version(enum pl_kind kind); /* "0.0.1" */
/* Exact match of both; false when this build does not take it. */
PL_MUST_CHECK bool pl_kind_parse(struct pl_bytes name, struct pl_bytes version, enum pl_kind *out);
/* A kind that Rekor v1 has at all, whatever we take: rekord, rpm, alpine, helm, jar, rfc3161, ...
 */
bool pl_kind_is_known_name(struct pl_bytes name);

struct pl_entry {
    enum pl_kind kind;
    struct pl_bytes body; /* canonical, at most PL_BODY_MAX */
    /* What is kept beside the leaf, byte for byte: dsse and intoto 0.0.1: the envelope string as
     * received after JSON unescaping; intoto 0.0.2: the ordinary envelope (one base64 layer taken
     * off) as canonical JSON; hashedrekord: empty. */
    struct pl_bytes payload;
    struct pl_bytes statement;      /* decoded DSSE payload; empty for hashedrekord */
    struct pl_bytes payload_type;   /* DSSE payloadType */
    struct pl_bytes predicate_type; /* of an in-toto statement, else empty */
    /* What search finds it by: lower-cased Rekor index keys ("sha256:HEX", bare key hash, e-mail,
     * URI), both spellings of the key hash, resolvedDependencies too, and "predicate:TYPE". Each
     * once, each at most PL_SEARCH_KEY_MAX. All are lower-cased (ASCII), predicate types too:
     * lower-case what is searched for. Sorted. */
    struct pl_bytes *keys;
    size_t nkeys;
    bool deferred; /* see pl_entry_opts.defer_slow; nothing else is set then */
};

struct pl_entry_opts {
    struct pl_verifier_cache *cache; /* may be NULL */
    /* When a key is slow (pl_key_is_slow) or a certificate chain must be built, set
     * out->deferred and return PL_OK without verifying: call again where one may wait. */
    bool defer_slow;
};

/*
 * @proposal is {"apiVersion","kind","spec"}. All results live in @arena (and borrow nothing from
 * @proposal). The texts of failures are those of Rekor where it has one, without its
 * "error processing entry: " prefix. PL_EINVAL, PL_EVERIFY, PL_ETOOBIG, PL_ENOMEM.
 * Thread: any, with its own cache.
 */
PL_MUST_CHECK enum pl_code pl_entry_from_json(const json_t *proposal,
                                              const struct pl_entry_opts *opts,
                                              struct pl_arena *arena, struct pl_entry *out,
                                              struct pl_err *err);
/*
 * Recomputes what can be from stored bytes: checks that @body is canonical, of @kind, and fits
 * @payload (hashes), and gives the search keys again. For fsck. PL_ECORRUPT names what differs.
 */
PL_MUST_CHECK enum pl_code pl_entry_from_stored(struct pl_bytes body, struct pl_bytes payload,
                                                struct pl_arena *arena, struct pl_entry *out,
                                                struct pl_err *err);

/* The SET's message (reference section 4): RFC 8785 of {body, integratedTime, logID, logIndex}. */
void pl_set_message(struct pl_bytes body, int64_t integrated_time, const struct pl_hash *log_id,
                    uint64_t log_index, struct pl_buf *out);

/* Proposals, as a client sends them. @pem is the verifier's PEM text. */
void pl_proposal_dsse(struct pl_bytes envelope, struct pl_bytes pem, struct pl_buf *out);
void pl_proposal_hashedrekord(const char *hash_alg, struct pl_bytes hash_hex, struct pl_bytes sig,
                              struct pl_bytes pem, struct pl_buf *out);

#endif
