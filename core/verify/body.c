/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - is this log entry about this signature? (bundles reference 2.2)
 *
 * An entry that is in the log proves nothing about a bundle unless its body names the same payload,
 * the same signature and the same key. A body with other members than its kind has is refused: we
 * could not know what they mean to the log.
 */
#include "core/verify/verify_internal.h"

#include "core/attest/entry.h"
#include "core/base/enc.h"

#include <stdio.h>

/* An object with exactly @n members; the getters say which of them is missing. */
static enum pl_code sized(const json_t *obj, const char *where, size_t n, struct pl_err *err)
{
    if (json_object_size(obj) != n)
        return PL_FAIL(err, PL_EINVAL, "%s has %zu members, its kind has %zu", where,
                       json_object_size(obj), n);
    return PL_OK;
}

static enum pl_code get(const json_t *obj, const char *where, const char *name, size_t n,
                        json_t **out, struct pl_err *err)
{
    char path[96];
    enum pl_code rc;

    PL_TRY(pl_json_object(obj, where, name, out, err));
    (void)snprintf(path, sizeof(path), "%s.%s", where, name);
    PL_TRY(sized(*out, path, n, err));
out:
    return rc;
}

/* NAME: {"algorithm","value"} with a lower-case hex digest; @want empty: any SHA-256. */
static enum pl_code check_digest(const json_t *obj, const char *where, const char *name,
                                 enum pl_hashalg alg, struct pl_bytes want, struct pl_err *err)
{
    struct pl_bytes algorithm, value;
    uint8_t got[PL_DIGEST_MAX];
    json_t *hash = NULL;
    char path[96];
    enum pl_code rc;
    size_t n = pl_hashalg_size(alg);

    PL_TRY(get(obj, where, name, 2, &hash, err));
    (void)snprintf(path, sizeof(path), "%s.%s", where, name);
    PL_TRY(pl_json_string(hash, path, "algorithm", &algorithm, err));
    PL_TRY(pl_json_string(hash, path, "value", &value, err));
    if (!pl_bytes_eq_str(algorithm, pl_hashalg_name(alg)))
        return PL_FAIL(err, PL_EVERIFY, "%s.algorithm is " PL_FMT ", the bundle's %s", path,
                       PL_ARG(algorithm), pl_hashalg_name(alg));
    if (!pl_hex_decode(value, got, n))
        return PL_FAIL(err, PL_EINVAL, "%s.value is not a %s in hex", path, pl_hashalg_name(alg));
    if (want.n != 0 && !pl_bytes_eq(pl_bytes(got, n), want))
        return PL_FAIL(err, PL_EVERIFY, "%s is of other content than the bundle's", path);
out:
    return rc;
}

static enum pl_code check_payload(const json_t *obj, const char *where, const struct pl_dsse *dsse,
                                  struct pl_err *err)
{
    struct pl_hash hash;

    pl_sha256(dsse->payload, &hash);
    return check_digest(obj, where, "payloadHash", PL_SHA256, pl_hash_bytes(&hash), err);
}

/* A string member: base64 of the PEM of exactly this bare key. */
static enum pl_code check_key(const json_t *obj, const char *where, const char *name,
                              const struct pl_key *key, struct pl_arena *arena, struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    struct pl_bytes pem;
    enum pl_code rc;

    PL_TRY(pl_json_base64(obj, where, name, arena, &pem, err));
    rc = pl_verifier_load(NULL, pem, &v, err);
    if (rc != PL_OK)
        return pl_err_wrap(err, "%s.%s", where, name);
    if (v->cert != NULL)
        rc = PL_FAIL(err, PL_EVERIFY, "%s.%s is a certificate, the bundle's signer a bare key",
                     where, name);
    else if (!pl_key_eq(v->key, key))
        rc = PL_FAIL(err, PL_EVERIFY, "%s.%s is another key than the signer's", where, name);
out:
    pl_verifier_unref(v);
    return rc;
}

/* A string member: base64 of exactly this signature. */
static enum pl_code check_sig(const json_t *obj, const char *where, const char *name,
                              struct pl_bytes want, struct pl_arena *arena, struct pl_err *err)
{
    struct pl_bytes sig;
    enum pl_code rc;

    PL_TRY(pl_json_base64(obj, where, name, arena, &sig, err));
    if (!pl_bytes_eq(sig, want))
        return PL_FAIL(err, PL_EVERIFY, "%s.%s is another signature than the bundle's", where,
                       name);
out:
    return rc;
}

