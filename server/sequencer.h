/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequencer.h - the one writer: takes what is queued, one transaction, one checkpoint, publishes.
 *
 * The order is everything: append -> sign checkpoint -> COMMIT returned -> publish -> answer. SETs
 * are signed on the loops while the sync runs and are let out only after COMMIT.
 */
#ifndef PL_SERVER_SEQUENCER_H
#define PL_SERVER_SEQUENCER_H

#include "server/loop.h"
#include "server/signer.h"

#define PL_SET_MAX 128 /* a DER signature by P-256 has at most 72 bytes */

/* A published tree state; never changes; reference-counted (atomic). */
struct pl_published {
    uint64_t size;
    struct pl_hash root;
    struct pl_bytes note;             /* the signed checkpoint */
    int64_t time_ms;                  /* wall clock when it was signed */
    struct pl_published_owner *owner; /* private */
};
void pl_published_unref(const struct pl_published *p);

/*
 * One submission, embedded in the handler's state, which stays until @done has run on @loop:
 * exactly once for each successful pl_sequencer_submit(), whatever happened to the client.
 */
struct pl_job {
    /* in: owned by the request (its arena), not touched by the sender after submit */
    struct pl_loop *loop;
    const struct pl_entry *entry;
    struct pl_hash leaf;
    void (*done)(struct pl_job *job);
    void *ctx;
    /* out */
    struct pl_err err; /* code PL_OK, or why it was not appended */
    bool existed; /* it was in the log before: only @index and @published are set, read the rest */
    uint64_t index;
    int64_t time;
    uint8_t set[PL_SET_MAX]; /* DER, P-256 */
    size_t set_n;
    const struct pl_published *published; /* a tree that contains it; one reference for @done */
    /* private to sequencer.c */
    struct pl_task sign_task, task;
    struct pl_sequencer *sequencer;
    struct pl_job *next;    /* in the queue, then in the batch */
    struct pl_job *by_leaf; /* chain in the map of leaves */
    struct pl_job *twins;   /* same leaf, submitted meanwhile */
    size_t bytes;
};

struct pl_sequencer;
struct pl_sequencer_config {
    const char *dir;
    size_t queue_max;            /* jobs waiting */
    size_t queue_bytes_max;      /* their bodies and payloads */
    uint64_t disk_floor_bytes;   /* 512 MiB */
    unsigned disk_floor_percent; /* 2 */
    uint64_t wal_max;
};
/* Gives an empty v1 log its own first leaf and checkpoint; nothing when it has entries. */
PL_MUST_CHECK enum pl_code pl_sequencer_bootstrap(struct pl_store *store,
                                                  const struct pl_v1_log *log, struct pl_err *err);
/* Takes over @store (closes it at stop; not on failure) whose v1 log is @log; publishes the newest
 * checkpoint, or signs one when the log has none for its size. Starts the thread. */
PL_MUST_CHECK enum pl_code pl_sequencer_start(const struct pl_sequencer_config *config,
                                              struct pl_store *store, const struct pl_v1_log *log,
                                              struct pl_sequencer **out, struct pl_err *err);
/*
 * The same for a log whose stored data contradict themselves (@why, with numbers): nothing is
 * written or signed, entries stay readable under the newest checkpoint that they reach, whoever
 * signed it. There is no writing connection.
 */
PL_MUST_CHECK enum pl_code pl_sequencer_start_broken(const struct pl_sequencer_config *config,
                                                     const struct pl_v1_log *log, const char *why,
                                                     struct pl_sequencer **out, struct pl_err *err);
/* Queues @job. PL_EBUSY queue full, draining or clock behind; PL_ENOSPACE; PL_ECORRUPT/PL_EIO when
 * the log may not be written at present. Thread: job->loop's. */
PL_MUST_CHECK enum pl_code pl_sequencer_submit(struct pl_sequencer *s, struct pl_job *job,
                                               struct pl_err *err);
/*
 * Settles which SET of entry @index everyone answers with: hands in the caller's (just signed) and
 * gives back the first that was handed in, which the next batch stores. ECDSA signatures differ at
 * each signing; without this, two answers for one entry could. Thread: any.
 */
void pl_sequencer_settle_set(struct pl_sequencer *s, uint64_t index, uint8_t set[PL_SET_MAX],
                             size_t *set_n);
/* May the SET of a published entry be signed? Not under the restore mark, nor in contradiction. */
bool pl_sequencer_may_sign(struct pl_sequencer *s);
/* The log was found in contradiction: it is only read. */
bool pl_sequencer_is_broken(struct pl_sequencer *s);
/* The newest published state, one reference. Thread: any. Never NULL after start. */
const struct pl_published *pl_sequencer_published(struct pl_sequencer *s);

struct pl_sequencer_status {
    bool writable; /* false: see why */
    char why[512]; /* "disk: 400 MiB free, floor 512 MiB", ... */
    size_t queued, queued_bytes;
    uint64_t tree_size, batches, entries, duplicates, failed_batches; /* counts since start */
    int64_t last_commit_ms, last_entry_time, clock_behind_s;
    uint64_t disk_free, disk_size, commit_us_sum;
    int64_t checkpoint_time_ms;
};
void pl_sequencer_status(struct pl_sequencer *s, struct pl_sequencer_status *out);
/* Refuses new jobs (PL_EBUSY), finishes the queued ones, waits until their loops have answered
 * them, joins, closes the store. Reads of the published state and refusals go on working. */
void pl_sequencer_stop(struct pl_sequencer *s);
/* After pl_sequencer_stop(), when no loop can call it any more. NULL is allowed. */
void pl_sequencer_free(struct pl_sequencer *s);

#endif
