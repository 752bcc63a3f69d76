/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_rekor1_search.c - POST /api/v1/index/retrieve: entry ids by hash, e-mail, subject, key.
 *
 * Exact at once: an entry is found as soon as its submission was answered. A very long result comes
 * in pages: X-Provlog-Next then names the index to ask for with ?from=.
 */
#include "core/base/enc.h"
#include "server/keysearch.h"

#define RESULTS_MAX ((size_t)10000)
#define ANSWER_MAX  ((size_t)4 << 20)
#define SUBJECT_MAX ((size_t)512)
#define PARSE       "parsing query body from \"\" failed, because "
#define HASH_PATTERN \
    "^(sha512:)?[0-9a-fA-F]{128}$|^(sha256:)?[0-9a-fA-F]{64}$|^(sha1:)?[0-9a-fA-F]{40}$"

struct query {
    struct pl_req *req;
    struct pl_binding binding;
    struct pl_bytes keys[PL_KEYSEARCH_KEYS_MAX];
    size_t nkeys;
    bool all;
    int64_t from;
};

static bool add_key(struct query *q, const char *prefix, struct pl_bytes text)
{
    struct pl_bytes key = pl_lower(&q->req->arena, prefix, text);

    if (key.p == NULL)
        return pl_binding_fail(&q->binding, 500, "no memory for a search key");
    q->keys[q->nkeys++] = key;
    return true;
}

static bool read_text(struct query *q, const json_t *obj, const char *where, const char *name,
                      struct pl_bytes *out)
{
    struct pl_err err;

    if (pl_json_string_opt(obj, where, name, out, &err) != PL_OK)
        return pl_binding_fail(&q->binding, 400, PARSE "%s", err.text);
    return true;
}

/* With the prefix that its length stands for, if it has none. */
static bool bind_hash(struct query *q, const json_t *root)
{
    static const struct {
        const char *prefix;
        size_t digits;
    } forms[] = {{"sha512:", 128}, {"sha256:", 64}, {"sha1:", 40}};
    struct pl_bytes text;

    if (!read_text(q, root, "", "hash", &text))
        return false;
    if (text.n == 0)
        return true;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t skip = pl_bytes_has_prefix(text, forms[i].prefix) ? strlen(forms[i].prefix) : 0;
        struct pl_bytes hex = pl_bytes(text.p + skip, text.n - skip);
        if (hex.n == forms[i].digits && pl_is_hex(hex))
            return add_key(q, forms[i].prefix, hex);
    }
    return pl_binding_fail(&q->binding, 605, "hash in body should match '" HASH_PATTERN "'");
}

static bool bind_names(struct query *q, const json_t *root)
{
    struct pl_bytes email, subject;

    if (!read_text(q, root, "", "email", &email) || !read_text(q, root, "", "subject", &subject))
        return false;
    if (subject.n > SUBJECT_MAX)
        return pl_binding_fail(&q->binding, 603, "subject in body should be at most %zu chars long",
                               SUBJECT_MAX);
    return (email.n == 0 || add_key(q, "", email)) && (subject.n == 0 || add_key(q, "", subject));
}

static bool bind_format(struct query *q, struct pl_bytes format)
{
    static const char *const known[] = {"pgp", "x509", "minisign", "ssh", "tuf"};

    if (format.n == 0)
        return pl_binding_fail(&q->binding, 602, "publicKey.format in body is required");
    if (pl_bytes_eq_str(format, "x509"))
        return true;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (pl_bytes_eq_str(format, known[i]))
            return pl_binding_fail(&q->binding, 400,
                                   "the PKI format requested is not supported by this server: it "
                                   "knows x509");
    return pl_binding_fail(&q->binding, 606,
                           "publicKey.format in body should be one of [pgp x509 minisign ssh tuf]");
}

/* Searched by SHA-256 of the canonical PEM. */
static bool bind_key(struct query *q, const json_t *root)
{
    const struct pl_verifier *verifier = NULL;
    struct pl_bytes format, pem;
    char hex[PL_HASH_HEX_SIZE];
    struct pl_err err;
    enum pl_code rc;
    json_t *obj;

    if (pl_json_object_opt(root, "", "publicKey", &obj, &err) != PL_OK)
        return pl_binding_fail(&q->binding, 400, PARSE "%s", err.text);
    if (obj == NULL)
        return true;
    if (!read_text(q, obj, "publicKey", "format", &format) || !bind_format(q, format))
        return false;
    PL_TRY(pl_json_base64(obj, "publicKey", "content", &q->req->arena, &pem, &err));
    PL_TRY(pl_verifier_load(q->req->loop->verifiers, pem, &verifier, &err));
    pl_hash_hex(&verifier->pem_hash, hex);
    pl_verifier_unref(verifier);
out:
    if (rc != PL_OK)
        return pl_binding_fail(&q->binding, pl_reply_status(rc),
                               "public key provided could not be parsed: %s", err.text);
    return add_key(q, "", pl_str(hex));
}

