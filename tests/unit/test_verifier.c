/* SPDX-License-Identifier: Apache-2.0 */
/* test_verifier.c - PEM in every accepted form, its canonical form, and the cache. */
#include "core/crypto/verifier.h"

#include <pthread.h>

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "tests/lib/file.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CERTS    "tests/vectors/certs/"
#define KEYS     "tests/vectors/keys/"

static struct pl_arena arena;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, (size_t)512 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

static struct pl_bytes join(struct pl_bytes a, struct pl_bytes b)
{
    struct pl_buf both;

    pl_buf_init_arena(&both, &arena, 1 << 20);
    pl_buf_add_bytes(&both, a);
    pl_buf_add_bytes(&both, b);
    return pl_buf_bytes(&both);
}

static void public_keys_become_canonical(void **state)
{
    struct pl_bytes pem = pl_test_file(&arena, KEYS "cosign-legacy.pub");
    struct pl_bytes spellings[5];
    struct pl_buf crlf, columns;
    struct pl_err err;

    (void)state;
    pl_buf_init_arena(&crlf, &arena, 10000);
    pl_buf_init_arena(&columns, &arena, 10000);
    for (size_t i = 0; i < pem.n; i++) {
        pl_buf_add_str(&crlf, pem.p[i] == '\n' ? "\r\n" : "");
        if (pem.p[i] != '\n')
            pl_buf_add_byte(&crlf, pem.p[i]);
        pl_buf_add_byte(&columns, pem.p[i]);
        if (i == 40 || i == 60)
            pl_buf_add_byte(&columns, '\n');
    }
    spellings[0] = pem;
    spellings[1] = pl_bytes(pem.p, pem.n - 1);
    spellings[2] = join(PL_LIT(" \n\t a key:\n"), join(pem, PL_LIT("\n\n")));
    spellings[3] = pl_buf_bytes(&crlf);
    spellings[4] = pl_buf_bytes(&columns);
    for (size_t i = 0; i < COUNT(spellings); i++) {
        const struct pl_verifier *v = NULL;
        char hex[PL_HASH_HEX_SIZE];

        assert_ok(pl_verifier_load(NULL, spellings[i], &v, &err), err);
        assert_bytes(v->pem, pem);
        assert_bytes(v->pem_base64, pl_base64_arena(pem, &arena));
        assert_string_equal(pl_hash_hex(&v->pem_hash, hex), /* as published for this key */
                            "4586ff3dae075ef4e65bd1c2df92b501e6b5c4601a3477bf32601af71768b1a8");
        assert_null(v->cert);
        assert_int_equal(v->ncerts, 0);
        assert_int_equal(pl_key_type(v->key), PL_KEY_P256);
        pl_verifier_unref(v);
    }
}

static void certificates_are_kept_whole(void **state)
{
    static const struct {
        const char *path;
        size_t n;
    } good[] = {{CERTS "fulcio-email.pem", 1}, {CERTS "chain.pem", 3}};
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pl_bytes pem = pl_test_file(&arena, good[i].path);
        const struct pl_verifier *v = NULL;

        assert_ok(pl_verifier_load(NULL, pem, &v, &err), err);
        assert_bytes(v->pem, pem);
        assert_int_equal(v->ncerts, good[i].n);
        assert_bytes(v->certs[0], v->cert->der);
        assert_ptr_equal(v->key, v->cert->key);
        assert_bytes(v->cert->sans[0].text, PL_LIT("ci@example.com"));
        if (good[i].n > 1)
            assert_ok(pl_cert_check_list(v->certs, v->ncerts, &err), err);
        pl_verifier_unref(v);
    }
    pl_verifier_unref(NULL);
}

static void der_gives_the_same(void **state)
{
    struct pl_bytes pem = pl_test_file(&arena, CERTS "fulcio-email.pem");
    const struct pl_verifier *v, *same, *key;
    struct pl_err err;

    (void)state;
    assert_ok(pl_verifier_load(NULL, pem, &v, &err), err);
    assert_ok(pl_verifier_from_cert_der(v->certs[0], &same, &err), err);
    assert_bytes(same->pem, v->pem);
    assert_true(pl_hash_eq(&same->pem_hash, &v->pem_hash));
    assert_ok(pl_verifier_from_spki(pl_key_spki(v->key), &key, &err), err);
    assert_true(pl_key_eq(key->key, v->key));
    assert_null(key->cert);
    assert_fails(pl_verifier_from_spki(v->certs[0], &key, &err), PL_EINVAL, "public key", err);
    assert_fails(pl_verifier_from_cert_der(pl_key_spki(v->key), &key, &err), PL_EINVAL,
                 "certificate", err);
    pl_verifier_unref(v);
    pl_verifier_unref(same);
    pl_verifier_unref(key);
}

