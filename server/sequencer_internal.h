/* SPDX-License-Identifier: Apache-2.0 */
/* sequencer_internal.h - what the sequencer's files share: its state and who may touch it. */
#ifndef PL_SERVER_SEQUENCER_INTERNAL_H
#define PL_SERVER_SEQUENCER_INTERNAL_H

#include "server/sequencer.h"
#include "server/sets.h"

#define PL_LEAF_BUCKETS      8192u
#define PL_CLOCK_TOLERANCE_S 10

enum pl_seq_state {
    PL_SEQ_WRITABLE,
    PL_SEQ_RESTORED,   /* under the restore mark */
    PL_SEQ_RECOVERING, /* a commit failed: nothing is signed until the store says what is there */
    PL_SEQ_BROKEN,     /* store and published state contradict each other: for good */
    PL_SEQ_STOPPING,
};

struct pl_sequencer {
    struct pl_sequencer_config config;
    const struct pl_v1_log *log;
    pthread_t thread;
    /* Owned by the sequencer thread from start to join. */
    struct pl_store *store;
    struct pl_range edge; /* of all committed leaves */
    struct pl_set *set_batch;
    size_t nset_batch;
    /* Guarded by @mu, held only to link, unlink and count. */
    pthread_mutex_t mu;
    pthread_cond_t wake, answered;
    struct pl_job *first, *last;
    struct pl_job *by_leaf[PL_LEAF_BUCKETS]; /* queued or in the running batch */
    struct pl_sets sets;
    bool sets_failed;                  /* the last try to store some */
    struct pl_sequencer_status status; /* queued, queued_bytes <= the configured maxima */
    enum pl_seq_state state;
    bool stop;
    size_t unanswered; /* accepted jobs whose done() has not been called */
    int64_t last_time; /* integrated time of the last committed entry */
    /* Guarded by @publish_mu. */
    pthread_mutex_t publish_mu;
    const struct pl_published *published;
};

/* ---- published.c ---- */

/* An unpublished state with one reference; takes the note's memory over. NULL: out of memory. */
const struct pl_published *pl_published_new(uint64_t size, const struct pl_hash *root,
                                            struct pl_buf *note);
const struct pl_published *pl_published_ref(const struct pl_published *p);
/* Makes @p what everybody sees; takes over the caller's reference. */
void pl_seq_publish(struct pl_sequencer *s, const struct pl_published *p);
/* The newest checkpoint that the store has, unpublished. @check: PL_ECORRUPT unless it is signed by
 * the log's key and says what its row says. */
PL_MUST_CHECK enum pl_code pl_seq_load_published(struct pl_sequencer *s, bool check,
                                                 const struct pl_published **out,
                                                 struct pl_err *err);
int64_t pl_wall_ms(void);

/* ---- sequencer_jobs.c ---- */

/* Why jobs are refused in this state; PL_OK when they are not. @mu is held. */
PL_MUST_CHECK enum pl_code pl_seq_refusal(const struct pl_sequencer *s, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_seq_check_clock(int64_t now, int64_t last, struct pl_err *err);
/* Ends a list of jobs and their twins with @err, or (NULL) with what is published now: they leave
 * the map of leaves, then the answers go out. */
void pl_seq_finish(struct pl_sequencer *s, struct pl_job *first, const struct pl_err *err);

/* ---- sequencer_recover.c ---- */

void pl_seq_set_state(struct pl_sequencer *s, enum pl_seq_state state, const char *why);
/* After a failed write or commit: comes back when the store is usable, or the log is broken for
 * good, or it is time to stop. */
void pl_seq_recover(struct pl_sequencer *s);

#endif
