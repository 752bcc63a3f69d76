/* SPDX-License-Identifier: Apache-2.0 */
/* push.c - something signed goes into the log: proposal, answer, bundle, results. */
#include "client/client.h"
#include "client/tekton.h"
#include "core/base/enc.h"

#define PROPOSAL_MAX (2 * PL_CLIENT_FILE_MAX)

/* ---- before ---- */

static void add_proposal(const struct pl_push *push, struct pl_buf *b)
{
    char hex[2 * PL_DIGEST_MAX + 1];

    if (push->is_dsse) {
        pl_proposal_dsse(push->envelope, push->signer->pem, b);
        return;
    }
    pl_hex_encode(push->digest, hex);
    pl_proposal_hashedrekord(pl_hashalg_name(push->alg), pl_str(hex), push->signature,
                             push->signer->pem, b);
}

/* The log makes the canonical body of the proposal; so do we, verifying the signature on the way,
 * and the answer must have the same bytes. */
static enum pl_code expect_body(struct pl_client *c, struct pl_push *push, struct pl_err *err)
{
    struct pl_entry_opts opts = {.cache = NULL};
    struct pl_entry entry;
    json_t *json = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(push->proposal, PROPOSAL_MAX, &json, err));
    PL_TRY(pl_entry_from_json(json, &opts, &c->arena, &entry, err));
    push->body = entry.body;
out:
    json_decref(json);
    return rc;
}

enum pl_code pl_push_prepare(struct pl_client *c, struct pl_push *push, struct pl_err *err)
{
    struct pl_buf b;
    enum pl_code rc;

    pl_buf_init(&b, PROPOSAL_MAX);
    add_proposal(push, &b);
    PL_TRY(pl_buf_check(&b, "the submission", err));
    push->proposal = pl_arena_dup(&c->arena, pl_buf_bytes(&b));
    if (push->proposal.p == NULL) {
        rc = PL_FAIL(err, PL_ENOMEM, "out of memory");
        goto out;
    }
    PL_TRY(expect_body(c, push, err));
out:
    pl_buf_free(&b);
    return rc;
}

/* ---- the answer ---- */

/* Rekor answers a repeat with 409 and the place of the first entry: fetches that. */
static enum pl_code get_existing(struct pl_client *c, struct pl_http_answer *answer,
                                 struct pl_err *err)
{
    struct pl_bytes id = answer->location;
    struct pl_rekor_request req;
    enum pl_code rc;

    for (size_t i = id.n; i > 0; i--) {
        if (id.p[i - 1] == '/') {
            id = pl_bytes(id.p + i, id.n - i);
            break;
        }
    }
    if (pl_rekor_get_by_uuid(id, &c->arena, &req, err) != PL_OK) {
        err->code = PL_EIO;
        return pl_err_wrap(err, "%s has it already (409), but does not say where",
                           pl_http_server(c->http));
    }
    PL_TRY(pl_client_call(c, &req, answer, err));
out:
    return rc;
}

static enum pl_code post(struct pl_client *c, const struct pl_push *push,
                         struct pl_rekor_entry *entry, bool *existed, struct pl_err *err)
{
    struct pl_rekor_request req;
    struct pl_http_answer answer = {.status = 0};
    enum pl_code rc;

    PL_TRY(pl_rekor_post_entry(push->proposal, &c->arena, &req, err));
    rc = pl_client_call(c, &req, &answer, err);
    *existed = rc == PL_EINVAL && answer.status == 409;
    if (*existed)
        rc = get_existing(c, &answer, err);
    PL_TRY(rc);
    PL_TRY(pl_client_check(c, answer.body, push->body, entry, err));
out:
    return rc;
}

static enum pl_code write_bundle(const struct pl_push *push, const struct pl_rekor_entry *entry,
                                 struct pl_buf *b, struct pl_err *err)
{
    enum pl_code rc;

    if (push->is_dsse)
        PL_TRY(pl_bundle_write_dsse(push->envelope, push->signer, &entry->entry, b, err));
    else
        PL_TRY(pl_bundle_write_message(push->alg, push->digest, push->signature, push->signer,
                                       &entry->entry, b, err));
    PL_TRY(pl_buf_check(b, "the bundle", err));
out:
    return rc;
}

static enum pl_code write_results(const struct pl_tekton *t, const struct pl_rekor_entry *entry,
                                  const char *bundle_digest, struct pl_err *err)
{
    char digits[32];
    struct pl_buf b;
    enum pl_code rc;

    pl_buf_init(&b, sizeof(digits));
    pl_buf_add_u64(&b, entry->entry.log_index);
    PL_TRY(pl_tekton_write(t, PL_RESULT_LOG_INDEX, pl_buf_bytes(&b), err));
    PL_TRY(pl_tekton_write(t, PL_RESULT_ENTRY_UUID, entry->entry_id, err));
    if (bundle_digest != NULL)
        PL_TRY(pl_tekton_write(t, PL_RESULT_BUNDLE_DIGEST, pl_str(bundle_digest), err));
    PL_TRY(pl_tekton_write(t, PL_RESULT_CHECKPOINT, entry->entry.checkpoint, err));
out:
    pl_buf_free(&b);
    return rc;
}

/* Bundle, results, output; the entry is in the log whatever happens here. */
static enum pl_code deliver(struct pl_client *c, const struct pl_push *push,
                            const struct pl_tekton *tekton, const struct pl_rekor_entry *entry,
                            struct pl_err *err)
{
    char digest[7 + PL_HASH_HEX_SIZE] = "sha256:";
    struct pl_hash hash;
    struct pl_buf bundle;
    enum pl_code rc = PL_OK;

    pl_buf_init(&bundle, PROPOSAL_MAX);
    if (!push->no_bundle) {
        PL_TRY(write_bundle(push, entry, &bundle, err));
        pl_sha256(pl_buf_bytes(&bundle), &hash);
        (void)pl_hash_hex(&hash, digest + 7);
    }
    if (c->args.bundle != NULL)
        PL_TRY(pl_write_file(c->args.bundle, pl_buf_bytes(&bundle), err));
    PL_TRY(write_results(tekton, entry, push->no_bundle ? NULL : digest, err));
    if (!push->no_bundle)
        pl_out_text(c, "bundle_digest", pl_str(digest));
    if (c->args.bundle != NULL)
        pl_out_text(c, "bundle", pl_str(c->args.bundle));
out:
    pl_buf_free(&bundle);
    if (rc != PL_OK)
        (void)pl_err_wrap(err, "the entry is in the log with index %llu, but",
                          (unsigned long long)entry->entry.log_index);
    return rc;
}

enum pl_code pl_push_send(struct pl_client *c, const struct pl_push *push, struct pl_err *err)
{
    struct pl_tekton tekton;
    struct pl_rekor_entry entry;
    bool existed = false;
    enum pl_code rc;

    PL_TRY(pl_tekton_init(c->args.results, c->args.result, c->args.nresult, &tekton, err));
    if (push->no_bundle && (c->args.bundle != NULL || pl_tekton_wanted(&tekton)))
        return PL_FAIL(err, PL_EINVAL,
                       "the envelope has several signatures, a bundle has one: leave --bundle, "
                       "--results and --result out");
    /* The key first: a wrong pin must not leave an entry behind. */
    PL_TRY(pl_client_connect(c, err));
    PL_TRY(pl_client_trust(c, false, err));
    PL_TRY(post(c, push, &entry, &existed, err));
    pl_out_entry(c, &entry);
    PL_TRY(deliver(c, push, &tekton, &entry, err));
out:
    return rc;
}
