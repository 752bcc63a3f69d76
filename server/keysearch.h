/* SPDX-License-Identifier: Apache-2.0 */
/* keysearch.h - entries by search keys: union and intersection, a page at a time; the newest one.
 */
#ifndef PL_SERVER_KEYSEARCH_H
#define PL_SERVER_KEYSEARCH_H

#include "server/rekor1.h"

#define PL_KEYSEARCH_KEYS_MAX 4
struct pl_keysearch {
    const struct pl_bytes *keys; /* lower-cased, at most PL_KEYSEARCH_KEYS_MAX */
    size_t nkeys;
    bool all; /* entries with every key, else with any */
    uint64_t from;
    size_t max; /* results of this page */
};
struct pl_keysearch_page {
    uint64_t *indexes; /* ascending; in the arena */
    size_t n;
    bool more; /* there may be more at @next and above */
    uint64_t next;
};
/* Costs at most some milliseconds: a search that has looked at many entries ends its page early. */
PL_MUST_CHECK enum pl_code pl_keysearch(const struct pl_reading *r, const struct pl_keysearch *q,
                                        struct pl_arena *arena, struct pl_keysearch_page *out,
                                        struct pl_err *err);
/* The last entry below @below that has @key; O(log n) look-ups. PL_ENOTFOUND. */
PL_MUST_CHECK enum pl_code pl_keysearch_newest(const struct pl_reading *r, struct pl_bytes key,
                                               uint64_t below, uint64_t *index_out,
                                               struct pl_err *err);
/* Adds X-Provlog-Next when there may be more: the index to go on from. */
void pl_reply_next(struct pl_req *req, const struct pl_keysearch_page *page);
/* ASCII lower case, in @arena; p == NULL: out of memory. */
struct pl_bytes pl_lower(struct pl_arena *arena, const char *prefix, struct pl_bytes text);

#endif
