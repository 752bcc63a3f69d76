/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_append.c - the write transaction, through store.h alone: part of a driver's contract.
 */
#include "tests/unit/test.h"

#include "core/base/limits.h"
#include "tests/lib/test_log.h"

#include <stdio.h>

#define SALT 7

struct fixture {
    char dir[64];
    struct pl_store *store;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct pl_err err;

    test_dir_make(f.dir);
    assert_ok(test_log_create(f.dir, &err), err);
    assert_ok(test_log_open(f.dir, &f.store, &err), err);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pl_store_close(f->store);
    test_dir_remove(f->dir);
    return 0;
}

static struct pl_log_state log_of(struct fixture *f)
{
    struct pl_log_state log;
    struct pl_err err;
    assert_ok(pl_store_log_state(f->store, TEST_LOG, &log, &err), err);
    return log;
}

/* Entry @i as the next one of the log, with its nodes. */
static void next_entry(struct fixture *f, struct test_entry *e, uint64_t i)
{
    struct pl_log_state log = log_of(f);
    struct pl_err err;
    test_entry_make(e, SALT, i);
    assert_ok(pl_range_append(&log.edge, &e->entry.leaf, e->nodes, &e->entry.nnodes, &err), err);
}

static void a_new_log_is_empty(void **state)
{
    struct pl_log_state log = log_of(*state);

    assert_int_equal(log.edge.size, 0);
    assert_int_equal(log.edge.nedge, 0);
    assert_int_equal(log.checkpoint_size, 0);
    assert_int_equal(log.last_time, 0);
    assert_false(log.restored);
    assert_bytes(log.log.origin, PL_LIT(TEST_ORIGIN));
    assert_bytes(log.log.key_spki, PL_LIT("spki of v1"));
    assert_int_equal(log.log.tree_id, (UINT64_C(1) << 60) + 12345);
}

static void every_batch_size_gives_the_tree_of_its_bodies(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root, want;
    uint64_t size = 0, total = 0;

    for (uint64_t n = 1; n <= 24; n++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, n, &err), err);
        total += n;
    }
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, total);
    struct pl_log_state log = log_of(f);
    pl_range_root(&log.edge, &want);
    assert_memory_equal(root.b, want.b, PL_HASH_SIZE);
    assert_int_equal(log.checkpoint_size, total);
}

static void two_logs_do_not_mix(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    for (int i = 0; i < 5; i++) {
        assert_ok(test_log_append(f->store, PL_LOG_ID_V1, SALT, 9, &err), err);
        assert_ok(test_log_append(f->store, PL_LOG_ID_V2, SALT, 4, &err), err); /* equal leaves */
    }
    assert_ok(check_log(f->dir, PL_LOG_ID_V1, SALT, &size, &root, &err), err);
    assert_int_equal(size, 45);
    assert_ok(check_log(f->dir, PL_LOG_ID_V2, SALT, &size, &root, &err), err);
    assert_int_equal(size, 20);
}

static void a_known_leaf_gives_its_index_and_the_batch_goes_on(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct test_entry e;
    struct pl_hash root;
    uint64_t at = 99, size = 0;

    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
    assert_ok(pl_store_begin(f->store, &err), err);
    next_entry(f, &e, 3);
    assert_fails(pl_store_append(f->store, TEST_LOG, 5, &e.entry, &at, &err), PL_EEXISTS, "3", err);
    assert_int_equal(at, 3);
    next_entry(f, &e, 5);
    assert_ok(pl_store_append(f->store, TEST_LOG, 5, &e.entry, &at, &err), err);
    assert_int_equal(at, 5);
    /* Within one batch too. */
    next_entry(f, &e, 5);
    assert_fails(pl_store_append(f->store, TEST_LOG, 6, &e.entry, &at, &err), PL_EEXISTS, "5", err);
    struct pl_log_state log = log_of(f);
    pl_range_root(&log.edge, &root);
    assert_ok(pl_store_put_checkpoint(f->store, TEST_LOG, 6, &root, PL_LIT("n"), &err), err);
    assert_ok(pl_store_commit(f->store, &err), err);
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, 6);
}

static void a_rollback_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct test_entry e;
    struct pl_hash root;
    uint64_t at, size = 0;

    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
    struct pl_log_state before = log_of(f);
    assert_ok(pl_store_begin(f->store, &err), err);
    for (uint64_t i = 5; i < 9; i++) {
        next_entry(f, &e, i);
        assert_ok(pl_store_append(f->store, TEST_LOG, i, &e.entry, &at, &err), err);
    }
    pl_store_rollback(f->store);
    struct pl_log_state after = log_of(f);
    assert_memory_equal(&after, &before, sizeof(after));
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, 5);
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 4, &err), err);
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, 9);
}

