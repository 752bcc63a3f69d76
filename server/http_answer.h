/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_answer.h - the seam between connections (http.c), listeners and answers (reply.c).
 *
 * Private to these files; handlers use reply.h.
 */
#ifndef PL_SERVER_HTTP_ANSWER_H
#define PL_SERVER_HTTP_ANSWER_H

#include "server/http.h"

/* ---- for reply.c ---- */

/* Cleared and ready for the head of an answer; good until the next answer of this loop. */
struct pl_buf *pl_conn_head(struct pl_req *req);
/* "Tue, 24 Nov 2026 00:29:51 GMT" */
const char *pl_conn_date(struct pl_req *req);
/* The connection ends after this answer. */
bool pl_conn_closes(const struct pl_req *req);
/* End it after this answer. */
void pl_conn_close_after(struct pl_req *req);
/* The request was HTTP/1.0: keep-alive must be said. */
bool pl_conn_is_old(const struct pl_req *req);
/* The method as sent; empty when no request line was understood. Cut at 64 bytes by PL_ARG. */
struct pl_bytes pl_conn_method(const struct pl_req *req);
/* Sends @parts one after the other and ends the request: @req is dead afterwards. */
#define PL_ANSWER_PARTS 3
void pl_conn_answer(struct pl_req *req, const struct pl_bytes *parts, size_t n);
uint64_t pl_now_us(void);
/* "Not Found" and so on; "" for an unknown status. */
const char *pl_http_reason(int status);

/* What http.c answers by itself. The body has no LF: the framework errors of Rekor have none.
 * @text may hold foreign bytes; the answer is made JSON. */
void pl_reply_refusal(struct pl_req *req, int status, const char *text);
/* The answer to a preflight request (OPTIONS with Access-Control-Request-Method). */
void pl_reply_preflight(struct pl_req *req);
/* Why no route took @req: 404, or 405 with the methods of @allowed. */
void pl_reply_no_route(struct pl_req *req, unsigned allowed);

/* ---- for http_listen.c ---- */

/* Takes over the accepted socket @fd (closed on failure). Loop thread. */
void pl_http_adopt(struct pl_http *http, int fd, bool admin, bool tls, const char *peer);
/* Open connections over all loops, and the most there may be. Thread: any. */
bool pl_http_full(const struct pl_http *http);
/* The loops of @app: the one with the fewest connections. */
struct pl_loop *pl_http_least(struct pl_app *app, unsigned *turn);
/* Has the connection that is idle for the longest time, on whatever loop, closed soon. False when
 * none is idle. Thread: any. */
bool pl_http_evict(struct pl_app *app);
/* A connection is on its way to @http: counts at once, so that bursts spread too. */
void pl_http_expect(struct pl_http *http);

/* ---- for http.c ---- */

struct ssl_st;
/* A server-side TLS state with the newest certificate; NULL when out of memory. Thread: any. */
struct ssl_st *pl_tls_accept(struct pl_tls *tls);
/* Loads certificate and key again if their files changed; at most once a second. Thread: any. */
void pl_tls_check(struct pl_tls *tls, int64_t now_ms);

#endif
