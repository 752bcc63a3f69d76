/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequencer_jobs.c - submissions on their way in (queue, joined with equal ones) and out (answered
 * on their own loops, each exactly once).
 */
#include "server/sequencer_internal.h"

#include "core/base/num.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define JOB_OVERHEAD 512

/* ---- out: all of this runs on the job's loop ---- */

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
        twin->published = pl_published_ref(job->published);
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
    return &s->by_leaf[((unsigned)leaf->b[0] << 8 | leaf->b[1]) % PL_LEAF_BUCKETS];
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

enum pl_code pl_seq_refusal(const struct pl_sequencer *s, struct pl_err *err)
{
    switch (s->state) {
    case PL_SEQ_WRITABLE:
        return PL_OK;
    case PL_SEQ_STOPPING:
        return PL_FAIL(err, PL_EBUSY, "the server is stopping, try again");
    case PL_SEQ_RECOVERING: /* the details are for the operator alone: /readyz, the server's log */
        return PL_FAIL(err, PL_EBUSY,
                       "the log takes no entries at present: a write to disk failed, try again");
    case PL_SEQ_RESTORED:
        return PL_FAIL(err, PL_EBUSY, "the log takes no entries at present: %s", s->status.why);
    case PL_SEQ_BROKEN:
        break;
    }
    /* The reason names files: it is in the server's log and in /readyz. */
    return PL_FAIL(err, PL_EBUSY,
                   "the log takes no entries: what is stored contradicts what was signed; /readyz "
                   "on the admin port says how");
}

enum pl_code pl_seq_check_clock(int64_t now, int64_t last, struct pl_err *err)
{
    char now_text[PL_RFC3339_LEN + 1], last_text[PL_RFC3339_LEN + 1];

    if (now + PL_CLOCK_TOLERANCE_S >= last)
        return PL_OK;
    pl_format_rfc3339(now, now_text);
    pl_format_rfc3339(last, last_text);
    return PL_FAIL(err, PL_EBUSY,
                   "the server's clock says %s, which is %" PRId64
                   " s behind the last entry (%s); at most %d s are allowed",
                   now_text, last - now, last_text, PL_CLOCK_TOLERANCE_S);
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
    enum pl_code rc = pl_seq_refusal(s, err);

    if (s->stop)
        rc = PL_FAIL(err, PL_EBUSY, "the server is stopping, try again");
    if (rc == PL_OK)
        rc = pl_seq_check_clock(pl_wall_ms() / 1000, s->last_time, err);
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

bool pl_sequencer_may_sign(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->mu);
    /* While a failed write is looked into, what was published before is durable all the same. */
    bool may = s->state != PL_SEQ_BROKEN && s->state != PL_SEQ_RESTORED;
    pthread_mutex_unlock(&s->mu);
    return may;
}

bool pl_sequencer_is_broken(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->mu);
    bool broken = s->state == PL_SEQ_BROKEN;
    pthread_mutex_unlock(&s->mu);
    return broken;
}

void pl_sequencer_settle_set(struct pl_sequencer *s, uint64_t index, uint8_t set[PL_SET_MAX],
                             size_t *set_n)
{
    pthread_mutex_lock(&s->mu);
    bool none = s->sets.fresh == 0;
    pl_sets_settle(&s->sets, index, set, set_n);
    if (none && s->sets.fresh != 0)
        pthread_cond_signal(&s->wake); /* an idle writer waits without a limit */
    pthread_mutex_unlock(&s->mu);
}

/* ---- the end of a batch ---- */

void pl_seq_finish(struct pl_sequencer *s, struct pl_job *first, const struct pl_err *err)
{
    size_t bytes = 0, n = 0;

    pthread_mutex_lock(&s->mu);
    for (struct pl_job *job = first; job != NULL; job = job->next) {
        unmap(s, job); /* from here on no twin can join */
        for (struct pl_job *at = job; at != NULL; at = at->twins) {
            bytes += at->bytes;
            n++;
        }
    }
    s->status.queued -= n;
    s->status.queued_bytes -= bytes;
    pthread_mutex_unlock(&s->mu);
    for (struct pl_job *job = first, *next; job != NULL; job = next) {
        next = job->next; /* the job may be gone once it is posted */
        if (err != NULL)
            job->err = *err;
        else
            job->published = pl_sequencer_published(s);
        pl_loop_post(job->loop, &job->task);
    }
}
