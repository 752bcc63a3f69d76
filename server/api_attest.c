/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_attest.c - GET /provlog/v1/attestations/{id}: what was signed, byte for byte.
 *
 *   {id}             entry id or uuid (80 or 64 hex digits), log index, or sha256:HEX of an
 *                    artifact, payload, envelope or key; 64 digits that are no uuid are such a hash
 *   (plain)          the stored DSSE envelope; of several matches the newest that has one
 *   ?format=bundle   a Sigstore v0.3 bundle with the log entry; also by the Accept header
 *   ?format=list     [{"index","kind","predicateType","uuid"}] of all matches, oldest first; in
 *                    pages: X-Provlog-Next then names the index to ask for with ?from=
 */
#include "core/attest/bundle.h"
#include "core/attest/statement.h"
#include "core/base/enc.h"
#include "core/base/num.h"
#include "server/keysearch.h"
#include "server/logbundle.h"
#include "server/router.h"

#define ENVELOPE_TYPE   "application/vnd.dsse.envelope.v1+json"
#define ANSWER_MAX      ((size_t)64 << 20)
#define LIST_MAX        ((size_t)100)
#define LIST_BYTES_MAX  ((size_t)1 << 20) /* of payloads read for one page */
#define NEWEST_SKIP_MAX 64                /* matches without an envelope that are passed over */

enum format { FORMAT_PLAIN, FORMAT_BUNDLE, FORMAT_LIST };

/* What {id} names. */
struct target {
    struct pl_entry_ref ref;
    uint64_t index;
    struct pl_bytes key; /* to search for; empty: none */
    bool is_ref, is_index;
};

static bool parse_target(struct pl_req *req, struct pl_bytes id, struct target *out)
{
    bool prefixed = pl_bytes_has_prefix(id, "sha256:");
    struct pl_bytes hex = prefixed ? pl_bytes(id.p + 7, id.n - 7) : id;
    struct target t = {0};

    t.is_ref = !prefixed && pl_entry_ref_parse(id, &t.ref);
    if (hex.n == PL_HASH_HEX_SIZE - 1 && pl_is_hex(hex))
        t.key = pl_lower(&req->arena, "sha256:", hex);
    else if (!t.is_ref)
        t.is_index = pl_parse_u64(id, UINT64_MAX, &t.index);
    *out = t;
    return t.is_ref || t.is_index || t.key.n != 0;
}

/* The one entry that @t names outright. PL_ENOTFOUND: none; it may still be a hash. */
static enum pl_code find_named(const struct pl_reading *r, const struct target *t,
                               uint64_t *index_out, struct pl_err *err)
{
    if (t->is_ref)
        return pl_reading_resolve(r, &t->ref, index_out, err);
    if (!t->is_index)
        return PL_FAIL(err, PL_ENOTFOUND, "not an entry's name");
    if (t->index >= r->state->size)
        return PL_FAIL(err, PL_ENOTFOUND, "no entry %llu: the log has %llu entries",
                       (unsigned long long)t->index, (unsigned long long)r->state->size);
    *index_out = t->index;
    return PL_OK;
}

/* The newest match that has what @format wants. */
static enum pl_code find_newest(const struct pl_reading *r, struct pl_bytes key, enum format format,
                                struct pl_logentry *out, struct pl_err *err)
{
    uint64_t index, below = UINT64_MAX;
    enum pl_code rc;

    for (unsigned i = 0; i < NEWEST_SKIP_MAX; i++) {
        rc = pl_keysearch_newest(r, key, below, &index, err);
        if (rc == PL_ENOTFOUND && i != 0)
            break;
        PL_TRY(rc);
        PL_TRY(pl_reading_entry(r, index, false, &r->req->arena, out, err));
        if (out->has_payload || format == FORMAT_BUNDLE)
            return PL_OK;
        below = index;
    }
    rc = PL_FAIL(err, PL_ENOTFOUND,
                 "the newest entries with " PL_FMT " (entry %llu and above) carry no envelope: see "
                 "?format=list",
                 PL_ARG(key), (unsigned long long)below);
out:
    return rc;
}

static enum pl_code find_entry(const struct pl_reading *r, const struct target *t,
                               enum format format, struct pl_logentry *out, struct pl_err *err)
{
    uint64_t index;
    enum pl_code rc = find_named(r, t, &index, err);

    if (rc == PL_ENOTFOUND && t->key.n != 0)
        return find_newest(r, t->key, format, out, err);
    PL_TRY(rc);
    PL_TRY(pl_reading_entry(r, index, false, &r->req->arena, out, err));
out:
    return rc;
}

