/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - the background thread's part of search: takes new entries' keys into index.db.
 *
 * Everything in index.db can be derived from provlog.db. What is missing, damaged, of another
 * version or of another history is thrown away and made anew from entry 0.
 */
#include "core/base/log.h"
#include "store/merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STEP_ITEMS ((size_t)256 << 10) /* items of one run before it is merged: 3 MiB */

struct pl_indexer {
    char *dir;
    struct pl_db main;  /* reads provlog.db */
    struct pl_db index; /* writes index.db; closed while there is none */
    dev_t dev;          /* of the index file that is open */
    ino_t ino;
    struct pl_item *items; /* of the step */
    size_t n, cap;
};

/* ---- the file ---- */

/* Opens index.db; one that is empty gets its tables. PL_ECORRUPT: it must be made anew. */
static enum pl_code open_file(struct pl_indexer *x, const char *path, struct pl_err *err)
{
    enum pl_code rc;
    int64_t tables = 0;
    bool ours = false;
    struct stat st;

    PL_TRY(pl_db_open(&x->index, path, PL_OPEN_CREATE, PL_BUSY_READ_MS, err));
    /* Derived data: it may be behind after a power cut, but never torn. */
    PL_TRY(pl_db_exec(&x->index,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                      "PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=67108864",
                      err));
    PL_TRY(pl_db_number(&x->index, "SELECT count(*) FROM sqlite_schema", &tables, err));
    if (tables == 0) {
        PL_TRY(pl_sql_run(&x->index, PL_SQL_BEGIN_IMMEDIATE, err));
        PL_TRY(pl_runs_create(&x->index, err));
        PL_TRY(pl_sql_run(&x->index, PL_SQL_COMMIT, err));
    }
    PL_TRY(pl_runs_check_version(&x->index, &ours, err));
    if (!ours)
        rc = PL_FAIL(err, PL_ECORRUPT, "%s is of another version", path);
    else if (stat(path, &st) != 0)
        rc = PL_FAIL(err, PL_EIO, "%s has gone", path);
    if (rc == PL_OK) {
        x->dev = st.st_dev;
        x->ino = st.st_ino;
    }
out:
    if (rc != PL_OK)
        pl_db_close(&x->index);
    return rc;
}

/* Closes what is open when the file has been removed or replaced, and opens what is there. */
static enum pl_code use_file(struct pl_indexer *x, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];
    struct stat st;

    PL_TRY(pl_path(path, x->dir, PL_INDEX_NAME, "", err));
    bool same = stat(path, &st) == 0 && st.st_dev == x->dev && st.st_ino == x->ino;
    if (x->index.h != NULL && same)
        return PL_OK;
    pl_db_close(&x->index);
    if (stat(path, &st) != 0)
        PL_TRY(pl_remove_db(path, err)); /* a -wal without its database */
    PL_TRY(open_file(x, path, err));
out:
    return rc;
}

static enum pl_code make_anew(struct pl_indexer *x, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];

    pl_db_close(&x->index);
    PL_TRY(pl_path(path, x->dir, PL_INDEX_NAME, "", err));
    PL_TRY(pl_remove_db(path, err));
    PL_TRY(open_file(x, path, err));
out:
    return rc;
}

enum pl_code pl_indexer_open(const char *dir, struct pl_indexer **out, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];

    struct pl_indexer *x = calloc(1, sizeof(*x));
    if (x == NULL || (x->dir = strdup(dir)) == NULL) {
        free(x);
        return PL_FAIL(err, PL_ENOMEM, "no memory for the indexer");
    }
    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_db_open(&x->main, path, PL_OPEN_READ, PL_BUSY_READ_MS, err));
    PL_TRY(pl_schema_check(&x->main, err));
    *out = x;
out:
    if (rc != PL_OK)
        pl_indexer_close(x);
    return rc;
}

