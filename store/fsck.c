/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.c - recomputes everything that can be recomputed, and names what differs.
 *
 * Each thing is compared with what it was made from, one level down: a leaf hash with its body,
 * nodes with the stored leaf hashes, a checkpoint with the nodes. So one damaged row is told as
 * itself and not as a hundred wrong roots above it. What can't be read is a problem like any other;
 * only trouble of the machine (I/O, memory) ends the check.
 */
#include "store/fsck.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TOLD_MAX 10 /* problems of one kind that are told one by one */

/* ---- telling ---- */

static void tell(struct pl_fsck *f, bool is_problem, const char *fmt, va_list args)
{
    char text[512];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    if (f->report != NULL)
        f->report(f->ctx, is_problem, text);
}

void pl_fsck_problem(struct pl_fsck *f, enum pl_fsck_kind kind, const char *fmt, ...)
{
    va_list args;

    f->problems++;
    if (++f->seen[kind] > TOLD_MAX)
        return;
    va_start(args, fmt);
    tell(f, true, fmt, args);
    va_end(args);
}

void pl_fsck_note(struct pl_fsck *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(f, false, fmt, args);
    va_end(args);
}

static void tell_untold(struct pl_fsck *f)
{
    for (int kind = 0; kind < PL_FSCK_KIND_COUNT; kind++) {
        if (f->seen[kind] > TOLD_MAX)
            pl_fsck_note(f, "... and %" PRIu64 " more like these (kind %d)",
                         f->seen[kind] - TOLD_MAX, kind);
    }
}

/* ---- files ---- */

enum pl_code pl_fsck_file(struct pl_fsck *f, struct pl_db *db, const char *name,
                          enum pl_fsck_kind kind, struct pl_err *err)
{
    static const char SQL[] = "PRAGMA integrity_check(100)";
    sqlite3_stmt *st = NULL;
    enum pl_code rc = PL_OK;

    int got = sqlite3_prepare_v2(db->h, SQL, -1, &st, NULL);
    while (got == SQLITE_OK || got == SQLITE_ROW) {
        got = sqlite3_step(st);
        if (got == SQLITE_ROW && !pl_bytes_eq_str(pl_sql_column(st, 0), "ok")) {
            struct pl_bytes text = pl_sql_column(st, 0);
            pl_fsck_problem(f, kind, "%s: %.*s", name, (int)(text.n < 200 ? text.n : 200),
                            text.n > 0 ? (const char *)text.p : "");
        }
    }
    if (got != SQLITE_DONE)
        rc = pl_sql_fail(db, got, SQL, err);
    sqlite3_finalize(st);
    if (rc == PL_ECORRUPT) {
        pl_fsck_problem(f, kind, "%s: %s", name, err->text);
        rc = PL_OK;
    }
    return rc;
}

/* Rows that belong to nothing. */
static enum pl_code check_strays(struct pl_fsck *f, struct pl_err *err)
{
    static const struct {
        const char *what, *sql;
    } STRAY[] = {
        {"entries of no log", "SELECT count(*) FROM entry WHERE id >> 44 NOT IN"
                              " (SELECT log_id FROM log)"},
        {"leaf hashes of no log", "SELECT count(*) FROM leaf WHERE id >> 44 NOT IN"
                                  " (SELECT log_id FROM log)"},
        {"checkpoints of no log", "SELECT count(*) FROM checkpoint WHERE id >> 44 NOT IN"
                                  " (SELECT log_id FROM log)"},
        {"payloads of no entry", "SELECT count(*) FROM payload WHERE NOT EXISTS"
                                 " (SELECT 1 FROM entry WHERE entry.id = payload.id)"},
        {"SETs of no entry", "SELECT count(*) FROM promise WHERE NOT EXISTS"
                             " (SELECT 1 FROM entry WHERE entry.id = promise.id)"},
    };
    enum pl_code rc = PL_OK;
    int64_t n = 0;

    for (size_t i = 0; i < sizeof(STRAY) / sizeof(STRAY[0]); i++) {
        PL_TRY(pl_db_number(&f->view->db, STRAY[i].sql, &n, err));
        if (n != 0)
            pl_fsck_problem(f, PL_FSCK_STRAY, "%" PRId64 " %s", n, STRAY[i].what);
    }
out:
    return rc;
}

/* ---- one log ---- */

