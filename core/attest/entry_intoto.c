/* SPDX-License-Identifier: Apache-2.0 */
/* entry_intoto.c - kinds intoto 0.0.1 and 0.0.2 (rekor-v1 reference 7.4, 7.5). */
#include <stdio.h>

#include "core/attest/entry_internal.h"
#include "core/base/enc.h"

/* ---- 0.0.1: envelope as a string, one key; the body holds no signature ---- */

static enum pl_code add_keys1(struct pl_entry_job *job, const struct pl_verifier *v,
                              const struct pl_hash *envelope, const struct pl_hash *payload,
                              struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_keys_add_hash(&job->keys, envelope, err));
    PL_TRY(pl_keys_add_hash(&job->keys, payload, err));
    PL_TRY(pl_keys_add_verifier(&job->keys, v, err));
    PL_TRY(pl_keys_add_statement(job, err));
out:
    return rc;
}

static enum pl_code write_body1(struct pl_entry_job *job, const struct pl_verifier *v,
                                const struct pl_hash *envelope, const struct pl_hash *payload,
                                struct pl_err *err)
{
    struct pl_buf b;

    pl_body_start(job, &b, 384 + v->pem_base64.n);
    pl_buf_add_str(&b, "{\"content\":{");
    pl_body_add_hash(&b, "hash", envelope);
    pl_buf_add_byte(&b, ',');
    pl_body_add_hash(&b, "payloadHash", payload);
    pl_buf_add_str(&b, "},\"publicKey\":\"");
    pl_buf_add_bytes(&b, v->pem_base64);
    pl_buf_add_str(&b, "\"}");
    return pl_body_end(job, &b, err);
}

static enum pl_code make1(struct pl_entry_job *job, struct pl_bytes text,
                          const struct pl_verifier *v, struct pl_err *err)
{
    struct pl_hash envelope, payload;
    struct pl_dsse env;
    size_t which;
    enum pl_code rc;

    PL_TRY(pl_dsse_parse(text, job->arena, &env, err));
    PL_TRY(pl_entry_keep(job, &env, pl_arena_dup(job->arena, text), err));
    PL_TRY(pl_dsse_verify_key(&env, v->key, job->arena, &which, err));
    pl_sha256(text, &envelope);
    pl_sha256(env.payload, &payload);
    PL_TRY(write_body1(job, v, &envelope, &payload, err));
    PL_TRY(add_keys1(job, v, &envelope, &payload, err));
out:
    return rc;
}

enum pl_code pl_entry_intoto1(struct pl_entry_job *job, const json_t *spec, struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    struct pl_bytes text, pem;
    json_t *content = NULL;
    bool slow;
    enum pl_code rc;

    PL_TRY(pl_json_object(spec, "spec", "content", &content, err));
    PL_TRY(pl_json_string(spec, "spec", "publicKey", &pem, err));
    PL_TRY(pl_json_string_opt(content, "spec.content", "envelope", &text, err));
    if (text.n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "entry not insertable into log: missing envelope content "
                       "(spec.content.envelope)");
    PL_TRY(pl_entry_verifier(job, pem, "spec.publicKey", &v, &slow, err));
    if (slow)
        job->out->deferred = true;
    else
        PL_TRY(make1(job, text, v, err));
out:
    pl_verifier_unref(v);
    return rc;
}

enum pl_code pl_entry_intoto1_stored(struct pl_entry_job *job, const json_t *spec,
                                     struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    struct pl_hash envelope, payload;
    struct pl_dsse env;
    struct pl_bytes pem;
    json_t *content = NULL;
    bool slow;
    enum pl_code rc;

    PL_TRY(pl_dsse_parse(job->out->payload, job->arena, &env, err));
    PL_TRY(pl_entry_keep(job, &env, job->out->payload, err));
    pl_sha256(job->out->payload, &envelope);
    pl_sha256(env.payload, &payload);
    PL_TRY(pl_json_object(spec, "spec", "content", &content, err));
    PL_TRY(pl_stored_hash(content, "hash", &envelope, err));
    PL_TRY(pl_stored_hash(content, "payloadHash", &payload, err));
    PL_TRY(pl_json_string(spec, "spec", "publicKey", &pem, err));
    PL_TRY(pl_entry_verifier(job, pem, "spec.publicKey", &v, &slow, err));
    rc = add_keys1(job, v, &envelope, &payload, err);
    if (rc == PL_OK && !pl_bytes_eq(pem, v->pem_base64))
        rc = PL_FAIL(err, PL_ECORRUPT, "the public key in the body is not a canonical PEM");
out:
    pl_verifier_unref(v);
    return rc;
}

