/* SPDX-License-Identifier: Apache-2.0 */
/* test_model.c - the digest of a model, against a list that the test hashes itself. */
#include "client/model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

struct fixture {
    char dir[64];
    int fd;
};

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/provlog-model.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->fd = open(f->dir, O_RDONLY | O_DIRECTORY);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static void remove_below(int fd)
{
    static const char *const files[] = {"a",     "a/b",   "a/b/c", "a.b",  "a0",   "B",
                                        ".hide", "empty", "link",  "pipe", "x\\y", "x\ny"};
    for (size_t i = sizeof(files) / sizeof(files[0]); i-- > 0;)
        if (unlinkat(fd, files[i], 0) != 0)
            (void)unlinkat(fd, files[i], AT_REMOVEDIR);
}

static int drop_folder(void **state)
{
    struct fixture *f = *state;
    remove_below(f->fd);
    (void)close(f->fd);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void folder(const struct fixture *f, const char *name)
{
    assert_int_equal(mkdirat(f->fd, name, 0755), 0);
}

/* SHA-256 of the lines for {path, text} pairs, in the order given. */
static struct pl_hash list_of(const char *const (*files)[2], size_t n)
{
    char text[4096];
    size_t at = 0;
    struct pl_hash hash;
    char hex[PL_HASH_HEX_SIZE];

    for (size_t i = 0; i < n; i++) {
        pl_sha256(pl_str(files[i][1]), &hash);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s  %s\n", pl_hash_hex(&hash, hex),
                               files[i][0]);
    }
    pl_sha256(pl_bytes(text, at), &hash);
    return hash;
}

static void a_file_is_the_hash_of_its_bytes(void **state)
{
    const struct fixture *f = *state;
    struct pl_model m;
    struct pl_err err;
    struct pl_hash want;
    char path[128];

    put(f, "B", "weights");
    (void)snprintf(path, sizeof(path), "%s/B", f->dir);
    assert_ok(pl_model_digest(path, NULL, NULL, &m, &err), err);
    pl_sha256(PL_LIT("weights"), &want);
    assert_true(pl_hash_eq(&m.sha256, &want));
    assert_false(m.folder);
    assert_int_equal(m.bytes, 7);
}

static void a_folder_is_the_hash_of_its_sorted_list(void **state)
{
    const struct fixture *f = *state;
    /* By bytes of the whole path: '.' < '/' < '0'; upper case first; hidden files count. */
    static const char *const want[][2] = {
        {".hide", "h"}, {"B", "upper"}, {"a.b", "dot"}, {"a/b/c", "deep"}, {"a0", ""}};
    struct pl_model m;
    struct pl_err err;

    folder(f, "a");
    folder(f, "a/b");
    folder(f, "empty");
    for (size_t i = 5; i-- > 0;)
        put(f, want[i][0], want[i][1]);
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &m, &err), err);
    struct pl_hash hash = list_of(want, 5);
    assert_true(pl_hash_eq(&m.sha256, &hash));
    assert_true(m.folder);
    assert_int_equal(m.files, 5);
    assert_int_equal(m.bytes, 1 + 5 + 3 + 4);
}

static void names_places_and_contents_count(void **state)
{
    const struct fixture *f = *state;
    struct pl_model first, m;
    struct pl_err err;

    put(f, "B", "one");
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &first, &err), err);
    put(f, "B", "onf");
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &m, &err), err);
    assert_false(pl_hash_eq(&first.sha256, &m.sha256));
    put(f, "B", "one");
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &m, &err), err);
    assert_true(pl_hash_eq(&first.sha256, &m.sha256));
    put(f, "a0", "");
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &m, &err), err);
    assert_false(pl_hash_eq(&first.sha256, &m.sha256));
    assert_int_equal(unlinkat(f->fd, "a0", 0), 0);
    assert_int_equal(renameat(f->fd, "B", f->fd, "a.b"), 0);
    assert_ok(pl_model_digest(f->dir, NULL, NULL, &m, &err), err);
    assert_false(pl_hash_eq(&first.sha256, &m.sha256));
}

static void what_a_digest_cannot_say_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct pl_model m;
    struct pl_err err;

    assert_fails(pl_model_digest(f->dir, NULL, NULL, &m, &err), PL_EINVAL, "no files", err);
    put(f, "B", "one");
    assert_int_equal(symlinkat("B", f->fd, "link"), 0);
    assert_fails(pl_model_digest(f->dir, NULL, NULL, &m, &err), PL_EINVAL,
                 "link is a symbolic link", err);
    assert_int_equal(unlinkat(f->fd, "link", 0), 0);
    assert_int_equal(mkfifoat(f->fd, "pipe", 0600), 0);
    assert_fails(pl_model_digest(f->dir, NULL, NULL, &m, &err), PL_EINVAL,
                 "pipe is neither a file nor a folder", err);
    assert_int_equal(unlinkat(f->fd, "pipe", 0), 0);
    put(f, "x\\y", "one");
    assert_fails(pl_model_digest(f->dir, NULL, NULL, &m, &err), PL_EINVAL, "backslash", err);
    assert_int_equal(unlinkat(f->fd, "x\\y", 0), 0);
    put(f, "x\ny", "one");
    assert_fails(pl_model_digest(f->dir, NULL, NULL, &m, &err), PL_EINVAL, "line end", err);
}

static void a_path_that_is_nothing_to_hash_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct pl_model m;
    struct pl_err err;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/none", f->dir);
    assert_fails(pl_model_digest(path, NULL, NULL, &m, &err), PL_EINVAL, "none", err);
    (void)snprintf(path, sizeof(path), "%s/pipe", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(pl_model_digest(path, NULL, NULL, &m, &err), PL_EINVAL, "regular file", err);
}

/* Changes the file under the reader's hands, at the first sign of progress. */
static void meddle(void *ctx, uint64_t done, uint64_t total)
{
    (void)total;
    if (done == 3)
        put(ctx, "B", "other");
}

static void a_file_that_changes_while_read_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pl_model m;
    struct pl_err err;

    put(f, "B", "one");
    assert_fails(pl_model_digest(f->dir, meddle, f, &m, &err), PL_EINVAL, "changed while", err);
}

struct seen {
    uint64_t done, total;
};
static void remember(void *ctx, uint64_t done, uint64_t total)
{
    struct seen *s = ctx;
    assert_true(done >= s->done);
    *s = (struct seen){done, total};
}

static void progress_ends_at_the_total(void **state)
{
    const struct fixture *f = *state;
    struct seen seen = {0, 0};
    struct pl_model m;
    struct pl_err err;

    put(f, "B", "one");
    put(f, "a0", "three");
    assert_ok(pl_model_digest(f->dir, remember, &seen, &m, &err), err);
    assert_int_equal(seen.done, 8);
    assert_int_equal(seen.total, 8);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_the_hash_of_its_bytes),
        TEST(a_folder_is_the_hash_of_its_sorted_list),
        TEST(names_places_and_contents_count),
        TEST(what_a_digest_cannot_say_is_refused),
        TEST(a_path_that_is_nothing_to_hash_is_refused),
        TEST(a_file_that_changes_while_read_is_refused),
        TEST(progress_ends_at_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
