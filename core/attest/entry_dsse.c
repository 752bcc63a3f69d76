/* SPDX-License-Identifier: Apache-2.0 */
/* entry_dsse.c - kind dsse 0.0.1 (rekor-v1 reference 7.3). */
#include <stdio.h>
#include <stdlib.h>

#include "core/attest/entry_internal.h"
#include "core/base/enc.h"

/* The verifiers of one submission: references until release(). */
struct signers {
    const struct pl_verifier *held[PL_SIGNATURES_MAX];
    size_t n;
    struct pl_credits credits;
};

static void release(struct signers *s)
{
    for (size_t i = 0; i < s->n; i++)
        pl_verifier_unref(s->held[i]);
}

static bool has_member(const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    return value != NULL && !json_is_null(value);
}

/* spec is a proposal and nothing else; the texts are Rekor's. */
static enum pl_code read_proposal(const json_t *spec, struct pl_bytes *envelope, json_t **verifiers,
                                  struct pl_err *err)
{
    static const char where[] = "spec.proposedContent";
    bool hashes = has_member(spec, "envelopeHash"), payload = has_member(spec, "payloadHash");
    bool sigs = json_array_size(json_object_get(spec, "signatures")) != 0;
    json_t *content = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object_opt(spec, "spec", "proposedContent", &content, err));
    if (content == NULL && hashes && payload && sigs)
        return PL_FAIL(err, PL_EINVAL, "entry not insertable into log: missing proposed content");
    if (content == NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "either proposedContent or envelopeHash, payloadHash, and signatures must "
                       "be present");
    if (hashes || payload || sigs)
        return PL_FAIL(err, PL_EINVAL,
                       "either proposedContent or envelopeHash, payloadHash, and signatures must "
                       "be present but not both");
    PL_TRY(pl_json_string(content, where, "envelope", envelope, err));
    PL_TRY(pl_json_array_opt(content, where, "verifiers", verifiers, err));
    if (json_array_size(*verifiers) == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "validation failure list:\nproposedContent.proposedContent.verifiers in "
                       "body should have at least 1 items");
    if (json_array_size(*verifiers) > PL_SIGNATURES_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "%s.verifiers has %zu items, the limit is %d", where,
                       json_array_size(*verifiers), PL_SIGNATURES_MAX);
out:
    return rc;
}

/* Verifier @i of the list takes its credit. */
static enum pl_code credit(struct pl_entry_job *job, const json_t *list, size_t i,
                           struct signers *s, struct pl_err *err)
{
    const json_t *item = json_array_get(list, i);
    char what[48];
    bool slow = false;
    enum pl_code rc;

    (void)snprintf(what, sizeof(what), "verifiers[%zu]", i);
    if (!json_is_string(item))
        return PL_FAIL(err, PL_EINVAL, "%s must be a string: base64 of a PEM", what);
    rc = pl_entry_verifier(job, pl_json_text(item), what, &s->held[s->n], &slow, err);
    if (rc == PL_EINVAL && pl_bytes_has_prefix(pl_str(err->text), "invalid public key"))
        return pl_err_wrap(err, "could not parse public key as x509");
    PL_TRY(rc);
    s->n++;
    if (slow)
        job->out->deferred = true;
    else
        PL_TRY(pl_credits_add(&s->credits, s->held[s->n - 1], err));
out:
    return rc;
}

/* Verifiers in their order, until each signature has one; those left over are not looked at. */
static enum pl_code verify(struct pl_entry_job *job, const json_t *list, struct signers *s,
                           struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_dsse_pae_arena(s->credits.env, job->arena, &s->credits.pae, err));
    for (size_t i = 0; i < json_array_size(list) && !pl_credits_full(&s->credits); i++) {
        PL_TRY(credit(job, list, i, s, err));
        if (job->out->deferred)
            return PL_OK;
    }
    if (!pl_credits_full(&s->credits))
        return PL_FAIL(err, PL_EVERIFY, "all signatures must have a key that verifies it");
out:
    return rc;
}

struct logged {
    struct pl_bytes sig;
    const struct pl_verifier *verifier;
};

static int compare_logged(const void *a, const void *b)
{
    return pl_bytes_cmp(((const struct logged *)a)->sig, ((const struct logged *)b)->sig);
}

/* Signatures by the order of their base64 text, equal ones once. */
static enum pl_code write_body(struct pl_entry_job *job, const struct signers *s,
                               const struct pl_hash *envelope, const struct pl_hash *payload,
                               struct pl_err *err)
{
    struct logged list[PL_SIGNATURES_MAX] = {{.verifier = NULL}};
    size_t n = s->credits.env->nsigs, room = 512;
    struct pl_buf b;

