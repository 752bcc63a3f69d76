/* SPDX-License-Identifier: Apache-2.0 */
/* test_hash.c - digests against FIPS 180-4's examples, streaming, names. */
#include "core/crypto/hash.h"

#include "core/base/enc.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    enum pl_hashalg alg;
    const char *name, *in, *want;
} examples[] = {
    {PL_SHA1, "sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {PL_SHA256, "sha256", "abc",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {PL_SHA256, "sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {PL_SHA384, "sha384", "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c82"
     "5"
     "a7"},
    {PL_SHA512, "sha512", "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "b"
     "bd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void digests_agree_with_fips_180(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(examples); i++) {
        uint8_t digest[PL_DIGEST_MAX];
        char hex[2 * PL_DIGEST_MAX + 1];
        struct pl_err err;
        enum pl_hashalg alg;

        assert_true(pl_hashalg_parse(pl_str(examples[i].name), &alg));
        assert_int_equal(alg, examples[i].alg);
        assert_string_equal(pl_hashalg_name(alg), examples[i].name);
        assert_ok(pl_digest(alg, pl_str(examples[i].in), digest, &err), err);
        pl_hex_encode(pl_bytes(digest, pl_hashalg_size(alg)), hex);
        assert_string_equal(hex, examples[i].want);
    }
}

static void names_are_exact(void **state)
{
    static const char *const bad[] = {"",      "SHA256", "sha-256", "sha256 ",
                                      "sha25", "md5",    "sha2566"};
    enum pl_hashalg alg;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(pl_hashalg_parse(pl_str(bad[i]), &alg));
}

static void streaming_gives_the_same_for_every_cut(void **state)
{
    uint8_t in[200];
    struct pl_hash want, got;
    char hex[PL_HASH_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 7);
    pl_sha256(pl_bytes(in, sizeof(in)), &want);
    for (size_t cut = 0; cut <= sizeof(in); cut++) {
        struct pl_sha256 s;

        pl_sha256_init(&s);
        pl_sha256_add(&s, pl_bytes(in, cut));
        pl_sha256_add(&s, pl_bytes(NULL, 0));
        pl_sha256_add(&s, pl_bytes(in + cut, sizeof(in) - cut));
        pl_sha256_end(&s, &got);
        assert_true(pl_hash_eq(&got, &want));
    }
    pl_sha256(pl_bytes(NULL, 0), &got);
    assert_string_equal(pl_hash_hex(&got, hex), examples[2].want);
    assert_false(pl_hash_eq(&got, &want));
}

static void secrets_compare_by_content_and_length(void **state)
{
    (void)state;
    assert_true(pl_equal_secret(PL_LIT("abc"), PL_LIT("abc")));
    assert_false(pl_equal_secret(PL_LIT("abc"), PL_LIT("abd")));
    assert_false(pl_equal_secret(PL_LIT("abc"), PL_LIT("ab")));
    assert_true(pl_equal_secret(pl_bytes(NULL, 0), PL_LIT("")));
}

static void random_bytes_differ(void **state)
{
    static uint8_t big[200000];
    uint8_t a[32], b[32];
    size_t zeros = 0;

    (void)state;
    pl_random(a, sizeof(a));
    pl_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    pl_random(big, sizeof(big)); /* more than one call's worth */
    for (size_t i = sizeof(big) - 10000; i < sizeof(big); i++)
        zeros += big[i] == 0;
    assert_in_range(zeros, 1, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_agree_with_fips_180),
        cmocka_unit_test(names_are_exact),
        cmocka_unit_test(streaming_gives_the_same_for_every_cut),
        cmocka_unit_test(secrets_compare_by_content_and_length),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
