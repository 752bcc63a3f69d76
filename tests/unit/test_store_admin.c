/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_admin.c - creation, start checks, fsck, backup and restore. */
#include "tests/unit/test.h"

#include "tests/lib/test_log.h"
#include "tests/lib/test_sql.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALT 7
#define SIZE 75

struct fixture {
    char dir[64], other[64]; /* a log of SIZE entries, closed; an empty folder */
};

static int set_up(void **state)
{
    static struct fixture f;
    struct pl_store *store;
    struct pl_err err;

    test_dir_make(f.dir);
    test_dir_make(f.other);
    assert_ok(test_log_create(f.dir, &err), err);
    assert_ok(test_log_open(f.dir, &store, &err), err);
    for (int i = 0; i < 5; i++)
        assert_ok(test_log_append(store, TEST_LOG, SALT, SIZE / 5, &err), err);
    assert_ok(pl_store_begin(store, &err), err);
    assert_ok(pl_store_put_set(store, TEST_LOG, 3, PL_LIT("a set"), &err), err);
    assert_ok(pl_store_commit(store, &err), err);
    pl_store_close(store);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    test_dir_remove(f->dir);
    test_dir_remove(f->other);
    return 0;
}

/* ---- creation ---- */

static void a_database_exists_once_it_is_made(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    bool there = true;

    assert_ok(pl_store_exists(f->other, &there, &err), err);
    assert_false(there);
    assert_ok(test_log_create(f->other, &err), err);
    assert_ok(pl_store_exists(f->other, &there, &err), err);
    assert_true(there);
    assert_fails(test_log_create(f->other, &err), PL_EEXISTS, "there already", err);
}

static void a_leftover_of_an_interrupted_creation_is_no_obstacle(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_store *store;
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/provlog.db.new", f->other);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs("half a database", file);
    (void)fclose(file);
    assert_ok(test_log_create(f->other, &err), err);
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(test_log_open(f->other, &store, &err), err);
    pl_store_close(store);
}

/* SQLite would play a write-ahead log that lost its database into the new one. */
static void a_lost_write_ahead_log_stops_creation(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/provlog.db-wal", f->other);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fclose(file);
    assert_fails(test_log_create(f->other, &err), PL_EEXISTS, "move it away", err);
}

static void a_missing_folder_is_named(void **state)
{
    struct pl_err err;
    struct pl_store *store;
    uint64_t a, b;

    (void)state;
    assert_fails(test_log_create("/nonexistent/folder", &err), PL_EIO, "/nonexistent/folder", err);
    assert_fails(test_log_open("/nonexistent/folder", &store, &err), PL_EIO, "/nonexistent/folder",
                 err);
    assert_fails(pl_store_disk("/nonexistent/folder", &a, &b, &err), PL_EIO, "/nonexistent/folder",
                 err);
    assert_ok(pl_store_disk("/", &a, &b, &err), err);
    assert_true(a <= b && b > 0);
}

/* ---- opening ---- */

static void open_fails(struct fixture *f, enum pl_code code, const char *text)
{
    struct pl_err err;
    struct pl_store *store = NULL;

    assert_fails(test_log_open(f->dir, &store, &err), code, text, err);
    assert_fails(pl_store_open(&(struct pl_store_opts){.dir = f->dir}, &store, &err), code, text,
                 err);
    assert_null(store);
}

static void a_newer_schema_is_refused_with_both_versions(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view *view;

    test_sql(f->dir, "provlog.db", "PRAGMA user_version=4711");
    open_fails(f, PL_EINVAL, "schema version 4711, this program knows up to 1");
    assert_fails(pl_view_open(f->dir, &view, &err), PL_EINVAL, "4711", err);
}

static void a_foreign_database_is_refused(void **state)
{
    struct fixture *f = *state;

    test_sql(f->dir, "provlog.db", "PRAGMA application_id=17");
    open_fails(f, PL_EINVAL, "no database of provlog");
}

static void a_file_of_garbage_is_refused(void **state)
{
    struct fixture *f = *state;

    test_damage(f->dir, "provlog.db", 0, 100);
    open_fails(f, PL_ECORRUPT, "not a database");
}

