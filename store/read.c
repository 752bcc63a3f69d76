/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - reading connections: one snapshot per request, every read bounded by the published size.
 *
 * Open the store for writing first: a view that is the first to touch a database after a crash
 * would show a tail that is not durable yet (open.c, the tail rule).
 */
#include "store/internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum pl_code pl_view_open(const char *dir, struct pl_view **out, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];

    struct pl_view *v = calloc(1, sizeof(*v));
    if (v == NULL || (v->dir = strdup(dir)) == NULL) {
        free(v);
        return PL_FAIL(err, PL_ENOMEM, "no memory for a reading connection");
    }
    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_db_open(&v->db, path, PL_OPEN_READ, PL_BUSY_READ_MS, err));
    PL_TRY(pl_schema_check(&v->db, err));
    *out = v;
out:
    if (rc != PL_OK) {
        pl_err_wrap(err, "read the database in %s", dir);
        pl_view_close(v);
    }
    return rc;
}

void pl_view_close(struct pl_view *v)
{
    if (v == NULL)
        return;
    pl_index_close(v->index);
    pl_db_close(&v->db);
    free(v->dir);
    free(v);
}

enum pl_code pl_view_begin(struct pl_view *v, struct pl_err *err)
{
    /* SQLite takes the snapshot at the first read after this. */
    return pl_sql_run(&v->db, PL_SQL_BEGIN, err);
}

void pl_view_end(struct pl_view *v)
{
    struct pl_err ignored;

    pl_index_end(v->index);
    /* Nothing was written: ending a read transaction cannot lose anything. */
    if (pl_db_in_transaction(&v->db) && pl_sql_run(&v->db, PL_SQL_COMMIT, &ignored) != PL_OK)
        (void)!pl_sql_run(&v->db, PL_SQL_ROLLBACK, &ignored);
}

enum pl_code pl_view_check_index(const struct pl_view *v, uint32_t log_id, uint64_t size,
                                 uint64_t index, struct pl_err *err)
{
    (void)v;
    if (index >= size)
        return PL_FAIL(err, PL_ENOTFOUND,
                       "entry %" PRIu64 " of log %u: the log has %" PRIu64 " entries", index,
                       log_id, size);
    return PL_OK;
}

/* Uses statement @which with the row id of an entry, and takes its one row. */
static enum pl_code find_row(struct pl_view *v, enum pl_sql which, uint32_t log_id, uint64_t index,
                             sqlite3_stmt **out, struct pl_err *err)
{
    enum pl_code rc;
    bool row = false;

    PL_TRY(pl_sql_use(&v->db, which, out, err));
    sqlite3_bind_int64(*out, 1, pl_row_id(log_id, index));
    PL_TRY(pl_sql_step(&v->db, which, &row, err));
    if (!row)
        rc = PL_FAIL(err, PL_ENOTFOUND, "entry %" PRIu64 " of log %u is not there", index, log_id);
out:
    return rc;
}

enum pl_code pl_view_get(struct pl_view *v, uint32_t log_id, uint64_t size, uint64_t index,
                         struct pl_arena *arena, struct pl_view_entry *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_view_entry e = {.index = index};
    sqlite3_stmt *st;

    PL_TRY(pl_view_check_index(v, log_id, size, index, err));
    PL_TRY(find_row(v, PL_SQL_ENTRY_GET, log_id, index, &st, err));
    e.time = sqlite3_column_int64(st, 0);
    PL_TRY(pl_sql_column_dup(st, 1, arena, &e.kind, err));
    PL_TRY(pl_sql_column_dup(st, 2, arena, &e.body, err));
    PL_TRY(pl_sql_column_hash(st, 3, &e.leaf, err));
    PL_TRY(pl_sql_column_dup(st, 4, arena, &e.set, err));
    e.has_payload = sqlite3_column_int(st, 5) != 0;
    *out = e;
out:
    pl_sql_reset(&v->db, PL_SQL_ENTRY_GET);
    return rc;
}

enum pl_code pl_view_find_leaf(struct pl_view *v, uint32_t log_id, uint64_t size,
                               const struct pl_hash *leaf, uint64_t *index_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(&v->db, PL_SQL_LEAF_FIND, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    pl_sql_bind_blob(st, 2, pl_hash_bytes(leaf));
    PL_TRY(pl_sql_step(&v->db, PL_SQL_LEAF_FIND, &row, err));
    uint64_t index = row ? pl_row_idx(sqlite3_column_int64(st, 0)) : UINT64_MAX;
    if (index < size)
        *index_out = index;
    else
        rc = PL_FAIL(err, PL_ENOTFOUND, "log %u has no such leaf", log_id);
out:
    pl_sql_reset(&v->db, PL_SQL_LEAF_FIND);
    return rc;
}

enum pl_code pl_view_payload(struct pl_view *v, uint32_t log_id, uint64_t size, uint64_t index,
                             struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_view_check_index(v, log_id, size, index, err));
    PL_TRY(find_row(v, PL_SQL_PAYLOAD_GET, log_id, index, &st, err));
    PL_TRY(pl_sql_column_dup(st, 0, arena, out, err));
out:
    pl_sql_reset(&v->db, PL_SQL_PAYLOAD_GET);
    return rc;
}

