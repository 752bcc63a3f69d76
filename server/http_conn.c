/* SPDX-License-Identifier: Apache-2.0 */
/* http_conn.c - one connection: bytes in, request to its handler, answer out. */
#include "server/http_conn.h"

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "server/router.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define INPUT_MAX     ((size_t)64 << 10)  /* read ahead of what is asked for, plain sockets */
#define TLS_INPUT_MAX ((size_t)256 << 10) /* there reading cannot be paused: it ends */
#define OUTPUT_MAX    ((size_t)256 << 10) /* unsent, before the next request is looked at */
#define EARLY_BODY_MAX                                                        \
    ((uint64_t)64 << 10) /* bodies that are read although the answer is known \
                          */

static struct evbuffer *input(const struct pl_conn *c)
{
    return bufferevent_get_input(c->bev);
}

static struct evbuffer *output(const struct pl_conn *c)
{
    return bufferevent_get_output(c->bev);
}

size_t pl_conn_unsent(const struct pl_conn *c)
{
    return c->bev != NULL ? evbuffer_get_length(output(c)) : 0;
}

bool pl_conn_has_input(const struct pl_conn *c)
{
    uint8_t byte;

    if (c->bev == NULL)
        return false;
    return evbuffer_get_length(input(c)) != 0 ||
           recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Says the end of the TLS stream, so that the client does not take it for a cut. */
static void say_goodbye(const struct pl_conn *c)
{
    if (!c->tls || c->handshake)
        return;
    SSL_shutdown(bufferevent_openssl_get_ssl(c->bev));
    ERR_clear_error();
}

void pl_conn_drop(struct pl_conn *c)
{
    if (c->bev == NULL)
        return;
    say_goodbye(c);
    bufferevent_free(c->bev);
    c->bev = NULL;
}

void pl_conn_delete(struct pl_conn *c)
{
    pl_conn_drop(c);
    free(c);
}

/* ---- the request ---- */

static void make_id(struct pl_http *http, char out[33])
{
    /* splitmix64 of a counter with a random start: unique per loop, cheap */
    uint64_t z = http->ids += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    pl_hex_encode(pl_bytes(&z, sizeof(z)), out);
}

/* The client's own id, if nothing in it can disturb a log line. */
static void take_id(struct pl_req *req)
{
    struct pl_bytes id = pl_req_header(req, "X-Request-Id");

    if (id.n == 0 || id.n >= sizeof(req->id))
        return;
    for (size_t i = 0; i < id.n; i++) {
        uint8_t ch = id.p[i];
        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              ch == '-' || ch == '_' || ch == '.'))
            return;
    }
    memcpy(req->id, id.p, id.n);
    req->id[id.n] = '\0';
}

static void begin_request(struct pl_conn *c)
{
    memset(&c->req, 0, sizeof(c->req));
    memset(&c->scan, 0, sizeof(c->scan));
    memset(&c->head, 0, sizeof(c->head));
    c->message.keep_alive = false;
    c->no.status = 0;
    c->allowed = 0;
    pl_http_lend(c);
    c->req.loop = c->http->loop;
    c->req.app = c->http->loop->app;
    c->req.conn = c;
    c->req.admin = c->admin;
    c->req.method = PL_OTHER_METHOD;
    memcpy(c->req.peer, c->peer, sizeof(c->peer));
    make_id(c->http, c->req.id);
    pl_conn_enter(c, PL_CONN_HEAD);
    c->first_ms = c->req.started_ms = c->since_ms;
    c->req.started_us = pl_now_us();
}

void pl_conn_refuse(struct pl_conn *c, int status, const char *text)
{
    c->closing = c->linger = true;
    pl_conn_enter(c, PL_CONN_BUSY);
    pl_reply_refusal(&c->req, status, text);
}

/* A conn_* step returns true when there may be more to do at once. */
static bool refuse_no(struct pl_conn *c)
{
    pl_conn_refuse(c, c->no.status, c->no.text);
    return true;
}

static bool is_preflight(const struct pl_req *req)
{
    return req->method == PL_OPTIONS && !req->admin &&
           pl_req_header(req, "Access-Control-Request-Method").n != 0;
}

/* Something is wrong with the request that the head alone tells: no handler will see it. */
static bool is_early(const struct pl_conn *c)
{
    return c->no.status != 0 || c->req.route == NULL;
}

