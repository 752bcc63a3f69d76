/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.c - digests.
 *
 * OpenSSL 3 looks the algorithm up on each call of the EVP functions and of SHA256(), which costs
 * six times the hashing of a Merkle node. The older Init/Update/Final functions don't, so they are
 * used although they are marked deprecated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypto/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "core/base/enc.h"

static_assert(sizeof(SHA256_CTX) <= sizeof(struct pl_sha256), "pl_sha256 holds a SHA256_CTX");
static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct pl_sha256), "pl_sha256 is aligned");

const char *pl_hash_hex(const struct pl_hash *h, char out[PL_HASH_HEX_SIZE])
{
    pl_hex_encode(pl_hash_bytes(h), out);
    return out;
}

void pl_sha256(struct pl_bytes in, struct pl_hash *out)
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, in.p, in.n);
    SHA256_Final(out->b, &ctx);
}

static SHA256_CTX *ctx_of(struct pl_sha256 *s)
{
    return (SHA256_CTX *)(void *)s->opaque;
}

void pl_sha256_init(struct pl_sha256 *s)
{
    SHA256_Init(ctx_of(s));
}

void pl_sha256_add(struct pl_sha256 *s, struct pl_bytes in)
{
    SHA256_Update(ctx_of(s), in.p, in.n);
}

void pl_sha256_end(struct pl_sha256 *s, struct pl_hash *out)
{
    SHA256_Final(out->b, ctx_of(s));
}

static const struct {
    const char *name;
    size_t size;
} algs[] = {
    [PL_SHA1] = {"sha1", SHA_DIGEST_LENGTH},
    [PL_SHA256] = {"sha256", SHA256_DIGEST_LENGTH},
    [PL_SHA384] = {"sha384", SHA384_DIGEST_LENGTH},
    [PL_SHA512] = {"sha512", SHA512_DIGEST_LENGTH},
};

const char *pl_hashalg_name(enum pl_hashalg alg)
{
    return algs[alg].name;
}

size_t pl_hashalg_size(enum pl_hashalg alg)
{
    return algs[alg].size;
}

bool pl_hashalg_parse(struct pl_bytes name, enum pl_hashalg *out)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (pl_bytes_eq_str(name, algs[i].name)) {
            *out = (enum pl_hashalg)i;
            return true;
        }
    }
    return false;
}

enum pl_code pl_digest(enum pl_hashalg alg, struct pl_bytes in, uint8_t out[PL_DIGEST_MAX],
                       struct pl_err *err)
{
    struct pl_hash hash;
    SHA_CTX sha1;
    SHA512_CTX sha512; /* SHA-384 too */

    switch (alg) {
    case PL_SHA1:
        SHA1_Init(&sha1);
        SHA1_Update(&sha1, in.p, in.n);
        SHA1_Final(out, &sha1);
        return PL_OK;
    case PL_SHA256:
        pl_sha256(in, &hash);
        memcpy(out, hash.b, sizeof(hash.b));
        return PL_OK;
    case PL_SHA384:
        SHA384_Init(&sha512);
        SHA384_Update(&sha512, in.p, in.n);
        SHA384_Final(out, &sha512);
        return PL_OK;
    case PL_SHA512:
        SHA512_Init(&sha512);
        SHA512_Update(&sha512, in.p, in.n);
        SHA512_Final(out, &sha512);
        return PL_OK;
    }
    return PL_FAIL(err, PL_EINVAL, "unknown hash algorithm %d", (int)alg);
}

bool pl_equal_secret(struct pl_bytes a, struct pl_bytes b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void pl_random(void *out, size_t n)
{
    uint8_t *to = out;

    while (n != 0) {
        int part = n < 65536 ? (int)n : 65536;

        if (RAND_bytes(to, part) != 1) {
            (void)fprintf(stderr,
                          "the random number generator failed; no key or nonce may be made\n");
            abort();
        }
        to += part;
        n -= (size_t)part;
    }
}
