/* SPDX-License-Identifier: Apache-2.0 */
/* rekor.c - requests and answers of Rekor v1 (rekor-v1 reference 2, 3 and 11), without I/O. */
#include "client/rekor.h"

#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/tlog/checkpoint.h"
#include "core/tlog/merkle.h"
#include "core/verify/verify.h"

#include <inttypes.h>

#define ANSWER_MAX     ((size_t)64 << 20) /* the largest attestation in base64, with room */
#define JSON_TYPE      "application/json"
#define UUID_LEN       ((size_t)64)
#define TREE_LEN       ((size_t)16)
#define ERROR_TEXT_MAX 400

/* ---- requests ---- */

static enum pl_code finish(const char *method, struct pl_bytes path, struct pl_bytes body,
                           struct pl_rekor_request *out, struct pl_err *err)
{
    if (path.p == NULL || (body.n == 0 && strcmp(method, "GET") != 0))
        return PL_FAIL(err, PL_ENOMEM, "request: out of memory");
    *out = (struct pl_rekor_request){
        .method = method, .path = path, .body = body, .accept = JSON_TYPE};
    return PL_OK;
}

static enum pl_code post(struct pl_bytes path, const struct pl_buf *body,
                         struct pl_rekor_request *out, struct pl_err *err)
{
    enum pl_code rc = pl_buf_check(body, "request", err);

    return rc != PL_OK ? rc : finish("POST", path, pl_buf_bytes(body), out, err);
}

enum pl_code pl_rekor_post_entry(struct pl_bytes proposal, struct pl_arena *arena,
                                 struct pl_rekor_request *out, struct pl_err *err)
{
    return finish("POST", PL_LIT("/api/v1/log/entries"), pl_arena_dup(arena, proposal), out, err);
}

enum pl_code pl_rekor_get_by_index(uint64_t index, struct pl_arena *arena,
                                   struct pl_rekor_request *out, struct pl_err *err)
{
    const char *path = pl_arena_printf(arena, "/api/v1/log/entries?logIndex=%" PRIu64, index);

    return finish("GET", pl_str(path), pl_str(NULL), out, err);
}

static bool is_entry_id(struct pl_bytes id)
{
    return (id.n == UUID_LEN || id.n == TREE_LEN + UUID_LEN) && pl_is_hex(id);
}

/* In the arena, hex digits in lower case; p == NULL: out of memory. */
static struct pl_bytes lower(struct pl_bytes hex, struct pl_arena *arena)
{
    uint8_t *p = pl_arena_alloc(arena, hex.n + 1);

    if (p == NULL)
        return pl_str(NULL);
    for (size_t i = 0; i < hex.n; i++)
        p[i] = hex.p[i] >= 'A' && hex.p[i] <= 'F' ? (uint8_t)(hex.p[i] - 'A' + 'a') : hex.p[i];
    return pl_bytes(p, hex.n);
}

enum pl_code pl_rekor_get_by_uuid(struct pl_bytes id, struct pl_arena *arena,
                                  struct pl_rekor_request *out, struct pl_err *err)
{
    struct pl_buf path;

    if (!is_entry_id(id))
        return PL_FAIL(err, PL_EINVAL,
                       "\"" PL_FMT "\" is not an entry: 64 (UUID) or 80 (entry ID) hex digits",
                       PL_ARG(id));
    pl_buf_init_arena(&path, arena, 256);
    pl_buf_add_str(&path, "/api/v1/log/entries/");
    pl_buf_add_bytes(&path, lower(id, arena));
    return finish("GET", pl_buf_ok(&path) ? pl_buf_bytes(&path) : pl_str(NULL), pl_str(NULL), out,
                  err);
}

enum pl_code pl_rekor_retrieve(struct pl_bytes proposal, struct pl_arena *arena,
                               struct pl_rekor_request *out, struct pl_err *err)
{
    struct pl_buf body;

    pl_buf_init_arena(&body, arena, PL_ARENA_REQUEST_MAX);
    (void)pl_buf_reserve(&body, proposal.n + 32);
    pl_buf_add_str(&body, "{\"entries\":[");
    pl_buf_add_bytes(&body, proposal);
    pl_buf_add_str(&body, "]}");
    return post(PL_LIT("/api/v1/log/entries/retrieve"), &body, out, err);
}

enum pl_code pl_rekor_log_info(struct pl_arena *arena, struct pl_rekor_request *out,
                               struct pl_err *err)
{
    (void)arena;
    return finish("GET", PL_LIT("/api/v1/log"), pl_str(NULL), out, err);
}

