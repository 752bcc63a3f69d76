/* SPDX-License-Identifier: Apache-2.0 */
/* dsse.c - DSSE envelopes: parse, pre-authentication encoding, verify, write. */
#include "core/attest/dsse.h"

#include <stdio.h>

#include "core/attest/dsse_internal.h"
#include "core/base/enc.h"

static enum pl_code dup_to(struct pl_arena *arena, struct pl_bytes in, struct pl_bytes *out,
                           struct pl_err *err)
{
    *out = pl_arena_dup(arena, in);
    if (out->p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "envelope: out of memory for this request");
    return PL_OK;
}

enum pl_code pl_dsse_check_type(struct pl_bytes type, struct pl_err *err)
{
    if (type.n == 0)
        return PL_FAIL(err, PL_EINVAL, "payloadType is empty");
    for (size_t i = 0; i < type.n; i++) {
        if (type.p[i] < 0x20 || type.p[i] > 0x7e)
            return PL_FAIL(err, PL_EINVAL,
                           "payloadType must be printable ASCII; byte %zu is 0x%02x", i,
                           (unsigned)type.p[i]);
    }
    return PL_OK;
}

static bool is_url_safe(struct pl_bytes text)
{
    return text.n != 0 &&
           (memchr(text.p, '-', text.n) != NULL || memchr(text.p, '_', text.n) != NULL);
}

enum pl_code pl_dsse_base64(struct pl_bytes text, const char *what, struct pl_arena *arena,
                            struct pl_bytes *out, struct pl_err *err)
{
    if (text.n == 0)
        return PL_FAIL(err, PL_EINVAL, "%s is empty", what);
    if (is_url_safe(text))
        return PL_FAIL(err, PL_EINVAL,
                       "%s is URL-safe base64; send it in the standard alphabet (+ and /), padded",
                       what);
    return pl_base64_decode_arena(text, PL_BASE64_STD, what, arena, out, err);
}

/* Element @i of signatures. */
static enum pl_code read_sig(const json_t *obj, size_t i, struct pl_arena *arena,
                             struct pl_dsse_sig *out, struct pl_err *err)
{
    char where[48], what[56];
    struct pl_bytes text, keyid;
    enum pl_code rc;

    (void)snprintf(where, sizeof(where), "signatures[%zu]", i);
    (void)snprintf(what, sizeof(what), "%s.sig", where);
    PL_TRY(pl_json_string(obj, where, "sig", &text, err));
    PL_TRY(pl_json_string_opt(obj, where, "keyid", &keyid, err));
    PL_TRY(pl_dsse_base64(text, what, arena, &out->sig, err));
    PL_TRY(dup_to(arena, text, &out->sig_text, err));
    PL_TRY(dup_to(arena, keyid, &out->keyid, err));
out:
    return rc;
}

enum pl_code pl_dsse_from_json(const json_t *obj, struct pl_arena *arena, struct pl_dsse *out,
                               struct pl_err *err)
{
    struct pl_dsse env = {0};
    struct pl_bytes type, payload;
    json_t *sigs = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_array_opt(obj, "", "signatures", &sigs, err));
    if (json_array_size(sigs) == 0)
        return PL_FAIL(err, PL_EINVAL, "DSSE envelope must contain 1 or more signatures");
    if (json_array_size(sigs) > PL_SIGNATURES_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "DSSE envelope has %zu signatures, the limit is %d",
                       json_array_size(sigs), PL_SIGNATURES_MAX);
    PL_TRY(pl_json_string(obj, "", "payloadType", &type, err));
    PL_TRY(pl_dsse_check_type(type, err));
    PL_TRY(pl_json_string(obj, "", "payload", &payload, err));
    if (payload.n != 0)
        PL_TRY(pl_dsse_base64(payload, "payload", arena, &env.payload, err));
    PL_TRY(dup_to(arena, type, &env.payload_type, err));
    env.nsigs = json_array_size(sigs);
    env.sigs = pl_arena_array(arena, env.nsigs, sizeof(*env.sigs));
    if (env.sigs == NULL)
        return PL_FAIL(err, PL_ENOMEM, "envelope: out of memory for this request");
    for (size_t i = 0; i < env.nsigs; i++)
        PL_TRY(read_sig(json_array_get(sigs, i), i, arena, &env.sigs[i], err));
    *out = env;
out:
    return rc;
}

/* The texts that Rekor has for what is no JSON at all; the loader's own for the rest. */
static enum pl_code say_not_json(struct pl_bytes text, struct pl_err *err)
{
    struct pl_bytes start = pl_bytes_trim(text);

    if (start.n == 0)
        return PL_FAIL(err, PL_EINVAL, "unexpected end of JSON input");
    if (start.p[0] > 0x20 && start.p[0] < 0x7f && strchr("{[\"-0123456789tfn", start.p[0]) == NULL)
        return PL_FAIL(err, PL_EINVAL, "invalid character '%c' looking for beginning of value",
                       start.p[0]);
    return pl_err_wrap(err, "DSSE envelope");
}

enum pl_code pl_dsse_parse(struct pl_bytes json, struct pl_arena *arena, struct pl_dsse *out,
                           struct pl_err *err)
{
    json_t *root = NULL;
    enum pl_code rc = pl_json_load(json, PL_ARENA_REQUEST_MAX, &root, err);

