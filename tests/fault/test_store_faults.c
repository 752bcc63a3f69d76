/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_faults.c - every call that the store makes of the system fails once, or from then on.
 *
 * For each class of call: the 1st, 2nd, 3rd ... call fails within open, begin, append, commit, a
 * SET, truncation and close, until a whole life passes without a failure. Then, half the time after
 * a power cut on top, the log is opened again: what was acknowledged is there, what was not is
 * there whole or not at all, and check_log() finds nothing.
 */
#include "tests/unit/test.h"

#include "tests/fault/vfs_fault.h"
#include "tests/fault/vfs_powercut.h"
#include "tests/lib/test_log.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SALT  3
#define BATCH 6

struct life {
    char dir[64];
    bool with_view, once; /* once: the plan strikes one call only */
    uint64_t acked;       /* entries of acknowledged batches */
    uint64_t tried;       /* entries of the last batch that was tried */
    bool view_ok;
};

static uint64_t size_of(struct pl_store *s)
{
    struct pl_log_state log;
    struct pl_err err;
    assert_ok(pl_store_log_state(s, TEST_LOG, &log, &err), err);
    return log.edge.size;
}

/* One batch; recovers after a failed commit. False when the store can't go on. */
static bool one_batch(struct life *life, struct pl_store *s)
{
    struct pl_err err;

    bool struck_before = pl_fault_hits() > 0;
    life->tried = life->acked + BATCH;
    enum pl_code rc = test_log_append(s, TEST_LOG, SALT, BATCH, &err);
    if (rc == PL_OK) {
        life->acked = life->tried;
        return true;
    }
    if (life->once && struck_before)
        fail_msg("the failure is over, and yet: %s", err.text);
    assert_int_equal(size_of(s), life->acked); /* not published */
    if (strncmp(err.text, "commit", 6) != 0) {
        life->tried = life->acked; /* it was rolled back: nothing of it may be seen again */
        return true;
    }
    assert_int_equal(rc, PL_EIO);
    /* The outcome is unknown: nothing may be begun before it is known. */
    assert_int_equal(pl_store_begin(s, &err), PL_EIO);
    rc = pl_store_recover(s, &err);
    if (rc != PL_OK)
        rc = pl_store_recover(s, &err); /* the failure may be over by now */
    if (rc != PL_OK)
        return false;
    uint64_t size = size_of(s);
    assert_true(size == life->acked || size == life->tried);
    life->acked = size;
    return true;
}

static bool store_set(struct life *life, struct pl_store *s)
{
    struct pl_err err;
    enum pl_code rc = pl_store_begin(s, &err);
    if (rc == PL_OK)
        rc = pl_store_put_set(s, TEST_LOG, life->acked - 1, PL_LIT("a set"), &err);
    if (rc == PL_OK)
        rc = pl_store_commit(s, &err);
    if (rc == PL_OK)
        return true;
    bool unknown = strncmp(err.text, "commit", 6) == 0;
    pl_store_rollback(s);
    return !unknown || pl_store_recover(s, &err) == PL_OK;
}

static void read_some(struct life *life, struct pl_view *view)
{
    struct pl_arena arena;
    struct pl_view_entry e;
    struct pl_err err;

    pl_arena_init(&arena, 1 << 20);
    if (pl_view_begin(view, &err) == PL_OK &&
        pl_view_get(view, TEST_LOG, life->acked, 1, &arena, &e, &err) == PL_OK) {
        struct test_entry want;
        test_entry_make(&want, SALT, 1);
        assert_bytes(e.body, want.entry.body); /* an error, or the truth */
    }
    pl_view_end(view);
    pl_arena_free(&arena);
}

/* Open, work, close, with the plan set. */
static void live(struct life *life)
{
    struct pl_store_opts opts = {.dir = life->dir, .repair_tail = true, .wal_max = 1};
    struct pl_store *s = NULL;
    struct pl_view *view = NULL;
    struct pl_err err;

    if (pl_store_open(&opts, &s, &err) != PL_OK)
        return;
    assert_int_equal(size_of(s), life->acked);
    bool on = true;
    if (life->with_view && pl_view_open(life->dir, &view, &err) != PL_OK)
        view = NULL;
    for (int i = 0; on && i < 3; i++) {
        on = one_batch(life, s);
        if (on && view != NULL)
            read_some(life, view);
        if (on)
            (void)pl_store_maintain(s, &err);
    }
    if (on)
        (void)store_set(life, s);
    pl_view_close(view);
    pl_store_close(s);
}

static void start_life(struct life *life)
{
    struct pl_store *s;
    struct pl_err err;

    test_dir_make(life->dir);
    assert_ok(test_log_create(life->dir, &err), err);
    assert_ok(test_log_open(life->dir, &s, &err), err);
    assert_ok(test_log_append(s, TEST_LOG, SALT, BATCH, &err), err);
    pl_store_close(s);
    life->acked = BATCH;
}

