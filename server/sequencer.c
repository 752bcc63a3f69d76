/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequencer.c - the thread that writes the log.
 *
 * A batch, in order; what a crash leaves after each step:
 *   1. BEGIN, append, checkpoint signed   nothing: the transaction is not committed
 *   2. jobs posted to their loops, which sign SETs meanwhile; these are let out by nobody yet
 *   3. COMMIT returned                    everything: durable, though nobody was told
 *   4. published                          the same
 *   5. answers                            the same; the SETs are stored by the next batch, and are
 *                                         signed again by a read if that never comes
 *
 * Invariants of the log that this file keeps (HACKING.md):
 *   (1) nothing is acknowledged before it is durable: only 5 completes a job with PL_OK;
 *   (2) never two roots for one size: a checkpoint is published only after its batch is durable,
 * and after a failed COMMIT only what recovery finds, which must extend what was published; (3)
 * index and time are given here alone, once; time never goes back.
 */
#include "server/sequencer_internal.h"

#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SETS_RETRY_S 5   /* after they could not be stored */
#define SETS_WAIT_MS 200 /* an idle log stores its last SETs after this time */

static uint64_t monotonic_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- a batch ---- */

struct batch {
    struct pl_job *first;
    size_t n, appended;
    int64_t time;
    struct pl_range edge; /* after it; the sequencer's own stays as committed until COMMIT */
    const struct pl_published *published;
};

static enum pl_code append_job(struct pl_sequencer *s, struct batch *b, struct pl_job *job,
                               struct pl_err *err)
{
    const struct pl_entry *e = job->entry;
    struct pl_range next = b->edge;
    struct pl_hash nodes[64];
    unsigned nnodes;
    uint64_t existing;
    char kind[64];
    enum pl_code rc = pl_range_append(&next, &job->leaf, nodes, &nnodes, err);

    if (rc != PL_OK)
        return rc;
    (void)snprintf(kind, sizeof(kind), "%s/%s", pl_kind_name(e->kind), pl_kind_version(e->kind));
    const struct pl_store_entry row = {
        .leaf = job->leaf,
        .kind = pl_str(kind),
        .body = e->body,
        .payload = e->payload,
        .time = b->time,
        .keys = e->keys,
        .nkeys = e->nkeys,
        .nodes = nodes,
        .nnodes = nnodes,
    };
    rc = pl_store_append(s->store, PL_LOG_ID_V1, b->edge.size, &row, &existing, err);
    if (rc == PL_EEXISTS) {
        job->existed = true;
        job->index = existing;
        return PL_OK;
    }
    if (rc != PL_OK)
        return rc;
    job->index = b->edge.size;
    job->time = b->time;
    b->edge = next;
    b->appended++;
    return PL_OK;
}

/* Signs the tree after the batch; the checkpoint becomes part of the same transaction. */
static enum pl_code seal(struct pl_sequencer *s, struct batch *b, struct pl_err *err)
{
    struct pl_hash root;
    struct pl_buf note;
    enum pl_code rc;

    pl_range_root(&b->edge, &root);
    pl_buf_init(&note, PL_CHECKPOINT_MAX);
    PL_TRY(pl_checkpoint_sign_v1(pl_str(s->log->origin), s->log->tree_id, b->edge.size, &root,
                                 s->log->key, &note, err));
    PL_TRY(pl_store_put_checkpoint(s->store, PL_LOG_ID_V1, b->edge.size, &root, pl_buf_bytes(&note),
                                   err));
    b->published = pl_published_new(b->edge.size, &root, &note);
    if (b->published == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "publish checkpoint: out of memory");
out:
    pl_buf_free(&note);
    return rc;
}

