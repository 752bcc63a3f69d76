/* SPDX-License-Identifier: Apache-2.0 */
/* test_key.c - which keys are taken, ids, key files in both directions. */
#include "core/crypto/key.h"

#include <stdlib.h>

#include "core/base/enc.h"
#include "core/crypto/sig.h"
#include "tests/lib/file.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KEYS     "tests/vectors/keys/"

static struct pl_arena arena;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, (size_t)256 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

static struct pl_key *load(const char *path)
{
    struct pl_key *key = NULL;
    struct pl_err err;

    assert_ok(pl_key_from_pem(pl_test_file(&arena, path), &key, &err), err);
    return key;
}

static void public_keys_are_taken(void **state)
{
    static const struct {
        const char *path;
        enum pl_keytype type;
        unsigned bits;
        bool slow;
        const char *details;
    } good[] = {
        {KEYS "cosign.pub", PL_KEY_P256, 256, false, "PKIX_ECDSA_P256_SHA_256"},
        {KEYS "p384.pub", PL_KEY_P384, 384, true, "PKIX_ECDSA_P384_SHA_384"},
        {KEYS "p521.pub", PL_KEY_P521, 521, true, "PKIX_ECDSA_P521_SHA_512"},
        {KEYS "ed25519.pub", PL_KEY_ED25519, 256, false, "PKIX_ED25519"},
        {KEYS "rsa-pkcs1.pub", PL_KEY_RSA, 2048, false, "PKIX_RSA_PKCS1V15_2048_SHA256"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pl_key *key = load(good[i].path), *same = NULL;
        struct pl_buf pem;
        struct pl_err err;

        assert_int_equal(pl_key_type(key), good[i].type);
        assert_int_equal(pl_key_bits(key), good[i].bits);
        assert_int_equal(pl_key_is_slow(key), good[i].slow);
        assert_string_equal(pl_key_details(key), good[i].details);
        pl_buf_init(&pem, 10000);
        pl_key_add_pem(key, &pem);
        assert_bytes(pl_buf_bytes(&pem), pl_test_file(&arena, good[i].path));
        pl_buf_free(&pem);
        assert_ok(pl_key_from_spki(pl_key_spki(key), &same, &err), err);
        assert_true(pl_key_eq(key, same));
        pl_key_unref(same);
        pl_key_unref(pl_key_ref(key));
        pl_key_unref(key);
    }
    pl_key_unref(NULL);
}

static void other_keys_are_refused(void **state)
{
    static const struct {
        const char *path, *why;
    } bad[] = {
        {KEYS "bad-compressed.pub", "uncompressed point"},
        {KEYS "bad-explicit.pub", "named"},
        {KEYS "bad-secp256k1.pub", "must be on P-256, P-384 or P-521"},
        {KEYS "bad-rsa1024.pub", "RSA of 1024 bits, accepted are 2048 to 16384"},
        {KEYS "bad-rsa-e3.pub", "exponent must be odd, at least 65537"},
        {KEYS "bad-rsa-pss.pub", "type RSA-PSS is not accepted"},
        {KEYS "bad-ed448.pub", "type ED448 is not accepted"},
        {KEYS "bad-x25519.pub", "type X25519 is not accepted"},
        {KEYS "bad-rsa-pkcs1.pub", "the PEM block is a RSA PUBLIC KEY, needed is a PUBLIC KEY"},
        {KEYS "cosign.key", "needed is a PUBLIC KEY"},
        {KEYS "README.md", "no PEM block"},
    };
    struct pl_key *key = NULL;
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_fails(pl_key_from_pem(pl_test_file(&arena, bad[i].path), &key, &err), PL_EINVAL,
                     bad[i].why, err);
    assert_null(key);
}

static void two_blocks_are_refused(void **state)
{
    struct pl_bytes one = pl_test_file(&arena, KEYS "cosign.pub");
    struct pl_key *key = NULL;
    struct pl_buf two;
    struct pl_err err;

    (void)state;
    pl_buf_init_arena(&two, &arena, 10000);
    pl_buf_add_bytes(&two, one);
    pl_buf_add_bytes(&two, one);
    assert_fails(pl_key_from_pem(pl_buf_bytes(&two), &key, &err), PL_EINVAL,
                 "more than one PEM block", err);
}

/* Every byte of an SPKI counts: changed, it is refused or is another key with that SPKI. */
static void changed_bytes_never_go_unnoticed(void **state)
{
    static const char *const paths[] = {KEYS "cosign.pub", KEYS "ed25519.pub",
                                        KEYS "rsa-pkcs1.pub"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct pl_key *key = load(paths[i]), *other;
        struct pl_bytes spki = pl_arena_dup(&arena, pl_key_spki(key));
        uint8_t *bytes = (uint8_t *)(uintptr_t)spki.p;
        struct pl_err err;

        for (size_t at = 0; at < spki.n; at++) {
            bytes[at] ^= 1;
            if (pl_key_from_spki(spki, &other, &err) == PL_OK) {
                assert_bytes(pl_key_spki(other), spki);
                assert_false(pl_key_eq(key, other));
                assert_false(pl_hash_eq(pl_key_id(key), pl_key_id(other)));
                pl_key_unref(other);
            }
            bytes[at] ^= 1;
        }
        for (size_t n = 0; n < spki.n; n++)
            assert_int_equal(pl_key_from_spki(pl_bytes(bytes, n), &other, &err), PL_EINVAL);
        bytes = pl_arena_alloc(&arena, spki.n + 1);
        memcpy(bytes, spki.p, spki.n);
        assert_int_equal(pl_key_from_spki(pl_bytes(bytes, spki.n + 1), &other, &err), PL_EINVAL);
        pl_key_unref(key);
    }
}

static void points_off_the_curve_are_refused(void **state)
{
    struct pl_key *key = load(KEYS "cosign.pub");
    struct pl_bytes spki = pl_arena_dup(&arena, pl_key_spki(key));
    uint8_t *bytes = (uint8_t *)(uintptr_t)spki.p;
    struct pl_key *other = NULL;
    struct pl_err err;

    (void)state;
    bytes[90] ^= 1;
    assert_fails(pl_key_from_spki(spki, &other, &err), PL_EINVAL,
                 "the ECDSA P-256 point is not on the curve", err);
    memset(bytes + 27, 0xff, 64); /* not reduced */
    assert_fails(pl_key_from_spki(spki, &other, &err), PL_EINVAL, "not on the curve", err);
    pl_key_unref(key);
}

/* Points of small order verify anything, and other spellings would be other keys. */
static void weak_ed25519_points_are_refused(void **state)
{
    static const char *const bad[] = {
        "0100000000000000000000000000000000000000000000000000000000000000", /* identity */
        "0000000000000000000000000000000000000000000000000000000000000000", /* order 4 */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* order 2 */
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* order 8 */
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* y = p + 1 */
        "0200000000000000000000000000000000000000000000000000000000000000", /* not on the curve */
    };
    uint8_t spki[44] = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};
    struct pl_key *key = NULL;
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_true(pl_hex_decode(pl_str(bad[i]), spki + 12, 32));
        assert_fails(pl_key_from_spki(pl_bytes(spki, sizeof(spki)), &key, &err), PL_EINVAL,
                     "Ed25519 point is not canonical or of the wrong order", err);
    }
}

