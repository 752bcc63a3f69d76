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
#include "server/sequencer.h"

#include "core/base/log.h"
#include "core/base/num.h"
#include "server/sets.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define LEAF_BUCKETS      8192u
#define CLOCK_TOLERANCE_S 10
#define SETS_WAIT_MS      200 /* an idle log stores its last SETs after this time */
#define RECOVER_WAIT_MS   200
#define RECOVER_WAIT_MAX  5000
#define JOB_OVERHEAD      512

enum state {
    WRITABLE,
    RESTORED,   /* under the restore mark */
    RECOVERING, /* a commit failed: nothing is signed until the store says what is there */
    BROKEN,     /* store and published state contradict each other: for good */
    STOPPING,
};

struct published {
    struct pl_published pub; /* first member: cast back */
    _Atomic(unsigned) refs;
    struct pl_buf note;
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
    struct pl_job *by_leaf[LEAF_BUCKETS]; /* queued or in the running batch */
    struct pl_sets sets;
    struct pl_sequencer_status status; /* queued, queued_bytes <= the configured maxima */
    enum state state;
    bool stop;
    size_t unanswered; /* accepted jobs whose done() has not been called */
    int64_t last_time; /* integrated time of the last committed entry */
    /* Guarded by @publish_mu. */
    pthread_mutex_t publish_mu;
    struct published *published;
};

/* ---- what is published ---- */

static struct published *published_of(const struct pl_published *p)
{
    return (struct published *)(uintptr_t)(const void *)p;
}

void pl_published_unref(const struct pl_published *p)
{
    struct published *owner = published_of(p);

    if (p == NULL || atomic_fetch_sub_explicit(&owner->refs, 1, memory_order_acq_rel) != 1)
        return;
    pl_buf_free(&owner->note);
    free(owner);
}

static const struct pl_published *ref_published(struct published *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return &p->pub;
}

const struct pl_published *pl_sequencer_published(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->publish_mu);
    const struct pl_published *p = ref_published(s->published);
    pthread_mutex_unlock(&s->publish_mu);
    return p;
}

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* An unpublished state with one reference; takes the note over. NULL: out of memory. */
static struct published *new_published(uint64_t size, const struct pl_hash *root,
                                       struct pl_buf *note)
{
    struct published *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    atomic_init(&p->refs, 1);
    p->note = *note;
    *note = (struct pl_buf){.p = NULL};
    p->pub = (struct pl_published){
        .size = size, .root = *root, .note = pl_buf_bytes(&p->note), .time_ms = wall_ms()};
    return p;
}

/* Takes over the caller's reference. */
static void publish(struct pl_sequencer *s, struct published *p)
{
    pthread_mutex_lock(&s->publish_mu);
    struct published *old = s->published;
    s->published = p;
    pthread_mutex_unlock(&s->publish_mu);
    if (old != NULL)
        pl_published_unref(&old->pub);
}

/* The newest checkpoint that the store has. */
static enum pl_code load_published(struct pl_sequencer *s, struct published **out,
                                   struct pl_err *err)
{
    struct pl_view *view = NULL;
    struct pl_arena arena;
    struct pl_bytes note;
    struct pl_hash root;
    struct pl_buf copy;
    uint64_t size;
    enum pl_code rc;

    pl_arena_init(&arena, PL_NOTE_MAX);
    pl_buf_init(&copy, PL_CHECKPOINT_MAX);
    PL_TRY(pl_view_open(s->config.dir, &view, err));
    PL_TRY(pl_view_begin(view, err));
    rc = pl_view_checkpoint(view, PL_LOG_ID_V1, UINT64_MAX, &arena, &size, &root, &note, err);
    pl_view_end(view);
    if (rc != PL_OK)
        goto out;
    pl_buf_add_bytes(&copy, note);
    PL_TRY(pl_buf_check(&copy, "checkpoint", err));
    *out = new_published(size, &root, &copy);
    if (*out == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "publish checkpoint: out of memory");
out:
    pl_view_close(view);
    pl_buf_free(&copy);
    pl_arena_free(&arena);
    return rc;
}

/* ---- jobs on their way out: all of this runs on the job's loop ---- */

static void sign_set(struct pl_job *job, struct pl_err *err)
{
    uint8_t set[PL_SIG_MAX];
    size_t n;

    if (pl_signer_set(job->sequencer->log, job->entry->body, job->time, job->index, set, &n, err) !=
            PL_OK ||
        n > PL_SET_MAX)
        return;
    memcpy(job->set, set, n);
    job->set_n = n;
}

