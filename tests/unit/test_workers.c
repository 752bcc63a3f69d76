/* SPDX-License-Identifier: Apache-2.0 */
/* test_workers.c - slow checks off the loop, answered on it, bounded. */
#include "tests/unit/test.h"

#include "server/workers.h"

#include <stdatomic.h>
#include <stdio.h>

struct piece {
    struct pl_work work;
    pthread_t worked_on, done_on;
    pthread_mutex_t *gate; /* held by the test while the worker shall wait */
    _Atomic(int) *done;
    bool had_cache;
};

static void run_piece(struct pl_work *w, struct pl_verifier_cache *cache)
{
    struct piece *p = w->ctx;

    pthread_mutex_lock(p->gate);
    pthread_mutex_unlock(p->gate);
    p->worked_on = pthread_self();
    p->had_cache = cache != NULL;
}

static void piece_done(struct pl_work *w)
{
    struct piece *p = w->ctx;

    p->done_on = pthread_self();
    atomic_fetch_add(p->done, 1);
}

static void make_piece(struct piece *p, struct pl_loop *loop, pthread_mutex_t *gate,
                       _Atomic(int) *done)
{
    *p = (struct piece){.gate = gate, .done = done};
    p->work = (struct pl_work){.loop = loop, .work = run_piece, .done = piece_done, .ctx = p};
}

static void every_piece_is_done_once_on_its_own_loop(void **state)
{
    enum { N = 64 };
    struct pl_loop loops[2];
    struct piece pieces[N];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    _Atomic(int) done = 0;
    struct pl_workers *w;
    struct pl_err err;

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        assert_ok(pl_loop_start(&loops[i], NULL, i, &err), err);
    assert_ok(pl_workers_start(3, N, &w, &err), err);
    for (unsigned i = 0; i < N; i++) {
        make_piece(&pieces[i], &loops[i % 2], &gate, &done);
        assert_ok(pl_workers_submit(w, &pieces[i].work, &err), err);
    }
    pl_workers_stop(w);
    pthread_t threads[2] = {loops[0].thread, loops[1].thread};
    for (unsigned i = 0; i < 2; i++)
        pl_loop_stop(&loops[i]); /* runs what was posted */
    assert_int_equal(atomic_load(&done), N);
    for (unsigned i = 0; i < N; i++) {
        assert_true(pthread_equal(pieces[i].done_on, threads[i % 2]));
        assert_false(pthread_equal(pieces[i].worked_on, threads[i % 2]));
        assert_true(pieces[i].had_cache);
    }
    pl_workers_free(w);
}

static void a_full_queue_and_a_stopped_pool_refuse(void **state)
{
    struct pl_loop loop;
    struct piece pieces[8];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    _Atomic(int) done = 0;
    struct pl_workers *w;
    struct pl_err err;
    int accepted = 0;

    (void)state;
    assert_ok(pl_loop_start(&loop, NULL, 0, &err), err);
    assert_ok(pl_workers_start(1, 2, &w, &err), err);
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < 8; i++) {
        make_piece(&pieces[i], &loop, &gate, &done);
        enum pl_code rc = pl_workers_submit(w, &pieces[i].work, &err);
        accepted += rc == PL_OK;
        if (rc != PL_OK)
            assert_non_null(strstr(err.text, "at most 2 may"));
    }
    assert_in_range(accepted, 2, 3); /* two wait; one may be with the worker */
    assert_in_range(pl_workers_queued(w), 1, 2);
    pthread_mutex_unlock(&gate);
    pl_workers_stop(w);
    assert_fails(pl_workers_submit(w, &pieces[7].work, &err), PL_EBUSY, "try again", err);
    pl_loop_stop(&loop);
    assert_int_equal(atomic_load(&done), accepted);
    pl_workers_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_done_once_on_its_own_loop),
        cmocka_unit_test(a_full_queue_and_a_stopped_pool_refuse),
    };
    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
