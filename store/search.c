/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.c - entries by search key: the index's runs up to its mark, the entries themselves above
 * it.
 *
 * Exact whatever state index.db is in. A hit in a run counts only when the entry's stored keys hold
 * the key (hashes collide). An index that is missing, damaged, of another version or of another
 * history counts as empty; the answer then costs a scan until the indexer has caught up.
 */
#include "core/base/log.h"
#include "store/runs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

struct pl_index {
    struct pl_db db;
    dev_t dev; /* of the file that is open: another one may take its name */
    ino_t ino;
    bool ours; /* it is an index of this version */
    size_t nruns;
    struct pl_run runs[PL_RUNS_MAX];
    struct pl_run_cursor cursor;
};

/* One search as it goes on; what was found is ascending. */
struct search {
    struct pl_view *view;
    struct pl_arena *arena;
    struct pl_bytes key;
    uint32_t log_id;
    uint64_t size, from;
    size_t max;
    uint64_t *found;
    size_t n, cap;
    bool more; /* set when max + 1 were there: the search is over */
};

static enum pl_code add_found(struct search *q, uint64_t index, struct pl_err *err)
{
    if (q->n == q->max) {
        q->more = true;
        return PL_OK;
    }
    if (q->n == q->cap) {
        size_t cap = q->cap > 0 ? 2 * q->cap : 16;
        uint64_t *bigger =
            pl_arena_grow(q->arena, q->found, q->cap * sizeof(*bigger), cap * sizeof(*bigger));
        if (bigger == NULL)
            return PL_FAIL(err, PL_ENOMEM, "no memory for %zu search results", cap);
        q->found = bigger;
        q->cap = cap;
    }
    q->found[q->n++] = index;
    return PL_OK;
}

/* PL_ECORRUPT when @blob is malformed: a key that can't be read could be the one. */
static enum pl_code holds_key(struct pl_bytes blob, struct pl_bytes key, bool *out,
                              struct pl_err *err)
{
    struct pl_reader r = pl_reader(blob);
    struct pl_bytes k;

    *out = false;
    while (!*out && pl_keys_next(&r, &k))
        *out = pl_bytes_eq(k, key);
    if (!*out && r.left.n != 0)
        return PL_FAIL(err, PL_ECORRUPT, "the stored search keys are malformed");
    return PL_OK;
}

/* ---- above the mark: the entries themselves ---- */

static enum pl_code scan_entries(struct search *q, uint64_t begin, struct pl_err *err)
{
    struct pl_db *db = &q->view->db;
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false, hit = false;

    if (begin >= q->size)
        return PL_OK;
    PL_TRY(pl_sql_use(db, PL_SQL_ENTRY_KEYS_SCAN, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(q->log_id, begin));
    sqlite3_bind_int64(st, 2, pl_row_id(q->log_id, q->size));
    while (!q->more) {
        PL_TRY(pl_sql_step(db, PL_SQL_ENTRY_KEYS_SCAN, &row, err));
        if (!row)
            break;
        PL_TRY(holds_key(pl_sql_column(st, 1), q->key, &hit, err));
        if (hit)
            PL_TRY(add_found(q, pl_row_idx(sqlite3_column_int64(st, 0)), err));
    }
out:
    pl_sql_reset(db, PL_SQL_ENTRY_KEYS_SCAN);
    return rc;
}

/* ---- below the mark: the runs ---- */

static enum pl_code check_candidate(struct search *q, uint64_t index, struct pl_err *err)
{
    struct pl_db *db = &q->view->db;
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false, hit = false;

    PL_TRY(pl_sql_use(db, PL_SQL_ENTRY_KEYS, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(q->log_id, index));
    PL_TRY(pl_sql_step(db, PL_SQL_ENTRY_KEYS, &row, err));
    if (row)
        PL_TRY(holds_key(pl_sql_column(st, 0), q->key, &hit, err));
    if (hit)
        PL_TRY(add_found(q, index, err));
out:
    pl_sql_reset(db, PL_SQL_ENTRY_KEYS);
    return rc;
}

static enum pl_code search_run(struct search *q, struct pl_index *x, const struct pl_run *run,
                               uint64_t hash, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_item from;
    const struct pl_item *item = NULL;

    pl_item_make(&from, hash, q->from > run->first ? q->from - run->first : 0);
    PL_TRY(pl_run_seek(&x->cursor, &x->db, run, &from, err));
    while (!q->more) {
        PL_TRY(pl_run_peek(&x->cursor, &item, err));
        if (item == NULL || pl_item_hash(item) != hash)
            break;
        uint64_t index = run->first + pl_item_offset(item);
        if (index >= q->size)
            break;
        PL_TRY(check_candidate(q, index, err));
        pl_run_skip(&x->cursor);
    }
out:
    return rc;
}

/* Does the index speak of the same history as the database? Its last leaf, and the generation. */
static enum pl_code same_history(struct search *q, const struct pl_progress *p, bool *out,
                                 struct pl_err *err)
{
    struct pl_db *db = &q->view->db;
    uint8_t generation[PL_GENERATION_SIZE];
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    *out = false;
    PL_TRY(pl_generation_get(db, generation, err));
    if (memcmp(generation, p->generation, sizeof(generation)) != 0)
        return PL_OK;
    PL_TRY(pl_sql_use(db, PL_SQL_LEAF_GET, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(q->log_id, p->mark - 1));
    PL_TRY(pl_sql_step(db, PL_SQL_LEAF_GET, &row, err));
    /* Not there: this request's snapshot is older than the index's. */
    *out = !row || pl_bytes_eq(pl_sql_column(st, 0), pl_hash_bytes(&p->leaf));
out:
    pl_sql_reset(db, PL_SQL_LEAF_GET);
    return rc;
}

/* Searches the runs; @mark_out says from where on the entries themselves must be looked at. */
static enum pl_code search_runs(struct search *q, struct pl_index *x, uint64_t *mark_out,
                                struct pl_err *err)
{
    enum pl_code rc;
    struct pl_progress progress;
    uint64_t hash = pl_key_hash(q->key);
    bool same = false;

