/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - making logs for tests, and looking at everything in one. */
#include "tests/lib/test_log.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- folders ---- */

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(99);
}

void test_dir_make(char out[64])
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(out, 64, "%s/provlog-test-XXXXXX", base != NULL ? base : "/tmp");
    if (n < 0 || n >= 64 || mkdtemp(out) == NULL)
        give_up("mkdtemp");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_dir_remove(const char *dir)
{
    if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        give_up(dir);
}

/* ---- making ---- */

enum pl_code test_log_create(const char *dir, struct pl_err *err)
{
    struct pl_log_row logs[2] = {
        {.log_id = PL_LOG_ID_V1,
         .tree_id = (UINT64_C(1) << 60) + 12345,
         .origin = PL_LIT(TEST_ORIGIN),
         .key_spki = PL_LIT("spki of v1"),
         .created = 1700000000},
        {.log_id = PL_LOG_ID_V2,
         .tree_id = (UINT64_C(1) << 60) + 54321,
         .origin = PL_LIT(TEST_ORIGIN),
         .key_spki = PL_LIT("spki of v2"),
         .created = 1700000001},
    };
    return pl_store_create(dir, logs, 2, err);
}

enum pl_code test_log_open(const char *dir, struct pl_store **out, struct pl_err *err)
{
    struct pl_store_opts opts = {.dir = dir, .repair_tail = true};
    return pl_store_open(&opts, out, err);
}

void test_entry_make(struct test_entry *e, uint64_t salt, uint64_t i)
{
    size_t npayload = i % 5 == 4 ? 0 : (size_t)(i * 37 % 3000) + 1;
    size_t nkeys = 3;

    *e = (struct test_entry){0};
    (void)snprintf(e->body, sizeof(e->body), "body %" PRIu64 " %" PRIu64, salt, i);
    memset(e->payload, 'a' + (int)(i % 26), npayload);
    (void)snprintf(e->key[0], sizeof(e->key[0]), "unique:%" PRIu64 ":%" PRIu64, salt, i);
    (void)snprintf(e->key[1], sizeof(e->key[1]), "tens:%" PRIu64, i / 10);
    (void)snprintf(e->key[2], sizeof(e->key[2]), "all");
    if (i % 2 == 0)
        (void)snprintf(e->key[nkeys++], sizeof(e->key[0]), "even");
    for (size_t k = 0; k < nkeys; k++)
        e->keys[k] = pl_str(e->key[k]);
    e->entry = (struct pl_store_entry){
        .kind = PL_LIT("dsse/0.0.1"),
        .body = pl_str(e->body),
        .payload = pl_bytes(e->payload, npayload),
        .time = 1700000100 + (int64_t)(i / 3),
        .keys = e->keys,
        .nkeys = nkeys,
        .nodes = e->nodes,
    };
    pl_leaf_hash(e->entry.body, &e->entry.leaf);
}

static enum pl_code append_all(struct pl_store *s, uint32_t log_id, uint64_t salt, uint64_t n,
                               struct pl_err *err)
{
    enum pl_code rc;
    struct pl_log_state log;
    struct test_entry e;
    struct pl_hash root;
    char note[64];
    uint64_t at;

    PL_TRY(pl_store_log_state(s, log_id, &log, err));
    for (uint64_t i = 0; i < n; i++) {
        test_entry_make(&e, salt, log.edge.size);
        PL_TRY(pl_range_append(&log.edge, &e.entry.leaf, e.nodes, &e.entry.nnodes, err));
        PL_TRY(pl_store_append(s, log_id, log.edge.size - 1, &e.entry, &at, err));
    }
    pl_range_root(&log.edge, &root);
    (void)snprintf(note, sizeof(note), "note of size %" PRIu64, log.edge.size);
    if (n > 0)
        PL_TRY(pl_store_put_checkpoint(s, log_id, log.edge.size, &root, pl_str(note), err));
out:
    return rc;
}

enum pl_code test_log_append(struct pl_store *s, uint32_t log_id, uint64_t salt, uint64_t n,
                             struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_store_begin(s, err));
    rc = append_all(s, log_id, salt, n, err);
    if (rc == PL_OK)
        rc = pl_store_commit(s, err);
    if (rc != PL_OK)
        pl_store_rollback(s);
out:
    return rc;
}

/* ---- looking at everything ---- */

struct check {
    struct pl_view *view;
    struct pl_arena arena;
    uint32_t log_id;
    uint64_t salt, size; /* size: of the newest checkpoint */
    struct pl_range range;
    int64_t time;
};

static enum pl_code check_content(struct check *c, const struct pl_view_entry *e,
                                  struct pl_err *err)
{
    enum pl_code rc;
    struct test_entry want;
    struct pl_bytes payload = {0}, *keys = NULL;
    size_t nkeys = 0;

