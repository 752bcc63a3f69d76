/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_hashedrekord.c - kind hashedrekord 0.0.1 (rekor-v1 reference 7.2): a signature over a
 * digest.
 *
 * Of a certificate list the first one signs; the others are logged and not looked at.
 */
#include "core/attest/entry_internal.h"
#include "core/base/enc.h"

struct record {
    struct pl_bytes alg_name, hash_hex, sig_text, pem_text; /* borrowed from the proposal */
    enum pl_hashalg alg;
    uint8_t digest[PL_DIGEST_MAX];
};

static enum pl_code read_hash(const json_t *spec, struct record *r, struct pl_err *err)
{
    json_t *data = NULL, *hash = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object(spec, "spec", "data", &data, err));
    PL_TRY(pl_json_object(data, "spec.data", "hash", &hash, err));
    PL_TRY(pl_json_string(hash, "spec.data.hash", "algorithm", &r->alg_name, err));
    PL_TRY(pl_json_string(hash, "spec.data.hash", "value", &r->hash_hex, err));
    if (!pl_hashalg_parse(r->alg_name, &r->alg) || r->alg == PL_SHA1)
        return PL_FAIL(err, PL_EINVAL,
                       "validation failure list:\ndata.hash.algorithm in body should be one of "
                       "[sha256 sha384 sha512]");
    if (r->hash_hex.n != 2 * pl_hashalg_size(r->alg))
        return PL_FAIL(err, PL_EINVAL, "invalid value for hash");
    if (!pl_hex_decode(r->hash_hex, r->digest, pl_hashalg_size(r->alg)))
        return PL_FAIL(err, PL_EINVAL,
                       "invalid value for hash: spec.data.hash.value has other characters than hex "
                       "digits");
    for (size_t i = 0; i < r->hash_hex.n; i++) {
        if (r->hash_hex.p[i] >= 'A' && r->hash_hex.p[i] <= 'F')
            return PL_FAIL(err, PL_EINVAL,
                           "invalid value for hash: spec.data.hash.value has upper-case hex; send "
                           "it in lower case (one artifact would have several entries)");
    }
out:
    return rc;
}

static enum pl_code read_record(const json_t *spec, struct record *r, struct pl_err *err)
{
    json_t *signature = NULL, *key = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object(spec, "spec", "signature", &signature, err));
    PL_TRY(pl_json_string(signature, "spec.signature", "content", &r->sig_text, err));
    PL_TRY(pl_json_object(signature, "spec.signature", "publicKey", &key, err));
    PL_TRY(pl_json_string(key, "spec.signature.publicKey", "content", &r->pem_text, err));
    PL_TRY(read_hash(spec, r, err));
out:
    return rc;
}

/* The pairs that Rekor allows (7.2). */
static bool is_allowed(const struct pl_key *key, enum pl_hashalg alg)
{
    unsigned bits = pl_key_bits(key);

    switch (pl_key_type(key)) {
    case PL_KEY_P256:
        return alg == PL_SHA256;
    case PL_KEY_P384:
        return alg == PL_SHA384;
    case PL_KEY_P521:
    case PL_KEY_ED25519:
        return alg == PL_SHA512;
    case PL_KEY_RSA:
        return alg == PL_SHA256 && (bits == 2048 || bits == 3072 || bits == 4096);
    }
    return false;
}

/* Rekor's words for a signature that does not verify; a malformed one is said to be so. */
static enum pl_code say_unverified(const struct pl_key *key, struct pl_err *err)
{
    const char *text = "failed to verify signature";

    switch (pl_key_type(key)) {
    case PL_KEY_P256:
    case PL_KEY_P384:
    case PL_KEY_P521:
        text = "invalid signature when validating ASN.1 encoded signature";
        break;
    case PL_KEY_RSA:
        text = "crypto/rsa: verification error";
        break;
    case PL_KEY_ED25519:
        break;
    }
    if (pl_bytes_has_prefix(pl_str(err->text), "malformed")) {
        struct pl_err why = *err;

        return PL_FAIL(err, PL_EVERIFY, "verifying signature: %s: %.300s", text, why.text);
    }
    return PL_FAIL(err, PL_EVERIFY, "verifying signature: %s", text);
}

static enum pl_code verify(const struct record *r, const struct pl_key *key, struct pl_bytes sig,
                           struct pl_err *err)
{
    enum pl_code rc;

