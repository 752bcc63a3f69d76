/* SPDX-License-Identifier: Apache-2.0 */
/* runs.c - reading the sorted runs of index.db. */
#include "store/runs.h"

#include <inttypes.h>

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint64_t pl_key_hash(struct pl_bytes key)
{
    struct pl_hash h;
    pl_sha256(key, &h);
    return get_be(h.b, 8);
}

void pl_item_make(struct pl_item *item, uint64_t hash, uint64_t offset)
{
    put_be(item->b, hash, 8);
    put_be(item->b + 8, offset, 4);
}

uint64_t pl_item_hash(const struct pl_item *item)
{
    return get_be(item->b, 8);
}

uint64_t pl_item_offset(const struct pl_item *item)
{
    return get_be(item->b + 8, 4);
}

enum pl_code pl_runs_check_version(struct pl_db *db, bool *ours_out, struct pl_err *err)
{
    enum pl_code rc;
    int64_t app = 0, version = 0;

    PL_TRY(pl_db_number(db, "PRAGMA application_id", &app, err));
    PL_TRY(pl_db_number(db, "PRAGMA user_version", &version, err));
    *ours_out = app == PL_INDEX_ID && version == PL_INDEX_VERSION;
out:
    return rc;
}

enum pl_code pl_runs_progress(struct pl_db *db, uint32_t log_id, struct pl_progress *out,
                              struct pl_err *err)
{
    enum pl_code rc;
    struct pl_progress p = {0};
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, PL_SQL_PROGRESS_GET, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    PL_TRY(pl_sql_step(db, PL_SQL_PROGRESS_GET, &row, err));
    if (!row) {
        rc = PL_FAIL(err, PL_ENOTFOUND, "log %u is not indexed", log_id);
        goto out;
    }
    p.mark = (uint64_t)sqlite3_column_int64(st, 0);
    PL_TRY(pl_sql_column_hash(st, 1, &p.leaf, err));
    struct pl_bytes generation = pl_sql_column(st, 2);
    if (generation.n != sizeof(p.generation) || p.mark == 0) {
        rc = PL_FAIL(err, PL_ECORRUPT, "the index's progress row is malformed");
        goto out;
    }
    memcpy(p.generation, generation.p, sizeof(p.generation));
    *out = p;
out:
    pl_sql_reset(db, PL_SQL_PROGRESS_GET);
    return rc;
}

static bool run_is_sane(const struct pl_run *r, uint64_t begin)
{
    return r->id > 0 && r->id < INT64_C(1) << (63 - PL_BLOCK_SHIFT) && r->first == begin &&
           r->past > r->first && r->past - r->first <= UINT32_MAX &&
           r->blocks == (r->items + PL_BLOCK_ITEMS - 1) / PL_BLOCK_ITEMS;
}

enum pl_code pl_runs_list(struct pl_db *db, uint32_t log_id, struct pl_run out[PL_RUNS_MAX],
                          size_t *n_out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    size_t n = 0;
    uint64_t begin = 0;

    PL_TRY(pl_sql_use(db, PL_SQL_RUNS, &st, err));
    sqlite3_bind_int64(st, 1, log_id);
    for (bool row = true;;) {
        PL_TRY(pl_sql_step(db, PL_SQL_RUNS, &row, err));
        if (!row)
            break;
        struct pl_run r = {
            .id = sqlite3_column_int64(st, 0),
            .first = (uint64_t)sqlite3_column_int64(st, 1),
            .past = (uint64_t)sqlite3_column_int64(st, 2),
            .items = (uint64_t)sqlite3_column_int64(st, 3),
            .blocks = (uint32_t)sqlite3_column_int64(st, 4),
        };
        if (n == PL_RUNS_MAX || !run_is_sane(&r, begin)) {
            rc = PL_FAIL(err, PL_ECORRUPT,
                         "the index's run over [%" PRIu64 ", %" PRIu64 ") is wrong", r.first,
                         r.past);
            goto out;
        }
        begin = r.past;
        out[n++] = r;
    }
    *n_out = n;
out:
    pl_sql_reset(db, PL_SQL_RUNS);
    return rc;
}

/* ---- cursors ---- */

static enum pl_code load_block(struct pl_run_cursor *c, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(c->db, PL_SQL_BLOCK_GET, &st, err));
    sqlite3_bind_int64(st, 1, c->run.id << PL_BLOCK_SHIFT | c->next_block);
    PL_TRY(pl_sql_step(c->db, PL_SQL_BLOCK_GET, &row, err));
    struct pl_bytes data = row ? pl_sql_column(st, 0) : pl_bytes(NULL, 0);
    bool last = c->next_block + 1 == c->run.blocks;
    size_t want =
        last ? (size_t)(c->run.items - (uint64_t)c->next_block * PL_BLOCK_ITEMS) : PL_BLOCK_ITEMS;
    if (data.n == 0 || data.n != want * PL_ITEM_SIZE) {
        rc = PL_FAIL(err, PL_ECORRUPT, "block %u of the index's run %" PRId64 " is missing or cut",
                     c->next_block, c->run.id);
        goto out;
    }
    memcpy(c->block, data.p, data.n);
    c->n = want;
    c->at = 0;
    c->next_block++;
out:
    pl_sql_reset(c->db, PL_SQL_BLOCK_GET);
    return rc;
}

/* The number of the last block whose first item is <= @from; 0 when none is. */
static enum pl_code seek_block(struct pl_run_cursor *c, const struct pl_item *from,
                               struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(c->db, PL_SQL_BLOCK_SEEK, &st, err));
    sqlite3_bind_int64(st, 1, c->run.id);
    pl_sql_bind_blob(st, 2, pl_bytes(from->b, PL_ITEM_SIZE));
    PL_TRY(pl_sql_step(c->db, PL_SQL_BLOCK_SEEK, &row, err));
    int64_t number = row ? sqlite3_column_int64(st, 0) - (c->run.id << PL_BLOCK_SHIFT) : 0;
    if (number < 0 || number >= c->run.blocks)
        rc = PL_FAIL(err, PL_ECORRUPT, "the index's run %" PRId64 " has a stray block", c->run.id);
    else
        c->next_block = (uint32_t)number;
out:
    pl_sql_reset(c->db, PL_SQL_BLOCK_SEEK);
    return rc;
}

enum pl_code pl_run_seek(struct pl_run_cursor *c, struct pl_db *db, const struct pl_run *run,
                         const struct pl_item *from, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    c->db = db;
    c->run = *run;
    c->next_block = 0;
    c->n = c->at = 0;
    if (from == NULL || run->blocks == 0)
        return PL_OK;
    PL_TRY(seek_block(c, from, err));
    PL_TRY(load_block(c, err));
    size_t low = 0, high = c->n; /* the first item >= from is in [low, high] */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(c->block[mid].b, from->b, PL_ITEM_SIZE) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    c->at = low;
out:
    return rc;
}

enum pl_code pl_run_peek(struct pl_run_cursor *c, const struct pl_item **out, struct pl_err *err)
{
    if (c->at == c->n) {
        if (c->next_block == c->run.blocks) {
            *out = NULL;
            return PL_OK;
        }
        enum pl_code rc = load_block(c, err);
        if (rc != PL_OK)
            return rc;
    }
    *out = &c->block[c->at];
    return PL_OK;
}
