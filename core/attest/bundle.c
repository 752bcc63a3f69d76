/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.c - reads Sigstore bundles v0.1 to v0.3: protobuf JSON (protobuf-specs, sigstore_bundle).
 */
#include "core/attest/bundle.h"

#include <stdio.h>

#include "core/attest/dsse_internal.h"
#include "core/base/enc.h"

static enum pl_code no_memory(struct pl_err *err)
{
    return PL_FAIL(err, PL_ENOMEM, "bundle: out of memory");
}

/* ---- protobuf JSON ---- */

#define NAME_MAX_LEN 48

/* "rawBytes" -> "raw_bytes" */
static void to_snake(const char *camel, char out[NAME_MAX_LEN])
{
    size_t n = 0;

    for (; *camel != '\0' && n < NAME_MAX_LEN - 2; camel++) {
        if (*camel >= 'A' && *camel <= 'Z') {
            out[n++] = '_';
            out[n++] = (char)(*camel + ('a' - 'A'));
        } else {
            out[n++] = *camel;
        }
    }
    out[n] = '\0';
}

/* The spelling of @camel that @obj uses goes to @name; both at once are one member twice. */
static enum pl_code spelling(const json_t *obj, const char *where, const char *camel,
                             char name[NAME_MAX_LEN], struct pl_err *err)
{
    to_snake(camel, name);
    if (strcmp(name, camel) == 0 || json_object_get(obj, name) == NULL) {
        (void)snprintf(name, NAME_MAX_LEN, "%s", camel);
        return PL_OK;
    }
    if (json_object_get(obj, camel) != NULL)
        return PL_FAIL(err, PL_EINVAL, "%s has %s and %s, which are one member", where, camel,
                       name);
    return PL_OK;
}

static enum pl_code get_object(const json_t *obj, const char *where, const char *camel,
                               json_t **out, struct pl_err *err)
{
    char name[NAME_MAX_LEN];
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_object_opt(obj, where, name, out, err));
out:
    return rc;
}

static enum pl_code need_object(const json_t *obj, const char *where, const char *camel,
                                json_t **out, struct pl_err *err)
{
    char name[NAME_MAX_LEN];
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_object(obj, where, name, out, err));
out:
    return rc;
}

static enum pl_code get_array(const json_t *obj, const char *where, const char *camel, size_t max,
                              json_t **out, struct pl_err *err)
{
    char name[NAME_MAX_LEN];
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_array_opt(obj, where, name, out, err));
    if (json_array_size(*out) > max)
        return PL_FAIL(err, PL_ETOOBIG, "%s.%s has %zu items, the limit is %zu", where, name,
                       json_array_size(*out), max);
out:
    return rc;
}

static enum pl_code get_u64(const json_t *obj, const char *where, const char *camel, uint64_t *out,
                            struct pl_err *err)
{
    char name[NAME_MAX_LEN];
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_u64_opt(obj, where, name, 0, out, err));
out:
    return rc;
}

/* A copy in the arena; empty when absent. */
static enum pl_code get_text(const json_t *obj, const char *where, const char *camel,
                             struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    char name[NAME_MAX_LEN];
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_string_opt(obj, where, name, &text, err));
    *out = pl_arena_dup(arena, text);
    if (out->p == NULL)
        return no_memory(err);
out:
    return rc;
}

/* Either alphabet (not both in one text), padded or not: made into the strict standard form. */
static enum pl_code decode_bytes(struct pl_bytes text, const char *what, struct pl_arena *arena,
                                 struct pl_bytes *out, struct pl_err *err)
{
    size_t n = text.n;
    uint8_t *copy = pl_arena_alloc(arena, n + 4);
    bool std = false, url = false;

