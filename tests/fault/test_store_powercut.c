/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_powercut.c - lives of a store that end by SIGKILL, many of them with a power cut.
 *
 * Each life is a process of its own: it opens the store, publishes what it finds, appends batches
 * and publishes each after its commit, until it is killed at a random system call, within the open
 * as well as within a commit. What it published stays with us. Whatever a life finds must extend
 * all that was ever published: no smaller tree, no other root at a published size, whole batches
 * only.
 *
 * The harness is itself tested: with synchronous=NORMAL, and without the tail rule, it must find
 * the damage.
 */
#include "tests/unit/test.h"

#include "core/base/num.h"
#include "tests/fault/vfs_fault.h"
#include "tests/fault/vfs_powercut.h"
#include "tests/lib/test_log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct published {
    uint64_t size;
    struct pl_hash root;
};

struct world {
    char dir[64];
    const char *synchronous; /* of the lives; NULL as in production */
    bool repair_tail;
    uint64_t random;
    struct published last; /* what the world has seen */
    uint64_t lives, cuts, batches, lost, torn, killed_at_start;
    char damage[256]; /* what the harness found wrong; "" = nothing */
};

static uint64_t next_random(struct world *w)
{
    uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- inside a life ---- */

/* What a life says to the world: written at once, so a later SIGKILL can't take it back. */
struct message {
    enum { SAY_FOUND, SAY_COMMITTED, SAY_DAMAGE, SAY_END } what;
    struct published state;
    char text[200];
};

static void say(int fd, const struct message *m)
{
    if (write(fd, m, sizeof(*m)) != (ssize_t)sizeof(*m))
        _exit(96);
}

static _Noreturn void say_damage(int fd, const char *text)
{
    struct message m = {.what = SAY_DAMAGE};
    (void)snprintf(m.text, sizeof(m.text), "%.199s", text);
    say(fd, &m);
    _exit(0);
}

static struct published state_of(struct pl_store *s, int fd)
{
    struct pl_log_state log;
    struct pl_err err;
    struct published p;

    if (pl_store_log_state(s, TEST_LOG, &log, &err) != PL_OK)
        say_damage(fd, err.text);
    if (log.checkpoint_size != log.edge.size)
        say_damage(fd, "half a batch");
    p.size = log.edge.size;
    pl_range_root(&log.edge, &p.root);
    return p;
}

/* The tree that is there now extends the one that was published. */
static void check_extends(const struct world *w, int fd)
{
    struct pl_view *view = NULL;
    struct pl_range range;
    struct pl_hash root;
    struct pl_err err;

    if (pl_view_open(w->dir, &view, &err) != PL_OK)
        say_damage(fd, err.text);
    struct pl_view_hashes h = {.view = view, .log_id = TEST_LOG, .size = w->last.size};
    if (pl_range_load(&range, w->last.size, pl_view_hashes, &h, &err) != PL_OK)
        say_damage(fd, err.text);
    pl_range_root(&range, &root);
    if (!pl_hash_eq(&root, &w->last.root))
        say_damage(fd, "another root at a published size");
    pl_view_close(view);
}

static void live(struct world *w, int fd, uint64_t batches, uint64_t wal_max)
{
    struct pl_store_opts opts = {.dir = w->dir,
                                 .synchronous = w->synchronous,
                                 .repair_tail = w->repair_tail,
                                 .wal_max = wal_max};
    struct pl_store *s = NULL;
    struct pl_err err;
    struct message m = {.what = SAY_FOUND};

    if (pl_store_open(&opts, &s, &err) != PL_OK)
        say_damage(fd, err.text);
    m.state = state_of(s, fd);
    if (m.state.size < w->last.size)
        say_damage(fd, "the tree is smaller than a published one");
    check_extends(w, fd);
    say(fd, &m);
    m.what = SAY_COMMITTED;
    for (uint64_t i = 0; i < batches; i++) {
        if (test_log_append(s, TEST_LOG, w->lives + 1, 1 + next_random(w) % 20, &err) != PL_OK)
            say_damage(fd, err.text);
        m.state = state_of(s, fd);
        say(fd, &m);
        (void)pl_store_maintain(s, &err);
        if (next_random(w) % 8 == 0 && pl_store_checkpoint_passive(w->dir, &err) != PL_OK)
            say_damage(fd, err.text);
    }
    m.what = SAY_END;
    say(fd, &m);
}

/* Every so often a life looks at everything. */
static void check_all(struct world *w, int fd)
{
    struct pl_hash root;
    struct pl_err err;
    uint64_t size = 0;

    if (check_log(w->dir, TEST_LOG, 0, &size, &root, &err) != PL_OK)
        say_damage(fd, err.text);
}

static _Noreturn void life_main(struct world *w, int fd)
{
    static const enum pl_fault_class CLASS[] = {PL_FAULT_WRITE, PL_FAULT_SYNC, PL_FAULT_TRUNCATE};
    uint64_t how = next_random(w) % 10;
    struct pl_fault_plan plan = {.class = CLASS[next_random(w) % 3], .how = PL_FAULT_KILL};

    /* Small numbers are likely: much happens in the first calls of an open. */
    plan.nth = 1 + next_random(w) % (UINT64_C(1) << (1 + next_random(w) % 6));
    if (how >= 3)
        pl_fault_set(&plan);
    live(w, fd, how == 0 ? 0 : 1 + next_random(w) % 6, 1 << (16 + next_random(w) % 6));
    pl_fault_clear();
    if (w->lives % 25 == 24)
        check_all(w, fd);
    kill(getpid(), SIGKILL); /* no store is ever closed here */
    _exit(95);
}

/* ---- the world ---- */

static void hear(struct world *w, const struct message *m)
{
    switch (m->what) {
    case SAY_FOUND:
    case SAY_COMMITTED:
        w->batches += m->what == SAY_COMMITTED;
        w->last = m->state;
        break;
    case SAY_DAMAGE:
        (void)snprintf(w->damage, sizeof(w->damage), "life %" PRIu64 ", %" PRIu64 " cuts: %.200s",
                       w->lives, w->cuts, m->text);
        break;
    case SAY_END:
        break;
    }
}

static void one_life(struct world *w)
{
    int fd[2], status = 0;
    struct message m;
    bool heard = false;

    assert_int_equal(pipe(fd), 0);
    (void)next_random(w);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        life_main(w, fd[1]);
    }
    close(fd[1]);
    while (read(fd[0], &m, sizeof(m)) == (ssize_t)sizeof(m)) {
        hear(w, &m);
        heard = true;
    }
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        fail_msg("a life ended with status %d", WEXITSTATUS(status));
    w->killed_at_start += !heard;
    w->lives++;
    if (w->damage[0] == '\0' && next_random(w) % 10 < 6) {
        struct pl_powercut_stats stats = {0};
        assert_true(pl_powercut(w->dir, next_random(w), &stats));
        w->cuts++;
        w->lost += stats.lost;
        w->torn += stats.torn;
    }
}