/* What a start must notice in O(log n), and what it says. */
static void a_contradiction_is_noticed_at_the_start(void **state)
{
    static const struct {
        const char *sql, *text;
    } CASE[] = {
        {"UPDATE checkpoint SET root = zeroblob(32) WHERE id & 0xfffffffffff = 75",
         "the checkpoint of size 75 has root 0000"},
        {"DELETE FROM leaf WHERE id & 0xfffffffffff = 74", "75 entries, 74 leaf hashes"},
        {"DELETE FROM entry WHERE id & 0xfffffffffff = 74", "74 entries, 75 leaf hashes"},
        {"DELETE FROM entry WHERE id & 0xfffffffffff >= 70;"
         "DELETE FROM leaf WHERE id & 0xfffffffffff >= 70",
         "70 entries, 70 leaf hashes, checkpoint of size 75"},
        {"DELETE FROM entry WHERE id & 0xfffffffffff = 65", "entry 65 is missing"},
        {"UPDATE entry SET body = x'00' WHERE id & 0xfffffffffff = 66",
         "the body of entry 66 is not what was hashed"},
        {"UPDATE leaf SET hash = randomblob(32) WHERE id & 0xfffffffffff = 67", "log 1"},
        {"UPDATE leaf SET nodes = zeroblob(length(nodes)) WHERE id & 0xfffffffffff = 63", "log 1"},
        {"UPDATE leaf SET nodes = x'' WHERE id & 0xfffffffffff = 71", "log 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
        void *each = NULL;
        set_up(&each);
        test_sql(((struct fixture *)each)->dir, "provlog.db", CASE[i].sql);
        open_fails(each, PL_ECORRUPT, CASE[i].text);
        tear_down(&each);
    }
}

static void a_contradicting_log_stays_readable(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_view *view;
    struct pl_view_entry e;
    struct pl_arena arena;

    pl_arena_init(&arena, 1 << 20);
    test_sql(f->dir, "provlog.db", "UPDATE checkpoint SET root = zeroblob(32)");
    open_fails(f, PL_ECORRUPT, "root");
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    assert_ok(pl_view_get(view, TEST_LOG, SIZE, 10, &arena, &e, &err), err);
    pl_view_close(view);
    pl_arena_free(&arena);
}

static void an_unknown_synchronous_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pl_store_opts opts = {.dir = f->dir, .repair_tail = true, .synchronous = "SOMETIMES"};
    struct pl_store *store;
    struct pl_err err;

    assert_fails(pl_store_open(&opts, &store, &err), PL_EINVAL, "SOMETIMES", err);
}

/* ---- fsck ---- */

struct told {
    uint64_t problems;
    char text[20][256];
};

static void remember(void *ctx, bool is_problem, const char *text)
{
    struct told *told = ctx;
    if (!is_problem)
        return;
    if (told->problems < 20)
        (void)snprintf(told->text[told->problems], sizeof(told->text[0]), "%s", text);
    told->problems++;
}

/* Runs fsck: one problem told contains @text. Returns how many there are. */
static uint64_t fsck_tells(const char *dir, const char *text)
{
    struct told told = {0};
    struct pl_err err;
    uint64_t problems = 0;
    bool found = false;

    assert_ok(pl_store_fsck(dir, NULL, remember, &told, &problems, &err), err);
    for (uint64_t i = 0; i < told.problems && i < 20; i++)
        found = found || strstr(told.text[i], text) != NULL;
    if (!found)
        fail_msg("fsck does not tell \"%s\"; %d problems, first: %s", text, (int)problems,
                 told.text[0]);
    return problems;
}

static void fsck_finds_nothing_in_a_sound_log(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct told told = {0};
    uint64_t problems = 99;

    assert_ok(pl_store_fsck(f->dir, NULL, remember, &told, &problems, &err), err);
    assert_int_equal(problems, 0);
    assert_int_equal(told.problems, 0);
}

