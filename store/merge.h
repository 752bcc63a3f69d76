/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - writing and merging runs of index.db. Private to store/; inside a write transaction. */
#ifndef PL_STORE_MERGE_H
#define PL_STORE_MERGE_H

#include "store/runs.h"

/* The tables of an empty index.db. */
PL_MUST_CHECK enum pl_code pl_runs_create(struct pl_db *db, struct pl_err *err);
/* Forgets everything. */
PL_MUST_CHECK enum pl_code pl_runs_wipe(struct pl_db *db, struct pl_err *err);
/* Writes one run over the entries [first, past) from @n sorted items without repeats. */
PL_MUST_CHECK enum pl_code pl_runs_add(struct pl_db *db, uint32_t log_id, uint64_t first,
                                       uint64_t past, const struct pl_item *items, size_t n,
                                       struct pl_err *err);
/* Merges runs at the end of the log's list where enough of one size have come together. */
PL_MUST_CHECK enum pl_code pl_runs_merge(struct pl_db *db, uint32_t log_id, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_runs_set_progress(struct pl_db *db, uint32_t log_id,
                                                const struct pl_progress *p, struct pl_err *err);

#endif