struct log_check {
    struct pl_fsck *f;
    uint32_t log_id;
    uint64_t index;        /* of the entry that is looked at */
    struct pl_range range; /* over the stored leaf hashes so far */
    bool tree_known;       /* false from the first missing leaf on */
    int64_t time;
    uint64_t entries, checkpoints;
    /* The next stored checkpoint, not compared yet. */
    bool has_next;
    uint64_t next_size;
    struct pl_hash next_root;
    struct pl_bytes next_note; /* in f->arena: taken when its size is reached */
};

/* Steps to the next checkpoint; its statement stays open during the check of one log. */
static enum pl_code next_checkpoint(struct log_check *c, struct pl_err *err)
{
    struct pl_db *db = &c->f->view->db;
    sqlite3_stmt *st = db->stmt[PL_SQL_CHECKPOINT_ALL];
    enum pl_code rc;

    PL_TRY(pl_sql_step(db, PL_SQL_CHECKPOINT_ALL, &c->has_next, err));
    if (c->has_next) {
        c->next_size = pl_row_idx(sqlite3_column_int64(st, 0));
        PL_TRY(pl_sql_column_hash(st, 1, &c->next_root, err));
        c->next_note = pl_sql_column(st, 2); /* until the next step */
    }
out:
    return rc;
}

static enum pl_code start_checkpoints(struct log_check *c, struct pl_err *err)
{
    struct pl_db *db = &c->f->view->db;
    enum pl_code rc;
    sqlite3_stmt *st;

    PL_TRY(pl_sql_use(db, PL_SQL_CHECKPOINT_ALL, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(c->log_id, 0));
    sqlite3_bind_int64(st, 2, pl_row_id(c->log_id + 1, 0));
    PL_TRY(next_checkpoint(c, err));
out:
    return rc;
}

/* Compares the checkpoint whose size has been reached. */
static enum pl_code check_checkpoint(struct log_check *c, struct pl_err *err)
{
    const struct pl_fsck_entry_hook *hook = c->f->hook;
    struct pl_hash root;
    struct pl_err told;
    char a[PL_HASH_HEX_SIZE], b[PL_HASH_HEX_SIZE];

    pl_range_root(&c->range, &root);
    if (c->tree_known && !pl_hash_eq(&root, &c->next_root))
        pl_fsck_problem(c->f, PL_FSCK_ROOT,
                        "log %u: the checkpoint of size %" PRIu64 " has root %s, the tree %s",
                        c->log_id, c->next_size, pl_hash_hex(&c->next_root, a),
                        pl_hash_hex(&root, b));
    if (hook != NULL && hook->checkpoint != NULL &&
        hook->checkpoint(hook->ctx, c->log_id, c->next_size, &c->next_root, c->next_note, &told) !=
            PL_OK)
        pl_fsck_problem(c->f, PL_FSCK_MEANING, "log %u: checkpoint of size %" PRIu64 ": %s",
                        c->log_id, c->next_size, told.text);
    c->checkpoints++;
    return next_checkpoint(c, err);
}

/* Leaf hash against body, nodes against the leaf hashes. */
static enum pl_code check_tree(struct log_check *c, struct pl_bytes body, struct pl_bytes hash,
                               struct pl_bytes nodes, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct pl_hash leaf, stored, made[64];
    unsigned nmade = 0;

    if (hash.n != PL_HASH_SIZE) {
        pl_fsck_problem(c->f, PL_FSCK_MISSING,
                        "log %u: the leaf hash of entry %" PRIu64
                        " is missing: the tree can't be checked from there",
                        c->log_id, c->index);
        c->tree_known = false;
        return PL_OK;
    }
    memcpy(stored.b, hash.p, PL_HASH_SIZE);
    pl_leaf_hash(body, &leaf);
    if (!pl_hash_eq(&leaf, &stored))
        pl_fsck_problem(c->f, PL_FSCK_LEAF,
                        "log %u: the body of entry %" PRIu64 " does not give its leaf hash",
                        c->log_id, c->index);
    if (!c->tree_known)
        return PL_OK;
    PL_TRY(pl_range_append(&c->range, &stored, made, &nmade, err));
    size_t want = (size_t)(nmade - 1) * PL_HASH_SIZE;
    if (nodes.n != want || (want > 0 && memcmp(nodes.p, made + 1, want) != 0))
        pl_fsck_problem(c->f, PL_FSCK_NODES,
                        "log %u: the tree nodes stored with entry %" PRIu64 " are wrong", c->log_id,
                        c->index);
out:
    return rc;
}

/* Splits the stored keys into @keys for the hook. */
static bool take_keys(struct pl_fsck *f, struct pl_bytes blob, struct pl_bytes **keys_out,
                      size_t *n_out)
{
    struct pl_reader r = pl_reader(blob);
    struct pl_bytes key;
    size_t n = 0;

    while (pl_keys_next(&r, &key))
        n++;
    if (r.left.n != 0)
        return false;
    struct pl_bytes *keys = pl_arena_array(&f->arena, n + 1, sizeof(*keys));
    if (keys == NULL)
        return false;
    r = pl_reader(blob);
    for (size_t i = 0; i < n && pl_keys_next(&r, &keys[i]); i++)
        continue;
    *keys_out = keys;
    *n_out = n;
    return true;
}

static void check_meaning(struct log_check *c, sqlite3_stmt *st, const struct pl_bytes *keys,
                          size_t nkeys)
{
    const struct pl_fsck_entry_hook *hook = c->f->hook;
    struct pl_err told;
    struct pl_view_entry e = {
        .index = c->index,
        .time = sqlite3_column_int64(st, 0),
        .kind = pl_sql_column(st, 1),
        .body = pl_sql_column(st, 2),
        .set = pl_sql_column(st, 7),
        .has_payload = sqlite3_column_type(st, 6) != SQLITE_NULL,
    };
    struct pl_bytes hash = pl_sql_column(st, 4);

    if (hook == NULL || hook->entry == NULL || hash.n != PL_HASH_SIZE)
        return;
    memcpy(e.leaf.b, hash.p, PL_HASH_SIZE);
    if (hook->entry(hook->ctx, c->log_id, &e, pl_sql_column(st, 6), keys, nkeys, &told) != PL_OK)
        pl_fsck_problem(c->f, PL_FSCK_MEANING, "log %u: entry %" PRIu64 ": %s", c->log_id, c->index,
                        told.text);
}

/* The row that the statement stands on: entry c->index with all that belongs to it. */
static enum pl_code check_row(struct log_check *c, sqlite3_stmt *st, struct pl_err *err)
{
    struct pl_bytes *keys = NULL;
    size_t nkeys = 0;
    int64_t time = sqlite3_column_int64(st, 0);

