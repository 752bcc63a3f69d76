/* SPDX-License-Identifier: Apache-2.0 */
/* undo.h - the undo log of one file: written by vfs_powercut.c, played by undo.c. */
#ifndef PL_TESTS_FAULT_UNDO_H
#define PL_TESTS_FAULT_UNDO_H

#include <stdint.h>

#define PL_UNDO_SUFFIX "!undo"
#define PL_NEW_SUFFIX  "!new"
#define PL_UNDO_MAGIC  UINT32_C(0x6F646E75)

enum pl_undo_kind { PL_UNDO_WRITE = 1, PL_UNDO_TRUNCATE = 2 };

/* A record: this head and n_old bytes, in this machine's byte order. */
struct pl_undo_head {
    uint32_t magic, kind;
    int64_t at, n;    /* of the write; of a truncation at is the new size */
    int64_t old_size; /* of the file before */
    int64_t n_old;    /* bytes that were at [at, ...) before */
};

#endif