static void fsck_names_each_kind_of_damage(void **state)
{
    static const struct {
        const char *file, *sql, *text;
        uint64_t problems; /* 0: more than one */
    } CASE[] = {
        {"provlog.db", "UPDATE entry SET body = x'01' WHERE id & 0xfffffffffff = 20",
         "the body of entry 20 does not give its leaf hash", 1},
        {"provlog.db", "UPDATE entry SET body = x'01'", "the body of entry 0 ", SIZE},
        {"provlog.db", "DELETE FROM entry WHERE id & 0xfffffffffff = 22", "entry 22 is missing", 0},
        {"provlog.db", "DELETE FROM leaf WHERE id & 0xfffffffffff = 22",
         "leaf hash of entry 22 is missing", 1},
        {"provlog.db", "UPDATE leaf SET hash = randomblob(32) WHERE id & 0xfffffffffff = 30",
         "the body of entry 30 does not give its leaf hash", 0},
        {"provlog.db",
         "UPDATE leaf SET nodes = zeroblob(length(nodes)) WHERE id & 0xfffffffffff = 31",
         "tree nodes stored with entry 31", 1},
        {"provlog.db", "UPDATE checkpoint SET root = zeroblob(32) WHERE id & 0xfffffffffff = 30",
         "the checkpoint of size 30", 1},
        {"provlog.db", "UPDATE checkpoint SET id = id + 1 WHERE id & 0xfffffffffff = 75",
         "checkpoint of size 76, but the log has 75", 1},
        {"provlog.db", "UPDATE entry SET time = 5 WHERE id & 0xfffffffffff = 40",
         "entry 40 has time 5", 1},
        {"provlog.db", "UPDATE entry SET keys = x'00ff00' WHERE id & 0xfffffffffff = 41",
         "search keys of entry 41 are malformed", 1},
        {"provlog.db", "UPDATE payload SET id = id + 1000 WHERE id & 0xfffffffffff = 42",
         "1 payloads of no entry", 1},
        {"provlog.db", "UPDATE promise SET id = id + 1000", "1 SETs of no entry", 1},
        {"provlog.db",
         "INSERT INTO leaf VALUES ((9 << 44) + 1, 9, randomblob(32), x'');"
         "INSERT INTO entry VALUES ((9 << 44) + 1, 1, 'k', x'', x'');"
         "INSERT INTO checkpoint VALUES ((9 << 44) + 1, zeroblob(32), x'')",
         "of no log", 3},
        {"index.db", "UPDATE block SET data = zeroblob(length(data))",
         "index over the entries [0, 75) is not that of their keys", 2},
        {"index.db", "DELETE FROM block", "is missing or cut", 1},
        {"index.db", "UPDATE block SET low = zeroblob(12)", "misplaced", 1},
        {"index.db", "UPDATE progress SET mark = 74", "mark is 74, its runs end at 75", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
        void *each = NULL;
        struct pl_indexer *x;
        struct pl_err err;
        size_t done;

        set_up(&each);
        const char *dir = ((struct fixture *)each)->dir;
        assert_ok(pl_indexer_open(dir, &x, &err), err);
        assert_ok(pl_indexer_step(x, TEST_LOG, SIZE, 100, &done, &err), err);
        pl_indexer_close(x);
        test_sql(dir, CASE[i].file, CASE[i].sql);
        uint64_t problems = fsck_tells(dir, CASE[i].text);
        /* Changed keys differ from the index too. */
        if (strstr(CASE[i].sql, "keys =") != NULL || strstr(CASE[i].sql, "DELETE FROM entry"))
            problems--;
        if (CASE[i].problems != 0 && problems != CASE[i].problems)
            fail_msg("%s: %d problems", CASE[i].sql, (int)problems);
        tear_down(&each);
    }
}

static void fsck_finds_a_damaged_page(void **state)
{
    struct fixture *f = *state;
    struct told told = {0};
    struct pl_err err;
    uint64_t problems = 0;

    test_damage(f->dir, "provlog.db", 5L * 16384, 64);
    assert_ok(pl_store_fsck(f->dir, NULL, remember, &told, &problems, &err), err);
    assert_true(problems > 0);
}

struct seen {
    uint64_t entries, checkpoints;
};

static enum pl_code see_entry(void *ctx, uint32_t log_id, const struct pl_view_entry *e,
                              struct pl_bytes payload, const struct pl_bytes *keys, size_t nkeys,
                              struct pl_err *err)
{
    struct seen *seen = ctx;
    struct test_entry want;

    assert_int_equal(log_id, TEST_LOG);
    assert_int_equal(e->index, seen->entries++);
    test_entry_make(&want, SALT, e->index);
    assert_bytes(e->body, want.entry.body);
    assert_bytes(payload, want.entry.payload);
    assert_int_equal(nkeys, want.entry.nkeys);
    assert_bytes(keys[nkeys - 1], want.keys[nkeys - 1]);
    if (e->index == 3)
        assert_bytes(e->set, PL_LIT("a set"));
    return e->index == 50 ? PL_FAIL(err, PL_EVERIFY, "fifty is forged") : PL_OK;
}

static enum pl_code see_checkpoint(void *ctx, uint32_t log_id, uint64_t size,
                                   const struct pl_hash *root, struct pl_bytes note,
                                   struct pl_err *err)
{
    struct seen *seen = ctx;

    (void)log_id;
    (void)root;
    assert_true(note.n > 0);
    assert_int_equal(size, 15 * ++seen->checkpoints);
    assert_int_equal(seen->entries, size);
    return size == 30 ? PL_FAIL(err, PL_EVERIFY, "thirty is forged") : PL_OK;
}

static void fsck_asks_its_caller_about_each_entry_and_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    struct pl_fsck_entry_hook hook = {
        .entry = see_entry, .checkpoint = see_checkpoint, .ctx = &seen};
    struct told told = {0};
    struct pl_err err;
    uint64_t problems = 0;

    assert_ok(pl_store_fsck(f->dir, &hook, remember, &told, &problems, &err), err);
    assert_int_equal(problems, 2);
    assert_int_equal(seen.entries, SIZE);
    assert_int_equal(seen.checkpoints, 5);
    assert_non_null(strstr(told.text[0], "thirty is forged"));
    assert_non_null(strstr(told.text[1], "entry 50: fifty is forged"));
}

