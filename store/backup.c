/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.c - hot copies, and putting one back.
 *
 * A copy is not the log: the log may have signed more since. So each copy carries the restore mark
 * from the moment it is made, however it comes into a data directory, and whoever opens it must not
 * sign before an administrator has said that the log stood there. It also gets a generation of its
 * own, so that no index.db of the original is taken for its.
 *
 * One sqlite3_backup_step() for all pages: it reads one snapshot beside the writer. In steps it
 * would start anew with each commit and never end.
 */
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- copying ---- */

static enum pl_code copy_pages(struct pl_db *from, struct pl_db *to, struct pl_err *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to->h, "main", from->h, "main");
    if (b == NULL)
        return pl_sql_fail(to, sqlite3_errcode(to->h), "start copying", err);
    int got = sqlite3_backup_step(b, -1);
    int end = sqlite3_backup_finish(b);
    if (got != SQLITE_DONE)
        return pl_sql_fail(to, end != SQLITE_OK ? end : got, "copy the pages", err);
    return PL_OK;
}

/* ---- checking ---- */

static enum pl_code check_file(struct pl_db *db, struct pl_err *err)
{
    static const char SQL[] = "PRAGMA integrity_check(1)";
    sqlite3_stmt *st = NULL;
    enum pl_code rc = PL_OK;

    int got = sqlite3_prepare_v2(db->h, SQL, -1, &st, NULL);
    if (got == SQLITE_OK)
        got = sqlite3_step(st);
    if (got != SQLITE_ROW)
        rc = pl_sql_fail(db, got, SQL, err);
    else if (!pl_bytes_eq_str(pl_sql_column(st, 0), "ok"))
        rc =
            PL_FAIL(err, PL_ECORRUPT, "the copy is damaged: " PL_FMT, PL_ARG(pl_sql_column(st, 0)));
    sqlite3_finalize(st);
    return rc;
}

/* One leaf's row continues the tree, and its nodes are those that the tree makes. */
static enum pl_code check_leaf(sqlite3_stmt *st, uint32_t log_id, struct pl_range *range,
                               struct pl_err *err)
{
    enum pl_code rc;
    struct pl_hash leaf, made[64];
    unsigned nmade = 0;
    uint64_t index = range->size;

    PL_TRY(pl_sql_column_hash(st, 1, &leaf, err));
    PL_TRY(pl_range_append(range, &leaf, made, &nmade, err));
    struct pl_bytes nodes = pl_sql_column(st, 2);
    size_t want = (size_t)(nmade - 1) * PL_HASH_SIZE;
    if (sqlite3_column_int64(st, 0) != pl_row_id(log_id, index) || nodes.n != want ||
        (want > 0 && memcmp(nodes.p, made + 1, want) != 0))
        rc = PL_FAIL(err, PL_ECORRUPT, "log %u: the tree is wrong at leaf %" PRIu64, log_id, index);
out:
    return rc;
}

/* Recomputes the tree from all leaf hashes; with pl_log_load()'s checks that covers the checkpoint.
 */
static enum pl_code check_tree(struct pl_db *db, struct pl_log_state *log, struct pl_err *err)
{
    enum pl_code rc;
    uint32_t id = log->log.log_id;
    struct pl_range range;
    sqlite3_stmt *st;
    bool row = false;

    pl_range_init(&range);
    PL_TRY(pl_log_load(db, log, err));
    PL_TRY(pl_sql_use(db, PL_SQL_LEAF_SCAN, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(id, 0));
    sqlite3_bind_int64(st, 2, pl_row_id(id + 1, 0));
    for (;;) {
        PL_TRY(pl_sql_step(db, PL_SQL_LEAF_SCAN, &row, err));
        if (!row)
            break;
        PL_TRY(check_leaf(st, id, &range, err));
    }
    if (range.size != log->edge.size ||
        memcmp(range.edge, log->edge.edge, range.nedge * sizeof(range.edge[0])) != 0)
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "log %u: the recomputed tree of %" PRIu64
                     " differs from the stored one of %" PRIu64,
                     id, range.size, log->edge.size);
out:
    pl_sql_reset(db, PL_SQL_LEAF_SCAN);
    return rc;
}

/* ---- marking ---- */

static enum pl_code set_marks(struct pl_db *db, const struct pl_log_state *logs, size_t n,
                              struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_run(db, PL_SQL_BEGIN_IMMEDIATE, err));
    PL_TRY(pl_generation_renew(db, err));
    for (size_t i = 0; i < n; i++) {
        PL_TRY(pl_sql_use(db, PL_SQL_LOG_RESTORED, &st, err));
        sqlite3_bind_int64(st, 1, logs[i].log.log_id);
        sqlite3_bind_int64(st, 2, (int64_t)logs[i].edge.size);
        PL_TRY(pl_sql_done(db, PL_SQL_LOG_RESTORED, err));
    }
    PL_TRY(pl_sql_run(db, PL_SQL_COMMIT, err));
