/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_rekor1_retrieve.c - POST /api/v1/log/entries/retrieve: entries by id, index or proposal.
 *
 * What is not found is left out: 200 with [] is the answer to unknown ids. At most 10 in one
 * request.
 */
#include "server/rekor1.h"

#include <stdio.h>

#define ITEMS_MAX  ((size_t)10)
#define ANSWER_MAX ((size_t)64 << 20)
#define PARSE      "parsing entry body from \"\" failed, because "

/* One query; lives in its request's arena until the answer. */
struct retrieval {
    struct pl_req *req;
    struct pl_binding binding;
    enum pl_code rc; /* of the check */
    struct pl_err err;
    bool deferred, too_many;
    struct pl_entry_ref ids[ITEMS_MAX];
    struct pl_bytes id_text[ITEMS_MAX]; /* in the arena */
    size_t nids;
    struct pl_hash leaves[ITEMS_MAX]; /* of proposals */
    size_t nleaves;
    uint64_t indexes[ITEMS_MAX];
    size_t nindexes;
    struct pl_work work;
};

/* ---- binding ---- */

/* A list member; NULL when absent or null. */
static bool bind_list(const json_t *root, const char *name, size_t least, const json_t **out,
                      struct pl_binding *b)
{
    const json_t *list = json_object_get(root, name);

    *out = NULL;
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return pl_binding_fail(b, 400, PARSE "%s must be an array", name);
    if (json_array_size(list) < least)
        return pl_binding_fail(b, 612, "%s in body should have at least %zu items", name, least);
    if (json_array_size(list) > ITEMS_MAX)
        return pl_binding_fail(b, 611, "%s in body should have at most %zu items", name, ITEMS_MAX);
    *out = list;
    return true;
}

static bool bind_ids(struct retrieval *q, const json_t *root)
{
    const json_t *list;

    if (!bind_list(root, "entryUUIDs", 1, &list, &q->binding))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item) && !json_is_null(item))
            return pl_binding_fail(&q->binding, 400, PARSE "entryUUIDs.%zu must be a string", i);
        struct pl_bytes text = pl_arena_dup(
            &q->req->arena, json_is_string(item) ? pl_json_text(item) : pl_bytes(NULL, 0));
        if (text.p == NULL || !pl_entry_ref_parse(text, &q->ids[i]))
            return pl_binding_fail(&q->binding, 605,
                                   "entryUUIDs.%zu in body should match '" PL_ENTRY_ID_PATTERN "'",
                                   i);
        q->id_text[q->nids++] = text;
    }
    return true;
}

static bool bind_indexes(struct retrieval *q, const json_t *root)
{
    const json_t *list;

    if (!bind_list(root, "logIndexes", 1, &list, &q->binding))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_null(item))
            return pl_binding_fail(&q->binding, 602, "logIndexes.%zu in body is required", i);
        if (!json_is_integer(item))
            return pl_binding_fail(&q->binding, 400, PARSE "logIndexes.%zu must be an integer", i);
        if (json_integer_value(item) < 0)
            return pl_binding_fail(
                &q->binding, 609, "logIndexes.%zu in body should be greater than or equal to 0", i);
        q->indexes[q->nindexes++] = (uint64_t)json_integer_value(item);
    }
    return true;
}

static bool bind_entries(struct retrieval *q, const json_t *root, const json_t **list)
{
    char where[32];

    if (!bind_list(root, "entries", 0, list, &q->binding))
        return false;
    for (size_t i = 0; i < json_array_size(*list); i++) {
        const json_t *item = json_array_get(*list, i);
        (void)snprintf(where, sizeof(where), "entries.%zu", i);
        if (!json_is_object(item))
            return pl_binding_fail(&q->binding, 400, PARSE "%s must be an object", where);
        if (!pl_bind_proposal(item, where, &q->binding))
            return false;
    }
    return true;
}

/* ---- proposals ---- */

