/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_fsck.c - provlogd fsck: the store recomputes the tree, this file what needs to know
 * signatures and Rekor's bodies: SETs, checkpoint notes, bodies against payloads, search keys.
 * Works without the private key: the public one is in the database.
 */
#include "server/cmd.h"

#include "core/attest/entry.h"
#include "core/base/log.h"
#include "core/tlog/checkpoint.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fsck {
    struct pl_log_row log; /* the v1 log */
    struct pl_key *key;
    struct pl_arena arena; /* of one entry at a time */
    char origin[PL_ORIGIN_MAX + 32];
};

static int compare_bytes(const void *a, const void *b)
{
    return pl_bytes_cmp(*(const struct pl_bytes *)a, *(const struct pl_bytes *)b);
}

static enum pl_code sorted(struct fsck *f, const struct pl_bytes *keys, size_t n,
                           struct pl_bytes **out, struct pl_err *err)
{
    *out = pl_arena_array(&f->arena, n + 1, sizeof(**out));
    if (*out == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory for %zu search keys", n);
    if (n > 0)
        memcpy(*out, keys, n * sizeof(*keys));
    qsort(*out, n, sizeof(**out), compare_bytes);
    return PL_OK;
}

/* The stored search keys are those that the entry gives, in whatever order. */
static enum pl_code check_keys(struct fsck *f, const struct pl_entry *entry,
                               const struct pl_bytes *keys, size_t nkeys, struct pl_err *err)
{
    struct pl_bytes *want, *got;
    enum pl_code rc = sorted(f, entry->keys, entry->nkeys, &want, err);
    if (rc == PL_OK)
        rc = sorted(f, keys, nkeys, &got, err);
    if (rc != PL_OK)
        return rc;
    for (size_t i = 0; i < entry->nkeys || i < nkeys; i++) {
        int order = i >= entry->nkeys ? 1 : i >= nkeys ? -1 : pl_bytes_cmp(want[i], got[i]);
        if (order < 0)
            return PL_FAIL(err, PL_ECORRUPT, "search key '" PL_FMT "' is missing", PL_ARG(want[i]));
        if (order > 0)
            return PL_FAIL(err, PL_ECORRUPT, "search key '" PL_FMT "' does not belong to it",
                           PL_ARG(got[i]));
    }
    return PL_OK;
}

static enum pl_code check_set(const struct fsck *f, const struct pl_view_entry *e,
                              struct pl_err *err)
{
    struct pl_buf message;
    if (e->set.n == 0)
        return PL_OK; /* derived data: the next read makes it */
    pl_buf_init(&message, 4 * PL_BODY_MAX);
    pl_set_message(e->body, e->time, pl_key_id(f->key), e->index, &message);
    enum pl_code rc = pl_buf_check(&message, "SET message", err);
    if (rc == PL_OK)
        rc = pl_sig_verify(f->key, PL_SHA256, pl_buf_bytes(&message), e->set, err);
    pl_buf_free(&message);
    return rc == PL_OK ? rc : pl_err_wrap(err, "signed entry timestamp");
}

static enum pl_code check_kind(const struct pl_entry *entry, const struct pl_view_entry *e,
                               struct pl_err *err)
{
    char want[64];
    (void)snprintf(want, sizeof(want), "%s/%s", pl_kind_name(entry->kind),
                   pl_kind_version(entry->kind));
    if (!pl_bytes_eq_str(e->kind, want))
        return PL_FAIL(err, PL_ECORRUPT, "kind is '" PL_FMT "', the body says '%s'",
                       PL_ARG(e->kind), want);
    return PL_OK;
}

static enum pl_code check_entry(void *ctx, uint32_t log_id, const struct pl_view_entry *e,
                                struct pl_bytes payload, const struct pl_bytes *keys, size_t nkeys,
                                struct pl_err *err)
{
    struct fsck *f = ctx;
    struct pl_entry entry;
    enum pl_code rc;

