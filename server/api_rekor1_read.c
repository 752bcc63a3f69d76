/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_rekor1_read.c - entries by index and id, log info, consistency proofs, the log's key, /ping;
 * and the route table of the Rekor v1 API.
 *
 * One published state and one snapshot for a whole answer. Unlike Rekor's, a 404 has a JSON body.
 */
#include "core/base/enc.h"
#include "core/base/num.h"
#include "server/rekor1.h"
#include "server/router.h"

#define ANSWER_MAX PL_ARENA_REQUEST_MAX

/* Sends @out, or the reason why there is none. */
static void finish(struct pl_req *req, enum pl_code rc, const struct pl_buf *out,
                   const struct pl_err *err)
{
    if (rc == PL_OK)
        pl_reply_json(req, 200, pl_buf_bytes(out));
    else
        pl_reply_err(req, err);
}

/* ---- entries ---- */

/* Entry @index with its proof, as one LogEntry. */
static enum pl_code render_entry(struct pl_reading *r, uint64_t index, struct pl_buf *out,
                                 struct pl_err *err)
{
    struct pl_logentry e;
    enum pl_code rc;

    PL_TRY(pl_reading_entry(r, index, true, &r->req->arena, &e, err));
    PL_TRY(pl_reading_prove(r, &e, err));
    pl_logentry_write(&e, out);
    PL_TRY(pl_buf_check(out, "log entry", err));
out:
    return rc;
}

static void get_by_index(struct pl_req *req)
{
    struct pl_binding b = {0};
    struct pl_reading r;
    struct pl_buf out;
    struct pl_err err;
    int64_t index = 0;
    enum pl_code rc;

    if (!pl_bind_i64(req, "logIndex", true, 0, &index, &b)) {
        pl_binding_reply(req, &b);
        return;
    }
    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = render_entry(&r, (uint64_t)index, &out, &err);
    pl_reading_end(&r);
out:
    finish(req, rc, &out, &err);
}

static enum pl_code render_ref(struct pl_reading *r, const struct pl_entry_ref *ref,
                               struct pl_buf *out, struct pl_err *err)
{
    uint64_t index;
    enum pl_code rc;

    PL_TRY(pl_reading_resolve(r, ref, &index, err));
    PL_TRY(render_entry(r, index, out, err));
out:
    if (rc == PL_EINVAL)
        pl_err_wrap(err, "validation error");
    return rc;
}

static void get_by_id(struct pl_req *req)
{
    struct pl_entry_ref ref;
    struct pl_reading r;
    struct pl_buf out;
    struct pl_err err;
    enum pl_code rc;

    if (!pl_entry_ref_parse(req->params[0], &ref)) {
        pl_reply_binding(req, 605, "entryUUID in path should match '" PL_ENTRY_ID_PATTERN "'");
        return;
    }
    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = render_ref(&r, &ref, &out, &err);
    pl_reading_end(&r);
out:
    finish(req, rc, &out, &err);
}

/* ---- the tree ---- */

static void get_log(struct pl_req *req)
{
    const struct pl_published *now = pl_sequencer_published(req->app->sequencer);
    struct pl_buf out;
    struct pl_err err;

    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    pl_buf_add_str(&out, "{\"inactiveShards\":null,\"rootHash\":\"");
    pl_buf_add_hex(&out, pl_hash_bytes(&now->root));
    pl_buf_add_str(&out, "\",\"signedTreeHead\":");
    pl_buf_add_json_string(&out, now->note);
    pl_buf_addf(&out, ",\"treeID\":\"%s\",\"treeSize\":", req->app->v1.tree_id_dec);
    pl_buf_add_u64(&out, now->size);
    pl_buf_add_byte(&out, '}');
    pl_published_unref(now);
    finish(req, pl_buf_check(&out, "log info", &err), &out, &err);
}

/* PL_OK when @text (digits; empty: not given) names the tree of this log. */
static enum pl_code check_tree(const struct pl_req *req, struct pl_bytes text, struct pl_err *err)
{
    int64_t tree;

    if (text.n == 0)
        return PL_OK;
    if (!pl_parse_i64(text, &tree))
        return PL_FAIL(err, PL_EINVAL,
                       "invalid tree ID specified: \"" PL_FMT "\" is not below 2^63", PL_ARG(text));
    if ((uint64_t)tree != req->app->v1.tree_id)
        return PL_FAIL(err, PL_EINVAL, "no log range found for tree ID %lld", (long long)tree);
    return PL_OK;
}

/* {"hashes":[...],"rootHash":"..."}; the root is the present one, as in Rekor. */
static enum pl_code render_proof(const struct pl_reading *r, int64_t first, int64_t last,
                                 struct pl_buf *out, struct pl_err *err)
{
    struct pl_view_hashes hashes = {
        .view = r->req->loop->view, .log_id = PL_LOG_ID_V1, .size = r->state->size};
    struct pl_proof proof;
    enum pl_code rc;

