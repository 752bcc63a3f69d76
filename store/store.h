/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - where logs live: the whole interface, which a second driver can implement.
 *
 * The store keeps opaque bytes: bodies, payloads, leaf and node hashes, notes, search keys. It
 * knows neither JSON nor signatures. One writing connection (struct pl_store, the sequencer's
 * thread) and any number of reading ones (struct pl_view, one thread each).
 *
 * Invariants that a driver must keep, whatever fails:
 *  1. What pl_store_commit() acknowledged is durable: it survives a power cut at any later moment.
 *  2. A batch is there whole or not at all: entries, payloads, leaf and node hashes, search keys
 * and checkpoint.
 *  3. After any failure between begin and commit, pl_store_rollback() restores the state before
 *     begin, and no statement has run outside a batch.
 *  4. After PL_EIO from commit the outcome is unknown: pl_store_recover() finds out.
 *  5. Nothing read from a freshly opened or recovered store can be lost again: what open() shows
 *     has been synced.
 *  6. Rows of (log_id, idx) below the newest checkpoint's size never change.
 */
#ifndef PL_STORE_STORE_H
#define PL_STORE_STORE_H

#include "core/base/arena.h"
#include "core/tlog/range.h"

#define PL_LOG_ID_V1 1u
#define PL_LOG_ID_V2 2u

struct pl_store;
struct pl_view;

/* ---- creation ---- */

struct pl_log_row {
    uint32_t log_id;
    uint64_t tree_id;         /* [2^60, 2^63) */
    struct pl_bytes origin;   /* host name, without the tree id */
    struct pl_bytes key_spki; /* the log's public key */
    int64_t created;          /* Unix seconds */
};
/* Does a database exist in @dir? Looks at the file only. */
PL_MUST_CHECK enum pl_code pl_store_exists(const char *dir, bool *out, struct pl_err *err);
/*
 * Makes the database with @nlogs empty logs; file and folder are synced when it returns. Under a
 * temporary name first, renamed last: a crash leaves none or a whole one. PL_EEXISTS when there is
 * one already.
 */
PL_MUST_CHECK enum pl_code pl_store_create(const char *dir, const struct pl_log_row *logs,
                                           size_t nlogs, struct pl_err *err);

/* ---- the writing connection ---- */

struct pl_store_opts {
    const char *dir;
    uint64_t wal_max; /* bytes of write-ahead log before the writer truncates it; 0 = 64 MiB */
    bool repair_tail; /* false only in the test that shows why it is needed: see invariant 5 */
    const char *synchronous; /* NULL = "FULL"; another value only in that same kind of test */
};
/*
 * Opens for writing: migrates the schema (PL_EINVAL for a newer database, with both versions),
 * makes the tail durable, recomputes each log's root from the stored right edge and compares it
 * with the newest checkpoint (PL_ECORRUPT with both roots and sizes), checks the last batch's rows.
 * Cost O(log n). PL_EIO when the tail cannot be made durable.
 */
PL_MUST_CHECK enum pl_code pl_store_open(const struct pl_store_opts *opts, struct pl_store **out,
                                         struct pl_err *err);
void pl_store_close(struct pl_store *s); /* NULL is allowed; truncates the WAL when it can */

/* What a log is at now. Views live until the store is closed. */
struct pl_log_state {
    struct pl_log_row log;
    struct pl_range edge;     /* of all committed leaves; edge.size is the tree size */
    int64_t last_time;        /* integrated time of the last entry; 0 when empty */
    uint64_t checkpoint_size; /* newest checkpoint; 0 when none */
    bool restored;            /* the restore mark: refuse to sign until it is cleared */
    uint64_t restored_size;   /* tree size at which it was restored */
};
PL_MUST_CHECK enum pl_code pl_store_log_state(struct pl_store *s, uint32_t log_id,
                                              struct pl_log_state *out, struct pl_err *err);

struct pl_store_entry {
    struct pl_hash leaf;
    struct pl_bytes kind;        /* "dsse/0.0.1" */
    struct pl_bytes body;        /* <= PL_BODY_MAX */
    struct pl_bytes payload;     /* may be empty */
    int64_t time;                /* integrated time, Unix seconds, never below the last one */
    const struct pl_bytes *keys; /* search keys */
    size_t nkeys;
    const struct pl_hash *nodes; /* complete nodes made by this leaf, from pl_range_append: */
    unsigned nnodes;             /* node i is (i, index >> i); nodes[0] == leaf */
};
/* Starts a batch. PL_EBUSY never: there is one writer. */
PL_MUST_CHECK enum pl_code pl_store_begin(struct pl_store *s, struct pl_err *err);
/*
 * Appends at @index, which must be the log's next (PL_EINVAL otherwise). PL_EEXISTS with the
 * existing index in @index_out when the leaf is there already (the batch goes on). Any other
 * failure ends the batch: roll back. PL_EINVAL also for nodes that are not the tree's, a time
 * before the last one's, and a log under the restore mark; PL_ENOSPACE on a full disk.
 */
