/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one log: its address, its trusted key, its answers. */
#include <stdio.h>
#include <strings.h>

#include "client/client.h"

/* ---- requests ---- */

enum pl_code pl_client_connect(struct pl_client *c, struct pl_err *err)
{
    struct pl_http_options o = {.server = c->args.server,
                                .ca_cert = c->args.ca_cert,
                                .timeout_s = (unsigned)c->args.timeout_s,
                                .retries = (unsigned)c->args.retries};
    if (c->http != NULL)
        return PL_OK;
    if (o.server == NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "which log? Give --server URL or set PROVLOG_SERVER; there is no default");
    return pl_http_open(&o, &c->http, err);
}

/* What the server's status means to the caller; @a->status is not 200 or 201. */
static enum pl_code refusal(struct pl_client *c, const struct pl_rekor_request *req,
                            const struct pl_http_answer *a, struct pl_err *err)
{
    struct pl_bytes text = pl_rekor_error_text(a->body, &c->arena);
    const char *server = pl_http_server(c->http);
    int n = (int)(text.n < 300 ? text.n : 300);

    if (a->status == 404 && strcmp(req->method, "GET") == 0)
        return PL_FAIL_CAUSE(err, PL_ENOTFOUND, a->status, "%s does not have it (404)%s%.*s",
                             server, n > 0 ? ": " : "", n, (const char *)text.p);
    if (a->status >= 300 && a->status < 400)
        return PL_FAIL_CAUSE(err, PL_EINVAL, a->status,
                             "%s answers with a redirect (%d) to \"" PL_FMT
                             "\", which is not followed: give that address as --server",
                             server, a->status, PL_ARG(a->location));
    if ((a->status >= 400 && a->status < 500) || a->status == 501)
        return PL_FAIL_CAUSE(err, PL_EINVAL, a->status, "%s refused with status %d%s%.*s", server,
                             a->status, n > 0 ? ": " : "", n, (const char *)text.p);
    return PL_FAIL_CAUSE(err, PL_EIO, a->status, "%s answered with status %d%s%.*s", server,
                         a->status, n > 0 ? ": " : "", n, (const char *)text.p);
}

enum pl_code pl_client_call(struct pl_client *c, const struct pl_rekor_request *req,
                            struct pl_http_answer *out, struct pl_err *err)
{
    struct pl_http_request r = {
        .method = req->method, .path = req->path, .body = req->body, .accept = req->accept};
    enum pl_code rc;

    PL_TRY(pl_client_connect(c, err));
    PL_TRY(pl_http_call(c->http, &r, &c->arena, out, err));
    if (out->status != 200 && out->status != 201)
        rc = refusal(c, req, out, err);
out:
    return rc;
}

/* ---- the log's key ---- */

/* Trusts the one key @pem; a root file is read as it is. */
static enum pl_code trust_pem(struct pl_client *c, struct pl_bytes pem, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_key_from_pem(pem, &c->pinned.key, err));
    c->pinned.log_id = *pl_key_id(c->pinned.key);
    c->pinned.start = INT64_MIN;
    c->pinned.end = INT64_MAX;
    c->root.logs = &c->pinned;
    c->root.nlogs = 1;
out:
    return rc;
}

static enum pl_code trust_file(struct pl_client *c, struct pl_err *err)
{
    const char *path = c->args.log_key != NULL ? c->args.log_key : c->args.trusted_root;
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_client_read(c, path, &text, err));
    rc = c->args.log_key != NULL ? trust_pem(c, text, err)
                                 : pl_trusted_root_parse(text, &c->root, err);
    if (rc != PL_OK)
        (void)pl_err_wrap(err, "%s", path);
out:
    return rc;
}

static enum pl_code trust_server(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_request req = {.method = "GET",
                                   .path = PL_LIT("/api/v1/log/publicKey"),
                                   .accept = "application/x-pem-file"};
    struct pl_http_answer answer;
    char hex[PL_HASH_HEX_SIZE];
    enum pl_code rc;

    PL_TRY(pl_client_call(c, &req, &answer, err));
    if ((rc = trust_pem(c, answer.body, err)) != PL_OK) {
        err->code = rc = PL_EIO;
        (void)pl_err_wrap(err, "the public key of %s", pl_http_server(c->http));
        goto out;
    }
    (void)fprintf(stderr,
                  "provlog: warning: trusting the key that %s gives as its own (SHA-256 %s); "
                  "pin it with --log-key or --trusted-root\n",
                  pl_http_server(c->http), pl_hash_hex(&c->pinned.log_id, hex));
out:
    return rc;
}

enum pl_code pl_client_trust(struct pl_client *c, bool offline, struct pl_err *err)
{
    enum pl_code rc;