/* The one object in an array of signatures, with two members and perhaps a keyid. */
static enum pl_code only_sig(const json_t *obj, const char *where, bool keyid, json_t **out,
                             struct pl_err *err)
{
    json_t *list = NULL, *item;
    enum pl_code rc;

    PL_TRY(pl_json_array(obj, where, "signatures", &list, err));
    if (json_array_size(list) != 1)
        return PL_FAIL(err, PL_EVERIFY, "%s.signatures has %zu items, a bundle's entry has one",
                       where, json_array_size(list));
    item = json_array_get(list, 0);
    if (!json_is_object(item))
        return PL_FAIL(err, PL_EINVAL, "%s.signatures[0] must be an object", where);
    PL_TRY(
        sized(item, "signatures[0]", keyid && json_object_get(item, "keyid") != NULL ? 3 : 2, err));
    *out = item;
out:
    return rc;
}

static enum pl_code check_hashedrekord(const json_t *spec, const struct pl_body_want *want,
                                       struct pl_arena *arena, struct pl_err *err)
{
    json_t *data = NULL, *signature = NULL, *key = NULL;
    enum pl_code rc;

    PL_TRY(sized(spec, "spec", 2, err));
    PL_TRY(get(spec, "spec", "data", 1, &data, err));
    PL_TRY(check_digest(data, "spec.data", "hash", want->alg, want->digest, err));
    PL_TRY(get(spec, "spec", "signature", 2, &signature, err));
    PL_TRY(check_sig(signature, "spec.signature", "content", want->signature, arena, err));
    PL_TRY(get(signature, "spec.signature", "publicKey", 1, &key, err));
    PL_TRY(check_key(key, "spec.signature.publicKey", "content", want->key, arena, err));
out:
    return rc;
}

static enum pl_code check_dsse(const json_t *spec, const struct pl_body_want *want,
                               struct pl_arena *arena, struct pl_err *err)
{
    json_t *sig = NULL;
    enum pl_code rc;

    PL_TRY(sized(spec, "spec", 3, err));
    /* Of the envelope's text as it was uploaded, which a bundle does not keep. */
    PL_TRY(check_digest(spec, "spec", "envelopeHash", PL_SHA256, pl_str(NULL), err));
    PL_TRY(check_payload(spec, "spec", want->dsse, err));
    PL_TRY(only_sig(spec, "spec", false, &sig, err));
    PL_TRY(check_sig(sig, "spec.signatures[0]", "signature", want->dsse->sigs[0].sig, arena, err));
    PL_TRY(check_key(sig, "spec.signatures[0]", "verifier", want->key, arena, err));
out:
    return rc;
}

/*
 * This kind's body holds no signature: it proves that the key signed this payload, not with which
 * of its signatures. Payload and key are what a verdict rests on, so that is enough.
 */
static enum pl_code check_intoto1(const json_t *spec, const struct pl_body_want *want,
                                  struct pl_arena *arena, struct pl_err *err)
{
    json_t *content = NULL;
    enum pl_code rc;

    PL_TRY(sized(spec, "spec", 2, err));
    PL_TRY(get(spec, "spec", "content", 2, &content, err));
    PL_TRY(check_digest(content, "spec.content", "hash", PL_SHA256, pl_str(NULL), err));
    PL_TRY(check_payload(content, "spec.content", want->dsse, err));
    PL_TRY(check_key(spec, "spec", "publicKey", want->key, arena, err));
out:
    return rc;
}

/* The signature is in two layers of base64. */
static enum pl_code check_wrapped(const json_t *sig, const char *where, struct pl_bytes want,
                                  struct pl_arena *arena, struct pl_err *err)
{
    struct pl_bytes text, raw;
    enum pl_code rc;

    PL_TRY(pl_json_base64(sig, where, "sig", arena, &text, err));
    PL_TRY(pl_base64_decode_arena(text, PL_BASE64_STD, "sig, decoded once,", arena, &raw, err));
    if (!pl_bytes_eq(raw, want))
        return PL_FAIL(err, PL_EVERIFY, "%s.sig is another signature than the bundle's", where);
out:
    return rc;
}

static enum pl_code check_intoto2(const json_t *spec, const struct pl_body_want *want,
                                  struct pl_arena *arena, struct pl_err *err)
{
    static const char where[] = "spec.content.envelope", at[] = "spec.content.envelope."
                                                                "signatures[0]";
    json_t *content = NULL, *envelope = NULL, *sig = NULL;
    struct pl_bytes type;
    enum pl_code rc;