static void other_text_is_refused(void **state)
{
    struct pl_bytes key = pl_test_file(&arena, KEYS "cosign.pub");
    struct pl_bytes cert = pl_test_file(&arena, CERTS "fulcio-email.pem");
    struct pl_bytes chain = pl_test_file(&arena, CERTS "chain.pem");
    struct pl_verifier_cache *cache = pl_verifier_cache_new(4);
    const struct {
        struct pl_bytes in;
        const char *why;
    } bad[] = {
        {PL_LIT(""), "failure decoding PEM"},
        {PL_LIT(" \n"), "failure decoding PEM"},
        {PL_LIT("no PEM at all"), "failure decoding PEM"},
        {pl_bytes(key.p, key.n - 10), "failure decoding PEM"},
        {join(key, key), "failure decoding PEM: text after the public key"},
        {join(key, PL_LIT("x")), "failure decoding PEM: text after the public key"},
        {join(key, cert), "failure decoding PEM: text after the public key"},
        {join(cert, key), "cannot handle type PUBLIC KEY"},
        {join(cert, PL_LIT("x")), "failure decoding PEM: text after the last certificate"},
        {join(join(chain, chain), join(chain, join(cert, cert))), "at most 10"},
        {pl_test_file(&arena, KEYS "bad-rsa-pkcs1.pub"), "cannot handle type RSA PUBLIC KEY"},
        {pl_test_file(&arena, KEYS "ed25519.key"), "cannot handle type PRIVATE KEY"},
        {pl_test_file(&arena, KEYS "bad-rsa1024.pub"), "RSA of 1024 bits"},
        {pl_test_file(&arena, CERTS "bad-name-nul.pem"), "alternative name"},
        {join(cert, PL_LIT("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")),
         "not one X.509"},
    };
    struct pl_err err;
    uint8_t *big = pl_arena_alloc(&arena, PL_PEM_MAX + 1);
    const struct pl_verifier *v = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_fails(pl_verifier_load(NULL, bad[i].in, &v, &err), PL_EINVAL, bad[i].why, err);
        for (int k = 0; k < 2; k++) /* nor from the cache */
            assert_fails(pl_verifier_load(cache, bad[i].in, &v, &err), PL_EINVAL, bad[i].why, err);
    }
    memset(big, 'x', PL_PEM_MAX + 1);
    assert_fails(pl_verifier_load(cache, pl_bytes(big, PL_PEM_MAX + 1), &v, &err), PL_EINVAL,
                 "65537 bytes of PEM, the limit is 65536", err);
    assert_null(v);
    assert_int_equal(pl_verifier_cache_hits(cache), 0);
    pl_verifier_cache_free(cache);
}

/* The key of ed25519.pub in a text that differs by @i. */
static struct pl_bytes text_of(unsigned i)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, &arena, 10000);
    pl_buf_addf(&b, "text %u\n", i);
    pl_buf_add_bytes(&b, pl_test_file(&arena, KEYS "ed25519.pub"));
    return pl_buf_bytes(&b);
}

/* Loads text @i; says whether it was in the cache. */
static bool load_hits(struct pl_verifier_cache *cache, struct pl_bytes text)
{
    size_t before = pl_verifier_cache_hits(cache);
    const struct pl_verifier *v = NULL;
    struct pl_err err;

    assert_ok(pl_verifier_load(cache, text, &v, &err), err);
    assert_int_equal(pl_key_type(v->key), PL_KEY_ED25519);
    pl_verifier_unref(v);
    return pl_verifier_cache_hits(cache) != before;
}