/* Each refusal ends the batch: what comes after it is refused too, until the rollback. */
static void refused(struct fixture *f, struct test_entry *e, uint64_t index, enum pl_code code,
                    const char *text)
{
    struct pl_err err;
    struct test_entry good;
    uint64_t at = 77;

    assert_ok(pl_store_begin(f->store, &err), err);
    assert_fails(pl_store_append(f->store, TEST_LOG, index, &e->entry, &at, &err), code, text, err);
    assert_int_equal(at, 77);
    next_entry(f, &good, 5);
    assert_fails(pl_store_append(f->store, TEST_LOG, 5, &good.entry, &at, &err), PL_EINVAL,
                 "rolled back", err);
    assert_fails(pl_store_commit(f->store, &err), PL_EINVAL, "rolled back", err);
    pl_store_rollback(f->store);
    assert_int_equal(log_of(f).edge.size, 5);
}

static void what_contradicts_the_tree_is_refused(void **state)
{
    struct fixture *f = *state;
    static char big[PL_BODY_MAX + 1];
    struct pl_bytes long_key = pl_bytes(big, PL_SEARCH_KEY_MAX + 1), no_key = {0};
    struct pl_err err;
    struct test_entry e;

    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
    next_entry(f, &e, 5);
    refused(f, &e, 4, PL_EINVAL, "the next one is 5");
    refused(f, &e, 6, PL_EINVAL, "the next one is 5");
    next_entry(f, &e, 5);
    e.nodes[1].b[0] ^= 1;
    refused(f, &e, 5, PL_EINVAL, "nodes");
    next_entry(f, &e, 5);
    e.entry.nnodes--;
    refused(f, &e, 5, PL_EINVAL, "nodes");
    next_entry(f, &e, 5);
    e.entry.time = 1;
    refused(f, &e, 5, PL_EINVAL, "time 1");
    next_entry(f, &e, 5);
    e.entry.body = pl_bytes(big, sizeof(big));
    refused(f, &e, 5, PL_ETOOBIG, "65535");
    next_entry(f, &e, 5);
    e.keys[1] = long_key;
    refused(f, &e, 5, PL_ETOOBIG, "512");
    e.keys[1] = no_key;
    refused(f, &e, 5, PL_ETOOBIG, "0 bytes");
}

static void a_body_and_keys_of_the_greatest_size_are_kept(void **state)
{
    struct fixture *f = *state;
    static char big[PL_BODY_MAX];
    struct pl_err err;
    struct test_entry e;
    struct pl_range range;
    struct pl_hash root;
    uint64_t at, size = 0;

    test_entry_make(&e, SALT, 0);
    memset(big, 'x', sizeof(big));
    e.entry.body = pl_bytes(big, sizeof(big));
    e.keys[0] = pl_bytes(big, PL_SEARCH_KEY_MAX);
    e.entry.payload = pl_bytes(big, 60000);
    pl_leaf_hash(e.entry.body, &e.entry.leaf);
    pl_range_init(&range);
    assert_ok(pl_range_append(&range, &e.entry.leaf, e.nodes, &e.entry.nnodes, &err), err);
    pl_range_root(&range, &root);
    assert_ok(pl_store_begin(f->store, &err), err);
    assert_ok(pl_store_append(f->store, TEST_LOG, 0, &e.entry, &at, &err), err);
    assert_ok(pl_store_put_checkpoint(f->store, TEST_LOG, 1, &root, PL_LIT("n"), &err), err);
    assert_ok(pl_store_commit(f->store, &err), err);
    assert_ok(check_log(f->dir, TEST_LOG, 0, &size, &root, &err), err);
    assert_int_equal(size, 1);
}

static void a_checkpoint_must_be_the_trees(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root = {{1}};

    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
    for (uint64_t size = 4; size <= 6; size++) {
        assert_ok(pl_store_begin(f->store, &err), err);
        assert_fails(pl_store_put_checkpoint(f->store, TEST_LOG, size, &root, PL_LIT("n"), &err),
                     PL_EINVAL, "the tree's size is 5", err);
        pl_store_rollback(f->store);
    }
    struct test_entry e;
    uint64_t at;
    assert_ok(pl_store_begin(f->store, &err), err);
    next_entry(f, &e, 5);
    assert_ok(pl_store_append(f->store, TEST_LOG, 5, &e.entry, &at, &err), err);
    assert_fails(pl_store_put_checkpoint(f->store, TEST_LOG, 6, &root, PL_LIT("n"), &err),
                 PL_EINVAL, "root", err);
    assert_fails(pl_store_commit(f->store, &err), PL_EINVAL, "rolled back", err);
    pl_store_rollback(f->store);
    assert_int_equal(log_of(f).edge.size, 5);
}

