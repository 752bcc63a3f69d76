/* SPDX-License-Identifier: Apache-2.0 */
/* rekor1.c - reading entries of the published tree for an answer. */
#include "server/rekor1.h"

#include "core/base/log.h"

enum pl_code pl_reading_begin(struct pl_reading *r, struct pl_req *req,
                              const struct pl_published *state, struct pl_err *err)
{
    struct pl_view *view = req->loop->view;

    /* The state first: every snapshot taken later holds what it published. */
    if (state == NULL)
        state = pl_sequencer_published(req->app->sequencer);
    enum pl_code rc = view != NULL ? pl_view_begin(view, err)
                                   : PL_FAIL(err, PL_EBUSY, "the log is not open yet: try again");
    if (rc != PL_OK) {
        pl_published_unref(state);
        return rc;
    }
    *r = (struct pl_reading){.req = req, .state = state};
    return PL_OK;
}

void pl_reading_end(struct pl_reading *r)
{
    pl_view_end(r->req->loop->view);
    pl_published_unref(r->state);
    r->state = NULL;
}

enum pl_code pl_reading_find(const struct pl_reading *r, const struct pl_hash *leaf,
                             uint64_t *index_out, struct pl_err *err)
{
    return pl_view_find_leaf(r->req->loop->view, PL_LOG_ID_V1, r->state->size, leaf, index_out,
                             err);
}

enum pl_code pl_reading_resolve(const struct pl_reading *r, const struct pl_entry_ref *ref,
                                uint64_t *index_out, struct pl_err *err)
{
    if (ref->has_tree && (ref->tree_id == 0 || ref->tree_id > INT64_MAX))
        return PL_FAIL(err, PL_EINVAL, "%016llx is not a valid TreeID",
                       (unsigned long long)ref->tree_id);
    if (ref->has_tree && ref->tree_id != r->req->app->v1.tree_id)
        return PL_FAIL(err, PL_ENOTFOUND, "tree %016llx is not kept here; this log's is %s",
                       (unsigned long long)ref->tree_id, r->req->app->v1.tree_id_hex);
    return pl_reading_find(r, &ref->leaf, index_out, err);
}

enum pl_code pl_reading_sign(const struct pl_reading *r, struct pl_arena *arena,
                             struct pl_logentry *e, struct pl_err *err)
{
    struct pl_app *app = r->req->app;
    uint8_t sig[PL_SIG_MAX];
    enum pl_code rc;
    size_t n = 0;

    if (!pl_sequencer_may_sign(app->sequencer))
        return PL_OK;
    uint8_t *set = pl_arena_alloc(arena, PL_SET_MAX);
    if (set == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for a signed entry timestamp");
    PL_TRY(pl_signer_set(&app->v1, e->body, e->time, e->index, sig, &n, err));
    if (PL_NEVER(n > PL_SET_MAX))
        return PL_FAIL(err, PL_ECORRUPT, "a signed entry timestamp of %zu bytes", n);
    memcpy(set, sig, n);
    /* Every answer about this entry carries the same one. */
    pl_sequencer_settle_set(app->sequencer, e->index, set, &n);
    e->set = pl_bytes(set, n);
out:
    return rc;
}

/* The base64 text of the statement: as it stands in the stored envelope, which was checked to be in
 * the one strict spelling. */
static enum pl_code read_statement(const struct pl_reading *r, uint64_t index,
                                   struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    struct pl_bytes envelope, payload;
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_view_payload(r->req->loop->view, PL_LOG_ID_V1, r->state->size, index, arena,
                           &envelope, err));
    PL_TRY(pl_json_load(envelope, envelope.n, &root, err));
    PL_TRY(pl_json_string(root, "envelope", "payload", &payload, err));
    struct pl_bytes copy = pl_arena_dup(arena, payload);
    if (copy.p == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "no memory for a statement of %zu bytes", payload.n);
    else
        *out = copy;
out:
    json_decref(root);
    /* It was checked when it came in. */
    if (rc == PL_EINVAL) {
        pl_err_wrap(err, "stored envelope of entry %llu", (unsigned long long)index);
        err->code = rc = PL_ECORRUPT;
    }
    return rc;
}

enum pl_code pl_reading_entry(const struct pl_reading *r, uint64_t index, bool attest,
                              struct pl_arena *arena, struct pl_logentry *out, struct pl_err *err)
{
    struct pl_view_entry row;
    struct pl_hash leaf;
    enum pl_code rc;

    PL_TRY(pl_view_get(r->req->loop->view, PL_LOG_ID_V1, r->state->size, index, arena, &row, err));
    *out = (struct pl_logentry){
        .log = &r->req->app->v1,
        .state = r->state,
        .index = index,
        .leaf = row.leaf,
        .kind = row.kind,
        .has_payload = row.has_payload,
        .body = row.body,
        .time = row.time,
        .set = row.set,
    };
    pl_leaf_hash(row.body, &leaf);
    if (!pl_hash_eq(&leaf, &row.leaf))
        return PL_FAIL(err, PL_ECORRUPT,
                       "the stored body of entry %llu is not what the log has under that index: "
                       "see provlogd fsck",
                       (unsigned long long)index);
    if (out->set.n == 0)
        PL_TRY(pl_reading_sign(r, arena, out, err));
    if (attest && row.has_payload && pl_bytes_has_prefix(row.kind, "intoto/"))
        PL_TRY(read_statement(r, index, arena, &out->attestation, err));
out:
    return rc;
}

enum pl_code pl_reading_prove(const struct pl_reading *r, struct pl_logentry *out,
                              struct pl_err *err)
{
    struct pl_view_hashes hashes = {
        .view = r->req->loop->view, .log_id = PL_LOG_ID_V1, .size = r->state->size};

    enum pl_code rc;

    PL_TRY(
        pl_proof_inclusion(out->index, r->state->size, pl_view_hashes, &hashes, &out->proof, err));
    /* A damaged node must not go out as a proof. Of a log that is known to contradict itself the
     * entries are served all the same. */
    if (pl_verify_inclusion(out->index, r->state->size, &out->leaf, out->proof.hash, out->proof.n,
                            &r->state->root, err) != PL_OK &&
        !pl_sequencer_is_broken(r->req->app->sequencer))
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "the stored nodes give no proof of entry %llu in the tree of size %llu: see "
                     "provlogd fsck",
                     (unsigned long long)out->index, (unsigned long long)r->state->size);
out:
    return rc;
}

void pl_reply_write_err(struct pl_req *req, const struct pl_err *err)
{
    char escaped[PL_LOG_ESC_MAX];

    if (err->code != PL_EIO) {
        pl_reply_err(req, err);
        return;
    }
    PL_ERROR("entry.not_stored", "request_id=%s cause=%d at=%s:%d reason=%s", req->id, err->cause,
             err->file != NULL ? err->file : "?", err->line,
             pl_log_esc(pl_str(err->text), escaped));
    pl_reply_error(req, 503,
                   "the log could not store this entry at present: try again, a repeat is safe "
                   "(request id %s)",
                   req->id);
}

void pl_hand_to_worker(struct pl_req *req, struct pl_work *work,
                       void (*run)(struct pl_work *, struct pl_verifier_cache *),
                       void (*done)(struct pl_work *), void *ctx)
{
    struct pl_err err;

    *work = (struct pl_work){.loop = req->loop, .work = run, .done = done, .ctx = ctx};
    if (pl_workers_submit(req->app->workers, work, &err) != PL_OK)
        pl_reply_err(req, &err);
}
