/* Property: a certificate that parses is kept byte for byte and its key parses alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/cert.h"
#include "core/crypto/verifier.h"

#include "tests/fuzz/fuzz.h"

static void check_cert(struct pl_bytes der)
{
    struct pl_cert cert;
    struct pl_err err;
    struct pl_key *key = NULL;

    if (pl_cert_parse(der, &cert, &err) != PL_OK) {
        MUST(err.text[0] != '\0');
        return;
    }
    MUST(pl_bytes_eq(cert.der, der));
    MUST(cert.nsans <= PL_SANS_MAX);
    for (size_t i = 0; i < cert.nsans; i++)
        MUST(pl_utf8_valid(cert.sans[i].text));
    MUST(pl_key_from_spki(pl_key_spki(cert.key), &key, &err) == PL_OK);
    MUST(pl_key_eq(key, cert.key));
    pl_key_unref(key);
    pl_cert_free(&cert);
}

/* The same bytes as PEM text, as submissions carry it: what loads gives canonical PEM, which loads
 * again as the same verifier. */
static void check_pem(struct pl_bytes text)
{
    const struct pl_verifier *v = NULL, *again = NULL;
    struct pl_err err;

    if (pl_verifier_load(NULL, text, &v, &err) != PL_OK)
        return;
    MUST(pl_verifier_load(NULL, v->pem, &again, &err) == PL_OK);
    MUST(pl_bytes_eq(v->pem, again->pem) && pl_hash_eq(&v->pem_hash, &again->pem_hash));
    MUST(pl_key_eq(v->key, again->key));
    pl_verifier_unref(again);
    pl_verifier_unref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_cert(pl_bytes(data, size));
    check_pem(pl_bytes(data, size));
    return 0;
}