static void a_set_is_stored_once_and_never_for_a_missing_entry(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view *view;
    struct pl_view_entry e;
    struct pl_arena arena;

    pl_arena_init(&arena, 1 << 20);
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 5, &err), err);
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    assert_ok(pl_view_get(view, TEST_LOG, 5, 2, &arena, &e, &err), err);
    assert_int_equal(e.set.n, 0);
    assert_ok(pl_store_begin(f->store, &err), err);
    assert_ok(pl_store_put_set(f->store, TEST_LOG, 2, PL_LIT("first"), &err), err);
    assert_ok(pl_store_put_set(f->store, TEST_LOG, 2, PL_LIT("second"), &err), err);
    assert_fails(pl_store_put_set(f->store, TEST_LOG, 5, PL_LIT("x"), &err), PL_EINVAL,
                 "no such entry", err);
    assert_ok(pl_store_commit(f->store, &err), err); /* the bad one did not end the batch */
    assert_ok(pl_view_get(view, TEST_LOG, 5, 2, &arena, &e, &err), err);
    assert_bytes(e.set, PL_LIT("first"));
    pl_view_close(view);
    pl_arena_free(&arena);
}

static void nothing_is_written_outside_a_batch(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct test_entry e;
    uint64_t at;

    next_entry(f, &e, 0);
    assert_fails(pl_store_append(f->store, TEST_LOG, 0, &e.entry, &at, &err), PL_EINVAL,
                 "no batch is open", err);
    assert_fails(pl_store_put_set(f->store, TEST_LOG, 0, PL_LIT("x"), &err), PL_EINVAL,
                 "no batch is open", err);
    assert_fails(pl_store_commit(f->store, &err), PL_EINVAL, "no batch is open", err);
}

static void a_reopened_store_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    for (int i = 0; i < 6; i++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 7, &err), err);
        struct pl_log_state before = log_of(f);
        pl_store_close(f->store);
        f->store = NULL;
        assert_ok(test_log_open(f->dir, &f->store, &err), err);
        struct pl_log_state after = log_of(f);
        assert_int_equal(after.edge.size, before.edge.size);
        assert_int_equal(after.last_time, before.last_time);
        assert_int_equal(after.checkpoint_size, before.checkpoint_size);
        assert_memory_equal(after.edge.edge, before.edge.edge,
                            before.edge.nedge * sizeof(before.edge.edge[0]));
    }
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, 42);
}

static void a_recovery_of_a_healthy_store_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;

    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 7, &err), err);
    struct pl_log_state before = log_of(f);
    assert_ok(pl_store_recover(f->store, &err), err);
    struct pl_log_state after = log_of(f);
    assert_memory_equal(&after.edge, &before.edge, sizeof(after.edge));
    assert_ptr_equal(after.log.origin.p, before.log.origin.p); /* views live until close */
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 7, &err), err);
}

static void the_write_ahead_log_is_kept_below_its_limit(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_store_opts opts = {.dir = f->dir, .repair_tail = true, .wal_max = 1 << 20};
    struct pl_hash root;
    uint64_t size = 0;
    char wal[96];

    pl_store_close(f->store);
    f->store = NULL;
    assert_ok(pl_store_open(&opts, &f->store, &err), err);
    (void)snprintf(wal, sizeof(wal), "%s/provlog.db-wal", f->dir);
    long greatest = 0, last = 0;
    for (int i = 0; i < 60; i++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 20, &err), err);
        assert_ok(pl_store_maintain(f->store, &err), err);
        FILE *file = fopen(wal, "rb");
        assert_non_null(file);
        (void)fseek(file, 0, SEEK_END);
        last = ftell(file);
        greatest = last > greatest ? last : greatest;
        (void)fclose(file);
    }
    assert_true(greatest > 1 << 18);
    assert_true(greatest < 2 << 20);
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_log_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_batch_size_gives_the_tree_of_its_bodies, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_logs_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_known_leaf_gives_its_index_and_the_batch_goes_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_contradicts_the_tree_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_and_keys_of_the_greatest_size_are_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_must_be_the_trees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_is_stored_once_and_never_for_a_missing_entry, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_written_outside_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reopened_store_goes_on_where_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_recovery_of_a_healthy_store_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_write_ahead_log_is_kept_below_its_limit, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
