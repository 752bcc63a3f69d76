/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck_index.c - index.db against the stored search keys.
 *
 * A run is right when it holds exactly the items of its entries. Both sides are summed up, so that
 * no memory grows with the log: the number of items and the sum of a mixed 64-bit word of each; and
 * the run's own order is looked at on the way.
 */
#include "store/fsck.h"
#include "store/runs.h"

#include <inttypes.h>
#include <stdlib.h>

struct sum {
    uint64_t n, words;
};

/* A finalizer of splitmix64 over hash and entry: sums of it don't cancel by accident. */
static void add_to_sum(struct sum *s, uint64_t hash, uint64_t index)
{
    uint64_t z = hash ^ (index * UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    s->words += z ^ (z >> 31);
    s->n++;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

/* Hashes of one entry's keys, each once. */
static enum pl_code sum_entry(struct pl_fsck *f, struct pl_bytes blob, uint64_t index,
                              struct sum *s, struct pl_err *err)
{
    struct pl_reader r = pl_reader(blob);
    struct pl_bytes key;
    size_t n = 0;

    pl_arena_reset(&f->arena);
    uint64_t *hashes = pl_arena_array(&f->arena, blob.n / 3 + 1, sizeof(*hashes));
    if (hashes == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for the keys of entry %" PRIu64, index);
    while (pl_keys_next(&r, &key))
        hashes[n++] = pl_key_hash(key);
    qsort(hashes, n, sizeof(*hashes), compare_u64);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || hashes[i] != hashes[i - 1])
            add_to_sum(s, hashes[i], index);
    }
    return PL_OK;
}

/* What the run should hold, from provlog.db. */
static enum pl_code sum_entries(struct pl_fsck *f, uint32_t log_id, const struct pl_run *run,
                                struct sum *s, struct pl_err *err)
{
    struct pl_db *db = &f->view->db;
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, PL_SQL_ENTRY_KEYS_SCAN, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(log_id, run->first));
    sqlite3_bind_int64(st, 2, pl_row_id(log_id, run->past));
    for (;;) {
        PL_TRY(pl_sql_step(db, PL_SQL_ENTRY_KEYS_SCAN, &row, err));
        if (!row)
            break;
        PL_TRY(sum_entry(f, pl_sql_column(st, 1), pl_row_idx(sqlite3_column_int64(st, 0)), s, err));
    }
out:
    pl_sql_reset(db, PL_SQL_ENTRY_KEYS_SCAN);
    return rc;
}

/* What it does hold; @sorted_out: in order and without repeats. */
static enum pl_code sum_run(struct pl_run_cursor *c, struct pl_db *db, const struct pl_run *run,
                            struct sum *s, bool *sorted_out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_item before = {{0}};
    const struct pl_item *item = NULL;

    *sorted_out = true;
    PL_TRY(pl_run_seek(c, db, run, NULL, err));
    for (;;) {
        PL_TRY(pl_run_peek(c, &item, err));
        if (item == NULL)
            break;
        if (s->n > 0 && memcmp(before.b, item->b, PL_ITEM_SIZE) >= 0)
            *sorted_out = false;
        before = *item;
        add_to_sum(s, pl_item_hash(item), run->first + pl_item_offset(item));
        pl_run_skip(c);
    }
out:
    return rc;
}

static enum pl_code check_run(struct pl_fsck *f, struct pl_db *db, uint32_t log_id,
                              const struct pl_run *run, struct pl_run_cursor *c, struct pl_err *err)
{
    enum pl_code rc;
    struct sum is = {0}, want = {0};
    bool sorted = false;

    PL_TRY(sum_run(c, db, run, &is, &sorted, err));
    PL_TRY(sum_entries(f, log_id, run, &want, err));
    if (!sorted || is.n != want.n || is.words != want.words)
        pl_fsck_problem(f, PL_FSCK_INDEX,
                        "log %u: the search index over the entries [%" PRIu64 ", %" PRIu64
                        ") is not that of their keys (%" PRIu64 " items, %" PRIu64 " wanted%s)",
                        log_id, run->first, run->past, is.n, want.n, sorted ? "" : ", unsorted");
out:
    return rc;
}