    pl_arena_reset(&c->f->arena);
    if (sqlite3_column_type(st, 0) == SQLITE_NULL) {
        pl_fsck_problem(c->f, PL_FSCK_MISSING, "log %u: entry %" PRIu64 " is missing", c->log_id,
                        c->index);
        c->tree_known = false;
        return PL_OK;
    }
    if (time < c->time)
        pl_fsck_problem(c->f, PL_FSCK_TIME,
                        "log %u: entry %" PRIu64 " has time %" PRId64 ", the one before %" PRId64,
                        c->log_id, c->index, time, c->time);
    c->time = time > c->time ? time : c->time;
    if (take_keys(c->f, pl_sql_column(st, 3), &keys, &nkeys))
        check_meaning(c, st, keys, nkeys);
    else
        pl_fsck_problem(c->f, PL_FSCK_KEYS,
                        "log %u: the search keys of entry %" PRIu64 " are malformed", c->log_id,
                        c->index);
    c->entries++;
    return check_tree(c, pl_sql_column(st, 2), pl_sql_column(st, 4), pl_sql_column(st, 5), err);
}

static enum pl_code check_entry(struct log_check *c, struct pl_err *err)
{
    struct pl_db *db = &c->f->view->db;
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    PL_TRY(pl_sql_use(db, PL_SQL_ENTRY_ALL, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(c->log_id, c->index));
    PL_TRY(pl_sql_step(db, PL_SQL_ENTRY_ALL, &row, err));
    rc = check_row(c, st, err);
    pl_sql_reset(db, PL_SQL_ENTRY_ALL);
    while (rc == PL_OK && c->has_next && c->next_size <= c->index + 1) {
        if (c->next_size == c->index + 1 || c->next_size == 0)
            rc = check_checkpoint(c, err);
        else
            rc = next_checkpoint(c, err);
    }
out:
    return rc;
}

/* Where the rows of a log end, by the highest row of any table: what is missing is found below. */
static enum pl_code find_end(struct log_check *c, uint64_t *out, struct pl_err *err)
{
    static const enum pl_sql LAST[] = {PL_SQL_LEAF_LAST, PL_SQL_ENTRY_LAST};
    struct pl_db *db = &c->f->view->db;
    enum pl_code rc = PL_OK;

