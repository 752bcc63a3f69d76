/* SPDX-License-Identifier: Apache-2.0 */
/* privkey.c - private keys: made, read and written. The encrypted file format is in keyfile.c. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypto/key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "core/crypto/key_internal.h"
#include "core/crypto/sig.h"

#define RSA_BITS_NEW 3072

void pl_privkey_free(struct pl_privkey *key)
{
    if (key == NULL)
        return;
    pl_key_unref(key->key);
    EVP_PKEY_free(key->pkey);
    EC_KEY_free(key->ec); /* wipes the number, as EVP_PKEY_free does */
    OPENSSL_cleanse(key, sizeof(*key));
    free(key);
}

const struct pl_key *pl_privkey_public(const struct pl_privkey *key)
{
    return key->key;
}

/* The public half, through the same checks as any public key. */
static enum pl_code set_public(struct pl_privkey *key, struct pl_err *err)
{
    uint8_t *spki = NULL;
    int n;
    enum pl_code rc;

    if (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC)
        EVP_PKEY_set_utf8_string_param(key->pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    n = i2d_PUBKEY(key->pkey, &spki);
    if (n <= 0)
        return PL_FAIL(err, PL_EINVAL, "private key: its public key cannot be encoded");
    rc = pl_key_from_spki(pl_bytes(spki, (size_t)n), &key->key, err);
    OPENSSL_free(spki);
    return rc;
}

/* An EC_KEY of our own for signing; its public point is computed, so that it must agree. */
static enum pl_code set_ec(struct pl_privkey *key, struct pl_err *err)
{
    const EC_GROUP *group = EC_KEY_get0_group(key->key->ec);
    const EC_POINT *claimed = EC_KEY_get0_public_key(key->key->ec);
    EC_POINT *computed = EC_POINT_new(group);
    BIGNUM *d = NULL;
    bool good;

    key->ec = EC_KEY_dup(key->key->ec);
    good = computed != NULL && key->ec != NULL &&
           EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 && !BN_is_zero(d) &&
           BN_cmp(d, EC_GROUP_get0_order(group)) < 0 && EC_KEY_set_private_key(key->ec, d) == 1 &&
           EC_POINT_mul(group, computed, d, NULL, NULL, NULL) == 1 &&
           EC_POINT_cmp(group, computed, claimed, NULL) == 0;
    BN_clear_free(d);
    EC_POINT_free(computed);
    if (!good)
        return PL_FAIL(err, PL_EINVAL,
                       "private key: the EC private number is out of range or does "
                       "not belong to its public key");
    return PL_OK;
}

static enum pl_code set_ed25519(struct pl_privkey *key, struct pl_err *err)
{
    size_t n = PL_ED25519_SIZE;

    /* OpenSSL derives the public half from the seed. */
    if (EVP_PKEY_get_raw_private_key(key->pkey, key->ed25519, &n) != 1 || n != PL_ED25519_SIZE)
        return PL_FAIL(err, PL_EINVAL, "private key: malformed Ed25519 seed");
    memcpy(key->ed25519 + PL_ED25519_SIZE, key->key->ed25519, PL_ED25519_SIZE);
    return PL_OK;
}

/* An RSA key whose halves or factors don't fit would sign garbage, or leak a factor. */
static enum pl_code try_rsa(const struct pl_privkey *key, struct pl_err *err)
{
    uint8_t sig[PL_SIG_MAX];
    size_t n;
    enum pl_code rc;

    PL_TRY(pl_sig_sign(key, PL_SHA256, PL_LIT("self-test"), sig, &n, err));
    PL_TRY(pl_sig_verify(key->key, PL_SHA256, PL_LIT("self-test"), pl_bytes(sig, n), err));
out:
    if (rc != PL_OK)
        return PL_FAIL(err, PL_EINVAL, "private key: the numbers of the RSA key do not fit");
    return PL_OK;
}

enum pl_code pl_privkey_take(EVP_PKEY *pkey, struct pl_privkey **out, struct pl_err *err)
{
    struct pl_privkey *key = calloc(1, sizeof(*key));
    enum pl_code rc;

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return PL_FAIL(err, PL_ENOMEM, "private key: out of memory");
    }
    key->pkey = pkey;
    PL_TRY(set_public(key, err));
    if (key->key->ec != NULL)
        PL_TRY(set_ec(key, err));
    else if (key->key->type == PL_KEY_ED25519)
        PL_TRY(set_ed25519(key, err));
    else
        PL_TRY(try_rsa(key, err));
    *out = key;
    key = NULL;
out:
    ERR_clear_error();
    pl_privkey_free(key);
    return rc;
}

enum pl_code pl_privkey_generate(enum pl_keytype type, struct pl_privkey **out, struct pl_err *err)
{
    EVP_PKEY *pkey = NULL;

    switch (type) {
    case PL_KEY_P256:
        pkey = EVP_EC_gen("P-256");
        break;
    case PL_KEY_P384:
        pkey = EVP_EC_gen("P-384");
        break;
    case PL_KEY_P521:
        pkey = EVP_EC_gen("P-521");
        break;
    case PL_KEY_ED25519:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case PL_KEY_RSA:
        pkey = EVP_RSA_gen(RSA_BITS_NEW);
        break;
    }
    if (pkey == NULL) {
        ERR_clear_error();
        return PL_FAIL(err, PL_ENOMEM, "key generation failed");
    }
    return pl_privkey_take(pkey, out, err);
}

