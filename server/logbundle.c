/* SPDX-License-Identifier: Apache-2.0 */
/* logbundle.c - finds signer, digest and signature in a canonical body, by kind. */
#include "server/logbundle.h"

#include "core/attest/bundle.h"
#include "core/base/enc.h"
#include "core/base/json.h"

struct signer_path {
    const char *kind;
    const char *list; /* where the list of signatures is, from spec; NULL: there is none */
    const char *path; /* to the base64 of the PEM, from spec or from the first signature */
};
static const struct signer_path SIGNERS[] = {
    {"dsse/0.0.1", "signatures", "verifier"},
    {"intoto/0.0.1", NULL, "publicKey"},
    {"intoto/0.0.2", "content.envelope.signatures", "publicKey"},
    {"hashedrekord/0.0.1", NULL, "signature.publicKey.content"},
};

/* Member by "a.b.c"; NULL when any is missing. */
static const json_t *at_path(const json_t *obj, const char *path)
{
    while (obj != NULL) {
        size_t n = strcspn(path, ".");
        obj = json_object_getn(obj, path, n);
        if (path[n] == '\0')
            break;
        path += n + 1;
    }
    return obj;
}

static enum pl_code read_base64(const json_t *obj, const char *path, struct pl_arena *arena,
                                struct pl_bytes *out, struct pl_err *err)
{
    const json_t *text = at_path(obj, path);

    if (!json_is_string(text))
        return PL_FAIL(err, PL_ECORRUPT, "stored body: %s is missing", path);
    return pl_base64_decode_arena(pl_json_text(text), PL_BASE64_STD, path, arena, out, err);
}

static enum pl_code load_signer(struct pl_bytes kind, const json_t *spec,
                                struct pl_verifier_cache *cache, struct pl_arena *arena,
                                const struct pl_verifier **out, struct pl_err *err)
{
    struct pl_bytes pem;
    enum pl_code rc;

    for (size_t i = 0; i < sizeof(SIGNERS) / sizeof(SIGNERS[0]); i++) {
        const struct signer_path *s = &SIGNERS[i];
        if (!pl_bytes_eq_str(kind, s->kind))
            continue;
        const json_t *obj = s->list != NULL ? json_array_get(at_path(spec, s->list), 0) : spec;
        PL_TRY(read_base64(obj, s->path, arena, &pem, err));
        return pl_verifier_load(cache, pem, out, err);
    }
    rc = PL_FAIL(err, PL_ECORRUPT, "stored entry of unknown kind " PL_FMT, PL_ARG(kind));
out:
    return rc;
}

/* Kind and version borrow from @e. */
static void fill_entry(const struct pl_logentry *e, struct pl_tlog_entry *out)
{
    struct pl_reader r = pl_reader(e->kind);

    *out = (struct pl_tlog_entry){
        .log_index = e->index,
        .log_id = e->log->log_id,
        .integrated_time = e->time,
        .set = e->set,
        .body = e->body,
        .has_proof = true,
        .proof_index = e->index,
        .tree_size = e->state->size,
        .root = e->state->root,
        .hashes = e->proof.hash,
        .nhashes = e->proof.n,
        .checkpoint = e->state->note,
    };
    if (pl_read_until(&r, '/', &out->kind))
        out->version = r.left;
}

static enum pl_code write_message(const json_t *spec, const struct pl_verifier *verifier,
                                  const struct pl_tlog_entry *entry, struct pl_arena *arena,
                                  struct pl_buf *out, struct pl_err *err)
{
    const json_t *name = at_path(spec, "data.hash.algorithm");
    const json_t *hex = at_path(spec, "data.hash.value");
    enum pl_hashalg alg = PL_SHA256;
    uint8_t digest[PL_DIGEST_MAX];
    struct pl_bytes sig;
    enum pl_code rc;

    if (!json_is_string(name) || !json_is_string(hex) ||
        !pl_hashalg_parse(pl_json_text(name), &alg) ||
        !pl_hex_decode(pl_json_text(hex), digest, pl_hashalg_size(alg)))
        return PL_FAIL(err, PL_ECORRUPT, "stored body: spec.data.hash is malformed");
    PL_TRY(read_base64(spec, "signature.content", arena, &sig, err));
    PL_TRY(pl_bundle_write_message(alg, pl_bytes(digest, pl_hashalg_size(alg)), sig, verifier,
                                   entry, out, err));
out:
    return rc;
}

enum pl_code pl_logbundle_write(const struct pl_logentry *e, struct pl_bytes payload,
                                struct pl_verifier_cache *cache, struct pl_arena *arena,
                                struct pl_buf *out, struct pl_err *err)
{
    const struct pl_verifier *verifier = NULL;
    struct pl_tlog_entry entry;
    json_t *root = NULL;
    enum pl_code rc;

    fill_entry(e, &entry);
    PL_TRY(pl_json_load(e->body, PL_BODY_MAX, &root, err));
    const json_t *spec = json_object_get(root, "spec");
    PL_TRY(load_signer(e->kind, spec, cache, arena, &verifier, err));
    if (pl_bytes_eq_str(entry.kind, "hashedrekord"))
        PL_TRY(write_message(spec, verifier, &entry, arena, out, err));
    else
        PL_TRY(pl_bundle_write_dsse(payload, verifier, &entry, out, err));
out:
    pl_verifier_unref(verifier);
    json_decref(root);
    return rc;
}
