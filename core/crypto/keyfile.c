/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyfile.c - cosign's encrypted private key.
 *
 * A PEM block whose content is JSON, not DER: scrypt of the password gives the key of a NaCl
 * secretbox (XSalsa20-Poly1305, tag first) that holds the PKCS#8 DER. Only the cost parameters that
 * cosign has ever written are accepted: others would let a file choose how much memory we take.
 */
#include "core/crypto/key.h"

#include <sodium.h>

#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/crypto/key_internal.h"

#define SALT_SIZE  32
#define NONCE_SIZE crypto_secretbox_NONCEBYTES
#define TAG_SIZE   crypto_secretbox_MACBYTES
#define BOXED_MAX  ((size_t)16 << 10) /* RSA-16384 needs 9 KiB */
#define SCRYPT_N   65536              /* what we write; takes 64 MiB */
#define SCRYPT_R   8
#define SCRYPT_P   1

/* What the JSON says, in the arena. */
struct keyfile {
    uint64_t n;
    struct pl_bytes salt, nonce, boxed;
};

static enum pl_code check_name(const json_t *obj, const char *where, const char *want,
                               struct pl_err *err)
{
    struct pl_bytes name;
    enum pl_code rc;

    PL_TRY(pl_json_string(obj, where, "name", &name, err));
    if (!pl_bytes_eq_str(name, want))
        rc = PL_FAIL(err, PL_EINVAL, "%s.name is \"" PL_FMT "\", only \"%s\" is known", where,
                     PL_ARG(name), want);
out:
    return rc;
}

/* kdf.params: one of cosign's sets. */
static enum pl_code read_cost(const json_t *kdf, struct keyfile *f, struct pl_err *err)
{
    uint64_t n, r, p;
    json_t *params;
    enum pl_code rc;

    PL_TRY(pl_json_object(kdf, "kdf", "params", &params, err));
    PL_TRY(pl_json_u64(params, "kdf.params", "N", &n, err));
    PL_TRY(pl_json_u64(params, "kdf.params", "r", &r, err));
    PL_TRY(pl_json_u64(params, "kdf.params", "p", &p, err));
    if ((n != 32768 && n != 65536 && n != 131072) || r != SCRYPT_R || p != SCRYPT_P)
        return PL_FAIL(err, PL_EINVAL,
                       "scrypt parameters are not cosign's: N must be 32768, 65536 or 131072, r 8 "
                       "and p 1");
    f->n = n;
out:
    return rc;
}

static enum pl_code read_keyfile(const json_t *top, struct pl_arena *arena, struct keyfile *f,
                                 struct pl_err *err)
{
    json_t *kdf, *cipher;
    enum pl_code rc;

    PL_TRY(pl_json_object(top, "", "kdf", &kdf, err));
    PL_TRY(check_name(kdf, "kdf", "scrypt", err));
    PL_TRY(read_cost(kdf, f, err));
    PL_TRY(pl_json_base64(kdf, "kdf", "salt", arena, &f->salt, err));
    PL_TRY(pl_json_object(top, "", "cipher", &cipher, err));
    PL_TRY(check_name(cipher, "cipher", "nacl/secretbox", err));
    PL_TRY(pl_json_base64(cipher, "cipher", "nonce", arena, &f->nonce, err));
    PL_TRY(pl_json_base64(top, "", "ciphertext", arena, &f->boxed, err));
    if (f->salt.n != SALT_SIZE || f->nonce.n != NONCE_SIZE || f->boxed.n <= TAG_SIZE ||
        f->boxed.n > BOXED_MAX)
        rc = PL_FAIL(err, PL_EINVAL,
                     "salt, nonce and ciphertext must be %d, %u and %u to %zu bytes, they are %zu, "
                     "%zu and %zu",
                     SALT_SIZE, NONCE_SIZE, TAG_SIZE + 1, BOXED_MAX, f->salt.n, f->nonce.n,
                     f->boxed.n);
out:
    return rc;
}

