/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.c - the one write transaction.
 *
 * Invariants (tests cite them by number):
 *  1. Every statement between begin and commit runs inside the transaction that begin opened.
 * SQLite rolls a transaction back by itself on some errors (FULL, IOERR, NOMEM) and turns
 * autocommit on: a further INSERT would then commit alone. So each step first asks whether the
 * transaction is still open, and after any failure only a rollback is accepted.
 *  2. A row's index is the log's size, its nodes are those that the tree makes of its leaf, its
 * time is not below the last one's; a checkpoint's root is that of the stored leaves. What
 * contradicts this is refused here, whoever computed it.
 *  3. s->before is what is committed, s->log what the open batch would make of it. They are equal
 *     outside a batch.
 *  4. After a commit that failed nobody knows whether the batch is there: until pl_store_recover()
 *     has looked, begin refuses.
 *
 * What a crash leaves:
 *   before COMMIT         frames of the batch may lie in the write-ahead log without a commit mark:
 *                         the next open ignores them. The batch is absent.
 *   within COMMIT         the commit mark may or may not be in the page cache or on disk: the next
 *                         open finds a whole batch or none, and makes what it finds durable before
 *                         showing it (open.c, the tail rule). Nobody was told yet.
 *   after COMMIT          the batch is on disk.
 */
#include "store/internal.h"

#include "core/base/limits.h"

#include <inttypes.h>

/* ---- begin, commit, rollback ---- */

enum pl_code pl_store_begin(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc;

    if (s->uncertain || s->db.h == NULL)
        return PL_FAIL(err, PL_EIO, "begin a batch: a failed commit has not been recovered yet");
    if (PL_NEVER(s->in_batch) || PL_NEVER(pl_db_in_transaction(&s->db)))
        return PL_FAIL(err, PL_EINVAL, "begin a batch: one is open already");
    PL_TRY(pl_sql_run(&s->db, PL_SQL_BEGIN_IMMEDIATE, err));
    s->in_batch = true;
    s->failed = false;
out:
    if (rc == PL_EBUSY) /* there is one writer: whoever holds the lock is a stranger */
        rc = err->code = PL_EIO;
    if (rc != PL_OK)
        pl_err_wrap(err, "begin a batch");
    return rc;
}

/* Invariant 1: asked before each statement of a batch. */
static enum pl_code check_batch(struct pl_store *s, struct pl_err *err)
{
    if (!s->in_batch)
        return PL_FAIL(err, PL_EINVAL, "no batch is open");
    if (s->failed)
        return PL_FAIL(err, PL_EINVAL, "the batch has failed before: it can only be rolled back");
    if (!pl_db_in_transaction(&s->db)) {
        s->failed = true;
        return PL_FAIL(err, PL_EIO, "SQLite has rolled the batch back");
    }
    return PL_OK;
}

void pl_store_rollback(struct pl_store *s)
{
    struct pl_err ignored;

    if (pl_db_in_transaction(&s->db) && pl_sql_run(&s->db, PL_SQL_ROLLBACK, &ignored) != PL_OK &&
        pl_db_in_transaction(&s->db)) {
        /* The transaction is stuck: closing the connection ends it for sure. */
        pl_db_close(&s->db);
        s->uncertain = true;
    }
    memcpy(s->log, s->before, sizeof(s->log)); /* invariant 3 */
    s->in_batch = s->failed = false;
}

enum pl_code pl_store_commit(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(check_batch(s, err));
    rc = pl_sql_run(&s->db, PL_SQL_COMMIT, err);
    if (rc == PL_OK && pl_db_in_transaction(&s->db))
        rc = PL_FAIL(err, PL_EIO, "the transaction is still open after COMMIT");
    if (rc != PL_OK) {
        s->uncertain = true; /* invariant 4 */
        s->failed = true;
        rc = err->code = PL_EIO;
        goto out;
    }
    /* From here on the batch is durable: SQLite has synced the write-ahead log. */
    memcpy(s->before, s->log, sizeof(s->before));
    s->in_batch = false;
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "commit");
    return rc;
}

/* ---- append ---- */

