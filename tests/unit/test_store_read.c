/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_read.c - reading connections, through store.h alone: part of a driver's contract. */
#include "tests/unit/test.h"

#include "core/tlog/proof.h"
#include "tests/lib/test_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define SALT 7
#define SIZE 75

struct fixture {
    char dir[64];
    struct pl_store *store;
    struct pl_view *view;
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
    for (int i = 0; i < 5; i++)
        assert_ok(test_log_append(f.store, TEST_LOG, SALT, SIZE / 5, &err), err);
    assert_ok(pl_view_open(f.dir, &f.view, &err), err);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pl_view_close(f->view);
    pl_store_close(f->store);
    pl_arena_free(&f->arena);
    test_dir_remove(f->dir);
    return 0;
}

static void every_read_is_bounded_by_the_published_size(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view_entry e;
    struct pl_bytes payload, *keys;
    size_t nkeys;
    uint64_t found = 0;
    struct test_entry want;

    for (uint64_t size = 0; size <= SIZE; size += 15) {
        for (uint64_t i = 0; i < SIZE; i++) {
            enum pl_code code = i < size ? PL_OK : PL_ENOTFOUND;
            test_entry_make(&want, SALT, i);
            assert_int_equal(pl_view_get(f->view, TEST_LOG, size, i, &f->arena, &e, &err), code);
            assert_int_equal(
                pl_view_find_leaf(f->view, TEST_LOG, size, &want.entry.leaf, &found, &err), code);
            assert_int_equal(
                pl_view_keys(f->view, TEST_LOG, size, i, &f->arena, &keys, &nkeys, &err), code);
            if (want.entry.payload.n == 0)
                code = PL_ENOTFOUND;
            assert_int_equal(pl_view_payload(f->view, TEST_LOG, size, i, &f->arena, &payload, &err),
                             code);
            pl_arena_reset(&f->arena);
        }
    }
    assert_fails(pl_view_get(f->view, TEST_LOG, SIZE, SIZE, &f->arena, &e, &err), PL_ENOTFOUND,
                 "75 entries", err);
    /* A size beyond what is there shows nothing either; nor does another log. */
    assert_int_equal(pl_view_get(f->view, TEST_LOG, UINT64_MAX, SIZE, &f->arena, &e, &err),
                     PL_ENOTFOUND);
    assert_int_equal(
        pl_view_get(f->view, TEST_LOG, UINT64_MAX, UINT64_MAX - 1, &f->arena, &e, &err),
        PL_ENOTFOUND);
    assert_int_equal(pl_view_get(f->view, PL_LOG_ID_V2, SIZE, 0, &f->arena, &e, &err),
                     PL_ENOTFOUND);
}

static void an_unknown_leaf_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash leaf = {{9}};
    uint64_t found = 42;

    assert_fails(pl_view_find_leaf(f->view, TEST_LOG, SIZE, &leaf, &found, &err), PL_ENOTFOUND,
                 "no such leaf", err);
    assert_int_equal(found, 42);
}

/* Edges of all sizes from the stored nodes equal those made by appending. */
static void stored_nodes_give_the_edge_of_every_size(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_range made, loaded;
    struct pl_hash nodes[64], a, b;
    unsigned n;

    pl_range_init(&made);
    for (uint64_t size = 0; size <= SIZE; size++) {
        struct pl_view_hashes h = {.view = f->view, .log_id = TEST_LOG, .size = size};
        assert_ok(pl_range_load(&loaded, size, pl_view_hashes, &h, &err), err);
        pl_range_root(&loaded, &a);
        pl_range_root(&made, &b);
        assert_memory_equal(a.b, b.b, PL_HASH_SIZE);
        struct test_entry e;
        test_entry_make(&e, SALT, size);
        assert_ok(pl_range_append(&made, &e.entry.leaf, nodes, &n, &err), err);
    }
}

static void proofs_are_built_over_the_store(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view_hashes h = {.view = f->view, .log_id = TEST_LOG, .size = SIZE};
    struct pl_hash root;
    struct pl_bytes note;
    struct pl_proof proof;
    uint64_t size;

    assert_ok(
        pl_view_checkpoint(f->view, TEST_LOG, UINT64_MAX, &f->arena, &size, &root, &note, &err),
        err);
    assert_int_equal(size, SIZE);
    for (uint64_t i = 0; i < SIZE; i++) {
        struct test_entry e;
        test_entry_make(&e, SALT, i);
        assert_ok(pl_proof_inclusion(i, SIZE, pl_view_hashes, &h, &proof, &err), err);
        assert_ok(pl_verify_inclusion(i, SIZE, &e.entry.leaf, proof.hash, proof.n, &root, &err),
                  err);
    }
}