    if (copy == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.p[i];

        std = std || c == '+' || c == '/';
        url = url || c == '-' || c == '_';
        copy[i] = (uint8_t)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    if (std && url)
        return PL_FAIL(err, PL_EINVAL, "%s mixes both base64 alphabets", what);
    while (n % 4 != 0 && n < text.n + 2)
        copy[n++] = '=';
    return pl_base64_decode_arena(pl_bytes(copy, n), PL_BASE64_STD, what, arena, out, err);
}

/* A bytes member; empty when absent. */
static enum pl_code get_bytes(const json_t *obj, const char *where, const char *camel,
                              struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    char name[NAME_MAX_LEN], what[128];
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(spelling(obj, where, camel, name, err));
    PL_TRY(pl_json_string_opt(obj, where, name, &text, err));
    (void)snprintf(what, sizeof(what), "%.60s.%s", where, name);
    PL_TRY(decode_bytes(text, what, arena, out, err));
out:
    return rc;
}

static enum pl_code need_bytes(const json_t *obj, const char *where, const char *camel,
                               struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(get_bytes(obj, where, camel, arena, out, err));
    if (out->n == 0)
        return PL_FAIL(err, PL_EINVAL, "%s.%s is required", where, camel);
out:
    return rc;
}

static enum pl_code need_hash(const json_t *obj, const char *where, const char *camel,
                              struct pl_arena *arena, struct pl_hash *out, struct pl_err *err)
{
    struct pl_bytes bytes;
    enum pl_code rc;

    PL_TRY(need_bytes(obj, where, camel, arena, &bytes, err));
    if (bytes.n != PL_HASH_SIZE)
        return PL_FAIL(err, PL_EINVAL, "%s.%s must have 32 bytes, it has %zu", where, camel,
                       bytes.n);
    memcpy(out->b, bytes.p, PL_HASH_SIZE);
out:
    return rc;
}

/* ---- log entries ---- */

static enum pl_code read_hashes(const json_t *proof, const char *where, struct pl_arena *arena,
                                struct pl_tlog_entry *out, struct pl_err *err)
{
    struct pl_hash *hashes;
    json_t *list = NULL;
    enum pl_code rc;

    PL_TRY(get_array(proof, where, "hashes", PL_PROOF_MAX, &list, err));
    out->nhashes = json_array_size(list);
    hashes = pl_arena_array(arena, out->nhashes, sizeof(*hashes));
    if (hashes == NULL)
        return no_memory(err);
    for (size_t i = 0; i < out->nhashes; i++) {
        const json_t *item = json_array_get(list, i);
        struct pl_bytes bytes = {NULL, 0};
        char what[96];

        (void)snprintf(what, sizeof(what), "%.60s.hashes[%zu]", where, i);
        if (json_is_string(item))
            PL_TRY(decode_bytes(pl_json_text(item), what, arena, &bytes, err));
        if (bytes.n != PL_HASH_SIZE)
            return PL_FAIL(err, PL_EINVAL, "%s must be base64 of 32 bytes", what);
        memcpy(hashes[i].b, bytes.p, PL_HASH_SIZE);
    }
    out->hashes = hashes;
out:
    return rc;
}

static enum pl_code read_proof(const json_t *proof, const char *entry, struct pl_arena *arena,
                               struct pl_tlog_entry *out, struct pl_err *err)
{
    json_t *checkpoint = NULL;
    char where[96];
    enum pl_code rc;

    (void)snprintf(where, sizeof(where), "%.60s.inclusionProof", entry);
    out->has_proof = true;
    PL_TRY(get_u64(proof, where, "logIndex", &out->proof_index, err));
    PL_TRY(get_u64(proof, where, "treeSize", &out->tree_size, err));
    PL_TRY(need_hash(proof, where, "rootHash", arena, &out->root, err));
    PL_TRY(read_hashes(proof, where, arena, out, err));
    PL_TRY(get_object(proof, where, "checkpoint", &checkpoint, err));
    if (checkpoint != NULL)
        PL_TRY(get_text(checkpoint, where, "envelope", arena, &out->checkpoint, err));
out:
    return rc;
}

static enum pl_code read_entry(const json_t *obj, size_t i, struct pl_arena *arena,
                               struct pl_tlog_entry *out, struct pl_err *err)
{
    json_t *log_id = NULL, *kind = NULL, *promise = NULL, *proof = NULL;
    char where[64];
    uint64_t time;
    enum pl_code rc;