/* Invariant 2: what the caller says of the entry is what the tree says. */
static enum pl_code check_entry(const struct pl_log_state *log, uint64_t index,
                                const struct pl_store_entry *e, struct pl_range *next,
                                struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct pl_hash made[64];
    unsigned nmade = 0;

    if (log->restored)
        return PL_FAIL(err, PL_EINVAL,
                       "this is a restored copy of size %" PRIu64 ": say that the log may go on "
                       "from there first",
                       log->restored_size);
    if (index != log->edge.size || index >= PL_IDX_END - 1)
        return PL_FAIL(err, PL_EINVAL, "index %" PRIu64 ", the next one is %" PRIu64, index,
                       log->edge.size);
    if (e->body.n > PL_BODY_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "a body of %zu bytes, the limit is %zu", e->body.n,
                       PL_BODY_MAX);
    if (e->time < log->last_time)
        return PL_FAIL(err, PL_EINVAL, "time %" PRId64 " is before the last entry's %" PRId64,
                       e->time, log->last_time);
    *next = log->edge;
    PL_TRY(pl_range_append(next, &e->leaf, made, &nmade, err));
    if (e->nnodes != nmade || memcmp(e->nodes, made, nmade * sizeof(made[0])) != 0)
        rc = PL_FAIL(err, PL_EINVAL, "the nodes are not those of this leaf at index %" PRIu64,
                     index);
out:
    return rc;
}

static enum pl_code find_leaf(struct pl_db *db, uint32_t log_id, const struct pl_hash *leaf,
                              uint64_t *index_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, PL_SQL_LEAF_FIND, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    pl_sql_bind_blob(st, 2, pl_hash_bytes(leaf));
    PL_TRY(pl_sql_step(db, PL_SQL_LEAF_FIND, &row, err));
    if (row)
        *index_out = pl_row_idx(sqlite3_column_int64(st, 0));
    else
        rc = PL_FAIL(err, PL_ECORRUPT, "a leaf is refused as there already, but is not found");
    pl_sql_reset(db, PL_SQL_LEAF_FIND);
out:
    return rc;
}

/* The leaf first: it alone may be there already, and then nothing has been written. */
static enum pl_code insert_leaf(struct pl_store *s, uint32_t log_id, uint64_t index,
                                const struct pl_store_entry *e, bool *new_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(&s->db, PL_SQL_LEAF_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, index));
    sqlite3_bind_int64(st, 2, log_id);
    pl_sql_bind_blob(st, 3, pl_hash_bytes(&e->leaf));
    pl_sql_bind_blob(st, 4, pl_bytes(e->nodes + 1, (size_t)(e->nnodes - 1) * PL_HASH_SIZE));
    PL_TRY(pl_sql_done(&s->db, PL_SQL_LEAF_INSERT, err));
    *new_out = sqlite3_changes64(s->db.h) == 1;
out:
    return rc;
}

static enum pl_code insert_entry(struct pl_store *s, int64_t id, const struct pl_store_entry *e,
                                 struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(&s->db, PL_SQL_ENTRY_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, e->time);
    sqlite3_bind_text64(st, 3, e->kind.n > 0 ? (const char *)e->kind.p : "", e->kind.n,
                        SQLITE_STATIC, SQLITE_UTF8);
    pl_sql_bind_blob(st, 4, e->body);
    pl_sql_bind_blob(st, 5, pl_buf_bytes(&s->keys));
    PL_TRY(pl_sql_done(&s->db, PL_SQL_ENTRY_INSERT, err));
    if (e->payload.n == 0)
        goto out;
    PL_TRY(pl_sql_use(&s->db, PL_SQL_PAYLOAD_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, id);
    pl_sql_bind_blob(st, 2, e->payload);
    PL_TRY(pl_sql_done(&s->db, PL_SQL_PAYLOAD_INSERT, err));
out:
    return rc;
}

enum pl_code pl_store_append(struct pl_store *s, uint32_t log_id, uint64_t index,
                             const struct pl_store_entry *e, uint64_t *index_out,
                             struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state *log = pl_store_find_log(s, log_id);
    struct pl_range next;
    uint64_t existing = 0;
    bool is_new = false;

    PL_TRY(check_batch(s, err));
    if (log == NULL) {
        rc = PL_FAIL(err, PL_EINVAL, "the database has no log %u", log_id);
        goto out;
    }
    PL_TRY(check_entry(log, index, e, &next, err));
    pl_buf_reset(&s->keys);
    PL_TRY(pl_keys_encode(e->keys, e->nkeys, &s->keys, err));
    PL_TRY(insert_leaf(s, log_id, index, e, &is_new, err));
    if (!is_new) {
        PL_TRY(find_leaf(&s->db, log_id, &e->leaf, &existing, err));
        *index_out = existing;
        return PL_FAIL(err, PL_EEXISTS, "the leaf is entry %" PRIu64 " already", existing);
    }
    PL_TRY(insert_entry(s, pl_row_id(log_id, index), e, err));
    log->edge = next;
    log->last_time = e->time;
    *index_out = index;
out:
    if (rc != PL_OK) {
        s->failed = true; /* invariant 1 */
        pl_err_wrap(err, "append entry %" PRIu64 " to log %u", index, log_id);
    }
    return rc;
}

/* ---- SETs and checkpoints ---- */

enum pl_code pl_store_put_set(struct pl_store *s, uint32_t log_id, uint64_t index,
                              struct pl_bytes set, struct pl_err *err)
{
    enum pl_code rc;
    const struct pl_log_state *log = pl_store_find_log(s, log_id);
    sqlite3_stmt *st;

    PL_TRY(check_batch(s, err));
    /* Nothing has run yet: the batch goes on without this one. */
    if (log == NULL || index >= log->edge.size || set.n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "store a SET of %zu bytes for entry %" PRIu64 " of log %u: "
                       "there is no such entry",
                       set.n, index, log_id);
    s->failed = true;
    PL_TRY(pl_sql_use(&s->db, PL_SQL_SET_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, index));
    pl_sql_bind_blob(st, 2, set);
    PL_TRY(pl_sql_done(&s->db, PL_SQL_SET_INSERT, err));
    s->failed = false;
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "store the SET of entry %" PRIu64, index);
    return rc;
}

