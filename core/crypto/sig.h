/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sig.h - sign and verify.
 *
 * ECDSA signatures are strict ASN.1 DER (r, s minimal, no trailing bytes); RSA is PKCS#1 v1.5;
 * Ed25519 is pure over a message and Ed25519ph (RFC 8032 section 5.1, SHA-512) over a digest.
 * PL_EVERIFY: the signature does not verify (the reason says whether it was malformed).
 * PL_EINVAL: a combination that does not exist. Thread: any.
 */
#ifndef PL_CORE_CRYPTO_SIG_H
#define PL_CORE_CRYPTO_SIG_H

#include "core/crypto/key.h"

/* Over the message @msg hashed with @alg; for Ed25519 keys @alg is not looked at (pure). */
PL_MUST_CHECK enum pl_code pl_sig_verify(const struct pl_key *key, enum pl_hashalg alg,
                                         struct pl_bytes msg, struct pl_bytes sig,
                                         struct pl_err *err);
/* Over an already made digest (its length must be @alg's). Ed25519 keys: @alg must be PL_SHA512. */
PL_MUST_CHECK enum pl_code pl_sig_verify_digest(const struct pl_key *key, enum pl_hashalg alg,
                                                struct pl_bytes digest, struct pl_bytes sig,
                                                struct pl_err *err);

#define PL_SIG_MAX 2048 /* RSA-16384 */
/* Signs @msg hashed with @alg; writes at most PL_SIG_MAX bytes. Thread: any (no shared state). */
PL_MUST_CHECK enum pl_code pl_sig_sign(const struct pl_privkey *key, enum pl_hashalg alg,
                                       struct pl_bytes msg, uint8_t out[PL_SIG_MAX], size_t *out_n,
                                       struct pl_err *err);

#endif
