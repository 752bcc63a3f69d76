/* SPDX-License-Identifier: Apache-2.0 */
/* crash_check.c - the server's answers against what it acknowledged before. */
#include "tests/fault/crash.h"

#include "core/base/enc.h"
#include "core/tlog/checkpoint.h"
#include "core/tlog/proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_ARENA ((size_t)16 << 20)

/* ---- what is known ---- */

static void report(struct crash_world *w, uint64_t *counter, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void report(struct crash_world *w, uint64_t *counter, const char *fmt, ...)
{
    va_list args;

    (*counter)++;
    if (w->problem[0] != '\0')
        return;
    va_start(args, fmt);
    (void)vsnprintf(w->problem, sizeof(w->problem), fmt, args);
    va_end(args);
}

/* Room for one more of @size in @list; ends the program without memory. */
static void *grow(void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    *cap = *cap == 0 ? 1024 : *cap * 2;
    void *more = reallocarray(list, *cap, size);
    if (more == NULL) {
        (void)fprintf(stderr, "crashload: out of memory\n");
        exit(2);
    }
    return more;
}

/* Where a head of @size is or belongs. */
static size_t head_place(const struct crash_world *w, uint64_t size)
{
    size_t low = 0, high = w->nheads;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (w->heads[mid].size < size)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Two roots for one size are the worst that a log can do. */
static void see_head(struct crash_world *w, uint64_t size, const struct pl_hash *root)
{
    size_t at = head_place(w, size);

    if (at < w->nheads && w->heads[at].size == size) {
        if (!pl_hash_eq(&w->heads[at].root, root))
            report(w, &w->forked, "two roots for size %" PRIu64, size);
        return;
    }
    w->heads = grow(w->heads, w->nheads, &w->heads_cap, sizeof(w->heads[0]));
    memmove(&w->heads[at + 1], &w->heads[at], (w->nheads - at) * sizeof(w->heads[0]));
    w->heads[at] = (struct crash_head){.size = size, .root = *root};
    w->nheads++;
    if (at < w->nproved)
        w->nproved = at;
}

static void remember(struct crash_world *w, const struct crash_entry *e)
{
    w->entries = grow(w->entries, w->nentries, &w->entries_cap, sizeof(w->entries[0]));
    w->entries[w->nentries++] = *e;
}

/* ---- answers ---- */

/* A LogEntry that verifies under the log's key; its checkpoint is a head that was seen. */
static enum pl_code read_entry(struct crash_world *w, struct pl_bytes json, struct pl_arena *arena,
                               struct crash_entry *out, struct pl_bytes *body, struct pl_err *err)
{
    struct pl_rekor_entry entry;
    enum pl_code rc;

    PL_TRY(pl_rekor_parse_entry(json, arena, &entry, err));
    /* Its proof's size and root are the checkpoint's, too. */
    PL_TRY(pl_rekor_check_entry(&entry, &w->root.logs[0], (struct pl_bytes){0}, err));
    see_head(w, entry.entry.tree_size, &entry.entry.root);
    *out =
        (struct crash_entry){.index = entry.entry.log_index, .time = entry.entry.integrated_time};
    pl_sha256(entry.entry.body, &out->body);
    pl_leaf_hash(entry.entry.body, &out->leaf);
    *body = entry.entry.body;
out:
    return rc;
}

static void settle_one(struct crash_world *w, const struct crash_doc *doc)
{
    char hex[PL_HASH_HEX_SIZE];
    struct crash_entry entry;
    struct pl_arena arena;
    struct pl_bytes body;
    struct pl_err err;

    pl_arena_init(&arena, ANSWER_ARENA);
    if (read_entry(w, pl_buf_bytes(&doc->answer), &arena, &entry, &body, &err) != PL_OK) {
        report(w, &w->unverified, "an answer does not verify: %s", err.text);
    } else {
        pl_hash_hex(&doc->payload, hex);
        if (memmem(body.p, body.n, hex, strlen(hex)) == NULL)
            report(w, &w->unverified, "an answer is about another submission");
        remember(w, &entry);
    }
    pl_arena_free(&arena);
}

void crash_settle(struct crash_world *w)
{
    struct crash_doc *oldest = NULL;

    for (struct crash_doc *doc = w->answered, *next; doc != NULL; doc = next) {
        next = doc->next;
        doc->next = oldest;
        oldest = doc;
    }
    w->answered = oldest;
    while (w->answered != NULL) {
        struct crash_doc *doc = w->answered;
        w->answered = doc->next;
        settle_one(w, doc);
        crash_doc_free(doc);
    }
}

static void compare(struct crash_world *w, const struct crash_entry *want, struct pl_bytes json)
{
    struct crash_entry got;
    struct pl_arena arena;
    struct pl_bytes body;
    struct pl_err err;

    pl_arena_init(&arena, ANSWER_ARENA);
    if (read_entry(w, json, &arena, &got, &body, &err) != PL_OK)
        report(w, &w->unverified, "entry %" PRIu64 " does not verify: %s", want->index, err.text);
    else if (got.index != want->index || got.time != want->time ||
             !pl_hash_eq(&got.body, &want->body))
        report(w, &w->changed,
               "entry %" PRIu64 " of time %" PRId64 " is now index %" PRIu64 " of time %" PRId64
               " with %s body",
               want->index, want->time, got.index, got.time,
               pl_hash_eq(&got.body, &want->body) ? "the same" : "another");
    pl_arena_free(&arena);
}

/* By its leaf hash: an entry that moved is found and told apart from a lost one. */
bool crash_recheck(struct crash_world *w, size_t from, size_t to)
{
    static const char PREFIX[] = "/api/v1/log/entries/";
    char path[sizeof(PREFIX) + PL_HASH_HEX_SIZE];
    struct crash_http http;
    struct crash_answer got;
    bool answered = true;

    crash_http_init(&http);
    for (size_t i = from; i < to && i < w->nentries && answered; i++) {
        char hex[PL_HASH_HEX_SIZE];
        (void)snprintf(path, sizeof(path), "%s%s", PREFIX, pl_hash_hex(&w->entries[i].leaf, hex));
        answered = crash_http_ask(&http, w->port, "GET", pl_str(path), (struct pl_bytes){0}, &got);
        if (answered && got.status == 200)
            compare(w, &w->entries[i], got.body);
        else if (answered && got.status == 404)
            report(w, &w->lost, "entry %" PRIu64 " was acknowledged and is gone",
                   w->entries[i].index);
        else if (answered)
            report(w, &w->unverified, "entry %" PRIu64 " is answered with %d: %.*s",
                   w->entries[i].index, got.status, (int)(got.body.n < 300 ? got.body.n : 300),
                   (const char *)got.body.p);
    }
    crash_http_close(&http);
    return answered;
}

/* ---- checkpoints ---- */

static enum pl_code read_proof(struct pl_bytes json, struct pl_proof *out, struct pl_err *err)
{
    json_t *root = NULL, *hashes = NULL;
    enum pl_code rc;

    out->n = 0;
    PL_TRY(pl_json_load(json, (size_t)1 << 16, &root, err));
    PL_TRY(pl_json_array_opt(root, "proof", "hashes", &hashes, err));
    for (size_t i = 0; hashes != NULL && i < json_array_size(hashes); i++) {
        struct pl_bytes hex = pl_json_text(json_array_get(hashes, i));
        if (i >= PL_PROOF_MAX || !pl_hex_decode(hex, out->hash[i].b, sizeof(out->hash[i].b))) {
            rc = PL_FAIL(err, PL_EVERIFY, "hash %zu of the proof", i);
            break;
        }
        out->n = i + 1;
    }
out:
    json_decref(root);
    return rc;
}

/* False: no answer. */
static bool prove(struct crash_world *w, struct crash_http *http, const struct crash_head *old,
                  const struct crash_head *now)
{
    struct crash_answer got;
    struct pl_proof proof;
    struct pl_err err;
    char path[128];

    (void)snprintf(path, sizeof(path), "/api/v1/log/proof?firstSize=%" PRIu64 "&lastSize=%" PRIu64,
                   old->size, now->size);
    if (!crash_http_ask(http, w->port, "GET", pl_str(path), (struct pl_bytes){0}, &got))
        return false;
    if (got.status != 200)
        report(w, &w->forked, "no proof from %" PRIu64 " to %" PRIu64 ": %d %.*s", old->size,
               now->size, got.status, (int)(got.body.n < 300 ? got.body.n : 300),
               (const char *)got.body.p);
    else if (read_proof(got.body, &proof, &err) != PL_OK ||
             pl_verify_consistency(old->size, now->size, proof.hash, proof.n, &old->root,
                                   &now->root, &err) != PL_OK)
        report(w, &w->forked, "the tree of %" PRIu64 " is no prefix of that of %" PRIu64 ": %s",
               old->size, now->size, err.text);
    return true;
}

static bool present_head(struct crash_world *w, struct crash_http *http, struct crash_head *out)
{
    struct pl_rekor_log_info info;
    struct crash_answer got;
    struct pl_checkpoint cp;
    struct pl_arena arena;
    struct pl_err err;

    if (!crash_http_ask(http, w->port, "GET", PL_LIT("/api/v1/log"), (struct pl_bytes){0}, &got))
        return false;
    pl_arena_init(&arena, ANSWER_ARENA);
    *out = (struct crash_head){.size = 0};
    if (got.status != 200 || pl_rekor_parse_log_info(got.body, &arena, &info, &err) != PL_OK ||
        pl_checkpoint_open(info.checkpoint, w->root.logs[0].key, &cp, &err) != PL_OK) {
        report(w, &w->unverified, "the log's checkpoint: %d %.*s", got.status,
               (int)(got.body.n < 300 ? got.body.n : 300), (const char *)got.body.p);
    } else {
        *out = (struct crash_head){.size = cp.size, .root = cp.root};
        if (info.size != cp.size || !pl_hash_eq(&info.root, &cp.root))
            report(w, &w->unverified, "the log's size or root is not its checkpoint's");
        see_head(w, cp.size, &cp.root);
    }
    pl_arena_free(&arena);
    return true;
}

bool crash_check_heads(struct crash_world *w, bool all)
{
    struct crash_http http;
    struct crash_head now;
    bool answered;

    crash_http_init(&http);
    answered = present_head(w, &http, &now);
    if (answered && now.size != 0) {
        size_t end = w->nheads;
        if (w->heads[end - 1].size > now.size)
            report(w, &w->lost, "the tree has %" PRIu64 " entries and had %" PRIu64, now.size,
                   w->heads[end - 1].size);
        for (size_t i = all ? 0 : w->nproved; i < end && answered; i++)
            if (w->heads[i].size < now.size)
                answered = prove(w, &http, &w->heads[i], &now);
        if (answered)
            w->nproved = head_place(w, now.size);
    }
    crash_http_close(&http);
    return answered;
}
