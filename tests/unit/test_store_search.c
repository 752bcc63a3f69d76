/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_search.c - search with and without index, and the index's own life. */
#include "tests/unit/test.h"

#include "tests/lib/test_log.h"
#include "tests/lib/test_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SALT 7
#define SIZE 600

struct fixture {
    char dir[64];
    struct pl_store *store;
    struct pl_view *view;
    struct pl_indexer *indexer;
    struct pl_arena arena;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct pl_err err;

    test_dir_make(f.dir);
    pl_arena_init(&f.arena, 1 << 20);
    assert_ok(test_log_create(f.dir, &err), err);
    assert_ok(test_log_open(f.dir, &f.store, &err), err);
    for (int i = 0; i < 6; i++)
        assert_ok(test_log_append(f.store, TEST_LOG, SALT, SIZE / 6, &err), err);
    assert_ok(pl_view_open(f.dir, &f.view, &err), err);
    assert_ok(pl_indexer_open(f.dir, &f.indexer, &err), err);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pl_indexer_close(f->indexer);
    pl_view_close(f->view);
    pl_store_close(f->store);
    pl_arena_free(&f->arena);
    test_dir_remove(f->dir);
    return 0;
}

/* Indexes up to @size, @step entries at a time; returns the number of steps that did something. */
static int index_to(struct fixture *f, uint64_t size, size_t step)
{
    struct pl_err err;
    size_t done = 1;
    int steps = 0;

    for (; done > 0 && steps < 10000; steps++)
        assert_ok(pl_indexer_step(f->indexer, TEST_LOG, size, step, &done, &err), err);
    return steps - 1;
}

/* Does entry @i have @key? A second opinion, from the test's own entries. */
static bool has_key(uint64_t i, const char *key)
{
    struct test_entry e;
    test_entry_make(&e, SALT, i);
    for (size_t k = 0; k < e.entry.nkeys; k++) {
        if (pl_bytes_eq_str(e.keys[k], key))
            return true;
    }
    return false;
}

static void search_is(struct fixture *f, const char *key, uint64_t size, uint64_t from, size_t max)
{
    struct pl_err err;
    uint64_t *found = NULL;
    size_t n = 0, want = 0;
    bool more = false;

    pl_arena_reset(&f->arena);
    assert_ok(pl_view_search(f->view, TEST_LOG, size, pl_str(key), from, max, &f->arena, &found, &n,
                             &more, &err),
              err);
    uint64_t i = from;
    for (; i < size && want < max; i++) {
        if (!has_key(i, key))
            continue;
        assert_true(want < n);
        assert_int_equal(found[want], i);
        want++;
    }
    assert_int_equal(n, want);
    bool rest = false;
    for (; i < size && !rest; i++)
        rest = has_key(i, key);
    assert_int_equal(more, rest);
}

static void searches_are_exact(struct fixture *f, uint64_t size)
{
    static const char *const KEY[] = {"all",        "even",    "tens:0",       "tens:31",
                                      "unique:7:0", "nothing", "unique:7:599", "unique:8:3"};
    for (size_t k = 0; k < sizeof(KEY) / sizeof(KEY[0]); k++) {
        search_is(f, KEY[k], size, 0, 1000);
        search_is(f, KEY[k], size, 0, 3);
        search_is(f, KEY[k], size, 317, 7);
        search_is(f, KEY[k], size - 200, 5, 1000);
        search_is(f, KEY[k], size, size, 10);
        search_is(f, KEY[k], size, 0, 0);
    }
}

static void a_search_without_an_index_is_exact(void **state)
{
    searches_are_exact(*state, SIZE);
}

static void a_search_is_exact_at_every_mark(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    size_t done;

    for (uint64_t mark = 0; mark < SIZE; mark += 97) {
        assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE, 97, &done, &err), err);
        searches_are_exact(f, SIZE);
    }
}

static void a_search_needs_the_index_for_what_is_below_the_mark(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    uint64_t *found;
    size_t n;
    bool more;

    index_to(f, SIZE, 1000);
    /* With its items gone the index gives nothing: so it is the index that is asked. */
    test_sql(f->dir, "index.db", "UPDATE run SET items = 0, blocks = 0; DELETE FROM block");
    assert_ok(pl_view_search(f->view, TEST_LOG, SIZE, PL_LIT("all"), 0, 10, &f->arena, &found, &n,
                             &more, &err),
              err);
    assert_int_equal(n, 0);
}