enum pl_code pl_rekor_log_proof(uint64_t first, uint64_t last, struct pl_arena *arena,
                                struct pl_rekor_request *out, struct pl_err *err)
{
    const char *path = pl_arena_printf(
        arena, "/api/v1/log/proof?firstSize=%" PRIu64 "&lastSize=%" PRIu64, first, last);

    return finish("GET", pl_str(path), pl_str(NULL), out, err);
}

enum pl_code pl_rekor_search(struct pl_bytes hash, struct pl_bytes email,
                             struct pl_bytes public_key_pem, struct pl_arena *arena,
                             struct pl_rekor_request *out, struct pl_err *err)
{
    const char *sep = "";
    struct pl_buf body;

    pl_buf_init_arena(&body, arena, PL_ARENA_REQUEST_MAX);
    pl_buf_add_byte(&body, '{');
    if (email.n != 0) {
        pl_buf_add_str(&body, "\"email\":");
        pl_buf_add_json_lossy(&body, email);
        sep = ",";
    }
    if (hash.n != 0) {
        pl_buf_add_str(&body, sep);
        pl_buf_add_str(&body, "\"hash\":");
        pl_buf_add_json_lossy(&body, hash);
        sep = ",";
    }
    if (public_key_pem.n != 0) {
        pl_buf_add_str(&body, sep);
        pl_buf_add_str(&body, "\"publicKey\":{\"format\":\"x509\",\"content\":\"");
        pl_buf_add_base64(&body, public_key_pem);
        pl_buf_add_str(&body, "\"}");
    }
    pl_buf_add_byte(&body, '}');
    return post(PL_LIT("/api/v1/index/retrieve"), &body, out, err);
}

/* ---- answers ---- */

static enum pl_code parse_hash(const json_t *obj, const char *where, const char *name,
                               struct pl_hash *out, struct pl_err *err)
{
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_json_string(obj, where, name, &text, err));
    if (!pl_hex_decode(text, out->b, PL_HASH_SIZE))
        return PL_FAIL(err, PL_EINVAL, "%s%s%s must be 64 hex digits", where,
                       where[0] != '\0' ? "." : "", name);
out:
    return rc;
}

/* A string member copied into @arena. */
static enum pl_code copy_text(const json_t *obj, const char *where, const char *name,
                              struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_json_string_opt(obj, where, name, &text, err));
    *out = pl_arena_dup(arena, text);
    if (out->p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "%s: out of memory", name);
out:
    return rc;
}

static enum pl_code parse_hashes(const json_t *proof, const char *where, struct pl_arena *arena,
                                 struct pl_tlog_entry *e, struct pl_err *err)
{
    json_t *list = NULL;
    struct pl_hash *hashes;
    enum pl_code rc;
    size_t n;

    PL_TRY(pl_json_array_opt(proof, where, "hashes", &list, err));
    n = json_array_size(list);
    if (n > PL_PROOF_MAX)
        return PL_FAIL(err, PL_EINVAL, "%s.hashes has %zu items, a proof has at most %d", where, n,
                       PL_PROOF_MAX);
    hashes = pl_arena_array(arena, n + 1, sizeof(*hashes));
    if (hashes == NULL)
        return PL_FAIL(err, PL_ENOMEM, "%s: out of memory", where);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);

        if (!json_is_string(item) || !pl_hex_decode(pl_json_text(item), hashes[i].b, PL_HASH_SIZE))
            return PL_FAIL(err, PL_EINVAL, "%s.hashes[%zu] must be 64 hex digits", where, i);
    }
    e->hashes = hashes;
    e->nhashes = n;
out:
    return rc;
}

/* What is missing here is refused when the entry is checked. */
static enum pl_code parse_verification(const json_t *entry, struct pl_arena *arena,
                                       struct pl_tlog_entry *e, struct pl_err *err)
{
    static const char where[] = "verification", below[] = "verification.inclusionProof";
    json_t *verification = NULL, *proof = NULL;
    struct pl_bytes set;
    enum pl_code rc;

    PL_TRY(pl_json_object_opt(entry, "", where, &verification, err));
    if (verification == NULL)
        return PL_OK;
    PL_TRY(pl_json_string_opt(verification, where, "signedEntryTimestamp", &set, err));
    if (set.n != 0)
        PL_TRY(pl_json_base64(verification, where, "signedEntryTimestamp", arena, &e->set, err));
    PL_TRY(pl_json_object_opt(verification, where, "inclusionProof", &proof, err));
    if (proof == NULL)
        return PL_OK;
    PL_TRY(pl_json_u64(proof, below, "logIndex", &e->proof_index, err));
    PL_TRY(pl_json_u64(proof, below, "treeSize", &e->tree_size, err));
    PL_TRY(parse_hash(proof, below, "rootHash", &e->root, err));
    PL_TRY(parse_hashes(proof, below, arena, e, err));
    PL_TRY(copy_text(proof, below, "checkpoint", arena, &e->checkpoint, err));
    e->has_proof = true;
out:
    return rc;
}

