/* SPDX-License-Identifier: Apache-2.0 */
/* sets.c - a small chained table by index, and two queues: not stored yet, and stored lately. */
#include "server/sets.h"

#include <stdlib.h>

#define BUCKETS 16384u
/*
 * How long a stored one stays. A reader whose snapshot is older than the batch that stored it, or a
 * loop that is late with its answer, must still find it here; otherwise it signs another. Both can
 * be behind by many batches, which last a millisecond, but not by seconds.
 */
#define KEEP_MS 10000

enum pl_code pl_sets_init(struct pl_sets *sets, struct pl_err *err)
{
    *sets = (struct pl_sets){.buckets = calloc(BUCKETS, sizeof(struct pl_set *))};
    if (sets->buckets == NULL)
        return PL_FAIL(err, PL_ENOMEM, "table of timestamps: out of memory");
    return PL_OK;
}

void pl_sets_free(struct pl_sets *sets)
{
    for (size_t i = 0; sets->buckets != NULL && i < BUCKETS; i++) {
        for (struct pl_set *s = sets->buckets[i], *next; s != NULL; s = next) {
            next = s->next;
            free(s);
        }
    }
    free(sets->buckets);
    *sets = (struct pl_sets){.buckets = NULL};
}

static void push(struct pl_set_queue *q, struct pl_set *s)
{
    s->later = NULL;
    if (q->first == NULL)
        q->first = s;
    else
        q->last->later = s;
    q->last = s;
}

static struct pl_set *pop(struct pl_set_queue *q)
{
    struct pl_set *s = q->first;

    q->first = s->later;
    return s;
}

void pl_sets_settle(struct pl_sets *sets, uint64_t index, uint8_t set[PL_SET_MAX], size_t *n)
{
    struct pl_set **at = &sets->buckets[index % BUCKETS];

    for (struct pl_set *s = *at; s != NULL; s = s->next) {
        if (s->index == index) {
            memcpy(set, s->set, s->n);
            *n = s->n;
            return;
        }
    }
    struct pl_set *s = malloc(sizeof(*s));
    if (s == NULL || *n > PL_SET_MAX) {
        free(s);
        return;
    }
    *s = (struct pl_set){.next = *at, .index = index, .n = *n};
    memcpy(s->set, set, *n);
    *at = s;
    push(&sets->waiting, s);
    sets->n++;
    sets->fresh++;
}

size_t pl_sets_copy_fresh(const struct pl_sets *sets, struct pl_set *out, size_t max)
{
    size_t n = 0;

    for (const struct pl_set *s = sets->waiting.first; s != NULL && n < max; s = s->later)
        out[n++] = *s;
    return n;
}

static void forget(struct pl_sets *sets, struct pl_set *s)
{
    struct pl_set **at = &sets->buckets[s->index % BUCKETS];

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    sets->n--;
    free(s);
}

void pl_sets_stored(struct pl_sets *sets, size_t n)
{
    int64_t now = pl_now_ms();

    for (; n != 0 && sets->waiting.first != NULL; n--) {
        struct pl_set *s = pop(&sets->waiting);
        s->stored_ms = now;
        push(&sets->stored, s);
        sets->fresh--;
    }
    while (sets->stored.first != NULL && now - sets->stored.first->stored_ms >= KEEP_MS)
        forget(sets, pop(&sets->stored));
}