    if (pl_key_type(key) == PL_KEY_ED25519 && r->alg != PL_SHA512)
        return PL_FAIL(err, PL_EINVAL,
                       "verifying signature: unsupported hash algorithm: \"%s\" not in [SHA-512]",
                       r->alg == PL_SHA384 ? "SHA-384" : "SHA-256");
    if (!is_allowed(key, r->alg))
        return PL_FAIL(err, PL_EINVAL,
                       "entry algorithms are not allowed: %s of %u bits with %s; allowed are RSA "
                       "2048, 3072, 4096 and P-256 with sha256, P-384 with sha384, P-521 and "
                       "Ed25519ph with sha512",
                       pl_keytype_name(pl_key_type(key)), pl_key_bits(key),
                       pl_hashalg_name(r->alg));
    rc = pl_sig_verify_digest(key, r->alg, pl_bytes(r->digest, pl_hashalg_size(r->alg)), sig, err);
    return rc == PL_EVERIFY ? say_unverified(key, err) : rc;
}

static enum pl_code write_body(struct pl_entry_job *job, const struct record *r,
                               const struct pl_verifier *v, struct pl_err *err)
{
    struct pl_buf b;

    pl_body_start(job, &b, 256 + r->hash_hex.n + r->sig_text.n + v->pem_base64.n);
    pl_buf_add_str(&b, "{\"data\":{\"hash\":{\"algorithm\":\"");
    pl_buf_add_bytes(&b, r->alg_name);
    pl_buf_add_str(&b, "\",\"value\":\"");
    pl_buf_add_bytes(&b, r->hash_hex);
    pl_buf_add_str(&b, "\"}},\"signature\":{\"content\":\"");
    pl_buf_add_bytes(&b, r->sig_text);
    pl_buf_add_str(&b, "\",\"publicKey\":{\"content\":\"");
    pl_buf_add_bytes(&b, v->pem_base64);
    pl_buf_add_str(&b, "\"}}}");
    return pl_body_end(job, &b, err);
}

static enum pl_code add_keys(struct pl_entry_job *job, const struct record *r,
                             const struct pl_verifier *v, struct pl_err *err)
{
    static const char *const prefixes[] = {
        [PL_SHA256] = "sha256:", [PL_SHA384] = "sha384:", [PL_SHA512] = "sha512:"};
    enum pl_code rc;

    PL_TRY(pl_keys_add(&job->keys, pl_str(prefixes[r->alg]), r->hash_hex, err));
    PL_TRY(pl_keys_add_verifier(&job->keys, v, err));
out:
    return rc;
}

enum pl_code pl_entry_hashedrekord(struct pl_entry_job *job, const json_t *spec, struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    struct record r;
    struct pl_bytes sig;
    bool slow;
    enum pl_code rc;

    PL_TRY(read_record(spec, &r, err));
    PL_TRY(pl_dsse_base64(r.sig_text, "spec.signature.content", job->arena, &sig, err));
    PL_TRY(pl_entry_verifier(job, r.pem_text, "spec.signature.publicKey.content", &v, &slow, err));
    if (slow) {
        job->out->deferred = true;
        goto out;
    }
    PL_TRY(verify(&r, v->key, sig, err));
    PL_TRY(write_body(job, &r, v, err));
    PL_TRY(add_keys(job, &r, v, err));
out:
    pl_verifier_unref(v);
    return rc;
}

enum pl_code pl_entry_hashedrekord_stored(struct pl_entry_job *job, const json_t *spec,
                                          struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    uint8_t digest[PL_DIGEST_MAX];
    struct record r;
    bool slow;
    enum pl_code rc;

    PL_TRY(read_record(spec, &r, err));
    if (job->out->payload.n != 0) { /* as a log's own first leaf has */
        PL_TRY(pl_digest(r.alg, job->out->payload, digest, err));
        if (memcmp(digest, r.digest, pl_hashalg_size(r.alg)) != 0)
            return PL_FAIL(err, PL_ECORRUPT,
                           "the stored payload has another %s than the body says (" PL_FMT ")",
                           pl_hashalg_name(r.alg), PL_ARG(r.hash_hex));
    }
    PL_TRY(pl_entry_verifier(job, r.pem_text, "spec.signature.publicKey.content", &v, &slow, err));
    if (!pl_bytes_eq(r.pem_text, v->pem_base64)) {
        rc = PL_FAIL(err, PL_ECORRUPT, "the public key in the body is not a canonical PEM");
        goto out;
    }
    PL_TRY(add_keys(job, &r, v, err));
out:
    pl_verifier_unref(v);
    return rc;
}
