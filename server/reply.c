/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c - the one way out: status, headers, body, access line, metrics. */
#include "server/reply.h"

#include "core/base/json.h"
#include "core/base/log.h"
#include "server/app.h"
#include "server/http_answer.h"
#include "server/router.h"

#include <stdio.h>

#define RETRY_AFTER_BUSY  "2"  /* seconds: a batch or a drain */
#define RETRY_AFTER_SPACE "60" /* somebody has to make room */
#define HEADERS_MAX       ((size_t)8 << 10)
#define MESSAGE_MAX       ((size_t)2048)

/* Header lines of the answer to come, in the request's arena. */
struct pl_reply {
    struct pl_buf lines;
};

/* Stands for a reply whose headers found no memory: it makes the answer a 500. Never written to. */
static struct pl_reply no_memory = {.lines = {.failed = true}};

static const char NO_CACHE[] =
    "Cache-Control: no-cache, no-store, no-transform, must-revalidate, private, max-age=0\r\n"
    "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Pragma: no-cache\r\n"
    "X-Accel-Expires: 0\r\n";

int pl_reply_status(enum pl_code code)
{
    switch (code) {
    case PL_OK:
        return 200;
    case PL_EINVAL:
    case PL_EVERIFY:
        return 400;
    case PL_ENOTFOUND:
        return 404;
    case PL_EEXISTS:
        return 409;
    case PL_ETOOBIG:
        return 413;
    case PL_EBUSY:
        return 503;
    case PL_ENOSPACE:
        return 507;
    case PL_EIO:
    case PL_ECORRUPT:
    case PL_ENOMEM:
    case PL_CODE_COUNT:
        break;
    }
    return 500;
}

/* A value from outside must not begin a header of its own. */
static void add_value(struct pl_buf *b, struct pl_bytes value)
{
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        pl_buf_add_byte(b, c < 0x20 || c == 0x7f ? (uint8_t)'?' : c);
    }
}

void pl_reply_header(struct pl_req *req, const char *name, struct pl_bytes value)
{
    if (req->reply == NULL) {
        req->reply = pl_arena_alloc(&req->arena, sizeof(*req->reply));
        if (req->reply == NULL) {
            req->reply = &no_memory;
            return;
        }
        pl_buf_init_arena(&req->reply->lines, &req->arena, HEADERS_MAX);
    }
    if (req->reply == &no_memory)
        return;
    struct pl_buf *b = &req->reply->lines;
    pl_buf_add_str(b, name);
    pl_buf_add_str(b, ": ");
    add_value(b, value);
    pl_buf_add_str(b, "\r\n");
}

/* ---- the answer ---- */

static bool has_cors(const struct pl_req *req)
{
    return req->route != NULL ? (req->route->flags & PL_ROUTE_CORS) != 0 : !req->admin;
}

static void add_policy(const struct pl_req *req, struct pl_buf *b)
{
    bool reads = req->method == PL_GET || req->method == PL_HEAD;

    if (has_cors(req)) {
        pl_buf_add_str(b, "Vary: Origin\r\n");
        if (pl_req_header(req, "Origin").n != 0)
            pl_buf_add_str(b, "Access-Control-Allow-Origin: *\r\n");
    }
    if (reads && req->route != NULL && (req->route->flags & PL_ROUTE_NO_CACHE) != 0)
        pl_buf_add_str(b, NO_CACHE);
}

static void add_status(struct pl_req *req, int status, struct pl_buf *b)
{
    pl_buf_add_str(b, "HTTP/1.1 ");
    pl_buf_add_u64(b, (uint64_t)status);
    pl_buf_add_byte(b, ' ');
    pl_buf_add_str(b, pl_http_reason(status));
    pl_buf_add_str(b, "\r\nDate: ");
    pl_buf_add_str(b, pl_conn_date(req));
    pl_buf_add_str(b, "\r\n");
}

static void add_connection(const struct pl_req *req, struct pl_buf *b)
{
    if (pl_conn_closes(req))
        pl_buf_add_str(b, "Connection: close\r\n");
    else if (pl_conn_is_old(req))
        pl_buf_add_str(b, "Connection: keep-alive\r\n");
}

