/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP/1.1 over bufferevents and http-parser: connections, deadlines, limits, drain.
 *
 * It refuses what request smuggling lives on; the refusals are listed at the top of http.c and
 * tested one by one. A handler gets a complete request and answers it exactly once with a
 * pl_reply_* function (reply.h), at once or later on the same loop. If the client goes away
 * meanwhile the request is marked, not freed: the answer is dropped when it comes.
 *
 * The process-wide limits (bodies in flight, connections) are counted over all struct pl_http.
 */
#ifndef PL_SERVER_HTTP_H
#define PL_SERVER_HTTP_H

#include "server/loop.h"

enum pl_method {
    PL_GET = 1 << 0,
    PL_HEAD = 1 << 1,
    PL_POST = 1 << 2,
    PL_PUT = 1 << 3,
    PL_DELETE = 1 << 4,
    PL_OPTIONS = 1 << 5,
    PL_OTHER_METHOD = 1 << 6, /* TRACE, PATCH, ...: answered with 405 */
};

struct pl_req;
struct pl_route;
typedef void (*pl_handler_fn)(struct pl_req *req);

struct pl_header {
    struct pl_bytes name, value;
};

struct pl_req {
    struct pl_loop *loop;
    struct pl_app *app;
    struct pl_arena arena;        /* freed when the answer is out */
    const struct pl_route *route; /* what matched; NULL for a 404 */
    enum pl_method method;        /* HEAD runs GET's handler; the body is dropped on the way out */
    struct pl_bytes target;       /* as sent */
    struct pl_bytes path;         /* cleaned: no empty segments, no trailing slash */
    struct pl_bytes query;        /* behind '?', undecoded */
    struct pl_bytes params[2];    /* what the route's "{...}" segments matched, percent-decoded */
    struct pl_header *headers;
    size_t nheaders;
    struct pl_bytes body; /* complete */
    char id[33];          /* request id: X-Request-Id when it is sane, else made here */
    char peer[64];        /* address text for the log */
    int64_t started_ms;   /* pl_now_ms() at its first byte */
    uint64_t started_us;  /* the same clock when its head was complete */
    bool admin;           /* came in on the admin port */
    void *user;           /* the handler's */
    /* private to http.c */
    struct pl_conn *conn;
    struct pl_reply *reply;
};

/* One row of the route table. Patterns: "/api/v1/log/entries/{id}". */
struct pl_route {
    const char *pattern;
    unsigned methods; /* of enum pl_method; GET implies HEAD */
    size_t body_max;  /* known before the body is read; 0 = PL_REQUEST_MAX or as configured */
    pl_handler_fn handler;
    unsigned flags;
};
#define PL_ROUTE_JSON_BODY 1u  /* 415 unless Content-Type is application/json */
#define PL_ROUTE_JSON_ONLY 2u  /* GET: 406 unless Accept admits application/json */
#define PL_ROUTE_CORS      4u  /* Vary: Origin, Access-Control-Allow-Origin, preflight */
#define PL_ROUTE_NO_CACHE  8u  /* Rekor's no-store headers on GET */
#define PL_ROUTE_ANY_CASE  16u /* path compared without case (/ping) */
#define PL_ROUTE_PEM       32u /* GET: application/x-pem-file as well */

/* Value of header @name (case-insensitive), empty when absent. */
struct pl_bytes pl_req_header(const struct pl_req *req, const char *name);
/* Query parameter, percent-decoded into the arena; the last one wins; present but empty counts as
 * absent. Returns false when absent. */
bool pl_req_query(struct pl_req *req, const char *name, struct pl_bytes *out);

/* ---- listeners: one socket per address, accepted connections spread evenly over the loops ---- */

struct pl_listen_spec {
    char text[256]; /* "127.0.0.1:3000", "[::1]:0", "unix:/run/x.sock" */
    bool admin;     /* routes of the admin port */
    bool tls;
    int fd; /* -1: bind it; else inherited and already listening */
};
struct pl_listener;
/* Binds and listens (backlog), close-on-exec; does not accept yet: connections wait in the backlog.
 * A unix path that a dead server left is replaced. PL_EIO names address and reason. */
PL_MUST_CHECK enum pl_code pl_listener_open(const struct pl_listen_spec *spec,
                                            struct pl_listener **out, struct pl_err *err);
int pl_listener_fd(const struct pl_listener *l);
const struct pl_listen_spec *pl_listener_spec(const struct pl_listener *l);
/* "http://127.0.0.1:41003", "https://...", "unix:/path": the address really bound. */
const char *pl_listener_url(const struct pl_listener *l);
/* Begins to accept, handing connections to the loops in turn; runs on @accept_loop. */
PL_MUST_CHECK enum pl_code pl_listener_start(struct pl_listener *l, struct pl_loop *accept_loop,
                                             struct pl_err *err);
/* Stops accepting (from any thread; returns when no further connection will be taken). */
void pl_listener_stop(struct pl_listener *l);
/* For good, before the loops drain: stops, hands over what waits in the backlog, and has later ones
 * refused. Not for a socket that others hold too. Thread: any but a loop's. */
void pl_listener_finish(struct pl_listener *l);
void pl_listener_close(struct pl_listener *l, bool keep_socket_file);

/* ---- per loop ---- */

struct pl_http_limits {
    size_t body_max;     /* default of routes that say 0 */
    size_t inflight_max; /* bytes of bodies over all connections */
    unsigned conns_max;  /* over all loops; beyond: the longest idle one is closed; if none is
                          * idle, new ones wait in the backlog */
    unsigned head_ms, idle_ms, request_ms; /* 10 s, 60 s, 60 s */
};
struct pl_tls; /* certificate and key, reloaded when their files change */
PL_MUST_CHECK enum pl_code pl_tls_open(const char *cert_file, const char *key_file,
                                       struct pl_tls **out, struct pl_err *err);
void pl_tls_close(struct pl_tls *tls);

/* Route tables end with a NULL pattern. Called by the app before the loop's first connection. */
PL_MUST_CHECK enum pl_code pl_http_new(struct pl_loop *loop, const struct pl_route *routes,
                                       const struct pl_route *admin_routes,
                                       const struct pl_http_limits *limits, struct pl_tls *tls,
                                       struct pl_http **out, struct pl_err *err);
/*
 * Loop thread: closes idle connections now, the others after their current answer, which says
 * `Connection: close`. One that has not asked anything yet gets PL_HTTP_GRACE_MS to do so.
 * Connections handed over later are still served once. @done runs when none is left, maybe within
 * this call, and once only. Stop the listeners first.
 */
#define PL_HTTP_GRACE_MS 1000
void pl_http_drain(struct pl_http *http, void (*done)(void *ctx), void *ctx);
/* After the loop's thread has ended, or on it. Requests that still are with a handler are freed:
 * end what could answer them first. pl_loop_stop() calls it. */
void pl_http_free(struct pl_http *http);
/* Connections of this loop, also those whose client is gone but whose request is with a handler.
 * Thread: any. */
unsigned pl_http_connections(const struct pl_http *http);

#endif