    if (c->trusted)
        return PL_OK;
    if (c->args.log_key != NULL && c->args.trusted_root != NULL)
        return PL_FAIL(err, PL_EINVAL, "give --log-key or --trusted-root, not both");
    if (c->args.log_key != NULL || c->args.trusted_root != NULL)
        PL_TRY(trust_file(c, err));
    else if (offline)
        return PL_FAIL(err, PL_EINVAL,
                       "which log's key? Give --trusted-root FILE (from provlog trust export) or "
                       "--log-key FILE");
    else
        PL_TRY(trust_server(c, err));
    c->trusted = true;
out:
    return rc;
}

/* ---- answers ---- */

enum pl_code pl_client_check(struct pl_client *c, struct pl_bytes json, struct pl_bytes body,
                             struct pl_rekor_entry *out, struct pl_err *err)
{
    struct pl_rekor_entry entry;
    enum pl_code rc;

    PL_TRY(pl_client_trust(c, false, err));
    if ((rc = pl_rekor_parse_entry(json, &c->arena, &entry, err)) != PL_OK) {
        if (rc == PL_EINVAL)
            err->code = rc = PL_EIO; /* not our input */
        (void)pl_err_wrap(err, "the answer of %s", pl_http_server(c->http));
        goto out;
    }
    const struct pl_trusted_log *log = pl_trusted_root_log(&c->root, &entry.entry.log_id);
    if (log == NULL) {
        char hex[PL_HASH_HEX_SIZE];
        rc = PL_FAIL(err, PL_EVERIFY,
                     "the entry of %s is of log %s, whose key is not the trusted one",
                     pl_http_server(c->http), pl_hash_hex(&entry.entry.log_id, hex));
        goto out;
    }
    if ((rc = pl_rekor_check_entry(&entry, log, body, err)) != PL_OK) {
        if (rc == PL_EINVAL)
            err->code = rc = PL_EVERIFY;
        (void)pl_err_wrap(err, "the answer of %s does not verify", pl_http_server(c->http));
        goto out;
    }
    *out = entry;
out:
    return rc;
}

/* Is @entry what was asked for? A server could answer with another entry that is just as valid. */
static bool is_asked(const struct pl_rekor_entry *entry, uint64_t index, struct pl_bytes id)
{
    if (id.n == 0)
        return entry->entry.log_index == index;
    struct pl_bytes got = id.n == entry->uuid.n ? entry->uuid : entry->entry_id;
    return got.n == id.n && strncasecmp((const char *)got.p, (const char *)id.p, id.n) == 0;
}

enum pl_code pl_client_get(struct pl_client *c, uint64_t index, struct pl_bytes id,
                           struct pl_rekor_entry *out, struct pl_err *err)
{
    struct pl_rekor_request req;
    struct pl_http_answer answer;
    enum pl_code rc;

    if (id.n != 0)
        PL_TRY(pl_rekor_get_by_uuid(id, &c->arena, &req, err));
    else
        PL_TRY(pl_rekor_get_by_index(index, &c->arena, &req, err));
    PL_TRY(pl_client_call(c, &req, &answer, err));
    PL_TRY(pl_client_check(c, answer.body, pl_str(NULL), out, err));
    if (!is_asked(out, index, id))
        rc = PL_FAIL(err, PL_EVERIFY, "%s answered with another entry: index %llu, " PL_FMT,
                     pl_http_server(c->http), (unsigned long long)out->entry.log_index,
                     PL_ARG(out->uuid));
out:
    return rc;
}

enum pl_code pl_client_checkpoint(struct pl_client *c, struct pl_bytes note,
                                  struct pl_checkpoint *out, struct pl_err *err)
{
    enum pl_code rc = PL_FAIL(err, PL_EVERIFY, "no log's key is trusted");

    for (size_t i = 0; i < c->root.nlogs; i++)
        if ((rc = pl_checkpoint_open(note, c->root.logs[i].key, out, err)) == PL_OK)
            return PL_OK;
    if (rc == PL_EINVAL)
        err->code = rc = PL_EVERIFY;
    (void)pl_err_wrap(err, "checkpoint");
    return rc;
}

enum pl_code pl_client_log_info(struct pl_client *c, struct pl_rekor_log_info *info,
                                struct pl_checkpoint *checkpoint, struct pl_err *err)
{
    struct pl_rekor_request req;
    struct pl_http_answer answer;
    enum pl_code rc;

    PL_TRY(pl_client_trust(c, false, err));
    PL_TRY(pl_rekor_log_info(&c->arena, &req, err));
    PL_TRY(pl_client_call(c, &req, &answer, err));
    if ((rc = pl_rekor_parse_log_info(answer.body, &c->arena, info, err)) != PL_OK) {
        if (rc == PL_EINVAL)
            err->code = rc = PL_EIO;
        goto out;
    }
    PL_TRY(pl_client_checkpoint(c, info->checkpoint, checkpoint, err));
    if (checkpoint->size != info->size || !pl_hash_eq(&checkpoint->root, &info->root))
        rc = PL_FAIL(err, PL_EVERIFY,
                     "%s says size %llu, its signed checkpoint %llu, or their roots differ",
                     pl_http_server(c->http), (unsigned long long)info->size,
                     (unsigned long long)checkpoint->size);
out:
    return rc;
}
