/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - the writing connection: creation, opening, recovery, the write-ahead log's size.
 *
 * The tail rule. After a crash the write-ahead log may end in batches that were written but never
 * synced: they live in the page cache only. Who served them would serve what the next power cut
 * takes away, and the log would fork. A commit that failed leaves the same. So every open and every
 * recovery first moves the whole write-ahead log into the database with both files synced (a
 * TRUNCATE checkpoint), and only then looks at what is there. If that fails, nothing is served as
 * new.
 */
#include "store/internal.h"

#include "core/base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- creation ---- */

static enum pl_code insert_log(struct pl_db *db, const struct pl_log_row *log, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(db, PL_SQL_LOG_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, log->log_id);
    sqlite3_bind_int64(st, 2, (int64_t)log->tree_id);
    sqlite3_bind_text64(st, 3, (const char *)log->origin.p, log->origin.n, SQLITE_STATIC,
                        SQLITE_UTF8);
    pl_sql_bind_blob(st, 4, log->key_spki);
    sqlite3_bind_int64(st, 5, log->created);
    PL_TRY(pl_sql_done(db, PL_SQL_LOG_INSERT, err));
out:
    return rc;
}

/* In a rollback-journal file, so that its end is complete in one file: then the header says WAL. */
static enum pl_code fill_new(const char *path, const struct pl_log_row *logs, size_t nlogs,
                             struct pl_err *err)
{
    enum pl_code rc;
    struct pl_db db = {0};

    PL_TRY(pl_db_open(&db, path, PL_OPEN_CREATE, PL_BUSY_OPEN_MS, err));
    PL_TRY(pl_schema_migrate(&db, err));
    PL_TRY(pl_sql_run(&db, PL_SQL_BEGIN_IMMEDIATE, err));
    PL_TRY(pl_generation_renew(&db, err));
    for (size_t i = 0; i < nlogs; i++)
        PL_TRY(insert_log(&db, &logs[i], err));
    PL_TRY(pl_sql_run(&db, PL_SQL_COMMIT, err));
    PL_TRY(pl_db_exec(&db, "PRAGMA journal_mode=WAL", err));
out:
    pl_db_close(&db);
    return rc;
}

enum pl_code pl_store_create(const char *dir, const struct pl_log_row *logs, size_t nlogs,
                             struct pl_err *err)
{
    char path[PL_PATH_MAX], fresh[PL_PATH_MAX];
    struct pl_err ignored;
    enum pl_code rc;

    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_path(fresh, dir, PL_DB_NAME, ".new", err));
    PL_TRY(pl_no_database(dir, err));
    PL_TRY(pl_remove_db(fresh, err)); /* what a crash in here left */
    PL_TRY(fill_new(fresh, logs, nlogs, err));
    PL_TRY(pl_sync_file(fresh, err));
    /* A crash up to here leaves no database; from the rename on, a whole one. */
    PL_TRY(pl_rename_new(fresh, path, err));
    (void)!pl_remove_db(fresh, &ignored); /* its empty -wal and -shm, if any */
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "create the database in %s", dir);
    return rc;
}

/* ---- the tail, and the write-ahead log's size ---- */

/*
 * Moves the whole write-ahead log into the database, syncs both, and empties the log's file.
 * PL_EBUSY while someone reads: @durable_out says whether all was moved and synced nevertheless.
 */
static enum pl_code truncate_wal(struct pl_db *db, bool *durable_out, struct pl_err *err)
{
    int frames = -1, moved = -1;
    int got = sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, &frames, &moved);

    *durable_out = (got == SQLITE_OK || got == SQLITE_BUSY) && frames >= 0 && moved == frames;
    if (got != SQLITE_OK)
        return pl_sql_fail(db, got, "move the write-ahead log into the database", err);
    if (!*durable_out) /* -1: not a WAL database */
        return PL_FAIL(err, PL_EIO, "%d of %d frames of the write-ahead log were moved", moved,
                       frames);
    return PL_OK;
}

/* The tail rule. Waits only for readers of an older state than the newest. */
static enum pl_code make_durable(struct pl_db *db, struct pl_err *err)
{
    static const int WAIT_MS[] = {PL_BUSY_WRITE_MS, PL_BUSY_OPEN_MS};
    enum pl_code rc = PL_OK;
    bool durable = false;

    for (size_t i = 0; i < 2 && !durable; i++) {
        sqlite3_busy_timeout(db->h, WAIT_MS[i]);
        rc = truncate_wal(db, &durable, err);
        if (rc != PL_OK && rc != PL_EBUSY)
            break;
    }
    return durable ? PL_OK : rc;
}

