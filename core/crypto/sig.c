/* SPDX-License-Identifier: Apache-2.0 */
/* sig.c - sign and verify. P-256 is the hot path: no lookup by name, no key export per call. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypto/sig.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "core/crypto/der.h"
#include "core/crypto/key_internal.h"

#define ED25519_SIG_SIZE 64

static const EVP_MD *openssl_md(enum pl_hashalg alg)
{
    switch (alg) {
    case PL_SHA256:
        return EVP_sha256();
    case PL_SHA384:
        return EVP_sha384();
    case PL_SHA512:
        return EVP_sha512();
    case PL_SHA1:
        break;
    }
    return NULL;
}

/* Digests that may be signed. */
static enum pl_code check_alg(enum pl_hashalg alg, struct pl_err *err)
{
    if (alg != PL_SHA256 && alg != PL_SHA384 && alg != PL_SHA512)
        return PL_FAIL(err, PL_EINVAL,
                       "signatures over SHA-1 are not accepted; use sha256, sha384 or sha512");
    return PL_OK;
}

static enum pl_code say_bad(const struct pl_key *key, struct pl_err *err)
{
    return PL_FAIL(err, PL_EVERIFY, "the %s signature does not verify", pl_keytype_name(key->type));
}

/* ---- ECDSA ---- */

/* Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }, in strict DER. */
static bool split_ecdsa(struct pl_bytes sig, struct pl_bytes *r, struct pl_bytes *s)
{
    struct pl_reader in;
    struct pl_bytes content;

    if (!pl_der_whole(sig, PL_DER_SEQUENCE, &content))
        return false;
    in = pl_reader(content);
    return pl_der_positive(&in, r) && pl_der_positive(&in, s) && in.left.n == 0;
}

static enum pl_code verify_ecdsa(const struct pl_key *key, struct pl_bytes digest,
                                 struct pl_bytes sig, struct pl_err *err)
{
    size_t max = (key->bits + 7) / 8;
    struct pl_bytes r, s;
    ECDSA_SIG *pair;
    BIGNUM *br, *bs;
    int good;

    if (!split_ecdsa(sig, &r, &s) || r.n > max || s.n > max)
        return PL_FAIL(err, PL_EVERIFY,
                       "malformed signature: not the strict ASN.1 DER form of an %s signature",
                       pl_keytype_name(key->type));
    pair = ECDSA_SIG_new();
    br = BN_bin2bn(r.p, (int)r.n, NULL);
    bs = BN_bin2bn(s.p, (int)s.n, NULL);
    if (pair == NULL || br == NULL || bs == NULL || ECDSA_SIG_set0(pair, br, bs) != 1) {
        BN_free(br);
        BN_free(bs);
        ECDSA_SIG_free(pair);
        return PL_FAIL(err, PL_ENOMEM, "signature: out of memory");
    }
    good = ECDSA_do_verify(digest.p, (int)digest.n, pair, key->ec);
    ECDSA_SIG_free(pair);
    if (good == 1)
        return PL_OK;
    if (good < 0)
        ERR_clear_error();
    return say_bad(key, err);
}

/* ---- RSA, PKCS#1 v1.5 ---- */

/* A context for one operation, NULL on failure. */
static EVP_PKEY_CTX *rsa_ctx(EVP_PKEY *pkey, enum pl_hashalg alg, bool sign)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

    if (ctx != NULL && (sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, openssl_md(alg)) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return NULL;
}

static enum pl_code verify_rsa(const struct pl_key *key, enum pl_hashalg alg,
                               struct pl_bytes digest, struct pl_bytes sig, struct pl_err *err)
{
    EVP_PKEY_CTX *ctx;
    bool good;

    if (sig.n != (key->bits + 7) / 8)
        return PL_FAIL(err, PL_EVERIFY,
                       "malformed signature: %zu bytes, an RSA key of %u bits makes %u", sig.n,
                       key->bits, (key->bits + 7) / 8);
    ctx = rsa_ctx(key->rsa, alg, false);
    if (ctx == NULL)
        return PL_FAIL(err, PL_ENOMEM, "signature: out of memory");
    good = EVP_PKEY_verify(ctx, sig.p, sig.n, digest.p, digest.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (good)
        return PL_OK;
    ERR_clear_error();
    return say_bad(key, err);
}

/* ---- Ed25519 ---- */

static enum pl_code check_ed25519_size(struct pl_bytes sig, struct pl_err *err)
{
    if (sig.n != ED25519_SIG_SIZE)
        return PL_FAIL(err, PL_EVERIFY, "malformed signature: %zu bytes, Ed25519 makes %d", sig.n,
                       ED25519_SIG_SIZE);
    return PL_OK;
}

static enum pl_code verify_ed25519(const struct pl_key *key, struct pl_bytes msg,
                                   struct pl_bytes sig, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(check_ed25519_size(sig, err));
    if (crypto_sign_verify_detached(sig.p, msg.p, msg.n, key->ed25519) != 0)
        return say_bad(key, err);
out:
    return rc;
}

/* RFC 8032 section 5.1.7: S must be below the group's order. */
static bool is_reduced(const uint8_t scalar[32])
{
    uint8_t wide[64] = {0}, reduced[32];

    memcpy(wide, scalar, 32);
    crypto_core_ed25519_scalar_reduce(reduced, wide);
    return memcmp(reduced, scalar, 32) == 0;
}

/*
 * Ed25519ph over a digest that is given: neither OpenSSL 3.0 nor libsodium's message interface
 * takes one. RFC 8032 section 5.1: with h = SHA512(dom2(1, "") || R || A || digest) mod L the
 * signature holds if R = S*B - h*A. R is compared as bytes, so only its canonical form passes; A
 * was checked when the key was made.
 */
static enum pl_code verify_ed25519ph(const struct pl_key *key, struct pl_bytes digest,
                                     struct pl_bytes sig, struct pl_err *err)
{
    static const char dom2[] = "SigEd25519 no Ed25519 collisions\x01"; /* and a NUL: no context */
    uint8_t in[sizeof(dom2) + 32 + 32 + 64], h_wide[64], h[32], sb[32], ha[32], r[32];
    enum pl_code rc;

