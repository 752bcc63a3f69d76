/* SPDX-License-Identifier: Apache-2.0 */
/* signer.c - the v1 log's key file, what it signs, and the log's own first leaf. */
#include "server/signer.h"

#include "core/base/enc.h"
#include "core/base/log.h"
#include "core/base/num.h"
#include "server/file.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#define PATH_MAX_LEN 4200
#define KEY_FILE_MAX ((size_t)16 << 10)

static void key_path(const char *dir, const char *name, char out[PATH_MAX_LEN])
{
    (void)snprintf(out, PATH_MAX_LEN, "%s/keys%s%s", dir, *name != '\0' ? "/" : "", name);
}

enum pl_code pl_signer_keys_exist(const char *dir, bool *out, struct pl_err *err)
{
    char path[PATH_MAX_LEN];
    struct stat st;

    key_path(dir, "v1.pem", path);
    if (stat(path, &st) == 0) {
        *out = true;
    } else if (errno == ENOENT) {
        *out = false;
    } else {
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "look at %s: %s", path, strerror(errno));
    }
    return PL_OK;
}

static enum pl_code write_keys(const char *dir, const struct pl_privkey *key, struct pl_err *err)
{
    struct pl_buf pem;
    struct pl_buf pub;
    char path[PATH_MAX_LEN];
    enum pl_code rc;

    pl_buf_init(&pem, KEY_FILE_MAX);
    pem.secret = true;
    pl_buf_init(&pub, KEY_FILE_MAX);
    PL_TRY(pl_privkey_add_pem(key, &pem, err));
    pl_key_add_pem(pl_privkey_public(key), &pub);
    PL_TRY(pl_buf_check(&pub, "public key", err));
    key_path(dir, "", path);
    PL_TRY(pl_dir_make(path, err));
    /* The private key last: whoever finds it finds the other one too. */
    key_path(dir, "v1.pub", path);
    PL_TRY(pl_file_replace(path, 0644, pl_buf_bytes(&pub), err));
    key_path(dir, "v1.pem", path);
    PL_TRY(pl_file_replace(path, 0600, pl_buf_bytes(&pem), err));
out:
    pl_buf_free(&pem);
    pl_buf_free(&pub);
    return rc;
}

enum pl_code pl_signer_create_keys(const char *dir, struct pl_err *err)
{
    struct pl_privkey *key = NULL;
    bool exists;
    enum pl_code rc;

    PL_TRY(pl_signer_keys_exist(dir, &exists, err));
    if (exists)
        return PL_FAIL(err, PL_EEXISTS, "%s/keys/v1.pem exists already", dir);
    PL_TRY(pl_privkey_generate(PL_KEY_P256, &key, err));
    PL_TRY(write_keys(dir, key, err));
out:
    pl_privkey_free(key);
    return rc;
}

static enum pl_code check_key(const struct pl_privkey *key, const struct pl_log_row *row,
                              const char *path, struct pl_err *err)
{
    const struct pl_key *public = pl_privkey_public(key);
    struct pl_hash want;
    char have_hex[PL_HASH_HEX_SIZE], want_hex[PL_HASH_HEX_SIZE];

    if (pl_key_type(public) != PL_KEY_P256)
        return PL_FAIL(err, PL_EINVAL, "%s holds a key of type %s; a v1 log signs with ECDSA P-256",
                       path, pl_keytype_name(pl_key_type(public)));
    if (pl_bytes_eq(pl_key_spki(public), row->key_spki))
        return PL_OK;
    pl_sha256(row->key_spki, &want);
    return PL_FAIL(err, PL_EINVAL,
                   "%s is not this log's key: its id is %s, the database names %s; put back the "
                   "key that belongs to the database",
                   path, pl_hash_hex(pl_key_id(public), have_hex), pl_hash_hex(&want, want_hex));
}

static void warn_if_readable(const char *path)
{
    char shown[PL_LOG_ESC_MAX];
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        PL_WARN("key.mode", "path=%s mode=%03o want=600", pl_log_esc(pl_str(path), shown),
                (unsigned)(st.st_mode & 0777));
}

static enum pl_code fill(struct pl_v1_log *log, struct pl_privkey *key,
                         const struct pl_log_row *row, struct pl_err *err)
{
    const struct pl_key *public = pl_privkey_public(key);

    *log = (struct pl_v1_log){.key = key, .log_id = *pl_key_id(public), .tree_id = row->tree_id};
    pl_hash_hex(&log->log_id, log->log_id_hex);
    (void)snprintf(log->tree_id_hex, sizeof(log->tree_id_hex), "%016" PRIx64, row->tree_id);
    (void)snprintf(log->tree_id_dec, sizeof(log->tree_id_dec), "%" PRIu64, row->tree_id);
    (void)snprintf(log->origin, sizeof(log->origin), "%.*s", (int)row->origin.n,
                   (const char *)row->origin.p);
    pl_buf_init(&log->pem, KEY_FILE_MAX);
    pl_key_add_pem(public, &log->pem);
    return pl_buf_check(&log->pem, "public key", err);
}

enum pl_code pl_signer_load(const char *dir, const struct pl_log_row *row, struct pl_v1_log *out,
                            struct pl_err *err)
{
    struct pl_privkey *key = NULL;
    struct pl_v1_log log = {.key = NULL};
    struct pl_buf pem;
    char path[PATH_MAX_LEN];
    enum pl_code rc;

