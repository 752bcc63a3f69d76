/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - public keys by SPKI, private keys, key files.
 *
 * Accepted public keys: ECDSA P-256, P-384, P-521 (named curve, uncompressed point, on the curve),
 * Ed25519, RSA 2048..16384 bits with an odd exponent >= 65537. Anything else is PL_EINVAL with the
 * reason. A struct pl_key never changes after it was made, so any thread may use it.
 */
#ifndef PL_CORE_CRYPTO_KEY_H
#define PL_CORE_CRYPTO_KEY_H

#include "core/base/arena.h"
#include "core/crypto/hash.h"

enum pl_keytype { PL_KEY_P256, PL_KEY_P384, PL_KEY_P521, PL_KEY_ED25519, PL_KEY_RSA };

struct pl_key;     /* public key, reference-counted (atomic) */
struct pl_privkey; /* private key, one owner */

/* @der: SubjectPublicKeyInfo. The result has one reference. Costs ~200 us: cache it. */
PL_MUST_CHECK enum pl_code pl_key_from_spki(struct pl_bytes der, struct pl_key **out,
                                            struct pl_err *err);
/* @pem: exactly one "PUBLIC KEY" block. */
PL_MUST_CHECK enum pl_code pl_key_from_pem(struct pl_bytes pem, struct pl_key **out,
                                           struct pl_err *err);
struct pl_key *pl_key_ref(const struct pl_key *key);
void pl_key_unref(struct pl_key *key); /* NULL is allowed */

enum pl_keytype pl_key_type(const struct pl_key *key);
const char *pl_keytype_name(enum pl_keytype type); /* "ECDSA P-256", "RSA", ... */
unsigned pl_key_bits(const struct pl_key *key);
/* True when a verification takes over 0.5 ms: P-384, P-521, RSA beyond 4096 bits. */
bool pl_key_is_slow(const struct pl_key *key);
struct pl_bytes pl_key_spki(const struct pl_key *key); /* canonical DER, lives as long as key */
/* SHA-256 of the SPKI: Rekor's logID, cosign's hint; the first 4 bytes are the note key hash. */
const struct pl_hash *pl_key_id(const struct pl_key *key);
/* "-----BEGIN PUBLIC KEY-----", 64 columns, trailing LF. */
void pl_key_add_pem(const struct pl_key *key, struct pl_buf *b);
bool pl_key_eq(const struct pl_key *a, const struct pl_key *b);
/* protobuf PublicKeyDetails name: "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519", ... */
const char *pl_key_details(const struct pl_key *key);

PL_MUST_CHECK enum pl_code pl_privkey_generate(enum pl_keytype type, struct pl_privkey **out,
                                               struct pl_err *err); /* RSA: 3072 bits */
/*
 * @pem: "PRIVATE KEY" (PKCS#8), "EC PRIVATE KEY", "RSA PRIVATE KEY", or cosign's "ENCRYPTED
 * SIGSTORE PRIVATE KEY" / "ENCRYPTED COSIGN PRIVATE KEY" (scrypt + NaCl secretbox), for which
 * @password is used (may be empty). PL_EVERIFY: wrong password. PL_EINVAL: anything malformed.
 */
PL_MUST_CHECK enum pl_code pl_privkey_from_pem(struct pl_bytes pem, struct pl_bytes password,
                                               struct pl_privkey **out, struct pl_err *err);
/* PKCS#8 "PRIVATE KEY" PEM; @b should be marked secret. */
PL_MUST_CHECK enum pl_code pl_privkey_add_pem(const struct pl_privkey *key, struct pl_buf *b,
                                              struct pl_err *err);
/* cosign's encrypted PEM (scrypt N=65536 r=8 p=1). */
PL_MUST_CHECK enum pl_code pl_privkey_add_cosign_pem(const struct pl_privkey *key,
                                                     struct pl_bytes password, struct pl_buf *b,
                                                     struct pl_err *err);
void pl_privkey_free(struct pl_privkey *key); /* NULL is allowed */
/* Borrowed, lives as long as @key. */
const struct pl_key *pl_privkey_public(const struct pl_privkey *key);

#endif