/* Invariant 2: the checkpoint is that of the leaves in this batch's tree. */
static enum pl_code check_checkpoint(const struct pl_log_state *log, uint64_t size,
                                     const struct pl_hash *root, struct pl_err *err)
{
    struct pl_hash is;
    char a[PL_HASH_HEX_SIZE], b[PL_HASH_HEX_SIZE];

    if (log->restored)
        return PL_FAIL(err, PL_EINVAL, "this is a restored copy of size %" PRIu64,
                       log->restored_size);
    if (size != log->edge.size || size <= log->checkpoint_size)
        return PL_FAIL(err, PL_EINVAL,
                       "the tree's size is %" PRIu64 ", the last checkpoint's %" PRIu64,
                       log->edge.size, log->checkpoint_size);
    pl_range_root(&log->edge, &is);
    if (!pl_hash_eq(&is, root))
        return PL_FAIL(err, PL_EINVAL, "its root is %s, the tree's %s", pl_hash_hex(root, a),
                       pl_hash_hex(&is, b));
    return PL_OK;
}

enum pl_code pl_store_put_checkpoint(struct pl_store *s, uint32_t log_id, uint64_t size,
                                     const struct pl_hash *root, struct pl_bytes note,
                                     struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state *log = pl_store_find_log(s, log_id);
    sqlite3_stmt *st;

    PL_TRY(check_batch(s, err));
    s->failed = true;
    if (log == NULL) {
        rc = PL_FAIL(err, PL_EINVAL, "the database has no log %u", log_id);
        goto out;
    }
    PL_TRY(check_checkpoint(log, size, root, err));
    PL_TRY(pl_sql_use(&s->db, PL_SQL_CHECKPOINT_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, size));
    pl_sql_bind_blob(st, 2, pl_hash_bytes(root));
    pl_sql_bind_blob(st, 3, note);
    PL_TRY(pl_sql_done(&s->db, PL_SQL_CHECKPOINT_INSERT, err));
    log->checkpoint_size = size;
    s->failed = false;
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "store the checkpoint of size %" PRIu64 " of log %u", size, log_id);
    return rc;
}

/* ---- the restore mark ---- */

enum pl_code pl_store_clear_restored(struct pl_store *s, uint32_t log_id, uint64_t size,
                                     struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state *log = pl_store_find_log(s, log_id);
    sqlite3_stmt *st;

    if (log == NULL)
        return PL_FAIL(err, PL_EINVAL, "the database has no log %u", log_id);
    if (!log->restored)
        return PL_OK;
    if (log->edge.size != size)
        return PL_FAIL(err, PL_EINVAL,
                       "the restored copy has %" PRIu64 " entries, the log is said to have had "
                       "%" PRIu64 ": restore a newer backup, or retire this log's key",
                       log->edge.size, size);
    PL_TRY(pl_store_begin(s, err));
    PL_TRY(check_batch(s, err));
    PL_TRY(pl_sql_use(&s->db, PL_SQL_LOG_RESTORED, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    sqlite3_bind_null(st, 2);
    PL_TRY(pl_sql_done(&s->db, PL_SQL_LOG_RESTORED, err));
    log->restored = false;
    log->restored_size = 0;
    PL_TRY(pl_store_commit(s, err));
out:
    if (rc != PL_OK)
        pl_store_rollback(s);
    return rc;
}