    *out = 0;
    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *st;
        bool row = false;
        PL_TRY(pl_sql_use(db, LAST[i], &st, err));
        sqlite3_bind_int64(st, 1, pl_row_id(c->log_id, 0));
        sqlite3_bind_int64(st, 2, pl_row_id(c->log_id + 1, 0));
        PL_TRY(pl_sql_step(db, LAST[i], &row, err));
        uint64_t end = row ? pl_row_idx(sqlite3_column_int64(st, 0)) + 1 : 0;
        *out = end > *out ? end : *out;
        pl_sql_reset(db, LAST[i]);
    }
out:
    return rc;
}

/* A row far behind the others would make the loop endless: gaps end the check of a log. */
#define MISSING_MAX 1000

static enum pl_code check_log(struct pl_fsck *f, const struct pl_log_state *log, uint64_t *end_out,
                              struct pl_err *err)
{
    struct log_check c = {.f = f, .log_id = log->log.log_id, .tree_known = true, .time = INT64_MIN};
    uint64_t missing_before = f->seen[PL_FSCK_MISSING];
    enum pl_code rc;

    pl_range_init(&c.range);
    PL_TRY(find_end(&c, end_out, err));
    PL_TRY(start_checkpoints(&c, err));
    for (c.index = 0; c.index < *end_out; c.index++) {
        rc = check_entry(&c, err);
        if (rc == PL_ECORRUPT) {
            pl_fsck_problem(f, PL_FSCK_FILE, "log %u: entry %" PRIu64 ": %s", c.log_id, c.index,
                            err->text);
            c.tree_known = false;
        } else if (rc != PL_OK) {
            goto out;
        }
        if (f->seen[PL_FSCK_MISSING] - missing_before > MISSING_MAX) {
            pl_fsck_note(f, "log %u: too much is missing; not checked from entry %" PRIu64 " on",
                         c.log_id, c.index);
            break;
        }
    }
    rc = PL_OK;
    if (c.has_next && c.next_size > *end_out)
        pl_fsck_problem(f, PL_FSCK_ROOT,
                        "log %u: there is a checkpoint of size %" PRIu64
                        ", but the log has %" PRIu64 " entries",
                        c.log_id, c.next_size, *end_out);
    pl_fsck_note(f, "log %u: %" PRIu64 " entries, %" PRIu64 " checkpoints%s", c.log_id, c.entries,
                 c.checkpoints, log->restored ? "; it is a restored copy" : "");
out:
    pl_sql_reset(&f->view->db, PL_SQL_CHECKPOINT_ALL);
    return rc;
}

/* ---- the whole ---- */

static enum pl_code check_all(struct pl_fsck *f, struct pl_err *err)
{
    struct pl_log_state log[PL_LOGS_MAX];
    struct pl_arena arena;
    enum pl_code rc;
    size_t n = 0;

    pl_arena_init(&arena, 1 << 20);
    PL_TRY(pl_view_begin(f->view, err));
    PL_TRY(pl_fsck_file(f, &f->view->db, PL_DB_NAME, PL_FSCK_FILE, err));
    PL_TRY(pl_logs_read(&f->view->db, &arena, log, &n, err));
    for (size_t i = 0; i < n; i++)
        PL_TRY(check_log(f, &log[i], &log[i].edge.size, err));
    PL_TRY(check_strays(f, err));
    PL_TRY(pl_fsck_index(f, log, n, err));
out:
    pl_arena_free(&arena);
    return rc;
}

enum pl_code pl_store_fsck(const char *dir, const struct pl_fsck_entry_hook *hook,
                           pl_fsck_fn report, void *ctx, uint64_t *problems_out, struct pl_err *err)
{
    struct pl_fsck f = {.dir = dir, .hook = hook, .report = report, .ctx = ctx};
    enum pl_code rc;

    pl_arena_init(&f.arena, (size_t)64 << 20);
    pl_long_snapshot(1);
    rc = pl_view_open(dir, &f.view, err);
    if (rc == PL_OK)
        rc = check_all(&f, err);
    if (rc == PL_ECORRUPT) { /* so damaged that the rest can't be looked at */
        pl_fsck_problem(&f, PL_FSCK_FILE, "%s", err->text);
        rc = PL_OK;
    }
    tell_untold(&f);
    if (f.view != NULL)
        pl_view_end(f.view);
    pl_view_close(f.view);
    pl_long_snapshot(-1);
    pl_arena_free(&f.arena);
    if (rc == PL_OK)
        *problems_out = f.problems;
    return rc;
}
