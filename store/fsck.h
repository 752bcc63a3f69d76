/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.h - what the two halves of fsck share. Private to store/. */
#ifndef PL_STORE_FSCK_H
#define PL_STORE_FSCK_H

#include "store/internal.h"

/* Kinds of problems: of each, the first few are told and the rest counted. */
enum pl_fsck_kind {
    PL_FSCK_FILE,
    PL_FSCK_MISSING,
    PL_FSCK_LEAF,
    PL_FSCK_NODES,
    PL_FSCK_ROOT,
    PL_FSCK_TIME,
    PL_FSCK_KEYS,
    PL_FSCK_MEANING, /* told by the caller's hook */
    PL_FSCK_STRAY,
    PL_FSCK_INDEX,
    PL_FSCK_KIND_COUNT
};
struct pl_fsck {
    const char *dir;
    struct pl_view *view;
    const struct pl_fsck_entry_hook *hook; /* NULL is allowed */
    pl_fsck_fn report;                     /* NULL is allowed */
    void *ctx;
    struct pl_arena arena; /* of one entry */
    uint64_t problems;
    uint64_t seen[PL_FSCK_KIND_COUNT];
};
void pl_fsck_problem(struct pl_fsck *f, enum pl_fsck_kind kind, const char *fmt, ...)
    PL_PRINTF(3, 4);
void pl_fsck_note(struct pl_fsck *f, const char *fmt, ...) PL_PRINTF(2, 3);
/* PRAGMA integrity_check; @name is the file's, for the texts. */
PL_MUST_CHECK enum pl_code pl_fsck_file(struct pl_fsck *f, struct pl_db *db, const char *name,
                                        enum pl_fsck_kind kind, struct pl_err *err);
/* Compares index.db with the stored keys of log @log_id, which has @size entries. */
PL_MUST_CHECK enum pl_code pl_fsck_index(struct pl_fsck *f, const struct pl_log_state *logs,
                                         size_t nlogs, struct pl_err *err);

#endif