    test_entry_make(&want, c->salt, e->index);
    if (e->has_payload)
        PL_TRY(pl_view_payload(c->view, c->log_id, c->size, e->index, &c->arena, &payload, err));
    PL_TRY(pl_view_keys(c->view, c->log_id, c->size, e->index, &c->arena, &keys, &nkeys, err));
    bool equal = pl_bytes_eq(e->body, want.entry.body) && pl_bytes_eq(e->kind, want.entry.kind) &&
                 pl_bytes_eq(payload, want.entry.payload) && e->time == want.entry.time &&
                 nkeys == want.entry.nkeys;
    for (size_t i = 0; equal && i < nkeys; i++)
        equal = pl_bytes_eq(keys[i], want.keys[i]);
    if (!equal)
        rc = PL_FAIL(err, PL_ECORRUPT, "entry %" PRIu64 " is not what was appended", e->index);
out:
    return rc;
}

/* The nodes that this leaf made are what the hash reader gives. */
static enum pl_code check_nodes(struct check *c, uint64_t index, const struct pl_hash *made,
                                unsigned nmade, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct pl_view_hashes h = {.view = c->view, .log_id = c->log_id, .size = index + 1};

    for (unsigned i = 0; i < nmade; i++) {
        struct pl_node want = {.level = i, .index = index >> i};
        struct pl_hash got;
        PL_TRY(pl_view_hashes(&h, &want, 1, &got, err));
        if (!pl_hash_eq(&got, &made[i])) {
            rc = PL_FAIL(err, PL_ECORRUPT, "node (%u, %" PRIu64 ") is wrong", i, want.index);
            goto out;
        }
    }
out:
    return rc;
}

static enum pl_code check_checkpoint(struct check *c, struct pl_err *err)
{
    struct pl_hash root, stored;
    struct pl_bytes note;
    uint64_t size = 0;

    enum pl_code rc = pl_view_checkpoint(c->view, c->log_id, c->range.size, &c->arena, &size,
                                         &stored, &note, err);
    if (rc == PL_ENOTFOUND)
        return c->range.size == c->size ? rc : PL_OK; /* not each size has one */
    if (rc != PL_OK)
        return rc;
    pl_range_root(&c->range, &root);
    if (size != c->range.size || !pl_hash_eq(&root, &stored) || note.n == 0)
        return PL_FAIL(err, PL_ECORRUPT, "the checkpoint of size %" PRIu64 " is wrong", size);
    return PL_OK;
}

static enum pl_code check_entry(struct check *c, uint64_t index, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_view_entry e;
    struct pl_hash leaf, made[64];
    unsigned nmade = 0;
    uint64_t found = 0;

    pl_arena_reset(&c->arena);
    PL_TRY(pl_view_get(c->view, c->log_id, c->size, index, &c->arena, &e, err));
    pl_leaf_hash(e.body, &leaf);
    PL_TRY(pl_view_find_leaf(c->view, c->log_id, c->size, &leaf, &found, err));
    if (!pl_hash_eq(&leaf, &e.leaf) || e.time < c->time || e.index != index || found != index) {
        rc = PL_FAIL(err, PL_ECORRUPT, "entry %" PRIu64 " is not itself", index);
        goto out;
    }
    c->time = e.time;
    if (c->salt != 0)
        PL_TRY(check_content(c, &e, err));
    PL_TRY(pl_range_append(&c->range, &leaf, made, &nmade, err));
    PL_TRY(check_nodes(c, index, made, nmade, err));
    PL_TRY(check_checkpoint(c, err));
out:
    return rc;
}

static void keep_first(void *ctx, bool is_problem, const char *text)
{
    char *first = ctx;
    if (is_problem && first[0] == '\0')
        (void)snprintf(first, 200, "%s", text);
}

static enum pl_code check_fsck(const char *dir, struct pl_err *err)
{
    char first[200] = "";
    uint64_t problems = 0;
    enum pl_code rc = pl_store_fsck(dir, NULL, keep_first, first, &problems, err);
    if (rc == PL_OK && problems != 0)
        rc = PL_FAIL(err, PL_ECORRUPT, "fsck: %" PRIu64 " problems, first: %s", problems, first);
    return rc;
}

enum pl_code check_log(const char *dir, uint32_t log_id, uint64_t salt, uint64_t *size_out,
                       struct pl_hash *root_out, struct pl_err *err)
{
    enum pl_code rc;
    struct check c = {.log_id = log_id, .salt = salt};
    struct pl_bytes note;

    pl_arena_init(&c.arena, 1 << 20);
    pl_range_init(&c.range);
    PL_TRY(pl_view_open(dir, &c.view, err));
    PL_TRY(pl_view_begin(c.view, err));
    rc = pl_view_checkpoint(c.view, log_id, UINT64_MAX, &c.arena, &c.size, root_out, &note, err);
    if (rc == PL_ENOTFOUND)
        rc = PL_OK; /* an empty log */
    for (uint64_t i = 0; rc == PL_OK && i < c.size; i++)
        rc = check_entry(&c, i, err);
    if (rc != PL_OK)
        goto out;
    pl_range_root(&c.range, root_out);
    *size_out = c.size;
    pl_view_end(c.view);
    PL_TRY(check_fsck(dir, err));
out:
    pl_view_close(c.view);
    pl_arena_free(&c.arena);
    return rc;
}
