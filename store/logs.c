/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs.c - the logs of a database, and the check that each start and each recovery makes.
 *
 * Nothing on disk is taken on trust: the newest checkpoint's root is recomputed from the stored
 * right edge, and the last batch's leaf hashes and nodes from its bodies. O(log n) plus one batch;
 * the whole tree is fsck's work.
 */
#include "store/internal.h"

#include "core/base/limits.h"

#include <inttypes.h>

static enum pl_code take_log(sqlite3_stmt *st, struct pl_arena *arena, struct pl_log_state *out,
                             struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state log = {0};

    log.log.log_id = (uint32_t)sqlite3_column_int64(st, 0);
    log.log.tree_id = (uint64_t)sqlite3_column_int64(st, 1);
    PL_TRY(pl_sql_column_dup(st, 2, arena, &log.log.origin, err));
    PL_TRY(pl_sql_column_dup(st, 3, arena, &log.log.key_spki, err));
    log.log.created = sqlite3_column_int64(st, 4);
    log.restored = sqlite3_column_type(st, 5) != SQLITE_NULL;
    log.restored_size = (uint64_t)sqlite3_column_int64(st, 5);
    *out = log;
out:
    return rc;
}

enum pl_code pl_logs_read(struct pl_db *db, struct pl_arena *arena,
                          struct pl_log_state out[PL_LOGS_MAX], size_t *n_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    size_t n = 0;

    PL_TRY(pl_sql_use(db, PL_SQL_LOGS, &st, err));
    for (bool row = true;;) {
        PL_TRY(pl_sql_step(db, PL_SQL_LOGS, &row, err));
        if (!row)
            break;
        if (n == PL_LOGS_MAX) {
            rc = PL_FAIL(err, PL_EINVAL, "the database has more than %d logs", PL_LOGS_MAX);
            goto out;
        }
        PL_TRY(take_log(st, arena, &out[n++], err));
    }
    *n_out = n;
out:
    pl_sql_reset(db, PL_SQL_LOGS);
    return rc;
}

/* ---- the check ---- */

/* Tree size by the highest row of a table, and for entries the last time. */
static enum pl_code last_row(struct pl_db *db, enum pl_sql which, uint32_t log_id,
                             uint64_t *size_out, int64_t *time_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, which, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, 0));
    sqlite3_bind_int64(st, 2, pl_row_id(log_id + 1, 0));
    PL_TRY(pl_sql_step(db, which, &row, err));
    *size_out = row ? pl_row_idx(sqlite3_column_int64(st, 0)) + 1 : 0;
    if (time_out != NULL)
        *time_out = row ? sqlite3_column_int64(st, 1) : 0;
out:
    pl_sql_reset(db, which);
    return rc;
}

/* The newest checkpoint below row id @below; size 0 when there is none. */
static enum pl_code newest_checkpoint(struct pl_db *db, uint32_t log_id, int64_t below,
                                      uint64_t *size_out, struct pl_hash *root_out,
                                      struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    *size_out = 0;
    PL_TRY(pl_sql_use(db, PL_SQL_CHECKPOINT_BELOW, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, 0));
    sqlite3_bind_int64(st, 2, below);
    PL_TRY(pl_sql_step(db, PL_SQL_CHECKPOINT_BELOW, &row, err));
    if (row) {
        PL_TRY(pl_sql_column_hash(st, 1, root_out, err));
        *size_out = pl_row_idx(sqlite3_column_int64(st, 0));
    }
out:
    pl_sql_reset(db, PL_SQL_CHECKPOINT_BELOW);
    return rc;
}

static enum pl_code check_root(struct pl_db_hashes *h, uint64_t size, const struct pl_hash *want,
                               struct pl_err *err)
{
    enum pl_code rc;
    struct pl_range range;
    struct pl_hash got;
    char a[PL_HASH_HEX_SIZE], b[PL_HASH_HEX_SIZE];

    PL_TRY(pl_range_load(&range, size, pl_db_hashes, h, err));
    pl_range_root(&range, &got);
    if (!pl_hash_eq(&got, want))
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "the checkpoint of size %" PRIu64 " has root %s, the stored tree has %s", size,
                     pl_hash_hex(want, a), pl_hash_hex(&got, b));
out:
    return rc;
}