/* The box's key; costs 128 * @n * 8 bytes of memory and a tenth of a second. */
static enum pl_code derive(struct pl_bytes password, const uint8_t *salt, uint64_t n,
                           uint8_t key[crypto_secretbox_KEYBYTES], struct pl_err *err)
{
    if (sodium_init() < 0 || /* picks the fast scrypt */
        crypto_pwhash_scryptsalsa208sha256_ll(password.n != 0 ? password.p : (const uint8_t *)"",
                                              password.n, salt, SALT_SIZE, n, SCRYPT_R, SCRYPT_P,
                                              key, crypto_secretbox_KEYBYTES) != 0)
        return PL_FAIL(err, PL_ENOMEM, "scrypt failed: it needs %u MiB of memory",
                       (unsigned)(n * 128 * SCRYPT_R >> 20));
    return PL_OK;
}

enum pl_code pl_keyfile_open(struct pl_bytes in, struct pl_bytes password, struct pl_buf *out,
                             struct pl_err *err)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    struct keyfile f = {0};
    struct pl_arena arena;
    json_t *top = NULL;
    uint8_t *plain;
    enum pl_code rc;

    pl_arena_init(&arena, 4 * PL_PEM_MAX);
    PL_TRY(pl_json_load(in, PL_PEM_MAX, &top, err));
    PL_TRY(read_keyfile(top, &arena, &f, err));
    PL_TRY(derive(password, f.salt.p, f.n, key, err));
    plain = pl_buf_reserve(out, f.boxed.n - TAG_SIZE);
    PL_TRY(pl_buf_check(out, "private key", err));
    if (crypto_secretbox_open_easy(plain, f.boxed.p, f.boxed.n, f.nonce.p, key) != 0)
        PL_TRY(PL_FAIL(err, PL_EVERIFY,
                       "wrong password for the private key (a line feed at the end of a password "
                       "file counts)"));
    pl_buf_commit(out, f.boxed.n - TAG_SIZE);
out:
    if (rc == PL_EINVAL)
        pl_err_wrap(err, "encrypted private key");
    explicit_bzero(key, sizeof(key));
    json_decref(top);
    pl_arena_free(&arena);
    return rc;
}

/* The JSON that goes into the PEM block. */
static void add_keyfile(struct pl_buf *b, const struct keyfile *f)
{
    pl_buf_addf(b,
                "{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":%u,\"r\":%d,\"p\":%d},\"salt\":\"",
                (unsigned)f->n, SCRYPT_R, SCRYPT_P);
    pl_buf_add_base64(b, f->salt);
    pl_buf_add_str(b, "\"},\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"");
    pl_buf_add_base64(b, f->nonce);
    pl_buf_add_str(b, "\"},\"ciphertext\":\"");
    pl_buf_add_base64(b, f->boxed);
    pl_buf_add_str(b, "\"}");
}

enum pl_code pl_privkey_add_cosign_pem(const struct pl_privkey *priv, struct pl_bytes password,
                                       struct pl_buf *b, struct pl_err *err)
{
    uint8_t key[crypto_secretbox_KEYBYTES], salt[SALT_SIZE], nonce[NONCE_SIZE];
    struct pl_buf plain, boxed, json;
    struct keyfile f = {.n = SCRYPT_N};
    uint8_t *to;
    enum pl_code rc;

    pl_buf_init(&plain, BOXED_MAX);
    pl_buf_init(&boxed, BOXED_MAX);
    pl_buf_init(&json, PL_PEM_MAX);
    plain.secret = true;
    pl_random(salt, sizeof(salt));
    pl_random(nonce, sizeof(nonce));
    PL_TRY(pl_privkey_add_pkcs8(priv, &plain, err));
    PL_TRY(derive(password, salt, f.n, key, err));
    to = pl_buf_reserve(&boxed, plain.n + TAG_SIZE);
    PL_TRY(pl_buf_check(&boxed, "private key", err));
    crypto_secretbox_easy(to, plain.p, plain.n, nonce, key);
    pl_buf_commit(&boxed, plain.n + TAG_SIZE);
    f.salt = pl_bytes(salt, sizeof(salt));
    f.nonce = pl_bytes(nonce, sizeof(nonce));
    f.boxed = pl_buf_bytes(&boxed);
    add_keyfile(&json, &f);
    PL_TRY(pl_buf_check(&json, "private key", err));
    pl_buf_add_pem(b, "ENCRYPTED SIGSTORE PRIVATE KEY", pl_buf_bytes(&json));
    PL_TRY(pl_buf_check(b, "private key", err));
out:
    explicit_bzero(key, sizeof(key));
    pl_buf_free(&plain);
    pl_buf_free(&boxed);
    pl_buf_free(&json);
    return rc;
}
