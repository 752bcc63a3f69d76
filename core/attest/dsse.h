/* SPDX-License-Identifier: Apache-2.0 */
/* dsse.h - DSSE envelopes v1.0.2: parse, pre-authentication encoding, verify, write. */
#ifndef PL_CORE_ATTEST_DSSE_H
#define PL_CORE_ATTEST_DSSE_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/crypto/sig.h"

#define PL_PAYLOAD_TYPE_INTOTO "application/vnd.in-toto+json"

struct pl_dsse_sig {
    struct pl_bytes sig_text; /* base64 as it stood in the envelope */
    struct pl_bytes sig;      /* decoded */
    struct pl_bytes keyid;    /* unauthenticated hint, may be empty */
};
struct pl_dsse {
    struct pl_bytes payload_type;
    struct pl_bytes payload; /* decoded */
    struct pl_dsse_sig *sigs;
    size_t nsigs; /* 1..PL_SIGNATURES_MAX */
};

/* Strict: standard base64 only, no duplicate members, at least one signature; unknown members are
 * ignored. Everything is copied into @arena. PL_EINVAL names the member. */
PL_MUST_CHECK enum pl_code pl_dsse_parse(struct pl_bytes json, struct pl_arena *arena,
                                         struct pl_dsse *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_dsse_from_json(const json_t *obj, struct pl_arena *arena,
                                             struct pl_dsse *out, struct pl_err *err);
/* "DSSEv1 LEN TYPE LEN PAYLOAD" (DSSE protocol, PAE). */
void pl_dsse_pae(struct pl_bytes payload_type, struct pl_bytes payload, struct pl_buf *out);
/*
 * Does @key verify one of the signatures? Its position goes to @which. SHA-256 for RSA and every
 * ECDSA curve, pure Ed25519 (as Rekor and the Go clients do). PL_EVERIFY when none does.
 */
PL_MUST_CHECK enum pl_code pl_dsse_verify_key(const struct pl_dsse *env, const struct pl_key *key,
                                              struct pl_arena *arena, size_t *which,
                                              struct pl_err *err);
/* Signs; writes {"payloadType","payload","signatures":[{"sig"}]} without a keyid (cosign refuses
 * one under a bare key). */
PL_MUST_CHECK enum pl_code pl_dsse_sign(struct pl_bytes payload_type, struct pl_bytes payload,
                                        const struct pl_privkey *key, struct pl_buf *out,
                                        struct pl_err *err);

#endif