static void a_node_that_is_not_complete_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view_hashes h = {.view = f->view, .log_id = TEST_LOG, .size = 12};
    struct pl_hash got;
    static const struct pl_node INCOMPLETE[] = {{0, 12}, {2, 3},          {3, 1},
                                                {4, 0},  {63, 0},         {63, 1},
                                                {1, 6},  {0, UINT64_MAX}, {3, UINT64_MAX}};

    for (size_t i = 0; i < sizeof(INCOMPLETE) / sizeof(INCOMPLETE[0]); i++)
        assert_fails(pl_view_hashes(&h, &INCOMPLETE[i], 1, &got, &err), PL_ENOTFOUND,
                     "not complete", err);
    struct pl_node complete = {2, 2};
    assert_ok(pl_view_hashes(&h, &complete, 1, &got, &err), err);
}

static void checkpoints_are_found_by_size(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    struct pl_bytes note;
    uint64_t size = 0;

    for (uint64_t want = 1; want <= SIZE; want++) {
        enum pl_code rc =
            pl_view_checkpoint(f->view, TEST_LOG, want, &f->arena, &size, &root, &note, &err);
        assert_int_equal(rc, want % 15 == 0 ? PL_OK : PL_ENOTFOUND);
        if (rc == PL_OK) {
            char text[64];
            (void)snprintf(text, sizeof(text), "note of size %d", (int)want);
            assert_bytes(note, pl_str(text));
            assert_int_equal(size, want);
        }
    }
    assert_int_equal(
        pl_view_checkpoint(f->view, PL_LOG_ID_V2, UINT64_MAX, &f->arena, &size, &root, &note, &err),
        PL_ENOTFOUND);
}

static void a_snapshot_shows_one_state(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    struct pl_bytes note;
    uint64_t size = 0;

    assert_ok(pl_view_begin(f->view, &err), err);
    for (int i = 0; i < 2; i++) {
        assert_ok(
            pl_view_checkpoint(f->view, TEST_LOG, UINT64_MAX, &f->arena, &size, &root, &note, &err),
            err);
        assert_int_equal(size, SIZE);
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 3, &err), err);
    }
    pl_view_end(f->view);
    assert_ok(pl_view_begin(f->view, &err), err);
    assert_ok(
        pl_view_checkpoint(f->view, TEST_LOG, UINT64_MAX, &f->arena, &size, &root, &note, &err),
        err);
    assert_int_equal(size, SIZE + 6);
    pl_view_end(f->view);
}

/* A reader that holds a snapshot costs the writer no wait worth the name, and no error. */
static void a_snapshot_does_not_stop_the_writer(void **state)
{
    struct fixture *f = *state;
    struct pl_store_opts opts = {.dir = f->dir, .repair_tail = true, .wal_max = 1 << 21};
    struct pl_err err;
    struct pl_view_entry e;
    int busy = 0;

    pl_store_close(f->store);
    f->store = NULL;
    assert_ok(pl_store_open(&opts, &f->store, &err), err);
    assert_ok(pl_view_begin(f->view, &err), err);
    assert_ok(pl_view_get(f->view, TEST_LOG, SIZE, 3, &f->arena, &e, &err), err);
    for (int i = 0; i < 40; i++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 10, &err), err);
        busy += pl_store_maintain(f->store, &err) != PL_OK;
    }
    assert_true(busy > 0);  /* it was tried, */
    assert_true(busy < 20); /* and not after each batch */
    pl_view_end(f->view);
    for (int i = 0; i < 20; i++)
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 10, &err), err);
    assert_ok(pl_store_maintain(f->store, &err), err);
}

/* A start or a recovery beside a reader of the newest state makes the tail durable all the same; a
 * reader of an older state keeps frames from being moved: then nothing is opened. */