enum pl_code pl_privkey_from_pkcs8(struct pl_bytes der, struct pl_privkey **out, struct pl_err *err)
{
    const uint8_t *at = der.p;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.n);
    EVP_PKEY *pkey = NULL;

    if (info != NULL && at == der.p + der.n)
        pkey = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    if (pkey == NULL)
        return PL_FAIL(err, PL_EINVAL, "private key: not one PKCS#8 PrivateKeyInfo");
    return pl_privkey_take(pkey, out, err);
}

/* The older forms: SEC 1 for EC, PKCS#1 for RSA. */
static enum pl_code from_typed(int type, struct pl_bytes der, struct pl_privkey **out,
                               struct pl_err *err)
{
    const uint8_t *at = der.p;
    EVP_PKEY *pkey = d2i_PrivateKey(type, NULL, &at, (long)der.n);

    ERR_clear_error();
    if (pkey != NULL && at != der.p + der.n) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    if (pkey == NULL)
        return PL_FAIL(err, PL_EINVAL, "private key: malformed %s PRIVATE KEY",
                       type == EVP_PKEY_EC ? "EC" : "RSA");
    return pl_privkey_take(pkey, out, err);
}

/* cosign's file: the block holds JSON, the JSON the encrypted PKCS#8. */
static enum pl_code from_encrypted(struct pl_bytes json, struct pl_bytes password,
                                   struct pl_privkey **out, struct pl_err *err)
{
    struct pl_buf der;
    enum pl_code rc;

    pl_buf_init(&der, PL_PEM_MAX);
    der.secret = true;
    PL_TRY(pl_keyfile_open(json, password, &der, err));
    PL_TRY(pl_privkey_from_pkcs8(pl_buf_bytes(&der), out, err));
out:
    pl_buf_free(&der);
    return rc;
}

/* By the block's label. */
static enum pl_code from_block(const struct pl_pem *block, struct pl_bytes password,
                               struct pl_privkey **out, struct pl_err *err)
{
    if (pl_bytes_eq_str(block->label, "PRIVATE KEY"))
        return pl_privkey_from_pkcs8(block->der, out, err);
    if (pl_bytes_eq_str(block->label, "EC PRIVATE KEY"))
        return from_typed(EVP_PKEY_EC, block->der, out, err);
    if (pl_bytes_eq_str(block->label, "RSA PRIVATE KEY"))
        return from_typed(EVP_PKEY_RSA, block->der, out, err);
    if (pl_bytes_eq_str(block->label, "ENCRYPTED SIGSTORE PRIVATE KEY") ||
        pl_bytes_eq_str(block->label, "ENCRYPTED COSIGN PRIVATE KEY"))
        return from_encrypted(block->der, password, out, err);
    return PL_FAIL(err, PL_EINVAL,
                   "private key: cannot handle a PEM block of type " PL_FMT
                   "; PRIVATE KEY, EC PRIVATE KEY, RSA PRIVATE KEY and ENCRYPTED SIGSTORE PRIVATE "
                   "KEY are accepted",
                   PL_ARG(block->label));
}

enum pl_code pl_privkey_from_pem(struct pl_bytes pem, struct pl_bytes password,
                                 struct pl_privkey **out, struct pl_err *err)
{
    struct pl_pem block, more;
    struct pl_arena arena;
    enum pl_code rc;

    if (pem.n > PL_PEM_MAX)
        return PL_FAIL(err, PL_EINVAL, "private key: %zu bytes of PEM, the limit is %zu", pem.n,
                       PL_PEM_MAX);
    pl_arena_init(&arena, 8 * PL_PEM_MAX);
    rc = pl_pem_next(&pem, &arena, &block, err);
    /* `openssl ecparam -genkey` writes the curve's name first. */
    if (rc == PL_OK && pl_bytes_eq_str(block.label, "EC PARAMETERS"))
        rc = pl_pem_next(&pem, &arena, &block, err);
    if (rc == PL_ENOTFOUND)
        rc = PL_FAIL(err, PL_EINVAL, "private key: no PEM block (\"-----BEGIN PRIVATE KEY-----\")");
    PL_TRY(rc);
    if (pl_pem_next(&pem, &arena, &more, err) != PL_ENOTFOUND)
        PL_TRY(PL_FAIL(err, PL_EINVAL, "private key: more than one PEM block"));
    PL_TRY(from_block(&block, password, out, err));
out:
    pl_arena_free_secret(&arena);
    return rc;
}

enum pl_code pl_privkey_add_pkcs8(const struct pl_privkey *key, struct pl_buf *b,
                                  struct pl_err *err)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    uint8_t *der = NULL;
    int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (n <= 0) {
        ERR_clear_error();
        return PL_FAIL(err, PL_ENOMEM, "private key: it could not be encoded");
    }
    pl_buf_add(b, der, (size_t)n);
    OPENSSL_clear_free(der, (size_t)n);
    return pl_buf_check(b, "private key", err);
}

enum pl_code pl_privkey_add_pem(const struct pl_privkey *key, struct pl_buf *b, struct pl_err *err)
{
    struct pl_buf der;
    enum pl_code rc;

    pl_buf_init(&der, PL_PEM_MAX);
    der.secret = true;
    PL_TRY(pl_privkey_add_pkcs8(key, &der, err));
    pl_buf_add_pem(b, "PRIVATE KEY", pl_buf_bytes(&der));
    PL_TRY(pl_buf_check(b, "private key", err));
out:
    pl_buf_free(&der);
    return rc;
}