static bool has(const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    return value != NULL && !json_is_null(value);
}

/* Of the form in which the log keeps an entry of its kind, instead of one that is submitted. A
 * hashedrekord has the same form in both. */
static bool is_stored_form(const json_t *entry)
{
    const json_t *spec = json_object_get(entry, "spec");
    const json_t *content = json_object_get(spec, "content");
    const json_t *envelope = json_object_get(content, "envelope");
    struct pl_bytes kind = pl_json_text(json_object_get(entry, "kind"));

    if (pl_bytes_eq_str(kind, "dsse"))
        return has(spec, "envelopeHash") && has(spec, "payloadHash") && has(spec, "signatures") &&
               !has(spec, "proposedContent");
    if (pl_bytes_eq_str(kind, "intoto"))
        return has(content, "payloadHash") && has(content, "hash") && !has(envelope, "payload") &&
               !json_is_string(envelope);
    return false;
}

static enum pl_code hash_stored_form(const json_t *entry, struct pl_arena *arena,
                                     struct pl_hash *out, struct pl_err *err)
{
    struct pl_buf body;
    enum pl_code rc;

    pl_buf_init_arena(&body, arena, PL_BODY_MAX);
    PL_TRY(pl_json_canonical(entry, &body, err));
    PL_TRY(pl_buf_check(&body, "canonical body", err));
    pl_leaf_hash(pl_buf_bytes(&body), out);
out:
    return rc;
}

/* The leaf hash that @proposal has or would get; verifies like a submission. */
static enum pl_code hash_proposal(struct retrieval *q, const json_t *proposal,
                                  const struct pl_entry_opts *opts, struct pl_hash *out)
{
    struct pl_entry entry;
    enum pl_code rc;

    if (is_stored_form(proposal))
        return hash_stored_form(proposal, &q->req->arena, out, &q->err);
    PL_TRY(pl_entry_from_json(proposal, opts, &q->req->arena, &entry, &q->err));
    q->deferred = entry.deferred;
    if (!entry.deferred)
        pl_leaf_hash(entry.body, out);
out:
    return rc;
}

/* Reads the query into @q; loop or worker. Sets binding, or rc and err, when it is refused. */
static void check_parsed(struct retrieval *q, const json_t *root, const struct pl_entry_opts *opts)
{
    const json_t *entries = NULL;

    if (!bind_entries(q, root, &entries) || !bind_ids(q, root) || !bind_indexes(q, root))
        return;
    size_t n = json_array_size(entries);
    if (n + q->nids + q->nindexes > ITEMS_MAX)
        q->too_many = true;
    for (size_t i = 0; i < n && !q->deferred && !q->too_many; i++)
        if ((q->rc = hash_proposal(q, json_array_get(entries, i), opts, &q->leaves[i])) != PL_OK)
            return;
    q->nleaves = n;
}

static void check(struct retrieval *q, struct pl_verifier_cache *cache, bool defer_slow)
{
    struct pl_entry_opts opts = {.cache = cache, .defer_slow = defer_slow};
    json_t *root = NULL;

    q->nids = q->nleaves = q->nindexes = 0;
    q->deferred = false;
    q->rc = PL_OK;
    if (pl_bind_object(q->req->body, "entry", PARSE, &root, &q->binding))
        check_parsed(q, root, &opts);
    json_decref(root);
}

/* ---- looking up ---- */

struct rendering {
    struct retrieval *q;
    struct pl_reading r;
    struct pl_buf *out;
};

static enum pl_code render_index(struct rendering *x, uint64_t index)
{
    struct pl_err *err = &x->q->err;
    struct pl_logentry e;
    struct pl_arena arena; /* of this entry: ten large ones would not fit the request's */
    enum pl_code rc;

    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    PL_TRY(pl_reading_entry(&x->r, index, true, &arena, &e, err));
    PL_TRY(pl_reading_prove(&x->r, &e, err));
    if (x->out->n > 1)
        pl_buf_add_byte(x->out, ',');
    pl_logentry_write(&e, x->out);
    PL_TRY(pl_buf_check(x->out, "answer (ask for fewer entries at once)", err));
out:
    pl_arena_free(&arena);
    return rc;
}