static void ids_are_the_hash_of_the_spki(void **state)
{
    struct pl_key *key = load(KEYS "cosign-legacy.pub");
    char hex[PL_HASH_HEX_SIZE];

    (void)state;
    assert_string_equal(pl_hash_hex(pl_key_id(key), hex),
                        "67755a9dc10c557503cac46967627ec13fd7ad3aa5131e8067265d427e590ce6");
    pl_key_unref(key);
}

/* ---- private keys ---- */

static void check_pair(const struct pl_privkey *priv, const char *pub_path)
{
    struct pl_key *pub = load(pub_path);

    assert_true(pl_key_eq(pl_privkey_public(priv), pub));
    pl_key_unref(pub);
}

static void private_key_files_are_read(void **state)
{
    static const struct {
        const char *path, *pub, *password;
    } good[] = {
        {KEYS "ec-sec1.key", KEYS "ec-sec1.pub", ""}, /* with EC PARAMETERS before it */
        {KEYS "rsa-pkcs1.key", KEYS "rsa-pkcs1.pub", ""},
        {KEYS "ed25519.key", KEYS "ed25519.pub", ""},
        {KEYS "p384.key", KEYS "p384.pub", ""},
        {KEYS "p521.key", KEYS "p521.pub", "not looked at"},
        {KEYS "cosign-legacy.key", KEYS "cosign-legacy.pub", "p"},
        {KEYS "cosign.key", KEYS "cosign.pub", "provlog"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pl_privkey *key = NULL, *again = NULL;
        struct pl_buf pem;
        struct pl_err err;

        assert_ok(pl_privkey_from_pem(pl_test_file(&arena, good[i].path), pl_str(good[i].password),
                                      &key, &err),
                  err);
        check_pair(key, good[i].pub);
        pl_buf_init(&pem, 10000);
        pem.secret = true;
        assert_ok(pl_privkey_add_pem(key, &pem, &err), err);
        assert_true(pl_bytes_has_prefix(pl_buf_bytes(&pem), "-----BEGIN PRIVATE KEY-----\n"));
        assert_ok(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT(""), &again, &err), err);
        check_pair(again, good[i].pub);
        pl_buf_free(&pem);
        pl_privkey_free(key);
        pl_privkey_free(again);
    }
    pl_privkey_free(NULL);
}

