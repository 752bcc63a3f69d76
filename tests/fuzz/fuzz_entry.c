/* Property: an accepted proposal's body is canonical and, with its payload, passes fsck. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/entry.h"

#include "tests/fuzz/fuzz.h"

#define MAX ((size_t)1 << 20)

static void check_canonical(struct pl_bytes body)
{
    json_t *value = NULL;
    struct pl_buf again;
    struct pl_err err;

    MUST(body.n > 0 && body.n <= PL_BODY_MAX);
    MUST(pl_json_load(body, PL_BODY_MAX, &value, &err) == PL_OK);
    pl_buf_init(&again, 2 * PL_BODY_MAX);
    MUST(pl_json_canonical(value, &again, &err) == PL_OK);
    MUST(pl_bytes_eq(pl_buf_bytes(&again), body));
    pl_buf_free(&again);
    json_decref(value);
}

static void check_keys(const struct pl_entry *e)
{
    MUST(e->nkeys <= PL_SEARCH_KEYS_MAX);
    for (size_t i = 0; i < e->nkeys; i++) {
        MUST(e->keys[i].n > 0 && e->keys[i].n <= PL_SEARCH_KEY_MAX);
        for (size_t j = 0; j < i && j < 100; j++)
            MUST(!pl_bytes_eq(e->keys[i], e->keys[j]));
    }
}

static void check_entry(const struct pl_entry *e)
{
    struct pl_arena arena;
    struct pl_entry stored = {.nkeys = 0};
    struct pl_err err;

    check_canonical(e->body);
    check_keys(e);
    pl_arena_init(&arena, 64 * MAX);
    MUST(pl_entry_from_stored(e->body, e->payload, &arena, &stored, &err) == PL_OK);
    MUST(stored.kind == e->kind && stored.nkeys == e->nkeys);
    for (size_t i = 0; i < e->nkeys; i++)
        MUST(pl_bytes_eq(stored.keys[i], e->keys[i]));
    pl_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pl_entry_opts opts = {.cache = NULL, .defer_slow = false};
    struct pl_arena arena;
    struct pl_entry e = {.nkeys = 0};
    json_t *proposal = NULL;
    struct pl_err err;

    if (pl_json_load(pl_bytes(data, size), MAX, &proposal, &err) != PL_OK)
        return 0;
    pl_arena_init(&arena, 64 * MAX);
    if (pl_entry_from_json(proposal, &opts, &arena, &e, &err) == PL_OK) {
        MUST(!e.deferred);
        check_entry(&e);
    } else {
        MUST(e.nkeys == 0 && err.text[0] != '\0');
    }
    pl_arena_free(&arena);
    json_decref(proposal);
    return 0;
}