static enum pl_code put_sets(struct pl_sequencer *s, struct pl_err *err)
{
    for (size_t i = 0; i < s->nset_batch; i++) {
        const struct pl_set *set = &s->set_batch[i];
        enum pl_code rc =
            pl_store_put_set(s->store, PL_LOG_ID_V1, set->index, pl_bytes(set->set, set->n), err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

static enum pl_code check_disk(struct pl_sequencer *s, struct pl_err *err)
{
    uint64_t free_bytes, size;
    enum pl_code rc = pl_store_disk(s->config.dir, &free_bytes, &size, err);

    if (rc != PL_OK)
        return rc;
    uint64_t floor = size / 100 * s->config.disk_floor_percent;
    if (floor < s->config.disk_floor_bytes)
        floor = s->config.disk_floor_bytes;
    if (free_bytes >= floor)
        return PL_OK;
    return PL_FAIL(err, PL_ENOSPACE,
                   "the log's disk has %" PRIu64 " MiB free and writes stop below %" PRIu64
                   " MiB; reads go on",
                   free_bytes >> 20, floor >> 20);
}

/* Everything up to COMMIT. After a failure the transaction may be open or gone: roll back. */
static enum pl_code write_batch(struct pl_sequencer *s, struct batch *b, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_store_begin(s->store, err));
    PL_TRY(put_sets(s, err));
    for (struct pl_job *job = b->first; job != NULL; job = job->next)
        PL_TRY(append_job(s, b, job, err));
    if (b->appended != 0)
        PL_TRY(seal(s, b, err));
out:
    return rc;
}

/* The loops sign while the disk syncs. */
static void post_signing(struct batch *b)
{
    for (struct pl_job *job = b->first; job != NULL; job = job->next)
        if (!job->existed)
            pl_loop_post(job->loop, &job->sign_task);
}

/* ---- one turn ---- */

static void count_batch(struct pl_sequencer *s, const struct batch *b, uint64_t commit_us)
{
    pthread_mutex_lock(&s->mu);
    pl_sets_stored(&s->sets, s->nset_batch);
    s->sets_failed = false;
    s->status.batches++;
    s->status.entries += b->appended;
    s->status.commit_us_sum += commit_us;
    s->status.last_commit_ms = pl_wall_ms();
    if (b->appended != 0)
        s->last_time = b->time;
    pthread_mutex_unlock(&s->mu);
}

/* A batch that failed before or at COMMIT: as if it had never been, for everybody. */
static void fail_batch(struct pl_sequencer *s, struct batch *b, struct pl_err *err, bool unknown)
{
    PL_ERROR("batch.failed", "entries=%zu code=%s cause=%d place=%s:%d error=\"%s\"", b->n,
             pl_code_name(err->code), err->cause, err->file, err->line, err->text);
    pthread_mutex_lock(&s->mu);
    s->status.failed_batches++;
    s->sets_failed = s->nset_batch != 0;
    pthread_mutex_unlock(&s->mu);
    if (b->published != NULL)
        pl_published_unref(b->published);
    struct pl_err told = *err;
    if (err->code != PL_ENOSPACE && err->code != PL_EBUSY)
        (void)PL_FAIL(&told, PL_EBUSY, "the entry could not be written%s, try again",
                      unknown ? " for certain" : "");
    pl_seq_finish(s, b->first, &told);
    if (unknown || err->code == PL_EIO || err->code == PL_ECORRUPT)
        pl_seq_recover(s);
}

static void run_batch(struct pl_sequencer *s, struct batch *b)
{
    struct pl_err err;
    enum pl_code rc;

    b->edge = s->edge;
    b->time = pl_wall_ms() / 1000;
    pthread_mutex_lock(&s->mu);
    int64_t last = s->last_time;
    /* The state may have changed since they were queued; what came before a stop is still written.
     */
    rc = s->state == PL_SEQ_STOPPING ? PL_OK : pl_seq_refusal(s, &err);
    pthread_mutex_unlock(&s->mu);
    if (rc == PL_OK && b->n != 0)
        rc = pl_seq_check_clock(b->time, last, &err);
    if (rc == PL_OK && b->n != 0)
        rc = check_disk(s, &err);
    if (rc != PL_OK) {
        pl_seq_finish(s, b->first, &err);
        return;
    }
    if (b->time < last)
        b->time = last; /* integratedTime never goes back */
    rc = write_batch(s, b, &err);
    if (rc != PL_OK) {
        pl_store_rollback(s->store);
        fail_batch(s, b, &err, false);
        return;
    }
    uint64_t begun = monotonic_us();
    post_signing(b);
    rc = pl_store_commit(s->store, &err);
    if (rc != PL_OK) {
        fail_batch(s, b, &err, true);
        return;
    }
    /* Durable from here on. Published before anyone is told, so that whoever was told finds it. */
    s->edge = b->edge;
    count_batch(s, b, monotonic_us() - begun);
    if (b->published != NULL)
        pl_seq_publish(s, b->published);
    pl_seq_finish(s, b->first, NULL);
    if (pl_store_maintain(s->store, &err) != PL_OK)
        PL_WARN("store.maintain", "error=\"%s\"", err.text);
}

/* Waits for work and takes all that is there. False: stop, and nothing is left. */
static bool take(struct pl_sequencer *s, struct batch *b)
{
    pthread_mutex_lock(&s->mu);
    while (s->first == NULL && !s->stop) {
        struct timespec until;

        if (s->sets.fresh == 0 || s->state != PL_SEQ_WRITABLE) {
            pthread_cond_wait(&s->wake, &s->mu);
            continue;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)SETS_WAIT_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000 + (s->sets_failed ? SETS_RETRY_S : 0);
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&s->wake, &s->mu, &until) != 0)
            break;
    }
    *b = (struct batch){.first = s->first};
    struct pl_job *last = NULL;
    size_t bytes = 0; /* one job always goes, however large */
    for (struct pl_job *job = s->first; job != NULL && b->n < PL_BATCH_MAX &&
                                        (b->n == 0 || bytes + job->bytes <= PL_BATCH_BYTES_MAX);
         job = job->next) {
        bytes += job->bytes;
        last = job;
        b->n++;
    }
    if (last != NULL) {
        s->first = last->next;
        last->next = NULL;
    }
    s->nset_batch = 0;
    /* SETs are derived data: one try at the end is enough. */
    if (s->state == PL_SEQ_WRITABLE || (s->state == PL_SEQ_STOPPING && !s->sets_failed))
        s->nset_batch = pl_sets_copy_fresh(&s->sets, s->set_batch, PL_BATCH_MAX);
    bool go_on = b->n != 0 || s->nset_batch != 0 || !s->stop;
    pthread_mutex_unlock(&s->mu);
    return go_on;
}

