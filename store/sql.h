/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - one SQLite connection, its prepared statements, and errors in our words. Private to
 * store/.
 *
 * Each statement is prepared once per connection, when first used, and is reset by whoever stepped
 * it, before that function returns: no statement stays open between two calls of the store.
 */
#ifndef PL_STORE_SQL_H
#define PL_STORE_SQL_H

#include "core/base/arena.h"
#include "core/tlog/merkle.h"

#include <sqlite3.h>

#define PL_APPLICATION_ID 0x504C4F47 /* "PLOG", provlog.db */
#define PL_INDEX_ID       0x504C4958 /* "PLIX", index.db */
#define PL_PAGE_SIZE      16384
#define PL_PATH_MAX       4096

/* Rows of a log: id = log_id << 44 | idx. Six bytes in an index record, 2^44 entries a log. */
#define PL_IDX_BITS 44
#define PL_IDX_END  (UINT64_C(1) << PL_IDX_BITS)
static inline int64_t pl_row_id(uint32_t log_id, uint64_t idx)
{
    return (int64_t)(((uint64_t)log_id << PL_IDX_BITS) | (idx < PL_IDX_END ? idx : PL_IDX_END - 1));
}
static inline uint64_t pl_row_idx(int64_t id)
{
    return (uint64_t)id & (PL_IDX_END - 1);
}

/* The statements of both databases; texts in sql.c. A connection uses those of its own. */
enum pl_sql {
    PL_SQL_BEGIN,
    PL_SQL_BEGIN_IMMEDIATE,
    PL_SQL_COMMIT,
    PL_SQL_ROLLBACK,
    PL_SQL_LOGS,
    PL_SQL_LOG,
    PL_SQL_LOG_INSERT,
    PL_SQL_LOG_RESTORED,
    PL_SQL_META_GET,
    PL_SQL_META_PUT,
    PL_SQL_LEAF_INSERT,
    PL_SQL_LEAF_FIND,
    PL_SQL_LEAF_GET,
    PL_SQL_LEAF_LAST,
    PL_SQL_LEAF_SCAN,
    PL_SQL_ENTRY_INSERT,
    PL_SQL_ENTRY_GET,
    PL_SQL_ENTRY_LAST,
    PL_SQL_ENTRY_KEYS,
    PL_SQL_ENTRY_KEYS_SCAN,
    PL_SQL_ENTRY_BODIES,
    PL_SQL_ENTRY_ALL,
    PL_SQL_PAYLOAD_INSERT,
    PL_SQL_PAYLOAD_GET,
    PL_SQL_SET_INSERT,
    PL_SQL_CHECKPOINT_INSERT,
    PL_SQL_CHECKPOINT_GET,
    PL_SQL_CHECKPOINT_BELOW,
    PL_SQL_CHECKPOINT_ALL,
    PL_SQL_PROGRESS_GET,
    PL_SQL_PROGRESS_PUT,
    PL_SQL_RUNS,
    PL_SQL_RUN_INSERT,
    PL_SQL_RUN_DELETE,
    PL_SQL_BLOCK_INSERT,
    PL_SQL_BLOCK_DELETE,
    PL_SQL_BLOCK_GET,
    PL_SQL_BLOCK_SEEK,
    PL_SQL_COUNT
};

struct pl_db {
    sqlite3 *h; /* NULL when closed */
    sqlite3_stmt *stmt[PL_SQL_COUNT];
};

enum pl_open_how { PL_OPEN_READ, PL_OPEN_WRITE, PL_OPEN_CREATE };
/* Opens @path with our pragmas. PL_OPEN_CREATE makes the file when it is missing. */
PL_MUST_CHECK enum pl_code pl_db_open(struct pl_db *db, const char *path, enum pl_open_how how,
                                      int busy_ms, struct pl_err *err);
/* Finalizes all statements; an open transaction is rolled back. Also of a zeroed object. */
void pl_db_close(struct pl_db *db);
/* Runs @sql (several statements); rows are dropped. */
PL_MUST_CHECK enum pl_code pl_db_exec(struct pl_db *db, const char *sql, struct pl_err *err);
/* The first column of the first row of @sql, a number. PL_ENOTFOUND without a row. */
PL_MUST_CHECK enum pl_code pl_db_number(struct pl_db *db, const char *sql, int64_t *out,
                                        struct pl_err *err);
/* Is a transaction open? False also when the connection is closed. */
bool pl_db_in_transaction(const struct pl_db *db);

/* What SQLite's result code @rc means to a caller. */
enum pl_code pl_sql_code(int rc);
/* Fails with "@what: SQLite's text", the extended code as cause. */
enum pl_code pl_sql_fail(const struct pl_db *db, int rc, const char *what, struct pl_err *err);

/* The prepared statement, reset and unbound. */
PL_MUST_CHECK enum pl_code pl_sql_use(struct pl_db *db, enum pl_sql which, sqlite3_stmt **out,
                                      struct pl_err *err);
/* Binds without copying: @b must live until the statement is reset. Empty is a zero-length blob. */
int pl_sql_bind_blob(sqlite3_stmt *st, int at, struct pl_bytes b);
/* One step: @row_out says whether there is a row. On failure the statement is reset. */
PL_MUST_CHECK enum pl_code pl_sql_step(struct pl_db *db, enum pl_sql which, bool *row_out,
                                       struct pl_err *err);
/* Steps a statement without rows to its end and resets it. */
PL_MUST_CHECK enum pl_code pl_sql_done(struct pl_db *db, enum pl_sql which, struct pl_err *err);
/* Uses, steps to the end and resets: for statements without parameters. */
PL_MUST_CHECK enum pl_code pl_sql_run(struct pl_db *db, enum pl_sql which, struct pl_err *err);
/* Resets; what a failed statement says again is dropped. NULL and unprepared are allowed. */
void pl_sql_reset(struct pl_db *db, enum pl_sql which);

/* A column as a view that lives until the next step or reset. */
struct pl_bytes pl_sql_column(sqlite3_stmt *st, int at);
/* A 32-byte column. PL_ECORRUPT when it has another length. */
PL_MUST_CHECK enum pl_code pl_sql_column_hash(sqlite3_stmt *st, int at, struct pl_hash *out,
                                              struct pl_err *err);
/* A copy in the arena. PL_ENOMEM. */
PL_MUST_CHECK enum pl_code pl_sql_column_dup(sqlite3_stmt *st, int at, struct pl_arena *arena,
                                             struct pl_bytes *out, struct pl_err *err);

#endif
