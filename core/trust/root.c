/* SPDX-License-Identifier: Apache-2.0 */
/* root.c - trusted_root.json in and out, signing_config.json out. */
#include "core/trust/root.h"

#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/tlog/note.h"

#define ROOT_JSON_MAX ((size_t)4 << 20) /* the public root is 7 KB */
#define LOGS_MAX      256               /* shards of some years */

static const char ROOT_TYPE[] = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
static const char CONFIG_TYPE[] = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

static bool media_type_known(struct pl_bytes type)
{
    return pl_bytes_eq_str(type, ROOT_TYPE) ||
           pl_bytes_eq_str(type, "application/vnd.dev.sigstore.trustedroot+json;version=0.2") ||
           pl_bytes_eq_str(type, "application/vnd.dev.sigstore.trustedroot.v0.1+json") ||
           pl_bytes_eq_str(type, "application/vnd.dev.sigstore.trustedroot.v0.2+json");
}

/* validFor{start, end}: closed at both ends; a log without a start makes the root malformed. */
static enum pl_code parse_valid_for(const json_t *key, const char *where,
                                    struct pl_trusted_log *log, struct pl_err *err)
{
    struct pl_bytes start, end;
    char path[80];
    json_t *range;
    enum pl_code rc;

    PL_TRY(pl_json_object(key, where, "validFor", &range, err));
    (void)snprintf(path, sizeof path, "%s.validFor", where);
    PL_TRY(pl_json_string(range, path, "start", &start, err));
    PL_TRY(pl_json_string_opt(range, path, "end", &end, err));
    if (!pl_parse_rfc3339(start, &log->start))
        return PL_FAIL(err, PL_EINVAL, "%s.validFor.start is not an RFC 3339 time: " PL_FMT, where,
                       PL_ARG(start));
    log->end = INT64_MAX;
    if (end.n != 0 && !pl_parse_rfc3339(end, &log->end))
        return PL_FAIL(err, PL_EINVAL, "%s.validFor.end is not an RFC 3339 time: " PL_FMT, where,
                       PL_ARG(end));
    if (log->end < log->start)
        return PL_FAIL(err, PL_EINVAL, "%s.validFor ends before it starts", where);
out:
    return rc;
}

static enum pl_code parse_log(const json_t *obj, size_t at, struct pl_arena *arena,
                              struct pl_trusted_log *log, struct pl_err *err)
{
    char where[48], below[64];
    struct pl_bytes spki, id, url;
    json_t *key, *log_id;
    enum pl_code rc;

    (void)snprintf(where, sizeof where, "tlogs[%zu]", at);
    if (!json_is_object(obj))
        return PL_FAIL(err, PL_EINVAL, "%s must be an object", where);
    PL_TRY(pl_json_string_opt(obj, where, "baseUrl", &url, err));
    PL_TRY(pl_json_object(obj, where, "publicKey", &key, err));
    (void)snprintf(below, sizeof below, "%s.publicKey", where);
    PL_TRY(pl_json_base64(key, below, "rawBytes", arena, &spki, err));
    PL_TRY(parse_valid_for(key, below, log, err));
    PL_TRY(pl_json_object(obj, where, "logId", &log_id, err));
    (void)snprintf(below, sizeof below, "%s.logId", where);
    PL_TRY(pl_json_base64(log_id, below, "keyId", arena, &id, err));
    if (id.n != PL_HASH_SIZE)
        return PL_FAIL(err, PL_EINVAL, "%s.keyId must be 32 bytes, has %zu", below, id.n);
    memcpy(log->log_id.b, id.p, PL_HASH_SIZE);
    log->base_url = pl_arena_dup(arena, url);
    if (log->base_url.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    rc = pl_key_from_spki(spki, &log->key, err);
    if (rc != PL_OK)
        (void)pl_err_wrap(err, "%s.publicKey.rawBytes", where);
out:
    return rc;
}

static enum pl_code parse_logs(const json_t *list, struct pl_trusted_root *root, struct pl_err *err)
{
    size_t n = json_array_size(list), i, j;
    enum pl_code rc = PL_OK;

    if (n > LOGS_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "tlogs has %zu members, at most %d are read", n, LOGS_MAX);
    root->logs = pl_arena_array(&root->arena, n != 0 ? n : 1, sizeof *root->logs);
    if (root->logs == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    for (i = 0; i < n; i++) {
        PL_TRY(parse_log(json_array_get(list, i), i, &root->arena, &root->logs[i], err));
        root->nlogs = i + 1;
        for (j = 0; j < i; j++) {
            if (pl_hash_eq(&root->logs[j].log_id, &root->logs[i].log_id))
                return PL_FAIL(err, PL_EINVAL, "tlogs[%zu] and tlogs[%zu] have the same logId", j,
                               i);
        }
    }
out:
    return rc;
}

enum pl_code pl_trusted_root_parse(struct pl_bytes json, struct pl_trusted_root *out,
                                   struct pl_err *err)
{
    struct pl_trusted_root root = {.nlogs = 0};
    struct pl_bytes type;
    json_t *doc = NULL, *list;
    enum pl_code rc;

