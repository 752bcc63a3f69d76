/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of store/ share with each other and with nobody else. */
#ifndef PL_STORE_INTERNAL_H
#define PL_STORE_INTERNAL_H

#include "store/sql.h"
#include "store/store.h"

#define PL_DB_NAME    "provlog.db"
#define PL_INDEX_NAME "index.db"
#define PL_LOGS_MAX   8

/* Milliseconds that a connection waits for another one's lock. */
#define PL_BUSY_OPEN_MS  2000 /* before anything is served: wait for a reader of another process */
#define PL_BUSY_WRITE_MS 50   /* between batches: longer than a request's snapshot, no longer */
#define PL_BUSY_READ_MS  1000

/* ---- files (files.c) ---- */

/* "@dir/@name@suffix" into @out. PL_EINVAL when it is too long. */
PL_MUST_CHECK enum pl_code pl_path(char out[PL_PATH_MAX], const char *dir, const char *name,
                                   const char *suffix, struct pl_err *err);
/* PL_OK with @out; an error other than "no such file" is PL_EIO. */
PL_MUST_CHECK enum pl_code pl_file_exists(const char *path, bool *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_sync_file(const char *path, struct pl_err *err);
/* Syncs the folder that holds @path. */
PL_MUST_CHECK enum pl_code pl_sync_folder_of(const char *path, struct pl_err *err);
/* Renames without replacing (PL_EEXISTS) and syncs the folder. */
PL_MUST_CHECK enum pl_code pl_rename_new(const char *from, const char *to, struct pl_err *err);
/* Removes a database file with its -wal, -shm and -journal; missing ones are fine. */
PL_MUST_CHECK enum pl_code pl_remove_db(const char *path, struct pl_err *err);
/*
 * Nothing of a database is at @dir: neither provlog.db nor a -wal that lost it (SQLite would play
 * that into a new file). PL_EEXISTS names what is there and what to do.
 */
PL_MUST_CHECK enum pl_code pl_no_database(const char *dir, struct pl_err *err);

/* ---- schema (schema.c) ---- */

/* Brings @db to our schema. PL_EINVAL when it is newer or no database of ours. */
PL_MUST_CHECK enum pl_code pl_schema_migrate(struct pl_db *db, struct pl_err *err);
/* The same question without changing anything; an older database is PL_EINVAL too. */
PL_MUST_CHECK enum pl_code pl_schema_check(struct pl_db *db, struct pl_err *err);
#define PL_GENERATION_SIZE 16
PL_MUST_CHECK enum pl_code pl_generation_get(struct pl_db *db, uint8_t out[PL_GENERATION_SIZE],
                                             struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_generation_renew(struct pl_db *db, struct pl_err *err);

/* ---- logs (logs.c) ---- */

/* Rows of the table log; at most PL_LOGS_MAX. Views in @arena. */
PL_MUST_CHECK enum pl_code pl_logs_read(struct pl_db *db, struct pl_arena *arena,
                                        struct pl_log_state out[PL_LOGS_MAX], size_t *n_out,
                                        struct pl_err *err);
/*
 * Fills in size, edge, last time and newest checkpoint of @log from the stored rows, and compares
 * them with each other: PL_ECORRUPT with both numbers. Reads O(log n) rows and the last batch.
 */
PL_MUST_CHECK enum pl_code pl_log_load(struct pl_db *db, struct pl_log_state *log,
                                       struct pl_err *err);

/* ---- hashes (hashes.c) ---- */

/* A hash reader (pl_hashes_fn) over a connection; ctx is this. */
struct pl_db_hashes {
    struct pl_db *db;
    uint32_t log_id;
    uint64_t size; /* nodes that are not complete in a tree of this size are PL_ENOTFOUND */
};
PL_MUST_CHECK enum pl_code pl_db_hashes(void *ctx, const struct pl_node *want, size_t n,
                                        struct pl_hash *got, struct pl_err *err);

/* ---- search keys in a row (keys.c) ---- */

/* Appends @keys as the entry table holds them. PL_ETOOBIG. */
PL_MUST_CHECK enum pl_code pl_keys_encode(const struct pl_bytes *keys, size_t nkeys,
                                          struct pl_buf *out, struct pl_err *err);
/* The next key of @r; false at the end, or when the blob is malformed: then r->left is not empty.
 */
PL_MUST_CHECK bool pl_keys_next(struct pl_reader *r, struct pl_bytes *out);

/* ---- the writer ---- */

struct pl_store {
    /* Owned by the one thread that uses the store. */
    char *dir;
    char *synchronous;
    uint64_t wal_max;
    bool repair_tail;

    struct pl_db db;                      /* db.h == NULL after a recovery that failed */
    struct pl_arena arena;                /* the logs' rows; made anew by a recovery */
    struct pl_log_state log[PL_LOGS_MAX]; /* with the batch's changes */
    size_t nlogs;

    struct pl_log_state before[PL_LOGS_MAX]; /* as committed: what a rollback restores */
    struct pl_buf keys;                      /* scratch of append */
    bool in_batch;
    bool failed;    /* of the batch: nothing but a rollback is accepted */
    bool uncertain; /* a commit's outcome is unknown: nothing but a recovery is accepted */

    uint64_t wal_bytes; /* of the write-ahead log after the last commit */
    uint64_t wal_retry; /* after a busy truncation: not again below this many bytes */
};
/* The log's state within the store, NULL when there is no such log. */
struct pl_log_state *pl_store_find_log(struct pl_store *s, uint32_t log_id);
/* Snapshots in this process that last seconds (backup, fsck): a truncation would fail busy. */
void pl_long_snapshot(int change);
bool pl_long_snapshot_open(void);

/* ---- the reader ---- */

struct pl_index; /* index.db as a view sees it (search.c) */
struct pl_view {
    char *dir;
    struct pl_db db;
    struct pl_index *index; /* NULL until the first search */
};
PL_MUST_CHECK enum pl_code pl_view_check_index(const struct pl_view *v, uint32_t log_id,
                                               uint64_t size, uint64_t index, struct pl_err *err);
void pl_index_end(struct pl_index *x);   /* ends its snapshot; NULL is allowed */
void pl_index_close(struct pl_index *x); /* NULL is allowed */

#endif
