/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logentry.h - Rekor v1's LogEntry: body, time, SET, inclusion proof and checkpoint of one entry.
 *
 * Everything in one LogEntry describes one tree state. Pure: no store, no request.
 */
#ifndef PL_SERVER_LOGENTRY_H
#define PL_SERVER_LOGENTRY_H

#include "core/tlog/proof.h"
#include "server/sequencer.h"

/* "TREEID(16 hex)LEAF(64 hex)": key of a LogEntry, ETag, last segment of Location. */
#define PL_ENTRY_ID_LEN  80
#define PL_ENTRY_ID_SIZE (PL_ENTRY_ID_LEN + 1)
/* Lower-case and a NUL; returns @out. */
const char *pl_entry_id(const struct pl_v1_log *log, const struct pl_hash *leaf,
                        char out[PL_ENTRY_ID_SIZE]);

/* What a client names an entry by: 64 hex digits (leaf hash) or 80 (with the tree id before it). */
struct pl_entry_ref {
    bool has_tree;
    uint64_t tree_id; /* 0 and values above 2^63-1 belong to no tree */
    struct pl_hash leaf;
};
/* Either case. False for anything else. */
PL_MUST_CHECK bool pl_entry_ref_parse(struct pl_bytes text, struct pl_entry_ref *out);

/* Views belong to whoever filled it. */
struct pl_logentry {
    const struct pl_v1_log *log;
    const struct pl_published *state; /* the tree that @proof is about */
    uint64_t index;                   /* below state->size */
    struct pl_hash leaf;
    struct pl_bytes kind; /* "dsse/0.0.1"; not written */
    bool has_payload;     /* not written */
    struct pl_bytes body; /* canonical bytes */
    int64_t time;
    struct pl_bytes set;         /* DER */
    struct pl_bytes attestation; /* base64 of the statement; empty: none */
    struct pl_proof proof;
};
/* Appends {"ENTRYID":{...}}, members in alphabetical order as Rekor writes them. */
void pl_logentry_write(const struct pl_logentry *e, struct pl_buf *out);

#endif
