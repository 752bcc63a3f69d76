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
    struct pl_set *next;  /* in its bucket */
    struct pl_set *later; /* in its queue */
    uint64_t index;
    size_t n;
    uint8_t set[PL_SET_MAX];
    int64_t stored_ms; /* pl_now_ms() when it was committed */
};
struct pl_set_queue {
    struct pl_set *first, *last;
};
struct pl_sets {
    struct pl_set **buckets;
    struct pl_set_queue waiting, stored; /* in the order of arrival */
    size_t n, fresh;                     /* all, and those that wait */
};

PL_MUST_CHECK enum pl_code pl_sets_init(struct pl_sets *sets, struct pl_err *err);
void pl_sets_free(struct pl_sets *sets);
/* The first SET of @index comes back in @set; without memory the caller's own stays. */
void pl_sets_settle(struct pl_sets *sets, uint64_t index, uint8_t set[PL_SET_MAX], size_t *n);
/* Copies the first ones that no committed batch holds, at most @max; returns how many. */
size_t pl_sets_copy_fresh(const struct pl_sets *sets, struct pl_set *out, size_t max);
/* A batch with the first @n of those was committed. A reader's snapshot may be older than that, so
 * each is kept for some seconds more. */
void pl_sets_stored(struct pl_sets *sets, size_t n);

#endif
