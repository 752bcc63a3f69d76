/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.c - public keys.
 *
 * A SubjectPublicKeyInfo of an accepted EC or Ed25519 key begins with fixed bytes that leave
 * nothing open (named curve, uncompressed point, no parameters), so it is recognized by them;
 * OpenSSL's decoders would be ten times slower and more lenient. RSA goes through d2i_PUBKEY and
 * must encode to the same bytes again.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypto/key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "core/crypto/key_internal.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

/* clang-format off */
static const uint8_t p256_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, /* id-ecPublicKey */
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,                   /* prime256v1 */
    0x03, 0x42, 0x00, 0x04};
static const uint8_t p384_head[] = {
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,                                     /* secp384r1 */
    0x03, 0x62, 0x00, 0x04};
static const uint8_t p521_head[] = {
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23,                                     /* secp521r1 */
    0x03, 0x81, 0x86, 0x00, 0x04};
static const uint8_t ed25519_head[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,                         /* 1.3.101.112 */
    0x03, 0x21, 0x00};
/* clang-format on */

/* How each type's SPKI begins, and how many bytes of key follow. The head of an EC key ends with
 * the byte 04, which belongs to the point. */
static const struct form {
    enum pl_keytype type;
    int nid;
    unsigned bits;
    const uint8_t *head;
    size_t head_n, key_n;
} forms[] = {
    {PL_KEY_P256, NID_X9_62_prime256v1, 256, p256_head, sizeof(p256_head), 64},
    {PL_KEY_P384, NID_secp384r1, 384, p384_head, sizeof(p384_head), 96},
    {PL_KEY_P521, NID_secp521r1, 521, p521_head, sizeof(p521_head), 132},
    {PL_KEY_ED25519, NID_ED25519, 256, ed25519_head, sizeof(ed25519_head), PL_ED25519_SIZE},
};

/* The row that @der fits, NULL if none. */
static const struct form *find_form(struct pl_bytes der)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *f = &forms[i];

        if (der.n == f->head_n + f->key_n && memcmp(der.p, f->head, f->head_n) == 0)
            return f;
    }
    return NULL;
}

static enum pl_code set_ec(struct pl_key *key, const struct form *f, struct pl_err *err)
{
    struct pl_bytes point = pl_bytes(key->spki + f->head_n - 1, f->key_n + 1);

    key->ec = EC_KEY_new_by_curve_name(f->nid);
    if (key->ec == NULL)
        return PL_FAIL(err, PL_ENOMEM, "public key: out of memory");
    /* Checks that the coordinates are reduced and the point is on the curve; these curves have no
     * other subgroups. */
    if (EC_KEY_oct2key(key->ec, point.p, point.n, NULL) != 1) {
        ERR_clear_error();
        return PL_FAIL(err, PL_EINVAL, "public key: the %s point is not on the curve",
                       pl_keytype_name(f->type));
    }
    return PL_OK;
}

static enum pl_code set_ed25519(struct pl_key *key, const struct form *f, struct pl_err *err)
{
    memcpy(key->ed25519, key->spki + f->head_n, PL_ED25519_SIZE);
    if (crypto_core_ed25519_is_valid_point(key->ed25519) != 1)
        return PL_FAIL(err, PL_EINVAL,
                       "public key: the Ed25519 point is not canonical or of the wrong order");
    return PL_OK;
}

/* The public exponent: odd and at least 65537, for which 64 bits are more than enough. */
static enum pl_code check_rsa(EVP_PKEY *pkey, struct pl_err *err)
{
    int bits = EVP_PKEY_get_bits(pkey);
    BIGNUM *e = NULL;
    bool good;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return PL_FAIL(err, PL_EINVAL, "public key: RSA of %d bits, accepted are %d to %d bits",
                       bits, RSA_BITS_MIN, RSA_BITS_MAX);
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        return PL_FAIL(err, PL_EINVAL, "public key: RSA without an exponent");
    good = BN_is_odd(e) && BN_num_bits(e) >= 17 && BN_num_bits(e) <= 64;
    BN_free(e);
    if (!good)
        return PL_FAIL(err, PL_EINVAL,
                       "public key: the RSA exponent must be odd, at least 65537 and below 2^64");
    return PL_OK;
}

/* Anything that fits no form: RSA, or refused. */
static enum pl_code set_rsa(struct pl_key *key, struct pl_err *err)
{
    const uint8_t *at = key->spki;
    uint8_t *again = NULL;
    int n;
    bool same;

    key->rsa = d2i_PUBKEY(NULL, &at, (long)key->spki_n);
    if (key->rsa == NULL) {
        ERR_clear_error();
        return PL_FAIL(err, PL_EINVAL,
                       "public key: not a SubjectPublicKeyInfo of a known key type");
    }
    if (EVP_PKEY_get_base_id(key->rsa) == EVP_PKEY_EC)
        return PL_FAIL(err, PL_EINVAL,
                       "public key: EC keys must be on P-256, P-384 or P-521, named, with an "
                       "uncompressed point, in DER");
    if (EVP_PKEY_get_base_id(key->rsa) != EVP_PKEY_RSA)
        return PL_FAIL(
            err, PL_EINVAL,
            "public key: type %s is not accepted; ECDSA P-256, P-384, P-521, Ed25519 and "
            "RSA are",
            EVP_PKEY_get0_type_name(key->rsa) != NULL ? EVP_PKEY_get0_type_name(key->rsa)
                                                      : "unknown");
    n = i2d_PUBKEY(key->rsa, &again);
    same = n > 0 && (size_t)n == key->spki_n && memcmp(again, key->spki, key->spki_n) == 0;
    OPENSSL_free(again);
    if (!same)
        return PL_FAIL(err, PL_EINVAL, "public key: not in canonical DER, or bytes follow it");
    key->bits = (unsigned)EVP_PKEY_get_bits(key->rsa);
    return check_rsa(key->rsa, err);
}

