/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_get.c - get and search. */
#include "client/client.h"
#include "core/base/enc.h"
#include "core/base/num.h"

#define SHOWN_MAX 10 /* entries that search fetches */

enum pl_code pl_cmd_get(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_entry entry;
    enum pl_code rc;

    if (c->args.has_log_index == (c->args.uuid != NULL))
        return PL_FAIL(err, PL_EINVAL, "give --log-index N or --uuid HEX, one of them");
    PL_TRY(pl_client_connect(c, err));
    PL_TRY(pl_client_get(c, c->args.log_index, pl_str(c->args.uuid), &entry, err));
    pl_out_entry(c, &entry);
    pl_out_json(c, "body", entry.entry.body);
out:
    return rc;
}

/* ---- search ---- */

/* Predicate types are search keys of their own, "predicate:TYPE". */
static enum pl_code type_request(struct pl_client *c, struct pl_rekor_request *req,
                                 struct pl_err *err)
{
    struct pl_bytes type = pl_predicate_type_expand(pl_str(c->args.type));
    struct pl_buf key, body;

    if (type.n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "--type \"" PL_FMT "\" is neither a URI nor a known short name",
                       PL_ARG(pl_str(c->args.type)));
    pl_buf_init_arena(&key, &c->arena, 4096);
    pl_buf_add_str(&key, "predicate:");
    pl_buf_add_bytes(&key, type);
    pl_buf_init_arena(&body, &c->arena, 16384);
    pl_buf_add_str(&body, "{\"subject\":");
    pl_buf_add_json_lossy(&body, pl_buf_bytes(&key));
    pl_buf_add_str(&body, "}");
    if (!pl_buf_ok(&key) || !pl_buf_ok(&body))
        return PL_FAIL(err, PL_EINVAL, "--type is too long");
    *req = (struct pl_rekor_request){.method = "POST",
                                     .path = PL_LIT("/api/v1/index/retrieve"),
                                     .body = pl_buf_bytes(&body),
                                     .accept = "application/json"};
    return PL_OK;
}

static enum pl_code digest_text(struct pl_client *c, struct pl_bytes *out, struct pl_err *err)
{
    struct pl_artifact a;
    char hex[PL_HASH_HEX_SIZE];
    enum pl_code rc = PL_OK;

    if (c->args.artifact != NULL)
        PL_TRY(pl_client_artifact(c, c->args.artifact, &a, err));
    else if (!pl_parse_sha256(c->args.sha256, &a.sha256))
        return PL_FAIL(err, PL_EINVAL, "--sha256 \"" PL_FMT "\" is not 64 hex digits",
                       PL_ARG(pl_str(c->args.sha256)));
    const char *text = pl_arena_printf(&c->arena, "sha256:%s", pl_hash_hex(&a.sha256, hex));
    if (text == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    *out = pl_str(text);
out:
    return rc;
}

static enum pl_code search_request(struct pl_client *c, struct pl_rekor_request *req,
                                   struct pl_err *err)
{
    const struct pl_args *a = &c->args;
    const struct pl_verifier *key = NULL;
    struct pl_bytes hash = pl_str(NULL), pem = pl_str(NULL);
    int given = (a->sha256 != NULL) + (a->artifact != NULL) + (a->email != NULL) +
                (a->public_key != NULL) + (a->type != NULL);
    enum pl_code rc;

    if (given != 1)
        return PL_FAIL(err, PL_EINVAL,
                       "give exactly one of --sha256, --artifact, --email, --public-key, --type");
    if (a->type != NULL)
        return type_request(c, req, err);
    if (a->sha256 != NULL || a->artifact != NULL)
        PL_TRY(digest_text(c, &hash, err));
    if (a->public_key != NULL) {
        PL_TRY(pl_client_verifier(c, a->public_key, &key, err));
        pem = key->pem;
    }
    PL_TRY(pl_rekor_search(hash, pl_str(a->email), pem, &c->arena, req, err));
out:
    pl_verifier_unref(key);
    return rc;
}

/* One line: "12  2026-01-02T03:04:05Z  dsse  ENTRYID". */
static void show_text(struct pl_client *c, struct pl_bytes id, const struct pl_rekor_entry *entry)
{
    char when[PL_RFC3339_LEN + 1];

    if (entry != NULL) {
        pl_format_rfc3339(entry->entry.integrated_time, when);
        pl_buf_addf(&c->out, "%llu  %s  " PL_FMT "  ", (unsigned long long)entry->entry.log_index,
                    when, PL_ARG(entry->entry.kind));
    }
    pl_buf_add_bytes(&c->out, id);
    pl_buf_add_str(&c->out, "\n");
}

/* One object of the array in JSON output. */
static void show_json(struct pl_client *c, struct pl_bytes id, const struct pl_rekor_entry *entry)
{
    pl_buf_add_str(&c->out, "{\"entry_id\":");
    pl_buf_add_json_lossy(&c->out, id);
    if (entry != NULL) {
        pl_out_u64(c, "log_index", entry->entry.log_index);
        pl_out_text(c, "uuid", entry->uuid);
        pl_out_text(c, "kind", entry->entry.kind);
        pl_out_time(c, "integrated", entry->entry.integrated_time);
        pl_out_json(c, "body", entry->entry.body);
    }
    pl_buf_add_str(&c->out, "}");
}

static enum pl_code show_all(struct pl_client *c, const json_t *ids, struct pl_err *err)
{
    size_t n = json_array_size(ids);
    enum pl_code rc = PL_OK;

    pl_out_u64(c, "found", n);
    pl_out_json(c, "entries", PL_LIT("["));
    for (size_t i = 0; i < n; i++) {
        struct pl_bytes id = pl_json_text(json_array_get(ids, i));
        struct pl_rekor_entry entry;
        if (i < SHOWN_MAX)
            PL_TRY(pl_client_get(c, 0, id, &entry, err));
        if (c->json && i > 0)
            pl_buf_add_str(&c->out, ",");
        (c->json ? show_json : show_text)(c, id, i < SHOWN_MAX ? &entry : NULL);
    }
    if (c->json)
        pl_buf_add_str(&c->out, "]");
out:
    return rc;
}

/* An array of entry ids, all of them hex of one of the two lengths. */
static enum pl_code parse_ids(struct pl_client *c, struct pl_bytes text, json_t **out,
                              struct pl_err *err)
{
    json_t *ids = NULL;

    if (pl_json_load(text, PL_HTTP_ANSWER_MAX, &ids, err) != PL_OK || !json_is_array(ids))
        goto bad;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *item = json_array_get(ids, i);
        struct pl_bytes id = json_is_string(item) ? pl_json_text(item) : pl_str(NULL);
        if ((id.n != 64 && id.n != 80) || !pl_is_hex(id))
            goto bad;
    }
    *out = ids;
    return PL_OK;
bad:
    json_decref(ids);
    return PL_FAIL(err, PL_EIO, "the answer of %s is not a list of entry ids",
                   pl_http_server(c->http));
}

enum pl_code pl_cmd_search(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_request req;
    struct pl_http_answer answer;
    json_t *ids = NULL;
    enum pl_code rc;

    PL_TRY(pl_client_connect(c, err));
    PL_TRY(search_request(c, &req, err));
    PL_TRY(pl_client_call(c, &req, &answer, err));
    PL_TRY(parse_ids(c, answer.body, &ids, err));
    if (json_array_size(ids) == 0) {
        rc = PL_FAIL(err, PL_ENOTFOUND, "%s has no such entry", pl_http_server(c->http));
        goto out;
    }
    PL_TRY(show_all(c, ids, err));
out:
    json_decref(ids);
    return rc;
}