static bool dispatch(struct pl_conn *c)
{
    struct pl_req *req = &c->req;

    req->body = is_early(c) ? pl_bytes(NULL, 0) : pl_buf_bytes(&c->body);
    pl_conn_enter(c, PL_CONN_BUSY);
    if (c->no.status != 0)
        pl_reply_refusal(req, c->no.status, c->no.text);
    else if (req->route != NULL)
        req->route->handler(req);
    else if (c->allowed != 0 && is_preflight(req))
        pl_reply_preflight(req);
    else
        pl_reply_no_route(req, c->allowed);
    return true;
}

static bool split_target(struct pl_conn *c)
{
    struct pl_req *req = &c->req;
    struct pl_bytes path = c->head.target;
    const uint8_t *mark = memchr(path.p, '?', path.n);

    req->target = path;
    if (mark != NULL) {
        path.n = (size_t)(mark - path.p);
        req->query = pl_bytes(mark + 1, req->target.n - path.n - 1);
    }
    req->path = pl_path_clean(path, &req->arena);
    return req->path.p != NULL;
}

/* 415 and 406, as the route wants them. */
static void check_media(struct pl_conn *c)
{
    const struct pl_req *req = &c->req;
    unsigned flags = req->route->flags;
    struct pl_bytes type = pl_content_type(req);
    bool reads = req->method == PL_GET || req->method == PL_HEAD;

    if ((flags & PL_ROUTE_JSON_BODY) != 0 && (c->head.length != 0 || c->head.chunked) &&
        !pl_media_is(type, "application/json"))
        pl_refuse(&c->no, 415,
                  "unsupported media type \"" PL_FMT "\", only [application/json] are allowed",
                  PL_ARG(type));
    else if ((flags & PL_ROUTE_JSON_ONLY) == 0 || !reads || pl_accepts(req, "application/json"))
        return;
    else if ((flags & PL_ROUTE_PEM) == 0)
        pl_refuse(&c->no, 406,
                  "unsupported media type requested, only [application/json] are available");
    else if (!pl_accepts(req, "application/x-pem-file"))
        pl_refuse(&c->no, 406,
                  "unsupported media type requested, only [application/x-pem-file "
                  "application/json] are available");
}

static void find_route(struct pl_conn *c)
{
    const struct pl_route *routes = c->admin ? c->http->admin_routes : c->http->routes;

    if (routes != NULL && pl_route_find(&c->req, routes, &c->allowed))
        check_media(c);
}

/* What to do about the body, before any of it is read. True: go on reading it. */
static bool admit_body(struct pl_conn *c, size_t *max_out)
{
    const struct pl_head *head = &c->head;
    size_t max = c->http->limits.body_max;

    if (is_early(c)) {
        *max_out = (size_t)EARLY_BODY_MAX;
        if (!head->chunked && !head->expect_continue && head->length <= EARLY_BODY_MAX)
            return true;
        c->closing = c->linger = true; /* answered at once; the body stays unread */
        return false;
    }
    if (c->req.route->body_max != 0)
        max = c->req.route->body_max;
    *max_out = max;
    if (head->length > max)
        pl_refuse(&c->no, 413,
                  "Request Entity Too Large. Limit set to %zu bytes, the body has %llu", max,
                  (unsigned long long)head->length);
    else if (!pl_http_body_fits(c->http, head->length))
        pl_refuse(&c->no, 503, "too many request bodies in flight: try again");
    else
        return true;
    c->closing = c->linger = true;
    return false;
}

static bool begin_body(struct pl_conn *c)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (c->message.complete)
        return dispatch(c);
    pl_conn_enter(c, PL_CONN_BODY);
    if (c->head.expect_continue && evbuffer_get_length(input(c)) == 0 &&
        bufferevent_write(c->bev, CONTINUE, sizeof(CONTINUE) - 1) != 0)
        c->dead = true;
    return true;
}

static bool take_head(struct pl_conn *c, struct pl_bytes raw)
{
    struct pl_req *req = &c->req;
    size_t body_max = 0;

    if (!pl_head_parse(raw, &req->arena, &c->head, &c->no))
        return refuse_no(c);
    req->headers = c->head.headers;
    req->nheaders = c->head.nheaders;
    req->method = pl_method_parse(c->head.method);
    take_id(req);
    if (!split_target(c)) {
        pl_refuse(&c->no, 503, "out of memory");
        return refuse_no(c);
    }
    find_route(c);
    bool read_on = admit_body(c, &body_max);
    struct pl_refusal bad = {.status = 0};
    if (!pl_message_begin(&c->message, raw, &c->head, &c->body, body_max, &bad)) {
        c->no = bad; /* framing comes first: what follows cannot be trusted */
        return refuse_no(c);
    }
    return read_on ? begin_body(c) : dispatch(c);
}

/* ---- steps ---- */

