/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - one server over libcurl: deadlines, retries with back-off; the client's only network.
 *
 * Tried again: trouble of the network, and 429, 502, 503, 504; nothing else. A wait is random
 * between half and all of 0.25 s, 0.5 s, 1 s ... 8 s, or what Retry-After says, at most
 * PL_HTTP_WAIT_MAX_S; each is announced with its reason on standard error. Redirects are not
 * followed.
 */
#ifndef PL_CLIENT_HTTP_H
#define PL_CLIENT_HTTP_H

#include "core/base/arena.h"

#define PL_HTTP_WAIT_MAX_S 30
#define PL_HTTP_ANSWER_MAX ((size_t)64 << 20)

struct pl_http_options {
    const char *server;  /* http://HOST[:PORT][/PREFIX], https://..., unix:PATH */
    const char *ca_cert; /* PEM file for https; NULL: the system's */
    unsigned timeout_s;  /* for everything together, from the first request on */
    unsigned retries;    /* further attempts for one request */
};
struct pl_http;
/* PL_EINVAL: a server that this can't reach by its form. */
PL_MUST_CHECK enum pl_code pl_http_open(const struct pl_http_options *options, struct pl_http **out,
                                        struct pl_err *err);
void pl_http_close(struct pl_http *http); /* NULL is allowed */
/* As given, without trailing slashes. */
const char *pl_http_server(const struct pl_http *http);

struct pl_http_request {
    const char *method;   /* "GET", "POST" */
    struct pl_bytes path; /* begins with a slash */
    struct pl_bytes body; /* JSON, of a POST */
    const char *accept;   /* NULL: application/json */
};
struct pl_http_answer {
    int status;
    struct pl_bytes body;     /* in the arena */
    struct pl_bytes location; /* in the arena; empty if none */
};
/* Any final status is PL_OK. PL_EIO: no answer, or one of those above up to the last attempt (then
 * the text has what it said). PL_EINVAL: the CA file can't be used. */
PL_MUST_CHECK enum pl_code pl_http_call(struct pl_http *http, const struct pl_http_request *request,
                                        struct pl_arena *arena, struct pl_http_answer *out,
                                        struct pl_err *err);

/* Seconds that a Retry-After value asks for at @now: digits or an HTTP date; at most
 * PL_HTTP_WAIT_MAX_S; -1 when it is neither. */
int pl_http_retry_after(struct pl_bytes value, int64_t now);

#endif
