/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - a loop's connections: their lists, deadlines, the limits over all loops, drain.
 *
 * What is refused, each with a row in tests/unit/test_http.c:
 *   head     versions other than 1.0 and 1.1; HTTP/1.1 without exactly one Host; names with a blank
 *            before the colon; folded lines; line ends without CR; control characters and NUL in
 *            values; over PL_HEAD_MAX bytes or PL_HEADERS_MAX lines; Upgrade
 *   target   control characters, blanks, bytes from 0x80, fragments, absolute-form, malformed
 *            percent escapes, %00; CONNECT
 *   framing  Transfer-Encoding other than exactly "chunked", on 1.0, twice, or with Content-Length;
 *            two Content-Length, also equal ones; signs, lists, leading zeros in it; blanks or LF
 * in a chunk-size line; malformed trailers (well-formed ones are dropped) size     bodies over the
 * route's limit, known before the body is read; too many in flight time     head, whole request and
 * idle deadlines; a reader that takes nothing A message behind `Connection: close` is never looked
 * at.
 */
#include "server/http_conn.h"

#include "core/base/limits.h"
#include "core/base/log.h"
#include "server/app.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINGER_MS       2000
#define FLUSH_PROGRESS  ((size_t)16 << 10) /* bytes a slow reader must take per request_ms */
#define SPARE_BODY_MAX  ((size_t)64 << 10) /* larger body buffers are not kept */
#define ANSWER_HEAD_MAX ((size_t)32 << 10)

/* Over all struct pl_http of the process. */
static _Atomic(size_t) inflight; /* bytes of bodies */
static _Atomic(unsigned) live;   /* sockets, also those on their way to a loop */

uint64_t pl_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- lists by state ---- */

static void unlink_conn(struct pl_conn *c)
{
    struct conn_list *list = &c->http->lists[c->state];

    if (list->first == c)
        list->first = c->next;
    if (list->last == c)
        list->last = c->prev;
    if (c->prev != NULL)
        c->prev->next = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    c->prev = c->next = NULL;
}

/* The one to evict: it has been without a complete head for the longest time. */
static struct pl_conn *oldest_idle(const struct pl_http *http)
{
    struct pl_conn *idle = http->lists[PL_CONN_IDLE].first, *head = http->lists[PL_CONN_HEAD].first;

    if (idle == NULL || (head != NULL && head->since_ms < idle->since_ms))
        return head;
    return idle;
}

static void publish_oldest(struct pl_http *http)
{
    const struct pl_conn *c = oldest_idle(http);

    atomic_store_explicit(&http->oldest_ms, c != NULL ? c->since_ms : INT64_MAX,
                          memory_order_relaxed);
}

void pl_conn_enter(struct pl_conn *c, enum pl_conn_state state)
{
    struct conn_list *list = &c->http->lists[state];

    unlink_conn(c);
    c->state = state;
    c->since_ms = pl_now_ms();
    c->prev = list->last;
    if (list->last != NULL)
        list->last->next = c;
    else
        list->first = c;
    list->last = c;
    publish_oldest(c->http);
}

/* ---- memory of requests ---- */

bool pl_conn_count_body(struct pl_conn *c, size_t n)
{
    size_t before = atomic_fetch_add_explicit(&inflight, n, memory_order_relaxed);

    c->counted += n;
    return before + n <= c->http->limits.inflight_max;
}

void pl_conn_uncount_body(struct pl_conn *c)
{
    atomic_fetch_sub_explicit(&inflight, c->counted, memory_order_relaxed);
    c->counted = 0;
}

void pl_http_lend(struct pl_conn *c)
{
    struct pl_http *http = c->http;

    if (http->nspare != 0) {
        struct pl_lent *spare = &http->spare[--http->nspare];
        c->req.arena = spare->arena;
        c->body = spare->body;
    } else {
        pl_arena_init(&c->req.arena, PL_ARENA_REQUEST_MAX);
        pl_buf_init(&c->body, SIZE_MAX / 2);
    }
    c->lent = true;
}

void pl_http_return(struct pl_conn *c)
{
    struct pl_http *http = c->http;

    if (!c->lent)
        return;
    c->lent = false;
    pl_conn_uncount_body(c);
    if (c->body.cap > SPARE_BODY_MAX) {
        pl_buf_free(&c->body);
        pl_buf_init(&c->body, SIZE_MAX / 2);
    }
    pl_buf_reset(&c->body);
    if (http->nspare == PL_LENT_MAX) {
        pl_arena_free(&c->req.arena);
        pl_buf_free(&c->body);
    } else {
        pl_arena_reset(&c->req.arena);
        http->spare[http->nspare++] = (struct pl_lent){c->req.arena, c->body};
    }
    memset(&c->req.arena, 0, sizeof(c->req.arena));
    memset(&c->body, 0, sizeof(c->body));
}

bool pl_http_body_fits(const struct pl_http *http, uint64_t n)
{
    size_t now = atomic_load_explicit(&inflight, memory_order_relaxed);

    return now <= http->limits.inflight_max && n <= http->limits.inflight_max - now;
}

/* ---- life of a connection ---- */

