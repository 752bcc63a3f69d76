/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - one X.509 certificate as a verifier: its key and its names. No trust decision here.
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
void pl_cert_free(struct pl_cert *cert);

#endif