static void runs_stay_few_and_hold_everything(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(index_to(f, SIZE, 1), SIZE);
    searches_are_exact(f, SIZE);
    int64_t runs = test_sql_number(f->dir, "index.db", "SELECT count(*) FROM run");
    assert_true(runs <= 6);
    assert_int_equal(test_sql_number(f->dir, "index.db", "SELECT max(past) FROM run"), SIZE);
    /* 3 keys an entry, and "even" for every second. */
    assert_int_equal(test_sql_number(f->dir, "index.db", "SELECT sum(items) FROM run"),
                     SIZE * 3 + SIZE / 2);
}

static void merging_over_many_blocks_is_exact(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    for (int i = 0; i < 10; i++)
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 1000, &err), err);
    assert_true(index_to(f, SIZE + 10000, 500) == 22);
    assert_true(test_sql_number(f->dir, "index.db", "SELECT max(blocks) FROM run") > 4);
    searches_are_exact(f, SIZE + 10000);
    search_is(f, "even", SIZE + 10000, 9000, 20);
    assert_ok(check_log(f->dir, TEST_LOG, 0, &size, &root, &err), err); /* and so says fsck */
}

static void indexing_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    size_t done;

    assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE, 250, &done, &err), err);
    assert_int_equal(done, 250);
    pl_indexer_close(f->indexer);
    assert_ok(pl_indexer_open(f->dir, &f->indexer, &err), err);
    assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE, 1000, &done, &err), err);
    assert_int_equal(done, SIZE - 250);
    assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE, 1000, &done, &err), err);
    assert_int_equal(done, 0);
    searches_are_exact(f, SIZE);
}

static void two_logs_are_indexed_apart(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    uint64_t *found;
    size_t n, done;
    bool more;

    assert_ok(test_log_append(f->store, PL_LOG_ID_V2, SALT, 10, &err), err);
    index_to(f, SIZE, 100);
    assert_ok(pl_indexer_step(f->indexer, PL_LOG_ID_V2, 10, 100, &done, &err), err);
    assert_int_equal(done, 10);
    assert_ok(pl_view_search(f->view, PL_LOG_ID_V2, 10, PL_LIT("all"), 0, 100, &f->arena, &found,
                             &n, &more, &err),
              err);
    assert_int_equal(n, 10);
    searches_are_exact(f, SIZE);
}

/* ---- a damaged, missing or foreign index ---- */

static void rebuilt_after(struct fixture *f)
{
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    searches_are_exact(f, SIZE);
    index_to(f, SIZE, 300);
    searches_are_exact(f, SIZE);
    assert_int_equal(test_sql_number(f->dir, "index.db", "SELECT max(past) FROM run"), SIZE);
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
}

static void a_deleted_index_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char path[96];

    index_to(f, SIZE, 300);
    searches_are_exact(f, SIZE);
    (void)snprintf(path, sizeof(path), "%s/index.db", f->dir);
    assert_int_equal(unlink(path), 0);
    rebuilt_after(f);
}

static void an_index_of_garbage_is_made_anew(void **state)
{
    struct fixture *f = *state;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "index.db", "SELECT 1");
    pl_view_close(f->view);
    pl_indexer_close(f->indexer);
    f->indexer = NULL;
    struct pl_err err;
    assert_ok(pl_view_open(f->dir, &f->view, &err), err);
    test_damage(f->dir, "index.db", 0, 4096);
    assert_ok(pl_indexer_open(f->dir, &f->indexer, &err), err);
    rebuilt_after(f);
}

static void a_cut_block_is_noticed_and_the_index_made_anew(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "index.db", "UPDATE block SET data = substr(data, 1, 24)");
    searches_are_exact(f, SIZE);
    /* The indexer meets it when it merges. */
    for (int i = 0; i < 4; i++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
        index_to(f, SIZE + 5 * ((uint64_t)i + 1), 300);
    }
    searches_are_exact(f, SIZE + 20);
    assert_int_equal(test_sql_number(f->dir, "index.db", "SELECT max(past) FROM run"), SIZE + 20);
}

static void an_index_of_another_version_is_made_anew(void **state)
{
    struct fixture *f = *state;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "index.db", "PRAGMA user_version=99");
    pl_indexer_close(f->indexer);
    f->indexer = NULL;
    struct pl_err err;
    assert_ok(pl_indexer_open(f->dir, &f->indexer, &err), err);
    rebuilt_after(f);
}