static int note_wal_size(void *ctx, sqlite3 *h, const char *name, int pages)
{
    struct pl_store *s = ctx;
    (void)h;
    (void)name;
    s->wal_bytes = (uint64_t)pages * PL_PAGE_SIZE;
    return SQLITE_OK;
}

static atomic_int long_snapshots;

void pl_long_snapshot(int change)
{
    atomic_fetch_add(&long_snapshots, change);
}

bool pl_long_snapshot_open(void)
{
    return atomic_load(&long_snapshots) > 0;
}

enum pl_code pl_store_maintain(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    bool durable;

    if (s->db.h == NULL || s->in_batch || s->uncertain || s->wal_bytes <= s->wal_max ||
        s->wal_bytes < s->wal_retry || pl_long_snapshot_open())
        return PL_OK;
    PL_TRY(truncate_wal(&s->db, &durable, err));
    s->wal_bytes = s->wal_retry = 0;
out:
    if (rc != PL_OK) /* a snapshot is open: what could be moved was; try again a quarter later */
        s->wal_retry = s->wal_bytes + s->wal_max / 4;
    return rc;
}

enum pl_code pl_store_checkpoint_passive(const char *dir, struct pl_err *err)
{
    char path[PL_PATH_MAX];
    struct pl_db db = {0};
    enum pl_code rc;
    int64_t ignored;

    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_db_open(&db, path, PL_OPEN_WRITE, 0, err));
    /* SQLite opens the write-ahead log at the first read only. */
    PL_TRY(pl_db_number(&db, "SELECT count(*) FROM sqlite_schema", &ignored, err));
    int got = sqlite3_wal_checkpoint_v2(db.h, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (got != SQLITE_OK)
        rc = pl_sql_fail(&db, got, "checkpoint", err);
out:
    pl_db_close(&db);
    return rc;
}

/* ---- open, recover, close ---- */

struct pl_log_state *pl_store_find_log(struct pl_store *s, uint32_t log_id)
{
    for (size_t i = 0; i < s->nlogs; i++) {
        if (s->log[i].log.log_id == log_id)
            return &s->log[i];
    }
    return NULL;
}

/* Sets the journal mode and looks at the answer: SQLite falls back silently where WAL can't work.
 */
static enum pl_code set_wal(struct pl_db *db, struct pl_err *err)
{
    static const char SQL[] = "PRAGMA journal_mode=WAL";
    sqlite3_stmt *st = NULL;
    enum pl_code rc = PL_OK;

    int got = sqlite3_prepare_v2(db->h, SQL, -1, &st, NULL);
    if (got == SQLITE_OK)
        got = sqlite3_step(st);
    if (got != SQLITE_ROW)
        rc = pl_sql_fail(db, got, SQL, err);
    else if (!pl_bytes_eq_str(pl_sql_column(st, 0), "wal"))
        rc = PL_FAIL(err, PL_EIO, "the database cannot be put into WAL mode on this file system");
    sqlite3_finalize(st);
    return rc;
}

static enum pl_code set_journal(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc;
    char sql[64];
    int64_t ignored;

    (void)snprintf(sql, sizeof(sql), "PRAGMA synchronous=%s", s->synchronous);
    PL_TRY(pl_db_exec(&s->db, sql, err));
    PL_TRY(set_wal(&s->db, err));
    /* A first read, which opens and recovers the write-ahead log. */
    PL_TRY(pl_db_number(&s->db, "SELECT count(*) FROM sqlite_schema", &ignored, err));
out:
    return rc;
}

/* After a recovery the rows that were handed out stay the ones in use: they must be the same. */
static enum pl_code keep_rows(const struct pl_store *s, struct pl_log_state *log, size_t n,
                              struct pl_err *err)
{
    if (n != s->nlogs)
        return PL_FAIL(err, PL_ECORRUPT, "the database had %zu logs and now has %zu", s->nlogs, n);
    for (size_t i = 0; i < n; i++) {
        const struct pl_log_row *was = &s->log[i].log, *is = &log[i].log;
        if (was->log_id != is->log_id || was->tree_id != is->tree_id ||
            !pl_bytes_eq(was->origin, is->origin) || !pl_bytes_eq(was->key_spki, is->key_spki))
            return PL_FAIL(err, PL_ECORRUPT, "log %u is another log than before", is->log_id);
        log[i].log = *was;
    }
    return PL_OK;
}

