/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.h - a log in a temporary folder, filled through store.h alone, and check_log().
 *
 * Entries are made from a number, so any test can say what entry i must be. Two salts make two
 * different logs.
 */
#ifndef PL_TESTS_LIB_TEST_LOG_H
#define PL_TESTS_LIB_TEST_LOG_H

#include "store/store.h"

#define TEST_LOG    PL_LOG_ID_V1
#define TEST_ORIGIN "log.example"

/* A fresh folder; removed with all in it by test_dir_remove(). Both end the program on failure. */
void test_dir_make(char out[64]);
void test_dir_remove(const char *dir);

/* One empty v1 log and one empty v2 log in @dir. */
PL_MUST_CHECK enum pl_code test_log_create(const char *dir, struct pl_err *err);
/* Opens for writing with the production options. */
PL_MUST_CHECK enum pl_code test_log_open(const char *dir, struct pl_store **out,
                                         struct pl_err *err);

/* Entry number @i of the log with @salt. Views into @e itself: it must not move. */
struct test_entry {
    struct pl_store_entry entry;
    char body[256], payload[4096];
    char key[4][96];
    struct pl_bytes keys[4];
    struct pl_hash nodes[64];
};
void test_entry_make(struct test_entry *e, uint64_t salt, uint64_t i);
/*
 * Keys of entry i: "unique:SALT:i", "tens:i/10", "all", and for even i "even".
 * The body: "body SALT i". The payload: that of i bytes mod 3000 (every fifth has none).
 */

/* Appends entries [edge.size, edge.size + n) in one batch with a checkpoint, and commits. On
 * failure the batch is rolled back. */
PL_MUST_CHECK enum pl_code test_log_append(struct pl_store *s, uint32_t log_id, uint64_t salt,
                                           uint64_t n, struct pl_err *err);

/*
 * Reads all entries of log @log_id, recomputes everything from the bodies: leaf hashes, all
 * complete nodes, every checkpoint's root, times, and compares bodies, payloads and keys with
 * test_entry_make(@salt) when salt is not 0; then runs fsck. Fails with what differs.
 */
PL_MUST_CHECK enum pl_code check_log(const char *dir, uint32_t log_id, uint64_t salt,
                                     uint64_t *size_out, struct pl_hash *root_out,
                                     struct pl_err *err);

#endif
