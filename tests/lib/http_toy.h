/* SPDX-License-Identifier: Apache-2.0 */
/* http_toy.h - a toy HTTP server in this process, and a raw client for it. */
#ifndef PL_TESTS_LIB_HTTP_TOY_H
#define PL_TESTS_LIB_HTTP_TOY_H

#include "server/app.h"
#include "server/loop.h"

#define TOY_LOOPS 2

/*
 * Routes: GET /ping (CORS, any case) "."; POST /echo (at most 1,000 bytes) its body; POST /big any
 * body, answers its length; POST /json (JSON body); GET /json (JSON only, no cache, CORS); GET
 * /pem; GET /entries/{id} its parameter; GET /later?ms=N answers later; GET /fill?n=N N bytes; GET
 * /fail a 500; GET /busy a 503; GET /cpu milliseconds of CPU time of the process; GET /thread the
 * loop.
 */
struct toy {
    struct pl_app app;
    struct pl_loop loops[TOY_LOOPS];
    struct pl_listener *listener;
    struct pl_tls *tls;
    char url[320];
    unsigned port;
};
extern const struct pl_http_limits TOY_LIMITS; /* generous; deadlines of 20 s */
extern _Atomic(unsigned) toy_answers;          /* handlers that have answered */

/* Starts on 127.0.0.1, any port, or on @listen; with TLS if @tls. Fails the test on an error. */
void toy_start(struct toy *toy, const struct pl_http_limits *limits, const char *listen,
               struct pl_tls *tls);
void toy_stop(struct toy *toy);
unsigned toy_connections(const struct toy *toy); /* over all loops */
/* Waits at most 5 s until there are @n. */
bool toy_wait_connections(const struct toy *toy, unsigned n);

int toy_connect(unsigned port); /* TCP_NODELAY; reads time out after 5 s */
int toy_connect_unix(const char *path);
/* Sends all; false when the other side has closed. */
bool toy_send(int fd, const void *p, size_t n);
bool toy_send_str(int fd, const char *text);
struct toy_answer {
    int status; /* 0: none came (end, reset or timeout) */
    bool timeout;
    char head[4096];
    char body[4096]; /* its beginning */
    size_t body_n;   /* bytes of the body that really came */
};
/* Reads one answer. @no_body: it answers a HEAD request. */
void toy_read(int fd, bool no_body, struct toy_answer *out);
/* Sends @request and reads one answer. */
void toy_ask(int fd, const char *request, struct toy_answer *out);
/* Nothing more comes: 0 closed, 1 something came, 2 still open after @ms. */
int toy_rest(int fd, int ms);
void toy_sleep(unsigned ms);

#endif