static void run_sign(struct pl_task *task)
{
    struct pl_job *job =
        (struct pl_job *)(void *)((char *)task - offsetof(struct pl_job, sign_task));
    struct pl_err err;

    sign_set(job, &err); /* a failure is met again, and told, by run_done() */
}

static struct pl_job *job_of(struct pl_task *task)
{
    return (struct pl_job *)(void *)((char *)task - offsetof(struct pl_job, task));
}

/* The job may be gone when done() returns. */
static void answer(struct pl_job *job)
{
    struct pl_sequencer *s = job->sequencer;

    job->done(job);
    pthread_mutex_lock(&s->mu);
    if (--s->unanswered == 0)
        pthread_cond_broadcast(&s->answered);
    pthread_mutex_unlock(&s->mu);
}

static void run_twin(struct pl_task *task)
{
    answer(job_of(task));
}

/* What the twin learns is what the first one did; its answer runs on its own loop. */
static void pass_on(const struct pl_job *job, struct pl_job *twin)
{
    twin->err = job->err;
    twin->existed = job->existed;
    twin->index = job->index;
    twin->time = job->time;
    memcpy(twin->set, job->set, sizeof(twin->set));
    twin->set_n = job->set_n;
    if (job->published != NULL)
        twin->published = ref_published(published_of(job->published));
    twin->task.run = run_twin;
    pl_loop_post(twin->loop, &twin->task);
}

static void run_done(struct pl_task *task)
{
    struct pl_job *job = job_of(task);

    if (job->err.code == PL_OK && !job->existed) {
        if (job->set_n == 0)
            sign_set(job, &job->err);
        if (job->set_n != 0)
            pl_sequencer_settle_set(job->sequencer, job->index, job->set, &job->set_n);
    } else {
        /* What was signed for a batch that failed is let out to nobody. */
        explicit_bzero(job->set, sizeof(job->set));
        job->set_n = 0;
    }
    for (struct pl_job *twin = job->twins, *next; twin != NULL; twin = next) {
        next = twin->twins;
        pass_on(job, twin);
    }
    answer(job);
}

/* ---- the map of leaves that are queued or being written; @mu is held ---- */

static struct pl_job **leaf_bucket(struct pl_sequencer *s, const struct pl_hash *leaf)
{
    return &s->by_leaf[((unsigned)leaf->b[0] << 8 | leaf->b[1]) % LEAF_BUCKETS];
}

static struct pl_job *find_twin(struct pl_sequencer *s, const struct pl_job *job)
{
    struct pl_job *at = *leaf_bucket(s, &job->leaf);

    while (at != NULL && !pl_hash_eq(&at->leaf, &job->leaf))
        at = at->by_leaf;
    return at;
}

static void unmap(struct pl_sequencer *s, struct pl_job *job)
{
    struct pl_job **at = leaf_bucket(s, &job->leaf);

    while (*at != NULL && *at != job)
        at = &(*at)->by_leaf;
    if (*at == job)
        *at = job->by_leaf;
}

/* ---- in ---- */

static enum pl_code refuse_state(const struct pl_sequencer *s, struct pl_err *err)
{
    switch (s->state) {
    case WRITABLE:
        return PL_OK;
    case STOPPING:
        return PL_FAIL(err, PL_EBUSY, "the server is stopping, try again");
    case RESTORED:
    case RECOVERING:
        return PL_FAIL(err, PL_EBUSY, "the log takes no entries at present: %s", s->status.why);
    case BROKEN:
        break;
    }
    return PL_FAIL(err, PL_ECORRUPT, "the log takes no entries: %s", s->status.why);
}

static enum pl_code check_clock(int64_t now, int64_t last, struct pl_err *err)
{
    char now_text[PL_RFC3339_LEN + 1], last_text[PL_RFC3339_LEN + 1];

    if (now + CLOCK_TOLERANCE_S >= last)
        return PL_OK;
    pl_format_rfc3339(now, now_text);
    pl_format_rfc3339(last, last_text);
    return PL_FAIL(err, PL_EBUSY,
                   "the server's clock says %s, which is %" PRId64
                   " s behind the last entry (%s); at most %d s are allowed",
                   now_text, last - now, last_text, CLOCK_TOLERANCE_S);
}

static size_t job_bytes(const struct pl_job *job)
{
    size_t n = JOB_OVERHEAD + job->entry->body.n + job->entry->payload.n;

    for (size_t i = 0; i < job->entry->nkeys; i++)
        n += job->entry->keys[i].n;
    return n;
}

