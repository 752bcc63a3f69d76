/* SPDX-License-Identifier: Apache-2.0 */
/* test_keysearch.c - unions, intersections, pages and the newest match, against a plain count. */
#include "server/keysearch.h"

#include "tests/lib/test_log.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define ENTRIES 3000 /* three pages of one key */
#define SALT    7
#define MAX     100

/* A log and what a handler has of it. */
struct fixture {
    char dir[64];
    struct pl_store *store;
    struct pl_loop loop;
    struct pl_req req;
    struct pl_published state;
    struct pl_reading r;
};

static int setup(void **state)
{
    static struct fixture f;
    struct pl_err err;

    test_dir_make(f.dir);
    assert_ok(test_log_create(f.dir, &err), err);
    assert_ok(test_log_open(f.dir, &f.store, &err), err);
    for (unsigned i = 0; i < ENTRIES; i += 1000)
        assert_ok(test_log_append(f.store, TEST_LOG, SALT, 1000, &err), err);
    assert_ok(pl_view_open(f.dir, &f.loop.view, &err), err);
    assert_ok(pl_view_begin(f.loop.view, &err), err);
    f.req.loop = &f.loop;
    f.state.size = ENTRIES;
    f.r = (struct pl_reading){.req = &f.req, .state = &f.state};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_view_end(f->loop.view);
    pl_view_close(f->loop.view);
    pl_store_close(f->store);
    test_dir_remove(f->dir);
    return 0;
}

static bool has_key(uint64_t i, struct pl_bytes key)
{
    struct test_entry *e = calloc(1, sizeof(*e));
    bool found = false;

    assert_non_null(e);
    test_entry_make(e, SALT, i);
    for (size_t k = 0; k < e->entry.nkeys; k++)
        found = found || pl_bytes_eq(e->entry.keys[k], key);
    free(e);
    return found;
}

/* Joins the pages of a search and compares with looking at every entry. */
static void check_search(struct fixture *f, const char *const *keys, size_t n, bool all, size_t max)
{
    static uint64_t want[ENTRIES], got[ENTRIES];
    struct pl_bytes views[PL_KEYSEARCH_KEYS_MAX];
    struct pl_keysearch_page page = {.more = true};
    size_t nwant = 0, ngot = 0;
    struct pl_err err;

    for (size_t k = 0; k < n; k++)
        views[k] = pl_str(keys[k]);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        size_t hits = 0;
        for (size_t k = 0; k < n; k++)
            hits += has_key(i, views[k]);
        if (all ? hits == n : hits > 0)
            want[nwant++] = i;
    }
    for (unsigned pages = 0; page.more; pages++) {
        struct pl_keysearch q = {
            .keys = views, .nkeys = n, .all = all, .from = page.next, .max = max};
        struct pl_arena arena;
        assert_in_range(pages, 0, ENTRIES);
        pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
        assert_ok(pl_keysearch(&f->r, &q, &arena, &page, &err), err);
        assert_in_range(page.n, 0, max);
        for (size_t i = 0; i < page.n && ngot < ENTRIES; i++)
            got[ngot++] = page.indexes[i];
        pl_arena_free(&arena);
    }
    assert_int_equal(ngot, nwant);
    assert_memory_equal(got, want, nwant * sizeof(want[0]));
}

static void a_union_has_what_any_key_has(void **state)
{
    check_search(*state, (const char *[]){"even"}, 1, false, MAX);
    check_search(*state, (const char *[]){"tens:3", "tens:299"}, 2, false, MAX);
    check_search(*state, (const char *[]){"all", "even", "tens:5"}, 3, false, 10000);
    check_search(*state, (const char *[]){"nothing"}, 1, false, MAX);
}

static void an_intersection_has_what_all_keys_have(void **state)
{
    check_search(*state, (const char *[]){"even", "all"}, 2, true, 7);
    check_search(*state, (const char *[]){"tens:299", "even", "all"}, 3, true, MAX);
    check_search(*state, (const char *[]){"all", "nothing"}, 2, true, MAX);
    check_search(*state, (const char *[]){"tens:1", "tens:2"}, 2, true, MAX);
}

static void without_keys_nothing_is_found(void **state)
{
    struct fixture *f = *state;
    struct pl_keysearch q = {.max = MAX};
    struct pl_keysearch_page page;
    struct pl_arena arena;
    struct pl_err err;

    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    assert_ok(pl_keysearch(&f->r, &q, &arena, &page, &err), err);
    assert_int_equal(page.n, 0);
    assert_false(page.more);
    pl_arena_free(&arena);
}

static void the_newest_match_is_the_last_below_a_bound(void **state)
{
    struct fixture *f = *state;
    static const uint64_t bounds[] = {1, 2, 3, 10, 31, 1024, 2999, 3000, UINT64_MAX};
    struct pl_err err;
    uint64_t got;

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        uint64_t past = bounds[i] < ENTRIES ? bounds[i] : ENTRIES;
        assert_ok(pl_keysearch_newest(&f->r, PL_LIT("even"), bounds[i], &got, &err), err);
        assert_int_equal(got, (past - 1) / 2 * 2);
        assert_ok(pl_keysearch_newest(&f->r, PL_LIT("all"), bounds[i], &got, &err), err);
        assert_int_equal(got, past - 1);
    }
    assert_ok(pl_keysearch_newest(&f->r, PL_LIT("tens:7"), UINT64_MAX, &got, &err), err);
    assert_int_equal(got, 79);
    assert_fails(pl_keysearch_newest(&f->r, PL_LIT("tens:7"), 70, &got, &err), PL_ENOTFOUND,
                 "tens:7", err);
}

static void lower_case_is_ascii_only(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    assert_bytes(pl_lower(&arena, "sha256:", PL_LIT("ABC@[`{xyz\xc3\x84")),
                 PL_LIT("sha256:abc@[`{xyz\xc3\x84"));
    pl_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_union_has_what_any_key_has),
        cmocka_unit_test(an_intersection_has_what_all_keys_have),
        cmocka_unit_test(without_keys_nothing_is_found),
        cmocka_unit_test(the_newest_match_is_the_last_below_a_bound),
        cmocka_unit_test(lower_case_is_ascii_only),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
