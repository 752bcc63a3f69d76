/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - one event loop: thread, event_base, and the list through which others reach it. */
#include "server/loop.h"

#include "server/http.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct stop_task {
    struct pl_task task;
    struct event_base *base;
};

int64_t pl_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void run_tasks(evutil_socket_t fd, short what, void *ctx)
{
    struct pl_loop *loop = ctx;
    uint64_t count;

    (void)what;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&loop->mu);
    struct pl_task *task = loop->first;
    loop->first = loop->last = NULL;
    pthread_mutex_unlock(&loop->mu);
    while (task != NULL) {
        struct pl_task *next = task->next; /* run() may free the task */
        task->run(task);
        task = next;
    }
}

void pl_loop_post(struct pl_loop *loop, struct pl_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->mu);
    bool was_empty = loop->first == NULL;
    if (was_empty)
        loop->first = task;
    else
        loop->last->next = task;
    loop->last = task;
    pthread_mutex_unlock(&loop->mu);
    /* Only the first needs to wake it: the reader takes the whole list after reading the count. */
    uint64_t one = 1;
    while (was_empty && write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void *loop_main(void *ctx)
{
    struct pl_loop *loop = ctx;

    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void free_events(struct pl_loop *loop)
{
    if (loop->wake_event != NULL)
        event_free(loop->wake_event);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->mu);
    loop->wake_event = NULL;
    loop->base = NULL;
    loop->wake_fd = -1;
}

/* Signals go to the main thread; a write to a closed socket must fail with EPIPE, not kill. */
static int start_thread(struct pl_loop *loop)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = pthread_create(&loop->thread, NULL, loop_main, loop);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

static void use_threads(void)
{
    evthread_use_pthreads();
}

enum pl_code pl_loop_start(struct pl_loop *loop, struct pl_app *app, unsigned number,
                           struct pl_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int failed = ENOMEM;

    pthread_once(&once, use_threads);
    *loop = (struct pl_loop){.app = app, .number = number, .wake_fd = -1};
    pthread_mutex_init(&loop->mu, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        failed = errno;
    loop->base = event_base_new();
    if (loop->base != NULL && loop->wake_fd >= 0)
        loop->wake_event =
            event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, run_tasks, loop);
    if (loop->wake_event != NULL && event_add(loop->wake_event, NULL) == 0)
        failed = start_thread(loop);
    if (failed == 0)
        return PL_OK;
    free_events(loop);
    return PL_FAIL_CAUSE(err, PL_EIO, failed, "start event loop %u: %s", number, strerror(failed));
}

static void break_loop(struct pl_task *task)
{
    const struct stop_task *stop = (const struct stop_task *)(const void *)task;

    event_base_loopbreak(stop->base);
}

void pl_loop_stop(struct pl_loop *loop)
{
    if (loop->base == NULL)
        return;
    struct stop_task stop = {.task = {.run = break_loop}, .base = loop->base};

    pl_loop_post(loop, &stop.task);
    pthread_join(loop->thread, NULL);
    pl_http_free(loop->http);
    pl_verifier_cache_free(loop->verifiers);
    if (loop->view != NULL)
        pl_view_close(loop->view);
    loop->http = NULL;
    loop->verifiers = NULL;
    loop->view = NULL;
    free_events(loop);
}
