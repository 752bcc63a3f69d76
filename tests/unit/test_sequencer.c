/* SPDX-License-Identifier: Apache-2.0 */
/* test_sequencer.c - the writer over a real store and real loops: order, repeats, refusals, faults.
 */
#include "tests/unit/test.h"

#include "core/tlog/proof.h"
#include "server/sequencer.h"
#include "server/workers.h"
#include "tests/fault/vfs_fault.h"
#include "tests/lib/test_log.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NLOOPS  2
#define CREATED 1700000000

struct fixture {
    char dir[64];
    struct pl_v1_log log;
    struct pl_sequencer *seq;
    struct pl_loop loops[NLOOPS];
};

/* One submission and what came back. */
struct submission {
    struct pl_job job;
    struct pl_entry entry;
    char body[64];
    struct pl_bytes key;
    struct waiter *waiter;
};
struct waiter {
    pthread_mutex_t mu;
    pthread_cond_t cond;
    size_t done;
};

static struct fixture fix;

static void open_sequencer(struct fixture *f, const struct pl_sequencer_config *over)
{
    const struct pl_store_opts opts = {.dir = f->dir, .repair_tail = true};
    struct pl_sequencer_config config = {
        .dir = f->dir, .queue_max = 4096, .queue_bytes_max = 1 << 24};
    struct pl_log_state state;
    struct pl_store *store;
    struct pl_err err;

    if (over != NULL) {
        config = *over;
        config.dir = f->dir;
    }
    assert_ok(pl_store_open(&opts, &store, &err), err);
    assert_ok(pl_store_log_state(store, PL_LOG_ID_V1, &state, &err), err);
    assert_ok(pl_signer_load(f->dir, &state.log, &f->log, &err), err);
    assert_ok(pl_sequencer_bootstrap(store, &f->log, &err), err);
    assert_ok(pl_sequencer_start(&config, store, &f->log, &f->seq, &err), err);
}

static void close_sequencer(struct fixture *f)
{
    if (f->seq != NULL)
        pl_sequencer_stop(f->seq);
    pl_sequencer_free(f->seq);
    f->seq = NULL;
    pl_signer_free(&f->log);
}

static void create_log(struct fixture *f)
{
    struct pl_log_row row = {.log_id = PL_LOG_ID_V1,
                             .tree_id = (UINT64_C(1) << 60) + 99,
                             .origin = PL_LIT("log.example.com"),
                             .created = CREATED};
    struct pl_key *key;
    struct pl_err err;
    struct pl_buf pem;
    char path[128];
    uint8_t text[1024];

    assert_ok(pl_signer_create_keys(f->dir, &err), err);
    snprintf(path, sizeof(path), "%s/keys/v1.pub", f->dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text), file);
    fclose(file);
    pl_buf_init(&pem, sizeof(text));
    assert_ok(pl_key_from_pem(pl_bytes(text, n), &key, &err), err);
    row.key_spki = pl_key_spki(key);
    assert_ok(pl_store_create(f->dir, &row, 1, &err), err);
    pl_key_unref(key);
    pl_buf_free(&pem);
}

static int set_up(void **state)
{
    struct pl_err err;

    memset(&fix, 0, sizeof(fix));
    pl_fault_clear();
    test_dir_make(fix.dir);
    create_log(&fix);
    for (unsigned i = 0; i < NLOOPS; i++)
        assert_ok(pl_loop_start(&fix.loops[i], NULL, i, &err), err);
    open_sequencer(&fix, NULL);
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    pl_fault_clear();
    close_sequencer(f);
    for (unsigned i = 0; i < NLOOPS; i++)
        pl_loop_stop(&f->loops[i]);
    test_dir_remove(f->dir);
    return 0;
}

static void job_done(struct pl_job *job)
{
    struct submission *s = job->ctx;

    pthread_mutex_lock(&s->waiter->mu);
    s->waiter->done++;
    pthread_cond_signal(&s->waiter->cond);
    pthread_mutex_unlock(&s->waiter->mu);
}