    PL_TRY(sized(spec, "spec", 1, err));
    PL_TRY(get(spec, "spec", "content", 3, &content, err));
    PL_TRY(check_digest(content, "spec.content", "hash", PL_SHA256, pl_str(NULL), err));
    PL_TRY(check_payload(content, "spec.content", want->dsse, err));
    PL_TRY(get(content, "spec.content", "envelope", 2, &envelope, err));
    PL_TRY(pl_json_string(envelope, where, "payloadType", &type, err));
    if (!pl_bytes_eq(type, want->dsse->payload_type))
        return PL_FAIL(err, PL_EVERIFY, "%s.payloadType is not the bundle's", where);
    PL_TRY(only_sig(envelope, where, true, &sig, err));
    PL_TRY(check_wrapped(sig, at, want->dsse->sigs[0].sig, arena, err));
    PL_TRY(check_key(sig, at, "publicKey", want->key, arena, err));
out:
    return rc;
}

/* What is logged is exactly the RFC 8785 text of what it says. */
static enum pl_code check_canonical(const json_t *root, struct pl_bytes body, struct pl_err *err)
{
    struct pl_buf again;
    enum pl_code rc;

    pl_buf_init(&again, 2 * PL_BODY_MAX);
    PL_TRY(pl_json_canonical(root, &again, err));
    PL_TRY(pl_buf_check(&again, "body", err));
    if (!pl_bytes_eq(pl_buf_bytes(&again), body))
        rc = PL_FAIL(err, PL_EINVAL, "it is not in canonical form (RFC 8785)");
out:
    pl_buf_free(&again);
    return rc;
}

static enum pl_code check_spec(enum pl_kind kind, const json_t *spec,
                               const struct pl_body_want *want, struct pl_arena *arena,
                               struct pl_err *err)
{
    bool is_message = want->dsse == NULL;

    if (is_message != (kind == PL_KIND_HASHEDREKORD_001))
        return PL_FAIL(err, PL_EVERIFY, "an entry of kind %s is not about a %s", pl_kind_name(kind),
                       is_message ? "message signature" : "DSSE envelope");
    switch (kind) {
    case PL_KIND_HASHEDREKORD_001:
        return check_hashedrekord(spec, want, arena, err);
    case PL_KIND_DSSE_001:
        return check_dsse(spec, want, arena, err);
    case PL_KIND_INTOTO_001:
        return check_intoto1(spec, want, arena, err);
    case PL_KIND_INTOTO_002:
        return check_intoto2(spec, want, arena, err);
    }
    return PL_FAIL(err, PL_EINVAL, "kind %d", (int)kind);
}

enum pl_code pl_body_check(const struct pl_tlog_entry *entry, const struct pl_body_want *want,
                           struct pl_arena *arena, struct pl_err *err)
{
    json_t *root = NULL, *spec = NULL;
    struct pl_bytes kind, version;
    enum pl_kind known;
    enum pl_code rc;

    PL_TRY(pl_json_load(entry->body, PL_BODY_MAX, &root, err));
    if (!json_is_object(root)) {
        rc = PL_FAIL(err, PL_EINVAL, "it must be a JSON object");
        goto out;
    }
    PL_TRY(check_canonical(root, entry->body, err));
    PL_TRY(sized(root, "it", 3, err));
    PL_TRY(pl_json_string(root, "", "kind", &kind, err));
    PL_TRY(pl_json_string(root, "", "apiVersion", &version, err));
    if (!pl_bytes_eq(kind, entry->kind) || !pl_bytes_eq(version, entry->version)) {
        rc = PL_FAIL(err, PL_EVERIFY,
                     "it is a " PL_FMT " " PL_FMT ", the bundle says " PL_FMT " " PL_FMT,
                     PL_ARG(kind), PL_ARG(version), PL_ARG(entry->kind), PL_ARG(entry->version));
        goto out;
    }
    if (!pl_kind_parse(kind, version, &known)) {
        rc = PL_FAIL(err, PL_EINVAL, "kind " PL_FMT " " PL_FMT " cannot be checked by this version",
                     PL_ARG(kind), PL_ARG(version));
        goto out;
    }
    PL_TRY(pl_json_object(root, "", "spec", &spec, err));
    PL_TRY(check_spec(known, spec, want, arena, err));
out:
    json_decref(root);
    return rc != PL_OK ? pl_err_wrap(err, "body of the log entry") : rc;
}