static void the_cache_forgets_the_least_recently_used(void **state)
{
    struct pl_verifier_cache *cache = pl_verifier_cache_new(3);
    struct pl_bytes a = text_of(1), b = text_of(2), c = text_of(3), d = text_of(4);

    (void)state;
    assert_false(load_hits(cache, a));
    assert_false(load_hits(cache, b));
    assert_false(load_hits(cache, c));
    assert_true(load_hits(cache, a));
    assert_true(load_hits(cache, a));
    assert_false(load_hits(cache, d)); /* b goes */
    assert_true(load_hits(cache, c));
    assert_true(load_hits(cache, a));
    assert_false(load_hits(cache, b)); /* d goes */
    assert_true(load_hits(cache, c));
    assert_true(load_hits(cache, a));
    assert_false(load_hits(cache, d));
    assert_int_equal(pl_verifier_cache_hits(cache), 6);
    pl_verifier_cache_free(cache);
    pl_verifier_cache_free(NULL);
}

/* Against a list of the last @max texts, over a run of loads. */
static void the_cache_agrees_with_a_simple_one(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 7};
    struct pl_bytes texts[12];

    (void)state;
    for (unsigned i = 0; i < COUNT(texts); i++)
        texts[i] = text_of(i);
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct pl_verifier_cache *cache = pl_verifier_cache_new(sizes[s]);
        size_t max = sizes[s] != 0 ? sizes[s] : 1, held = 0;
        unsigned recent[12] = {0}; /* newest first */
        uint32_t seed = 7;

        for (int round = 0; round < 400; round++) {
            unsigned i = (seed = seed * 1664525 + 1013904223) >> 16 & 15;
            size_t at = 0;

            i = i < COUNT(texts) ? i : 0;
            while (at < held && recent[at] != i)
                at++;
            assert_int_equal(load_hits(cache, texts[i]), at < held);
            if (at == held)
                at = held < max ? held++ : held - 1;
            memmove(recent + 1, recent, at * sizeof(recent[0]));
            recent[0] = i;
        }
        pl_verifier_cache_free(cache);
    }
}

static void long_texts_are_not_cached(void **state)
{
    struct pl_verifier_cache *cache = pl_verifier_cache_new(3);
    struct pl_bytes chain = pl_test_file(&arena, CERTS "chain.pem"), text;
    const struct pl_verifier *v = NULL;
    struct pl_err err;

    (void)state;
    text = join(chain, join(chain, chain));
    for (int i = 0; i < 2; i++) {
        assert_ok(pl_verifier_load(cache, text, &v, &err), err);
        assert_int_equal(v->ncerts, 9);
        pl_verifier_unref(v);
    }
    assert_int_equal(pl_verifier_cache_hits(cache), 0);
    pl_verifier_cache_free(cache);
}

static void a_verifier_outlives_its_cache(void **state)
{
    struct pl_verifier_cache *cache = pl_verifier_cache_new(1);
    const struct pl_verifier *v = NULL, *again = NULL;
    struct pl_bytes text = text_of(1);
    struct pl_err err;

    (void)state;
    assert_ok(pl_verifier_load(cache, text, &v, &err), err);
    assert_ok(pl_verifier_load(cache, text, &again, &err), err);
    assert_ptr_equal(v, again);
    pl_verifier_unref(again);
    assert_false(load_hits(cache, text_of(2)));
    pl_verifier_cache_free(cache);
    assert_int_equal(pl_key_type(v->key), PL_KEY_ED25519);
    assert_int_equal(v->pem.n, 113);
    pl_verifier_unref(v);
}

static void *use_and_drop(void *arg)
{
    const struct pl_verifier *v = arg;

    for (int i = 0; i < 1000; i++) {
        pl_verifier_ref(v);
        if (v->pem.n != 113)
            return arg;
        pl_verifier_unref(v);
    }
    pl_verifier_unref(v);
    return NULL;
}

static void threads_may_drop_the_last_reference(void **state)
{
    const struct pl_verifier *v = NULL;
    pthread_t threads[4];
    struct pl_err err;
    void *result;

    (void)state;
    assert_ok(pl_verifier_load(NULL, text_of(1), &v, &err), err);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, use_and_drop, (void *)(uintptr_t)pl_verifier_ref(v)),
            0);
    pl_verifier_unref(v);
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_become_canonical),
        cmocka_unit_test(certificates_are_kept_whole),
        cmocka_unit_test(der_gives_the_same),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(the_cache_forgets_the_least_recently_used),
        cmocka_unit_test(the_cache_agrees_with_a_simple_one),
        cmocka_unit_test(long_texts_are_not_cached),
        cmocka_unit_test(a_verifier_outlives_its_cache),
        cmocka_unit_test(threads_may_drop_the_last_reference),
    };

    return cmocka_run_group_tests_name("verifier", tests, setup, teardown);
}