    PL_TRY(pl_runs_progress(&x->db, q->log_id, &progress, err));
    PL_TRY(same_history(q, &progress, &same, err));
    if (!same)
        return PL_FAIL(err, PL_ENOTFOUND, "the index is another history's");
    PL_TRY(pl_runs_list(&x->db, q->log_id, x->runs, &x->nruns, err));
    if (x->nruns == 0 || x->runs[x->nruns - 1].past != progress.mark)
        return PL_FAIL(err, PL_ECORRUPT, "the index's runs don't end at its mark");
    for (size_t i = 0; i < x->nruns && !q->more; i++) {
        if (x->runs[i].past > q->from && x->runs[i].first < q->size)
            PL_TRY(search_run(q, x, &x->runs[i], hash, err));
    }
    *mark_out = progress.mark;
out:
    return rc;
}

/* ---- the index's connection ---- */

void pl_index_end(struct pl_index *x)
{
    struct pl_err ignored;
    if (x != NULL && pl_db_in_transaction(&x->db))
        (void)!pl_sql_run(&x->db, PL_SQL_ROLLBACK, &ignored); /* nothing was written */
}

void pl_index_close(struct pl_index *x)
{
    if (x == NULL)
        return;
    pl_db_close(&x->db);
    free(x);
}

static enum pl_code open_index(struct pl_view *v, const char *path, const struct stat *st,
                               struct pl_err *err)
{
    enum pl_code rc;
    struct pl_index *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for the search index's connection");
    x->dev = st->st_dev;
    x->ino = st->st_ino;
    PL_TRY(pl_db_open(&x->db, path, PL_OPEN_READ, PL_BUSY_READ_MS, err));
    PL_TRY(pl_runs_check_version(&x->db, &x->ours, err));
    v->index = x;
out:
    if (rc != PL_OK)
        pl_index_close(x);
    return rc;
}

/* Gives the view an index to read, within a snapshot. PL_ENOTFOUND: there is none to use. */
static enum pl_code use_index(struct pl_view *v, struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];
    struct stat st;

    if (v->index != NULL && pl_db_in_transaction(&v->index->db))
        return PL_OK; /* within one request all searches see one state */
    PL_TRY(pl_path(path, v->dir, PL_INDEX_NAME, "", err));
    if (stat(path, &st) != 0)
        return PL_FAIL(err, PL_ENOTFOUND, "there is no %s yet", PL_INDEX_NAME);
    if (v->index != NULL &&
        (v->index->dev != st.st_dev || v->index->ino != st.st_ino || !v->index->ours)) {
        pl_index_close(v->index);
        v->index = NULL;
    }
    if (v->index == NULL)
        PL_TRY(open_index(v, path, &st, err));
    if (!v->index->ours)
        return PL_FAIL(err, PL_ENOTFOUND, "%s is of another version", PL_INDEX_NAME);
    PL_TRY(pl_sql_run(&v->index->db, PL_SQL_BEGIN, err));
out:
    return rc;
}

/* ---- the search ---- */

enum pl_code pl_view_search(struct pl_view *v, uint32_t log_id, uint64_t size, struct pl_bytes key,
                            uint64_t from, size_t max, struct pl_arena *arena,
                            uint64_t **indexes_out, size_t *n_out, bool *more_out,
                            struct pl_err *err)
{
    enum pl_code rc;
    uint64_t mark = 0;
    struct search q = {.view = v,
                       .arena = arena,
                       .key = key,
                       .log_id = log_id,
                       .size = size,
                       .from = from,
                       .max = max};

    rc = use_index(v, err);
    if (rc == PL_OK)
        rc = search_runs(&q, v->index, &mark, err);
    if (rc == PL_ENOMEM)
        goto out;
    if (rc != PL_OK) {
        if (rc != PL_ENOTFOUND) {
            PL_WARN("search.index_unusable", "code=%s cause=%d", pl_code_name(rc), err->cause);
            pl_index_close(v->index);
            v->index = NULL;
        }
        mark = 0;
        q.n = 0;
        q.more = false;
    }
    PL_TRY(scan_entries(&q, mark > from ? mark : from, err));
    *indexes_out = q.found;
    *n_out = q.n;
    *more_out = q.more;
out:
    if (!pl_db_in_transaction(&v->db)) /* no request holds a snapshot: neither does the index */
        pl_index_end(v->index);
    return rc;
}