static bool bind_operator(struct query *q, const json_t *root)
{
    struct pl_bytes operator;

    if (!read_text(q, root, "", "operator", &operator))
        return false;
    q->all = pl_bytes_eq_str(operator, "and");
    if (operator.n != 0 && !q->all && !pl_bytes_eq_str(operator, "or"))
        return pl_binding_fail(&q->binding, 606, "operator in body should be one of [and or]");
    return true;
}

static bool bind(struct query *q)
{
    json_t *root = NULL;

    if (!pl_bind_i64(q->req, "from", false, 0, &q->from, &q->binding) ||
        !pl_bind_object(q->req->body, "query", PARSE, &root, &q->binding))
        return false;
    bool ok =
        bind_hash(q, root) && bind_names(q, root) && bind_operator(q, root) && bind_key(q, root);
    json_decref(root);
    return ok;
}

/* Leaf hashes of entries: nodes of level 0, read in one go without their bodies. */
static enum pl_code read_leaves(const struct pl_reading *r, const struct pl_keysearch_page *page,
                                struct pl_hash **out, struct pl_err *err)
{
    struct pl_view_hashes hashes = {
        .view = r->req->loop->view, .log_id = PL_LOG_ID_V1, .size = r->state->size};
    struct pl_node *nodes = pl_arena_array(&r->req->arena, page->n + 1, sizeof(*nodes));
    struct pl_hash *leaves = pl_arena_array(&r->req->arena, page->n + 1, sizeof(*leaves));
    enum pl_code rc = PL_OK;

    if (nodes == NULL || leaves == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for %zu entry ids", page->n);
    for (size_t i = 0; i < page->n; i++)
        nodes[i] = (struct pl_node){.level = 0, .index = page->indexes[i]};
    if (page->n != 0)
        PL_TRY(pl_view_hashes(&hashes, nodes, page->n, leaves, err));
    *out = leaves;
out:
    return rc;
}

static enum pl_code render(const struct pl_reading *r, const struct query *q,
                           struct pl_keysearch_page *page, struct pl_buf *out, struct pl_err *err)
{
    struct pl_keysearch search = {.keys = q->keys,
                                  .nkeys = q->nkeys,
                                  .all = q->all,
                                  .from = (uint64_t)q->from,
                                  .max = RESULTS_MAX};
    struct pl_hash *leaves;
    char id[PL_ENTRY_ID_SIZE];
    enum pl_code rc;

    PL_TRY(pl_keysearch(r, &search, &q->req->arena, page, err));
    PL_TRY(read_leaves(r, page, &leaves, err));
    pl_buf_add_byte(out, '[');
    for (size_t i = 0; i < page->n; i++) {
        pl_buf_add_str(out, i == 0 ? "\"" : ",\"");
        pl_buf_add_str(out, pl_entry_id(&q->req->app->v1, &leaves[i], id));
        pl_buf_add_byte(out, '"');
    }
    pl_buf_add_byte(out, ']');
    PL_TRY(pl_buf_check(out, "search result", err));
out:
    return rc;
}

void pl_api_search_index(struct pl_req *req)
{
    struct query q = {.req = req};
    struct pl_keysearch_page page;
    struct pl_reading r;
    struct pl_buf out;
    struct pl_err err;
    enum pl_code rc;

    if (!bind(&q)) {
        pl_binding_reply(req, &q.binding);
        return;
    }
    pl_buf_init_arena(&out, &req->arena, ANSWER_MAX);
    PL_TRY(pl_reading_begin(&r, req, NULL, &err));
    rc = render(&r, &q, &page, &out, &err);
    pl_reading_end(&r);
out:
    if (rc != PL_OK) {
        pl_reply_err(req, &err);
        return;
    }
    pl_reply_next(req, &page);
    pl_reply_json(req, 200, pl_buf_bytes(&out));
}