    if ((uint64_t)last > r->state->size)
        return PL_FAIL(err, PL_EINVAL,
                       "the tree size requested(%lld) was greater than what is currently "
                       "observable(%llu)",
                       (long long)last, (unsigned long long)r->state->size);
    PL_TRY(pl_proof_consistency((uint64_t)first, (uint64_t)last, pl_view_hashes, &hashes, &proof,
                                err));
    pl_buf_add_str(out, "{\"hashes\":[");
    for (size_t i = 0; i < proof.n; i++) {
        pl_buf_add_str(out, i == 0 ? "\"" : ",\"");
        pl_buf_add_hex(out, pl_hash_bytes(&proof.hash[i]));
        pl_buf_add_byte(out, '"');
    }
    pl_buf_add_str(out, "],\"rootHash\":\"");
    pl_buf_add_hex(out, pl_hash_bytes(&r->state->root));
    pl_buf_add_str(out, "\"}");
    PL_TRY(pl_buf_check(out, "consistency proof", err));
out:
    return rc;
}

static void get_proof(struct pl_req *req)
{
    int64_t first = 1, last = 0;
    struct pl_binding b = {0};
    struct pl_reading r;
    struct pl_bytes tree;
    struct pl_buf out;
    struct pl_err err;
    enum pl_code rc;

    if (!pl_bind_i64(req, "firstSize", false, 1, &first, &b) ||
        !pl_bind_i64(req, "lastSize", true, 1, &last, &b) || !pl_bind_tree(req, &tree, &b)) {
        pl_binding_reply(req, &b);
        return;
    }
    if (first > last) {
        pl_reply_error(req, 400, "firstSize(%lld) must be less than lastSize(%lld)",
                       (long long)first, (long long)last);
        return;
    }
    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    PL_TRY(check_tree(req, tree, &err));
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = render_proof(&r, first, last, &out, &err);
    pl_reading_end(&r);
out:
    finish(req, rc, &out, &err);
}

/* PEM, or the PEM as a JSON string to those who take only JSON. */
static void get_public_key(struct pl_req *req)
{
    bool as_pem = pl_accepts(req, "application/x-pem-file");
    const char *type = as_pem ? "application/x-pem-file" : "application/json";
    struct pl_binding b = {0};
    struct pl_bytes tree;
    struct pl_buf out;
    struct pl_err err;

    if (!pl_bind_tree(req, &tree, &b)) {
        pl_binding_reply(req, &b);
        return;
    }
    if (check_tree(req, tree, &err) != PL_OK) {
        pl_reply_bytes(req, 400, type, PL_LIT("{\"code\":400,\"message\":\"Bad Request\"}"));
        return;
    }
    struct pl_bytes pem = pl_buf_bytes(&req->app->v1.pem);
    if (as_pem) {
        pl_reply_bytes(req, 200, type, pem);
        return;
    }
    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    pl_buf_add_json_string(&out, pem);
    finish(req, pl_buf_check(&out, "public key", &err), &out, &err);
}

/* ---- what needs no log ---- */

static void get_ping(struct pl_req *req)
{
    pl_reply_bytes(req, 200, "text/plain", PL_LIT("."));
}

static void get_trusted_root(struct pl_req *req)
{
    pl_reply_bytes(req, 200, "application/json", req->app->trusted_root);
}

static void get_signing_config(struct pl_req *req)
{
    pl_reply_bytes(req, 200, "application/json", req->app->signing_config);
}

#define READS     (PL_ROUTE_JSON_ONLY | PL_ROUTE_CORS | PL_ROUTE_NO_CACHE)
#define WRITES    (PL_ROUTE_JSON_BODY | PL_ROUTE_CORS)
#define QUERY_MAX (2 * PL_PEM_MAX) /* a key in base64; parsed on the loop, so kept small */

const struct pl_route PL_ROUTES_REKOR1[] = {
    {"/api/v1/log/entries", PL_POST, 0, pl_api_post_entry, WRITES},
    {"/api/v1/log/entries", PL_GET, 0, get_by_index, READS},
    {"/api/v1/log/entries/{entryUUID}", PL_GET, 0, get_by_id, READS},
    {"/api/v1/log/entries/retrieve", PL_POST, 0, pl_api_retrieve, WRITES},
    {"/api/v1/log", PL_GET, 0, get_log, READS},
    {"/api/v1/log/proof", PL_GET, 0, get_proof, READS},
    {"/api/v1/log/publicKey", PL_GET, 0, get_public_key, READS | PL_ROUTE_PEM},
    {"/api/v1/index/retrieve", PL_POST, QUERY_MAX, pl_api_search_index, WRITES},
    {"/ping", PL_GET, 0, get_ping, PL_ROUTE_CORS | PL_ROUTE_ANY_CASE},
    {"/provlog/v1/trusted_root", PL_GET, 0, get_trusted_root, PL_ROUTE_JSON_ONLY | PL_ROUTE_CORS},
    {"/provlog/v1/signing_config", PL_GET, 0, get_signing_config,
     PL_ROUTE_JSON_ONLY | PL_ROUTE_CORS},
    {NULL, 0, 0, NULL, 0},
};
