/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - writing runs, and merging adjacent ones.
 *
 * A run's level is the power of 4 that its number of items has reached. When the end of the list
 * holds FAN runs of one level (with smaller ones between or behind them), all of these become one
 * run. So there are less than FAN runs of a level at any time, and an item is rewritten about once
 * a level. Runs that have reached PL_RUN_ITEMS_MAX stay as they are.
 */
#include "store/merge.h"

#include <stdlib.h>

#define FAN           4
#define LEVEL_0_ITEMS 4096

enum pl_code pl_runs_create(struct pl_db *db, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_db_exec(db,
                      "CREATE TABLE progress (log_id INTEGER PRIMARY KEY, mark INTEGER NOT NULL,"
                      " leaf BLOB NOT NULL, generation BLOB NOT NULL) STRICT;"
                      "CREATE TABLE run (run_id INTEGER PRIMARY KEY, log_id INTEGER NOT NULL,"
                      " first INTEGER NOT NULL, past INTEGER NOT NULL, items INTEGER NOT NULL,"
                      " blocks INTEGER NOT NULL) STRICT;"
                      "CREATE TABLE block (id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL,"
                      " low BLOB NOT NULL, data BLOB NOT NULL) STRICT;"
                      "CREATE UNIQUE INDEX block_low ON block (run_id, low);",
                      err));
    PL_TRY(pl_db_exec(db, "PRAGMA application_id=0x504C4958; PRAGMA user_version=1", err));
out:
    return rc;
}

enum pl_code pl_runs_wipe(struct pl_db *db, struct pl_err *err)
{
    return pl_db_exec(db, "DELETE FROM block; DELETE FROM run; DELETE FROM progress", err);
}