static void *sequencer_main(void *arg)
{
    struct pl_sequencer *s = arg;
    struct batch b;

    while (take(s, &b))
        if (b.n != 0 || s->nset_batch != 0)
            run_batch(s, &b);
    return NULL;
}

/* ---- start, status, stop ---- */

enum pl_code pl_sequencer_bootstrap(struct pl_store *store, const struct pl_v1_log *log,
                                    struct pl_err *err)
{
    struct pl_log_state state;
    struct pl_arena arena;
    struct pl_entry entry;
    struct pl_job job = {.entry = &entry};
    struct pl_sequencer s = {.store = store, .log = log};
    struct batch b = {.first = &job, .n = 1};
    enum pl_code rc;

    pl_arena_init(&arena, PL_REQUEST_MAX);
    PL_TRY(pl_store_log_state(store, PL_LOG_ID_V1, &state, err));
    if (state.edge.size != 0)
        goto out;
    PL_TRY(pl_signer_first_leaf(log, state.log.created, &arena, &entry, err));
    pl_leaf_hash(entry.body, &job.leaf);
    b.edge = state.edge;
    b.time = state.log.created;
    rc = write_batch(&s, &b, err);
    if (rc != PL_OK)
        pl_store_rollback(store);
    else
        rc = pl_store_commit(store, err);
    if (b.published != NULL)
        pl_published_unref(b.published);
out:
    pl_arena_free(&arena);
    return rc;
}

void pl_sequencer_free(struct pl_sequencer *s)
{
    if (s == NULL)
        return;
    if (s->published != NULL)
        pl_published_unref(s->published);
    pl_sets_free(&s->sets);
    free(s->set_batch);
    pthread_mutex_destroy(&s->mu);
    pthread_mutex_destroy(&s->publish_mu);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->answered);
    free(s);
}

static void init_locks(struct pl_sequencer *s)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&s->mu, NULL);
    pthread_mutex_init(&s->publish_mu, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_cond_init(&s->answered, &attr);
    pthread_condattr_destroy(&attr);
}

static void set_first_state(struct pl_sequencer *s, const struct pl_log_state *state)
{
    char why[512] = "";

    if (state->restored)
        (void)snprintf(why, sizeof(why),
                       "the database was restored from a backup of %" PRIu64
                       " entries; entries acknowledged after it may be missing. Start with "
                       "--continue-from %" PRIu64 " to go on from there",
                       state->restored_size, state->restored_size);
    s->edge = state->edge;
    s->last_time = state->last_time;
    pl_seq_set_state(s, state->restored ? PL_SEQ_RESTORED : PL_SEQ_WRITABLE, why);
}