    for (size_t i = 0; i < n; i++) {
        list[i] = (struct logged){s->credits.env->sigs[i].sig_text, s->credits.by_sig[i]};
        room += 64 + list[i].sig.n + list[i].verifier->pem_base64.n;
    }
    qsort(list, n, sizeof(list[0]), compare_logged);
    pl_body_start(job, &b, room);
    pl_buf_add_byte(&b, '{');
    pl_body_add_hash(&b, "envelopeHash", envelope);
    pl_buf_add_byte(&b, ',');
    pl_body_add_hash(&b, "payloadHash", payload);
    pl_buf_add_str(&b, ",\"signatures\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && pl_bytes_eq(list[i].sig, list[i - 1].sig))
            continue;
        pl_buf_add_str(&b, i == 0 ? "{\"signature\":\"" : ",{\"signature\":\"");
        pl_buf_add_bytes(&b, list[i].sig);
        pl_buf_add_str(&b, "\",\"verifier\":\"");
        pl_buf_add_bytes(&b, list[i].verifier->pem_base64);
        pl_buf_add_str(&b, "\"}");
    }
    pl_buf_add_str(&b, "]}");
    return pl_body_end(job, &b, err);
}

enum pl_code pl_entry_dsse(struct pl_entry_job *job, const json_t *spec, struct pl_err *err)
{
    struct signers s = {0};
    struct pl_dsse env = {0};
    struct pl_bytes text;
    struct pl_hash envelope, payload;
    json_t *verifiers = NULL;
    enum pl_code rc;

    PL_TRY(read_proposal(spec, &text, &verifiers, err));
    PL_TRY(pl_dsse_parse(text, job->arena, &env, err));
    s.credits.env = &env;
    PL_TRY(verify(job, verifiers, &s, err));
    if (job->out->deferred)
        goto out;
    PL_TRY(pl_entry_keep(job, &env, pl_arena_dup(job->arena, text), err));
    pl_sha256(text, &envelope);
    pl_sha256(env.payload, &payload);
    PL_TRY(write_body(job, &s, &envelope, &payload, err));
    for (size_t i = 0; i < env.nsigs; i++)
        PL_TRY(pl_keys_add_verifier(&job->keys, s.credits.by_sig[i], err));
    PL_TRY(pl_keys_add_hash(&job->keys, &envelope, err));
    PL_TRY(pl_keys_add_hash(&job->keys, &payload, err));
    PL_TRY(pl_keys_add_statement(job, err));
out:
    release(&s);
    return rc;
}

/* ---- stored ---- */

static bool has_sig(const struct pl_dsse *env, struct pl_bytes sig_text)
{
    for (size_t i = 0; i < env->nsigs; i++) {
        if (pl_bytes_eq(env->sigs[i].sig_text, sig_text))
            return true;
    }
    return false;
}

/* Signature @i of the body: in the envelope, with a readable verifier. */
static enum pl_code check_stored_sig(struct pl_entry_job *job, const json_t *item, size_t i,
                                     const struct pl_dsse *env, struct pl_err *err)
{
    const struct pl_verifier *v = NULL;
    struct pl_bytes sig, verifier;
    bool slow;
    enum pl_code rc;

    PL_TRY(pl_json_string(item, "signatures", "signature", &sig, err));
    PL_TRY(pl_json_string(item, "signatures", "verifier", &verifier, err));
    if (!has_sig(env, sig))
        return PL_FAIL(err, PL_ECORRUPT, "signature %zu of the body is not in the stored envelope",
                       i);
    PL_TRY(pl_entry_verifier(job, verifier, "verifier", &v, &slow, err));
    rc = pl_keys_add_verifier(&job->keys, v, err);
    if (rc == PL_OK && !pl_bytes_eq(verifier, v->pem_base64))
        rc = PL_FAIL(err, PL_ECORRUPT, "verifier %zu of the body is not a canonical PEM", i);
out:
    pl_verifier_unref(v);
    return rc;
}

enum pl_code pl_entry_dsse_stored(struct pl_entry_job *job, const json_t *spec, struct pl_err *err)
{
    struct pl_dsse env;
    struct pl_hash envelope, payload;
    json_t *list = NULL, *item;
    size_t i, unique = 0;
    enum pl_code rc;

    PL_TRY(pl_dsse_parse(job->out->payload, job->arena, &env, err));
    PL_TRY(pl_entry_keep(job, &env, job->out->payload, err));
    pl_sha256(job->out->payload, &envelope);
    pl_sha256(env.payload, &payload);
    PL_TRY(pl_stored_hash(spec, "envelopeHash", &envelope, err));
    PL_TRY(pl_stored_hash(spec, "payloadHash", &payload, err));
    PL_TRY(pl_json_array(spec, "", "signatures", &list, err));
    json_array_foreach(list, i, item) PL_TRY(check_stored_sig(job, item, i, &env, err));
    for (i = 0; i < env.nsigs; i++) {
        struct pl_dsse before = {.sigs = env.sigs, .nsigs = i};

        unique += !has_sig(&before, env.sigs[i].sig_text);
    }
    if (json_array_size(list) != unique)
        return PL_FAIL(err, PL_ECORRUPT, "the body has %zu signatures, the stored envelope %zu",
                       json_array_size(list), unique);
    PL_TRY(pl_keys_add_hash(&job->keys, &envelope, err));
    PL_TRY(pl_keys_add_hash(&job->keys, &payload, err));
    PL_TRY(pl_keys_add_statement(job, err));
out:
    return rc;
}