PL_MUST_CHECK enum pl_code pl_store_append(struct pl_store *s, uint32_t log_id, uint64_t index,
                                           const struct pl_store_entry *e, uint64_t *index_out,
                                           struct pl_err *err);
/* Derived data: the SET of an entry of an earlier batch. A repeat is ignored. */
PL_MUST_CHECK enum pl_code pl_store_put_set(struct pl_store *s, uint32_t log_id, uint64_t index,
                                            struct pl_bytes set, struct pl_err *err);
/* The signed checkpoint of the tree after this batch. PL_EINVAL unless size and root are the tree's
 * and the size is above the last checkpoint's; any failure ends the batch. */
PL_MUST_CHECK enum pl_code pl_store_put_checkpoint(struct pl_store *s, uint32_t log_id,
                                                   uint64_t size, const struct pl_hash *root,
                                                   struct pl_bytes note, struct pl_err *err);
/* PL_EIO: the outcome is unknown, call pl_store_recover(). PL_EINVAL: the batch had failed before.
 */
PL_MUST_CHECK enum pl_code pl_store_commit(struct pl_store *s, struct pl_err *err);
/* Rolls back whatever is open; also when SQLite has rolled back by itself. */
void pl_store_rollback(struct pl_store *s);
/*
 * After a failed commit: closes, opens again, makes the tail durable, rechecks. Then
 * pl_store_log_state() tells what is there. While it fails (PL_EIO) reads go on and nothing may be
 * signed; call it again later.
 */
PL_MUST_CHECK enum pl_code pl_store_recover(struct pl_store *s, struct pl_err *err);
/* Bytes free for the database's file system, and its size. PL_EIO. */
PL_MUST_CHECK enum pl_code pl_store_disk(const char *dir, uint64_t *free_out, uint64_t *size_out,
                                         struct pl_err *err);
/* Once per batch or so: a PASSIVE checkpoint may run elsewhere; past wal_max this truncates, unless
 * a snapshot is open. Never fails the caller: what went wrong is in @err, the code is returned. */
enum pl_code pl_store_maintain(struct pl_store *s, struct pl_err *err);
/* PASSIVE checkpoint from any thread over its own connection; moves the WAL into the database. */
enum pl_code pl_store_checkpoint_passive(const char *dir, struct pl_err *err);

/* ---- reading connections; one thread each ---- */

PL_MUST_CHECK enum pl_code pl_view_open(const char *dir, struct pl_view **out, struct pl_err *err);
void pl_view_close(struct pl_view *v);
/* One snapshot per request: between begin and end all reads see one state. begin is cheap. */
PL_MUST_CHECK enum pl_code pl_view_begin(struct pl_view *v, struct pl_err *err);
void pl_view_end(struct pl_view *v);