/* The next life, with nothing failing any more. */
static void look_after(struct life *life, const char *what)
{
    struct pl_store *s = NULL;
    struct pl_err err;
    struct pl_hash root;
    uint64_t size = 0;

    enum pl_code rc = test_log_open(life->dir, &s, &err);
    if (rc == PL_OK)
        rc = check_log(life->dir, TEST_LOG, SALT, &size, &root, &err);
    if (rc == PL_OK && size_of(s) != life->acked && size_of(s) != life->tried)
        rc = PL_FAIL(&err, PL_ECORRUPT,
                     "acknowledged %" PRIu64 ", tried %" PRIu64 ", there %" PRIu64, life->acked,
                     life->tried, size_of(s));
    if (rc == PL_OK && size != size_of(s))
        rc = PL_FAIL(&err, PL_ECORRUPT, "a batch without its checkpoint");
    if (rc == PL_OK)
        rc = test_log_append(s, TEST_LOG, SALT, BATCH, &err); /* and it goes on */
    pl_store_close(s);
    if (rc == PL_OK)
        rc = check_log(life->dir, TEST_LOG, SALT, &size, &root, &err);
    if (rc != PL_OK)
        fail_msg("%s: %s", what, err.text);
}

/* Returns whether the plan has struck. */
static bool one_life(const struct pl_fault_plan *plan, bool with_view, uint64_t number)
{
    struct life life = {.with_view = with_view, .once = !plan->sticky};
    char what[128];

    start_life(&life);
    life.tried = life.acked;
    pl_fault_set(plan);
    live(&life);
    bool struck = pl_fault_hits() > 0;
    pl_fault_clear();
    if (number % 2 == 1) {
        struct pl_powercut_stats stats = {0};
        assert_true(pl_powercut(life.dir, number, &stats));
    }
    (void)snprintf(what, sizeof(what), "%s call %" PRIu64 "%s, how %d, code %d%s",
                   pl_fault_class_name(plan->class), plan->nth,
                   plan->sticky ? " and all later" : "", (int)plan->how, plan->code,
                   number % 2 == 1 ? ", power cut" : "");
    look_after(&life, what);
    test_dir_remove(life.dir);
    return struck;
}

/* All n for one class; returns how often it struck. */
static unsigned every_call(struct pl_fault_plan plan, bool with_view)
{
    unsigned struck = 0;

    /* Every one of the first calls, then some of the later ones, of which many are alike. */
    for (plan.nth = 1; plan.nth < 20000; plan.nth += 1 + plan.nth / 16) {
        if (!one_life(&plan, with_view, plan.nth))
            return struck;
        struck++;
    }
    fail_msg("%s: no end", pl_fault_class_name(plan.class));
    return 0;
}

/* A class fails: once and from then on, before and after doing it. */
static void class_fails(enum pl_fault_class class, int code, unsigned at_least)
{
    static const enum pl_fault_how HOW[] = {PL_FAULT_BEFORE, PL_FAULT_AFTER};
    unsigned struck = 0;

    for (int how = 0; how < 2; how++) {
        struck += every_call((struct pl_fault_plan){.class = class, .how = HOW[how], .code = code},
                             how == 0);
    }
    struck +=
        every_call((struct pl_fault_plan){.class = class, .sticky = true, .code = code}, true);
    if (struck < at_least)
        fail_msg("%s struck only %u times", pl_fault_class_name(class), struck);
}

static void opening_fails(void **state)
{
    (void)state;
    class_fails(PL_FAULT_OPEN, 0, 6);
}

static void reading_fails(void **state)
{
    (void)state;
    class_fails(PL_FAULT_READ, 0, 30);
}

static void writing_fails(void **state)
{
    (void)state;
    class_fails(PL_FAULT_WRITE, 0, 60);
    every_call((struct pl_fault_plan){.class = PL_FAULT_WRITE, .how = PL_FAULT_HALF}, false);
}

static void the_disk_is_full(void **state)
{
    (void)state;
    every_call((struct pl_fault_plan){.class = PL_FAULT_WRITE, .code = SQLITE_FULL}, true);
    every_call(
        (struct pl_fault_plan){
            .class = PL_FAULT_WRITE, .code = SQLITE_FULL, .sticky = true, .how = PL_FAULT_HALF},
        false);
}

static void syncing_fails(void **state)
{
    (void)state;
    class_fails(PL_FAULT_SYNC, 0, 20);
}

static void truncating_fails(void **state)
{
    (void)state;
    class_fails(PL_FAULT_TRUNCATE, 0, 6);
}

static void sizes_fail(void **state)
{
    (void)state;
    class_fails(PL_FAULT_SIZE, 0, 6);
}

static void locks_fail(void **state)
{
    (void)state;
    every_call((struct pl_fault_plan){.class = PL_FAULT_LOCK}, true);
    every_call((struct pl_fault_plan){.class = PL_FAULT_SHM_LOCK}, true);
    every_call((struct pl_fault_plan){.class = PL_FAULT_SHM_LOCK, .code = SQLITE_BUSY}, false);
    every_call((struct pl_fault_plan){.class = PL_FAULT_SHM_LOCK, .sticky = true}, false);
}