void pl_indexer_close(struct pl_indexer *x)
{
    if (x == NULL)
        return;
    pl_db_close(&x->index);
    pl_db_close(&x->main);
    free(x->items);
    free(x->dir);
    free(x);
}

/* ---- what is to be indexed: from provlog.db ---- */

static int compare_items(const void *a, const void *b)
{
    return memcmp(a, b, PL_ITEM_SIZE);
}

static void sort_items(struct pl_indexer *x)
{
    size_t kept = 0;

    if (x->n == 0)
        return;
    qsort(x->items, x->n, sizeof(x->items[0]), compare_items);
    for (size_t i = 1; i < x->n; i++) { /* an entry may name a key twice */
        if (memcmp(x->items[i].b, x->items[kept].b, PL_ITEM_SIZE) != 0)
            x->items[++kept] = x->items[i];
    }
    x->n = kept + 1;
}

static enum pl_code add_item(struct pl_indexer *x, struct pl_bytes key, uint64_t offset,
                             struct pl_err *err)
{
    if (x->n == x->cap) {
        size_t cap = x->cap > 0 ? 2 * x->cap : 4096;
        struct pl_item *bigger = realloc(x->items, cap * sizeof(*bigger));
        if (bigger == NULL)
            return PL_FAIL(err, PL_ENOMEM, "no memory for %zu index items", cap);
        x->items = bigger;
        x->cap = cap;
    }
    pl_item_make(&x->items[x->n++], pl_key_hash(key), offset);
    return PL_OK;
}

static enum pl_code add_entry(struct pl_indexer *x, struct pl_bytes blob, uint64_t offset,
                              struct pl_err *err)
{
    struct pl_reader r = pl_reader(blob);
    struct pl_bytes key;

    while (pl_keys_next(&r, &key)) {
        enum pl_code rc = add_item(x, key, offset, err);
        if (rc != PL_OK)
            return rc;
    }
    if (r.left.n != 0)
        return PL_FAIL(err, PL_ECORRUPT, "the stored search keys are malformed");
    return PL_OK;
}

/* Items of the entries [begin, *past_out), at most up to @end. */
static enum pl_code collect(struct pl_indexer *x, uint32_t log_id, uint64_t begin, uint64_t end,
                            uint64_t *past_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    uint64_t at = begin;
    bool row = false;

    x->n = 0;
    PL_TRY(pl_sql_use(&x->main, PL_SQL_ENTRY_KEYS_SCAN, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, begin));
    sqlite3_bind_int64(st, 2, pl_row_id(log_id, end));
    while (x->n < STEP_ITEMS) {
        PL_TRY(pl_sql_step(&x->main, PL_SQL_ENTRY_KEYS_SCAN, &row, err));
        if (!row)
            break;
        if (pl_row_idx(sqlite3_column_int64(st, 0)) != at) {
            rc = PL_FAIL(err, PL_ECORRUPT, "entry %" PRIu64 " of log %u is missing", at, log_id);
            goto out;
        }
        PL_TRY(add_entry(x, pl_sql_column(st, 1), at - begin, err));
        at++;
    }
    *past_out = at;
out:
    pl_sql_reset(&x->main, PL_SQL_ENTRY_KEYS_SCAN);
    return rc;
}

static enum pl_code read_leaf(struct pl_indexer *x, uint32_t log_id, uint64_t index,
                              struct pl_hash *out, struct pl_err *err)
{
    struct pl_db_hashes h = {.db = &x->main, .log_id = log_id, .size = index + 1};
    struct pl_node want = {.level = 0, .index = index};
    return pl_db_hashes(&h, &want, 1, out, err);
}

/* ---- one step ---- */

