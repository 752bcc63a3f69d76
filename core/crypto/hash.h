/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - SHA-1 (search keys only), SHA-256, SHA-384, SHA-512 over OpenSSL.
 *
 * Thread: any. SHA-256 uses no per-call fetch: 0.1 us for a Merkle node.
 */
#ifndef PL_CORE_CRYPTO_HASH_H
#define PL_CORE_CRYPTO_HASH_H

#include "core/base/buf.h"

#define PL_HASH_SIZE 32
/* A SHA-256 value: leaf, node, root, key id. */
struct pl_hash {
    uint8_t b[PL_HASH_SIZE];
};
static inline bool pl_hash_eq(const struct pl_hash *a, const struct pl_hash *b)
{
    return memcmp(a->b, b->b, PL_HASH_SIZE) == 0;
}
static inline struct pl_bytes pl_hash_bytes(const struct pl_hash *h)
{
    return (struct pl_bytes){h->b, PL_HASH_SIZE};
}
#define PL_HASH_HEX_SIZE (2 * PL_HASH_SIZE + 1)
/* Lower-case hex and a NUL; returns @out. */
const char *pl_hash_hex(const struct pl_hash *h, char out[PL_HASH_HEX_SIZE]);

void pl_sha256(struct pl_bytes in, struct pl_hash *out);

/* A streamed SHA-256; plain memory, nothing to free. */
struct pl_sha256 {
    uint64_t opaque[16];
};
void pl_sha256_init(struct pl_sha256 *s);
void pl_sha256_add(struct pl_sha256 *s, struct pl_bytes in);
void pl_sha256_end(struct pl_sha256 *s, struct pl_hash *out);

enum pl_hashalg { PL_SHA1, PL_SHA256, PL_SHA384, PL_SHA512 };
#define PL_DIGEST_MAX 64
/* "sha1", "sha256", ... as in Rekor and in-toto. */
const char *pl_hashalg_name(enum pl_hashalg alg);
size_t pl_hashalg_size(enum pl_hashalg alg);
/* By that name, exact lower case. */
PL_MUST_CHECK bool pl_hashalg_parse(struct pl_bytes name, enum pl_hashalg *out);
/* pl_hashalg_size(@alg) bytes into @out. */
PL_MUST_CHECK enum pl_code pl_digest(enum pl_hashalg alg, struct pl_bytes in,
                                     uint8_t out[PL_DIGEST_MAX], struct pl_err *err);

/* Constant time in the content; false at once when lengths differ. For secrets and MACs. */
bool pl_equal_secret(struct pl_bytes a, struct pl_bytes b);
/* From the system's generator; aborts the process if it fails. */
void pl_random(void *out, size_t n);

#endif