static void log_access(const struct pl_req *req, int status, size_t bytes)
{
    uint64_t micros = pl_now_us() - req->started_us;
    const char *route = req->route != NULL ? req->route->pattern : "";

    if (req->app->metrics != NULL)
        pl_metrics_request(req->app->metrics, route, pl_method_name(req->method), status, micros);
    if (!pl_log_on(PL_LOG_INFO))
        return;
    char path[PL_LOG_ESC_MAX], method[PL_LOG_ESC_MAX];
    PL_INFO("http.request",
            "method=%s route=\"%s\" path=%s status=%d bytes=%zu micros=%llu request_id=%s peer=%s",
            pl_log_esc(pl_conn_method(req), method), route, pl_log_esc(req->target, path), status,
            bytes, (unsigned long long)micros, req->id, req->peer);
}

static void add_head(struct pl_req *req, int status, const char *content_type, size_t n,
                     struct pl_buf *b)
{
    add_status(req, status, b);
    add_policy(req, b);
    if (content_type != NULL) {
        pl_buf_add_str(b, "Content-Type: ");
        pl_buf_add_str(b, content_type);
        pl_buf_add_str(b, "\r\n");
    }
    if (status != 204) {
        pl_buf_add_str(b, "Content-Length: ");
        pl_buf_add_u64(b, n);
        pl_buf_add_str(b, "\r\n");
    }
    add_connection(req, b);
    if (req->reply != NULL)
        pl_buf_add_bytes(b, pl_buf_bytes(&req->reply->lines));
    pl_buf_add_str(b, "\r\n");
}

/* Ends the request. @content_type NULL: no Content-Type (204, Rekor's bare 404). */
static void answer(struct pl_req *req, int status, const char *content_type, struct pl_bytes body,
                   struct pl_bytes tail)
{
    struct pl_buf *b = pl_conn_head(req);

    add_head(req, status, content_type, body.n + tail.n, b);
    if (req->method == PL_HEAD)
        body.n = tail.n = 0;
    struct pl_bytes parts[PL_ANSWER_PARTS] = {pl_buf_bytes(b), body, tail};
    if (!pl_buf_ok(b) || (req->reply != NULL && !pl_buf_ok(&req->reply->lines))) {
        /* An answer without some of its headers could be taken for a good one. */
        status = 500;
        pl_conn_close_after(req);
        parts[0] = PL_LIT("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
                          "Connection: close\r\n\r\n");
        parts[1] = parts[2] = pl_bytes(NULL, 0);
    }
    log_access(req, status, parts[1].n + parts[2].n);
    pl_conn_answer(req, parts, PL_ANSWER_PARTS);
}

void pl_reply_bytes(struct pl_req *req, int status, const char *content_type, struct pl_bytes body)
{
    answer(req, status, content_type, body, pl_bytes(NULL, 0));
}

void pl_reply_json(struct pl_req *req, int status, struct pl_bytes json)
{
    answer(req, status, "application/json", json, PL_LIT("\n"));
}

/* ---- errors ---- */

/* Foreign bytes in a message that are not UTF-8 become '?': the answer must be JSON. */
static struct pl_bytes make_text(char *text)
{
    if (!pl_utf8_valid(pl_str(text)))
        for (char *c = text; *c != '\0'; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
    return pl_str(text);
}

static void reply_message(struct pl_req *req, int status, int code, char *text, bool lf)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, &req->arena, MESSAGE_MAX * 7); /* a control character becomes six bytes */
    pl_buf_add_str(&b, "{\"code\":");
    pl_buf_add_u64(&b, (uint64_t)code);
    pl_buf_add_str(&b, ",\"message\":");
    pl_buf_add_json_string(&b, make_text(text));
    pl_buf_add_byte(&b, '}');
    if (status == 503)
        pl_reply_header(req, "Retry-After", PL_LIT(RETRY_AFTER_BUSY));
    else if (status == 507)
        pl_reply_header(req, "Retry-After", PL_LIT(RETRY_AFTER_SPACE));
    answer(req, status, "application/json", pl_buf_bytes(&b),
           lf ? PL_LIT("\n") : pl_bytes(NULL, 0));
}

/* The text of a 500 is for the log; the client gets what it can quote to the operator. */
static void hide_text(const struct pl_req *req, char *text, size_t n)
{
    (void)snprintf(text, n, "internal error; the server's log has the reason under request id %s",
                   req->id);
}