/* ---- backup and restore ---- */

static void a_backup_restores_with_its_mark(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root, want;
    struct pl_store *store;
    struct pl_log_state log;
    struct pl_range range;
    uint64_t size = 0;
    char file[96], part[96];

    assert_ok(test_log_open(f->dir, &store, &err), err);
    assert_ok(pl_store_log_state(store, TEST_LOG, &log, &err), err);
    range = log.edge;
    pl_range_root(&range, &want);
    pl_store_close(store);

    (void)snprintf(file, sizeof(file), "%s/backup", f->other);
    (void)snprintf(part, sizeof(part), "%s/backup.part", f->other);
    assert_ok(pl_store_backup(f->dir, file, &size, &root, &err), err);
    assert_int_equal(size, SIZE);
    assert_memory_equal(root.b, want.b, PL_HASH_SIZE);
    assert_int_equal(access(part, F_OK), -1);
    assert_fails(pl_store_backup(f->dir, file, &size, &root, &err), PL_EEXISTS, "there already",
                 err);

    assert_fails(pl_store_restore(f->dir, file, &size, &err), PL_EEXISTS, "there already", err);
    assert_ok(pl_store_restore(f->other, file, &size, &err), err);
    assert_int_equal(size, SIZE);
    assert_ok(check_log(f->other, TEST_LOG, SALT, &size, &root, &err), err);

    assert_ok(test_log_open(f->other, &store, &err), err);
    assert_ok(pl_store_log_state(store, TEST_LOG, &log, &err), err);
    assert_true(log.restored);
    assert_int_equal(log.restored_size, SIZE);
    assert_fails(test_log_append(store, TEST_LOG, SALT, 1, &err), PL_EINVAL, "restored copy", err);
    assert_fails(pl_store_clear_restored(store, TEST_LOG, SIZE + 1, &err), PL_EINVAL,
                 "75 entries, the log is said to have had 76", err);
    assert_ok(pl_store_clear_restored(store, TEST_LOG, SIZE, &err), err);
    assert_ok(test_log_append(store, TEST_LOG, SALT, 1, &err), err);
    pl_store_close(store);
    assert_ok(test_log_open(f->other, &store, &err), err);
    assert_ok(pl_store_log_state(store, TEST_LOG, &log, &err), err);
    assert_false(log.restored); /* for good */
    assert_ok(pl_store_log_state(store, PL_LOG_ID_V2, &log, &err), err);
    assert_true(log.restored); /* each log for itself */
    pl_store_close(store);
}

/* However a backup file comes into a data directory, it is known as a copy. */
static void a_backup_file_that_was_copied_by_hand_carries_the_mark(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    struct pl_store *store;
    struct pl_log_state log;
    uint64_t size = 0;
    char file[96];

    (void)snprintf(file, sizeof(file), "%s/provlog.db", f->other);
    assert_ok(pl_store_backup(f->dir, file, &size, &root, &err), err);
    assert_ok(test_log_open(f->other, &store, &err), err);
    assert_ok(pl_store_log_state(store, TEST_LOG, &log, &err), err);
    assert_true(log.restored);
    pl_store_close(store);
}

