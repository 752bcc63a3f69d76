/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - what the subcommands share: arguments, the log's trusted key, output, exit status.
 *
 * A subcommand returns a pl_code; main() makes the exit status of it. What a server refused is
 * PL_EINVAL with the HTTP status as its cause.
 */
#ifndef PL_CLIENT_CLIENT_H
#define PL_CLIENT_CLIENT_H

#include "client/http.h"
#include "client/options.h"
#include "client/rekor.h"
#include "core/attest/entry.h"
#include "core/tlog/checkpoint.h"
#include "core/verify/verify.h"

/* Scripts rely on these. A Tekton step retries on PL_EXIT_TROUBLE only. */
enum pl_exit {
    PL_EXIT_OK = 0,
    PL_EXIT_VERIFY = 1,   /* verification failed */
    PL_EXIT_USAGE = 2,    /* flags, a file that can't be opened or is malformed */
    PL_EXIT_NOTFOUND = 3, /* */
    PL_EXIT_REFUSED = 4,  /* by the server: authentication, policy, size */
    PL_EXIT_TROUBLE = 5   /* network or server, worth a retry */
};
enum pl_exit pl_exit_of(const struct pl_err *err);

/* A file that the client reads: envelopes, predicates, keys. */
#define PL_CLIENT_FILE_MAX  ((size_t)64 << 20)
#define PL_CLIENT_ARENA_MAX ((size_t)1 << 30)

struct pl_client {
    struct pl_args args;
    struct pl_arena arena; /* of the whole run */
    struct pl_http *http;  /* NULL until pl_client_connect */
    /* The log's keys; empty until pl_client_trust. */
    struct pl_trusted_root root;
    struct pl_trusted_log pinned; /* the one that @root holds when it was made from a bare key */
    bool trusted;
    struct pl_buf out; /* written to standard output when the command has ended well */
    bool json, first;  /* -o json; no member was written yet */
};

/* ---- files (client/io.c) ---- */

/* "-" is standard input. PL_EINVAL when it can't be read, PL_ETOOBIG over PL_CLIENT_FILE_MAX. */
PL_MUST_CHECK enum pl_code pl_client_read(struct pl_client *c, const char *path,
                                          struct pl_bytes *out, struct pl_err *err);
/* Through a temporary file in the same folder, synced and renamed. PL_EINVAL. */
PL_MUST_CHECK enum pl_code pl_write_file(const char *path, struct pl_bytes content,
                                         struct pl_err *err);
/* A new file of mode @mode; refuses one that exists. PL_EINVAL. */
PL_MUST_CHECK enum pl_code pl_write_new_file(const char *path, struct pl_bytes content,
                                             unsigned mode, struct pl_err *err);
/* Public key or certificate file (PEM). The caller drops the reference. */
PL_MUST_CHECK enum pl_code pl_client_verifier(struct pl_client *c, const char *path,
                                              const struct pl_verifier **out, struct pl_err *err);

/* ---- artifacts (client/artifact.c) ---- */

struct pl_artifact {
    struct pl_hash sha256;
    struct pl_bytes name; /* last part of the path, or the digest as given */
};
/* @text: a file, a model's folder, or sha256:HEX. Shows progress on standard error. */
PL_MUST_CHECK enum pl_code pl_client_artifact(struct pl_client *c, const char *text,
                                              struct pl_artifact *out, struct pl_err *err);
/* "sha256:HEX" or bare HEX of 64 digits. */
PL_MUST_CHECK bool pl_parse_sha256(const char *text, struct pl_hash *out);

/* ---- server (client/session.c) ---- */

/* Opens --server. PL_EINVAL when there is none. */
PL_MUST_CHECK enum pl_code pl_client_connect(struct pl_client *c, struct pl_err *err);
/* Sends @req and wants status 200 or 201. PL_ENOTFOUND for 404; PL_EINVAL with the status as cause
 * when the server refuses; PL_EIO for trouble. */
PL_MUST_CHECK enum pl_code pl_client_call(struct pl_client *c, const struct pl_rekor_request *req,
                                          struct pl_http_answer *out, struct pl_err *err);