    pl_arena_init(&root.arena, 4 * ROOT_JSON_MAX);
    PL_TRY(pl_json_load(json, ROOT_JSON_MAX, &doc, err));
    if (!json_is_object(doc)) {
        rc = PL_FAIL(err, PL_EINVAL, "a trusted root must be a JSON object");
        goto out;
    }
    PL_TRY(pl_json_string(doc, "", "mediaType", &type, err));
    if (!media_type_known(type)) {
        rc = PL_FAIL(err, PL_EINVAL, "mediaType \"" PL_FMT "\" is not a trusted root's, such as %s",
                     PL_ARG(type), ROOT_TYPE);
        goto out;
    }
    PL_TRY(pl_json_array_opt(doc, "", "tlogs", &list, err));
    PL_TRY(parse_logs(list, &root, err));
out:
    json_decref(doc);
    if (rc == PL_OK) {
        *out = root;
    } else {
        pl_trusted_root_free(&root);
        (void)pl_err_wrap(err, "trusted root");
    }
    return rc;
}

enum pl_code pl_trusted_root_from_key(const struct pl_key *key, struct pl_trusted_root *out,
                                      struct pl_err *err)
{
    struct pl_trusted_root root = {.nlogs = 1};

    pl_arena_init(&root.arena, 1 << 16);
    root.logs = pl_arena_array(&root.arena, 1, sizeof *root.logs);
    if (root.logs == NULL) {
        pl_arena_free(&root.arena);
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    }
    root.logs[0].key = pl_key_ref(key);
    root.logs[0].log_id = *pl_key_id(key);
    root.logs[0].start = INT64_MIN;
    root.logs[0].end = INT64_MAX;
    *out = root;
    return PL_OK;
}

void pl_trusted_root_free(struct pl_trusted_root *root)
{
    size_t i;

    if (root == NULL)
        return;
    for (i = 0; i < root->nlogs; i++)
        pl_key_unref(root->logs[i].key);
    pl_arena_free(&root->arena);
    *root = (struct pl_trusted_root){.nlogs = 0};
}

const struct pl_trusted_log *pl_trusted_root_log(const struct pl_trusted_root *root,
                                                 const struct pl_hash *log_id)
{
    size_t i;

    for (i = 0; i < root->nlogs; i++) {
        if (pl_hash_eq(&root->logs[i].log_id, log_id))
            return &root->logs[i];
    }
    return NULL;
}

/* ---- writing ---- */

/* Host of a URL: what lies between "://" and the next '/' or ':' (a bracketed address stays whole).
 */
static struct pl_bytes url_host(struct pl_bytes url)
{
    const uint8_t *p = url.p, *end = url.p + url.n, *at, *from;