enum pl_code pl_runs_set_progress(struct pl_db *db, uint32_t log_id, const struct pl_progress *p,
                                  struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(db, PL_SQL_PROGRESS_PUT, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    sqlite3_bind_int64(st, 2, (int64_t)p->mark);
    pl_sql_bind_blob(st, 3, pl_hash_bytes(&p->leaf));
    pl_sql_bind_blob(st, 4, pl_bytes(p->generation, sizeof(p->generation)));
    PL_TRY(pl_sql_done(db, PL_SQL_PROGRESS_PUT, err));
out:
    return rc;
}

/* ---- writing one run ---- */

struct run_writer {
    struct pl_db *db;
    struct pl_run run;
    size_t n; /* items in block[] */
    struct pl_item block[PL_BLOCK_ITEMS];
};

static enum pl_code start_run(struct run_writer *w, struct pl_db *db, uint64_t first, uint64_t past,
                              struct pl_err *err)
{
    int64_t last = 0;
    enum pl_code rc = pl_db_number(db, "SELECT coalesce(max(run_id), 0) FROM run", &last, err);
    w->db = db;
    w->run = (struct pl_run){.id = last + 1, .first = first, .past = past};
    w->n = 0;
    return rc;
}

static enum pl_code flush_block(struct run_writer *w, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    sqlite3_stmt *st;

    if (w->n == 0)
        return PL_OK;
    PL_TRY(pl_sql_use(w->db, PL_SQL_BLOCK_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, w->run.id << PL_BLOCK_SHIFT | w->run.blocks);
    sqlite3_bind_int64(st, 2, w->run.id);
    pl_sql_bind_blob(st, 3, pl_bytes(w->block[0].b, PL_ITEM_SIZE));
    pl_sql_bind_blob(st, 4, pl_bytes(w->block, w->n * PL_ITEM_SIZE));
    PL_TRY(pl_sql_done(w->db, PL_SQL_BLOCK_INSERT, err));
    w->run.blocks++;
    w->n = 0;
out:
    return rc;
}

static enum pl_code put_item(struct run_writer *w, const struct pl_item *item, struct pl_err *err)
{
    enum pl_code rc = w->n == PL_BLOCK_ITEMS ? flush_block(w, err) : PL_OK;
    if (rc != PL_OK)
        return rc;
    w->block[w->n++] = *item;
    w->run.items++;
    return PL_OK;
}

static enum pl_code end_run(struct run_writer *w, uint32_t log_id, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(flush_block(w, err));
    PL_TRY(pl_sql_use(w->db, PL_SQL_RUN_INSERT, &st, err));
    sqlite3_bind_int64(st, 1, w->run.id);
    sqlite3_bind_int64(st, 2, log_id);
    sqlite3_bind_int64(st, 3, (int64_t)w->run.first);
    sqlite3_bind_int64(st, 4, (int64_t)w->run.past);
    sqlite3_bind_int64(st, 5, (int64_t)w->run.items);
    sqlite3_bind_int64(st, 6, w->run.blocks);
    PL_TRY(pl_sql_done(w->db, PL_SQL_RUN_INSERT, err));
out:
    return rc;
}

enum pl_code pl_runs_add(struct pl_db *db, uint32_t log_id, uint64_t first, uint64_t past,
                         const struct pl_item *items, size_t n, struct pl_err *err)
{
    enum pl_code rc;

    struct run_writer *w = malloc(sizeof(*w));
    if (w == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for an index run");
    PL_TRY(start_run(w, db, first, past, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(put_item(w, &items[i], err));
    PL_TRY(end_run(w, log_id, err));
out:
    free(w);
    return rc;
}

/* ---- merging ---- */

static unsigned level_of(const struct pl_run *run)
{
    unsigned level = 0;
    for (uint64_t limit = LEVEL_0_ITEMS; run->items >= limit; limit *= 4)
        level++;
    return level;
}

/* How many runs at the end of the list should become one; 0 for none. */
static size_t choose_merge(const struct pl_run *runs, size_t n)
{
    unsigned top = 0;
    for (size_t i = 0; i < n; i++)
        top = level_of(&runs[i]) > top ? level_of(&runs[i]) : top;
    for (unsigned level = 0; level <= top; level++) {
        size_t tail = 0, same = 0;
        while (tail < n && level_of(&runs[n - 1 - tail]) <= level &&
               runs[n - 1 - tail].items < PL_RUN_ITEMS_MAX &&
               runs[n - 1].past - runs[n - 1 - tail].first <= UINT32_MAX) {
            same += level_of(&runs[n - 1 - tail]) == level;
            tail++;
        }
        if (same >= FAN)
            return tail;
    }
    return 0;
}

/* The cursor with the smallest hash, on equal ones that of the earliest run; NULL at the end. */
static enum pl_code smallest(struct pl_run_cursor *c, size_t n, struct pl_run_cursor **out,
                             const struct pl_item **item_out, struct pl_err *err)
{
    const struct pl_item *item = NULL;

    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        enum pl_code rc = pl_run_peek(&c[i], &item, err);
        if (rc != PL_OK)
            return rc;
        if (item != NULL && (*out == NULL || memcmp(item->b, (*item_out)->b, 8) < 0)) {
            *out = &c[i];
            *item_out = item;
        }
    }
    return PL_OK;
}

static enum pl_code drop_run(struct pl_db *db, const struct pl_run *run, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(db, PL_SQL_BLOCK_DELETE, &st, err));
    sqlite3_bind_int64(st, 1, run->id << PL_BLOCK_SHIFT);
    sqlite3_bind_int64(st, 2, (run->id + 1) << PL_BLOCK_SHIFT);
    PL_TRY(pl_sql_done(db, PL_SQL_BLOCK_DELETE, err));
    PL_TRY(pl_sql_use(db, PL_SQL_RUN_DELETE, &st, err));
    sqlite3_bind_int64(st, 1, run->id);
    PL_TRY(pl_sql_done(db, PL_SQL_RUN_DELETE, err));
out:
    return rc;
}

static enum pl_code merge_items(struct run_writer *w, struct pl_run_cursor *cursors, size_t n,
                                struct pl_err *err)
{
    enum pl_code rc;
    struct pl_run_cursor *c = NULL;
    const struct pl_item *item = NULL;
    struct pl_item moved;

    for (;;) {
        PL_TRY(smallest(cursors, n, &c, &item, err));
        if (c == NULL)
            break;
        pl_item_make(&moved, pl_item_hash(item),
                     c->run.first - w->run.first + pl_item_offset(item));
        PL_TRY(put_item(w, &moved, err));
        pl_run_skip(c);
    }
out:
    return rc;
}

/* Makes one run of @n adjacent ones, and drops these. */
static enum pl_code merge_runs(struct pl_db *db, uint32_t log_id, const struct pl_run *runs,
                               size_t n, struct pl_err *err)
{
    enum pl_code rc;

    struct run_writer *w = malloc(sizeof(*w));
    struct pl_run_cursor *cursors = calloc(n, sizeof(*cursors));
    if (w == NULL || cursors == NULL) {
        rc = PL_FAIL(err, PL_ENOMEM, "no memory to merge %zu index runs", n);
        goto out;
    }
    PL_TRY(start_run(w, db, runs[0].first, runs[n - 1].past, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(pl_run_seek(&cursors[i], db, &runs[i], NULL, err));
    PL_TRY(merge_items(w, cursors, n, err));
    PL_TRY(end_run(w, log_id, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(drop_run(db, &runs[i], err));
out:
    free(w);
    free(cursors);
    return rc;
}

enum pl_code pl_runs_merge(struct pl_db *db, uint32_t log_id, struct pl_err *err)
{
    enum pl_code rc;
    size_t n = 0;

    struct pl_run *runs = calloc(PL_RUNS_MAX, sizeof(*runs));
    if (runs == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for the index's runs");
    for (;;) { /* each turn makes the list shorter by at least FAN - 1 */
        PL_TRY(pl_runs_list(db, log_id, runs, &n, err));
        size_t tail = choose_merge(runs, n);
        if (tail == 0)
            break;
        PL_TRY(merge_runs(db, log_id, runs + n - tail, tail, err));
    }
out:
    free(runs);
    return rc;
}