/* One row of the last batch: follows without a gap, and its hashes are those of its body. */
static enum pl_code check_row(sqlite3_stmt *st, uint32_t log_id, struct pl_range *range,
                              struct pl_err *err)
{
    enum pl_code rc;
    struct pl_hash leaf, stored, made[64];
    unsigned nmade = 0;
    uint64_t index = range->size;

    if (sqlite3_column_int64(st, 0) != pl_row_id(log_id, index))
        return PL_FAIL(err, PL_ECORRUPT, "entry %" PRIu64 " is missing, the next one is %" PRIu64,
                       index, pl_row_idx(sqlite3_column_int64(st, 0)));
    pl_leaf_hash(pl_sql_column(st, 1), &leaf);
    PL_TRY(pl_sql_column_hash(st, 2, &stored, err));
    if (!pl_hash_eq(&leaf, &stored))
        return PL_FAIL(err, PL_ECORRUPT, "the body of entry %" PRIu64 " is not what was hashed",
                       index);
    PL_TRY(pl_range_append(range, &leaf, made, &nmade, err));
    struct pl_bytes nodes = pl_sql_column(st, 3);
    size_t want = (size_t)(nmade - 1) * PL_HASH_SIZE;
    if (nodes.n != want || (want > 0 && memcmp(nodes.p, made + 1, want) != 0))
        rc = PL_FAIL(err, PL_ECORRUPT, "the tree nodes stored with entry %" PRIu64 " are wrong",
                     index);
out:
    return rc;
}

/* Recomputes the rows from @begin up to log->edge.size and compares the edges. */
static enum pl_code check_rows(struct pl_db_hashes *h, const struct pl_log_state *log,
                               uint64_t begin, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_range range;
    sqlite3_stmt *st;

    PL_TRY(pl_range_load(&range, begin, pl_db_hashes, h, err));
    PL_TRY(pl_sql_use(h->db, PL_SQL_ENTRY_BODIES, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(h->log_id, begin));
    sqlite3_bind_int64(st, 2, pl_row_id(h->log_id, log->edge.size));
    for (bool row = true;;) {
        PL_TRY(pl_sql_step(h->db, PL_SQL_ENTRY_BODIES, &row, err));
        if (!row)
            break;
        PL_TRY(check_row(st, h->log_id, &range, err));
    }
    if (range.size != log->edge.size ||
        memcmp(range.edge, log->edge.edge, range.nedge * sizeof(range.edge[0])) != 0)
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "recomputing the last entries gives a tree of %" PRIu64
                     " that differs from the stored edge of %" PRIu64,
                     range.size, log->edge.size);
out:
    pl_sql_reset(h->db, PL_SQL_ENTRY_BODIES);
    return rc;
}

enum pl_code pl_log_load(struct pl_db *db, struct pl_log_state *log, struct pl_err *err)
{
    enum pl_code rc;
    uint32_t id = log->log.log_id;
    uint64_t leaves = 0, entries = 0, previous = 0;
    struct pl_hash root, ignored;

    PL_TRY(last_row(db, PL_SQL_LEAF_LAST, id, &leaves, NULL, err));
    PL_TRY(last_row(db, PL_SQL_ENTRY_LAST, id, &entries, &log->last_time, err));
    PL_TRY(newest_checkpoint(db, id, pl_row_id(id + 1, 0), &log->checkpoint_size, &root, err));
    if (leaves != entries || log->checkpoint_size > leaves) {
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "%" PRIu64 " entries, %" PRIu64 " leaf hashes, checkpoint of size %" PRIu64,
                     entries, leaves, log->checkpoint_size);
        goto out;
    }
    struct pl_db_hashes h = {.db = db, .log_id = id, .size = leaves};
    PL_TRY(pl_range_load(&log->edge, leaves, pl_db_hashes, &h, err));
    if (log->checkpoint_size > 0) {
        PL_TRY(check_root(&h, log->checkpoint_size, &root, err));
        PL_TRY(newest_checkpoint(db, id, pl_row_id(id, log->checkpoint_size), &previous, &ignored,
                                 err));
    }
    if (leaves - previous > PL_BATCH_MAX)
        previous = leaves - PL_BATCH_MAX;
    PL_TRY(check_rows(&h, log, previous, err));
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "log %u", id);
    return rc;
}