static enum pl_code read_payload(const struct pl_reading *r, uint64_t index, struct pl_bytes *out,
                                 struct pl_err *err)
{
    return pl_view_payload(r->req->loop->view, PL_LOG_ID_V1, r->state->size, index, &r->req->arena,
                           out, err);
}

/* ---- plain ---- */

static enum pl_code render_plain(const struct pl_reading *r, const struct pl_logentry *e,
                                 struct pl_bytes *out, const char **type, struct pl_err *err)
{
    if (!e->has_payload)
        return PL_FAIL(err, PL_ENOTFOUND,
                       "entry %llu is a " PL_FMT ": only its hash and signature were submitted; "
                       "?format=bundle gives those",
                       (unsigned long long)e->index, PL_ARG(e->kind));
    /* The log's own first leaf keeps a plain statement. */
    *type = pl_bytes_has_prefix(e->kind, "hashedrekord/") ? "application/json" : ENVELOPE_TYPE;
    return read_payload(r, e->index, out, err);
}

static enum pl_code render_bundle(const struct pl_reading *r, struct pl_logentry *e,
                                  struct pl_buf *out, struct pl_err *err)
{
    struct pl_bytes payload = {NULL, 0};
    enum pl_code rc;

    PL_TRY(pl_reading_prove(r, e, err));
    if (e->has_payload)
        PL_TRY(read_payload(r, e->index, &payload, err));
    PL_TRY(pl_logbundle_write(e, payload, r->req->loop->verifiers, &r->req->arena, out, err));
out:
    if (rc == PL_EINVAL) { /* it was checked when it came in */
        pl_err_wrap(err, "stored entry %llu", (unsigned long long)e->index);
        err->code = rc = PL_ECORRUPT;
    }
    return rc;
}