    for (at = p; at + 3 <= end; at++) {
        if (memcmp(at, "://", 3) == 0) {
            p = at + 3;
            break;
        }
    }
    from = p;
    if (p < end && *p == '[') {
        while (p < end && *p != ']')
            p++;
        return pl_bytes(from, (size_t)(p < end ? p + 1 - from : p - from));
    }
    while (p < end && *p != '/' && *p != ':')
        p++;
    return pl_bytes(from, (size_t)(p - from));
}

/* v1 logs: SHA-256 of the SPKI. C2SP Ed25519 logs: SHA-256(name LF 0x01 key), name = host. */
static void make_log_id(const struct pl_root_log_in *log, struct pl_hash *out)
{
    struct pl_bytes spki = pl_key_spki(log->key);
    struct pl_sha256 s;

    if (pl_key_type(log->key) != PL_KEY_ED25519 || spki.n < 32) {
        *out = *pl_key_id(log->key);
        return;
    }
    pl_sha256_init(&s);
    pl_sha256_add(&s, url_host(log->base_url));
    pl_sha256_add(&s, PL_LIT("\n\x01"));
    pl_sha256_add(&s, pl_bytes(spki.p + spki.n - 32, 32));
    pl_sha256_end(&s, out);
}

static void add_start(struct pl_buf *out, int64_t start)
{
    char text[PL_RFC3339_LEN + 1];

    pl_format_rfc3339(start, text);
    pl_buf_add_str(out, "\"validFor\":{\"start\":\"");
    pl_buf_add_str(out, text);
    pl_buf_add_str(out, "\"}");
}

static void add_log(const struct pl_root_log_in *log, struct pl_buf *out)
{
    struct pl_hash id;

    make_log_id(log, &id);
    pl_buf_add_str(out, "{\"baseUrl\":");
    pl_buf_add_json_string(out, log->base_url);
    pl_buf_add_str(out, ",\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"");
    pl_buf_add_base64(out, pl_key_spki(log->key));
    pl_buf_add_str(out, "\",\"keyDetails\":\"");
    pl_buf_add_str(out, pl_key_details(log->key));
    pl_buf_add_str(out, "\",");
    add_start(out, log->start);
    pl_buf_add_str(out, "},\"logId\":{\"keyId\":\"");
    pl_buf_add_base64(out, pl_hash_bytes(&id));
    pl_buf_add_str(out, "\"}}");
}

/* Appends ,"name":[...] from @extra, or an empty array when @always. */
static enum pl_code add_extra(const json_t *extra, const char *name, bool always,
                              struct pl_buf *out, struct pl_err *err)
{
    json_t *list = NULL;
    enum pl_code rc = PL_OK;

    if (extra != NULL)
        PL_TRY(pl_json_array_opt(extra, "", name, &list, err));
    if (list == NULL && !always)
        return PL_OK;
    pl_buf_add_str(out, ",\"");
    pl_buf_add_str(out, name);
    pl_buf_add_str(out, "\":");
    if (list == NULL)
        pl_buf_add_str(out, "[]");
    else
        PL_TRY(pl_json_canonical(list, out, err));
out:
    return rc;
}

static enum pl_code load_extra(struct pl_bytes text, json_t **out, struct pl_err *err)
{
    enum pl_code rc;

    *out = NULL;
    if (text.n == 0)
        return PL_OK;
    PL_TRY(pl_json_load(text, ROOT_JSON_MAX, out, err));
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        rc = PL_FAIL(err, PL_EINVAL, "must be a JSON object");
    }
out:
    if (rc != PL_OK)
        (void)pl_err_wrap(err, "additional trust");
    return rc;
}

enum pl_code pl_trusted_root_write(const struct pl_root_log_in *logs, size_t nlogs,
                                   struct pl_bytes extra, struct pl_buf *out, struct pl_err *err)
{
    json_t *more = NULL;
    enum pl_code rc;
    size_t i;

    PL_TRY(load_extra(extra, &more, err));
    pl_buf_add_str(out, "{\"mediaType\":\"");
    pl_buf_add_str(out, ROOT_TYPE);
    pl_buf_add_str(out, "\",\"tlogs\":[");
    for (i = 0; i < nlogs; i++) {
        if (i != 0)
            pl_buf_add_byte(out, ',');
        add_log(&logs[i], out);
    }
    pl_buf_add_byte(out, ']');
    PL_TRY(add_extra(more, "certificateAuthorities", true, out, err));
    PL_TRY(add_extra(more, "ctlogs", true, out, err));
    PL_TRY(add_extra(more, "timestampAuthorities", true, out, err));
    pl_buf_add_byte(out, '}');
    rc = pl_buf_check(out, "trusted root", err);
out:
    json_decref(more);
    return rc;
}

enum pl_code pl_signing_config_write(struct pl_bytes base_url, int64_t start, struct pl_bytes extra,
                                     struct pl_buf *out, struct pl_err *err)
{
    json_t *more = NULL;
    enum pl_code rc;

    PL_TRY(load_extra(extra, &more, err));
    pl_buf_add_str(out, "{\"mediaType\":\"");
    pl_buf_add_str(out, CONFIG_TYPE);
    pl_buf_add_str(out, "\",\"rekorTlogUrls\":[{\"url\":");
    pl_buf_add_json_string(out, base_url);
    pl_buf_add_str(out, ",\"majorApiVersion\":1,");
    add_start(out, start);
    pl_buf_add_str(out, ",\"operator\":");
    pl_buf_add_json_string(out, url_host(base_url));
    pl_buf_add_str(out, "}],\"rekorTlogConfig\":{\"selector\":\"ANY\"}");
    PL_TRY(add_extra(more, "caUrls", false, out, err));
    PL_TRY(add_extra(more, "oidcUrls", false, out, err));
    PL_TRY(add_extra(more, "tsaUrls", false, out, err));
    if (more != NULL && json_object_get(more, "tsaUrls") != NULL)
        pl_buf_add_str(out, ",\"tsaConfig\":{\"selector\":\"ANY\"}");
    pl_buf_add_byte(out, '}');
    rc = pl_buf_check(out, "signing config", err);
out:
    json_decref(more);
    return rc;
}
