/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - one event loop: its thread, its event_base, and what only it may touch.
 *
 * A request lives and dies on one loop. Other threads reach a loop only by pl_loop_post().
 */
#ifndef PL_SERVER_LOOP_H
#define PL_SERVER_LOOP_H

#include "core/crypto/verifier.h"
#include "store/store.h"

#include <pthread.h>

struct event_base;
struct pl_app;
struct pl_http;

/* Something to run on a loop; embedded in its owner, which keeps it until @run is called. */
struct pl_task {
    void (*run)(struct pl_task *task);
    struct pl_task *next;
};

struct pl_loop {
    struct pl_app *app; /* shared, see app.h */
    unsigned number;
    struct event_base *base;
    /* Owned by the loop's thread. */
    struct pl_view *view; /* opened by the app once the store is open; NULL before */
    struct pl_verifier_cache *verifiers;
    struct pl_http *http;
    /* Guarded by @mu. */
    pthread_mutex_t mu;
    struct pl_task *first, *last;
    int wake_fd; /* eventfd */
    pthread_t thread;
    struct event *wake_event;
};

/* Starts the thread. PL_EIO, PL_ENOMEM. */
PL_MUST_CHECK enum pl_code pl_loop_start(struct pl_loop *loop, struct pl_app *app, unsigned number,
                                         struct pl_err *err);
/* Runs @task on the loop's thread, in the order of posting. Thread: any. Never fails. */
void pl_loop_post(struct pl_loop *loop, struct pl_task *task);
/* Ends the loop after everything posted so far, joins the thread and frees what it owns (http,
 * verifiers, view). What is posted later is never run. Does nothing for a loop that did not start.
 */
void pl_loop_stop(struct pl_loop *loop);
/* Milliseconds of CLOCK_MONOTONIC. Thread: any. */
int64_t pl_now_ms(void);

#endif