    pl_buf_init(&pem, KEY_FILE_MAX);
    pem.secret = true;
    key_path(dir, "v1.pem", path);
    PL_TRY(pl_file_read(path, &pem, err));
    warn_if_readable(path);
    rc = pl_privkey_from_pem(pl_buf_bytes(&pem), (struct pl_bytes){NULL, 0}, &key, err);
    if (rc != PL_OK) {
        pl_err_wrap(err, "%s", path);
        goto out;
    }
    PL_TRY(check_key(key, row, path, err));
    PL_TRY(fill(&log, key, row, err));
    *out = log;
    key = NULL;
out:
    pl_privkey_free(key);
    pl_buf_free(&pem);
    return rc;
}

void pl_signer_renew_public(const char *dir, const struct pl_v1_log *log)
{
    char path[PATH_MAX_LEN];
    struct pl_buf found;
    struct pl_err err;

    pl_buf_init(&found, KEY_FILE_MAX);
    key_path(dir, "v1.pub", path);
    if ((pl_file_read(path, &found, &err) != PL_OK ||
         !pl_bytes_eq(pl_buf_bytes(&found), pl_buf_bytes(&log->pem))) &&
        pl_file_replace(path, 0644, pl_buf_bytes(&log->pem), &err) != PL_OK)
        PL_WARN("key.public", "error=\"%s\"", err.text);
    pl_buf_free(&found);
}

void pl_signer_free(struct pl_v1_log *log)
{
    if (log == NULL)
        return;
    pl_privkey_free(log->key);
    pl_buf_free(&log->pem);
    *log = (struct pl_v1_log){.key = NULL};
}

/* base64 of the largest body and the three other members */
#define SET_MESSAGE_MAX (PL_BASE64_LEN(PL_BODY_MAX) + 256)

enum pl_code pl_signer_set(const struct pl_v1_log *log, struct pl_bytes body, int64_t time,
                           uint64_t index, uint8_t out[PL_SIG_MAX], size_t *out_n,
                           struct pl_err *err)
{
    struct pl_buf msg;
    enum pl_code rc;

    pl_buf_init(&msg, SET_MESSAGE_MAX);
    pl_set_message(body, time, &log->log_id, index, &msg);
    PL_TRY(pl_buf_check(&msg, "timestamp message", err));
    PL_TRY(pl_sig_sign(log->key, PL_SHA256, pl_buf_bytes(&msg), out, out_n, err));
out:
    pl_buf_free(&msg);
    return rc;
}

enum pl_code pl_signer_check_set(const struct pl_v1_log *log, struct pl_bytes body, int64_t time,
                                 uint64_t index, struct pl_bytes set, struct pl_err *err)
{
    struct pl_buf msg;
    enum pl_code rc;

    pl_buf_init(&msg, SET_MESSAGE_MAX);
    pl_set_message(body, time, &log->log_id, index, &msg);
    PL_TRY(pl_buf_check(&msg, "timestamp message", err));
    PL_TRY(pl_sig_verify(pl_privkey_public(log->key), PL_SHA256, pl_buf_bytes(&msg), set, err));
out:
    pl_buf_free(&msg);
    return rc;
}

/* RFC 8785: members in order, no blanks. */
static void write_statement(const struct pl_v1_log *log, int64_t created, struct pl_buf *b)
{
    char when[PL_RFC3339_LEN + 1];

    pl_format_rfc3339(created, when);
    pl_buf_addf(b, "{\"created\":\"%s\",\"keys\":[\"", when);
    pl_buf_add_base64(b, pl_key_spki(pl_privkey_public(log->key)));
    pl_buf_add_str(b, "\"],\"origin\":");
    pl_buf_add_json_string(b, pl_str(log->origin));
    pl_buf_addf(b, ",\"treeID\":\"%s\",\"type\":\"provlog/log/v1\"}", log->tree_id_dec);
}

enum pl_code pl_signer_first_leaf(const struct pl_v1_log *log, int64_t created,
                                  struct pl_arena *arena, struct pl_entry *out, struct pl_err *err)
{
    const struct pl_entry_opts opts = {.cache = NULL};
    struct pl_buf statement, proposal;
    struct pl_hash digest;
    char digest_hex[PL_HASH_HEX_SIZE];
    uint8_t sig[PL_SIG_MAX];
    size_t sig_n;
    json_t *json = NULL;
    struct pl_entry entry;
    enum pl_code rc;

    pl_buf_init_arena(&statement, arena, PL_BODY_MAX);
    pl_buf_init_arena(&proposal, arena, PL_BODY_MAX);
    write_statement(log, created, &statement);
    PL_TRY(pl_buf_check(&statement, "first leaf", err));
    pl_sha256(pl_buf_bytes(&statement), &digest);
    PL_TRY(pl_sig_sign(log->key, PL_SHA256, pl_buf_bytes(&statement), sig, &sig_n, err));
    pl_proposal_hashedrekord("sha256", pl_str(pl_hash_hex(&digest, digest_hex)),
                             pl_bytes(sig, sig_n), pl_buf_bytes(&log->pem), &proposal);
    PL_TRY(pl_buf_check(&proposal, "first leaf", err));
    PL_TRY(pl_json_load(pl_buf_bytes(&proposal), PL_BODY_MAX, &json, err));
    PL_TRY(pl_entry_from_json(json, &opts, arena, &entry, err));
    entry.payload = pl_buf_bytes(&statement);
    *out = entry;
out:
    json_decref(json);
    return rc;
}