/* kind and apiVersion stand in the body only. */
static enum pl_code parse_kind(struct pl_arena *arena, struct pl_tlog_entry *e, struct pl_err *err)
{
    json_t *body = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(e->body, PL_BODY_MAX, &body, err));
    PL_TRY(copy_text(body, "", "kind", arena, &e->kind, err));
    PL_TRY(copy_text(body, "", "apiVersion", arena, &e->version, err));
    if (e->kind.n == 0 || e->version.n == 0)
        rc = PL_FAIL(err, PL_EINVAL, "kind and apiVersion are required");
out:
    json_decref(body);
    return rc != PL_OK ? pl_err_wrap(err, "body") : rc;
}

static enum pl_code parse_fields(const json_t *entry, struct pl_arena *arena,
                                 struct pl_rekor_entry *out, struct pl_err *err)
{
    struct pl_tlog_entry *e = &out->entry;
    struct pl_bytes data = pl_str(NULL);
    json_t *attestation = NULL;
    uint64_t time;
    enum pl_code rc;

    PL_TRY(pl_json_base64(entry, "", "body", arena, &e->body, err));
    PL_TRY(pl_json_u64(entry, "", "integratedTime", &time, err));
    if (time > INT64_MAX)
        return PL_FAIL(err, PL_EINVAL, "integratedTime is out of range");
    e->integrated_time = (int64_t)time;
    PL_TRY(pl_json_u64(entry, "", "logIndex", &e->log_index, err));
    PL_TRY(parse_hash(entry, "", "logID", &e->log_id, err));
    PL_TRY(parse_verification(entry, arena, e, err));
    PL_TRY(parse_kind(arena, e, err));
    PL_TRY(pl_json_object_opt(entry, "", "attestation", &attestation, err));
    if (attestation != NULL)
        PL_TRY(pl_json_string_opt(attestation, "attestation", "data", &data, err));
    if (data.n != 0)
        PL_TRY(pl_json_base64(attestation, "attestation", "data", arena, &out->attestation, err));
out:
    return rc;
}

/* {"ID": {...}} with one member. */
static enum pl_code parse_map(json_t *map, struct pl_arena *arena, struct pl_rekor_entry *out,
                              struct pl_err *err)
{
    struct pl_rekor_entry r = {.entry = {.has_proof = false}};
    const json_t *value;
    struct pl_bytes id;
    void *iter;
    enum pl_code rc;

    if (!json_is_object(map) || json_object_size(map) != 1)
        return PL_FAIL(err, PL_EINVAL,
                       "an entry must be an object with exactly one member, named by its ID");
    iter = json_object_iter(map);
    id = pl_str(json_object_iter_key(iter));
    value = json_object_iter_value(iter);
    if (!is_entry_id(id))
        return PL_FAIL(err, PL_EINVAL,
                       "\"" PL_FMT "\" is not an entry ID: 80 (or 64) hex digits are due",
                       PL_ARG(id));
    r.entry_id = lower(id, arena);
    if (r.entry_id.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "entry ID: out of memory");
    r.uuid = pl_bytes(r.entry_id.p + (r.entry_id.n - UUID_LEN), UUID_LEN);
    if (!json_is_object(value))
        return PL_FAIL(err, PL_EINVAL, "the entry's value must be an object");
    PL_TRY(parse_fields(value, arena, &r, err));
    *out = r;
out:
    return rc;
}

enum pl_code pl_rekor_parse_entry(struct pl_bytes json, struct pl_arena *arena,
                                  struct pl_rekor_entry *out, struct pl_err *err)
{
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(json, ANSWER_MAX, &root, err));
    PL_TRY(parse_map(root, arena, out, err));
out:
    json_decref(root);
    return rc != PL_OK ? pl_err_wrap(err, "log entry") : rc;
}

/* The treeID at the end of "HOST - TREEID"; false when the origin is another one. */
static bool origin_tree(struct pl_bytes origin, uint64_t *out)
{
    size_t digits = 0;

    while (digits < origin.n && origin.p[origin.n - 1 - digits] >= '0' &&
           origin.p[origin.n - 1 - digits] <= '9')
        digits++;
    return digits != 0 &&
           pl_parse_u64(pl_bytes(origin.p + (origin.n - digits), digits), INT64_MAX, out);
}

/* The tree in an 80-digit entry ID is the one whose checkpoint was signed. */
static enum pl_code check_tree(const struct pl_rekor_entry *entry, const struct pl_trusted_log *log,
                               struct pl_err *err)
{
    uint8_t raw[TREE_LEN / 2];
    struct pl_reader r = pl_reader(pl_bytes(raw, sizeof(raw)));
    struct pl_checkpoint checkpoint;
    uint64_t named = 0, signed_tree = 0;
    enum pl_code rc;