enum pl_code pl_key_from_spki(struct pl_bytes der, struct pl_key **out, struct pl_err *err)
{
    const struct form *f = find_form(der);
    struct pl_key *key;
    enum pl_code rc;

    if (der.n == 0 || der.n > PL_PEM_MAX)
        return PL_FAIL(err, PL_EINVAL, "public key: %zu bytes, accepted are 1 to %zu", der.n,
                       PL_PEM_MAX);
    key = calloc(1, sizeof(*key) + der.n);
    if (key == NULL)
        return PL_FAIL(err, PL_ENOMEM, "public key: out of memory");
    atomic_init(&key->refs, 1);
    key->spki_n = der.n;
    memcpy(key->spki, der.p, der.n);
    pl_sha256(der, &key->id);
    key->type = f != NULL ? f->type : PL_KEY_RSA;
    key->bits = f != NULL ? f->bits : 0;
    if (f == NULL)
        PL_TRY(set_rsa(key, err));
    else if (f->type == PL_KEY_ED25519)
        PL_TRY(set_ed25519(key, f, err));
    else
        PL_TRY(set_ec(key, f, err));
    *out = key;
    key = NULL;
out:
    pl_key_unref(key);
    return rc;
}

enum pl_code pl_key_from_pem(struct pl_bytes pem, struct pl_key **out, struct pl_err *err)
{
    struct pl_pem block, more;
    struct pl_arena arena;
    enum pl_code rc;

    if (pem.n > PL_PEM_MAX)
        return PL_FAIL(err, PL_EINVAL, "public key: %zu bytes of PEM, the limit is %zu", pem.n,
                       PL_PEM_MAX);
    pl_arena_init(&arena, 8 * PL_PEM_MAX);
    rc = pl_pem_next(&pem, &arena, &block, err);
    if (rc == PL_ENOTFOUND)
        rc = PL_FAIL(err, PL_EINVAL, "public key: no PEM block (\"-----BEGIN PUBLIC KEY-----\")");
    PL_TRY(rc);
    if (!pl_bytes_eq_str(block.label, "PUBLIC KEY"))
        PL_TRY(PL_FAIL(err, PL_EINVAL,
                       "public key: the PEM block is a " PL_FMT ", needed is a PUBLIC KEY",
                       PL_ARG(block.label)));
    if (pl_pem_next(&pem, &arena, &more, err) != PL_ENOTFOUND)
        PL_TRY(PL_FAIL(err, PL_EINVAL, "public key: more than one PEM block"));
    PL_TRY(pl_key_from_spki(block.der, out, err));
out:
    pl_arena_free(&arena);
    return rc;
}

struct pl_key *pl_key_ref(const struct pl_key *key)
{
    union { /* only the counter changes */
        const struct pl_key *given;
        struct pl_key *same;
    } u = {.given = key};

    atomic_fetch_add_explicit(&u.same->refs, 1, memory_order_relaxed);
    return u.same;
}

void pl_key_unref(struct pl_key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
        return;
    EC_KEY_free(key->ec);
    EVP_PKEY_free(key->rsa);
    free(key);
}

enum pl_keytype pl_key_type(const struct pl_key *key)
{
    return key->type;
}

const char *pl_keytype_name(enum pl_keytype type)
{
    switch (type) {
    case PL_KEY_P256:
        return "ECDSA P-256";
    case PL_KEY_P384:
        return "ECDSA P-384";
    case PL_KEY_P521:
        return "ECDSA P-521";
    case PL_KEY_ED25519:
        return "Ed25519";
    case PL_KEY_RSA:
        return "RSA";
    }
    return "?";
}

unsigned pl_key_bits(const struct pl_key *key)
{
    return key->bits;
}

bool pl_key_is_slow(const struct pl_key *key)
{
    return key->type == PL_KEY_P384 || key->type == PL_KEY_P521 ||
           (key->type == PL_KEY_RSA && key->bits > 4096);
}

struct pl_bytes pl_key_spki(const struct pl_key *key)
{
    return pl_bytes(key->spki, key->spki_n);
}

const struct pl_hash *pl_key_id(const struct pl_key *key)
{
    return &key->id;
}

void pl_key_add_pem(const struct pl_key *key, struct pl_buf *b)
{
    pl_buf_add_pem(b, "PUBLIC KEY", pl_key_spki(key));
}

bool pl_key_eq(const struct pl_key *a, const struct pl_key *b)
{
    return pl_bytes_eq(pl_key_spki(a), pl_key_spki(b));
}

const char *pl_key_details(const struct pl_key *key)
{
    switch (key->type) {
    case PL_KEY_P256:
        return "PKIX_ECDSA_P256_SHA_256";
    case PL_KEY_P384:
        return "PKIX_ECDSA_P384_SHA_384";
    case PL_KEY_P521:
        return "PKIX_ECDSA_P521_SHA_512";
    case PL_KEY_ED25519:
        return "PKIX_ED25519";
    case PL_KEY_RSA:
        break;
    }
    if (key->bits == 2048)
        return "PKIX_RSA_PKCS1V15_2048_SHA256";
    if (key->bits == 3072)
        return "PKIX_RSA_PKCS1V15_3072_SHA256";
    if (key->bits == 4096)
        return "PKIX_RSA_PKCS1V15_4096_SHA256";
    return "PUBLIC_KEY_DETAILS_UNSPECIFIED";
}