struct pl_view_entry {
    uint64_t index;
    struct pl_hash leaf;
    struct pl_bytes kind, body; /* in the arena, as all of these */
    int64_t time;
    struct pl_bytes set; /* empty when none is stored yet */
    bool has_payload;
};
/* @size bounds every read: the published tree size. PL_ENOTFOUND at or beyond it. */
PL_MUST_CHECK enum pl_code pl_view_get(struct pl_view *v, uint32_t log_id, uint64_t size,
                                       uint64_t index, struct pl_arena *arena,
                                       struct pl_view_entry *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_view_find_leaf(struct pl_view *v, uint32_t log_id, uint64_t size,
                                             const struct pl_hash *leaf, uint64_t *index_out,
                                             struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_view_payload(struct pl_view *v, uint32_t log_id, uint64_t size,
                                           uint64_t index, struct pl_arena *arena,
                                           struct pl_bytes *out, struct pl_err *err);
/* The stored search keys of one entry, in the order given at append. */
PL_MUST_CHECK enum pl_code pl_view_keys(struct pl_view *v, uint32_t log_id, uint64_t size,
                                        uint64_t index, struct pl_arena *arena,
                                        struct pl_bytes **keys_out, size_t *nkeys_out,
                                        struct pl_err *err);
/*
 * Entries that have key @key, ascending, at most @max, starting at index @from; exact: what the
 * search index does not hold yet is looked up in the entries themselves. @more_out: there are more.
 */
PL_MUST_CHECK enum pl_code pl_view_search(struct pl_view *v, uint32_t log_id, uint64_t size,
                                          struct pl_bytes key, uint64_t from, size_t max,
                                          struct pl_arena *arena, uint64_t **indexes_out,
                                          size_t *n_out, bool *more_out, struct pl_err *err);
/* The hash-reader seam over stored nodes; ctx is a struct pl_view_hashes. */
struct pl_view_hashes {
    struct pl_view *view;
    uint32_t log_id;
    uint64_t size;
};
enum pl_code pl_view_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                            struct pl_err *err);
/* The checkpoint of exactly @size, or the newest when @size is UINT64_MAX. */
PL_MUST_CHECK enum pl_code pl_view_checkpoint(struct pl_view *v, uint32_t log_id, uint64_t size,
                                              struct pl_arena *arena, uint64_t *size_out,
                                              struct pl_hash *root_out, struct pl_bytes *note_out,
                                              struct pl_err *err);

/* ---- the search index (derived; index.db), kept by one background thread of each process ---- */

struct pl_indexer;
PL_MUST_CHECK enum pl_code pl_indexer_open(const char *dir, struct pl_indexer **out,
                                           struct pl_err *err);
void pl_indexer_close(struct pl_indexer *x);
/* Takes up to @max entries from its mark on, below @size; @done_out says how many. A missing or
 * damaged index.db is made anew. */
PL_MUST_CHECK enum pl_code pl_indexer_step(struct pl_indexer *x, uint32_t log_id, uint64_t size,
                                           size_t max, size_t *done_out, struct pl_err *err);

/* ---- administration ---- */

/* Called with progress and with each thing that differs; @text is one line. */
typedef void (*pl_fsck_fn)(void *ctx, bool is_problem, const char *text);
/*
 * Recomputes: file integrity, contiguous indexes, leaf hash of every body, every stored node, each
 * checkpoint's root, times that never go back, search index against stored keys. Counts problems.
 * Signatures and bodies' meaning are the server's part (server/cmd_fsck.c), called per entry.
 */
struct pl_fsck_entry_hook {
    enum pl_code (*entry)(void *ctx, uint32_t log_id, const struct pl_view_entry *e,
                          struct pl_bytes payload, const struct pl_bytes *keys, size_t nkeys,
                          struct pl_err *err); /* a failure is one problem */
    enum pl_code (*checkpoint)(void *ctx, uint32_t log_id, uint64_t size,
                               const struct pl_hash *root, struct pl_bytes note,
                               struct pl_err *err);
    void *ctx;
};
PL_MUST_CHECK enum pl_code pl_store_fsck(const char *dir, const struct pl_fsck_entry_hook *hook,
                                         pl_fsck_fn report, void *ctx, uint64_t *problems_out,
                                         struct pl_err *err);
/*
 * Hot backup of @dir's database to the file @to, from any thread or process, beside a writer:
 * written under a temporary name, checked (integrity, root recomputed), synced, renamed, folder
 * synced.
 * @to must not exist (PL_EEXISTS). Gives size and root of the v1 log in it. The copy carries the
 * restore mark already, so that it is known as one however it comes into a data directory.
 */
PL_MUST_CHECK enum pl_code pl_store_backup(const char *dir, const char *to, uint64_t *size_out,
                                           struct pl_hash *root_out, struct pl_err *err);
/* Puts the backup file @from into @dir (no database there: PL_EEXISTS) with the restore mark set.
 */
PL_MUST_CHECK enum pl_code pl_store_restore(const char *dir, const char *from, uint64_t *size_out,
                                            struct pl_err *err);
/* Clears the restore mark; the admin said that @size is where the log stood. PL_EINVAL when
 * the restored tree's size differs. */
PL_MUST_CHECK enum pl_code pl_store_clear_restored(struct pl_store *s, uint32_t log_id,
                                                   uint64_t size, struct pl_err *err);
/* Reads the logs of the database in @dir without opening it for writing. Views in @arena. */
PL_MUST_CHECK enum pl_code pl_store_logs(const char *dir, struct pl_arena *arena,
                                         struct pl_log_row **out, size_t *n_out,
                                         struct pl_err *err);

#endif
