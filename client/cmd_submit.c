/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_submit.c - submit: an envelope, a bundle, or the text of an annotation. */
#include "client/client.h"
#include "core/base/enc.h"

/* ---- base64 text, as Chains leaves it on a run ---- */

/* @text without white space, decoded; false when it is not base64. */
static bool decode_text(struct pl_client *c, struct pl_bytes text, struct pl_bytes *out)
{
    uint8_t *packed = pl_arena_alloc(&c->arena, text.n + 1);
    uint8_t *decoded = pl_arena_alloc(&c->arena, text.n + 3);
    size_t n = 0;

    if (packed == NULL || decoded == NULL)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\n' && text.p[i] != '\r' && text.p[i] != ' ')
            packed[n++] = text.p[i];
    out->p = decoded;
    return n > 0 && pl_base64_decode(pl_bytes(packed, n), PL_BASE64_STD, decoded, &out->n);
}

/* ---- what it is ---- */

static enum pl_code take_bundle(struct pl_client *c, struct pl_bytes text, struct pl_push *push,
                                struct pl_err *err)
{
    struct pl_bundle b;
    enum pl_code rc;

    PL_TRY(pl_bundle_parse(text, &c->arena, &b, err));
    push->is_dsse = b.is_dsse;
    push->envelope = b.dsse_envelope;
    push->alg = b.digest_alg;
    push->digest = b.digest;
    push->signature = b.signature;
    if (b.ncerts == 0)
        return PL_OK;
    if (c->args.public_key != NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "the bundle has a certificate: --public-key would contradict it, leave it "
                       "out");
    PL_TRY(pl_verifier_from_cert_der(b.certs[0], &push->signer, err));
out:
    return rc;
}

static enum pl_code take_envelope(struct pl_client *c, struct pl_bytes text, struct pl_push *push,
                                  struct pl_err *err)
{
    struct pl_dsse env;
    enum pl_code rc;

    PL_TRY(pl_dsse_parse(text, &c->arena, &env, err));
    push->is_dsse = true;
    push->envelope = text; /* byte for byte: the log hashes it */
    push->no_bundle = env.nsigs > 1;
out:
    return rc;
}

static enum pl_code take(struct pl_client *c, struct pl_bytes text, struct pl_push *push,
                         struct pl_err *err)
{
    json_t *json = NULL;
    enum pl_code rc;

    if (text.n > 0 && text.p[0] != '{' && !decode_text(c, text, &text))
        return PL_FAIL(err, PL_EINVAL,
                       "this is neither JSON nor base64: a DSSE envelope, a Sigstore bundle or the "
                       "text of a chains.tekton.dev/signature annotation is wanted");
    text = pl_bytes_trim(text);
    PL_TRY(pl_json_load(text, PL_CLIENT_FILE_MAX, &json, err));
    if (json_object_get(json, "payloadType") != NULL)
        PL_TRY(take_envelope(c, text, push, err));
    else if (json_object_get(json, "mediaType") != NULL ||
             json_object_get(json, "media_type") != NULL)
        PL_TRY(take_bundle(c, text, push, err));
    else
        rc = PL_FAIL(err, PL_EINVAL,
                     "this JSON is neither a DSSE envelope (payloadType) nor a Sigstore bundle "
                     "(mediaType)");
out:
    json_decref(json);
    return rc;
}

static enum pl_code find_signer(struct pl_client *c, struct pl_push *push, struct pl_err *err)
{
    if (push->signer != NULL)
        return PL_OK;
    if (c->args.public_key == NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "whose signature is it? It carries no certificate: give --public-key FILE");
    return pl_client_verifier(c, c->args.public_key, &push->signer, err);
}

enum pl_code pl_cmd_submit(struct pl_client *c, struct pl_err *err)
{
    struct pl_push push = {.signer = NULL};
    struct pl_bytes text;
    const char *path = c->args.operand[0];
    enum pl_code rc;

    PL_TRY(pl_client_connect(c, err));
    PL_TRY(pl_client_read(c, path, &text, err));
    if ((rc = take(c, pl_bytes_trim(text), &push, err)) != PL_OK) {
        (void)pl_err_wrap(err, "%s", path);
        goto out;
    }
    PL_TRY(find_signer(c, &push, err));
    if ((rc = pl_push_prepare(c, &push, err)) != PL_OK) {
        (void)pl_err_wrap(err, "%s", path);
        goto out;
    }
    PL_TRY(pl_push_send(c, &push, err));
out:
    pl_verifier_unref(push.signer);
    return rc;
}