static void check_drained(struct pl_http *http)
{
    void (*done)(void *ctx) = http->drained;

    if (!http->draining || done == NULL || atomic_load(&http->nconns) != 0)
        return;
    http->drained = NULL;
    done(http->drained_ctx);
}

static void leave_live(void)
{
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

void pl_conn_free(struct pl_conn *c)
{
    struct pl_http *http = c->http;

    unlink_conn(c);
    pl_http_return(c);
    pl_conn_delete(c);
    publish_oldest(http);
    atomic_fetch_sub_explicit(&http->nconns, 1, memory_order_relaxed);
    leave_live();
    check_drained(http);
}

void pl_http_expect(struct pl_http *http)
{
    atomic_fetch_add_explicit(&http->expected, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
}

void pl_http_adopt(struct pl_http *http, int fd, bool admin, bool tls, const char *peer)
{
    struct pl_conn *c = calloc(1, sizeof(*c));

    atomic_fetch_sub_explicit(&http->expected, 1, memory_order_relaxed);
    if (c == NULL) {
        close(fd);
        leave_live();
        return;
    }
    c->http = http;
    c->admin = admin;
    c->tls = c->handshake = tls;
    (void)snprintf(c->peer, sizeof(c->peer), "%s", peer);
    atomic_fetch_add_explicit(&http->nconns, 1, memory_order_relaxed);
    pl_conn_enter(c, tls ? PL_CONN_HEAD : PL_CONN_IDLE);
    if (pl_conn_open(c, fd))
        return;
    if (c->bev == NULL)
        close(fd);
    pl_conn_free(c);
}

/* ---- limits over all loops ---- */

unsigned pl_http_connections(const struct pl_http *http)
{
    return atomic_load_explicit(&http->nconns, memory_order_relaxed);
}

bool pl_http_full(const struct pl_http *http)
{
    return atomic_load_explicit(&live, memory_order_relaxed) >= http->limits.conns_max;
}

static unsigned load_of(const struct pl_http *http)
{
    return atomic_load_explicit(&http->nconns, memory_order_relaxed) +
           atomic_load_explicit(&http->expected, memory_order_relaxed);
}

struct pl_loop *pl_http_least(struct pl_app *app, unsigned *turn)
{
    unsigned first = (*turn)++;
    struct pl_loop *best = &app->loops[first % app->nloops];

    for (unsigned i = 1; i < app->nloops; i++) {
        struct pl_loop *loop = &app->loops[(first + i) % app->nloops];
        if (load_of(loop->http) < load_of(best->http))
            best = loop;
    }
    return best;
}

bool pl_http_evict(struct pl_app *app)
{
    struct pl_http *best = NULL;
    int64_t oldest = INT64_MAX;

    for (unsigned i = 0; i < app->nloops; i++) {
        struct pl_http *http = app->loops[i].http;
        int64_t since = atomic_load_explicit(&http->oldest_ms, memory_order_relaxed);
        if (since >= oldest)
            continue;
        oldest = since;
        best = http;
    }
    if (best == NULL)
        return false;
    if (atomic_fetch_add(&best->evict, 1) == 0)
        pl_loop_post(best->loop, &best->evict_task);
    return true;
}

static bool evict_one(struct pl_http *http)
{
    struct pl_conn *c = oldest_idle(http);

    if (c == NULL)
        return false;
    PL_DEBUG("http.evict", "peer=%s idle_ms=%lld", c->peer, (long long)(pl_now_ms() - c->since_ms));
    pl_conn_free(c);
    return true;
}

static void run_evict(struct pl_task *task)
{
    struct pl_http *http =
        (struct pl_http *)(void *)((char *)task - offsetof(struct pl_http, evict_task));

    for (unsigned n = atomic_exchange(&http->evict, 0); n != 0; n--)
        if (!evict_one(http))
            return; /* maybe they are on their way here; evict_excess() sees to it */
}

/* What evictions missed: a burst is accepted faster than its loops take it over. Each loop goes
 * down to its share. */
static void evict_excess(struct pl_http *http)
{
    unsigned max = http->limits.conns_max, share = max / http->loop->app->nloops;

    while (atomic_load_explicit(&live, memory_order_relaxed) > max &&
           pl_http_connections(http) > share && evict_one(http))
        ;
}

/* ---- deadlines ---- */

static bool over(int64_t now, int64_t since, unsigned limit_ms)
{
    return now - since >= (int64_t)limit_ms;
}

static void expire_idle(struct pl_http *http, int64_t now)
{
    struct pl_conn *c;
    bool leave = http->draining && now - http->drain_ms >= PL_HTTP_GRACE_MS;

    while ((c = http->lists[PL_CONN_IDLE].first) != NULL &&
           (leave || over(now, c->since_ms, http->limits.idle_ms)))
        pl_conn_free(c);
    while ((c = http->lists[PL_CONN_LINGER].first) != NULL && over(now, c->since_ms, LINGER_MS))
        pl_conn_free(c);
}

static void expire_heads(struct pl_http *http, int64_t now)
{
    struct pl_conn *c;

    while ((c = http->lists[PL_CONN_HEAD].first) != NULL &&
           over(now, c->since_ms, http->limits.head_ms)) {
        if (c->handshake)
            pl_conn_free(c);
        else
            pl_conn_refuse(c, 408, "the request's head was not complete in time");
    }
}

static struct pl_conn *late_body(const struct pl_http *http, int64_t now)
{
    struct pl_conn *c = http->lists[PL_CONN_BODY].first;

    /* Not sorted by first byte: heads take different times. */
    while (c != NULL && !over(now, c->first_ms, http->limits.request_ms))
        c = c->next;
    return c;
}

static void expire_flushes(struct pl_http *http, int64_t now)
{
    struct pl_conn *c;

    while ((c = http->lists[PL_CONN_FLUSH].first) != NULL &&
           over(now, c->since_ms, http->limits.request_ms)) {
        size_t unsent = pl_conn_unsent(c);
        if (c->flush_left < FLUSH_PROGRESS || unsent > c->flush_left - FLUSH_PROGRESS) {
            PL_INFO("http.slow_reader", "peer=%s unsent=%zu", c->peer, unsent);
            pl_conn_free(c);
            continue;
        }
        c->flush_left = unsent;
        pl_conn_enter(c, PL_CONN_FLUSH);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct pl_http *http = ctx;
    struct pl_conn *c;
    int64_t now = pl_now_ms();

    (void)fd;
    (void)what;
    expire_idle(http, now);
    expire_heads(http, now);
    while ((c = late_body(http, now)) != NULL)
        pl_conn_refuse(c, 408, "the request was not complete in time");
    expire_flushes(http, now);
    evict_excess(http);
    if (http->tls != NULL)
        pl_tls_check(http->tls, now);
}

static bool start_tick(struct pl_http *http)
{
    unsigned ms = http->limits.head_ms;

    if (http->limits.idle_ms < ms)
        ms = http->limits.idle_ms;
    if (http->limits.request_ms < ms)
        ms = http->limits.request_ms;
    ms /= 8;
    ms = ms < 5 ? 5 : ms > 250 ? 250 : ms;
    struct timeval period = {.tv_sec = 0, .tv_usec = (suseconds_t)ms * 1000};
    http->tick = event_new(http->loop->base, -1, EV_PERSIST, on_tick, http);
    return http->tick != NULL && event_add(http->tick, &period) == 0;
}

/* ---- per loop ---- */

enum pl_code pl_http_new(struct pl_loop *loop, const struct pl_route *routes,
                         const struct pl_route *admin_routes, const struct pl_http_limits *limits,
                         struct pl_tls *tls, struct pl_http **out, struct pl_err *err)
{
    struct pl_http *http = calloc(1, sizeof(*http));

    if (http == NULL)
        return PL_FAIL(err, PL_ENOMEM, "HTTP state of loop %u: out of memory", loop->number);
    http->loop = loop;
    http->routes = routes;
    http->admin_routes = admin_routes;
    http->limits = *limits;
    if (http->limits.body_max == 0)
        http->limits.body_max = PL_REQUEST_MAX;
    http->tls = tls;
    http->evict_task.run = run_evict;
    atomic_store(&http->oldest_ms, INT64_MAX);
    pl_buf_init(&http->answer_head, ANSWER_HEAD_MAX);
    if (getrandom(&http->ids, sizeof(http->ids), 0) != (ssize_t)sizeof(http->ids))
        http->ids = pl_now_us() ^ (uint64_t)loop->number << 48; /* ids need not be secret */
    if (!start_tick(http)) {
        pl_http_free(http);
        return PL_FAIL(err, PL_ENOMEM, "HTTP timer of loop %u: out of memory", loop->number);
    }
    *out = http;
    return PL_OK;
}

/* A request is on its way: its bytes are in the socket, or its client has just connected. */
static bool may_still_ask(const struct pl_conn *c)
{
    return c->served == 0 || pl_conn_has_input(c);
}

void pl_http_drain(struct pl_http *http, void (*done)(void *ctx), void *ctx)
{
    struct pl_conn *next;

    http->draining = true;
    http->drain_ms = pl_now_ms();
    http->drained = NULL; /* not before the end of this function */
    for (struct pl_conn *c = http->lists[PL_CONN_IDLE].first; c != NULL; c = next) {
        next = c->next;
        if (!may_still_ask(c))
            pl_conn_free(c);
    }
    http->drained = done;
    http->drained_ctx = ctx;
    check_drained(http);
}

void pl_http_free(struct pl_http *http)
{
    struct pl_conn *c;

    if (http == NULL)
        return;
    http->draining = false; /* nobody waits any more */
    for (size_t i = 0; i < PL_CONN_STATES; i++)
        while ((c = http->lists[i].first) != NULL)
            pl_conn_free(c);
    while (http->nspare != 0) {
        struct pl_lent *spare = &http->spare[--http->nspare];
        pl_arena_free(&spare->arena);
        pl_buf_free(&spare->body);
    }
    if (http->tick != NULL)
        event_free(http->tick);
    pl_buf_free(&http->answer_head);
    free(http);
}