void pl_reply_error(struct pl_req *req, int code, const char *fmt, ...)
{
    char text[MESSAGE_MAX], escaped[PL_LOG_ESC_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (code == 500) {
        PL_ERROR("http.failed", "request_id=%s reason=%s", req->id,
                 pl_log_esc(pl_str(text), escaped));
        hide_text(req, text, sizeof(text));
    }
    reply_message(req, code >= 600 ? 422 : code, code, text, code < 600);
}

void pl_reply_binding(struct pl_req *req, int code, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reply_message(req, code >= 600 ? 422 : code, code, text, false);
}

void pl_reply_err(struct pl_req *req, const struct pl_err *err)
{
    int status = pl_reply_status(err->code);
    char text[MESSAGE_MAX], escaped[PL_LOG_ESC_MAX];
    enum pl_severity severity = status == 500   ? PL_LOG_ERROR
                                : status >= 500 ? PL_LOG_WARN
                                                : PL_LOG_INFO;

    PL_LOG(severity, "http.failed", "request_id=%s code=%s cause=%d at=%s:%d reason=%s", req->id,
           pl_code_name(err->code), err->cause, err->file != NULL ? err->file : "?", err->line,
           pl_log_esc(pl_str(err->text), escaped));
    (void)snprintf(text, sizeof(text), "%s", err->text);
    if (status == 500)
        hide_text(req, text, sizeof(text));
    reply_message(req, status, status, text, true);
}

void pl_reply_refusal(struct pl_req *req, int status, const char *text)
{
    char copy[MESSAGE_MAX], escaped[PL_LOG_ESC_MAX];

    (void)snprintf(copy, sizeof(copy), "%s", text);
    PL_INFO("http.refused", "request_id=%s status=%d peer=%s reason=%s", req->id, status, req->peer,
            pl_log_esc(pl_str(copy), escaped));
    reply_message(req, status, status, copy, false);
}

void pl_reply_no_route(struct pl_req *req, unsigned allowed)
{
    char text[MESSAGE_MAX], methods[PL_METHODS_TEXT_MAX];

    if (allowed == 0) {
        (void)snprintf(text, sizeof(text), "path " PL_FMT " was not found", PL_ARG(req->path));
        reply_message(req, 404, 404, text, false);
        return;
    }
    pl_methods_text(allowed, methods);
    (void)snprintf(text, sizeof(text), "method " PL_FMT " is not allowed, but [%s] are",
                   PL_ARG(pl_conn_method(req)), methods);
    pl_reply_header(req, "Allow", pl_str(methods));
    reply_message(req, 405, 405, text, false);
}

/* ---- CORS ---- */

/* Only these request headers are asked for by web pages that read a log. */
static bool may_send(struct pl_bytes names)
{
    static const char *const KNOWN[] = {"accept", "content-type", "x-requested-with", "origin"};

    while (names.n != 0) {
        const uint8_t *comma = memchr(names.p, ',', names.n);
        size_t n = comma != NULL ? (size_t)(comma - names.p) : names.n;
        struct pl_bytes name = pl_bytes_trim(pl_bytes(names.p, n));
        bool known = name.n == 0;
        for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
            known = known || pl_media_is(name, KNOWN[i]);
        if (!known)
            return false;
        n += comma != NULL;
        names = pl_bytes(names.p + n, names.n - n);
    }
    return true;
}

void pl_reply_preflight(struct pl_req *req)
{
    struct pl_bytes method = pl_req_header(req, "Access-Control-Request-Method");
    struct pl_bytes names = pl_req_header(req, "Access-Control-Request-Headers");
    enum pl_method wanted = pl_method_parse(method);

    pl_reply_header(req, "Vary",
                    PL_LIT("Access-Control-Request-Method, "
                           "Access-Control-Request-Headers"));
    if ((wanted == PL_GET || wanted == PL_HEAD || wanted == PL_POST) && may_send(names)) {
        pl_reply_header(req, "Access-Control-Allow-Methods", method);
        if (names.n != 0)
            pl_reply_header(req, "Access-Control-Allow-Headers", names);
    }
    answer(req, 204, NULL, pl_bytes(NULL, 0), pl_bytes(NULL, 0));
}