static enum pl_code check_log(struct pl_fsck *f, struct pl_db *db, const struct pl_log_state *log,
                              struct pl_err *err)
{
    enum pl_code rc;
    uint32_t id = log->log.log_id;
    struct pl_progress p;
    uint8_t generation[PL_GENERATION_SIZE];
    size_t n = 0;

    struct pl_run *runs = calloc(PL_RUNS_MAX, sizeof(*runs));
    struct pl_run_cursor *c = calloc(1, sizeof(*c));
    if (runs == NULL || c == NULL) {
        rc = PL_FAIL(err, PL_ENOMEM, "no memory to check the index");
        goto out;
    }
    rc = pl_runs_progress(db, id, &p, err);
    if (rc == PL_ENOTFOUND) {
        pl_fsck_note(f, "log %u: nothing is indexed yet", id);
        rc = PL_OK;
        goto out;
    }
    if (rc != PL_OK)
        goto out;
    PL_TRY(pl_generation_get(&f->view->db, generation, err));
    if (memcmp(generation, p.generation, sizeof(generation)) != 0) {
        pl_fsck_note(f, "log %u: the index is another history's; the server makes it anew", id);
        goto out;
    }
    PL_TRY(pl_runs_list(db, id, runs, &n, err));
    uint64_t end = n > 0 ? runs[n - 1].past : 0;
    if (end != p.mark)
        pl_fsck_problem(f, PL_FSCK_INDEX,
                        "log %u: the index's mark is %" PRIu64 ", its runs end at %" PRIu64, id,
                        p.mark, end);
    /* A mark behind this snapshot's last entry: the indexer has gone on since. */
    for (size_t i = 0; i < n && runs[i].past <= log->edge.size; i++)
        PL_TRY(check_run(f, db, id, &runs[i], c, err));
    pl_fsck_note(f, "log %u: %" PRIu64 " entries indexed in %zu runs", id, end, n);
out:
    free(runs);
    free(c);
    return rc;
}

static enum pl_code check_index(struct pl_fsck *f, struct pl_db *db,
                                const struct pl_log_state *logs, size_t nlogs, struct pl_err *err)
{
    enum pl_code rc;
    bool ours = false;
    int64_t wrong = 0;

    PL_TRY(pl_runs_check_version(db, &ours, err));
    if (!ours) {
        pl_fsck_note(f, "%s is of another version; the server makes it anew", PL_INDEX_NAME);
        return PL_OK;
    }
    PL_TRY(pl_sql_run(db, PL_SQL_BEGIN, err));
    PL_TRY(pl_fsck_file(f, db, PL_INDEX_NAME, PL_FSCK_INDEX, err));
    PL_TRY(pl_db_number(db,
                        "SELECT count(*) FROM block WHERE low IS NOT substr(data, 1, 12)"
                        " OR run_id IS NOT id >> 24",
                        &wrong, err));
    if (wrong != 0)
        pl_fsck_problem(f, PL_FSCK_INDEX, "%" PRId64 " blocks of the index are misplaced", wrong);
    for (size_t i = 0; i < nlogs; i++)
        PL_TRY(check_log(f, db, &logs[i], err));
out:
    return rc;
}

enum pl_code pl_fsck_index(struct pl_fsck *f, const struct pl_log_state *logs, size_t nlogs,
                           struct pl_err *err)
{
    enum pl_code rc;
    char path[PL_PATH_MAX];
    struct pl_db db = {0};
    bool there = false;

    PL_TRY(pl_path(path, f->dir, PL_INDEX_NAME, "", err));
    PL_TRY(pl_file_exists(path, &there, err));
    if (!there) {
        pl_fsck_note(f, "there is no %s; the server makes it", PL_INDEX_NAME);
        return PL_OK;
    }
    PL_TRY(pl_db_open(&db, path, PL_OPEN_READ, PL_BUSY_READ_MS, err));
    PL_TRY(check_index(f, &db, logs, nlogs, err));
out:
    pl_db_close(&db);
    if (rc == PL_ECORRUPT) {
        pl_fsck_problem(f, PL_FSCK_INDEX, "%s; delete %s, it is made anew", err->text,
                        PL_INDEX_NAME);
        rc = PL_OK;
    }
    return rc;
}
