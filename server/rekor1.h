/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rekor1.h - what the handlers of the Rekor v1 API and of stored attestations share.
 *
 * Private to server/rekor1*.c and server/api_{rekor1*,attest}.c.
 */
#ifndef PL_SERVER_REKOR1_H
#define PL_SERVER_REKOR1_H

#include "core/base/json.h"
#include "server/app.h"
#include "server/logentry.h"
#include "server/reply.h"

/* Bodies above this are parsed by a worker: jansson takes over 0.5 ms for them. */
#define PL_LOOP_BODY_MAX ((size_t)10 << 10)

/* ---- reading: one published state and one snapshot that holds it, for the whole request ---- */

struct pl_reading {
    struct pl_req *req;
    const struct pl_published *state; /* one reference */
};
/*
 * Starts on @state, whose reference it takes over, or on the newest one when that is NULL. After a
 * failure there is nothing to end. No other reading may be open on this loop: render, end, and only
 * then reply.
 */
PL_MUST_CHECK enum pl_code pl_reading_begin(struct pl_reading *r, struct pl_req *req,
                                            const struct pl_published *state, struct pl_err *err);
void pl_reading_end(struct pl_reading *r);
/* PL_ENOTFOUND: no such leaf in the published tree. */
PL_MUST_CHECK enum pl_code pl_reading_find(const struct pl_reading *r, const struct pl_hash *leaf,
                                           uint64_t *index_out, struct pl_err *err);
/* Index of what @ref names. PL_EINVAL: its tree id cannot be one. PL_ENOTFOUND: another tree, or no
 * such leaf. */
PL_MUST_CHECK enum pl_code pl_reading_resolve(const struct pl_reading *r,
                                              const struct pl_entry_ref *ref, uint64_t *index_out,
                                              struct pl_err *err);
/*
 * All of entry @index but its proof; views in @arena. Signs a SET that is not stored yet and has it
 * stored. @attest: with the statement of intoto entries. PL_ENOTFOUND beyond the tree.
 */
PL_MUST_CHECK enum pl_code pl_reading_entry(const struct pl_reading *r, uint64_t index, bool attest,
                                            struct pl_arena *arena, struct pl_logentry *out,
                                            struct pl_err *err);
/* Adds the proof of out->index in out->state. */
PL_MUST_CHECK enum pl_code pl_reading_prove(const struct pl_reading *r, struct pl_logentry *out,
                                            struct pl_err *err);
/* The SET of an entry that has none stored yet, in @arena; it stays empty while the log may not
 * sign. */
PL_MUST_CHECK enum pl_code pl_reading_sign(const struct pl_reading *r, struct pl_arena *arena,
                                           struct pl_logentry *e, struct pl_err *err);

/* ---- binding: what Rekor's framework refuses before the handler runs (reference 2.4) ---- */

#define PL_ENTRY_ID_PATTERN "^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$"

/* Why a request does not fit its operation. Only the first reason is kept. */
struct pl_binding {
    int code; /* 0: it fits; else 400, 422 or Rekor's 6xx */
    char text[512];
};
/* Always false, for `return pl_binding_fail(...)`. */
bool pl_binding_fail(struct pl_binding *b, int code, const char *fmt, ...) PL_PRINTF(3, 4);
/* Answers with it. */
void pl_binding_reply(struct pl_req *req, const struct pl_binding *b);
/*
 * Reads a request body that must be one JSON object; @what is Rekor's name of it ("entry"), @prefix
 * comes before what the parser says. *@out is a new reference.
 */
PL_MUST_CHECK bool pl_bind_object(struct pl_bytes body, const char *what, const char *prefix,
                                  json_t **out, struct pl_binding *b);
/* Kind, apiVersion and spec of a proposed entry. @where is its path in the body ("", "entries.0").
 */
PL_MUST_CHECK bool pl_bind_proposal(const json_t *proposal, const char *where,
                                    struct pl_binding *b);
/* Query parameter @name as an int64 of at least @least; absent is 602 if @required, else *@out
 * stays. */
PL_MUST_CHECK bool pl_bind_i64(struct pl_req *req, const char *name, bool required, int64_t least,
                               int64_t *out, struct pl_binding *b);
/* Query parameter treeID: digits. Absent: *@out is empty. */
PL_MUST_CHECK bool pl_bind_tree(struct pl_req *req, struct pl_bytes *out, struct pl_binding *b);

/* ---- answers ---- */

/* As pl_reply_err, but what stopped a write for the moment is a 503: a repeat is safe. */
void pl_reply_write_err(struct pl_req *req, const struct pl_err *err);
/* The handler's request goes to a worker and comes back by work->done; 503 when they are all busy.
 */
void pl_hand_to_worker(struct pl_req *req, struct pl_work *work,
                       void (*run)(struct pl_work *, struct pl_verifier_cache *),
                       void (*done)(struct pl_work *), void *ctx);

/* ---- handlers of other files in PL_ROUTES_REKOR1 ---- */

void pl_api_post_entry(struct pl_req *req);
void pl_api_retrieve(struct pl_req *req);
void pl_api_search_index(struct pl_req *req);

#endif