/* ---- 0.0.2: envelope as an object, payload and sig in two layers of base64, keys inside ---- */

/* One signature as the client sent it; views of the proposal. */
struct sent_sig {
    struct pl_bytes keyid, public_key, sig;
};
struct sent {
    struct pl_bytes payload_type, payload, hash_alg, hash_value;
    struct sent_sig sigs[PL_SIGNATURES_MAX];
    size_t nsigs;
};
#define ENVELOPE "spec.content.envelope"

static enum pl_code read_sigs(const json_t *envelope, struct sent *s, struct pl_err *err)
{
    json_t *list = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_array_opt(envelope, ENVELOPE, "signatures", &list, err));
    s->nsigs = json_array_size(list);
    if (s->nsigs == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "entry not insertable into log: missing signatures content (" ENVELOPE
                       ".signatures)");
    if (s->nsigs > PL_SIGNATURES_MAX)
        return PL_FAIL(err, PL_ETOOBIG, ENVELOPE ".signatures has %zu items, the limit is %d",
                       s->nsigs, PL_SIGNATURES_MAX);
    for (size_t i = 0; i < s->nsigs; i++) {
        const json_t *item = json_array_get(list, i);
        char where[80];

        (void)snprintf(where, sizeof(where), ENVELOPE ".signatures[%zu]", i);
        PL_TRY(pl_json_string_opt(item, where, "keyid", &s->sigs[i].keyid, err));
        PL_TRY(pl_json_string(item, where, "publicKey", &s->sigs[i].public_key, err));
        PL_TRY(pl_json_string(item, where, "sig", &s->sigs[i].sig, err));
    }
out:
    return rc;
}

static enum pl_code read_sent(const json_t *spec, bool stored, struct sent *s, struct pl_err *err)
{
    json_t *content = NULL, *envelope = NULL, *hash = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object(spec, "spec", "content", &content, err));
    PL_TRY(pl_json_object(content, "spec.content", "envelope", &envelope, err));
    PL_TRY(pl_json_string(envelope, ENVELOPE, "payloadType", &s->payload_type, err));
    PL_TRY(pl_dsse_check_type(s->payload_type, err));
    PL_TRY(pl_json_string_opt(envelope, ENVELOPE, "payload", &s->payload, err));
    if (!stored && s->payload.n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "entry not insertable into log: missing envelope content (" ENVELOPE
                       ".payload)");
    PL_TRY(read_sigs(envelope, s, err));
    PL_TRY(pl_json_object_opt(content, "spec.content", "hash", &hash, err));
    if (hash == NULL)
        return PL_FAIL(err, PL_EINVAL, "missing envelope digest (spec.content.hash)");
    PL_TRY(pl_json_string(hash, "spec.content.hash", "algorithm", &s->hash_alg, err));
    PL_TRY(pl_json_string(hash, "spec.content.hash", "value", &s->hash_value, err));
    if (!pl_bytes_eq_str(s->hash_alg, "sha256"))
        return PL_FAIL(err, PL_EINVAL,
                       "validation failure list:\ncontent.hash.algorithm in body should be one of "
                       "[sha256]");
out:
    return rc;
}