static enum pl_code new_sequencer(const struct pl_sequencer_config *config, struct pl_store *store,
                                  const struct pl_v1_log *log, struct pl_sequencer **out,
                                  struct pl_err *err)
{
    struct pl_sequencer *s = calloc(1, sizeof(*s));
    enum pl_code rc;

    if (s == NULL)
        return PL_FAIL(err, PL_ENOMEM, "start sequencer: out of memory");
    init_locks(s);
    s->config = *config;
    s->store = store;
    s->log = log;
    rc = pl_sets_init(&s->sets, err);
    s->set_batch = calloc(PL_BATCH_MAX, sizeof(*s->set_batch));
    if (rc == PL_OK && s->set_batch == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "start sequencer: out of memory");
    if (rc == PL_OK)
        *out = s;
    else
        pl_sequencer_free(s);
    return rc;
}

/* Starts the thread; on failure (@rc, or no thread) frees @s. */
static enum pl_code run(struct pl_sequencer *s, enum pl_code rc, struct pl_sequencer **out,
                        struct pl_err *err)
{
    if (rc == PL_OK && pthread_create(&s->thread, NULL, sequencer_main, s) != 0)
        rc = PL_FAIL(err, PL_EIO, "start sequencer: no thread to be had");
    if (rc == PL_OK)
        *out = s;
    else
        pl_sequencer_free(s);
    return rc;
}

enum pl_code pl_sequencer_start(const struct pl_sequencer_config *config, struct pl_store *store,
                                const struct pl_v1_log *log, struct pl_sequencer **out,
                                struct pl_err *err)
{
    struct pl_sequencer *s;
    struct pl_log_state state;
    enum pl_code rc = new_sequencer(config, store, log, &s, err);

    if (rc != PL_OK)
        return rc;
    rc = pl_store_log_state(store, PL_LOG_ID_V1, &state, err);
    if (rc == PL_OK)
        rc = pl_seq_load_published(s, true, &s->published, err);
    if (rc == PL_OK)
        set_first_state(s, &state);
    return run(s, rc, out, err);
}

enum pl_code pl_sequencer_start_broken(const struct pl_sequencer_config *config,
                                       const struct pl_v1_log *log, const char *why,
                                       struct pl_sequencer **out, struct pl_err *err)
{
    struct pl_sequencer *s;
    enum pl_code rc = new_sequencer(config, NULL, log, &s, err);

    if (rc != PL_OK)
        return rc;
    rc = pl_seq_load_published(s, false, &s->published, err);
    if (rc == PL_OK)
        pl_seq_set_state(s, PL_SEQ_BROKEN, why);
    return run(s, rc, out, err);
}

void pl_sequencer_status(struct pl_sequencer *s, struct pl_sequencer_status *out)
{
    const struct pl_published *p = pl_sequencer_published(s);
    uint64_t free_bytes = 0, size = 0;
    struct pl_err err;

    if (pl_store_disk(s->config.dir, &free_bytes, &size, &err) != PL_OK)
        free_bytes = size = 0;
    pthread_mutex_lock(&s->mu);
    *out = s->status;
    out->last_entry_time = s->last_time;
    pthread_mutex_unlock(&s->mu);
    int64_t now = pl_wall_ms() / 1000;
    out->clock_behind_s = now < out->last_entry_time ? out->last_entry_time - now : 0;
    out->tree_size = p->size;
    out->checkpoint_time_ms = p->time_ms;
    out->disk_free = free_bytes;
    out->disk_size = size;
    if (out->writable && check_disk(s, &err) != PL_OK) {
        out->writable = false;
        (void)snprintf(out->why, sizeof(out->why), "%.500s", err.text);
    }
    if (out->writable && pl_seq_check_clock(now, out->last_entry_time, &err) != PL_OK) {
        out->writable = false;
        (void)snprintf(out->why, sizeof(out->why), "%.500s", err.text);
    }
    pl_published_unref(p);
}

void pl_sequencer_stop(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->mu);
    s->stop = true;
    if (s->state == PL_SEQ_WRITABLE)
        s->state = PL_SEQ_STOPPING;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->mu);
    pthread_join(s->thread, NULL);
    pthread_mutex_lock(&s->mu);
    while (s->unanswered != 0)
        pthread_cond_wait(&s->answered, &s->mu);
    pthread_mutex_unlock(&s->mu);
    pl_store_close(s->store);
    s->store = NULL;
}
