/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_background.c - one thread that catches the search index up with the log and moves the
 * write-ahead log into the database, both at leisure: searches are exact without it, only slower.
 */
#include "server/app_private.h"

#include "core/base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define STEP_ENTRIES     2048
#define IDLE_MS          250
#define CHECKPOINT_EVERY 20 /* idle rounds: 5 s */
#define RETRY_MS         5000

struct pl_background {
    struct pl_app *app;
    pthread_t thread;
    /* Guarded by @mu. */
    pthread_mutex_t mu;
    pthread_cond_t wake;
    bool stop;
};

/* Sleeps @ms or until it is time to stop; true then. */
static bool nap(struct pl_background *b, int ms)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&b->mu);
    int timed_out = 0;
    while (!b->stop && timed_out == 0)
        timed_out = pthread_cond_timedwait(&b->wake, &b->mu, &end);
    bool stop = b->stop;
    (void)pthread_mutex_unlock(&b->mu);
    return stop;
}

static uint64_t published_size(struct pl_background *b)
{
    const struct pl_published *p = pl_sequencer_published(b->app->sequencer);
    uint64_t size = p->size;
    pl_published_unref(p);
    return size;
}

static void *background_main(void *arg)
{
    struct pl_background *b = arg;
    const char *dir = b->app->config->data_dir;
    struct pl_indexer *indexer = NULL;
    struct pl_err err;
    unsigned round = 0;
    int sleep_ms = 0;
    while (!nap(b, sleep_ms)) {
        size_t done = 0;
        sleep_ms = IDLE_MS;
        if (indexer == NULL && pl_indexer_open(dir, &indexer, &err) != PL_OK)
            indexer = NULL;
        if (indexer == NULL || pl_indexer_step(indexer, PL_LOG_ID_V1, published_size(b),
                                               STEP_ENTRIES, &done, &err) != PL_OK) {
            PL_WARN("index.failed", "retry_ms=%d error=\"%s\"", RETRY_MS, err.text);
            if (indexer != NULL)
                pl_indexer_close(indexer);
            indexer = NULL;
            sleep_ms = RETRY_MS;
            continue;
        }
        if (done == STEP_ENTRIES)
            sleep_ms = 0; /* there is more */
        if (++round % CHECKPOINT_EVERY == 0 && pl_store_checkpoint_passive(dir, &err) != PL_OK)
            PL_WARN("wal.checkpoint_failed", "error=\"%s\"", err.text);
    }
    if (indexer != NULL)
        pl_indexer_close(indexer);
    return NULL;
}

enum pl_code pl_background_start(struct pl_app *app, struct pl_background **out, struct pl_err *err)
{
    struct pl_background *b = calloc(1, sizeof(*b));
    pthread_condattr_t attr;
    if (b == NULL)
        return PL_FAIL(err, PL_ENOMEM, "start background thread: out of memory");
    b->app = app;
    (void)pthread_mutex_init(&b->mu, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (pthread_create(&b->thread, NULL, background_main, b) != 0) {
        free(b);
        return PL_FAIL(err, PL_EIO, "start background thread: no thread to be had");
    }
    *out = b;
    return PL_OK;
}

void pl_background_stop(struct pl_background *b)
{
    if (b == NULL)
        return;
    (void)pthread_mutex_lock(&b->mu);
    b->stop = true;
    (void)pthread_cond_signal(&b->wake);
    (void)pthread_mutex_unlock(&b->mu);
    (void)pthread_join(b->thread, NULL);
    (void)pthread_mutex_destroy(&b->mu);
    (void)pthread_cond_destroy(&b->wake);
    free(b);
}