/* Takes one layer of base64 off: the ordinary envelope. */
static enum pl_code unwrap(struct pl_entry_job *job, const struct sent *s, struct pl_dsse *env,
                           struct pl_err *err)
{
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_dsse_base64(s->payload, ENVELOPE ".payload", job->arena, &text, err));
    PL_TRY(
        pl_dsse_base64(text, ENVELOPE ".payload, decoded once,", job->arena, &env->payload, err));
    env->payload_type = pl_arena_dup(job->arena, s->payload_type);
    env->nsigs = s->nsigs;
    env->sigs = pl_arena_array(job->arena, s->nsigs, sizeof(*env->sigs));
    if (env->payload_type.p == NULL || env->sigs == NULL)
        return PL_FAIL(err, PL_ENOMEM, "envelope: out of memory for this request");
    for (size_t i = 0; i < s->nsigs; i++) {
        struct pl_dsse_sig *sig = &env->sigs[i];
        char what[96];

        (void)snprintf(what, sizeof(what), ENVELOPE ".signatures[%zu].sig", i);
        PL_TRY(pl_dsse_base64(s->sigs[i].sig, what, job->arena, &sig->sig_text, err));
        (void)snprintf(what, sizeof(what), ENVELOPE ".signatures[%zu].sig, decoded once,", i);
        PL_TRY(pl_dsse_base64(sig->sig_text, what, job->arena, &sig->sig, err));
        sig->keyid = s->sigs[i].keyid; /* borrowed: only until the payload is written */
    }
out:
    return rc;
}

/* Each embedded key must verify something; the reference is dropped at once. */
static enum pl_code credit2(struct pl_entry_job *job, const struct sent *s, size_t i,
                            struct pl_credits *credits, struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    char what[96];
    bool slow;
    enum pl_code rc;

    (void)snprintf(what, sizeof(what), ENVELOPE ".signatures[%zu].publicKey", i);
    rc = pl_entry_verifier(job, s->sigs[i].public_key, what, &v, &slow, err);
    if (rc == PL_EINVAL && pl_bytes_has_prefix(pl_str(err->text), "invalid public key"))
        return pl_err_wrap(err, "could not parse public key as x509");
    PL_TRY(rc);
    if (slow) {
        job->out->deferred = true;
        goto out;
    }
    if (credits != NULL)
        PL_TRY(pl_credits_add(credits, v, err));
    PL_TRY(pl_keys_add_verifier(&job->keys, v, err));
out:
    pl_verifier_unref(v);
    return rc;
}

static enum pl_code verify2(struct pl_entry_job *job, const struct sent *s,
                            const struct pl_dsse *env, struct pl_err *err)
{
    struct pl_credits credits = {.env = env};
    enum pl_code rc;

    PL_TRY(pl_dsse_pae_arena(env, job->arena, &credits.pae, err));
    for (size_t i = 0; i < s->nsigs; i++) {
        PL_TRY(credit2(job, s, i, &credits, err));
        if (job->out->deferred)
            return PL_OK;
    }
    if (!pl_credits_full(&credits))
        return PL_FAIL(err, PL_EVERIFY, "all signatures must have a key that verifies it");
out:
    return rc;
}

/* Signatures as sent, in their order; the payload is left out. */
static enum pl_code write_body2(struct pl_entry_job *job, const struct sent *s,
                                const struct pl_hash *payload, struct pl_err *err)
{
    struct pl_buf b;
    size_t room = 512;

    for (size_t i = 0; i < s->nsigs; i++)
        room += 64 + s->sigs[i].keyid.n + s->sigs[i].public_key.n + s->sigs[i].sig.n;
    pl_body_start(job, &b, room);
    pl_buf_add_str(&b, "{\"content\":{\"envelope\":{\"payloadType\":");
    pl_buf_add_json_string(&b, s->payload_type);
    pl_buf_add_str(&b, ",\"signatures\":[");
    for (size_t i = 0; i < s->nsigs; i++) {
        pl_buf_add_str(&b, i == 0 ? "{" : ",{");
        if (s->sigs[i].keyid.n != 0) {
            pl_buf_add_str(&b, "\"keyid\":");
            pl_buf_add_json_string(&b, s->sigs[i].keyid);
            pl_buf_add_byte(&b, ',');
        }
        pl_buf_add_str(&b, "\"publicKey\":\"");
        pl_buf_add_bytes(&b, s->sigs[i].public_key);
        pl_buf_add_str(&b, "\",\"sig\":\"");
        pl_buf_add_bytes(&b, s->sigs[i].sig);
        pl_buf_add_str(&b, "\"}");
    }
    pl_buf_add_str(&b, "]},\"hash\":{\"algorithm\":\"sha256\",\"value\":");
    pl_buf_add_json_string(&b, s->hash_value);
    pl_buf_add_str(&b, "},");
    pl_body_add_hash(&b, "payloadHash", payload);
    pl_buf_add_str(&b, "}}");
    return pl_body_end(job, &b, err);
}