static void start_world(struct world *w)
{
    struct pl_err err;

    test_dir_make(w->dir);
    assert_ok(test_log_create(w->dir, &err), err);
    w->last.root = PL_EMPTY_ROOT;
}

/* Lives until @cuts power cuts have been survived or damage is found. */
static void run_world(struct world *w, uint64_t cuts)
{
    while (w->cuts < cuts && w->damage[0] == '\0')
        one_life(w);
}

static uint64_t wanted_cuts(void)
{
    const char *text = getenv("CRASH");
    uint64_t n = 0;
    return text != NULL && pl_parse_u64(pl_str(text), 100000, &n) && n > 200 ? n : 200;
}

static void nothing_acknowledged_is_lost_in_power_cuts(void **state)
{
    struct world w = {.repair_tail = true, .random = 42};

    (void)state;
    start_world(&w);
    run_world(&w, wanted_cuts());
    print_message("# %d lives, %d power cuts: %d writes lost, %d torn; %d batches and %d entries"
                  " acknowledged, none lost; %d lives were killed within the open\n",
                  (int)w.lives, (int)w.cuts, (int)w.lost, (int)w.torn, (int)w.batches,
                  (int)w.last.size, (int)w.killed_at_start);
    if (w.damage[0] != '\0')
        fail_msg("%s", w.damage);
    assert_true(w.batches > 300);
    assert_true(w.lost > 100 && w.torn > 20);
    assert_true(w.killed_at_start > 20);
    test_dir_remove(w.dir);
}

static void without_a_sync_per_commit_the_harness_finds_losses(void **state)
{
    struct world w = {.repair_tail = true, .synchronous = "NORMAL", .random = 43};

    (void)state;
    start_world(&w);
    run_world(&w, 100);
    print_message("# synchronous=NORMAL: %s\n", w.damage);
    assert_string_not_equal(w.damage, "");
    test_dir_remove(w.dir);
}

static void without_the_tail_rule_the_harness_finds_a_fork(void **state)
{
    struct world w = {.repair_tail = false, .random = 44};

    (void)state;
    start_world(&w);
    run_world(&w, 400);
    print_message("# no tail rule: %s\n", w.damage);
    assert_string_not_equal(w.damage, "");
    test_dir_remove(w.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_in_power_cuts),
        cmocka_unit_test(without_a_sync_per_commit_the_harness_finds_losses),
        cmocka_unit_test(without_the_tail_rule_the_harness_finds_a_fork),
    };
    pl_powercut_install();
    pl_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
