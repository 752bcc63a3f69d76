/* SPDX-License-Identifier: Apache-2.0 */
/* keysearch.c - joins the sorted result lists of several search keys without holding them whole. */
#include "server/keysearch.h"

#define PAGE_ITEMS ((size_t)1024) /* read at a time, of one key */
#define PAGES_MAX  64             /* of all keys, in one answer */

/* The results of one key, read page by page. */
struct cursor {
    struct pl_bytes key;
    uint64_t *found;
    size_t n, at;
    uint64_t from; /* where the next page begins */
    bool more;     /* there is a next page */
};
struct join {
    const struct pl_reading *r;
    struct pl_arena *arena;
    struct cursor cursors[PL_KEYSEARCH_KEYS_MAX];
    size_t ncursors;
    unsigned pages;
};

/* Stands on the first result >= @target; c->at == c->n when there is none. Reads no page beyond
 * PAGES_MAX: then *@tired is set. */
static enum pl_code seek(struct join *j, struct cursor *c, uint64_t target, bool *tired,
                         struct pl_err *err)
{
    enum pl_code rc;

    while (c->at < c->n && c->found[c->at] < target)
        c->at++;
    if (c->at < c->n || !c->more)
        return PL_OK;
    if (j->pages >= PAGES_MAX) {
        *tired = true;
        return PL_OK;
    }
    j->pages++;
    PL_TRY(pl_view_search(j->r->req->loop->view, PL_LOG_ID_V1, j->r->state->size, c->key,
                          target > c->from ? target : c->from, PAGE_ITEMS, j->arena, &c->found,
                          &c->n, &c->more, err));
    c->at = 0;
    c->from = c->n != 0 ? c->found[c->n - 1] + 1 : 0;
out:
    return rc;
}

/*
 * The first entry >= @target that the join has, if *@hit; else where to go on, UINT64_MAX at the
 * end. A union stands on the smallest result; an intersection on the largest, which counts when all
 * stand there.
 */
static enum pl_code step(struct join *j, bool all, uint64_t target, uint64_t *at_out, bool *hit,
                         bool *tired, struct pl_err *err)
{
    uint64_t least = UINT64_MAX, most = 0;
    enum pl_code rc = PL_OK;

    for (size_t i = 0; i < j->ncursors; i++) {
        struct cursor *c = &j->cursors[i];
        PL_TRY(seek(j, c, target, tired, err));
        uint64_t here = c->at < c->n ? c->found[c->at] : UINT64_MAX;
        least = here < least ? here : least;
        most = here > most ? here : most;
    }
    *at_out = all ? most : least;
    *hit = *at_out != UINT64_MAX && (!all || least == most);
out:
    return rc;
}

static enum pl_code run(struct join *j, const struct pl_keysearch *q,
                        struct pl_keysearch_page *page, struct pl_err *err)
{
    uint64_t target = q->from, at = 0;
    bool hit = false, tired = false;
    enum pl_code rc;

    for (;;) {
        PL_TRY(step(j, q->all, target, &at, &hit, &tired, err));
        if (!tired && at == UINT64_MAX)
            return PL_OK;
        if (tired || (hit && page->n == q->max)) {
            page->more = true;
            page->next = tired ? target : at;
            return PL_OK;
        }
        if (hit)
            page->indexes[page->n++] = at;
        target = hit ? at + 1 : at;
    }
out:
    return rc;
}

enum pl_code pl_keysearch(const struct pl_reading *r, const struct pl_keysearch *q,
                          struct pl_arena *arena, struct pl_keysearch_page *out, struct pl_err *err)
{
    struct pl_keysearch_page page = {.indexes = pl_arena_array(arena, q->max, sizeof(uint64_t))};
    struct join j = {.r = r, .arena = arena, .ncursors = q->nkeys};
    enum pl_code rc = PL_OK;

    if (page.indexes == NULL)
        return PL_FAIL(err, PL_ENOMEM, "no memory for %zu search results", q->max);
    for (size_t i = 0; i < q->nkeys; i++)
        j.cursors[i] = (struct cursor){.key = q->keys[i], .more = true};
    if (q->nkeys != 0)
        PL_TRY(run(&j, q, &page, err));
    *out = page;
out:
    return rc;
}

/* Is there a result in [from, below)? Which goes to *@first_out. */
static enum pl_code first_in(const struct pl_reading *r, struct pl_bytes key, uint64_t from,
                             uint64_t below, uint64_t *first_out, struct pl_err *err)
{
    struct pl_arena arena;
    uint64_t *found;
    enum pl_code rc;
    size_t n = 0;
    bool more;

    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    PL_TRY(pl_view_search(r->req->loop->view, PL_LOG_ID_V1, below, key, from, 1, &arena, &found, &n,
                          &more, err));
    if (n == 0)
        rc = PL_FAIL(err, PL_ENOTFOUND, "no entry with key " PL_FMT, PL_ARG(key));
    else
        *first_out = found[0];
out:
    pl_arena_free(&arena);
    return rc;
}

enum pl_code pl_keysearch_newest(const struct pl_reading *r, struct pl_bytes key, uint64_t below,
                                 uint64_t *index_out, struct pl_err *err)
{
    uint64_t best, past = below < r->state->size ? below : r->state->size;
    enum pl_code rc;

    PL_TRY(first_in(r, key, 0, past, &best, err));
    /* @best has the key; nothing at or above @past has it. */
    while (best + 1 < past) {
        uint64_t middle = best + 1 + (past - best - 1) / 2;
        rc = first_in(r, key, middle, past, &best, err);
        if (rc == PL_ENOTFOUND) {
            past = middle;
            rc = PL_OK;
        }
        if (rc != PL_OK)
            return rc;
    }
    *index_out = best;
out:
    return rc;
}

struct pl_bytes pl_lower(struct pl_arena *arena, const char *prefix, struct pl_bytes text)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, arena, strlen(prefix) + text.n + 1);
    pl_buf_add_str(&b, prefix);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        pl_buf_add_byte(&b, c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
    }
    return pl_buf_ok(&b) ? pl_buf_bytes(&b) : pl_bytes(NULL, 0);
}

void pl_reply_next(struct pl_req *req, const struct pl_keysearch_page *page)
{
    if (!page->more)
        return;
    const char *next = pl_arena_printf(&req->arena, "%llu", (unsigned long long)page->next);
    if (next != NULL)
        pl_reply_header(req, "X-Provlog-Next", pl_str(next));
}