static void shared_memory_fails(void **state)
{
    (void)state;
    every_call((struct pl_fault_plan){.class = PL_FAULT_SHM_MAP}, true);
    every_call((struct pl_fault_plan){.class = PL_FAULT_SHM_MAP, .sticky = true}, false);
}

static void access_fails(void **state)
{
    (void)state;
    every_call((struct pl_fault_plan){.class = PL_FAULT_ACCESS}, true);
    every_call((struct pl_fault_plan){.class = PL_FAULT_DELETE}, true);
}

static void memory_runs_out(void **state)
{
    (void)state;
    assert_true(every_call((struct pl_fault_plan){.class = PL_FAULT_MEMORY}, false) > 20);
    every_call((struct pl_fault_plan){.class = PL_FAULT_MEMORY, .sticky = true}, true);
}

/* ---- other acts ---- */

/* Creation interrupted anywhere leaves no database or a whole one. */
static void creation_is_all_or_nothing(void **state)
{
    static const enum pl_fault_class CLASS[] = {PL_FAULT_OPEN, PL_FAULT_WRITE, PL_FAULT_SYNC,
                                                PL_FAULT_DELETE};
    unsigned struck = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(CLASS) / sizeof(CLASS[0]); i++) {
        for (uint64_t nth = 1;; nth++) {
            struct life life = {0};
            struct pl_err err;
            bool there = false;

            test_dir_make(life.dir);
            pl_fault_set(&(struct pl_fault_plan){.class = CLASS[i], .nth = nth});
            enum pl_code rc = test_log_create(life.dir, &err);
            bool hit = pl_fault_hits() > 0;
            pl_fault_clear();
            assert_ok(pl_store_exists(life.dir, &there, &err), err);
            assert_int_equal(there, rc == PL_OK);
            if (!there)
                assert_ok(test_log_create(life.dir, &err), err);
            look_after(&life, "creation");
            test_dir_remove(life.dir);
            struck += hit;
            if (!hit)
                break;
        }
    }
    assert_true(struck > 10);
}

static void a_failed_backup_leaves_no_file(void **state)
{
    static const enum pl_fault_class CLASS[] = {PL_FAULT_OPEN, PL_FAULT_READ, PL_FAULT_WRITE};
    struct life life = {0};
    unsigned struck = 0;
    char file[96];

    (void)state;
    start_life(&life);
    (void)snprintf(file, sizeof(file), "%s/backup", life.dir);
    for (size_t i = 0; i < sizeof(CLASS) / sizeof(CLASS[0]); i++) {
        for (uint64_t nth = 1;; nth++) {
            struct pl_err err;
            struct pl_hash root;
            uint64_t size = 0;

            pl_fault_set(&(struct pl_fault_plan){.class = CLASS[i], .nth = nth});
            enum pl_code rc = pl_store_backup(life.dir, file, &size, &root, &err);
            bool hit = pl_fault_hits() > 0;
            pl_fault_clear();
            assert_int_equal(access(file, F_OK) == 0, rc == PL_OK);
            struck += hit;
            if (rc == PL_OK)
                assert_int_equal(unlink(file), 0);
            if (!hit)
                break;
        }
    }
    assert_true(struck > 10);
    look_after(&life, "backup");
    test_dir_remove(life.dir);
}

static void a_plan_is_read_from_text(void **state)
{
    struct pl_fault_plan p;

    (void)state;
    assert_true(
        pl_fault_parse("class=sync,nth=3,how=after,code=1034,sticky,sync_ms=5,suffix=-wal\n", &p));
    assert_int_equal(p.class, PL_FAULT_SYNC);
    assert_int_equal(p.nth, 3);
    assert_int_equal(p.how, PL_FAULT_AFTER);
    assert_int_equal(p.code, 1034);
    assert_int_equal(p.sync_ms, 5);
    assert_true(p.sticky);
    assert_string_equal(p.suffix, "-wal");
    assert_false(pl_fault_parse("class=banana", &p));
    assert_false(pl_fault_parse("nth=", &p));
    assert_false(pl_fault_parse("sticky=1", &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails),
        cmocka_unit_test(reading_fails),
        cmocka_unit_test(writing_fails),
        cmocka_unit_test(the_disk_is_full),
        cmocka_unit_test(syncing_fails),
        cmocka_unit_test(truncating_fails),
        cmocka_unit_test(sizes_fail),
        cmocka_unit_test(locks_fail),
        cmocka_unit_test(shared_memory_fails),
        cmocka_unit_test(access_fails),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(creation_is_all_or_nothing),
        cmocka_unit_test(a_failed_backup_leaves_no_file),
        cmocka_unit_test(a_plan_is_read_from_text),
    };
    pl_fault_install_memory();
    pl_powercut_install(); /* below: cuts on top of failures, and no real syncs */
    pl_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
