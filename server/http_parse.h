/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_parse.h - one request's bytes: strict checks of ours around http-parser.
 *
 * Two readings of every message must agree: our own scan, which knows the line ends and refuses
 * what request smuggling lives on, and http-parser's. The scan says where a message ends, so
 * nothing behind it is ever given to the parser, and trailers are checked but seen by nobody.
 * Private to server/http*.c. Thread: any; no shared state.
 */
#ifndef PL_SERVER_HTTP_PARSE_H
#define PL_SERVER_HTTP_PARSE_H

#include "server/http.h"

#include <http_parser.h>

/* Why a request is refused: the status and the text that the client gets. */
struct pl_refusal {
    int status; /* 0: not refused */
    char text[240];
};
void pl_refuse(struct pl_refusal *no, int status, const char *fmt, ...) PL_PRINTF(3, 4);

#define PL_HEADERS_MAX 100 /* header lines of one request */

/* ---- finding the end of a head, as its bytes arrive ---- */

struct pl_head_scan {
    size_t at;   /* bytes looked at so far */
    size_t line; /* where the current line begins */
};
enum pl_scan { PL_SCAN_MORE, PL_SCAN_DONE, PL_SCAN_BAD };
/*
 * @in begins with the request line and holds everything received so far. DONE sets *@head_n to the
 * length of the head with its empty line. BAD fills @no: a line end without CR, a first byte that
 * no method has, or more than PL_HEAD_MAX bytes. Cost: each byte is looked at once over all calls.
 */
enum pl_scan pl_head_scan(struct pl_head_scan *s, struct pl_bytes in, size_t *head_n,
                          struct pl_refusal *no);

/* ---- a complete head ---- */

struct pl_head {
    struct pl_bytes method, target; /* views into the head */
    unsigned minor;                 /* HTTP/1.minor: 0 or 1 */
    struct pl_header *headers;      /* in the arena; views into the head */
    size_t nheaders;
    bool has_length, chunked, expect_continue;
    uint64_t length; /* Content-Length, 0 without */
};
/* @raw is what pl_head_scan delimited, with its empty line. False: @no says why. */
bool pl_head_parse(struct pl_bytes raw, struct pl_arena *arena, struct pl_head *out,
                   struct pl_refusal *no);
/* Every '%' of @target begins an escape of a byte other than NUL. */
bool pl_percent_valid(struct pl_bytes target);

/* ---- the body's framing ---- */

struct pl_chunks {
    unsigned state;
    uint64_t left;   /* of the chunk's data */
    unsigned digits; /* of the chunk size */
    size_t extra;    /* bytes of this extension, or of the trailer section */
    bool quoted;     /* inside a quoted extension value */
};
/*
 * Checks the framing of chunked bytes. Returns how many of @in belong to the message (all of them,
 * unless it ends before) and sets *@done at its end; SIZE_MAX when malformed, with @no filled.
 */
size_t pl_chunks_scan(struct pl_chunks *c, struct pl_bytes in, bool *done, struct pl_refusal *no);

struct pl_message {
    struct http_parser parser;
    struct pl_chunks chunks;
    struct pl_buf *body; /* borrowed; grows up to body_max */
    size_t body_max;
    uint64_t left; /* of Content-Length */
    bool chunked, keep_alive, head_seen, complete, over;
};
/* Lets http-parser read the head @raw and compares what it understood with @head. */
bool pl_message_begin(struct pl_message *m, struct pl_bytes raw, const struct pl_head *head,
                      struct pl_buf *body, size_t body_max, struct pl_refusal *no);
/* Takes what belongs to the message from @in; SIZE_MAX when refused (413 over body_max). */
size_t pl_message_feed(struct pl_message *m, struct pl_bytes in, struct pl_refusal *no);

#endif