static enum pl_code enqueue(struct pl_sequencer *s, struct pl_job *job, struct pl_err *err)
{
    enum pl_code rc = refuse_state(s, err);

    if (s->stop)
        rc = PL_FAIL(err, PL_EBUSY, "the server is stopping, try again");
    if (rc == PL_OK)
        rc = check_clock(wall_ms() / 1000, s->last_time, err);
    if (rc != PL_OK)
        return rc;
    if (s->status.queued >= s->config.queue_max ||
        s->status.queued_bytes + job->bytes > s->config.queue_bytes_max)
        return PL_FAIL(err, PL_EBUSY,
                       "the queue is full: %zu of %zu submissions, %zu of %zu bytes; try again",
                       s->status.queued, s->config.queue_max, s->status.queued_bytes,
                       s->config.queue_bytes_max);
    s->unanswered++;
    s->status.queued++;
    s->status.queued_bytes += job->bytes;
    struct pl_job *first = find_twin(s, job);
    if (first != NULL) {
        job->twins = first->twins;
        first->twins = job;
        s->status.duplicates++;
        return PL_OK;
    }
    struct pl_job **bucket = leaf_bucket(s, &job->leaf);
    job->by_leaf = *bucket;
    *bucket = job;
    if (s->first == NULL)
        s->first = job;
    else
        s->last->next = job;
    s->last = job;
    pthread_cond_signal(&s->wake);
    return PL_OK;
}

enum pl_code pl_sequencer_submit(struct pl_sequencer *s, struct pl_job *job, struct pl_err *err)
{
    job->sequencer = s;
    job->next = job->by_leaf = job->twins = NULL;
    job->bytes = job_bytes(job);
    job->published = NULL;
    job->set_n = 0;
    job->existed = false;
    job->sign_task.run = run_sign;
    job->task.run = run_done;
    pl_err_clear(&job->err);
    pthread_mutex_lock(&s->mu);
    enum pl_code rc = enqueue(s, job, err);
    pthread_mutex_unlock(&s->mu);
    return rc;
}

void pl_sequencer_settle_set(struct pl_sequencer *s, uint64_t index, uint8_t set[PL_SET_MAX],
                             size_t *set_n)
{
    pthread_mutex_lock(&s->mu);
    pl_sets_settle(&s->sets, index, set, set_n);
    pthread_mutex_unlock(&s->mu);
}

/* ---- a batch ---- */

struct batch {
    struct pl_job *first;
    size_t n, appended;
    int64_t time;
    struct pl_range edge; /* after it; the sequencer's own stays as committed until COMMIT */
    struct published *published;
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
    snprintf(kind, sizeof(kind), "%s/%s", pl_kind_name(e->kind), pl_kind_version(e->kind));
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
    b->published = new_published(b->edge.size, &root, &note);
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

/* Ends the batch for its jobs and their twins: they leave the map, then the answers go out. */
static void finish(struct pl_sequencer *s, struct batch *b, const struct pl_err *err)
{
    size_t bytes = 0, n = 0;

    pthread_mutex_lock(&s->mu);
    for (struct pl_job *job = b->first; job != NULL; job = job->next) {
        unmap(s, job); /* from here on no twin can join */
        for (struct pl_job *at = job; at != NULL; at = at->twins) {
            bytes += at->bytes;
            n++;
        }
    }
    s->status.queued -= n;
    s->status.queued_bytes -= bytes;
    pthread_mutex_unlock(&s->mu);
    for (struct pl_job *job = b->first, *next; job != NULL; job = next) {
        next = job->next; /* the job may be gone once it is posted */
        if (err != NULL)
            job->err = *err;
        else
            job->published = pl_sequencer_published(s);
        pl_loop_post(job->loop, &job->task);
    }
    b->first = NULL;
}

static void set_state(struct pl_sequencer *s, enum state state, const char *why)
{
    pthread_mutex_lock(&s->mu);
    if (s->state != BROKEN)
        s->state = state == WRITABLE && s->stop ? STOPPING : state;
    s->status.writable = s->state == WRITABLE;
    snprintf(s->status.why, sizeof(s->status.why), "%.250s", why);
    pthread_mutex_unlock(&s->mu);
}

/* ---- after a failed commit ---- */

/* What recovery found must extend what was published: the same root at the published size. */
static enum pl_code check_extends(struct pl_sequencer *s, const struct pl_log_state *state,
                                  struct pl_err *err)
{
    const struct pl_published *p = pl_sequencer_published(s);
    struct pl_view *view = NULL;
    struct pl_view_hashes ctx;
    struct pl_range range;
    struct pl_hash root;
    enum pl_code rc = PL_OK;