    (void)snprintf(where, sizeof(where), "tlogEntries[%zu]", i);
    PL_TRY(get_u64(obj, where, "logIndex", &out->log_index, err));
    PL_TRY(need_object(obj, where, "logId", &log_id, err));
    PL_TRY(need_hash(log_id, where, "keyId", arena, &out->log_id, err));
    PL_TRY(need_object(obj, where, "kindVersion", &kind, err));
    PL_TRY(get_text(kind, where, "kind", arena, &out->kind, err));
    PL_TRY(get_text(kind, where, "version", arena, &out->version, err));
    PL_TRY(get_u64(obj, where, "integratedTime", &time, err));
    if (time > INT64_MAX)
        return PL_FAIL(err, PL_EINVAL, "%s.integratedTime is out of range", where);
    out->integrated_time = (int64_t)time;
    PL_TRY(get_object(obj, where, "inclusionPromise", &promise, err));
    if (promise != NULL)
        PL_TRY(get_bytes(promise, where, "signedEntryTimestamp", arena, &out->set, err));
    PL_TRY(get_object(obj, where, "inclusionProof", &proof, err));
    if (proof != NULL)
        PL_TRY(read_proof(proof, where, arena, out, err));
    PL_TRY(need_bytes(obj, where, "canonicalizedBody", arena, &out->body, err));
out:
    return rc;
}

static enum pl_code read_entries(const json_t *material, struct pl_arena *arena,
                                 struct pl_bundle *out, struct pl_err *err)
{
    json_t *list = NULL;
    enum pl_code rc;

    PL_TRY(get_array(material, "verificationMaterial", "tlogEntries", PL_BUNDLE_ENTRIES_MAX, &list,
                     err));
    out->nentries = json_array_size(list);
    out->entries = pl_arena_array(arena, out->nentries, sizeof(*out->entries));
    if (out->entries == NULL)
        return no_memory(err);
    for (size_t i = 0; i < out->nentries; i++)
        PL_TRY(read_entry(json_array_get(list, i), i, arena, &out->entries[i], err));
out:
    return rc;
}

/* ---- verification material ---- */

/* Each item's @member, in bytes. */
static enum pl_code read_bytes_list(const json_t *list, const char *where, const char *member,
                                    struct pl_arena *arena, struct pl_bytes **out, size_t *n,
                                    struct pl_err *err)
{
    size_t count = json_array_size(list);
    struct pl_bytes *items = pl_arena_array(arena, count, sizeof(*items));
    enum pl_code rc = PL_OK;

    if (items == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        char path[80];

        (void)snprintf(path, sizeof(path), "%.50s[%zu]", where, i);
        PL_TRY(need_bytes(json_array_get(list, i), path, member, arena, &items[i], err));
    }
    *out = items;
    *n = count;
out:
    return rc;
}

static enum pl_code read_chain(const json_t *chain, struct pl_arena *arena, struct pl_bundle *out,
                               struct pl_err *err)
{
    static const char where[] = "x509CertificateChain";
    json_t *list = NULL;
    enum pl_code rc;

    PL_TRY(get_array(chain, where, "certificates", PL_CERTS_MAX, &list, err));
    if (json_array_size(list) == 0)
        return PL_FAIL(err, PL_EINVAL, "%s.certificates is empty", where);
    PL_TRY(read_bytes_list(list, "x509CertificateChain.certificates", "rawBytes", arena,
                           &out->certs, &out->ncerts, err));
out:
    return rc;
}

static enum pl_code read_cert(const json_t *cert, struct pl_arena *arena, struct pl_bundle *out,
                              struct pl_err *err)
{
    enum pl_code rc;

    out->certs = pl_arena_array(arena, 1, sizeof(*out->certs));
    if (out->certs == NULL)
        return no_memory(err);
    PL_TRY(need_bytes(cert, "certificate", "rawBytes", arena, &out->certs[0], err));
    out->ncerts = 1;
out:
    return rc;
}

static enum pl_code read_timestamps(const json_t *material, struct pl_arena *arena,
                                    struct pl_bundle *out, struct pl_err *err)
{
    json_t *data = NULL, *list = NULL;
    enum pl_code rc;

