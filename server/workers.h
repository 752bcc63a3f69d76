/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h - a small pool for what may take over 0.5 ms; results come back to the loop. */
#ifndef PL_SERVER_WORKERS_H
#define PL_SERVER_WORKERS_H

#include "server/loop.h"

/* @work runs on a worker with that worker's own verifier cache, then @done on @loop. Embedded in
 * its owner, which stays until @done has run. */
struct pl_work {
    struct pl_loop *loop;
    void (*work)(struct pl_work *w, struct pl_verifier_cache *cache);
    void (*done)(struct pl_work *w);
    void *ctx;
    /* private */
    struct pl_task task;
    struct pl_work *next;
};
struct pl_workers;
PL_MUST_CHECK enum pl_code pl_workers_start(unsigned threads, size_t queue_max,
                                            struct pl_workers **out, struct pl_err *err);
/* PL_EBUSY when the queue is full. */
PL_MUST_CHECK enum pl_code pl_workers_submit(struct pl_workers *w, struct pl_work *work,
                                             struct pl_err *err);
/* Refuses new work (PL_EBUSY), finishes what is queued, joins; the results are posted by then. */
void pl_workers_stop(struct pl_workers *w);
/* After pl_workers_stop(), when no loop can call it any more. NULL is allowed. */
void pl_workers_free(struct pl_workers *w);
size_t pl_workers_queued(struct pl_workers *w);

#endif