static bool step_idle(struct pl_conn *c)
{
    uint8_t first[2];
    ev_ssize_t n = evbuffer_copyout(input(c), first, sizeof(first));

    if (n > 0 && first[0] == '\r' && (n == 1 || first[1] == '\n')) {
        evbuffer_drain(input(c), n == 2 ? 2 : 0); /* RFC 9112 2.2: an empty line before a request */
        if (n == 2)
            return true;
        n = 0;
    }
    if (n > 0) {
        begin_request(c);
        return true;
    }
    if (!c->eof)
        return false;
    c->closing = true;
    pl_conn_enter(c, PL_CONN_FLUSH);
    return true;
}

static bool step_head(struct pl_conn *c)
{
    size_t head_n = 0, have = evbuffer_get_length(input(c));
    size_t look = have < PL_HEAD_MAX ? have : PL_HEAD_MAX;

    if (c->handshake || look == 0) {
        c->dead = c->eof;
        return false;
    }
    const uint8_t *p = evbuffer_pullup(input(c), (ev_ssize_t)look);
    if (p == NULL) {
        c->dead = true;
        return false;
    }
    switch (pl_head_scan(&c->scan, pl_bytes(p, look), &head_n, &c->no)) {
    case PL_SCAN_BAD:
        return refuse_no(c);
    case PL_SCAN_MORE:
        c->dead = c->eof;
        return false;
    case PL_SCAN_DONE:
        break;
    }
    /* The deadline runs from the first byte, the log's duration from here. */
    c->req.started_us = pl_now_us();
    struct pl_bytes raw = pl_arena_dup(&c->req.arena, pl_bytes(p, head_n));
    if (raw.p == NULL) {
        pl_refuse(&c->no, 503, "out of memory");
        return refuse_no(c);
    }
    evbuffer_drain(input(c), head_n);
    return take_head(c, raw);
}

static bool step_body(struct pl_conn *c)
{
    struct evbuffer_iovec piece;

    if (evbuffer_peek(input(c), -1, NULL, &piece, 1) < 1 || piece.iov_len == 0) {
        c->dead = c->eof;
        return false;
    }
    size_t n = piece.iov_len;
    if (!c->message.chunked && n > c->message.left)
        n = (size_t)c->message.left;
    if (!pl_conn_count_body(c, n)) {
        pl_refuse(&c->no, 503, "too many request bodies in flight: try again");
        return refuse_no(c);
    }
    struct pl_refusal bad = {.status = 0};
    size_t used = pl_message_feed(&c->message, pl_bytes(piece.iov_base, n), &bad);
    if (used == SIZE_MAX) {
        c->no = bad;
        return refuse_no(c);
    }
    evbuffer_drain(input(c), used);
    return c->message.complete ? dispatch(c) : true;
}

static bool step_flush(struct pl_conn *c)
{
    if (pl_conn_unsent(c) != 0)
        return false;
    if (!c->closing) {
        pl_conn_enter(c, PL_CONN_IDLE);
        return true;
    }
    /* Closing with unread bytes would send a reset that may overtake the answer. */
    if (c->eof || (!c->linger && !pl_conn_has_input(c))) {
        c->dead = true;
        return false;
    }
    say_goodbye(c);
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    pl_conn_enter(c, PL_CONN_LINGER);
    return true;
}

static bool step_linger(struct pl_conn *c)
{
    evbuffer_drain(input(c), evbuffer_get_length(input(c)));
    c->dead = c->eof;
    return false;
}

static bool step(struct pl_conn *c)
{
    if (c->dead)
        return false;
    switch (c->state) {
    case PL_CONN_IDLE:
        return step_idle(c);
    case PL_CONN_HEAD:
        return step_head(c);
    case PL_CONN_BODY:
        return step_body(c);
    case PL_CONN_FLUSH:
        return step_flush(c);
    case PL_CONN_LINGER:
        return step_linger(c);
    case PL_CONN_BUSY:
    case PL_CONN_STATES:
        break;
    }
    return false;
}

void pl_conn_run(struct pl_conn *c)
{
    if (c->running)
        return;
    c->running = true;
    while (step(c))
        ;
    c->running = false;
    if (c->dead && c->state != PL_CONN_BUSY)
        pl_conn_free(c);
}