static enum pl_code render_ref(struct rendering *x, const struct pl_entry_ref *ref)
{
    uint64_t index;
    enum pl_code rc = pl_reading_resolve(&x->r, ref, &index, &x->q->err);

    return rc == PL_OK ? render_index(x, index) : rc;
}

/* Not found is no failure here. */
static enum pl_code or_skip(enum pl_code rc)
{
    return rc == PL_ENOTFOUND ? PL_OK : rc;
}

/* Ids with a tree, then bare ones and proposals, then indexes: Rekor's order. */
static enum pl_code render_found(struct rendering *x)
{
    const struct retrieval *q = x->q;
    enum pl_code rc = PL_OK;

    for (size_t i = 0; i < 2 * q->nids; i++) {
        const struct pl_entry_ref *ref = &q->ids[i % q->nids];
        if (ref->has_tree != (i < q->nids))
            continue;
        rc = or_skip(render_ref(x, ref));
        if (rc == PL_EINVAL)
            return PL_FAIL(&x->q->err, PL_EINVAL, "invalid entryID %.*s", PL_ENTRY_ID_LEN,
                           (const char *)q->id_text[i % q->nids].p);
        if (rc != PL_OK)
            return rc;
    }
    for (size_t i = 0; i < q->nleaves; i++)
        PL_TRY(or_skip(render_ref(x, &(struct pl_entry_ref){.leaf = q->leaves[i]})));
    for (size_t i = 0; i < q->nindexes; i++)
        PL_TRY(or_skip(render_index(x, q->indexes[i])));
out:
    return rc;
}

static void answer(struct retrieval *q)
{
    struct pl_buf out;
    struct rendering x = {.q = q, .out = &out};
    enum pl_code rc;

    /* On the heap: it is sent before it is freed, and may be larger than what an arena can grow. */
    pl_buf_init(&out, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&x.r, q->req, NULL, &q->err));
    pl_buf_add_byte(&out, '[');
    rc = render_found(&x);
    pl_reading_end(&x.r);
    pl_buf_add_byte(&out, ']');
out:
    if (rc == PL_OK)
        rc = pl_buf_check(&out, "answer", &q->err);
    if (rc == PL_OK)
        pl_reply_json(q->req, 200, pl_buf_bytes(&out));
    else
        pl_reply_err(q->req, &q->err);
    pl_buf_free(&out);
}

/* After the check, on the loop. */
static void proceed(struct retrieval *q)
{
    if (q->binding.code != 0)
        pl_binding_reply(q->req, &q->binding);
    else if (q->rc != PL_OK)
        pl_reply_err(q->req, &q->err);
    else if (q->too_many)
        pl_reply_error(q->req, 422, "more than max allowed %zu entries in request", ITEMS_MAX);
    else
        answer(q);
}

static void check_on_worker(struct pl_work *work, struct pl_verifier_cache *cache)
{
    check(work->ctx, cache, false);
}

static void checked_by_worker(struct pl_work *work)
{
    proceed(work->ctx);
}

void pl_api_retrieve(struct pl_req *req)
{
    struct retrieval *q = pl_arena_alloc(&req->arena, sizeof(*q));
    struct pl_err err;

    if (q == NULL) {
        (void)PL_FAIL(&err, PL_ENOMEM, "no memory for a query");
        pl_reply_err(req, &err);
        return;
    }
    q->req = req;
    q->deferred = req->body.n > PL_LOOP_BODY_MAX;
    if (!q->deferred)
        check(q, req->loop->verifiers, true);
    if (q->deferred)
        pl_hand_to_worker(req, &q->work, check_on_worker, checked_by_worker, q);
    else
        proceed(q);
}
