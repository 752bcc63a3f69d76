/* SPDX-License-Identifier: Apache-2.0 */
/* workers.c - a bounded queue and a few threads. */
#include "server/workers.h"

#include <stdlib.h>

#define WORKERS_MAX   64u
#define VERIFIERS_MAX 256

struct pl_workers {
    pthread_mutex_t mu;
    pthread_cond_t wake;
    /* Guarded by @mu. */
    struct pl_work *first, *last;
    size_t queued, queue_max;
    bool stop;
    /* Set at start. */
    unsigned nthreads;
    pthread_t threads[WORKERS_MAX];
};

static void run_done(struct pl_task *task)
{
    struct pl_work *work =
        (struct pl_work *)(void *)((char *)task - offsetof(struct pl_work, task));

    work->done(work);
}

/* The next piece of work; NULL when it is time to stop and nothing is left. */
static struct pl_work *take(struct pl_workers *w)
{
    pthread_mutex_lock(&w->mu);
    while (w->first == NULL && !w->stop)
        pthread_cond_wait(&w->wake, &w->mu);
    struct pl_work *work = w->first;
    if (work != NULL) {
        w->first = work->next;
        w->queued--;
    }
    pthread_mutex_unlock(&w->mu);
    return work;
}

static void *worker_main(void *arg)
{
    struct pl_workers *w = arg;
    /* Without memory for a cache it works all the same, only slower. */
    struct pl_verifier_cache *cache = pl_verifier_cache_new(VERIFIERS_MAX);
    struct pl_work *work;

    while ((work = take(w)) != NULL) {
        work->work(work, cache);
        work->task.run = run_done;
        pl_loop_post(work->loop, &work->task);
    }
    if (cache != NULL)
        pl_verifier_cache_free(cache);
    return NULL;
}

enum pl_code pl_workers_start(unsigned threads, size_t queue_max, struct pl_workers **out,
                              struct pl_err *err)
{
    struct pl_workers *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return PL_FAIL(err, PL_ENOMEM, "start workers: out of memory");
    pthread_mutex_init(&w->mu, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->queue_max = queue_max;
    if (threads > WORKERS_MAX)
        threads = WORKERS_MAX;
    while (w->nthreads < threads &&
           pthread_create(&w->threads[w->nthreads], NULL, worker_main, w) == 0)
        w->nthreads++;
    if (w->nthreads == threads) {
        *out = w;
        return PL_OK;
    }
    pl_workers_stop(w);
    pl_workers_free(w);
    return PL_FAIL(err, PL_EIO, "start workers: no thread to be had");
}

enum pl_code pl_workers_submit(struct pl_workers *w, struct pl_work *work, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    work->next = NULL;
    pthread_mutex_lock(&w->mu);
    if (w->stop || w->queued >= w->queue_max) {
        rc = PL_FAIL(err, PL_EBUSY, "%zu slow checks are waiting, at most %zu may; try again",
                     w->queued, w->queue_max);
    } else {
        if (w->first == NULL)
            w->first = work;
        else
            w->last->next = work;
        w->last = work;
        w->queued++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mu);
    return rc;
}

size_t pl_workers_queued(struct pl_workers *w)
{
    pthread_mutex_lock(&w->mu);
    size_t n = w->queued;
    pthread_mutex_unlock(&w->mu);
    return n;
}

void pl_workers_stop(struct pl_workers *w)
{
    pthread_mutex_lock(&w->mu);
    w->stop = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mu);
    for (unsigned i = 0; i < w->nthreads; i++)
        pthread_join(w->threads[i], NULL);
    w->nthreads = 0;
}

void pl_workers_free(struct pl_workers *w)
{
    if (w == NULL)
        return;
    pthread_mutex_destroy(&w->mu);
    pthread_cond_destroy(&w->wake);
    free(w);
}