    if (log_id != PL_LOG_ID_V1)
        return PL_OK;
    pl_arena_reset(&f->arena);
    PL_TRY(check_set(f, e, err));
    PL_TRY(pl_entry_from_stored(e->body, payload, &f->arena, &entry, err));
    PL_TRY(check_kind(&entry, e, err));
    PL_TRY(check_keys(f, &entry, keys, nkeys, err));
out:
    return rc;
}

static enum pl_code check_checkpoint(void *ctx, uint32_t log_id, uint64_t size,
                                     const struct pl_hash *root, struct pl_bytes note,
                                     struct pl_err *err)
{
    struct fsck *f = ctx;
    struct pl_checkpoint c;
    if (log_id != PL_LOG_ID_V1)
        return PL_OK;
    enum pl_code rc = pl_checkpoint_open(note, f->key, &c, err);
    if (rc != PL_OK)
        return rc;
    if (c.size != size || !pl_hash_eq(&c.root, root))
        return PL_FAIL(err, PL_ECORRUPT, "the signed note is of size %" PRIu64 " or another root",
                       c.size);
    if (!pl_bytes_eq_str(c.origin, f->origin))
        return PL_FAIL(err, PL_ECORRUPT, "the signed note's origin is '" PL_FMT "', not '%s'",
                       PL_ARG(c.origin), f->origin);
    return PL_OK;
}

static void report(void *ctx, bool is_problem, const char *text)
{
    (void)ctx;
    if (is_problem)
        (void)printf("PROBLEM %s\n", text);
    else if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "%s\n", text);
}

static enum pl_code open_log(struct fsck *f, const struct pl_config *config, struct pl_arena *rows,
                             struct pl_err *err)
{
    struct pl_log_row *logs;
    size_t n;
    bool exists;
    enum pl_code rc = pl_store_exists(config->data_dir, &exists, err);
    if (rc == PL_OK && !exists)
        rc = PL_FAIL(err, PL_EIO, "%s holds no database", config->data_dir);
    if (rc == PL_OK)
        rc = pl_store_logs(config->data_dir, rows, &logs, &n, err);
    if (rc != PL_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (logs[i].log_id != PL_LOG_ID_V1)
            continue;
        f->log = logs[i];
        (void)snprintf(f->origin, sizeof(f->origin), "%.*s - %" PRIu64, (int)f->log.origin.n,
                       (const char *)f->log.origin.p, f->log.tree_id);
        return pl_key_from_spki(f->log.key_spki, &f->key, err);
    }
    return PL_FAIL(err, PL_ECORRUPT, "the database names no v1 log");
}

int pl_cmd_fsck(const struct pl_config *config)
{
    struct fsck f;
    struct pl_arena rows;
    struct pl_err err;
    uint64_t problems = 0;

    memset(&f, 0, sizeof(f));
    pl_arena_init(&rows, 1 << 20);
    pl_arena_init(&f.arena, PL_ARENA_REQUEST_MAX);
    enum pl_code rc = open_log(&f, config, &rows, &err);
    const struct pl_fsck_entry_hook hook = {
        .entry = check_entry, .checkpoint = check_checkpoint, .ctx = &f};
    if (rc == PL_OK)
        rc = pl_store_fsck(config->data_dir, &hook, report, NULL, &problems, &err);
    pl_key_unref(f.key);
    pl_arena_free(&f.arena);
    pl_arena_free(&rows);
    if (rc == PL_ECORRUPT) {
        /* So damaged that it could not go on to the end. */
        (void)printf("PROBLEM %s\n", err.text);
        problems++;
    } else if (rc != PL_OK) {
        return pl_cmd_failed("fsck", &err);
    }
    (void)printf("%s: %" PRIu64 " problem%s\n", config->data_dir, problems,
                 problems == 1 ? "" : "s");
    return problems == 0 ? PL_EXIT_OK : PL_EXIT_PROBLEM;
}