static enum pl_code load_logs(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state log[PL_LOGS_MAX];
    struct pl_arena arena;
    size_t n = 0;

    pl_arena_init(&arena, 1 << 20);
    PL_TRY(pl_logs_read(&s->db, &arena, log, &n, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(pl_log_load(&s->db, &log[i], err));
    if (s->nlogs > 0) {
        PL_TRY(keep_rows(s, log, n, err));
    } else {
        pl_arena_free(&s->arena);
        s->arena = arena;
        pl_arena_init(&arena, 0);
    }
    s->nlogs = n;
    memcpy(s->log, log, n * sizeof(log[0]));
    memcpy(s->before, log, n * sizeof(log[0]));
out:
    pl_arena_free(&arena);
    return rc;
}

/* Opens s->db and makes s->log what is durably there. On failure the connection is closed. */
static enum pl_code connect_store(struct pl_store *s, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];

    PL_TRY(pl_path(path, s->dir, PL_DB_NAME, "", err));
    PL_TRY(pl_db_open(&s->db, path, PL_OPEN_WRITE, PL_BUSY_OPEN_MS, err));
    PL_TRY(set_journal(s, err));
    if (s->repair_tail) {
        PL_TRY(pl_sync_folder_of(path, err)); /* the file's name, after a crash in create */
        PL_TRY(make_durable(&s->db, err));
    }
    PL_TRY(pl_schema_migrate(&s->db, err));
    PL_TRY(load_logs(s, err));
    sqlite3_wal_hook(s->db.h, note_wal_size, s);
    sqlite3_busy_timeout(s->db.h, PL_BUSY_WRITE_MS);
    s->wal_bytes = s->wal_retry = 0;
    s->in_batch = s->failed = s->uncertain = false;
out:
    if (rc != PL_OK) {
        pl_db_close(&s->db);
        if (rc == PL_EBUSY)
            rc = err->code = PL_EIO; /* another process reads an old state; nothing of ours waits */
        pl_err_wrap(err, "open the database in %s", s->dir);
    }
    return rc;
}

static bool known_synchronous(const char *s)
{
    return strcmp(s, "OFF") == 0 || strcmp(s, "NORMAL") == 0 || strcmp(s, "FULL") == 0 ||
           strcmp(s, "EXTRA") == 0;
}

enum pl_code pl_store_open(const struct pl_store_opts *opts, struct pl_store **out,
                           struct pl_err *err)
{
    const char *synchronous = opts->synchronous != NULL ? opts->synchronous : "FULL";
    enum pl_code rc = PL_OK;

    if (!known_synchronous(synchronous))
        return PL_FAIL(err, PL_EINVAL, "synchronous is \"%s\"; OFF, NORMAL, FULL or EXTRA",
                       synchronous);
    struct pl_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for the store");
    pl_buf_init(&s->keys, (size_t)32 << 20);
    s->dir = strdup(opts->dir);
    s->synchronous = strdup(synchronous);
    s->wal_max = opts->wal_max != 0 ? opts->wal_max : UINT64_C(64) << 20;
    s->repair_tail = opts->repair_tail;
    if (s->dir == NULL || s->synchronous == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "no memory for the store");
    else
        rc = connect_store(s, err);
    if (rc == PL_OK)
        *out = s;
    else
        pl_store_close(s);
    return rc;
}

enum pl_code pl_store_recover(struct pl_store *s, struct pl_err *err)
{
    /* Until connect_store() has succeeded the old state stays readable and begin refuses. */
    s->uncertain = true;
    s->in_batch = s->failed = false;
    memcpy(s->log, s->before, sizeof(s->log));
    pl_db_close(&s->db); /* rolls back; the logs' rows stay in the arena */
    return connect_store(s, err);
}

void pl_store_close(struct pl_store *s)
{
    struct pl_err err;
    bool durable;

    if (s == NULL)
        return;
    if (s->in_batch)
        pl_store_rollback(s);
    if (s->db.h != NULL && !s->uncertain && s->repair_tail &&
        truncate_wal(&s->db, &durable, &err) != PL_OK)
        PL_DEBUG("store.close", "wal_left=1"); /* a reader is there; the next open does it */
    pl_db_close(&s->db);
    pl_arena_free(&s->arena);
    pl_buf_free(&s->keys);
    free(s->dir);
    free(s->synchronous);
    free(s);
}

enum pl_code pl_store_log_state(struct pl_store *s, uint32_t log_id, struct pl_log_state *out,
                                struct pl_err *err)
{
    const struct pl_log_state *log = pl_store_find_log(s, log_id);
    if (log == NULL)
        return PL_FAIL(err, PL_ENOTFOUND, "the database has no log %u", log_id);
    *out = *log;
    return PL_OK;
}
