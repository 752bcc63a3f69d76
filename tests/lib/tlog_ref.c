/* SPDX-License-Identifier: Apache-2.0 */
/* tlog_ref.c - the naive tree, and node sources that check how they are asked. */
#include "tests/lib/tlog_ref.h"

#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMO 256

static struct pl_hash join(struct pl_hash left, struct pl_hash right)
{
    uint8_t in[65] = {0x01};
    struct pl_hash out;

    memcpy(in + 1, left.b, 32);
    memcpy(in + 33, right.b, 32);
    pl_sha256(pl_bytes(in, sizeof(in)), &out);
    return out;
}

/* "k is the largest power of two smaller than n" */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

static struct pl_hash root(const struct pl_hash *leaves, uint64_t begin, uint64_t end)
{
    if (begin == end) {
        struct pl_hash empty;
        pl_sha256(pl_bytes("", 0), &empty);
        return empty;
    }
    if (end - begin == 1)
        return leaves[begin];
    uint64_t k = split(end - begin);
    return join(ref_root(leaves, begin, begin + k), ref_root(leaves, begin + k, end));
}

/* The definition, remembered for small trees: all pairs of indexes and sizes ask the same again. */
struct pl_hash ref_root(const struct pl_hash *leaves, uint64_t begin, uint64_t end)
{
    static const struct pl_hash *of;
    static bool known[MEMO + 1][MEMO + 1];
    static struct pl_hash memo[MEMO + 1][MEMO + 1];

    if (end > MEMO)
        return root(leaves, begin, end);
    if (of != leaves) {
        memset(known, 0, sizeof(known));
        of = leaves;
    }
    if (!known[begin][end]) {
        memo[begin][end] = root(leaves, begin, end);
        known[begin][end] = true;
    }
    return memo[begin][end];
}

static size_t path(const struct pl_hash *d, uint64_t m, uint64_t begin, uint64_t end,
                   struct pl_hash *out)
{
    if (end - begin == 1)
        return 0;
    uint64_t k = split(end - begin);
    size_t n;
    if (m < k) {
        n = path(d, m, begin, begin + k, out);
        out[n] = ref_root(d, begin + k, end);
    } else {
        n = path(d, m - k, begin + k, end, out);
        out[n] = ref_root(d, begin, begin + k);
    }
    return n + 1;
}

size_t ref_path(const struct pl_hash *leaves, uint64_t m, uint64_t n, struct pl_hash *out)
{
    return path(leaves, m, 0, n, out);
}

/* SUBPROOF(m, D[begin:end], whole) */
static size_t subproof(const struct pl_hash *d, uint64_t m, uint64_t begin, uint64_t end,
                       bool whole, struct pl_hash *out)
{
    if (m == end - begin) {
        if (whole)
            return 0;
        out[0] = ref_root(d, begin, end);
        return 1;
    }
    uint64_t k = split(end - begin);
    size_t n;
    if (m <= k) {
        n = subproof(d, m, begin, begin + k, whole, out);
        out[n] = ref_root(d, begin + k, end);
    } else {
        n = subproof(d, m - k, begin + k, end, false, out);
        out[n] = ref_root(d, begin, begin + k);
    }
    return n + 1;
}

size_t ref_proof(const struct pl_hash *leaves, uint64_t m, uint64_t n, struct pl_hash *out)
{
    return subproof(leaves, m, 0, n, true, out);
}

/* The contract of pl_hashes_fn, from the source's side. */
static void check_asked(const struct pl_node *want, size_t n, uint64_t size, unsigned *calls)
{
    if (++*calls > 1)
        fail_msg("the hash reader was called %u times", *calls);
    if (n == 0)
        fail_msg("the hash reader was asked for nothing");
    for (size_t i = 0; i < n; i++) {
        const struct pl_node *w = &want[i];
        if (w->level > 63 || w->index >= size >> w->level)
            fail_msg("node (%u, %" PRIu64 ") is not complete at size %" PRIu64, w->level, w->index,
                     size);
        if (i > 0 && (want[i - 1].level > w->level ||
                      (want[i - 1].level == w->level && want[i - 1].index >= w->index)))
            fail_msg("node (%u, %" PRIu64 ") is asked out of order", w->level, w->index);
    }
}

struct pl_hash ref_entry_hash(uint64_t i)
{
    char text[32];
    struct pl_hash out;

    text[0] = 0x00; /* the leaf prefix */
    int n = snprintf(text + 1, sizeof(text) - 1, "entry-%" PRIu64, i);
    pl_sha256(pl_bytes(text, (size_t)n + 1), &out);
    return out;
}

void ref_tree_init(struct ref_tree *t, uint64_t entries)
{
    *t = (struct ref_tree){.built = entries, .size = entries};
    for (unsigned k = 0; k < 64 && entries >> k != 0; k++) {
        uint64_t n = entries >> k;
        t->level[k] = malloc(n * sizeof(struct pl_hash));
        assert_non_null(t->level[k]);
        for (uint64_t i = 0; i < n; i++)
            t->level[k][i] = k == 0 ? ref_entry_hash(i)
                                    : join(t->level[k - 1][2 * i], t->level[k - 1][2 * i + 1]);
    }
}

void ref_tree_free(struct ref_tree *t)
{
    for (unsigned k = 0; k < 64; k++)
        free(t->level[k]);
    *t = (struct ref_tree){0};
}

void ref_tree_reset(struct ref_tree *t, uint64_t size)
{
    assert_true(size <= t->built);
    t->size = size;
    t->calls = 0;
}

enum pl_code ref_tree_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                             struct pl_err *err)
{
    struct ref_tree *t = ctx;

    (void)err;
    check_asked(want, n, t->size, &t->calls);
    for (size_t i = 0; i < n; i++)
        got[i] = t->level[want[i].level][want[i].index];
    return PL_OK;
}

void ref_huge_init(struct ref_huge *h, uint64_t odd)
{
    *h = (struct ref_huge){.odd = odd};
    h->plain[0] = ref_entry_hash(0);
    h->special[0] = ref_entry_hash(1);
    for (unsigned k = 1; k < 64; k++) {
        bool right = (odd >> (k - 1)) & 1;
        h->plain[k] = join(h->plain[k - 1], h->plain[k - 1]);
        h->special[k] = right ? join(h->plain[k - 1], h->special[k - 1])
                              : join(h->special[k - 1], h->plain[k - 1]);
    }
}

void ref_huge_reset(struct ref_huge *h, uint64_t size)
{
    h->size = size;
    h->calls = 0;
}

enum pl_code ref_huge_hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                             struct pl_err *err)
{
    struct ref_huge *h = ctx;

    (void)err;
    check_asked(want, n, h->size, &h->calls);
    for (size_t i = 0; i < n; i++) {
        unsigned k = want[i].level;
        got[i] = h->odd >> k == want[i].index ? h->special[k] : h->plain[k];
    }
    return PL_OK;
}
