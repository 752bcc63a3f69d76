/* SPDX-License-Identifier: Apache-2.0 */
/* test_sig.c - signatures of others verify, changed ones don't, and every malformed one is named.
 */
#include "core/crypto/sig.h"

#include <pthread.h>
#include <stdatomic.h>

#include <sodium.h>

#include "core/base/enc.h"
#include "tests/lib/file.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KEYS     "tests/vectors/keys/"
#define MESSAGE  PL_LIT("provlog test message")

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

static struct pl_bytes from_hex(const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *p = pl_arena_alloc(&arena, n);

    assert_true(pl_hex_decode(pl_str(hex), p, n));
    return pl_bytes(p, n);
}

static const struct {
    const char *pub, *key, *sig;
    enum pl_hashalg alg;
} pairs[] = {
    {KEYS "ec-sec1.pub", KEYS "ec-sec1.key", KEYS "ec-sec1.sig", PL_SHA256},
    {KEYS "p384.pub", KEYS "p384.key", KEYS "p384.sig", PL_SHA384},
    {KEYS "p521.pub", KEYS "p521.key", KEYS "p521.sig", PL_SHA512},
    {KEYS "rsa-pkcs1.pub", KEYS "rsa-pkcs1.key", KEYS "rsa-pkcs1.sig", PL_SHA256},
    {KEYS "ed25519.pub", KEYS "ed25519.key", KEYS "ed25519.sig", PL_SHA256},
};

static void signatures_of_openssl_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct pl_key *key = load(pairs[i].pub);
        struct pl_bytes sig = pl_test_file(&arena, pairs[i].sig);
        struct pl_err err;

        assert_ok(pl_sig_verify(key, pairs[i].alg, MESSAGE, sig, &err), err);
        assert_fails(pl_sig_verify(key, pairs[i].alg, PL_LIT("provlog test messagf"), sig, &err),
                     PL_EVERIFY, "signature does not verify", err);
        assert_fails(pl_sig_verify(key, pairs[i].alg, PL_LIT(""), sig, &err), PL_EVERIFY,
                     "signature does not verify", err);
        for (size_t k = 0; k < COUNT(pairs); k++) { /* under another's key */
            struct pl_key *other = load(pairs[k].pub);

            if (k != i)
                assert_int_equal(pl_sig_verify(other, pairs[i].alg, MESSAGE, sig, &err),
                                 PL_EVERIFY);
            pl_key_unref(other);
        }
        pl_key_unref(key);
    }
}

static void our_signatures_verify(void **state)
{
    static const enum pl_hashalg algs[] = {PL_SHA256, PL_SHA384, PL_SHA512};

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct pl_privkey *priv = NULL;
        const struct pl_key *key;
        struct pl_err err;

        assert_ok(pl_privkey_from_pem(pl_test_file(&arena, pairs[i].key), PL_LIT(""), &priv, &err),
                  err);
        key = pl_privkey_public(priv);
        for (size_t k = 0; k < COUNT(algs); k++) {
            uint8_t sig[PL_SIG_MAX], digest[PL_DIGEST_MAX];
            size_t n = 0;

            assert_ok(pl_sig_sign(priv, algs[k], MESSAGE, sig, &n, &err), err);
            assert_ok(pl_sig_verify(key, algs[k], MESSAGE, pl_bytes(sig, n), &err), err);
            if (pl_key_type(key) == PL_KEY_ED25519)
                continue;
            assert_ok(pl_digest(algs[k], MESSAGE, digest, &err), err);
            assert_ok(pl_sig_verify_digest(key, algs[k], pl_bytes(digest, pl_hashalg_size(algs[k])),
                                           pl_bytes(sig, n), &err),
                      err);
            /* Over another hash it is another signature. */
            assert_int_equal(
                pl_sig_verify(key, algs[(k + 1) % COUNT(algs)], MESSAGE, pl_bytes(sig, n), &err),
                PL_EVERIFY);
        }
        pl_privkey_free(priv);
    }
}

/* Each bit of a signature counts, and each length but its own is refused. */
static void changed_signatures_do_not_verify(void **state)
{
    static const size_t fast[] = {0, 3, 4};

    (void)state;
    for (size_t i = 0; i < COUNT(fast); i++) {
        struct pl_key *key = load(pairs[fast[i]].pub);
        struct pl_bytes file = pl_test_file(&arena, pairs[fast[i]].sig);
        uint8_t sig[600] = {0};
        struct pl_err err;

        memcpy(sig, file.p, file.n);
        for (size_t bit = 0; bit < 8 * file.n; bit += 3) {
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(pl_sig_verify(key, PL_SHA256, MESSAGE, pl_bytes(sig, file.n), &err),
                             PL_EVERIFY);
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t n = 0; n < file.n + 3; n++) {
            if (n != file.n)
                assert_fails(pl_sig_verify(key, PL_SHA256, MESSAGE, pl_bytes(sig, n), &err),
                             PL_EVERIFY, "malformed signature", err);
        }
        pl_key_unref(key);
    }
}