    PL_TRY(check_ed25519_size(sig, err));
    if (!is_reduced(sig.p + 32))
        return PL_FAIL(err, PL_EVERIFY, "malformed signature: S is not below the group's order");
    memcpy(in, dom2, sizeof(dom2));
    memcpy(in + sizeof(dom2), sig.p, 32);
    memcpy(in + sizeof(dom2) + 32, key->ed25519, 32);
    memcpy(in + sizeof(dom2) + 64, digest.p, 64);
    PL_TRY(pl_digest(PL_SHA512, pl_bytes(in, sizeof(in)), h_wide, err));
    crypto_core_ed25519_scalar_reduce(h, h_wide);
    if (crypto_scalarmult_ed25519_base_noclamp(sb, sig.p + 32) != 0 ||
        crypto_scalarmult_ed25519_noclamp(ha, h, key->ed25519) != 0 ||
        crypto_core_ed25519_sub(r, sb, ha) != 0 || memcmp(r, sig.p, 32) != 0)
        return say_bad(key, err);
out:
    return rc;
}

/* ---- by type ---- */

enum pl_code pl_sig_verify_digest(const struct pl_key *key, enum pl_hashalg alg,
                                  struct pl_bytes digest, struct pl_bytes sig, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(check_alg(alg, err));
    if (digest.n != pl_hashalg_size(alg))
        return PL_FAIL(err, PL_EINVAL, "a %s digest has %zu bytes, this one has %zu",
                       pl_hashalg_name(alg), pl_hashalg_size(alg), digest.n);
    switch (key->type) {
    case PL_KEY_P256:
    case PL_KEY_P384:
    case PL_KEY_P521:
        return verify_ecdsa(key, digest, sig, err);
    case PL_KEY_RSA:
        return verify_rsa(key, alg, digest, sig, err);
    case PL_KEY_ED25519:
        if (alg != PL_SHA512)
            return PL_FAIL(err, PL_EINVAL,
                           "Ed25519 over a digest is Ed25519ph, which needs sha512, not %s",
                           pl_hashalg_name(alg));
        return verify_ed25519ph(key, digest, sig, err);
    }
    return PL_FAIL(err, PL_EINVAL, "unknown key type");
out:
    return rc;
}

enum pl_code pl_sig_verify(const struct pl_key *key, enum pl_hashalg alg, struct pl_bytes msg,
                           struct pl_bytes sig, struct pl_err *err)
{
    uint8_t digest[PL_DIGEST_MAX];
    enum pl_code rc;

    if (key->type == PL_KEY_ED25519)
        return verify_ed25519(key, msg, sig, err);
    PL_TRY(check_alg(alg, err));
    PL_TRY(pl_digest(alg, msg, digest, err));
    PL_TRY(pl_sig_verify_digest(key, alg, pl_bytes(digest, pl_hashalg_size(alg)), sig, err));
out:
    return rc;
}

static enum pl_code sign_rsa(const struct pl_privkey *key, enum pl_hashalg alg,
                             struct pl_bytes digest, uint8_t *out, size_t *out_n,
                             struct pl_err *err)
{
    EVP_PKEY_CTX *ctx = rsa_ctx(key->pkey, alg, true);
    size_t n = PL_SIG_MAX;
    bool good = ctx != NULL && EVP_PKEY_sign(ctx, out, &n, digest.p, digest.n) == 1;

    EVP_PKEY_CTX_free(ctx);
    if (!good) {
        ERR_clear_error();
        return PL_FAIL(err, PL_ENOMEM, "signing with the RSA key failed");
    }
    *out_n = n;
    return PL_OK;
}

enum pl_code pl_sig_sign(const struct pl_privkey *key, enum pl_hashalg alg, struct pl_bytes msg,
                         uint8_t out[PL_SIG_MAX], size_t *out_n, struct pl_err *err)
{
    uint8_t hash[PL_DIGEST_MAX];
    struct pl_bytes digest;
    unsigned n = 0;
    enum pl_code rc;

    if (key->key->type == PL_KEY_ED25519) {
        crypto_sign_detached(out, NULL, msg.p, msg.n, key->ed25519);
        *out_n = ED25519_SIG_SIZE;
        return PL_OK;
    }
    PL_TRY(check_alg(alg, err));
    PL_TRY(pl_digest(alg, msg, hash, err));
    digest = pl_bytes(hash, pl_hashalg_size(alg));
    if (key->key->type == PL_KEY_RSA)
        return sign_rsa(key, alg, digest, out, out_n, err);
    if (ECDSA_sign(0, digest.p, (int)digest.n, out, &n, key->ec) != 1) {
        ERR_clear_error();
        return PL_FAIL(err, PL_ENOMEM, "signing with the %s key failed",
                       pl_keytype_name(key->key->type));
    }
    *out_n = n;
out:
    return rc;
}