static void bad_private_key_files_are_refused(void **state)
{
    static const struct {
        const char *path, *password, *why;
        enum pl_code code;
    } bad[] = {
        {KEYS "cosign-legacy.key", "p\n", "wrong password", PL_EVERIFY},
        {KEYS "cosign-legacy.key", "", "wrong password", PL_EVERIFY},
        {KEYS "bad-pkcs8-encrypted.key", "x", "cannot handle a PEM block of type ENCRYPTED PRIVATE",
         PL_EINVAL},
        {KEYS "bad-secp256k1.key", "", "must be on P-256", PL_EINVAL},
        {KEYS "cosign.pub", "", "cannot handle a PEM block of type PUBLIC KEY", PL_EINVAL},
        {KEYS "README.md", "", "no PEM block", PL_EINVAL},
    };
    struct pl_privkey *key = NULL;
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_fails(pl_privkey_from_pem(pl_test_file(&arena, bad[i].path), pl_str(bad[i].password),
                                         &key, &err),
                     bad[i].code, bad[i].why, err);
    assert_null(key);
}

/* A PKCS#8 P-256 key whose private number does not make its public key. */
static void halves_that_do_not_fit_are_refused(void **state)
{
    struct pl_privkey *key = NULL, *other = NULL;
    struct pl_buf pem;
    struct pl_bytes in;
    struct pl_pem block;
    struct pl_err err;
    uint8_t *bytes;

    (void)state;
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    pl_buf_init(&pem, 10000);
    assert_ok(pl_privkey_add_pem(key, &pem, &err), err);
    in = pl_buf_bytes(&pem);
    assert_ok(pl_pem_next(&in, &arena, &block, &err), err);
    assert_int_equal(block.der.n, 138); /* as Go writes it: 36 bytes, the number, the public key */
    bytes = (uint8_t *)(uintptr_t)block.der.p;
    bytes[36 + 31] ^= 1;
    pl_buf_reset(&pem);
    pl_buf_add_pem(&pem, "PRIVATE KEY", block.der);
    assert_fails(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT(""), &other, &err), PL_EINVAL,
                 "private key", err);
    memset(bytes + 36, 0xff, 32); /* beyond the order */
    pl_buf_reset(&pem);
    pl_buf_add_pem(&pem, "PRIVATE KEY", block.der);
    assert_fails(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT(""), &other, &err), PL_EINVAL,
                 "private key", err);
    assert_null(other);
    pl_buf_free(&pem);
    pl_privkey_free(key);
}