    PL_TRY(get_object(material, "verificationMaterial", "timestampVerificationData", &data, err));
    if (data == NULL)
        return PL_OK;
    PL_TRY(get_array(data, "timestampVerificationData", "rfc3161Timestamps",
                     PL_BUNDLE_TIMESTAMPS_MAX, &list, err));
    PL_TRY(read_bytes_list(list, "rfc3161Timestamps", "signedTimestamp", arena, &out->timestamps,
                           &out->ntimestamps, err));
out:
    return rc;
}

static enum pl_code read_material(const json_t *root, struct pl_arena *arena, struct pl_bundle *out,
                                  struct pl_err *err)
{
    static const char where[] = "verificationMaterial";
    json_t *material = NULL, *key = NULL, *chain = NULL, *cert = NULL;
    enum pl_code rc;

    PL_TRY(need_object(root, "bundle", where, &material, err));
    PL_TRY(get_object(material, where, "publicKey", &key, err));
    PL_TRY(get_object(material, where, "x509CertificateChain", &chain, err));
    PL_TRY(get_object(material, where, "certificate", &cert, err));
    if ((key != NULL) + (chain != NULL) + (cert != NULL) != 1)
        return PL_FAIL(err, PL_EINVAL,
                       "%s must hold exactly one of publicKey, x509CertificateChain and "
                       "certificate, it holds %d",
                       where, (key != NULL) + (chain != NULL) + (cert != NULL));
    out->has_public_key = key != NULL;
    if (key != NULL)
        PL_TRY(get_text(key, "publicKey", "hint", arena, &out->public_key_hint, err));
    else if (chain != NULL)
        PL_TRY(read_chain(chain, arena, out, err));
    else
        PL_TRY(read_cert(cert, arena, out, err));
    PL_TRY(read_entries(material, arena, out, err));
    PL_TRY(read_timestamps(material, arena, out, err));
out:
    return rc;
}

/* ---- content ---- */

static enum pl_code read_sig(const json_t *obj, struct pl_arena *arena, struct pl_dsse_sig *out,
                             struct pl_err *err)
{
    static const char where[] = "dsseEnvelope.signatures[0]";
    enum pl_code rc;

    PL_TRY(need_bytes(obj, where, "sig", arena, &out->sig, err));
    PL_TRY(get_text(obj, where, "keyid", arena, &out->keyid, err));
    out->sig_text = pl_base64_arena(out->sig, arena);
    if (out->sig_text.p == NULL)
        return no_memory(err);
out:
    return rc;
}

static enum pl_code read_dsse(const json_t *obj, struct pl_arena *arena, struct pl_bundle *out,
                              struct pl_err *err)
{
    struct pl_dsse *env = &out->dsse;
    struct pl_buf b;
    json_t *sigs = NULL;
    enum pl_code rc;

    PL_TRY(get_text(obj, "dsseEnvelope", "payloadType", arena, &env->payload_type, err));
    PL_TRY(pl_dsse_check_type(env->payload_type, err));
    PL_TRY(get_bytes(obj, "dsseEnvelope", "payload", arena, &env->payload, err));
    PL_TRY(get_array(obj, "dsseEnvelope", "signatures", PL_SIGNATURES_MAX, &sigs, err));
    env->nsigs = json_array_size(sigs);
    if (env->nsigs != 1)
        return PL_FAIL(err, PL_EINVAL,
                       "dsseEnvelope.signatures must hold exactly one signature in a bundle, it "
                       "holds %zu",
                       env->nsigs);
    env->sigs = pl_arena_array(arena, 1, sizeof(*env->sigs));
    if (env->sigs == NULL)
        return no_memory(err);
    PL_TRY(read_sig(json_array_get(sigs, 0), arena, &env->sigs[0], err));
    pl_buf_init_arena(&b, arena, PL_ARENA_REQUEST_MAX);
    pl_dsse_write(env, &b);
    PL_TRY(pl_buf_check(&b, "dsseEnvelope", err));
    out->is_dsse = true;
    out->dsse_envelope = pl_buf_bytes(&b);
out:
    return rc;
}

/* HashAlgorithm of protobuf-specs, by name or number. */
static bool parse_alg(const json_t *value, enum pl_hashalg *out)
{
    static const struct {
        const char *name;
        enum pl_hashalg alg;
    } algs[] = {{"SHA2_256", PL_SHA256}, {"SHA2_384", PL_SHA384}, {"SHA2_512", PL_SHA512}};

    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        bool named = json_is_string(value) && pl_bytes_eq_str(pl_json_text(value), algs[i].name);

        if (named || (json_is_integer(value) && json_integer_value(value) == (json_int_t)i + 1)) {
            *out = algs[i].alg;
            return true;
        }
    }
    return false;
}