static void get_one(struct pl_req *req, const struct target *t, enum format format)
{
    const char *type = PL_BUNDLE_V03;
    struct pl_bytes answer = {NULL, 0};
    struct pl_logentry e;
    struct pl_reading r;
    struct pl_buf out;
    struct pl_err err;
    enum pl_code rc;

    pl_buf_init(&out, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = find_entry(&r, t, format, &e, &err);
    if (rc == PL_OK && format == FORMAT_PLAIN) {
        rc = render_plain(&r, &e, &answer, &type, &err);
    } else if (rc == PL_OK) {
        rc = render_bundle(&r, &e, &out, &err);
        answer = pl_buf_bytes(&out);
    }
    pl_reading_end(&r);
out:
    if (rc == PL_OK)
        pl_reply_bytes(req, 200, type, answer);
    else
        pl_reply_err(req, &err);
    pl_buf_free(&out);
}

/* ---- list ---- */

/* The predicate type in the signed statement, in the signer's spelling; empty if it is none. */
static enum pl_code read_predicate_type(const struct pl_reading *r, const struct pl_logentry *e,
                                        size_t *bytes, struct pl_arena *arena, struct pl_bytes *out,
                                        struct pl_err *err)
{
    struct pl_statement statement;
    struct pl_bytes payload;
    struct pl_dsse envelope;
    enum pl_code rc;

    *out = pl_bytes(NULL, 0);
    if (!e->has_payload || pl_bytes_has_prefix(e->kind, "hashedrekord/"))
        return PL_OK;
    PL_TRY(pl_view_payload(r->req->loop->view, PL_LOG_ID_V1, r->state->size, e->index, arena,
                           &payload, err));
    *bytes += payload.n;
    PL_TRY(pl_dsse_parse(payload, arena, &envelope, err));
    rc = pl_statement_parse(envelope.payload, arena, &statement, err);
    if (rc == PL_OK)
        *out = statement.predicate_type;
    else if (rc != PL_ENOMEM)
        rc = PL_OK; /* anything may be signed; it was taken as it is */
out:
    return rc;
}

static enum pl_code list_one(const struct pl_reading *r, uint64_t index, size_t *bytes,
                             struct pl_buf *out, struct pl_err *err)
{
    char id[PL_ENTRY_ID_SIZE];
    struct pl_bytes predicate_type;
    struct pl_logentry e;
    struct pl_arena arena;
    enum pl_code rc;

    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    PL_TRY(pl_reading_entry(r, index, false, &arena, &e, err));
    PL_TRY(read_predicate_type(r, &e, bytes, &arena, &predicate_type, err));
    pl_buf_add_str(out, out->n > 1 ? ",{\"index\":" : "{\"index\":");
    pl_buf_add_u64(out, index);
    pl_buf_add_str(out, ",\"kind\":");
    pl_buf_add_json_string(out, e.kind);
    if (predicate_type.n != 0) {
        pl_buf_add_str(out, ",\"predicateType\":");
        pl_buf_add_json_string(out, predicate_type);
    }
    pl_buf_add_str(out, ",\"uuid\":\"");
    pl_buf_add_str(out, pl_entry_id(e.log, &e.leaf, id));
    pl_buf_add_str(out, "\"}");
    PL_TRY(pl_buf_check(out, "list", err));
out:
    pl_arena_free(&arena);
    return rc;
}

/* What @t names outright, and else all that its hash finds. */
static enum pl_code find_page(const struct pl_reading *r, const struct target *t, uint64_t from,
                              struct pl_keysearch_page *page, struct pl_err *err)
{
    struct pl_keysearch search = {.keys = &t->key, .nkeys = 1, .from = from, .max = LIST_MAX};
    uint64_t index;
    enum pl_code rc = find_named(r, t, &index, err);

    if (rc == PL_ENOTFOUND && t->key.n != 0)
        return pl_keysearch(r, &search, &r->req->arena, page, err);
    PL_TRY(rc);
    *page = (struct pl_keysearch_page){
        .indexes = pl_arena_array(&r->req->arena, 1, sizeof(*page->indexes)), .n = 1};
    if (page->indexes == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for a list");
    page->indexes[0] = index;
out:
    return rc;
}

static enum pl_code render_list(const struct pl_reading *r, struct pl_keysearch_page *page,
                                struct pl_buf *out, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    size_t bytes = 0;

    pl_buf_add_byte(out, '[');
    for (size_t i = 0; i < page->n; i++) {
        if (bytes > LIST_BYTES_MAX) {
            page->more = true;
            page->next = page->indexes[i];
            break;
        }
        PL_TRY(list_one(r, page->indexes[i], &bytes, out, err));
    }
    pl_buf_add_byte(out, ']');
out:
    return rc;
}

static void get_list(struct pl_req *req, const struct target *t, uint64_t from)
{
    struct pl_keysearch_page page;
    struct pl_reading r;
    struct pl_buf out;
    struct pl_err err;
    enum pl_code rc;

    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = find_page(&r, t, from, &page, &err);
    if (rc == PL_OK)
        rc = render_list(&r, &page, &out, &err);
    pl_reading_end(&r);
    PL_TRY(rc);
    PL_TRY(pl_buf_check(&out, "list", &err));
out:
    if (rc != PL_OK) {
        pl_reply_err(req, &err);
        return;
    }
    pl_reply_next(req, &page);
    pl_reply_json(req, 200, pl_buf_bytes(&out));
}

/* ---- the request ---- */

static bool bind_format(struct pl_req *req, enum format *out, struct pl_binding *b)
{
    struct pl_bytes text;
    bool given = pl_req_query(req, "format", &text);

    *out = FORMAT_PLAIN;
    if (!given) {
        if (!pl_accepts(req, ENVELOPE_TYPE) && pl_accepts(req, PL_BUNDLE_V03))
            *out = FORMAT_BUNDLE;
        return true;
    }
    if (pl_bytes_eq_str(text, "list"))
        *out = FORMAT_LIST;
    else if (pl_bytes_eq_str(text, "bundle"))
        *out = FORMAT_BUNDLE;
    else if (!pl_bytes_eq_str(text, "dsse"))
        return pl_binding_fail(b, 606, "format in query should be one of [dsse bundle list]");
    return true;
}

static void get_attestation(struct pl_req *req)
{
    struct pl_binding b = {0};
    enum format format;
    struct target t;
    int64_t from = 0;

    if (!bind_format(req, &format, &b) || !pl_bind_i64(req, "from", false, 0, &from, &b)) {
        pl_binding_reply(req, &b);
    } else if (!parse_target(req, req->params[0], &t)) {
        pl_reply_binding(req, 605,
                         "id in path should be an entry id (80 hex digits), a uuid (64), a log "
                         "index or sha256: with 64 hex digits");
    } else if (format == FORMAT_LIST) {
        get_list(req, &t, (uint64_t)from);
    } else {
        get_one(req, &t, format);
    }
}

const struct pl_route PL_ROUTES_ATTEST[] = {
    {"/provlog/v1/attestations/{id}", PL_GET, 0, get_attestation,
     PL_ROUTE_CORS | PL_ROUTE_NO_CACHE},
    {NULL, 0, 0, NULL, 0},
};