static void encrypted_key_files_go_both_ways(void **state)
{
    struct pl_privkey *key = NULL, *again = NULL;
    struct pl_buf pem;
    struct pl_err err;
    uint8_t sig[PL_SIG_MAX];
    size_t n;

    (void)state;
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    pl_buf_init(&pem, 10000);
    assert_ok(pl_privkey_add_cosign_pem(key, PL_LIT("s3cret"), &pem, &err), err);
    assert_true(pl_bytes_has_prefix(pl_buf_bytes(&pem),
                                    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    assert_ok(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT("s3cret"), &again, &err), err);
    assert_true(pl_key_eq(pl_privkey_public(key), pl_privkey_public(again)));
    assert_ok(pl_sig_sign(again, PL_SHA256, PL_LIT("m"), sig, &n, &err), err);
    assert_ok(pl_sig_verify(pl_privkey_public(key), PL_SHA256, PL_LIT("m"), pl_bytes(sig, n), &err),
              err);
    pl_buf_free(&pem);
    pl_privkey_free(again);
    pl_privkey_free(key);
}

/* Turns @json into a key file and tries to open it. */
static void check_keyfile(const char *json, const char *why)
{
    struct pl_privkey *key = NULL;
    struct pl_buf pem;
    struct pl_err err;

    pl_buf_init(&pem, 100000);
    pl_buf_add_pem(&pem, "ENCRYPTED SIGSTORE PRIVATE KEY", pl_str(json));
    assert_fails(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT("p"), &key, &err), PL_EINVAL, why,
                 err);
    assert_non_null(strstr(err.text, "encrypted private key: "));
    pl_buf_free(&pem);
}

static void hostile_key_files_are_refused_before_any_work(void **state)
{
#define SALT   "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}"
#define NONCE  "\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"
#define CIPHER "\"cipher\":{\"name\":\"nacl/secretbox\"," NONCE
#define BOXED  "\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAAA=\"}"
#define KDF(n, r, p) \
    "{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":" n ",\"r\":" r ",\"p\":" p "}," SALT ","
    (void)state;
    check_keyfile("{", "invalid JSON");
    check_keyfile("{}", "kdf is required");
    check_keyfile(KDF("1073741824", "8", "1") CIPHER "," BOXED, "not cosign's");
    check_keyfile(KDF("65536", "9", "1") CIPHER "," BOXED, "not cosign's");
    check_keyfile(KDF("65536", "8", "2") CIPHER "," BOXED, "not cosign's");
    check_keyfile(KDF("16384", "8", "1") CIPHER "," BOXED, "not cosign's");
    check_keyfile(KDF("65536", "8", "1") "\"cipher\":{\"name\":\"aes\"," NONCE "," BOXED,
                  "cipher.name is \"aes\", only \"nacl/secretbox\" is known");
    check_keyfile("{\"kdf\":{\"name\":\"pbkdf2\"," SALT "}", "only \"scrypt\" is known");
    check_keyfile(KDF("65536", "8", "1") "\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":"
                                         "\"AAAA\"}," BOXED,
                  "salt, nonce and ciphertext must be 32, 24 and 17 to 16384 bytes");
    check_keyfile(KDF("65536", "8", "1") CIPHER ",\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
                  "they are 32, 24 and 16");
    check_keyfile(KDF("65536", "8", "1") CIPHER ",\"ciphertext\":\"A\"}",
                  "ciphertext is not valid base64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_are_taken),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(two_blocks_are_refused),
        cmocka_unit_test(changed_bytes_never_go_unnoticed),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(weak_ed25519_points_are_refused),
        cmocka_unit_test(ids_are_the_hash_of_the_spki),
        cmocka_unit_test(private_key_files_are_read),
        cmocka_unit_test(bad_private_key_files_are_refused),
        cmocka_unit_test(halves_that_do_not_fit_are_refused),
        cmocka_unit_test(encrypted_key_files_go_both_ways),
        cmocka_unit_test(hostile_key_files_are_refused_before_any_work),
    };

    return cmocka_run_group_tests_name("key", tests, setup, teardown);
}
