/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_internal.h - what the key types are made of. Private to core/crypto.
 *
 * EC keys are kept as EC_KEY, Ed25519 as bytes, RSA as EVP_PKEY: measured, EC_KEY verifies like EVP
 * (62 us for P-256) but is made in 11 us instead of 110, and signs faster (19 against 22 us);
 * libsodium verifies Ed25519 in half of OpenSSL's time, and strictly.
 */
#ifndef PL_CORE_CRYPTO_KEY_INTERNAL_H
#define PL_CORE_CRYPTO_KEY_INTERNAL_H

#include <stdatomic.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "core/crypto/key.h"

#define PL_ED25519_SIZE 32

struct pl_key {
    atomic_size_t refs;
    enum pl_keytype type;
    unsigned bits;
    struct pl_hash id;
    EC_KEY *ec;                       /* P-256, P-384, P-521; never written after it was made */
    EVP_PKEY *rsa;                    /* RSA */
    uint8_t ed25519[PL_ED25519_SIZE]; /* Ed25519, checked point */
    size_t spki_n;
    uint8_t spki[]; /* spki_n bytes */
};

struct pl_privkey {
    struct pl_key *key;
    EVP_PKEY *pkey;                       /* any type: for writing it down, and to sign by RSA */
    EC_KEY *ec;                           /* for signing; never written after it was made */
    uint8_t ed25519[2 * PL_ED25519_SIZE]; /* seed and public key, as libsodium wants it */
};

/* Takes over @pkey, which holds a private key, whatever comes of it. */
PL_MUST_CHECK enum pl_code pl_privkey_take(EVP_PKEY *pkey, struct pl_privkey **out,
                                           struct pl_err *err);
/* PKCS#8 DER, exactly one structure. */
PL_MUST_CHECK enum pl_code pl_privkey_from_pkcs8(struct pl_bytes der, struct pl_privkey **out,
                                                 struct pl_err *err);
/* PKCS#8 DER into @b, which must be marked secret. */
PL_MUST_CHECK enum pl_code pl_privkey_add_pkcs8(const struct pl_privkey *key, struct pl_buf *b,
                                                struct pl_err *err);
/* Opens cosign's encrypted JSON @in into @out, PKCS#8 DER (keyfile.c). */
PL_MUST_CHECK enum pl_code pl_keyfile_open(struct pl_bytes in, struct pl_bytes password,
                                           struct pl_buf *out, struct pl_err *err);

#endif