static void an_index_of_another_history_is_not_believed(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "provlog.db",
             "UPDATE meta SET value = randomblob(16) WHERE name = 'generation'");
    /* Were it believed, an empty index would hide all. */
    test_sql(f->dir, "index.db", "UPDATE run SET items = 0, blocks = 0; DELETE FROM block");
    searches_are_exact(f, SIZE);
    size_t done = 0;
    assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE, 1000, &done, &err), err);
    assert_int_equal(done, SIZE);
    searches_are_exact(f, SIZE);
}

static void an_index_with_another_last_leaf_is_not_believed(void **state)
{
    struct fixture *f = *state;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "index.db",
             "UPDATE progress SET leaf = zeroblob(32);"
             "UPDATE run SET items = 0, blocks = 0; DELETE FROM block");
    rebuilt_after(f);
}

static void an_index_that_is_longer_than_the_log_is_made_anew(void **state)
{
    struct fixture *f = *state;

    index_to(f, SIZE, 300);
    test_sql(f->dir, "index.db", "UPDATE progress SET mark = 5000");
    searches_are_exact(f, SIZE);
    size_t done = 0;
    struct pl_err err;
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 1, &err), err);
    assert_ok(pl_indexer_step(f->indexer, TEST_LOG, SIZE + 1, 1000, &done, &err), err);
    assert_int_equal(done, SIZE + 1);
}

/* Equal hashes of unlike keys: the entry's own keys decide. */
static void a_colliding_hash_gives_no_false_hit(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    uint64_t *found;
    size_t n;
    bool more;

    index_to(f, SIZE, 1000);
    /* All entries at once lose their keys: what the index says of them is wrong from now on. */
    test_sql(f->dir, "provlog.db", "UPDATE entry SET keys = x'0003616c78'");
    assert_ok(pl_view_search(f->view, TEST_LOG, SIZE, PL_LIT("all"), 0, 10, &f->arena, &found, &n,
                             &more, &err),
              err);
    assert_int_equal(n, 0);
    assert_false(more);
}

static void a_key_that_an_entry_names_twice_is_one_item(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_log_state log;
    struct pl_hash root;
    struct test_entry e;
    uint64_t at, size = 0, *found;
    size_t n;
    bool more;

    assert_ok(pl_store_log_state(f->store, TEST_LOG, &log, &err), err);
    test_entry_make(&e, SALT, SIZE);
    e.keys[1] = e.keys[0];
    assert_ok(pl_range_append(&log.edge, &e.entry.leaf, e.nodes, &e.entry.nnodes, &err), err);
    pl_range_root(&log.edge, &root);
    assert_ok(pl_store_begin(f->store, &err), err);
    assert_ok(pl_store_append(f->store, TEST_LOG, SIZE, &e.entry, &at, &err), err);
    assert_ok(pl_store_put_checkpoint(f->store, TEST_LOG, SIZE + 1, &root, PL_LIT("n"), &err), err);
    assert_ok(pl_store_commit(f->store, &err), err);
    index_to(f, SIZE + 1, 100);
    assert_int_equal(test_sql_number(f->dir, "index.db", "SELECT sum(items) FROM run"),
                     SIZE * 3 + SIZE / 2 + 3);
    assert_ok(pl_view_search(f->view, TEST_LOG, SIZE + 1, e.keys[0], 0, 10, &f->arena, &found, &n,
                             &more, &err),
              err);
    assert_int_equal(n, 1);
    assert_ok(check_log(f->dir, TEST_LOG, 0, &size, &root, &err), err);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_search_without_an_index_is_exact),
        T(a_search_is_exact_at_every_mark),
        T(a_search_needs_the_index_for_what_is_below_the_mark),
        T(runs_stay_few_and_hold_everything),
        T(merging_over_many_blocks_is_exact),
        T(indexing_goes_on_where_it_was),
        T(two_logs_are_indexed_apart),
        T(a_deleted_index_is_made_anew),
        T(an_index_of_garbage_is_made_anew),
        T(a_cut_block_is_noticed_and_the_index_made_anew),
        T(an_index_of_another_version_is_made_anew),
        T(an_index_of_another_history_is_not_believed),
        T(an_index_with_another_last_leaf_is_not_believed),
        T(an_index_that_is_longer_than_the_log_is_made_anew),
        T(a_colliding_hash_gives_no_false_hit),
        T(a_key_that_an_entry_names_twice_is_one_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