/* The log's key by --log-key or --trusted-root; else from the server, with a warning. When
 * @offline it is never fetched: PL_EINVAL. */
PL_MUST_CHECK enum pl_code pl_client_trust(struct pl_client *c, bool offline, struct pl_err *err);
/* A LogEntry answer: parsed, and checked under the trusted key that it names; its body must be
 * @body if that is not empty. PL_EIO: not an entry at all; PL_EVERIFY: an entry that fails. */
PL_MUST_CHECK enum pl_code pl_client_check(struct pl_client *c, struct pl_bytes json,
                                           struct pl_bytes body, struct pl_rekor_entry *out,
                                           struct pl_err *err);
/* GETs one entry by index or, when @id is not empty, by UUID or entry id; the answer must be that
 * one, and is checked as above. */
PL_MUST_CHECK enum pl_code pl_client_get(struct pl_client *c, uint64_t index, struct pl_bytes id,
                                         struct pl_rekor_entry *out, struct pl_err *err);
/* A checkpoint under any of the trusted keys. @out views into @note. PL_EVERIFY. */
PL_MUST_CHECK enum pl_code pl_client_checkpoint(struct pl_client *c, struct pl_bytes note,
                                                struct pl_checkpoint *out, struct pl_err *err);
/* GET /api/v1/log, with its checkpoint checked. */
PL_MUST_CHECK enum pl_code pl_client_log_info(struct pl_client *c, struct pl_rekor_log_info *info,
                                              struct pl_checkpoint *checkpoint, struct pl_err *err);

/* ---- submission (client/push.c) ---- */

struct pl_push {
    struct pl_bytes proposal, body;   /* what is sent; the canonical body it must become */
    const struct pl_verifier *signer; /* for the bundle */
    bool is_dsse;
    struct pl_bytes envelope; /* of a DSSE entry */
    bool no_bundle;           /* several signatures: no bundle can be made */
    enum pl_hashalg alg;      /* of a message signature, with the next two */
    struct pl_bytes digest, signature;
};
/* Fills proposal, body from the envelope or the message signature; verifies both locally. */
PL_MUST_CHECK enum pl_code pl_push_prepare(struct pl_client *c, struct pl_push *push,
                                           struct pl_err *err);
/* Submits, checks the answer, writes bundle and results, adds the entry to the output. */
PL_MUST_CHECK enum pl_code pl_push_send(struct pl_client *c, const struct pl_push *push,
                                        struct pl_err *err);

/* ---- output (client/output.c) ---- */

/*
 * One list of values, as text ("log index   12") or as a JSON object that begins with
 * {"schema":"provlog/NAME/v1"}; nothing appears before the command has ended well.
 */
void pl_out_begin(struct pl_client *c, const char *name);
void pl_out_text(struct pl_client *c, const char *name, struct pl_bytes value);
void pl_out_u64(struct pl_client *c, const char *name, uint64_t value);
void pl_out_time(struct pl_client *c, const char *name, int64_t unix_seconds);
void pl_out_hash(struct pl_client *c, const char *name, const struct pl_hash *value);
/* @json: a whole JSON value; nothing in text output. */
void pl_out_json(struct pl_client *c, const char *name, struct pl_bytes json);
void pl_out_entry(struct pl_client *c, const struct pl_rekor_entry *entry);
/* One line on standard error. @text may quote what a server sent: control characters become blanks.
 */
void pl_out_error(const char *text);
/* Writes what was collected; PL_EINVAL when standard output can't take it. */
PL_MUST_CHECK enum pl_code pl_out_end(struct pl_client *c, struct pl_err *err);

/* ---- subcommands (client/cmd_*.c) ---- */

enum pl_code pl_cmd_keygen(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_attest(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_submit(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_verify(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_get(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_search(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_loginfo(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_logproof(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_trust_export(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_model_digest(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_version(struct pl_client *c, struct pl_err *err);
enum pl_code pl_cmd_help(struct pl_client *c, struct pl_err *err);

#endif
