/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - migrations, and the generation that ties index.db to a database. */
#include "store/internal.h"

#include "schema_sql.h"

#include <stdio.h>

#define NMIGRATIONS (sizeof(PL_MIGRATIONS) / sizeof(PL_MIGRATIONS[0]))
#define NEWEST      (PL_MIGRATIONS[NMIGRATIONS - 1].number)

/* What @db is: its version; 0 for an empty file. PL_EINVAL: not ours, or newer than we are. */
static enum pl_code read_version(struct pl_db *db, int64_t *out, struct pl_err *err)
{
    enum pl_code rc;
    int64_t app = 0, version = 0, tables = 0;

    PL_TRY(pl_db_number(db, "PRAGMA application_id", &app, err));
    PL_TRY(pl_db_number(db, "PRAGMA user_version", &version, err));
    PL_TRY(pl_db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err));
    if (app != PL_APPLICATION_ID && (app != 0 || version != 0 || tables != 0))
        return PL_FAIL(err, PL_EINVAL,
                       "this is no database of provlog: its application id is 0x%llx, not 0x%x",
                       (unsigned long long)app, PL_APPLICATION_ID);
    if (version > (int64_t)NEWEST)
        return PL_FAIL(err, PL_EINVAL,
                       "the database has schema version %lld, this program knows up to %u: "
                       "use a newer program",
                       (long long)version, NEWEST);
    *out = version;
out:
    return rc;
}

/* One migration and its number in one transaction: a crash leaves the version before or after. */
static enum pl_code apply(struct pl_db *db, const struct pl_migration *m, struct pl_err *err)
{
    enum pl_code rc;
    char sql[96];

    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%u",
                   PL_APPLICATION_ID, m->number);
    PL_TRY(pl_sql_run(db, PL_SQL_BEGIN_IMMEDIATE, err));
    PL_TRY(pl_db_exec(db, m->sql, err));
    PL_TRY(pl_db_exec(db, sql, err));
    PL_TRY(pl_sql_run(db, PL_SQL_COMMIT, err));
out:
    if (rc != PL_OK) {
        struct pl_err ignored;
        if (pl_db_in_transaction(db) && pl_sql_run(db, PL_SQL_ROLLBACK, &ignored) != PL_OK)
            pl_db_close(db); /* nothing may run in a half-open transaction */
        pl_err_wrap(err, "migration %s", m->name);
    }
    return rc;
}

enum pl_code pl_schema_migrate(struct pl_db *db, struct pl_err *err)
{
    enum pl_code rc;
    int64_t version = 0;

    PL_TRY(read_version(db, &version, err));
    for (size_t i = 0; i < NMIGRATIONS; i++) {
        if ((int64_t)PL_MIGRATIONS[i].number > version)
            PL_TRY(apply(db, &PL_MIGRATIONS[i], err));
    }
out:
    return rc;
}

enum pl_code pl_schema_check(struct pl_db *db, struct pl_err *err)
{
    enum pl_code rc;
    int64_t version = 0;

    PL_TRY(read_version(db, &version, err));
    if (version != (int64_t)NEWEST)
        return PL_FAIL(err, PL_EINVAL,
                       "the database has schema version %lld, this program needs %u: "
                       "start the server once to migrate it",
                       (long long)version, NEWEST);
out:
    return rc;
}

enum pl_code pl_generation_get(struct pl_db *db, uint8_t out[PL_GENERATION_SIZE],
                               struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, PL_SQL_META_GET, &st, err));
    sqlite3_bind_text(st, 1, "generation", -1, SQLITE_STATIC);
    PL_TRY(pl_sql_step(db, PL_SQL_META_GET, &row, err));
    struct pl_bytes b = row ? pl_sql_column(st, 0) : pl_bytes(NULL, 0);
    if (b.n == PL_GENERATION_SIZE)
        memcpy(out, b.p, b.n);
    else
        rc = PL_FAIL(err, PL_ECORRUPT, "the database has no generation of %d bytes",
                     PL_GENERATION_SIZE);
out:
    pl_sql_reset(db, PL_SQL_META_GET);
    return rc;
}

enum pl_code pl_generation_renew(struct pl_db *db, struct pl_err *err)
{
    uint8_t fresh[PL_GENERATION_SIZE];
    enum pl_code rc;
    sqlite3_stmt *st;

    sqlite3_randomness(sizeof(fresh), fresh);
    PL_TRY(pl_sql_use(db, PL_SQL_META_PUT, &st, err));
    sqlite3_bind_text(st, 1, "generation", -1, SQLITE_STATIC);
    pl_sql_bind_blob(st, 2, pl_bytes(fresh, sizeof(fresh)));
    PL_TRY(pl_sql_done(db, PL_SQL_META_PUT, err));
out:
    return rc;
}