static void a_start_beside_a_reader_needs_the_newest_state_moved(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view_entry e;

    assert_ok(pl_view_begin(f->view, &err), err);
    assert_ok(pl_view_get(f->view, TEST_LOG, SIZE, 3, &f->arena, &e, &err), err);
    assert_ok(pl_store_recover(f->store, &err), err);
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 3, &err), err);
    assert_fails(pl_store_recover(f->store, &err), PL_EIO, "locked", err);
    assert_fails(pl_store_begin(f->store, &err), PL_EIO, "not been recovered", err);
    struct pl_log_state log;
    assert_ok(pl_store_log_state(f->store, TEST_LOG, &log, &err), err); /* reads go on */
    assert_int_equal(log.edge.size, SIZE + 3);
    pl_view_end(f->view);
    assert_ok(pl_store_recover(f->store, &err), err);
    assert_ok(test_log_append(f->store, TEST_LOG, SALT, 3, &err), err);
}

static void a_missing_database_is_named(void **state)
{
    struct pl_view *view;
    struct pl_err err;
    char dir[64];

    (void)state;
    test_dir_make(dir);
    assert_fails(pl_view_open(dir, &view, &err), PL_EIO, dir, err);
    assert_fails(pl_view_open(dir, &view, &err), PL_EIO, "no such file", err);
    test_dir_remove(dir);
}

static void the_logs_of_a_database_are_listed(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_log_row *rows;
    size_t n = 0;

    assert_ok(pl_store_logs(f->dir, &f->arena, &rows, &n, &err), err);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].log_id, PL_LOG_ID_V1);
    assert_int_equal(rows[1].log_id, PL_LOG_ID_V2);
    assert_int_equal(rows[1].created, 1700000001);
    assert_bytes(rows[1].key_spki, PL_LIT("spki of v2"));
}

/* ---- threads ---- */

struct reader {
    const char *dir;
    atomic_bool *stop;
    atomic_uint_least64_t *published;
    uint64_t reads;
    bool ok;
};

static bool read_once(struct pl_view *view, uint64_t size, struct pl_arena *arena)
{
    struct pl_err err;
    struct pl_view_entry e;
    struct pl_view_hashes h = {.view = view, .log_id = TEST_LOG, .size = size};
    struct pl_proof proof;
    struct test_entry want;
    uint64_t i = size / 2;

    test_entry_make(&want, SALT, i);
    pl_arena_reset(arena);
    bool ok = pl_view_begin(view, &err) == PL_OK &&
              pl_view_get(view, TEST_LOG, size, i, arena, &e, &err) == PL_OK &&
              pl_bytes_eq(e.body, want.entry.body) &&
              pl_proof_inclusion(i, size, pl_view_hashes, &h, &proof, &err) == PL_OK;
    pl_view_end(view);
    return ok;
}

static void *reader_main(void *arg)
{
    struct reader *r = arg;
    struct pl_view *view = NULL;
    struct pl_arena arena;
    struct pl_err err;

    pl_arena_init(&arena, 1 << 20);
    r->ok = pl_view_open(r->dir, &view, &err) == PL_OK;
    while (r->ok && !atomic_load(r->stop)) {
        r->ok = read_once(view, atomic_load(r->published), &arena);
        r->reads++;
    }
    pl_view_close(view);
    pl_arena_free(&arena);
    return NULL;
}

static void readers_see_all_that_is_published(void **state)
{
    struct fixture *f = *state;
    atomic_bool stop = false;
    atomic_uint_least64_t published = SIZE;
    struct reader reader[3];
    pthread_t thread[3];
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    for (int i = 0; i < 3; i++) {
        reader[i] = (struct reader){.dir = f->dir, .stop = &stop, .published = &published};
        assert_int_equal(pthread_create(&thread[i], NULL, reader_main, &reader[i]), 0);
    }
    for (int i = 0; i < 60; i++) {
        assert_ok(test_log_append(f->store, TEST_LOG, SALT, 11, &err), err);
        atomic_store(&published, SIZE + 11 * ((uint64_t)i + 1));
        if (i % 20 == 10)
            assert_ok(pl_store_checkpoint_passive(f->dir, &err), err);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        assert_true(reader[i].ok);
        assert_true(reader[i].reads > 0);
    }
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, SIZE + 660);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_read_is_bounded_by_the_published_size),
        T(an_unknown_leaf_is_not_found),
        T(stored_nodes_give_the_edge_of_every_size),
        T(proofs_are_built_over_the_store),
        T(a_node_that_is_not_complete_is_not_found),
        T(checkpoints_are_found_by_size),
        T(a_snapshot_shows_one_state),
        T(a_snapshot_does_not_stop_the_writer),
        T(a_start_beside_a_reader_needs_the_newest_state_moved),
        T(a_missing_database_is_named),
        T(the_logs_of_a_database_are_listed),
        T(readers_see_all_that_is_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