/* ---- bufferevent callbacks ---- */

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct pl_conn *c = ctx;

    (void)bev;
    bool waits = c->state == PL_CONN_BUSY || c->state == PL_CONN_FLUSH;

    if (waits && c->tls && evbuffer_get_length(input(c)) > TLS_INPUT_MAX) {
        pl_conn_drop(c);
        c->dead = true;
    }
    pl_conn_run(c);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
    (void)bev;
    pl_conn_run(ctx);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct pl_conn *c = ctx;

    (void)bev;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        c->handshake = false;
        pl_conn_enter(c, PL_CONN_IDLE);
    } else if ((what & BEV_EVENT_ERROR) != 0) {
        /* The client is gone. A handler may still have the request: then only the socket goes. */
        while (c->tls && bufferevent_get_openssl_error(bev) != 0)
            ;
        pl_conn_drop(c);
        c->dead = true;
    } else {
        c->eof = true; /* maybe only its sending side: an answer in progress still goes out */
    }
    pl_conn_run(c);
}

bool pl_conn_open(struct pl_conn *c, int fd)
{
    struct event_base *base = c->http->loop->base;

    if (c->tls) {
        SSL *ssl = c->http->tls != NULL ? pl_tls_accept(c->http->tls) : NULL;
        if (ssl == NULL)
            return false;
        c->bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                BEV_OPT_CLOSE_ON_FREE);
        if (c->bev == NULL)
            SSL_free(ssl);
        else
            bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    } else {
        c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        if (c->bev != NULL)
            bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
    }
    if (c->bev == NULL)
        return false;
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    return bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0;
}

/* ---- the answer ---- */

struct pl_buf *pl_conn_head(struct pl_req *req)
{
    struct pl_buf *head = &req->conn->http->answer_head;

    pl_buf_reset(head);
    return head;
}

const char *pl_conn_date(struct pl_req *req)
{
    static const char DAYS[] = "SunMonTueWedThuFriSat";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct pl_http *http = req->conn->http;
    time_t now = time(NULL);
    struct tm t;

    if (http->date_s == (int64_t)now && http->date[0] != '\0')
        return http->date;
    if (gmtime_r(&now, &t) == NULL)
        return "Thu, 01 Jan 1970 00:00:00 GMT";
    (void)snprintf(http->date, sizeof(http->date), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   DAYS + (size_t)t.tm_wday * 3, t.tm_mday % 100, MONTHS + (size_t)t.tm_mon * 3,
                   (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100);
    http->date_s = (int64_t)now;
    return http->date;
}

bool pl_conn_closes(const struct pl_req *req)
{
    const struct pl_conn *c = req->conn;

    return c->closing || c->http->draining || !c->message.keep_alive;
}

void pl_conn_close_after(struct pl_req *req)
{
    req->conn->closing = true;
}

bool pl_conn_is_old(const struct pl_req *req)
{
    return req->conn->head.target.n != 0 && req->conn->head.minor == 0;
}

struct pl_bytes pl_conn_method(const struct pl_req *req)
{
    return req->conn->head.method;
}

/* Straight into the socket when nothing waits before it: one call for head and body. */
static bool send_now(struct pl_conn *c, const struct pl_bytes *parts, size_t n, size_t *sent)
{
    struct iovec iov[PL_ANSWER_PARTS];
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};

    *sent = 0;
    if (c->tls || evbuffer_get_length(output(c)) != 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        union { /* sendmsg does not write through it */
            const uint8_t *from;
            void *to;
        } p = {.from = parts[i].p};
        iov[i] = (struct iovec){.iov_base = p.to, .iov_len = parts[i].n};
    }
    ssize_t got = sendmsg(bufferevent_getfd(c->bev), &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (got >= 0)
        *sent = (size_t)got;
    return got >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool send_parts(struct pl_conn *c, const struct pl_bytes *parts, size_t n)
{
    size_t skip;

    if (!send_now(c, parts, n, &skip))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t gone = skip < parts[i].n ? skip : parts[i].n;
        skip -= gone;
        if (parts[i].n != gone &&
            evbuffer_add(output(c), parts[i].p + gone, parts[i].n - gone) != 0)
            return false;
    }
    return true;
}

void pl_conn_answer(struct pl_req *req, const struct pl_bytes *parts, size_t n)
{
    struct pl_conn *c = req->conn;

    pl_conn_uncount_body(c); /* before the client can see the answer and send its next */
    bool sent = c->bev != NULL && send_parts(c, parts, n);

    if (pl_conn_closes(req))
        c->closing = true;
    pl_http_return(c);
    memset(&c->req, 0, sizeof(c->req));
    c->served++;
    if (!sent)
        pl_conn_drop(c);
    c->dead = c->dead || !sent;
    c->flush_left = pl_conn_unsent(c);
    pl_conn_enter(c, c->closing || c->flush_left > OUTPUT_MAX ? PL_CONN_FLUSH : PL_CONN_IDLE);
    pl_conn_run(c);
}