    if (entry->entry_id.n == UUID_LEN)
        return PL_OK;
    PL_TRY(pl_checkpoint_open(entry->entry.checkpoint, log->key, &checkpoint, err));
    if (!pl_hex_decode(pl_bytes(entry->entry_id.p, TREE_LEN), raw, sizeof(raw)) ||
        !pl_read_u64(&r, &named))
        return PL_FAIL(err, PL_EINVAL, "the entry ID does not begin with a tree ID");
    if (!origin_tree(checkpoint.origin, &signed_tree) || named != signed_tree)
        return PL_FAIL(err, PL_EVERIFY,
                       "the entry ID names tree %" PRIu64 ", the signed checkpoint is of \"" PL_FMT
                       "\"",
                       named, PL_ARG(checkpoint.origin));
out:
    return rc;
}

enum pl_code pl_rekor_check_entry(const struct pl_rekor_entry *entry,
                                  const struct pl_trusted_log *log, struct pl_bytes body,
                                  struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    struct pl_hash leaf;
    enum pl_check failed;
    enum pl_code rc;

    if (body.n != 0 && !pl_bytes_eq(body, entry->entry.body)) {
        rc = PL_FAIL(err, PL_EVERIFY, "the log holds another body than the one that was sent");
        goto out;
    }
    pl_leaf_hash(entry->entry.body, &leaf);
    if (!pl_bytes_eq_str(entry->uuid, pl_hash_hex(&leaf, hex))) {
        rc = PL_FAIL(err, PL_EVERIFY, "its UUID is " PL_FMT ", its body's hash %s",
                     PL_ARG(entry->uuid), hex);
        goto out;
    }
    PL_TRY(pl_verify_entry(&entry->entry, log, &failed, err));
    PL_TRY(check_tree(entry, log, err));
out:
    return rc != PL_OK ? pl_err_wrap(err, "log entry") : rc;
}

enum pl_code pl_rekor_parse_log_info(struct pl_bytes json, struct pl_arena *arena,
                                     struct pl_rekor_log_info *out, struct pl_err *err)
{
    struct pl_rekor_log_info info = {.size = 0};
    json_t *root = NULL;
    struct pl_bytes tree;
    enum pl_code rc;

    PL_TRY(pl_json_load(json, ANSWER_MAX, &root, err));
    PL_TRY(parse_hash(root, "", "rootHash", &info.root, err));
    PL_TRY(pl_json_u64(root, "", "treeSize", &info.size, err));
    PL_TRY(pl_json_string(root, "", "treeID", &tree, err));
    if (!pl_parse_u64(tree, INT64_MAX, &info.tree_id) || info.tree_id == 0) {
        rc = PL_FAIL(err, PL_EINVAL, "treeID \"" PL_FMT "\" is not a tree ID (decimal, 1..2^63-1)",
                     PL_ARG(tree));
        goto out;
    }
    PL_TRY(copy_text(root, "", "signedTreeHead", arena, &info.checkpoint, err));
    if (info.checkpoint.n == 0) {
        rc = PL_FAIL(err, PL_EINVAL, "signedTreeHead is required");
        goto out;
    }
    *out = info;
out:
    json_decref(root);
    return rc != PL_OK ? pl_err_wrap(err, "log info") : rc;
}

/* ---- errors ---- */

/* A copy of the start of @text for people: one line, no control characters, whole characters. */
static struct pl_bytes show(struct pl_bytes text, struct pl_arena *arena)
{
    size_t n = text.n < ERROR_TEXT_MAX ? text.n : ERROR_TEXT_MAX;
    uint8_t *p = pl_arena_alloc(arena, n + 1);

    if (p == NULL)
        return PL_LIT("(out of memory)");
    if (n < text.n) {
        while (n > 0 && (text.p[n] & 0xc0) == 0x80)
            n--;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i];
    return pl_bytes_trim(pl_bytes(p, n));
}

struct pl_bytes pl_rekor_error_text(struct pl_bytes body, struct pl_arena *arena)
{
    struct pl_bytes text = pl_bytes_trim(body);
    json_t *root = NULL;
    const json_t *message;
    struct pl_err ignored;

    if (pl_json_load(body, ANSWER_MAX, &root, &ignored) == PL_OK) {
        message = json_object_get(root, "message");
        if (json_is_string(message) && json_string_length(message) != 0)
            text = pl_json_text(message);
    }
    text = text.n == 0 ? PL_LIT("(empty answer)") : show(text, arena);
    json_decref(root);
    return text;
}
