/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - one X.509 certificate as a verifier: its key and its names. No trust decision here.
 *
 * Refused beyond what X.509 refuses: a name or issuer that is empty, holds a NUL or is not UTF-8
 * (they are compared and searched as text), repeated extensions, unsupported keys.
 */
#ifndef PL_CORE_CRYPTO_CERT_H
#define PL_CORE_CRYPTO_CERT_H

#include "core/crypto/key.h"

enum pl_san_type { PL_SAN_EMAIL, PL_SAN_DNS, PL_SAN_URI, PL_SAN_IP, PL_SAN_FULCIO_OTHERNAME };
struct pl_san {
    enum pl_san_type type;
    struct pl_bytes text; /* IP addresses in text form */
};
#define PL_SANS_MAX 64

struct pl_cert {
    struct pl_key *key;  /* one reference */
    struct pl_bytes der; /* the input, copied */
    struct pl_san *sans; /* in the order of the extension */
    size_t nsans;
    struct pl_bytes fulcio_issuer; /* 1.3.6.1.4.1.57264.1.8, else .1.1 (raw); empty if none */
    int64_t not_before, not_after; /* Unix seconds */
    struct pl_arena arena;         /* owns the above */
};

/* Parses one DER certificate, nothing behind it. PL_EINVAL with the reason. Costs ~250 us. */
PL_MUST_CHECK enum pl_code pl_cert_parse(struct pl_bytes der, struct pl_cert *out,
                                         struct pl_err *err);
void pl_cert_free(struct pl_cert *cert); /* also of NULL and a zeroed object */

/* One well-formed DER certificate and nothing behind it; of any key and any names. */
PL_MUST_CHECK enum pl_code pl_cert_check_der(struct pl_bytes der, struct pl_err *err);
/*
 * Does @ders (DER, @n >= 2) make a chain: the first is the leaf, the last the root, those between
 * intermediates in any order; at the leaf's notBefore, for any key usage. This is what Rekor asks
 * of a certificate list; it says nothing about trust, since the sender chose the root. PL_EVERIFY
 * with the reason. Takes over 0.5 ms.
 */
PL_MUST_CHECK enum pl_code pl_cert_check_list(const struct pl_bytes *ders, size_t n,
                                              struct pl_err *err);

#endif