/* ---- ECDSA: one spelling ---- */

#define PAE_DIGEST "4b978b95d0f2b9da1b6e0d341e6f911b43a9b809f55c5096b706ddaeab61c162"
#define R          "30666379714fe48eebaf2dfa799fb69de05b9ce39ec72af9ec6da5fdacaf2584"
#define S          "9e87c089539fcfebc49ee62c8d719f0622bced23844d6abc5fa7d6b0c54c4dc6"
#define TWIN_S     "61783f75ac6030153b6119d3728e60f99a2a0d8a22ca33c89411f4123716d78b" /* n - s */
#define ORDER      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

static void ecdsa_signatures_are_strict_der(void **state)
{
    static const char *const malformed[] = {
        "",
        "30",
        "3000",
        "3080"
        "0220" R "022100" S "0000", /* indefinite length */
        "308145"
        "0220" R "022100" S, /* long form of a short length */
        "3046"
        "022100" R "022100" S, /* r padded */
        "3046"
        "0220" R "02220000" S, /* s padded */
        "3044"
        "0220" R "0220" S, /* s negative */
        "3046"
        "0220" R "022100" S "00", /* a byte inside */
        "3045"
        "0220" R "022100" S "00", /* a byte behind */
        "3048"
        "0220" R "022100" S "020101", /* a third number */
        "3022"
        "0220" R, /* one number */
        "3026"
        "020100"
        "022100" S, /* r = 0 */
        "3025"
        "0220" R "020100", /* s = 0 */
        "3025"
        "0220" R "0200"
        "00", /* s without bytes */
        "3145"
        "0220" R "022100" S, /* a SET */
        "3045"
        "0320" R "022100" S, /* a BIT STRING */
        R S,                 /* raw r || s, as some JWT libraries write */
        "3066"
        "022101" R "022101" S "00", /* lengths that don't add up */
        "3047"
        "0221"
        "01" R "022201"
        "00" S, /* longer than the curve */
    };
    static const char *const wrong[] = {
        "3046"
        "022100" ORDER "022100" S, /* r = n */
        "3045"
        "0220" R "022100" ORDER, /* s = n */
        "3006"
        "020101"
        "020101",
        "3045"
        "0220" TWIN_S "022100" S,
    };
    struct pl_key *key = load(KEYS "cosign-legacy.pub");
    struct pl_bytes digest = from_hex(PAE_DIGEST);
    struct pl_err err;

    (void)state;
    assert_ok(pl_sig_verify_digest(key, PL_SHA256, digest,
                                   from_hex("3045"
                                            "0220" R "022100" S),
                                   &err),
              err);
    /* ECDSA's other solution is a signature too: never take a signature for an identity. */
    assert_ok(pl_sig_verify_digest(key, PL_SHA256, digest,
                                   from_hex("3044"
                                            "0220" R "0220" TWIN_S),
                                   &err),
              err);
    for (size_t i = 0; i < COUNT(malformed); i++)
        assert_fails(pl_sig_verify_digest(key, PL_SHA256, digest, from_hex(malformed[i]), &err),
                     PL_EVERIFY, "malformed signature", err);
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_fails(pl_sig_verify_digest(key, PL_SHA256, digest, from_hex(wrong[i]), &err),
                     PL_EVERIFY, "does not verify", err);
    pl_key_unref(key);
}

static void pss_does_not_pass_for_pkcs1(void **state)
{
    struct pl_key *key = load(KEYS "rsa-pkcs1.pub");
    struct pl_err err;

    (void)state;
    assert_fails(
        pl_sig_verify(key, PL_SHA512, MESSAGE, pl_test_file(&arena, KEYS "rsa-pss.sig"), &err),
        PL_EVERIFY, "does not verify", err);
    pl_key_unref(key);
}

