/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs.h - the search index: sorted runs of (key hash, entry index) in index.db. Private to store/.
 *
 * An item is 12 bytes: the first 8 bytes of SHA-256(key), then the entry's index less the run's
 * first, both big-endian: items of a run compare by memcmp, and equal keys lie in the order of
 * their entries. A run covers the entries [first, past); the runs of a log are adjacent, from 0 to
 * its mark. Items lie in blocks of one page each; a small b-tree over their first items finds the
 * block.
 *
 * The mark is written with the runs in one transaction of index.db. That database is synced at
 * checkpoints only (synchronous=NORMAL): after a power cut it may be behind, never wrong.
 */
#ifndef PL_STORE_RUNS_H
#define PL_STORE_RUNS_H

#include "store/internal.h"

#define PL_ITEM_SIZE     12
#define PL_BLOCK_ITEMS   1340                /* 16,080 bytes: one row a page of 16 KiB */
#define PL_BLOCK_SHIFT   24                  /* block id = run id << 24 | number */
#define PL_RUN_ITEMS_MAX (UINT64_C(1) << 25) /* bigger runs are never merged again */
#define PL_RUNS_MAX      512 /* of one log; merging keeps them well below a hundred */
#define PL_INDEX_VERSION 1

struct pl_item {
    uint8_t b[PL_ITEM_SIZE];
};
struct pl_run {
    int64_t id;
    uint64_t first, past; /* entries [first, past) */
    uint64_t items;
    uint32_t blocks;
};
/* How far a log is indexed, and of which database. */
struct pl_progress {
    uint64_t mark;       /* entries [0, mark) are in the runs */
    struct pl_hash leaf; /* of entry mark - 1 */
    uint8_t generation[PL_GENERATION_SIZE];
};

uint64_t pl_key_hash(struct pl_bytes key);
void pl_item_make(struct pl_item *item, uint64_t hash, uint64_t offset);
uint64_t pl_item_hash(const struct pl_item *item);
uint64_t pl_item_offset(const struct pl_item *item);

/* @ours_out: the file is an index of this version. */
PL_MUST_CHECK enum pl_code pl_runs_check_version(struct pl_db *db, bool *ours_out,
                                                 struct pl_err *err);
/* PL_ENOTFOUND: nothing is indexed of this log. */
PL_MUST_CHECK enum pl_code pl_runs_progress(struct pl_db *db, uint32_t log_id,
                                            struct pl_progress *out, struct pl_err *err);
/* The runs of a log by first entry; @out has room for PL_RUNS_MAX, on the heap of the caller. */
PL_MUST_CHECK enum pl_code pl_runs_list(struct pl_db *db, uint32_t log_id,
                                        struct pl_run out[PL_RUNS_MAX], size_t *n_out,
                                        struct pl_err *err);

/* Reads items of one run in order. */
struct pl_run_cursor {
    struct pl_db *db;
    struct pl_run run;
    uint32_t next_block;
    size_t n, at; /* items in block[], and the current one */
    struct pl_item block[PL_BLOCK_ITEMS];
};
/* Stands before the first item that is >= @from (NULL: the run's first). */
PL_MUST_CHECK enum pl_code pl_run_seek(struct pl_run_cursor *c, struct pl_db *db,
                                       const struct pl_run *run, const struct pl_item *from,
                                       struct pl_err *err);
/* The current item, NULL at the end. */
PL_MUST_CHECK enum pl_code pl_run_peek(struct pl_run_cursor *c, const struct pl_item **out,
                                       struct pl_err *err);
static inline void pl_run_skip(struct pl_run_cursor *c)
{
    c->at++;
}

#endif
