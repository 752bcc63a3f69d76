/* SPDX-License-Identifier: Apache-2.0 */
/* sequencer_recover.c - what the log may do now, and finding out after a write that failed. */
#include "server/sequencer_internal.h"

#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define RECOVER_WAIT_MS  200
#define RECOVER_WAIT_MAX 5000

void pl_seq_set_state(struct pl_sequencer *s, enum pl_seq_state state, const char *why)
{
    pthread_mutex_lock(&s->mu);
    if (s->state != PL_SEQ_BROKEN)
        s->state = state == PL_SEQ_WRITABLE && s->stop ? PL_SEQ_STOPPING : state;
    s->status.writable = s->state == PL_SEQ_WRITABLE;
    (void)snprintf(s->status.why, sizeof(s->status.why), "%.500s", why);
    pthread_mutex_unlock(&s->mu);
}

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
    const struct pl_published *found;
    enum pl_code rc = pl_store_recover(s->store, err);

    if (rc == PL_OK)
        rc = pl_store_log_state(s->store, PL_LOG_ID_V1, &state, err);
    if (rc == PL_OK)
        rc = check_extends(s, &state, err);
    if (rc == PL_OK)
        rc = pl_seq_load_published(s, true, &found, err);
    if (rc != PL_OK)
        return rc;
    s->edge = state.edge;
    pthread_mutex_lock(&s->mu);
    s->last_time = state.last_time;
    pthread_mutex_unlock(&s->mu);
    pl_seq_publish(s, found);
    return PL_OK;
}

/* Sleeps, but not past the wish to stop; false when it is time to stop. */
static bool wait_ms(struct pl_sequencer *s, unsigned ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
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

/* Nobody waits for a store that may take long to come back. */
static void fail_waiting(struct pl_sequencer *s)
{
    struct pl_err err;

    pthread_mutex_lock(&s->mu);
    struct pl_job *first = NULL;
    if (pl_seq_refusal(s, &err) != PL_OK) {
        first = s->first;
        s->first = NULL;
    }
    pthread_mutex_unlock(&s->mu);
    if (first != NULL)
        pl_seq_finish(s, first, &err);
}

/*
 * Nothing is signed and no statement runs until the store was closed, opened, made durable and
 * found to extend what was published. Reads go on at the last published size.
 */
void pl_seq_recover(struct pl_sequencer *s)
{
    unsigned pause_ms = RECOVER_WAIT_MS;
    char why[512];
    struct pl_err err;

    pl_seq_set_state(s, PL_SEQ_RECOVERING, "a write to disk failed; the store is being checked");
    fail_waiting(s);
    for (;;) {
        enum pl_code rc = try_recover(s, &err);
        if (rc == PL_OK) {
            PL_WARN("store.recovered", "tree_size=%" PRIu64, s->edge.size);
            pl_seq_set_state(s, PL_SEQ_WRITABLE, "");
            return;
        }
        PL_ERROR("store.recover_failed", "code=%s error=\"%s\"", pl_code_name(rc), err.text);
        if (rc == PL_ECORRUPT) {
            pl_seq_set_state(s, PL_SEQ_BROKEN, err.text);
            return;
        }
        (void)snprintf(why, sizeof(why), "a write to disk failed, and checking the store: %.200s",
                       err.text);
        pl_seq_set_state(s, PL_SEQ_RECOVERING, why);
        if (!wait_ms(s, pause_ms))
            return;
        pause_ms = pause_ms < RECOVER_WAIT_MAX / 2 ? pause_ms * 2 : RECOVER_WAIT_MAX;
    }
}
