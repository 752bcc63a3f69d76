/* SPDX-License-Identifier: Apache-2.0 */
/* published.c - the tree state that everybody sees: made, counted, swapped. */
#include "server/sequencer_internal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_BACK 4096 /* tree sizes: some batches */

struct pl_published_owner {
    struct pl_published pub;
    _Atomic(unsigned) refs;
    struct pl_buf note;
};

const struct pl_published *pl_published_new(uint64_t size, const struct pl_hash *root,
                                            struct pl_buf *note)
{
    struct pl_published_owner *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    atomic_init(&p->refs, 1);
    p->note = *note;
    *note = (struct pl_buf){.p = NULL};
    p->pub = (struct pl_published){.size = size,
                                   .root = *root,
                                   .note = pl_buf_bytes(&p->note),
                                   .time_ms = pl_wall_ms(),
                                   .owner = p};
    return &p->pub;
}

const struct pl_published *pl_published_ref(const struct pl_published *p)
{
    atomic_fetch_add_explicit(&p->owner->refs, 1, memory_order_relaxed);
    return p;
}

void pl_published_unref(const struct pl_published *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->owner->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct pl_published_owner *owner = p->owner;
    pl_buf_free(&owner->note);
    free(owner);
}

const struct pl_published *pl_sequencer_published(struct pl_sequencer *s)
{
    pthread_mutex_lock(&s->publish_mu);
    const struct pl_published *p = pl_published_ref(s->published);
    pthread_mutex_unlock(&s->publish_mu);
    return p;
}

void pl_seq_publish(struct pl_sequencer *s, const struct pl_published *p)
{
    pthread_mutex_lock(&s->publish_mu);
    const struct pl_published *old = s->published;
    s->published = p;
    pthread_mutex_unlock(&s->publish_mu);
    pl_published_unref(old);
}

int64_t pl_wall_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What will be served as ours must be ours: the note verifies under the log's key and says the size
 * and root of the row that it stands in. */
static enum pl_code check_note(const struct pl_v1_log *log, struct pl_bytes note, uint64_t size,
                               const struct pl_hash *root, struct pl_err *err)
{
    char want[PL_ORIGIN_MAX + 32], got_hex[PL_HASH_HEX_SIZE], want_hex[PL_HASH_HEX_SIZE];
    struct pl_checkpoint c;

    if (pl_checkpoint_open(note, pl_privkey_public(log->key), &c, err) != PL_OK) {
        err->code = PL_ECORRUPT;
        return pl_err_wrap(err, "the stored checkpoint of size %" PRIu64, size);
    }
    (void)snprintf(want, sizeof(want), "%s - %s", log->origin, log->tree_id_dec);
    if (c.size == size && pl_hash_eq(&c.root, root) && pl_bytes_eq_str(c.origin, want))
        return PL_OK;
    return PL_FAIL(err, PL_ECORRUPT,
                   "the stored checkpoint says \"" PL_FMT "\", size %" PRIu64
                   ", root %s; the database says \"%s\", %" PRIu64 ", %s",
                   PL_ARG(c.origin), c.size, pl_hash_hex(&c.root, got_hex), want, size,
                   pl_hash_hex(root, want_hex));
}

/* The tree of @size has all its nodes, so entries below can be proved. */
static bool has_tree(struct pl_view *view, uint64_t size)
{
    struct pl_view_hashes ctx = {.view = view, .log_id = PL_LOG_ID_V1, .size = size};
    struct pl_range range;
    struct pl_err err;

    return pl_range_load(&range, size, pl_view_hashes, &ctx, &err) == PL_OK;
}

/* Of a log that was cut short: the newest checkpoint that its entries reach, since under a larger
 * one nothing could be read. The newest of all when none of the late ones is so. */
static enum pl_code find_readable(struct pl_view *view, struct pl_arena *arena, uint64_t *size,
                                  struct pl_hash *root, struct pl_bytes *note, struct pl_err *err)
{
    const uint64_t newest = *size;
    uint64_t got;

    for (uint64_t n = newest; n > 0 && newest - n < LOOK_BACK; n--) {
        if (has_tree(view, n) &&
            pl_view_checkpoint(view, PL_LOG_ID_V1, n, arena, &got, root, note, err) == PL_OK) {
            *size = n;
            return PL_OK;
        }
    }
    return pl_view_checkpoint(view, PL_LOG_ID_V1, newest, arena, size, root, note, err);
}

enum pl_code pl_seq_load_published(struct pl_sequencer *s, bool check,
                                   const struct pl_published **out, struct pl_err *err)
{
    struct pl_view *view = NULL;
    struct pl_arena arena;
    struct pl_bytes note;
    struct pl_hash root;
    struct pl_buf copy;
    uint64_t size;
    enum pl_code rc;

    pl_arena_init(&arena, PL_NOTE_MAX);
    pl_buf_init(&copy, PL_CHECKPOINT_MAX);
    PL_TRY(pl_view_open(s->config.dir, &view, err));
    PL_TRY(pl_view_begin(view, err));
    rc = pl_view_checkpoint(view, PL_LOG_ID_V1, UINT64_MAX, &arena, &size, &root, &note, err);
    if (rc == PL_OK && !check)
        rc = find_readable(view, &arena, &size, &root, &note, err);
    pl_view_end(view);
    if (rc != PL_OK)
        goto out;
    if (check)
        PL_TRY(check_note(s->log, note, size, &root, err));
    pl_buf_add_bytes(&copy, note);
    PL_TRY(pl_buf_check(&copy, "checkpoint", err));
    *out = pl_published_new(size, &root, &copy);
    if (*out == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "publish checkpoint: out of memory");
out:
    pl_view_close(view);
    pl_buf_free(&copy);
    pl_arena_free(&arena);
    return rc;
}