    if (state->edge.size < p->size) {
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "the store has %" PRIu64 " entries after recovery, %" PRIu64 " were published",
                     state->edge.size, p->size);
        goto out;
    }
    PL_TRY(pl_view_open(s->config.dir, &view, err));
    PL_TRY(pl_view_begin(view, err));
    ctx = (struct pl_view_hashes){.view = view, .log_id = PL_LOG_ID_V1, .size = p->size};
    rc = pl_range_load(&range, p->size, pl_view_hashes, &ctx, err);
    pl_view_end(view);
    if (rc != PL_OK)
        goto out;
    pl_range_root(&range, &root);
    if (!pl_hash_eq(&root, &p->root))
        rc = PL_FAIL(err, PL_ECORRUPT,
                     "the store's root at the published size %" PRIu64 " differs after recovery",
                     p->size);
out:
    pl_view_close(view);
    pl_published_unref(p);
    return rc;
}

static enum pl_code try_recover(struct pl_sequencer *s, struct pl_err *err)
{
    struct pl_log_state state;
    struct published *found;
    enum pl_code rc = pl_store_recover(s->store, err);

    if (rc == PL_OK)
        rc = pl_store_log_state(s->store, PL_LOG_ID_V1, &state, err);
    if (rc == PL_OK)
        rc = check_extends(s, &state, err);
    if (rc == PL_OK)
        rc = load_published(s, &found, err);
    if (rc != PL_OK)
        return rc;
    s->edge = state.edge;
    pthread_mutex_lock(&s->mu);
    s->last_time = state.last_time;
    pthread_mutex_unlock(&s->mu);
    publish(s, found);
    return PL_OK;
}

/* Sleeps, but not past the wish to stop; false when it is time to stop. */
static bool wait_ms(struct pl_sequencer *s, unsigned ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->mu);
    int timed_out = 0;
    while (!s->stop && timed_out == 0)
        timed_out = pthread_cond_timedwait(&s->wake, &s->mu, &until);
    bool go_on = !s->stop;
    pthread_mutex_unlock(&s->mu);
    return go_on;
}

/*
 * Nothing is signed and no statement runs until the store was closed, opened, made durable and
 * found to extend what was published. Reads go on at the last published size.
 */
static void recover(struct pl_sequencer *s)
{
    unsigned pause_ms = RECOVER_WAIT_MS;
    struct pl_err err;

    set_state(s, RECOVERING, "a write to disk failed; the store is being checked");
    for (;;) {
        enum pl_code rc = try_recover(s, &err);
        if (rc == PL_OK) {
            PL_WARN("store.recovered", "tree_size=%" PRIu64, s->edge.size);
            set_state(s, WRITABLE, "");
            return;
        }
        PL_ERROR("store.recover_failed", "code=%s error=\"%s\"", pl_code_name(rc), err.text);
        if (rc == PL_ECORRUPT) {
            set_state(s, BROKEN, err.text);
            return;
        }
        if (!wait_ms(s, pause_ms))
            return;
        pause_ms = pause_ms < RECOVER_WAIT_MAX / 2 ? pause_ms * 2 : RECOVER_WAIT_MAX;
    }
}

/* ---- one turn ---- */

static void count_batch(struct pl_sequencer *s, const struct batch *b, uint64_t commit_us)
{
    pthread_mutex_lock(&s->mu);
    pl_sets_stored(&s->sets);
    s->status.batches++;
    s->status.entries += b->appended;
    s->status.commit_us_sum += commit_us;
    s->status.last_commit_ms = wall_ms();
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
    pthread_mutex_unlock(&s->mu);
    if (b->published != NULL)
        pl_published_unref(&b->published->pub);
    struct pl_err told = *err;
    if (err->code != PL_ENOSPACE && err->code != PL_EBUSY)
        (void)PL_FAIL(&told, PL_EBUSY, "the entry could not be written%s, try again",
                      unknown ? " for certain" : "");
    finish(s, b, &told);
    if (unknown || err->code == PL_EIO || err->code == PL_ECORRUPT)
        recover(s);
}

