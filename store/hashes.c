/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.c - the hash reader over stored nodes.
 *
 * Node (level, index) was made by the last leaf below it, ((index + 1) << level) - 1, and lies in
 * that leaf's row: level 0 is the row's hash, level k the k-th 32 bytes of its nodes. So the nodes
 * of the lower levels of a proof lie on the page of the leaf itself.
 */
#include "store/internal.h"

#include <inttypes.h>

/* Takes node @want out of the row that @st stands on. */
static enum pl_code take_node(sqlite3_stmt *st, const struct pl_node *want, struct pl_hash *out,
                              struct pl_err *err)
{
    if (want->level == 0)
        return pl_sql_column_hash(st, 0, out, err);
    struct pl_bytes nodes = pl_sql_column(st, 1);
    size_t at = (size_t)(want->level - 1) * PL_HASH_SIZE;
    if (nodes.n < at + PL_HASH_SIZE)
        return PL_FAIL(err, PL_ECORRUPT, "node (%u, %" PRIu64 ") is missing in its leaf's row",
                       want->level, want->index);
    memcpy(out->b, nodes.p + at, PL_HASH_SIZE);
    return PL_OK;
}

static enum pl_code read_node(const struct pl_db_hashes *h, const struct pl_node *want,
                              struct pl_hash *out, struct pl_err *err)
{
    enum pl_code rc;
    sqlite3_stmt *st;
    bool row = false;

    /* Complete in a tree of h->size: (index + 1) << level <= size, said without overflow. */
    if (want->level >= PL_IDX_BITS || want->index >= h->size >> want->level)
        return PL_FAIL(err, PL_ENOTFOUND,
                       "node (%u, %" PRIu64 ") is not complete in a tree of %" PRIu64, want->level,
                       want->index, h->size);
    uint64_t leaf = ((want->index + 1) << want->level) - 1;
    PL_TRY(pl_sql_use(h->db, PL_SQL_LEAF_GET, &st, err));
    sqlite3_bind_int64(st, 1, pl_row_id(h->log_id, leaf));
    PL_TRY(pl_sql_step(h->db, PL_SQL_LEAF_GET, &row, err));
    if (row)
        rc = take_node(st, want, out, err);
    else
        rc = PL_FAIL(err, PL_ECORRUPT, "leaf %" PRIu64 " of log %u is missing below size %" PRIu64,
                     leaf, h->log_id, h->size);
    pl_sql_reset(h->db, PL_SQL_LEAF_GET);
out:
    return rc;
}

enum pl_code pl_db_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                          struct pl_err *err)
{
    const struct pl_db_hashes *h = ctx;
    for (size_t i = 0; i < n; i++) {
        enum pl_code rc = read_node(h, &want[i], &got[i], err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

enum pl_code pl_view_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                            struct pl_err *err)
{
    const struct pl_view_hashes *h = ctx;
    struct pl_db_hashes inner = {.db = &h->view->db, .log_id = h->log_id, .size = h->size};
    return pl_db_hashes(&inner, want, n, got, err);
}