static void make(struct fixture *f, struct submission *s, struct waiter *w, unsigned number,
                 unsigned loop)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->body, sizeof(s->body), "{\"number\":%u}", number);
    s->key = pl_str(s->body);
    s->entry = (struct pl_entry){.kind = PL_KIND_DSSE_001,
                                 .body = pl_str(s->body),
                                 .payload = PL_LIT("payload"),
                                 .keys = &s->key,
                                 .nkeys = 1};
    s->waiter = w;
    s->job = (struct pl_job){
        .loop = &f->loops[loop % NLOOPS], .entry = &s->entry, .done = job_done, .ctx = s};
    pl_leaf_hash(s->entry.body, &s->job.leaf);
}

/* Submits @n made ones and waits for all; the results of submit must all be PL_OK. */
static void submit_all(struct fixture *f, struct submission *s, size_t n, struct waiter *w)
{
    struct pl_err err;

    *w = (struct waiter){.mu = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    for (size_t i = 0; i < n; i++)
        assert_ok(pl_sequencer_submit(f->seq, &s[i].job, &err), err);
    pthread_mutex_lock(&w->mu);
    while (w->done < n)
        pthread_cond_wait(&w->cond, &w->mu);
    pthread_mutex_unlock(&w->mu);
}

static enum pl_code submit_one(struct fixture *f, unsigned number, struct pl_err *err)
{
    static struct submission s;
    struct waiter w;

    make(f, &s, &w, number, 0);
    w = (struct waiter){.mu = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    enum pl_code rc = pl_sequencer_submit(f->seq, &s.job, err);
    if (rc != PL_OK)
        return rc;
    pthread_mutex_lock(&w.mu);
    while (w.done < 1)
        pthread_cond_wait(&w.cond, &w.mu);
    pthread_mutex_unlock(&w.mu);
    *err = s.job.err;
    if (s.job.published != NULL)
        pl_published_unref(s.job.published);
    if (err->code != PL_OK)
        assert_int_equal(s.job.set_n, 0); /* no SET of a batch that failed gets out */
    return err->code;
}

static uint64_t published_size(struct fixture *f)
{
    const struct pl_published *p = pl_sequencer_published(f->seq);
    uint64_t size = p->size;

    pl_published_unref(p);
    return size;
}

/* An answer is complete: index, time, a SET that verifies, a signed tree that contains it. */
static void check_answer(struct fixture *f, struct pl_view *view, const struct submission *s)
{
    const struct pl_published *p = s->job.published;
    struct pl_view_hashes ctx = {view, PL_LOG_ID_V1, p->size};
    struct pl_checkpoint c;
    struct pl_proof proof;
    struct pl_err err;

    assert_int_equal(s->job.err.code, PL_OK);
    assert_ok(pl_signer_check_set(&f->log, s->entry.body, s->job.time, s->job.index,
                                  pl_bytes(s->job.set, s->job.set_n), &err),
              err);
    assert_ok(pl_checkpoint_open(p->note, pl_privkey_public(f->log.key), &c, &err), err);
    assert_int_equal(c.size, p->size);
    assert_true(pl_hash_eq(&c.root, &p->root));
    assert_ok(pl_proof_inclusion(s->job.index, p->size, pl_view_hashes, &ctx, &proof, &err), err);
    assert_ok(pl_verify_inclusion(s->job.index, p->size, &s->job.leaf, proof.hash, proof.n,
                                  &p->root, &err),
              err);
}

static void a_new_log_has_a_leaf_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct pl_view_entry e;
    struct pl_bytes payload;
    struct pl_arena arena;
    struct pl_entry again;
    struct pl_view *view;
    struct pl_err err;

    pl_arena_init(&arena, 1 << 20);
    assert_int_equal(published_size(f), 1);
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    assert_ok(pl_view_begin(view, &err), err);
    assert_ok(pl_view_get(view, PL_LOG_ID_V1, 1, 0, &arena, &e, &err), err);
    assert_ok(pl_view_payload(view, PL_LOG_ID_V1, 1, 0, &arena, &payload, &err), err);
    pl_view_end(view);
    assert_int_equal(e.time, CREATED);
    assert_ok(pl_entry_from_stored(e.body, payload, &arena, &again, &err), err);
    assert_true(pl_bytes_has_prefix(payload, "{\"created\":\"2023-11-14T22:13:20Z\",\"keys\":[\""));
    assert_non_null(strstr((const char *)payload.p, "\"type\":\"provlog/log/v1\"}"));
    pl_view_close(view);
    pl_arena_free(&arena);
    close_sequencer(f);
    open_sequencer(f, NULL);
    assert_int_equal(published_size(f), 1); /* only once */
}

static void every_answer_is_complete(void **state)
{
    enum { N = 300 };
    struct fixture *f = *state;
    struct submission *s = calloc(N, sizeof(*s));
    bool seen[N + 1] = {false};
    struct pl_view *view;
    struct waiter w;
    struct pl_err err;

    for (unsigned i = 0; i < N; i++)
        make(f, &s[i], &w, i, i);
    submit_all(f, s, N, &w);
    assert_int_equal(published_size(f), N + 1);
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    for (unsigned i = 0; i < N; i++) {
        check_answer(f, view, &s[i]);
        assert_in_range(s[i].job.index, 1, N);
        assert_false(seen[s[i].job.index]);
        seen[s[i].job.index] = true;
        assert_false(s[i].job.existed);
        pl_published_unref(s[i].job.published);
    }
    pl_view_close(view);
    free(s);
}

static void equal_submissions_share_one_entry(void **state)
{
    enum { N = 200, DISTINCT = 5 };
    struct fixture *f = *state;
    struct submission *s = calloc(N, sizeof(*s));
    const struct pl_job *first[DISTINCT] = {NULL};
    struct waiter w;

    for (unsigned i = 0; i < N; i++)
        make(f, &s[i], &w, i % DISTINCT, i);
    submit_all(f, s, N, &w);
    assert_int_equal(published_size(f), DISTINCT + 1);
    for (unsigned i = 0; i < N; i++) {
        const struct pl_job *job = &s[i].job;
        assert_int_equal(job->err.code, PL_OK);
        if (!job->existed && first[i % DISTINCT] == NULL)
            first[i % DISTINCT] = job;
    }
    for (unsigned i = 0; i < N; i++) {
        const struct pl_job *job = &s[i].job, *one = first[i % DISTINCT];
        assert_non_null(one);
        assert_int_equal(job->index, one->index);
        if (!job->existed) {
            assert_int_equal(job->time, one->time);
            assert_int_equal(job->set_n, one->set_n);
            assert_memory_equal(job->set, one->set, one->set_n);
        }
        pl_published_unref(job->published);
    }
    free(s);
}

static void a_repeat_finds_the_first_entry(void **state)
{
    struct fixture *f = *state;
    struct submission s;
    struct waiter w;
    struct pl_err err;

    assert_ok(submit_one(f, 7, &err), err);
    assert_ok(submit_one(f, 8, &err), err);
    make(f, &s, &w, 7, 1);
    submit_all(f, &s, 1, &w);
    assert_int_equal(s.job.err.code, PL_OK);
    assert_true(s.job.existed);
    assert_int_equal(s.job.index, 1);
    assert_int_equal(published_size(f), 3);
    pl_published_unref(s.job.published);
}

static void the_first_timestamp_wins_and_is_stored(void **state)
{
    struct fixture *f = *state;
    uint8_t a[PL_SET_MAX] = {1, 2, 3}, b[PL_SET_MAX] = {9, 9};
    size_t na = 3, nb = 2;
    struct pl_view_entry e;
    struct pl_arena arena;
    struct pl_view *view;
    struct pl_err err;

    pl_sequencer_settle_set(f->seq, 0, a, &na);
    pl_sequencer_settle_set(f->seq, 0, b, &nb);
    assert_int_equal(nb, 3);
    assert_memory_equal(b, a, 3);
    assert_ok(submit_one(f, 1, &err), err); /* the next batch stores it */
    pl_arena_init(&arena, 1 << 20);
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    assert_ok(pl_view_get(view, PL_LOG_ID_V1, 2, 0, &arena, &e, &err), err);
    assert_bytes(e.set, pl_bytes(a, 3));
    pl_view_close(view);
    pl_arena_free(&arena);
}

static void a_full_queue_refuses_and_names_the_limits(void **state)
{
    const struct pl_sequencer_config small = {.queue_max = 4096, .queue_bytes_max = 100};
    struct fixture *f = *state;
    struct pl_err err;

    close_sequencer(f);
    open_sequencer(f, &small);
    assert_fails(submit_one(f, 1, &err), PL_EBUSY, "of 100 bytes", err);
    assert_int_equal(published_size(f), 1);
}

/* Opens the log anew with a second entry that is dated @when. */
static void reopen_with_entry_at(struct fixture *f, int64_t when)
{
    struct pl_hash nodes[64];
    struct pl_log_state log;
    struct pl_store *store;
    struct pl_hash root;
    uint64_t existing;
    struct pl_err err;

    close_sequencer(f);
    assert_ok(test_log_open(f->dir, &store, &err), err);
    assert_ok(pl_store_log_state(store, PL_LOG_ID_V1, &log, &err), err);
    assert_ok(pl_signer_load(f->dir, &log.log, &f->log, &err), err);
    struct pl_store_entry e = {.kind = PL_LIT("dsse/0.0.1"),
                               .body = PL_LIT("from the future"),
                               .time = when,
                               .nodes = nodes};
    pl_leaf_hash(e.body, &e.leaf);
    assert_ok(pl_range_append(&log.edge, &e.leaf, nodes, &e.nnodes, &err), err);
    pl_range_root(&log.edge, &root);
    assert_ok(pl_store_begin(store, &err), err);
    assert_ok(pl_store_append(store, PL_LOG_ID_V1, 1, &e, &existing, &err), err);
    struct pl_buf note;
    pl_buf_init(&note, PL_CHECKPOINT_MAX);
    assert_ok(pl_checkpoint_sign_v1(pl_str(f->log.origin), f->log.tree_id, 2, &root, f->log.key,
                                    &note, &err),
              err);
    assert_ok(pl_store_put_checkpoint(store, PL_LOG_ID_V1, 2, &root, pl_buf_bytes(&note), &err),
              err);
    pl_buf_free(&note);
    assert_ok(pl_store_commit(store, &err), err);
    pl_store_close(store);
    pl_signer_free(&f->log);
    open_sequencer(f, NULL);
}

/* Invariant 3: integratedTime never goes back, and follows the clock otherwise. */
static void times_follow_the_clock_and_never_go_back(void **state)
{
    struct fixture *f = *state;
    const int64_t ahead = (int64_t)time(NULL) + 5;
    struct submission s;
    struct waiter w;

    make(f, &s, &w, 1, 0);
    submit_all(f, &s, 1, &w);
    assert_in_range(s.job.time, ahead - 5, time(NULL));
    pl_published_unref(s.job.published);
    tear_down(state);
    set_up(state);
    reopen_with_entry_at(f, ahead);
    make(f, &s, &w, 2, 0);
    submit_all(f, &s, 1, &w);
    assert_int_equal(s.job.err.code, PL_OK);
    assert_in_range(s.job.time, ahead, ahead + 60);
    pl_published_unref(s.job.published);
}

static void a_clock_behind_the_last_entry_refuses(void **state)
{
    struct fixture *f = *state;
    struct pl_sequencer_status status;
    struct pl_err err;

    reopen_with_entry_at(f, (int64_t)time(NULL) + 3600);
    assert_fails(submit_one(f, 1, &err), PL_EBUSY, "s behind the last entry", err);
    pl_sequencer_status(f->seq, &status);
    assert_false(status.writable);
    assert_in_range(status.clock_behind_s, 3590, 3600);
}

static void a_disk_below_its_floor_refuses(void **state)
{
    const struct pl_sequencer_config config = {
        .queue_max = 16, .queue_bytes_max = 1 << 20, .disk_floor_bytes = UINT64_MAX / 2};
    struct fixture *f = *state;
    struct pl_sequencer_status status;
    struct pl_err err;

    close_sequencer(f);
    open_sequencer(f, &config);
    assert_fails(submit_one(f, 1, &err), PL_ENOSPACE, "MiB free and writes stop below", err);
    pl_sequencer_status(f->seq, &status);
    assert_false(status.writable);
    assert_int_equal(published_size(f), 1);
}

static void a_restored_log_is_readable_and_signs_nothing(void **state)
{
    struct fixture *f = *state;
    char backup[128], path[128];
    struct pl_hash root;
    struct pl_err err;
    uint64_t size;

    assert_ok(submit_one(f, 1, &err), err);
    snprintf(backup, sizeof(backup), "%s/backup.db", f->dir);
    assert_ok(pl_store_backup(f->dir, backup, &size, &root, &err), err);
    close_sequencer(f);
    static const char *const files[] = {"provlog.db", "provlog.db-wal", "provlog.db-shm"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
        (void)remove(path);
    }
    assert_ok(pl_store_restore(f->dir, backup, &size, &err), err);
    open_sequencer(f, NULL);
    assert_int_equal(published_size(f), 2);
    assert_fails(submit_one(f, 2, &err), PL_EBUSY, "--continue-from 2", err);
    assert_int_equal(published_size(f), 2);
}

/* Everything of a batch that failed is as if it had never been, and the next one goes through. */
static void a_failed_batch_leaves_nothing(void **state)
{
    static const struct {
        enum pl_fault_class class;
        int code;
        enum pl_fault_how how;
    } faults[] = {
        {PL_FAULT_WRITE, SQLITE_IOERR_WRITE, PL_FAULT_BEFORE},
        {PL_FAULT_WRITE, SQLITE_FULL, PL_FAULT_BEFORE},
        {PL_FAULT_WRITE, SQLITE_IOERR_WRITE, PL_FAULT_HALF},
        {PL_FAULT_SYNC, SQLITE_IOERR_FSYNC, PL_FAULT_BEFORE},
        {PL_FAULT_SYNC, SQLITE_IOERR_FSYNC, PL_FAULT_AFTER},
    };
    struct fixture *f = *state;
    unsigned number = 100, failed = 0;
    struct pl_err err;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (uint64_t nth = 1; nth <= 4; nth++) {
            const struct pl_fault_plan plan = {.class = faults[i].class,
                                               .nth = nth,
                                               .how = faults[i].how,
                                               .code = faults[i].code,
                                               .suffix = "-wal"};
            pl_fault_set(&plan);
            enum pl_code rc = submit_one(f, ++number, &err);
            if (rc != PL_OK) {
                failed++;
                assert_true(rc == PL_EBUSY || rc == PL_ENOSPACE);
            }
            pl_fault_clear();
            /* The writer heals by itself; what it then says of this entry is for good. */
            for (unsigned tries = 0; (rc = submit_one(f, number, &err)) != PL_OK; tries++) {
                assert_in_range(tries, 0, 200);
                const struct timespec pause = {.tv_nsec = 10000000};
                nanosleep(&pause, NULL);
            }
            assert_int_equal(published_size(f), number - 100 + 1);
        }
    }
    assert_in_range(failed, 5, 20); /* the faults were really met */
    close_sequencer(f);
    open_sequencer(f, NULL);
    assert_int_equal(published_size(f), number - 100 + 1);
}

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* Is the SET of entry @index in the database? */
static bool set_is_stored(struct fixture *f, uint64_t index)
{
    struct pl_view_entry e;
    struct pl_arena arena;
    struct pl_view *view;
    struct pl_err err;

    pl_arena_init(&arena, 1 << 20);
    assert_ok(pl_view_open(f->dir, &view, &err), err);
    assert_ok(pl_view_begin(view, &err), err);
    assert_ok(pl_view_get(view, PL_LOG_ID_V1, index + 1, index, &arena, &e, &err), err);
    bool stored = e.set.n != 0;
    pl_view_end(view);
    pl_view_close(view);
    pl_arena_free(&arena);
    return stored;
}