out:
    return rc; /* on failure the whole file is thrown away */
}

/* The fresh copy in @db: ours, of today's schema, sound, marked. Size and root of the v1 log. */
static enum pl_code finish_copy(struct pl_db *db, uint64_t *size_out, struct pl_hash *root_out,
                                struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state log[PL_LOGS_MAX];
    struct pl_arena arena;
    size_t n = 0;
    int64_t app = 0;

    pl_arena_init(&arena, 1 << 20);
    PL_TRY(pl_db_number(db, "PRAGMA application_id", &app, err));
    if (app != PL_APPLICATION_ID) {
        rc = PL_FAIL(err, PL_EINVAL, "this is no database of provlog (application id 0x%llx)",
                     (unsigned long long)app);
        goto out;
    }
    /* One file, complete in itself: no write-ahead log to lose beside it. */
    PL_TRY(pl_db_exec(db, "PRAGMA journal_mode=DELETE", err));
    PL_TRY(pl_schema_migrate(db, err));
    PL_TRY(check_file(db, err));
    PL_TRY(pl_logs_read(db, &arena, log, &n, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(check_tree(db, &log[i], err));
    PL_TRY(set_marks(db, log, n, err));
    for (size_t i = 0; i < n; i++) {
        if (log[i].log.log_id == PL_LOG_ID_V1) {
            *size_out = log[i].edge.size;
            pl_range_root(&log[i].edge, root_out);
        }
    }
out:
    pl_arena_free(&arena);
    return rc;
}

/* Copies the database file @from to @part, checks and marks it, and syncs it. */
static enum pl_code make_copy(const char *from, const char *part, uint64_t *size_out,
                              struct pl_hash *root_out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_db source = {0}, copy = {0};

    pl_long_snapshot(1);
    PL_TRY(pl_db_open(&source, from, PL_OPEN_READ, PL_BUSY_OPEN_MS, err));
    PL_TRY(pl_db_open(&copy, part, PL_OPEN_CREATE, PL_BUSY_OPEN_MS, err));
    /* Nobody reads the copy before it is renamed: one sync at the end is enough. */
    PL_TRY(pl_db_exec(&copy, "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY", err));
    PL_TRY(copy_pages(&source, &copy, err));
    pl_db_close(&source);
    PL_TRY(finish_copy(&copy, size_out, root_out, err));
    pl_db_close(&copy);
    PL_TRY(pl_sync_file(part, err));
out:
    pl_db_close(&source);
    pl_db_close(&copy);
    pl_long_snapshot(-1);
    return rc;
}

/* make_copy() under the name @part, then @to. A crash leaves @part behind, or a whole @to. */
static enum pl_code copy_as(const char *from, const char *part, const char *to, uint64_t *size_out,
                            struct pl_hash *root_out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_err ignored;
    uint64_t size = 0;
    struct pl_hash root = PL_EMPTY_ROOT;

    PL_TRY(pl_remove_db(part, err)); /* what a crash in here left */
    PL_TRY(make_copy(from, part, &size, &root, err));
    PL_TRY(pl_rename_new(part, to, err));
    *size_out = size;
    *root_out = root;
out:
    (void)!pl_remove_db(part, &ignored);
    return rc;
}

enum pl_code pl_store_backup(const char *dir, const char *to, uint64_t *size_out,
                             struct pl_hash *root_out, struct pl_err *err)
{
    char path[PL_PATH_MAX], part[PL_PATH_MAX];
    enum pl_code rc;
    bool there = false;

    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    int n = snprintf(part, sizeof(part), "%s.part", to);
    if (n < 0 || (size_t)n >= sizeof(part)) {
        rc = PL_FAIL(err, PL_EINVAL, "the path %.64s... is too long", to);
        goto out;
    }
    PL_TRY(pl_file_exists(to, &there, err));
    if (there)
        rc = PL_FAIL(err, PL_EEXISTS, "%s is there already", to);
    else
        rc = copy_as(path, part, to, size_out, root_out, err);
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "back up the database in %s", dir);
    return rc;
}

enum pl_code pl_store_restore(const char *dir, const char *from, uint64_t *size_out,
                              struct pl_err *err)
{
    char path[PL_PATH_MAX], part[PL_PATH_MAX];
    struct pl_hash root;
    enum pl_code rc;

    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_path(part, dir, PL_DB_NAME, ".new", err));
    PL_TRY(pl_no_database(dir, err));
    PL_TRY(copy_as(from, part, path, size_out, &root, err));
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "restore %s into %s", from, dir);
    return rc;
}
