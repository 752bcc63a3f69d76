/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifier.h - "who signed": the PEM that a submission carries (public key or certificate), with a
 * bounded cache, since parsing costs several times the verification.
 *
 * Rules of Rekor v1's x509 verifiers (rekor-v1 reference 7.1): text is trimmed, first PEM block
 * decides: PUBLIC KEY alone, or CERTIFICATE (further certificates allowed, at most PL_CERTS_MAX,
 * first = signer). The canonical PEM is what is logged.
 */
#ifndef PL_CORE_CRYPTO_VERIFIER_H
#define PL_CORE_CRYPTO_VERIFIER_H

#include "core/crypto/cert.h"

/* Never changes after it was made; reference-counted (atomic): any thread may use and drop it. */
struct pl_verifier {
    const struct pl_key *key;
    const struct pl_cert *cert; /* NULL for a bare public key */
    struct pl_bytes pem;        /* canonical PEM, trailing LF (all certificates, concatenated) */
    struct pl_bytes pem_base64; /* standard base64 of it, as bodies carry it */
    const struct pl_bytes
        *certs;              /* DER, the signer's first; pl_cert_check_list if there are more */
    size_t ncerts;           /* 0 for a bare public key, at most PL_CERTS_MAX */
    struct pl_hash pem_hash; /* SHA-256 of the canonical PEM: Rekor's index key */
};

struct pl_verifier_cache;
/* LRU of @max verifiers keyed by the SHA-256 of the PEM text as sent. One thread only. */
struct pl_verifier_cache *pl_verifier_cache_new(size_t max); /* NULL: out of memory */
void pl_verifier_cache_free(struct pl_verifier_cache *cache);
size_t pl_verifier_cache_hits(const struct pl_verifier_cache *cache);

/*
 * Loads @pem (text), through @cache when it is not NULL. The result has one reference for the
 * caller: pl_verifier_unref it. PL_EINVAL "failure decoding PEM", "cannot handle type X", ...
 * Failures are not cached.
 */
PL_MUST_CHECK enum pl_code pl_verifier_load(struct pl_verifier_cache *cache, struct pl_bytes pem,
                                            const struct pl_verifier **out, struct pl_err *err);
/* The same from the DER bytes of one certificate (for bundles). */
PL_MUST_CHECK enum pl_code
pl_verifier_from_cert_der(struct pl_bytes der, const struct pl_verifier **out, struct pl_err *err);
/* The same from the DER bytes of a SubjectPublicKeyInfo. */
PL_MUST_CHECK enum pl_code
pl_verifier_from_spki(struct pl_bytes der, const struct pl_verifier **out, struct pl_err *err);
const struct pl_verifier *pl_verifier_ref(const struct pl_verifier *v);
void pl_verifier_unref(const struct pl_verifier *v); /* NULL is allowed */

#endif