/* One that a read had to sign, when nobody submits anything. */
static void an_idle_log_stores_a_new_timestamp(void **state)
{
    struct fixture *f = *state;
    uint8_t set[PL_SET_MAX] = {0x30, 0x00};
    size_t n = 2;

    pause_ms(50); /* the writer sleeps */
    assert_false(set_is_stored(f, 0));
    pl_sequencer_settle_set(f->seq, 0, set, &n);
    for (unsigned tries = 0; !set_is_stored(f, 0); tries++) {
        assert_in_range(tries, 0, 300);
        pause_ms(10);
    }
}

/* While the disk stays broken, nobody waits for it: not even what was queued behind the batch. */
static void a_broken_disk_keeps_nobody_waiting(void **state)
{
    const struct pl_fault_plan plan = {
        .class = PL_FAULT_SYNC, .nth = 1, .sticky = true, .sync_ms = 200};
    struct waiter w = {.mu = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct fixture *f = *state;
    struct submission s[3];
    struct pl_err err;

    pl_fault_set(&plan);
    make(f, &s[0], &w, 0, 0);
    assert_ok(pl_sequencer_submit(f->seq, &s[0].job, &err), err);
    pause_ms(50); /* its batch is in the slow sync */
    for (unsigned i = 1; i < 3; i++) {
        make(f, &s[i], &w, i, i);
        assert_ok(pl_sequencer_submit(f->seq, &s[i].job, &err), err);
    }
    size_t done = 0;
    for (unsigned tries = 0; done < 3; tries++) {
        assert_in_range(tries, 0, 500);
        pause_ms(10);
        pthread_mutex_lock(&w.mu);
        done = w.done;
        pthread_mutex_unlock(&w.mu);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(s[i].job.err.code, PL_EBUSY);
    assert_fails(submit_one(f, 9, &err), PL_EBUSY, "takes no entries at present", err);
    pl_fault_clear();
    for (unsigned tries = 0; submit_one(f, 9, &err) != PL_OK; tries++) {
        assert_in_range(tries, 0, 1000);
        pause_ms(10);
    }
}

/* Timestamps that cannot be stored are signed again by a later read: no reason to stay. */
static void a_full_disk_does_not_keep_it_from_stopping(void **state)
{
    const struct pl_fault_plan plan = {
        .class = PL_FAULT_WRITE, .nth = 1, .sticky = true, .code = SQLITE_FULL, .suffix = "-wal"};
    struct fixture *f = *state;
    uint8_t set[PL_SET_MAX] = {0x30, 0x00};
    size_t n = 2;

    pl_fault_set(&plan);
    pl_sequencer_settle_set(f->seq, 0, set, &n);
    alarm(20); /* ends this program if it hangs */
    close_sequencer(f);
    alarm(0);
    assert_true(pl_fault_hits() > 0);
    pl_fault_clear();
    open_sequencer(f, NULL);
    assert_int_equal(published_size(f), 1);
}

static void a_stop_finishes_what_is_queued(void **state)
{
    enum { N = 500 };
    struct fixture *f = *state;
    struct submission *s = calloc(N, sizeof(*s));
    struct waiter w = {.mu = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct pl_err err;

    for (unsigned i = 0; i < N; i++) {
        make(f, &s[i], &w, i, i);
        assert_ok(pl_sequencer_submit(f->seq, &s[i].job, &err), err);
    }
    pl_sequencer_stop(f->seq);
    assert_int_equal(w.done, N); /* every answer is out when stop returns */
    struct submission late;
    make(f, &late, &w, N, 0);
    assert_fails(pl_sequencer_submit(f->seq, &late.job, &err), PL_EBUSY, "stopping", err);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(s[i].job.err.code, PL_OK);
        pl_published_unref(s[i].job.published);
    }
    pl_sequencer_free(f->seq);
    f->seq = NULL;
    pl_signer_free(&f->log);
    open_sequencer(f, NULL);
    assert_int_equal(published_size(f), N + 1);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_log_has_a_leaf_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_answer_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_submissions_share_one_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_finds_the_first_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_timestamp_wins_and_is_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_and_names_the_limits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(times_follow_the_clock_and_never_go_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_clock_behind_the_last_entry_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_below_its_floor_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restored_log_is_readable_and_signs_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_batch_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_log_stores_a_new_timestamp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_disk_keeps_nobody_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_does_not_keep_it_from_stopping, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stop_finishes_what_is_queued, set_up, tear_down),
    };

    pl_fault_install();
    return cmocka_run_group_tests_name("sequencer", tests, NULL, NULL);
}
