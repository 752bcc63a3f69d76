/* SPDX-License-Identifier: Apache-2.0 */
/* sql.c - connections, prepared statements, and what SQLite's result codes mean to a caller. */
#include "store/sql.h"

#include <errno.h>
#include <stdio.h>

/* ?1 is the row id or log id, bounds are half-open. Columns in the order that readers rely on. */
static const char *const TEXT[PL_SQL_COUNT] = {
    [PL_SQL_BEGIN] = "BEGIN",
    [PL_SQL_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
    [PL_SQL_COMMIT] = "COMMIT",
    [PL_SQL_ROLLBACK] = "ROLLBACK",
    [PL_SQL_LOGS] = "SELECT log_id, tree_id, origin, key_spki, created, restored_size FROM log"
                    " ORDER BY log_id",
    [PL_SQL_LOG] = "SELECT log_id, tree_id, origin, key_spki, created, restored_size FROM log"
                   " WHERE log_id = ?1",
    [PL_SQL_LOG_INSERT] = "INSERT INTO log (log_id, tree_id, origin, key_spki, created)"
                          " VALUES (?1, ?2, ?3, ?4, ?5)",
    [PL_SQL_LOG_RESTORED] = "UPDATE log SET restored_size = ?2 WHERE log_id = ?1",
    [PL_SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [PL_SQL_META_PUT] = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
    /* A leaf that is there already changes nothing: sqlite3_changes64() tells. */
    [PL_SQL_LEAF_INSERT] = "INSERT INTO leaf (id, log_id, hash, nodes) VALUES (?1, ?2, ?3, ?4)"
                           " ON CONFLICT (log_id, hash) DO NOTHING",
    [PL_SQL_LEAF_FIND] = "SELECT id FROM leaf WHERE log_id = ?1 AND hash = ?2",
    [PL_SQL_LEAF_GET] = "SELECT hash, nodes FROM leaf WHERE id = ?1",
    [PL_SQL_LEAF_LAST] = "SELECT id FROM leaf WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1",
    [PL_SQL_LEAF_SCAN] = "SELECT id, hash, nodes FROM leaf WHERE id >= ?1 AND id < ?2 ORDER BY id",
    [PL_SQL_ENTRY_INSERT] = "INSERT INTO entry (id, time, kind, body, keys)"
                            " VALUES (?1, ?2, ?3, ?4, ?5)",
    [PL_SQL_ENTRY_GET] = "SELECT e.time, e.kind, e.body, l.hash, s.set_bytes,"
                         " EXISTS (SELECT 1 FROM payload p WHERE p.id = ?1)"
                         " FROM entry e JOIN leaf l ON l.id = e.id"
                         " LEFT JOIN promise s ON s.id = e.id WHERE e.id = ?1",
    [PL_SQL_ENTRY_LAST] = "SELECT id, time FROM entry WHERE id >= ?1 AND id < ?2"
                          " ORDER BY id DESC LIMIT 1",
    [PL_SQL_ENTRY_KEYS] = "SELECT keys FROM entry WHERE id = ?1",
    [PL_SQL_ENTRY_KEYS_SCAN] = "SELECT id, keys FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id",
    [PL_SQL_ENTRY_BODIES] = "SELECT e.id, e.body, l.hash, l.nodes FROM entry e"
                            " JOIN leaf l ON l.id = e.id WHERE e.id >= ?1 AND e.id < ?2"
                            " ORDER BY e.id",
    [PL_SQL_ENTRY_ALL] = "SELECT e.time, e.kind, e.body, e.keys, l.hash, l.nodes, p.payload,"
                         " s.set_bytes FROM (SELECT ?1 AS id) i LEFT JOIN entry e ON e.id = i.id"
                         " LEFT JOIN leaf l ON l.id = i.id LEFT JOIN payload p ON p.id = i.id"
                         " LEFT JOIN promise s ON s.id = i.id",
    [PL_SQL_PAYLOAD_INSERT] = "INSERT INTO payload (id, payload) VALUES (?1, ?2)",
    [PL_SQL_PAYLOAD_GET] = "SELECT payload FROM payload WHERE id = ?1",
    [PL_SQL_SET_INSERT] = "INSERT INTO promise (id, set_bytes) VALUES (?1, ?2)"
                          " ON CONFLICT (id) DO NOTHING",
    [PL_SQL_CHECKPOINT_INSERT] = "INSERT INTO checkpoint (id, root, note) VALUES (?1, ?2, ?3)",
    [PL_SQL_CHECKPOINT_GET] = "SELECT id, root, note FROM checkpoint WHERE id = ?1",
    [PL_SQL_CHECKPOINT_BELOW] = "SELECT id, root, note FROM checkpoint WHERE id >= ?1 AND id < ?2"
                                " ORDER BY id DESC LIMIT 1",
    [PL_SQL_CHECKPOINT_ALL] = "SELECT id, root, note FROM checkpoint WHERE id >= ?1 AND id < ?2"
                              " ORDER BY id",
    /* index.db */
    [PL_SQL_PROGRESS_GET] = "SELECT mark, leaf, generation FROM progress WHERE log_id = ?1",
    [PL_SQL_PROGRESS_PUT] = "INSERT OR REPLACE INTO progress (log_id, mark, leaf, generation)"
                            " VALUES (?1, ?2, ?3, ?4)",
    [PL_SQL_RUNS] = "SELECT run_id, first, past, items, blocks FROM run WHERE log_id = ?1"
                    " ORDER BY first",
    [PL_SQL_RUN_INSERT] = "INSERT INTO run (run_id, log_id, first, past, items, blocks)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [PL_SQL_RUN_DELETE] = "DELETE FROM run WHERE run_id = ?1",
    [PL_SQL_BLOCK_INSERT] = "INSERT INTO block (id, run_id, low, data) VALUES (?1, ?2, ?3, ?4)",
    [PL_SQL_BLOCK_DELETE] = "DELETE FROM block WHERE id >= ?1 AND id < ?2",
    [PL_SQL_BLOCK_GET] = "SELECT data FROM block WHERE id = ?1",
    [PL_SQL_BLOCK_SEEK] = "SELECT id FROM block WHERE run_id = ?1 AND low <= ?2"
                          " ORDER BY low DESC LIMIT 1",
};

/* ---- errors ---- */

enum pl_code pl_sql_code(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return PL_ENOMEM;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return PL_ENOMEM;
    case SQLITE_FULL:
        return PL_ENOSPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PL_EBUSY;
    case SQLITE_TOOBIG:
        return PL_ETOOBIG;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* ours are expected by the statements themselves */
        return PL_ECORRUPT;
    default:
        return PL_EIO;
    }
}

enum pl_code pl_sql_fail(const struct pl_db *db, int rc, const char *what, struct pl_err *err)
{
    const char *text = db->h != NULL ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc);
    int extended = db->h != NULL ? sqlite3_extended_errcode(db->h) : rc;
    const char *os = "";

    if ((extended & 0xff) != (rc & 0xff)) { /* the connection has moved on */
        extended = rc;
        text = sqlite3_errstr(rc);
    }
    if ((rc & 0xff) == SQLITE_CANTOPEN && db->h != NULL && sqlite3_system_errno(db->h) == ENOENT)
        os = " (no such file)";
    return PL_FAIL_CAUSE(err, pl_sql_code(extended), extended, "%s: %s%s (SQLite %d)", what, text,
                         os, extended);
}