/* The ordinary envelope, as it is stored. */
static enum pl_code write_payload(struct pl_entry_job *job, const struct pl_dsse *env,
                                  struct pl_err *err)
{
    struct pl_buf b;
    size_t room = 256 + PL_BASE64_LEN(env->payload.n) + env->payload_type.n;
    enum pl_code rc;

    for (size_t i = 0; i < env->nsigs; i++)
        room += 32 + env->sigs[i].sig_text.n + env->sigs[i].keyid.n;
    pl_buf_init_arena(&b, job->arena, PL_ARENA_REQUEST_MAX);
    (void)pl_buf_reserve(&b, room);
    pl_dsse_write(env, &b);
    PL_TRY(pl_buf_check(&b, "envelope", err));
    PL_TRY(pl_entry_keep(job, env, pl_buf_bytes(&b), err));
out:
    return rc;
}

enum pl_code pl_entry_intoto2(struct pl_entry_job *job, const json_t *spec, struct pl_err *err)
{
    struct pl_dsse env = {0};
    struct pl_hash payload;
    struct sent s = {0};
    enum pl_code rc;

    PL_TRY(read_sent(spec, false, &s, err));
    PL_TRY(unwrap(job, &s, &env, err));
    PL_TRY(verify2(job, &s, &env, err));
    if (job->out->deferred)
        goto out;
    pl_sha256(env.payload, &payload);
    PL_TRY(write_payload(job, &env, err));
    PL_TRY(write_body2(job, &s, &payload, err));
    PL_TRY(pl_keys_add_hash(&job->keys, &payload, err));
    PL_TRY(pl_keys_add_statement(job, err));
out:
    return rc;
}

/* The body's signatures are the envelope's, in its order, wrapped once more. */
static enum pl_code check_sigs(struct pl_entry_job *job, const struct sent *s,
                               const struct pl_dsse *env, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    if (s->nsigs != env->nsigs)
        return PL_FAIL(err, PL_ECORRUPT, "the body has %zu signatures, the stored envelope %zu",
                       s->nsigs, env->nsigs);
    for (size_t i = 0; i < s->nsigs; i++) {
        struct pl_bytes wrapped = pl_base64_arena(env->sigs[i].sig_text, job->arena);

        if (wrapped.p == NULL)
            return PL_FAIL(err, PL_ENOMEM, "stored envelope: out of memory");
        if (!pl_bytes_eq(wrapped, s->sigs[i].sig) ||
            !pl_bytes_eq(env->sigs[i].keyid, s->sigs[i].keyid))
            return PL_FAIL(err, PL_ECORRUPT,
                           "signature %zu of the body is not the stored envelope's", i);
        PL_TRY(credit2(job, s, i, NULL, err));
    }
out:
    return rc;
}

enum pl_code pl_entry_intoto2_stored(struct pl_entry_job *job, const json_t *spec,
                                     struct pl_err *err)
{
    struct pl_hash payload;
    struct pl_dsse env;
    struct sent s = {0};
    enum pl_code rc;

    PL_TRY(read_sent(spec, true, &s, err));
    PL_TRY(pl_dsse_parse(job->out->payload, job->arena, &env, err));
    PL_TRY(pl_entry_keep(job, &env, job->out->payload, err));
    if (!pl_bytes_eq(env.payload_type, s.payload_type))
        return PL_FAIL(err, PL_ECORRUPT, "payloadType differs between body and stored envelope");
    pl_sha256(env.payload, &payload);
    PL_TRY(pl_stored_hash(json_object_get(spec, "content"), "payloadHash", &payload, err));
    PL_TRY(check_sigs(job, &s, &env, err));
    PL_TRY(pl_keys_add_hash(&job->keys, &payload, err));
    PL_TRY(pl_keys_add_statement(job, err));
out:
    return rc;
}
