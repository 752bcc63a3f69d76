/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h - the one way out: status, headers, body; pl_code -> HTTP status; one access line each.
 *
 * Every function here answers @req and ends the caller's use of it: do not touch @req afterwards.
 * Loop thread only.
 */
#ifndef PL_SERVER_REPLY_H
#define PL_SERVER_REPLY_H

#include "server/http.h"

/* Adds a header to the answer to come. Name and value are copied; control characters become '?'. */
void pl_reply_header(struct pl_req *req, const char *name, struct pl_bytes value);
/* @body is copied or sent before the call returns. */
void pl_reply_bytes(struct pl_req *req, int status, const char *content_type, struct pl_bytes body);
/* JSON text; a trailing LF is added, as Rekor does. */
void pl_reply_json(struct pl_req *req, int status, struct pl_bytes json);
/* {"code":CODE,"message":"..."} LF. @code is the status, or Rekor's 6xx with status 422 (then
 * without the LF). The text of a 500 stays in the log; the client gets a fixed one with the request
 * id. */
void pl_reply_error(struct pl_req *req, int code, const char *fmt, ...) PL_PRINTF(3, 4);
/* The same without the LF and without hiding anything: what Rekor's framework answers before a
 * handler runs. 6xx has status 422. */
void pl_reply_binding(struct pl_req *req, int code, const char *fmt, ...) PL_PRINTF(3, 4);
/* The status that fits err->code (err.h); 503 and 507 carry Retry-After. Logs the failure once. */
void pl_reply_err(struct pl_req *req, const struct pl_err *err);
/* HTTP status for a code. */
int pl_reply_status(enum pl_code code);

#endif