static void combinations_that_do_not_exist(void **state)
{
    struct pl_key *ec = load(KEYS "ec-sec1.pub"), *ed = load(KEYS "ed25519.pub");
    struct pl_bytes sig = pl_test_file(&arena, KEYS "ec-sec1.sig");
    struct pl_privkey *priv = NULL;
    uint8_t zeros[64] = {0}, out[PL_SIG_MAX];
    size_t n = 0;
    struct pl_err err;

    (void)state;
    assert_fails(pl_sig_verify(ec, PL_SHA1, MESSAGE, sig, &err), PL_EINVAL, "SHA-1", err);
    assert_fails(pl_sig_verify_digest(ec, PL_SHA1, pl_bytes(zeros, 20), sig, &err), PL_EINVAL,
                 "SHA-1", err);
    assert_fails(pl_sig_verify_digest(ec, PL_SHA256, pl_bytes(zeros, 31), sig, &err), PL_EINVAL,
                 "a sha256 digest has 32 bytes, this one has 31", err);
    assert_fails(pl_sig_verify_digest(ed, PL_SHA256, pl_bytes(zeros, 32), sig, &err), PL_EINVAL,
                 "needs sha512, not sha256", err);
    assert_ok(
        pl_privkey_from_pem(pl_test_file(&arena, KEYS "ec-sec1.key"), PL_LIT(""), &priv, &err),
        err);
    assert_fails(pl_sig_sign(priv, PL_SHA1, MESSAGE, out, &n, &err), PL_EINVAL, "SHA-1", err);
    assert_int_equal(n, 0);
    pl_privkey_free(priv);
    pl_key_unref(ec);
    pl_key_unref(ed);
}

/* ---- Ed25519 ---- */

static struct pl_key *ed25519_key(struct pl_bytes point)
{
    uint8_t spki[44] = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};
    struct pl_key *key = NULL;
    struct pl_err err;

    memcpy(spki + 12, point.p, 32);
    assert_ok(pl_key_from_spki(pl_bytes(spki, sizeof(spki)), &key, &err), err);
    return key;
}

static void ed25519_agrees_with_rfc_8032(void **state)
{
    /* Section 7.1, TEST 1 and TEST 3. */
    static const struct {
        const char *seed, *pub, *msg, *sig;
    } tests[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "cf9"
         "b46bd25bf5f0595bbe24655141438e7a100b"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
         "84d"
         "c6594a7c15e9716ed28dc027beceea1ec40a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(tests); i++) {
        uint8_t pkcs8[48] = {0x30, 0x2e, 2,    1,    0, 0x30, 5, 6,
                             3,    0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
        struct pl_bytes msg = from_hex(tests[i].msg);
        struct pl_key *key = ed25519_key(from_hex(tests[i].pub));
        struct pl_privkey *priv = NULL;
        uint8_t sig[PL_SIG_MAX];
        struct pl_buf pem;
        struct pl_err err;
        size_t n;

        memcpy(pkcs8 + 16, from_hex(tests[i].seed).p, 32);
        pl_buf_init(&pem, 1000);
        pl_buf_add_pem(&pem, "PRIVATE KEY", pl_bytes(pkcs8, sizeof(pkcs8)));
        assert_ok(pl_privkey_from_pem(pl_buf_bytes(&pem), PL_LIT(""), &priv, &err), err);
        assert_true(pl_key_eq(pl_privkey_public(priv), key));
        assert_ok(pl_sig_sign(priv, PL_SHA256, msg, sig, &n, &err), err);
        assert_bytes(pl_bytes(sig, n), from_hex(tests[i].sig));
        assert_ok(pl_sig_verify(key, PL_SHA1, msg, from_hex(tests[i].sig), &err), err); /* no alg */
        pl_buf_free(&pem);
        pl_privkey_free(priv);
        pl_key_unref(key);
    }
}

#define PH_KEY "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
#define PH_SIG                                                                                     \
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062ad" \
    "f5aaa10b8c61e636062aaad11c2a26083406"

static void ed25519ph_agrees_with_rfc_8032(void **state)
{
    struct pl_key *key = ed25519_key(from_hex(PH_KEY));
    uint8_t digest[PL_DIGEST_MAX], sig[64];
    struct pl_err err;

    (void)state;
    assert_ok(pl_digest(PL_SHA512, PL_LIT("abc"), digest, &err), err);
    assert_ok(pl_sig_verify_digest(key, PL_SHA512, pl_bytes(digest, 64), from_hex(PH_SIG), &err),
              err);
    /* It is no pure signature, of the message or of the digest. */
    assert_int_equal(pl_sig_verify(key, PL_SHA512, PL_LIT("abc"), from_hex(PH_SIG), &err),
                     PL_EVERIFY);
    assert_int_equal(pl_sig_verify(key, PL_SHA512, pl_bytes(digest, 64), from_hex(PH_SIG), &err),
                     PL_EVERIFY);
    memcpy(sig, from_hex(PH_SIG).p, 64);
    for (size_t bit = 0; bit < 512; bit += 5) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            pl_sig_verify_digest(key, PL_SHA512, pl_bytes(digest, 64), pl_bytes(sig, 64), &err),
            PL_EVERIFY);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    digest[63] ^= 1;
    assert_fails(pl_sig_verify_digest(key, PL_SHA512, pl_bytes(digest, 64), from_hex(PH_SIG), &err),
                 PL_EVERIFY, "does not verify", err);
    assert_fails(
        pl_sig_verify_digest(key, PL_SHA512, pl_bytes(digest, 64), pl_bytes(sig, 63), &err),
        PL_EVERIFY, "malformed signature: 63 bytes, Ed25519 makes 64", err);
    pl_key_unref(key);
}