/* Where to go on. An index of another history is one to forget: @wipe_out. */
static enum pl_code find_mark(struct pl_indexer *x, uint32_t log_id, struct pl_progress *p,
                              bool *wipe_out, bool *index_failed, struct pl_err *err)
{
    uint8_t generation[PL_GENERATION_SIZE];
    struct pl_hash leaf;

    *wipe_out = false;
    enum pl_code rc = pl_runs_progress(&x->index, log_id, p, err);
    *index_failed = rc != PL_OK && rc != PL_ENOTFOUND;
    if (*index_failed)
        return rc;
    if (rc == PL_ENOTFOUND)
        *p = (struct pl_progress){0};
    rc = pl_generation_get(&x->main, generation, err);
    if (rc != PL_OK)
        return rc;
    *wipe_out = p->mark > 0 && memcmp(p->generation, generation, sizeof(generation)) != 0;
    if (p->mark > 0 && !*wipe_out) {
        rc = read_leaf(x, log_id, p->mark - 1, &leaf, err);
        if (rc != PL_OK && rc != PL_ECORRUPT) /* ECORRUPT: the log is shorter than its index */
            return rc;
        *wipe_out = rc != PL_OK || !pl_hash_eq(&leaf, &p->leaf);
    }
    if (*wipe_out)
        p->mark = 0;
    memcpy(p->generation, generation, sizeof(generation));
    return PL_OK;
}

/* The index's transaction: runs and mark change together. */
static enum pl_code write_step(struct pl_indexer *x, uint32_t log_id, uint64_t begin, bool wipe,
                               const struct pl_progress *p, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_err ignored;

    PL_TRY(pl_sql_run(&x->index, PL_SQL_BEGIN_IMMEDIATE, err));
    if (wipe)
        PL_TRY(pl_runs_wipe(&x->index, err));
    PL_TRY(pl_runs_add(&x->index, log_id, begin, p->mark, x->items, x->n, err));
    PL_TRY(pl_runs_merge(&x->index, log_id, err));
    PL_TRY(pl_runs_set_progress(&x->index, log_id, p, err));
    PL_TRY(pl_sql_run(&x->index, PL_SQL_COMMIT, err));
out:
    if (rc != PL_OK && pl_db_in_transaction(&x->index) &&
        pl_sql_run(&x->index, PL_SQL_ROLLBACK, &ignored) != PL_OK)
        pl_db_close(&x->index);
    return rc;
}

/* @index_failed: the failure is one of index.db, not of the log's database. */
static enum pl_code try_step(struct pl_indexer *x, uint32_t log_id, uint64_t size, size_t max,
                             size_t *done_out, bool *index_failed, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_progress p = {0};
    bool wipe = false;
    uint64_t begin, past = 0;

    *index_failed = true;
    PL_TRY(use_file(x, err));
    PL_TRY(find_mark(x, log_id, &p, &wipe, index_failed, err));
    begin = p.mark;
    if (begin >= size || max == 0) {
        *done_out = 0;
        return PL_OK;
    }
    PL_TRY(collect(x, log_id, begin, size - begin > max ? begin + max : size, &past, err));
    *done_out = (size_t)(past - begin);
    if (past == begin)
        return PL_OK;
    sort_items(x);
    p.mark = past;
    PL_TRY(read_leaf(x, log_id, past - 1, &p.leaf, err));
    *index_failed = true;
    PL_TRY(write_step(x, log_id, begin, wipe, &p, err));
out:
    return rc;
}

enum pl_code pl_indexer_step(struct pl_indexer *x, uint32_t log_id, uint64_t size, size_t max,
                             size_t *done_out, struct pl_err *err)
{
    enum pl_code rc;
    bool index_failed = false;
    size_t done = 0;

    rc = try_step(x, log_id, size, max, &done, &index_failed, err);
    if (rc == PL_ECORRUPT && index_failed) {
        PL_WARN("index.rebuild", "cause=%d", err->cause);
        PL_TRY(make_anew(x, err));
        PL_TRY(try_step(x, log_id, size, max, &done, &index_failed, err));
    }
    if (rc == PL_OK)
        *done_out = done;
out:
    if (rc != PL_OK)
        pl_err_wrap(err, "index log %u", log_id);
    return rc;
}
