/* SPDX-License-Identifier: Apache-2.0 */
/* entry_body.c - what the kinds share: verifiers, credits, pieces of bodies; SET and proposals. */
#include <stdio.h>

#include "core/attest/entry_internal.h"
#include "core/base/enc.h"

/* ---- who signed ---- */

enum pl_code pl_entry_verifier(struct pl_entry_job *job, struct pl_bytes base64, const char *what,
                               const struct pl_verifier **out, bool *slow, struct pl_err *err)
{
    struct pl_bytes pem;
    enum pl_code rc;

    PL_TRY(pl_dsse_base64(base64, what, job->arena, &pem, err));
    rc = pl_verifier_load(job->opts->cache, pem, out, err);
    if (rc == PL_EINVAL)
        return pl_err_wrap(err, "invalid public key");
    PL_TRY(rc);
    *slow = job->opts->defer_slow && pl_key_is_slow((*out)->key);
out:
    return rc;
}

/* Signatures of the same text are one. */
static void mark(struct pl_credits *c, size_t which, const struct pl_verifier *v)
{
    for (size_t i = 0; i < c->env->nsigs; i++) {
        if (pl_bytes_eq(c->env->sigs[i].sig_text, c->env->sigs[which].sig_text))
            c->by_sig[i] = v;
    }
}

enum pl_code pl_credits_add(struct pl_credits *c, const struct pl_verifier *v, struct pl_err *err)
{
    size_t which;
    enum pl_code rc = pl_dsse_verify_pae(c->env, c->pae, v->key, &which, err);

    if (rc != PL_OK)
        return pl_err_wrap(err, "could not verify envelope");
    mark(c, which, v);
    return rc;
}

bool pl_credits_full(const struct pl_credits *c)
{
    for (size_t i = 0; i < c->env->nsigs; i++) {
        if (c->by_sig[i] == NULL)
            return false;
    }
    return true;
}

/* ---- bodies ---- */

enum pl_code pl_entry_keep(struct pl_entry_job *job, const struct pl_dsse *env,
                           struct pl_bytes text, struct pl_err *err)
{
    struct pl_entry *out = job->out;

    if (env->payload.n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "entry not insertable into log: invalid DSSE envelope: payload is empty");
    out->payload = text;
    if (out->payload.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "envelope: out of memory for this request");
    out->statement = env->payload;
    out->payload_type = env->payload_type;
    return PL_OK;
}

void pl_body_start(struct pl_entry_job *job, struct pl_buf *b, size_t room)
{
    pl_buf_init_arena(b, job->arena, PL_REQUEST_MAX);
    (void)pl_buf_reserve(b, room + 128);
    pl_buf_add_str(b, "{\"apiVersion\":\"");
    pl_buf_add_str(b, pl_kind_version(job->out->kind));
    pl_buf_add_str(b, "\",\"kind\":\"");
    pl_buf_add_str(b, pl_kind_name(job->out->kind));
    pl_buf_add_str(b, "\",\"spec\":");
}

void pl_body_add_hash(struct pl_buf *b, const char *name, const struct pl_hash *hash)
{
    pl_buf_add_byte(b, '"');
    pl_buf_add_str(b, name);
    pl_buf_add_str(b, "\":{\"algorithm\":\"sha256\",\"value\":\"");
    pl_buf_add_hex(b, pl_hash_bytes(hash));
    pl_buf_add_str(b, "\"}");
}

enum pl_code pl_body_end(struct pl_entry_job *job, struct pl_buf *b, struct pl_err *err)
{
    enum pl_code rc;

    pl_buf_add_byte(b, '}');
    PL_TRY(pl_buf_check(b, "canonical entry", err));
    if (b->n > PL_BODY_MAX)
        return PL_FAIL(err, PL_ETOOBIG,
                       "canonical entry has %zu bytes, the limit of a log entry is %zu; send fewer "
                       "signatures or shorter certificate chains",
                       b->n, PL_BODY_MAX);
    job->out->body = pl_buf_bytes(b);
out:
    return rc;
}

enum pl_code pl_stored_hash(const json_t *obj, const char *name, const struct pl_hash *want,
                            struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    struct pl_bytes alg, value;
    json_t *hash = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object(obj, "", name, &hash, err));
    PL_TRY(pl_json_string(hash, name, "algorithm", &alg, err));
    PL_TRY(pl_json_string(hash, name, "value", &value, err));
    if (!pl_bytes_eq_str(alg, "sha256") || !pl_bytes_eq_str(value, pl_hash_hex(want, hex)))
        return PL_FAIL(err, PL_ECORRUPT,
                       "%s is " PL_FMT ":" PL_FMT " in the body, sha256:%s by "
                       "the stored envelope",
                       name, PL_ARG(alg), PL_ARG(value), pl_hash_hex(want, hex));
out:
    return rc;
}

/* ---- SET and proposals ---- */

void pl_set_message(struct pl_bytes body, int64_t integrated_time, const struct pl_hash *log_id,
                    uint64_t log_index, struct pl_buf *out)
{
    pl_buf_add_str(out, "{\"body\":\"");
    pl_buf_add_base64(out, body);
    pl_buf_add_str(out, "\",\"integratedTime\":");
    pl_buf_add_i64(out, integrated_time);
    pl_buf_add_str(out, ",\"logID\":\"");
    pl_buf_add_hex(out, pl_hash_bytes(log_id));
    pl_buf_add_str(out, "\",\"logIndex\":");
    pl_buf_add_u64(out, log_index);
    pl_buf_add_byte(out, '}');
}

void pl_proposal_dsse(struct pl_bytes envelope, struct pl_bytes pem, struct pl_buf *out)
{
    pl_buf_add_str(out, "{\"apiVersion\":\"0.0.1\",\"kind\":\"dsse\",\"spec\":{\"proposedContent\":"
                        "{\"envelope\":");
    pl_buf_add_json_string(out, envelope);
    pl_buf_add_str(out, ",\"verifiers\":[\"");
    pl_buf_add_base64(out, pem);
    pl_buf_add_str(out, "\"]}}}");
}

void pl_proposal_hashedrekord(const char *hash_alg, struct pl_bytes hash_hex, struct pl_bytes sig,
                              struct pl_bytes pem, struct pl_buf *out)
{
    pl_buf_add_str(out, "{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{\"data\":"
                        "{\"hash\":{\"algorithm\":\"");
    pl_buf_add_str(out, hash_alg);
    pl_buf_add_str(out, "\",\"value\":");
    pl_buf_add_json_string(out, hash_hex);
    pl_buf_add_str(out, "}},\"signature\":{\"content\":\"");
    pl_buf_add_base64(out, sig);
    pl_buf_add_str(out, "\",\"publicKey\":{\"content\":\"");
    pl_buf_add_base64(out, pem);
    pl_buf_add_str(out, "\"}}}}");
}