    if (rc == PL_EINVAL)
        return say_not_json(json, err);
    PL_TRY(rc);
    if (!json_is_object(root))
        rc = PL_FAIL(err, PL_EINVAL, "DSSE envelope must be a JSON object");
    else
        rc = pl_dsse_from_json(root, arena, out, err);
out:
    json_decref(root);
    return rc;
}

void pl_dsse_pae(struct pl_bytes payload_type, struct pl_bytes payload, struct pl_buf *out)
{
    pl_buf_add_str(out, "DSSEv1 ");
    pl_buf_add_u64(out, payload_type.n);
    pl_buf_add_byte(out, ' ');
    pl_buf_add_bytes(out, payload_type);
    pl_buf_add_byte(out, ' ');
    pl_buf_add_u64(out, payload.n);
    pl_buf_add_byte(out, ' ');
    pl_buf_add_bytes(out, payload);
}

enum pl_code pl_dsse_pae_arena(const struct pl_dsse *env, struct pl_arena *arena,
                               struct pl_bytes *pae, struct pl_err *err)
{
    struct pl_buf b;
    enum pl_code rc;
    size_t want = env->payload.n + env->payload_type.n + 64;

    pl_buf_init_arena(&b, arena, want);
    (void)pl_buf_reserve(&b, want); /* one block; a failure shows below */
    pl_dsse_pae(env->payload_type, env->payload, &b);
    PL_TRY(pl_buf_check(&b, "pre-authentication encoding", err));
    *pae = pl_buf_bytes(&b);
out:
    return rc;
}

enum pl_code pl_dsse_verify_pae(const struct pl_dsse *env, struct pl_bytes pae,
                                const struct pl_key *key, size_t *which, struct pl_err *err)
{
    struct pl_err malformed;
    bool is_malformed = false;
    size_t bad = 0;

    for (size_t i = 0; i < env->nsigs; i++) {
        enum pl_code rc = pl_sig_verify(key, PL_SHA256, pae, env->sigs[i].sig, err);

        if (rc == PL_OK) {
            *which = i;
            return PL_OK;
        }
        if (rc != PL_EVERIFY)
            return rc;
        if (pl_bytes_has_prefix(pl_str(err->text), "malformed") && !is_malformed) {
            malformed = *err;
            is_malformed = true;
            bad = i;
        }
    }
    if (is_malformed)
        return PL_FAIL(err, PL_EVERIFY, PL_DSSE_THRESHOLD " (signatures[%zu]: %s)", bad,
                       malformed.text);
    return PL_FAIL(err, PL_EVERIFY, PL_DSSE_THRESHOLD);
}

enum pl_code pl_dsse_verify_key(const struct pl_dsse *env, const struct pl_key *key,
                                struct pl_arena *arena, size_t *which, struct pl_err *err)
{
    struct pl_bytes pae;
    enum pl_code rc;

    PL_TRY(pl_dsse_pae_arena(env, arena, &pae, err));
    PL_TRY(pl_dsse_verify_pae(env, pae, key, which, err));
out:
    return rc;
}

enum pl_code pl_dsse_sign(struct pl_bytes payload_type, struct pl_bytes payload,
                          const struct pl_privkey *key, struct pl_buf *out, struct pl_err *err)
{
    uint8_t sig[PL_SIG_MAX];
    size_t sig_n;
    struct pl_buf pae;
    enum pl_code rc;

    pl_buf_init(&pae, payload.n + payload_type.n + 64);
    pl_dsse_pae(payload_type, payload, &pae);
    PL_TRY(pl_dsse_check_type(payload_type, err));
    PL_TRY(pl_buf_check(&pae, "pre-authentication encoding", err));
    PL_TRY(pl_sig_sign(key, PL_SHA256, pl_buf_bytes(&pae), sig, &sig_n, err));
    pl_buf_add_str(out, "{\"payloadType\":");
    pl_buf_add_json_string(out, payload_type);
    pl_buf_add_str(out, ",\"payload\":\"");
    pl_buf_add_base64(out, payload);
    pl_buf_add_str(out, "\",\"signatures\":[{\"sig\":\"");
    pl_buf_add_base64(out, pl_bytes(sig, sig_n));
    pl_buf_add_str(out, "\"}]}");
    PL_TRY(pl_buf_check(out, "DSSE envelope", err));
out:
    pl_buf_free(&pae);
    return rc;
}

void pl_dsse_write(const struct pl_dsse *env, struct pl_buf *out)
{
    pl_buf_add_str(out, "{\"payload\":\"");
    pl_buf_add_base64(out, env->payload);
    pl_buf_add_str(out, "\",\"payloadType\":");
    pl_buf_add_json_string(out, env->payload_type);
    pl_buf_add_str(out, ",\"signatures\":[");
    for (size_t i = 0; i < env->nsigs; i++) {
        pl_buf_add_str(out, i == 0 ? "{" : ",{");
        if (env->sigs[i].keyid.n != 0) {
            pl_buf_add_str(out, "\"keyid\":");
            pl_buf_add_json_string(out, env->sigs[i].keyid);
            pl_buf_add_byte(out, ',');
        }
        pl_buf_add_str(out, "\"sig\":");
        pl_buf_add_json_string(out, env->sigs[i].sig_text);
        pl_buf_add_byte(out, '}');
    }
    pl_buf_add_str(out, "]}");
}