/* ---- connections ---- */

/* Our pragmas; page_size acts on an empty file only. */
static enum pl_code set_up(struct pl_db *db, enum pl_open_how how, int busy_ms, struct pl_err *err)
{
    enum pl_code rc;

    sqlite3_extended_result_codes(db->h, 1);
    sqlite3_busy_timeout(db->h, busy_ms);
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    /* Closing must neither copy nor delete a WAL: that is decided where its result is looked at. */
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* mmap stays off: an I/O error would be a SIGBUS instead of an error code. */
    PL_TRY(pl_db_exec(db,
                      "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                      "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0;"
                      "PRAGMA synchronous=FULL; PRAGMA page_size=16384;",
                      err));
    if (how == PL_OPEN_READ)
        PL_TRY(pl_db_exec(db, "PRAGMA query_only=ON; PRAGMA cache_size=-16384", err));
    else
        PL_TRY(pl_db_exec(db, "PRAGMA cache_size=-65536", err));
out:
    return rc;
}

enum pl_code pl_db_open(struct pl_db *db, const char *path, enum pl_open_how how, int busy_ms,
                        struct pl_err *err)
{
    static const int FLAGS[] = {
        [PL_OPEN_READ] = SQLITE_OPEN_READONLY,
        [PL_OPEN_WRITE] = SQLITE_OPEN_READWRITE,
        [PL_OPEN_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    enum pl_code rc;

    *db = (struct pl_db){0};
    int got = sqlite3_open_v2(path, &db->h, FLAGS[how] | SQLITE_OPEN_NOMUTEX, NULL);
    if (got != SQLITE_OK) {
        rc = pl_sql_fail(db, got, "open", err);
        goto out;
    }
    PL_TRY(set_up(db, how, busy_ms, err));
out:
    if (rc != PL_OK) {
        pl_db_close(db);
        pl_err_wrap(err, "%s", path);
    }
    return rc;
}

void pl_db_close(struct pl_db *db)
{
    for (int i = 0; i < PL_SQL_COUNT; i++)
        sqlite3_finalize(db->stmt[i]);
    int rc = sqlite3_close(db->h);
    (void)PL_NEVER(rc == SQLITE_BUSY); /* a statement that is not in stmt[] */
    *db = (struct pl_db){0};
}

enum pl_code pl_db_exec(struct pl_db *db, const char *sql, struct pl_err *err)
{
    int got = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
    if (got != SQLITE_OK)
        return pl_sql_fail(db, got, sql, err);
    return PL_OK;
}

enum pl_code pl_db_number(struct pl_db *db, const char *sql, int64_t *out, struct pl_err *err)
{
    sqlite3_stmt *st = NULL;
    enum pl_code rc = PL_OK;

    int got = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);
    if (got == SQLITE_OK)
        got = sqlite3_step(st);
    if (got == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else if (got == SQLITE_DONE)
        rc = PL_FAIL(err, PL_ENOTFOUND, "%s: no row", sql);
    else
        rc = pl_sql_fail(db, got, sql, err);
    sqlite3_finalize(st);
    return rc;
}

bool pl_db_in_transaction(const struct pl_db *db)
{
    return db->h != NULL && sqlite3_get_autocommit(db->h) == 0;
}

/* ---- statements ---- */

enum pl_code pl_sql_use(struct pl_db *db, enum pl_sql which, sqlite3_stmt **out, struct pl_err *err)
{
    if (db->stmt[which] == NULL) {
        int got = sqlite3_prepare_v3(db->h, TEXT[which], -1, SQLITE_PREPARE_PERSISTENT,
                                     &db->stmt[which], NULL);
        if (got != SQLITE_OK)
            return pl_sql_fail(db, got, "prepare", err);
    }
    *out = db->stmt[which];
    return PL_OK;
}

int pl_sql_bind_blob(sqlite3_stmt *st, int at, struct pl_bytes b)
{
    if (b.n == 0)
        return sqlite3_bind_zeroblob(st, at, 0);
    return sqlite3_bind_blob64(st, at, b.p, b.n, SQLITE_STATIC);
}

enum pl_code pl_sql_step(struct pl_db *db, enum pl_sql which, bool *row_out, struct pl_err *err)
{
    int got = sqlite3_step(db->stmt[which]);
    if (got != SQLITE_ROW && got != SQLITE_DONE) {
        enum pl_code rc = pl_sql_fail(db, got, TEXT[which], err);
        pl_sql_reset(db, which);
        return rc;
    }
    *row_out = got == SQLITE_ROW;
    return PL_OK;
}

enum pl_code pl_sql_done(struct pl_db *db, enum pl_sql which, struct pl_err *err)
{
    bool row = false;
    enum pl_code rc = pl_sql_step(db, which, &row, err);
    pl_sql_reset(db, which);
    return rc;
}

enum pl_code pl_sql_run(struct pl_db *db, enum pl_sql which, struct pl_err *err)
{
    sqlite3_stmt *st;
    enum pl_code rc = pl_sql_use(db, which, &st, err);
    return rc == PL_OK ? pl_sql_done(db, which, err) : rc;
}

void pl_sql_reset(struct pl_db *db, enum pl_sql which)
{
    if (db->stmt[which] == NULL)
        return;
    sqlite3_reset(db->stmt[which]); /* repeats the step's code, which was looked at */
    sqlite3_clear_bindings(db->stmt[which]);
}

struct pl_bytes pl_sql_column(sqlite3_stmt *st, int at)
{
    const void *p = sqlite3_column_blob(st, at);
    int n = sqlite3_column_bytes(st, at);
    return pl_bytes(p, p != NULL && n > 0 ? (size_t)n : 0);
}

enum pl_code pl_sql_column_hash(sqlite3_stmt *st, int at, struct pl_hash *out, struct pl_err *err)
{
    struct pl_bytes b = pl_sql_column(st, at);
    if (b.n != PL_HASH_SIZE)
        return PL_FAIL(err, PL_ECORRUPT, "a stored hash has %zu bytes, not 32", b.n);
    memcpy(out->b, b.p, PL_HASH_SIZE);
    return PL_OK;
}

enum pl_code pl_sql_column_dup(sqlite3_stmt *st, int at, struct pl_arena *arena,
                               struct pl_bytes *out, struct pl_err *err)
{
    struct pl_bytes b = pl_arena_dup(arena, pl_sql_column(st, at));
    if (b.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for a column of the database");
    *out = b;
    return PL_OK;
}
