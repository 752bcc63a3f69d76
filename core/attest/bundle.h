/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.h - Sigstore bundles: write v0.3, read v0.1 to v0.3. */
#ifndef PL_CORE_ATTEST_BUNDLE_H
#define PL_CORE_ATTEST_BUNDLE_H

#include "core/attest/dsse.h"
#include "core/crypto/verifier.h"

#define PL_BUNDLE_V03            "application/vnd.dev.sigstore.bundle.v0.3+json"
#define PL_BUNDLE_ENTRIES_MAX    32
#define PL_BUNDLE_TIMESTAMPS_MAX 32

/* TransparencyLogEntry of protobuf-specs, v1 log. Views belong to whoever filled it. */
struct pl_tlog_entry {
    struct pl_bytes kind, version; /* "dsse", "0.0.1" */
    uint64_t log_index;            /* global */
    struct pl_hash log_id;
    int64_t integrated_time;
    struct pl_bytes set;  /* DER; empty if none */
    struct pl_bytes body; /* canonicalizedBody */
    bool has_proof;
    uint64_t proof_index, tree_size; /* in the one tree */
    struct pl_hash root;
    const struct pl_hash *hashes;
    size_t nhashes;
    struct pl_bytes checkpoint; /* note text; empty if none */
};

struct pl_bundle {
    struct pl_bytes media_type;
    struct pl_bytes public_key_hint; /* when the material is a bare key */
    bool has_public_key;
    struct pl_bytes *certs; /* DER, leaf first */
    size_t ncerts;
    struct pl_tlog_entry *entries;
    size_t nentries;
    struct pl_bytes *timestamps; /* RFC 3161 responses, DER */
    size_t ntimestamps;
    bool is_dsse;
    struct pl_dsse dsse;
    struct pl_bytes dsse_envelope; /* the envelope as canonical JSON, for submission */
    enum pl_hashalg digest_alg;    /* message signature */
    struct pl_bytes digest, signature;
};

/*
 * Everything lives in @arena. PL_EINVAL names the member by path. Strict: exactly one kind of
 * material and one of content, one DSSE signature, no duplicate members; the media type is one of
 * the four in use. As protobuf JSON: both spellings of names, null is absent, 64-bit numbers as
 * digits or text, bytes in either base64 alphabet, padded or not (@dsse.sig_text is standard base64
 * whatever came in). What a version demands of an entry is the verifier's business.
 */
PL_MUST_CHECK enum pl_code pl_bundle_parse(struct pl_bytes json, struct pl_arena *arena,
                                           struct pl_bundle *out, struct pl_err *err);

/* Writes a v0.3 bundle with one log entry. @cert_der empty: a publicKey with hint base64(SHA-256 of
 * the SPKI), as cosign. @envelope is a DSSE envelope's JSON text. */
PL_MUST_CHECK enum pl_code pl_bundle_write_dsse(struct pl_bytes envelope,
                                                const struct pl_verifier *verifier,
                                                const struct pl_tlog_entry *entry,
                                                struct pl_buf *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_bundle_write_message(enum pl_hashalg alg, struct pl_bytes digest,
                                                   struct pl_bytes signature,
                                                   const struct pl_verifier *verifier,
                                                   const struct pl_tlog_entry *entry,
                                                   struct pl_buf *out, struct pl_err *err);
/* The TransparencyLogEntry object alone. */
void pl_tlog_entry_write(const struct pl_tlog_entry *entry, struct pl_buf *out);

#endif