/* Adds the group's order to S, little-endian: the same number to a lax verifier. */
static void add_order(uint8_t s[32])
{
    struct pl_bytes order =
        from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;

    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)s[i] + order.p[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
}

static void ed25519_scalars_have_one_spelling(void **state)
{
    struct pl_key *ph = ed25519_key(from_hex(PH_KEY)), *pure = load(KEYS "ed25519.pub");
    uint8_t digest[PL_DIGEST_MAX], sig[64];
    struct pl_err err;

    (void)state;
    assert_ok(pl_digest(PL_SHA512, PL_LIT("abc"), digest, &err), err);
    memcpy(sig, from_hex(PH_SIG).p, 64);
    add_order(sig + 32);
    assert_fails(pl_sig_verify_digest(ph, PL_SHA512, pl_bytes(digest, 64), pl_bytes(sig, 64), &err),
                 PL_EVERIFY, "S is not below the group's order", err);
    memcpy(sig, pl_test_file(&arena, KEYS "ed25519.sig").p, 64);
    add_order(sig + 32);
    assert_int_equal(pl_sig_verify(pure, PL_SHA512, MESSAGE, pl_bytes(sig, 64), &err), PL_EVERIFY);
    pl_key_unref(ph);
    pl_key_unref(pure);
}

/* libsodium's own Ed25519ph takes messages; over their digests we must agree with it. */
static void ed25519ph_agrees_with_libsodium(void **state)
{
    (void)state;
    for (uint8_t round = 0; round < 20; round++) {
        uint8_t seed[32] = {round}, pub[32], secret[64], sig[64], digest[PL_DIGEST_MAX];
        struct pl_bytes msg = pl_bytes(seed, round);
        crypto_sign_state ph;
        struct pl_key *key;
        struct pl_err err;

        crypto_sign_seed_keypair(pub, secret, seed);
        crypto_sign_init(&ph);
        crypto_sign_update(&ph, msg.p, msg.n);
        crypto_sign_final_create(&ph, sig, NULL, secret);
        key = ed25519_key(pl_bytes(pub, 32));
        assert_ok(pl_digest(PL_SHA512, msg, digest, &err), err);
        assert_ok(
            pl_sig_verify_digest(key, PL_SHA512, pl_bytes(digest, 64), pl_bytes(sig, 64), &err),
            err);
        pl_key_unref(key);
    }
}

/* ---- threads ---- */

static atomic_int failures;

static void *sign_and_verify(void *arg)
{
    struct pl_privkey **keys = arg;

    for (int i = 0; i < 20; i++) {
        struct pl_privkey *priv = keys[i % 3];
        struct pl_key *key = pl_key_ref(pl_privkey_public(priv));
        uint8_t sig[PL_SIG_MAX];
        struct pl_err err;
        size_t n;

        if (pl_sig_sign(priv, PL_SHA256, MESSAGE, sig, &n, &err) != PL_OK ||
            pl_sig_verify(key, PL_SHA256, MESSAGE, pl_bytes(sig, n), &err) != PL_OK)
            atomic_fetch_add(&failures, 1);
        pl_key_unref(key);
    }
    return NULL;
}

static void threads_may_share_a_key(void **state)
{
    static const char *const paths[] = {KEYS "ec-sec1.key", KEYS "ed25519.key",
                                        KEYS "rsa-pkcs1.key"};
    struct pl_privkey *keys[3];
    pthread_t threads[4];
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_ok(pl_privkey_from_pem(pl_test_file(&arena, paths[i]), PL_LIT(""), &keys[i], &err),
                  err);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, keys), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failures), 0);
    for (size_t i = 0; i < COUNT(keys); i++)
        pl_privkey_free(keys[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_openssl_verify),
        cmocka_unit_test(our_signatures_verify),
        cmocka_unit_test(changed_signatures_do_not_verify),
        cmocka_unit_test(ecdsa_signatures_are_strict_der),
        cmocka_unit_test(pss_does_not_pass_for_pkcs1),
        cmocka_unit_test(combinations_that_do_not_exist),
        cmocka_unit_test(ed25519_agrees_with_rfc_8032),
        cmocka_unit_test(ed25519ph_agrees_with_rfc_8032),
        cmocka_unit_test(ed25519_scalars_have_one_spelling),
        cmocka_unit_test(ed25519ph_agrees_with_libsodium),
        cmocka_unit_test(threads_may_share_a_key),
    };

    return cmocka_run_group_tests_name("sig", tests, setup, teardown);
}