static enum pl_code read_message(const json_t *obj, struct pl_arena *arena, struct pl_bundle *out,
                                 struct pl_err *err)
{
    static const char where[] = "messageSignature.messageDigest";
    json_t *digest = NULL;
    enum pl_code rc;

    PL_TRY(need_bytes(obj, "messageSignature", "signature", arena, &out->signature, err));
    PL_TRY(get_object(obj, "messageSignature", "messageDigest", &digest, err));
    if (digest == NULL)
        return PL_OK;
    if (!parse_alg(json_object_get(digest, "algorithm"), &out->digest_alg))
        return PL_FAIL(err, PL_EINVAL,
                       "%s.algorithm must be one of SHA2_256, SHA2_384 and SHA2_512", where);
    PL_TRY(need_bytes(digest, where, "digest", arena, &out->digest, err));
    if (out->digest.n != pl_hashalg_size(out->digest_alg))
        return PL_FAIL(err, PL_EINVAL, "%s.digest has %zu bytes, a %s has %zu", where,
                       out->digest.n, pl_hashalg_name(out->digest_alg),
                       pl_hashalg_size(out->digest_alg));
out:
    return rc;
}

static enum pl_code read_media_type(const json_t *root, struct pl_arena *arena,
                                    struct pl_bundle *out, struct pl_err *err)
{
    static const char *const types[] = {
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        PL_BUNDLE_V03,
    };
    enum pl_code rc;

    PL_TRY(get_text(root, "bundle", "mediaType", arena, &out->media_type, err));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (pl_bytes_eq_str(out->media_type, types[i]))
            return PL_OK;
    }
    return PL_FAIL(err, PL_EINVAL,
                   "mediaType \"" PL_FMT "\" is not a Sigstore bundle of version 0.1, 0.2 or 0.3",
                   PL_ARG(out->media_type));
out:
    return rc;
}

static enum pl_code read_root(const json_t *root, struct pl_arena *arena, struct pl_bundle *out,
                              struct pl_err *err)
{
    json_t *dsse = NULL, *message = NULL;
    enum pl_code rc;

    if (!json_is_object(root))
        return PL_FAIL(err, PL_EINVAL, "a bundle must be a JSON object");
    PL_TRY(read_media_type(root, arena, out, err));
    PL_TRY(read_material(root, arena, out, err));
    PL_TRY(get_object(root, "bundle", "dsseEnvelope", &dsse, err));
    PL_TRY(get_object(root, "bundle", "messageSignature", &message, err));
    if ((dsse != NULL) == (message != NULL))
        return PL_FAIL(err, PL_EINVAL,
                       "a bundle must hold exactly one of dsseEnvelope and messageSignature, it "
                       "holds %s",
                       dsse != NULL ? "both" : "neither");
    if (dsse != NULL)
        PL_TRY(read_dsse(dsse, arena, out, err));
    else
        PL_TRY(read_message(message, arena, out, err));
out:
    return rc;
}

enum pl_code pl_bundle_parse(struct pl_bytes json, struct pl_arena *arena, struct pl_bundle *out,
                             struct pl_err *err)
{
    struct pl_bundle bundle = {0};
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(json, PL_ARENA_REQUEST_MAX, &root, err));
    PL_TRY(read_root(root, arena, &bundle, err));
    *out = bundle;
out:
    json_decref(root);
    return rc;
}