static void run_batch(struct pl_sequencer *s, struct batch *b)
{
    struct pl_err err;
    enum pl_code rc;

    b->edge = s->edge;
    b->time = wall_ms() / 1000;
    pthread_mutex_lock(&s->mu);
    int64_t last = s->last_time;
    /* The state may have changed since they were queued; what came before a stop is still written.
     */
    rc = s->state == STOPPING ? PL_OK : refuse_state(s, &err);
    pthread_mutex_unlock(&s->mu);
    if (rc == PL_OK && b->n != 0)
        rc = check_clock(b->time, last, &err);
    if (rc == PL_OK && b->n != 0)
        rc = check_disk(s, &err);
    if (rc != PL_OK) {
        finish(s, b, &err);
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
        publish(s, b->published);
    finish(s, b, NULL);
    if (pl_store_maintain(s->store, &err) != PL_OK)
        PL_WARN("store.maintain", "error=\"%s\"", err.text);
}

/* Waits for work and takes all that is there. False: stop, and nothing is left. */
static bool take(struct pl_sequencer *s, struct batch *b)
{
    pthread_mutex_lock(&s->mu);
    while (s->first == NULL && !s->stop) {
        struct timespec until;

        if (s->sets.fresh == 0 || s->state != WRITABLE) {
            pthread_cond_wait(&s->wake, &s->mu);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)SETS_WAIT_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&s->wake, &s->mu, &until) != 0)
            break;
    }
    *b = (struct batch){.first = s->first};
    struct pl_job *last = NULL;
    for (struct pl_job *job = s->first; job != NULL && b->n < PL_BATCH_MAX; job = job->next) {
        last = job;
        b->n++;
    }
    if (last != NULL) {
        s->first = last->next;
        last->next = NULL;
    }
    s->nset_batch = 0;
    if (s->state == WRITABLE || s->state == STOPPING)
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
        pl_published_unref(&b.published->pub);
out:
    pl_arena_free(&arena);
    return rc;
}

void pl_sequencer_free(struct pl_sequencer *s)
{
    if (s == NULL)
        return;
    if (s->published != NULL)
        pl_published_unref(&s->published->pub);
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
    char why[256] = "";

    if (state->restored)
        snprintf(why, sizeof(why),
                 "the database was restored from a backup of %" PRIu64
                 " entries; entries acknowledged after it may be missing. Start with "
                 "--continue-from %" PRIu64 " to go on from there",
                 state->restored_size, state->restored_size);
    s->edge = state->edge;
    s->last_time = state->last_time;
    set_state(s, state->restored ? RESTORED : WRITABLE, why);
}

enum pl_code pl_sequencer_start(const struct pl_sequencer_config *config, struct pl_store *store,
                                const struct pl_v1_log *log, struct pl_sequencer **out,
                                struct pl_err *err)
{
    struct pl_sequencer *s = calloc(1, sizeof(*s));
    struct pl_log_state state;
    enum pl_code rc;

    if (s == NULL)
        return PL_FAIL(err, PL_ENOMEM, "start sequencer: out of memory");
    init_locks(s);
    s->config = *config;
    s->store = store;
    s->log = log;
    PL_TRY(pl_sets_init(&s->sets, err));
    s->set_batch = calloc(PL_BATCH_MAX, sizeof(*s->set_batch));
    if (s->set_batch == NULL) {
        rc = PL_FAIL(err, PL_ENOMEM, "start sequencer: out of memory");
        goto out;
    }
    PL_TRY(pl_store_log_state(store, PL_LOG_ID_V1, &state, err));
    PL_TRY(load_published(s, &s->published, err));
    set_first_state(s, &state);
    if (pthread_create(&s->thread, NULL, sequencer_main, s) != 0)
        rc = PL_FAIL(err, PL_EIO, "start sequencer: no thread to be had");
out:
    if (rc == PL_OK)
        *out = s;
    else
        pl_sequencer_free(s);
    return rc;
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
    int64_t now = wall_ms() / 1000;
    out->clock_behind_s = now < out->last_entry_time ? out->last_entry_time - now : 0;
    out->tree_size = p->size;
    out->checkpoint_time_ms = p->time_ms;
    out->disk_free = free_bytes;
    out->disk_size = size;
    if (out->writable && check_disk(s, &err) != PL_OK) {
        out->writable = false;
        snprintf(out->why, sizeof(out->why), "%.250s", err.text);
    }
    if (out->writable && check_clock(now, out->last_entry_time, &err) != PL_OK) {
        out->writable = false;
        snprintf(out->why, sizeof(out->why), "%.250s", err.text);
    }
    pl_published_unref(p);
}

void pl_sequencer_stop(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->mu);
    s->stop = true;
    if (s->state == WRITABLE)
        s->state = STOPPING;
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
