/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sets.h - the SETs of recent entries, until the store has them: the first one handed in wins.
 *
 * Not thread-safe: the sequencer guards it.
 */
#ifndef PL_SERVER_SETS_H
#define PL_SERVER_SETS_H

#include "server/sequencer.h"

struct pl_set {
    struct pl_set *next;
    uint64_t index;
    size_t n;
    uint8_t set[PL_SET_MAX];
    unsigned age; /* 0: not in the store yet; then it counts the batches since */
};
struct pl_sets {
    struct pl_set **buckets;
    size_t n, fresh; /* all, and those with age 0 */
};

PL_MUST_CHECK enum pl_code pl_sets_init(struct pl_sets *sets, struct pl_err *err);
void pl_sets_free(struct pl_sets *sets);
/* The first SET of @index comes back in @set; without memory the caller's own stays. */
void pl_sets_settle(struct pl_sets *sets, uint64_t index, uint8_t set[PL_SET_MAX], size_t *n);
/* Copies at most @max of those that no committed batch holds, and marks them; returns how many. */
size_t pl_sets_copy_fresh(struct pl_sets *sets, struct pl_set *out, size_t max);
/* A batch that holds the marked ones was committed. A reader's snapshot may be older than that, so
 * each is kept for a few batches more. */
void pl_sets_stored(struct pl_sets *sets);

#endif