static void what_is_no_sound_database_is_not_restored(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;
    bool there = true;
    char file[96];

    (void)snprintf(file, sizeof(file), "%s/backup", f->other);
    assert_fails(pl_store_restore(f->other, file, &size, &err), PL_EIO, "no such file", err);
    FILE *empty = fopen(file, "wb");
    assert_non_null(empty);
    (void)fclose(empty);
    assert_fails(pl_store_restore(f->other, file, &size, &err), PL_EINVAL, "no database of provlog",
                 err);
    assert_int_equal(unlink(file), 0);
    assert_ok(pl_store_backup(f->dir, file, &size, &root, &err), err);
    test_sql(f->other, "backup", "UPDATE leaf SET hash = randomblob(32) WHERE id & 0xffff = 20");
    assert_fails(pl_store_restore(f->other, file, &size, &err), PL_ECORRUPT, "log 1", err);
    assert_ok(pl_store_exists(f->other, &there, &err), err);
    assert_false(there);
}

static void a_damaged_log_gives_no_backup(void **state)
{
    struct fixture *f = *state;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;
    char file[96];

    (void)snprintf(file, sizeof(file), "%s/backup", f->other);
    test_sql(f->dir, "provlog.db",
             "UPDATE leaf SET nodes = zeroblob(length(nodes)) WHERE id & 0xffff = 1");
    assert_fails(pl_store_backup(f->dir, file, &size, &root, &err), PL_ECORRUPT, "at leaf 1", err);
    assert_int_equal(access(file, F_OK), -1);
}

struct writer {
    const char *dir;
    atomic_bool stop;
    atomic_uint_least64_t size;
    bool ok;
};

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    struct pl_store *store = NULL;
    struct pl_err err;

    w->ok = test_log_open(w->dir, &store, &err) == PL_OK;
    while (w->ok && !atomic_load(&w->stop)) {
        w->ok = test_log_append(store, TEST_LOG, SALT, 5, &err) == PL_OK;
        atomic_fetch_add(&w->size, 5);
        usleep(500);
    }
    pl_store_close(store);
    return NULL;
}

static void backups_beside_a_writer_are_whole(void **state)
{
    struct fixture *f = *state;
    struct writer w = {.dir = f->dir, .size = SIZE};
    pthread_t thread;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0, last = 0;
    char file[96];

    assert_int_equal(pthread_create(&thread, NULL, writer_main, &w), 0);
    for (int i = 0; i < 5; i++) {
        uint64_t before = atomic_load(&w.size);
        (void)snprintf(file, sizeof(file), "%s/backup-%d", f->other, i);
        assert_ok(pl_store_backup(f->dir, file, &size, &root, &err), err);
        assert_true(size >= before && size >= last);
        assert_int_equal(size % 5, 0); /* whole batches */
        last = size;
        usleep(5000);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    assert_true(w.ok);
    assert_ok(pl_store_restore(f->other, file, &size, &err), err);
    assert_ok(check_log(f->other, TEST_LOG, SALT, &size, &root, &err), err);
    assert_int_equal(size, last);
    assert_ok(check_log(f->dir, TEST_LOG, SALT, &size, &root, &err), err);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_database_exists_once_it_is_made),
        T(a_leftover_of_an_interrupted_creation_is_no_obstacle),
        T(a_lost_write_ahead_log_stops_creation),
        T(a_missing_folder_is_named),
        T(a_newer_schema_is_refused_with_both_versions),
        T(a_foreign_database_is_refused),
        T(a_file_of_garbage_is_refused),
        cmocka_unit_test(a_contradiction_is_noticed_at_the_start), /* a fixture for each case */
        T(a_contradicting_log_stays_readable),
        T(an_unknown_synchronous_is_refused),
        T(fsck_finds_nothing_in_a_sound_log),
        cmocka_unit_test(fsck_names_each_kind_of_damage), /* a fixture for each case */
        T(fsck_finds_a_damaged_page),
        T(fsck_asks_its_caller_about_each_entry_and_checkpoint),
        T(a_backup_restores_with_its_mark),
        T(a_backup_file_that_was_copied_by_hand_carries_the_mark),
        T(what_is_no_sound_database_is_not_restored),
        T(a_damaged_log_gives_no_backup),
        T(backups_beside_a_writer_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
