/* SPDX-License-Identifier: Apache-2.0 */
/* test_signer.c - key files, whose key it is, SETs. */
#include "tests/unit/test.h"

#include "server/signer.h"
#include "tests/lib/test_log.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    test_dir_make(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_remove(dir);
    return 0;
}

/* The row that fits the key in @dir: learned from the refusal-free public key file. */
static void load_row(struct pl_log_row *row, struct pl_key **key)
{
    uint8_t text[1024];
    char path[128];
    struct pl_err err;

    snprintf(path, sizeof(path), "%s/keys/v1.pub", dir);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    assert_ok(pl_key_from_pem(pl_bytes(text, n), key, &err), err);
    *row = (struct pl_log_row){.log_id = PL_LOG_ID_V1,
                               .tree_id = UINT64_C(0x112210f47de98115),
                               .origin = PL_LIT("log.example.com"),
                               .key_spki = pl_key_spki(*key),
                               .created = 1700000000};
}

static void keys_are_made_once_and_private(void **state)
{
    char path[128];
    struct pl_err err;
    struct stat st;
    bool exist;

    (void)state;
    assert_ok(pl_signer_keys_exist(dir, &exist, &err), err);
    assert_false(exist);
    assert_ok(pl_signer_create_keys(dir, &err), err);
    assert_ok(pl_signer_keys_exist(dir, &exist, &err), err);
    assert_true(exist);
    snprintf(path, sizeof(path), "%s/keys/v1.pem", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_fails(pl_signer_create_keys(dir, &err), PL_EEXISTS, "exists already", err);
}

static void the_log_is_named_as_its_row_says(void **state)
{
    struct pl_log_row row;
    struct pl_v1_log log;
    struct pl_key *key;
    struct pl_err err;

    (void)state;
    assert_ok(pl_signer_create_keys(dir, &err), err);
    load_row(&row, &key);
    assert_ok(pl_signer_load(dir, &row, &log, &err), err);
    assert_string_equal(log.tree_id_hex, "112210f47de98115");
    assert_string_equal(log.tree_id_dec, "1234567890123456789");
    assert_string_equal(log.origin, "log.example.com");
    assert_true(pl_hash_eq(&log.log_id, pl_key_id(key)));
    pl_signer_free(&log);
    pl_key_unref(key);
}

static void another_key_is_refused_with_both_ids(void **state)
{
    struct pl_log_row row;
    struct pl_v1_log log;
    struct pl_key *key;
    char path[128], hex[PL_HASH_HEX_SIZE];
    struct pl_err err;

    (void)state;
    assert_ok(pl_signer_create_keys(dir, &err), err);
    load_row(&row, &key);
    snprintf(path, sizeof(path), "%s/keys/v1.pem", dir);
    assert_int_equal(unlink(path), 0);
    assert_fails(pl_signer_load(dir, &row, &log, &err), PL_ENOTFOUND, "v1.pem", err);
    assert_ok(pl_signer_create_keys(dir, &err), err);
    assert_fails(pl_signer_load(dir, &row, &log, &err), PL_EINVAL, pl_hash_hex(pl_key_id(key), hex),
                 err);
    pl_key_unref(key);
}

static void a_set_covers_body_time_and_index(void **state)
{
    struct pl_bytes body = PL_LIT("{\"body\":1}");
    struct pl_log_row row;
    struct pl_v1_log log;
    struct pl_key *key;
    uint8_t set[PL_SIG_MAX];
    struct pl_err err;
    size_t n;

    (void)state;
    assert_ok(pl_signer_create_keys(dir, &err), err);
    load_row(&row, &key);
    assert_ok(pl_signer_load(dir, &row, &log, &err), err);
    assert_ok(pl_signer_set(&log, body, 1700000001, 5, set, &n, &err), err);
    assert_ok(pl_signer_check_set(&log, body, 1700000001, 5, pl_bytes(set, n), &err), err);
    assert_int_equal(
        pl_signer_check_set(&log, PL_LIT("{\"body\":2}"), 1700000001, 5, pl_bytes(set, n), &err),
        PL_EVERIFY);
    assert_int_equal(pl_signer_check_set(&log, body, 1700000002, 5, pl_bytes(set, n), &err),
                     PL_EVERIFY);
    assert_int_equal(pl_signer_check_set(&log, body, 1700000001, 6, pl_bytes(set, n), &err),
                     PL_EVERIFY);
    pl_signer_free(&log);
    pl_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_made_once_and_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_is_named_as_its_row_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_key_is_refused_with_both_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_covers_body_time_and_index, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
