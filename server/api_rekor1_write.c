/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_rekor1_write.c - POST /api/v1/log/entries: check, sequence, answer with SET, proof and
 * checkpoint.
 *
 * A repeat is a success: 201 with the first entry and a fresh proof (the setting
 * duplicates=conflict makes it Rekor's 409). Every answer describes one published tree state.
 */
#include "server/rekor1.h"

/* One submission; lives in its request's arena until the answer. */
struct submission {
    struct pl_req *req;
    struct pl_entry entry;
    struct pl_hash leaf;
    struct pl_binding binding;
    enum pl_code rc; /* of the check */
    struct pl_err err;
    struct pl_buf answer;
    struct pl_work work;
    struct pl_job job;
};

/* Decodes and verifies; loop or worker. Sets entry and leaf, or binding, or rc and err. */
static void check(struct submission *s, struct pl_verifier_cache *cache, bool defer_slow)
{
    struct pl_entry_opts opts = {.cache = cache, .defer_slow = defer_slow};
    json_t *root = NULL;

    s->rc = PL_OK;
    if (!pl_bind_object(s->req->body, "proposedEntry", "", &root, &s->binding))
        return;
    if (pl_bind_proposal(root, "", &s->binding)) {
        s->rc = pl_entry_from_json(root, &opts, &s->req->arena, &s->entry, &s->err);
        if (s->rc != PL_OK)
            pl_err_wrap(&s->err, "error processing entry");
        else if (!s->entry.deferred)
            pl_leaf_hash(s->entry.body, &s->leaf);
    }
    json_decref(root);
}

static bool conflicts(const struct pl_req *req)
{
    const char *duplicates = req->app->config->duplicates;

    return duplicates != NULL && strcmp(duplicates, "conflict") == 0;
}

/* Path only, and without a slash at the end: clients take what is behind the last one. */
static bool add_location(struct pl_req *req, const char *id)
{
    const char *location =
        pl_arena_printf(&req->arena, "%.*s/%s", (int)req->path.n, (const char *)req->path.p, id);

    if (location == NULL)
        return false;
    pl_reply_header(req, "Location", pl_str(location));
    return true;
}

static void reply_no_memory(struct pl_req *req)
{
    struct pl_err err;

    (void)PL_FAIL(&err, PL_ENOMEM, "no memory for the answer to a submission");
    pl_reply_err(req, &err);
}

/* The answer to s->answer or s->err; ends the request. 201: the ETag is the entry's key, bare,
 * since clients look it up in the body by it. */
static void reply(struct submission *s, enum pl_code rc)
{
    struct pl_req *req = s->req;
    char id[PL_ENTRY_ID_SIZE];

    pl_entry_id(&req->app->v1, &s->leaf, id);
    if ((rc == PL_OK || rc == PL_EEXISTS) && !add_location(req, id)) {
        reply_no_memory(req);
    } else if (rc == PL_OK) {
        pl_reply_header(req, "ETag", pl_str(id));
        pl_reply_json(req, 201, pl_buf_bytes(&s->answer));
    } else {
        pl_reply_err(req, &s->err);
    }
}

static enum pl_code render(struct submission *s, const struct pl_reading *r, struct pl_logentry *e)
{
    enum pl_code rc;

    PL_TRY(pl_reading_prove(r, e, &s->err));
    pl_buf_init_arena(&s->answer, &s->req->arena, PL_ARENA_REQUEST_MAX);
    pl_logentry_write(e, &s->answer);
    PL_TRY(pl_buf_check(&s->answer, "log entry", &s->err));
out:
    return rc;
}

/* What the log holds at @index, for a leaf that was there before. */
static enum pl_code render_known(struct submission *s, const struct pl_reading *r, uint64_t index)
{
    char id[PL_ENTRY_ID_SIZE];
    struct pl_logentry e;
    enum pl_code rc;

    if (conflicts(s->req))
        return PL_FAIL(&s->err, PL_EEXISTS,
                       "an equivalent entry already exists in the transparency log with UUID %s",
                       pl_entry_id(&s->req->app->v1, &s->leaf, id));
    PL_TRY(pl_reading_entry(r, index, false, &s->req->arena, &e, &s->err));
    PL_TRY(render(s, r, &e));
out:
    return rc;
}

static enum pl_code render_appended(struct submission *s, const struct pl_reading *r)
{
    struct pl_logentry e = {
        .log = &s->req->app->v1,
        .state = r->state,
        .index = s->job.index,
        .leaf = s->leaf,
        .body = s->entry.body,
        .time = s->job.time,
        .set = pl_bytes(s->job.set, s->job.set_n),
    };
    enum pl_code rc;

    if (e.set.n == 0)
        PL_TRY(pl_reading_sign(r, &s->req->arena, &e, &s->err));
    PL_TRY(render(s, r, &e));
out:
    return rc;
}

/* The sequencer is done with it: on this loop again, once. */
static void sequenced(struct pl_job *job)
{
    struct submission *s = job->ctx;
    struct pl_reading r;
    enum pl_code rc;

    if (job->err.code != PL_OK) {
        if (job->published != NULL)
            pl_published_unref(job->published);
        pl_reply_write_err(s->req, &job->err);
        return;
    }
    rc = pl_reading_begin(&r, s->req, job->published, &s->err);
    if (rc == PL_OK) {
        rc = job->existed ? render_known(s, &r, job->index) : render_appended(s, &r);
        pl_reading_end(&r);
    }
    reply(s, rc);
}

/* Looks in the published log first: PL_ENOTFOUND, or how to answer. */
static enum pl_code find_known(struct submission *s)
{
    struct pl_reading r;
    uint64_t index;
    enum pl_code rc;

    PL_TRY(pl_reading_begin(&r, s->req, NULL, &s->err));
    rc = pl_reading_find(&r, &s->leaf, &index, &s->err);
    if (rc == PL_OK) {
        s->req->app->repeats++;
        rc = render_known(s, &r, index);
    }
    pl_reading_end(&r);
out:
    return rc;
}

/* After the check, on the loop. */
static void proceed(struct submission *s)
{
    if (s->binding.code != 0) {
        pl_binding_reply(s->req, &s->binding);
        return;
    }
    if (s->rc != PL_OK) {
        pl_reply_err(s->req, &s->err);
        return;
    }
    enum pl_code known = find_known(s);
    if (known != PL_ENOTFOUND) {
        reply(s, known);
        return;
    }
    s->job = (struct pl_job){
        .loop = s->req->loop, .entry = &s->entry, .leaf = s->leaf, .done = sequenced, .ctx = s};
    if (pl_sequencer_submit(s->req->app->sequencer, &s->job, &s->err) != PL_OK)
        pl_reply_write_err(s->req, &s->err);
}

static void check_on_worker(struct pl_work *work, struct pl_verifier_cache *cache)
{
    check(work->ctx, cache, false);
}

static void checked_by_worker(struct pl_work *work)
{
    proceed(work->ctx);
}

void pl_api_post_entry(struct pl_req *req)
{
    struct submission *s = pl_arena_alloc(&req->arena, sizeof(*s));

    if (s == NULL) {
        reply_no_memory(req);
        return;
    }
    s->req = req;
    s->entry.deferred = req->body.n > PL_LOOP_BODY_MAX;
    if (!s->entry.deferred)
        check(s, req->loop->verifiers, true);
    if (s->entry.deferred)
        pl_hand_to_worker(req, &s->work, check_on_worker, checked_by_worker, s);
    else
        proceed(s);
}
