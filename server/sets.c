/* SPDX-License-Identifier: Apache-2.0 */
/* sets.c - a small chained table by index. */
#include "server/sets.h"

#include <stdlib.h>

#define BUCKETS     4096u
#define AGE_FRESH   0u
#define AGE_WRITING 1u /* in the batch that is being written */
#define AGE_MAX     4u

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
    *sets = (struct pl_sets){NULL, 0, 0};
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
    sets->n++;
    sets->fresh++;
}

size_t pl_sets_copy_fresh(struct pl_sets *sets, struct pl_set *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; sets->fresh != 0 && i < BUCKETS; i++) {
        for (struct pl_set *s = sets->buckets[i]; s != NULL && n < max; s = s->next) {
            if (s->age > AGE_WRITING)
                continue;
            s->age = AGE_WRITING;
            out[n++] = *s;
        }
    }
    return n;
}

void pl_sets_stored(struct pl_sets *sets)
{
    for (size_t i = 0; sets->n != 0 && i < BUCKETS; i++) {
        for (struct pl_set **at = &sets->buckets[i]; *at != NULL;) {
            struct pl_set *s = *at;

            if (s->age == AGE_WRITING)
                sets->fresh--;
            if (s->age != AGE_FRESH && ++s->age > AGE_MAX) {
                *at = s->next;
                sets->n--;
                free(s);
            } else {
                at = &s->next;
            }
        }
    }
}
