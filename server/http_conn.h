/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.h - what a connection and a loop's HTTP state hold; private to http.c and http_conn.c.
 *
 *   accepted -> IDLE -> HEAD -> BODY -> BUSY -> IDLE ...      keep-alive
 *                          \       \       \--> FLUSH         much output left, or last answer
 *                           \-------\-> (refusal) FLUSH -> LINGER -> closed
 *
 * IDLE    no byte of a request yet          ends after idle_ms, or evicted
 * HEAD    a part of the head                408 after head_ms; TLS handshake: closed
 * BODY    head complete, body not           408 after request_ms from its first byte
 * BUSY    with a handler                    as long as that takes; never freed here
 * FLUSH   the answer is not out yet         closed after request_ms without progress
 * LINGER  answered, our side shut; what still comes is dropped so that no reset overtakes the
 * answer
 */
#ifndef PL_SERVER_HTTP_CONN_H
#define PL_SERVER_HTTP_CONN_H

#include "server/http_answer.h"
#include "server/http_parse.h"

#include <stdatomic.h>

struct bufferevent;
struct event;

enum pl_conn_state {
    PL_CONN_IDLE,
    PL_CONN_HEAD,
    PL_CONN_BODY,
    PL_CONN_BUSY,
    PL_CONN_FLUSH,
    PL_CONN_LINGER,
    PL_CONN_STATES
};

/* Request memory, lent to a connection from its first byte to its answer. */
struct pl_lent {
    struct pl_arena arena;
    struct pl_buf body;
};

struct pl_conn {
    struct pl_http *http;
    struct bufferevent *bev;     /* NULL once the client is gone */
    struct pl_conn *prev, *next; /* in the list of its state */
    enum pl_conn_state state;
    int64_t since_ms;  /* when it came into this state */
    int64_t first_ms;  /* first byte of the request */
    size_t flush_left; /* output bytes at the last look */
    unsigned served;   /* answers given */
    bool admin, tls, handshake;
    bool eof;     /* the client sends no more */
    bool closing; /* close after the answer */
    bool linger;  /* unread bytes may still come: close with care */
    bool running; /* run() is on the stack */
    bool dead;    /* free it when run() ends */
    bool lent;    /* req.arena and body are from the pool */
    char peer[64];
    /* The request at hand. */
    struct pl_req req;
    struct pl_head_scan scan;
    struct pl_head head;
    struct pl_message message;
    struct pl_buf body;
    unsigned allowed;     /* methods of the path, when no route took the request */
    struct pl_refusal no; /* known after the head, answered after the body */
    size_t counted;       /* bytes of the body in the count of bodies in flight */
};

struct conn_list {
    struct pl_conn *first, *last;
};

#define PL_LENT_MAX 64
struct pl_http {
    struct pl_loop *loop;
    const struct pl_route *routes, *admin_routes;
    struct pl_http_limits limits;
    struct pl_tls *tls;
    struct event *tick;
    struct conn_list lists[PL_CONN_STATES];
    struct pl_lent spare[PL_LENT_MAX];
    size_t nspare;
    struct pl_buf answer_head;
    char date[48];
    int64_t date_s;
    uint64_t ids; /* request ids are a mix of this counter */
    bool draining;
    int64_t drain_ms;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct pl_task evict_task;
    /* Written by the loop's thread, read by any. */
    _Atomic(unsigned) nconns;
    _Atomic(unsigned) expected; /* handed over, not adopted yet */
    _Atomic(int64_t) oldest_ms; /* the longest idle connection's since_ms; INT64_MAX without one */
    _Atomic(unsigned) evict;    /* how many evictions are asked for */
};

/* http.c */
void pl_conn_enter(struct pl_conn *c, enum pl_conn_state state);
void pl_conn_free(struct pl_conn *c);
bool pl_conn_count_body(struct pl_conn *c, size_t n); /* false: over the limit, but counted */
void pl_conn_uncount_body(struct pl_conn *c);
bool pl_http_body_fits(const struct pl_http *http, uint64_t n);
void pl_http_lend(struct pl_conn *c);
void pl_http_return(struct pl_conn *c);

/* http_conn.c */
bool pl_conn_open(struct pl_conn *c, int fd);
/* Does whatever its state and its buffers allow; frees it if it is dead then. */
void pl_conn_run(struct pl_conn *c);
/* Answers with @status and closes; for deadlines. */
void pl_conn_refuse(struct pl_conn *c, int status, const char *text);
/* Closes the socket at once; the connection stays while a handler has its request. */
void pl_conn_drop(struct pl_conn *c);
/* Closes the socket and frees @c, which is in no list any more. */
void pl_conn_delete(struct pl_conn *c);
/* Bytes that the client has not taken yet. */
size_t pl_conn_unsent(const struct pl_conn *c);
/* Bytes have come that nobody has read. */
bool pl_conn_has_input(const struct pl_conn *c);

#endif