/* Splits a copy of the stored keys: two passes, so that the array has its exact size. */
static enum pl_code split_keys(struct pl_bytes blob, struct pl_arena *arena,
                               struct pl_bytes **keys_out, size_t *nkeys_out, struct pl_err *err)
{
    struct pl_reader r = pl_reader(blob);
    struct pl_bytes key;
    size_t n = 0;

    while (pl_keys_next(&r, &key))
        n++;
    if (r.left.n != 0)
        return PL_FAIL(err, PL_ECORRUPT, "the stored search keys are malformed");
    struct pl_bytes *keys = pl_arena_array(arena, n + 1, sizeof(*keys));
    if (keys == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for %zu search keys", n);
    r = pl_reader(blob);
    for (size_t i = 0; i < n && pl_keys_next(&r, &keys[i]); i++)
        continue;
    *keys_out = keys;
    *nkeys_out = n;
    return PL_OK;
}

enum pl_code pl_view_keys(struct pl_view *v, uint32_t log_id, uint64_t size, uint64_t index,
                          struct pl_arena *arena, struct pl_bytes **keys_out, size_t *nkeys_out,
                          struct pl_err *err)
{
    enum pl_code rc;
    struct pl_bytes blob;
    sqlite3_stmt *st;

    PL_TRY(pl_view_check_index(v, log_id, size, index, err));
    PL_TRY(find_row(v, PL_SQL_ENTRY_KEYS, log_id, index, &st, err));
    PL_TRY(pl_sql_column_dup(st, 0, arena, &blob, err));
    PL_TRY(split_keys(blob, arena, keys_out, nkeys_out, err));
out:
    pl_sql_reset(&v->db, PL_SQL_ENTRY_KEYS);
    return rc;
}

enum pl_code pl_view_checkpoint(struct pl_view *v, uint32_t log_id, uint64_t size,
                                struct pl_arena *arena, uint64_t *size_out,
                                struct pl_hash *root_out, struct pl_bytes *note_out,
                                struct pl_err *err)
{
    enum pl_sql which = size == UINT64_MAX ? PL_SQL_CHECKPOINT_BELOW : PL_SQL_CHECKPOINT_GET;
    enum pl_code rc;
    struct pl_hash root;
    sqlite3_stmt *st;
    bool row = false;

    if (size != UINT64_MAX && size >= PL_IDX_END)
        return PL_FAIL(err, PL_ENOTFOUND, "log %u has no checkpoint of size %" PRIu64, log_id,
                       size);
    PL_TRY(pl_sql_use(&v->db, which, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, which == PL_SQL_CHECKPOINT_GET ? size : 0));
    if (which == PL_SQL_CHECKPOINT_BELOW)
        sqlite3_bind_int64(st, 2, pl_row_id(log_id + 1, 0));
    PL_TRY(pl_sql_step(&v->db, which, &row, err));
    if (!row) {
        rc = PL_FAIL(err, PL_ENOTFOUND, "log %u has no such checkpoint", log_id);
        goto out;
    }
    PL_TRY(pl_sql_column_hash(st, 1, &root, err));
    PL_TRY(pl_sql_column_dup(st, 2, arena, note_out, err));
    *size_out = pl_row_idx(sqlite3_column_int64(st, 0));
    *root_out = root;
out:
    pl_sql_reset(&v->db, which);
    return rc;
}

enum pl_code pl_store_logs(const char *dir, struct pl_arena *arena, struct pl_log_row **out,
                           size_t *n_out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_view *v = NULL;
    struct pl_log_state log[PL_LOGS_MAX];
    size_t n = 0;

    PL_TRY(pl_view_open(dir, &v, err));
    PL_TRY(pl_logs_read(&v->db, arena, log, &n, err));
    struct pl_log_row *rows = pl_arena_array(arena, n + 1, sizeof(*rows));
    if (rows == NULL) {
        rc = PL_FAIL(err, PL_ENOMEM, "no memory for %zu logs", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = log[i].log;
    *out = rows;
    *n_out = n;
out:
    pl_view_close(v);
    return rc;
}
