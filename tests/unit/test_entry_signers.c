/* SPDX-License-Identifier: Apache-2.0 */
/* test_entry_signers.c - who may have signed an entry: several signatures, key types, limits. */
#include "core/attest/entry.h"

#include "tests/unit/test.h"

#include <stdio.h>

#include "core/attest/dsse_internal.h"
#include "core/base/enc.h"
#include "tests/lib/file.h"

static struct pl_arena arena;
static struct pl_err err;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

static enum pl_code make_with(struct pl_bytes text, bool defer_slow, struct pl_entry *out)
{
    struct pl_entry_opts opts = {.defer_slow = defer_slow};
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(text, PL_REQUEST_MAX, &root, &err));
    PL_TRY(pl_entry_from_json(root, &opts, &arena, out, &err));
out:
    json_decref(root);
    return rc;
}

static struct pl_buf new_buf(void)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, &arena, PL_ARENA_REQUEST_MAX);
    return b;
}

/* ---- proposals over several keys ---- */

struct signer {
    struct pl_privkey *key;
    struct pl_bytes pem;
};

static struct signer new_signer(enum pl_keytype type)
{
    struct signer s;
    struct pl_buf pem = new_buf();

    assert_ok(pl_privkey_generate(type, &s.key, &err), err);
    pl_key_add_pem(pl_privkey_public(s.key), &pem);
    s.pem = pl_buf_bytes(&pem);
    return s;
}

static struct pl_dsse_sig sign(const struct signer *s, struct pl_bytes type,
                               struct pl_bytes payload)
{
    struct pl_dsse_sig out = {0};
    struct pl_buf pae = new_buf();
    uint8_t sig[PL_SIG_MAX];
    size_t n;

    pl_dsse_pae(type, payload, &pae);
    assert_ok(pl_sig_sign(s->key, PL_SHA256, pl_buf_bytes(&pae), sig, &n, &err), err);
    out.sig = pl_arena_dup(&arena, pl_bytes(sig, n));
    out.sig_text = pl_base64_arena(out.sig, &arena);
    return out;
}

/* A dsse proposal of @env with the PEMs of @verifiers. */
static struct pl_bytes propose(const struct pl_dsse *env, const struct pl_bytes *verifiers,
                               size_t n)
{
    struct pl_buf text = new_buf(), b = new_buf();

    pl_dsse_write(env, &text);
    pl_buf_add_str(&b, "{\"apiVersion\":\"0.0.1\",\"kind\":\"dsse\",\"spec\":{\"proposedContent\":{"
                       "\"envelope\":");
    pl_buf_add_json_string(&b, pl_buf_bytes(&text));
    pl_buf_add_str(&b, ",\"verifiers\":[");
    for (size_t i = 0; i < n; i++) {
        pl_buf_add_str(&b, i == 0 ? "\"" : ",\"");
        pl_buf_add_base64(&b, verifiers[i]);
        pl_buf_add_byte(&b, '"');
    }
    pl_buf_add_str(&b, "]}}}");
    return pl_buf_bytes(&b);
}

static size_t count(struct pl_bytes text, const char *part)
{
    size_t n = 0, len = strlen(part);

    for (size_t i = 0; i + len <= text.n; i++)
        n += memcmp(text.p + i, part, len) == 0;
    return n;
}

#define TYPE PL_LIT("text/plain")
#define BODY PL_LIT("hello")

static void two_signers_are_logged_in_the_order_of_the_signature_texts(void **state)
{
    struct signer a = new_signer(PL_KEY_P256), b = new_signer(PL_KEY_ED25519);
    struct pl_dsse_sig x = sign(&a, TYPE, BODY), y = sign(&b, TYPE, BODY);
    bool x_first = pl_bytes_cmp(x.sig_text, y.sig_text) < 0;
    struct pl_dsse_sig both[] = {x_first ? y : x, x_first ? x : y}; /* the wrong way round */
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = both, .nsigs = 2};
    struct pl_bytes pems[] = {a.pem, b.pem}, own;
    struct pl_entry e;
    const char *first, *second;

    (void)state;
    assert_ok(make_with(propose(&env, pems, 2), false, &e), err);
    first = memmem(e.body.p, e.body.n, both[1].sig_text.p, both[1].sig_text.n);
    second = memmem(e.body.p, e.body.n, both[0].sig_text.p, both[0].sig_text.n);
    assert_true(first != NULL && second != NULL && first < second);
    assert_int_equal(e.nkeys, 6); /* 2 x 2 spellings, payload, envelope */
    /* each signature stands beside its own key */
    own = pl_base64_arena(x_first ? a.pem : b.pem, &arena);
    assert_true(count(pl_bytes(first, (size_t)(second - first)), (const char *)own.p) == 1);
    pl_privkey_free(a.key);
    pl_privkey_free(b.key);
}

static void equal_signatures_are_one(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig x = sign(&a, TYPE, BODY), twice[] = {x, x};
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = twice, .nsigs = 2};
    struct pl_entry e, again;
    struct pl_buf b = new_buf();
    const char *at;

    (void)state;
    assert_ok(make_with(propose(&env, &a.pem, 1), false, &e), err);
    assert_int_equal(count(e.body, "\"signature\":"), 1);
    assert_ok(pl_entry_from_stored(e.body, e.payload, &arena, &again, &err), err);
    /* a stored body that lost its signatures */
    at = memmem(e.body.p, e.body.n, "\"signatures\":[", 14);
    assert_non_null(at);
    pl_buf_add(&b, e.body.p, (size_t)(at + 14 - (const char *)e.body.p));
    pl_buf_add_str(&b, "]}}");
    assert_fails(pl_entry_from_stored(pl_buf_bytes(&b), e.payload, &arena, &again, &err),
                 PL_ECORRUPT, "the body has 0 signatures, the stored envelope 1", err);
    pl_privkey_free(a.key);
}

static void a_key_is_credited_with_one_signature_only(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig two[] = {sign(&a, TYPE, BODY), sign(&a, TYPE, BODY)};
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = two, .nsigs = 2};
    struct pl_bytes pems[] = {a.pem, a.pem};
    struct pl_entry e;

    (void)state;
    assert_false(pl_bytes_eq(two[0].sig_text, two[1].sig_text)); /* ECDSA is randomised */
    assert_fails(make_with(propose(&env, pems, 1), false, &e), PL_EVERIFY,
                 "all signatures must have a key that verifies it", err);
    assert_fails(make_with(propose(&env, pems, 2), false, &e), PL_EVERIFY,
                 "all signatures must have a key that verifies it", err);
    pl_privkey_free(a.key);
}

static void one_bad_signature_among_good_ones_is_refused(void **state)
{
    struct signer a = new_signer(PL_KEY_P256), b = new_signer(PL_KEY_P256);
    struct pl_dsse_sig two[] = {sign(&a, TYPE, BODY), sign(&b, TYPE, PL_LIT("other"))};
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = two, .nsigs = 2};
    struct pl_bytes pems[] = {a.pem, b.pem};
    struct pl_entry e;

    (void)state;
    assert_fails(make_with(propose(&env, pems, 2), false, &e), PL_EVERIFY,
                 "could not verify envelope", err);
    assert_fails(make_with(propose(&env, pems, 1), false, &e), PL_EVERIFY,
                 "all signatures must have a key that verifies it", err);
    pl_privkey_free(a.key);
    pl_privkey_free(b.key);
}

static void verifiers_left_over_are_not_looked_at(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig x = sign(&a, TYPE, BODY);
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = &x, .nsigs = 1};
    struct pl_bytes pems[] = {a.pem, PL_LIT("no PEM at all")};
    struct pl_bytes turned[] = {pems[1], pems[0]};
    struct pl_entry e;

    (void)state;
    assert_ok(make_with(propose(&env, pems, 2), false, &e), err);
    assert_fails(make_with(propose(&env, turned, 2), false, &e), PL_EINVAL, "invalid public key",
                 err);
    pl_privkey_free(a.key);
}

static void slow_keys_are_deferred_when_asked(void **state)
{
    struct signer a = new_signer(PL_KEY_P384), b = new_signer(PL_KEY_P256);
    struct pl_dsse_sig two[] = {sign(&b, TYPE, BODY), sign(&a, TYPE, BODY)};
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = two, .nsigs = 2};
    struct pl_bytes pems[] = {b.pem, a.pem};
    struct pl_entry e;

    (void)state;
    assert_ok(make_with(propose(&env, pems, 2), true, &e), err);
    assert_true(e.deferred);
    assert_int_equal(e.body.n + e.nkeys + e.payload.n, 0);
    assert_ok(make_with(propose(&env, pems, 2), false, &e), err);
    assert_false(e.deferred);
    assert_true(e.body.n != 0);
    env.nsigs = 1;
    assert_ok(make_with(propose(&env, pems, 1), true, &e), err);
    assert_false(e.deferred);
    pl_privkey_free(a.key);
    pl_privkey_free(b.key);
}

/* ---- limits ---- */

static void too_many_signatures_or_verifiers_name_the_limit(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig many[PL_SIGNATURES_MAX + 1];
    struct pl_bytes pems[PL_SIGNATURES_MAX + 1];
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = many, .nsigs = 1};
    struct pl_entry e;

    (void)state;
    for (size_t i = 0; i <= PL_SIGNATURES_MAX; i++) {
        many[i] = sign(&a, TYPE, BODY);
        pems[i] = a.pem;
    }
    assert_ok(make_with(propose(&env, pems, PL_SIGNATURES_MAX), false, &e), err);
    assert_fails(make_with(propose(&env, pems, PL_SIGNATURES_MAX + 1), false, &e), PL_ETOOBIG,
                 "verifiers has 33 items, the limit is 32", err);
    env.nsigs = PL_SIGNATURES_MAX + 1;
    assert_fails(make_with(propose(&env, pems, 1), false, &e), PL_ETOOBIG,
                 "33 signatures, the limit is 32", err);
    pl_privkey_free(a.key);
}

static void a_body_over_its_limit_names_size_and_limit(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig x = sign(&a, TYPE, BODY);
    struct pl_buf b = new_buf();
    struct pl_entry e;

    (void)state;
    /* intoto 0.0.2 logs keyid as sent: the easiest way to a long body */
    pl_buf_add_str(&b,
                   "{\"apiVersion\":\"0.0.2\",\"kind\":\"intoto\",\"spec\":{\"content\":{\"hash\":{"
                   "\"algorithm\":\"sha256\",\"value\":\"00\"},\"envelope\":{\"payloadType\":"
                   "\"text/plain\",\"payload\":\"");
    pl_buf_add_base64(&b, pl_base64_arena(BODY, &arena));
    pl_buf_add_str(&b, "\",\"signatures\":[{\"keyid\":\"");
    for (size_t i = 0; i < PL_BODY_MAX; i++)
        pl_buf_add_byte(&b, 'k');
    pl_buf_add_str(&b, "\",\"sig\":\"");
    pl_buf_add_base64(&b, x.sig_text);
    pl_buf_add_str(&b, "\",\"publicKey\":\"");
    pl_buf_add_base64(&b, a.pem);
    pl_buf_add_str(&b, "\"}]}}}}");
    assert_fails(make_with(pl_buf_bytes(&b), false, &e), PL_ETOOBIG, "canonical entry has 66", err);
    assert_non_null(strstr(err.text, "the limit of a log entry is 65535"));
    pl_privkey_free(a.key);
}

/* A dsse entry over @payload, an in-toto statement. */
static enum pl_code make_statement(struct pl_bytes payload, struct pl_entry *out)
{
    struct signer a = new_signer(PL_KEY_ED25519);
    struct pl_bytes type = PL_LIT(PL_PAYLOAD_TYPE_INTOTO);
    struct pl_dsse_sig x = sign(&a, type, payload);
    struct pl_dsse env = {.payload_type = type, .payload = payload, .sigs = &x, .nsigs = 1};
    enum pl_code rc = make_with(propose(&env, &a.pem, 1), false, out);

    pl_privkey_free(a.key);
    return rc;
}

static bool has_key(const struct pl_entry *e, const char *key)
{
    for (size_t i = 0; i < e->nkeys; i++) {
        if (pl_bytes_eq_str(e->keys[i], key))
            return true;
    }
    return false;
}

static void search_keys_over_their_limits_are_refused(void **state)
{
    struct pl_buf b = new_buf();
    struct pl_entry e;

    (void)state;
    pl_buf_add_str(&b, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"t\","
                       "\"subject\":[{\"digest\":{\"sha256\":\"");
    for (size_t i = 0; i < PL_SEARCH_KEY_MAX; i++)
        pl_buf_add_byte(&b, 'a');
    pl_buf_add_str(&b, "\"}}]}");
    assert_fails(make_statement(pl_buf_bytes(&b), &e), PL_ETOOBIG,
                 "search key of 519 bytes, the limit is 512", err);
    pl_buf_reset(&b);
    pl_buf_add_str(&b, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[");
    for (size_t i = 0; i < 13400; i++)
        pl_buf_addf(&b, "%s{\"digest\":{\"a\":\"%zu\",\"b\":\"%zu\",\"c\":\"%zu\"}}",
                    i == 0 ? "" : ",", i, i, i);
    pl_buf_add_str(&b, "]}");
    assert_fails(make_statement(pl_buf_bytes(&b), &e), PL_ETOOBIG, "entry has 40204 search keys",
                 err);
    assert_non_null(strstr(err.text, "the limit is 40000"));
    pl_buf_reset(&b);
    pl_buf_add_str(&b, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{}");
    for (size_t i = 0; i < PL_SUBJECTS_MAX; i++)
        pl_buf_add_str(&b, ",{}");
    pl_buf_add_str(&b, "]}");
    assert_fails(make_statement(pl_buf_bytes(&b), &e), PL_ETOOBIG,
                 "16385 subjects, the limit is 16384", err);
}

static void search_keys_are_lower_cased_and_once_each(void **state)
{
    struct pl_entry e;

    (void)state;
    assert_ok(make_statement(
                  PL_LIT("{\"_type\":\"https://in-toto.io/Statement/v1\","
                         "\"predicateType\":\"https://Example.com/P\",\"subject\":["
                         "{\"name\":\"a\",\"digest\":{\"sha256\":\"AB\",\"gitCommit\":\"Cd\"}},"
                         "{\"name\":\"b\",\"digest\":{\"sha256\":\"ab\"}}],"
                         "\"predicate\":{\"materials\":[{\"digest\":{\"sha1\":\"01\"}},7,{}],"
                         "\"buildDefinition\":{\"resolvedDependencies\":[{\"digest\":"
                         "{\"sha512\":\"02\"}},{\"digest\":{\"x\":[]}}]}}}"),
                  &e),
              err);
    assert_true(has_key(&e, "sha256:ab"));
    assert_true(has_key(&e, "gitcommit:cd"));
    assert_true(has_key(&e, "sha1:01"));
    assert_true(has_key(&e, "sha512:02"));
    assert_true(has_key(&e, "predicate:https://example.com/p"));
    assert_bytes(e.predicate_type, PL_LIT("https://Example.com/P"));
    assert_int_equal(e.nkeys, 5 + 4); /* and key (2), payload, envelope */
}

static void a_payload_that_is_no_statement_is_logged_without_subjects(void **state)
{
    static const char *const payloads[] = {
        "not JSON",
        "[]",
        "{\"_type\":\"https://in-toto.io/Statement/v9\",\"subject\":[{\"digest\":{\"a\":\"b\"}}]}",
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"digest\":{\"a\":1}}]}",
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[],\"subject\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct pl_entry e;

        assert_ok(make_statement(pl_str(payloads[i]), &e), err);
        assert_bytes(e.statement, pl_str(payloads[i]));
        assert_int_equal(e.predicate_type.n, 0);
        assert_int_equal(e.nkeys, 4);
    }
}

/* ---- hashedrekord: keys and hashes ---- */

static struct pl_bytes propose_hash(const char *alg, struct pl_bytes digest, struct pl_bytes sig,
                                    struct pl_bytes pem)
{
    struct pl_buf hex = new_buf(), b = new_buf();

    pl_buf_add_hex(&hex, digest);
    pl_proposal_hashedrekord(alg, pl_buf_bytes(&hex), sig, pem, &b);
    return pl_buf_bytes(&b);
}

static void hashedrekord_takes_the_allowed_pairs_only(void **state)
{
    static const struct {
        enum pl_keytype key;
        enum pl_hashalg alg;
        const char *text; /* NULL: taken */
    } cases[] = {
        {PL_KEY_P256, PL_SHA256, NULL},
        {PL_KEY_P384, PL_SHA384, NULL},
        {PL_KEY_P521, PL_SHA512, NULL},
        {PL_KEY_RSA, PL_SHA256, NULL},
        {PL_KEY_P256, PL_SHA384, "entry algorithms are not allowed: ECDSA P-256"},
        {PL_KEY_P256, PL_SHA512, "entry algorithms are not allowed"},
        {PL_KEY_P384, PL_SHA256, "entry algorithms are not allowed"},
        {PL_KEY_P521, PL_SHA256, "entry algorithms are not allowed"},
        {PL_KEY_RSA, PL_SHA512, "entry algorithms are not allowed: RSA of 3072 bits with sha512"},
        {PL_KEY_ED25519, PL_SHA384, "unsupported hash algorithm: \"SHA-384\" not in [SHA-512]"},
        /* pure Ed25519 is not Ed25519ph */
        {PL_KEY_ED25519, PL_SHA512, "verifying signature: failed to verify signature"},
    };
    struct signer rsa = new_signer(PL_KEY_RSA); /* slow to make: once */

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signer s = cases[i].key == PL_KEY_RSA ? rsa : new_signer(cases[i].key);
        uint8_t digest[PL_DIGEST_MAX], sig[PL_SIG_MAX];
        struct pl_bytes text;
        struct pl_entry e;
        size_t n;

        assert_ok(pl_digest(cases[i].alg, BODY, digest, &err), err);
        assert_ok(pl_sig_sign(s.key, cases[i].alg, BODY, sig, &n, &err), err);
        text =
            propose_hash(pl_hashalg_name(cases[i].alg),
                         pl_bytes(digest, pl_hashalg_size(cases[i].alg)), pl_bytes(sig, n), s.pem);
        if (cases[i].text == NULL)
            assert_ok(make_with(text, false, &e), err);
        else if (make_with(text, false, &e) == PL_OK || strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: %s", i, err.text);
        if (s.key != rsa.key)
            pl_privkey_free(s.key);
    }
    pl_privkey_free(rsa.key);
}

static void hashedrekord_takes_ed25519ph(void **state)
{
    /* RFC 8032 section 7.3 */
    uint8_t spki[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t digest[PL_DIGEST_MAX], sig[64];
    struct pl_buf pem = new_buf();
    struct pl_bytes text;
    struct pl_entry e;

    (void)state;
    assert_true(pl_hex_decode(
        PL_LIT("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"), spki + 12, 32));
    assert_true(pl_hex_decode(PL_LIT("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6da"
                                     "e4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26"
                                     "083406"),
                              sig, 64));
    pl_buf_add_pem(&pem, "PUBLIC KEY", pl_bytes(spki, sizeof(spki)));
    assert_ok(pl_digest(PL_SHA512, PL_LIT("abc"), digest, &err), err);
    text = propose_hash("sha512", pl_bytes(digest, 64), pl_bytes(sig, 64), pl_buf_bytes(&pem));
    assert_ok(make_with(text, false, &e), err);
    assert_true(has_key(&e,
                        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"));
    digest[0] ^= 1;
    text = propose_hash("sha512", pl_bytes(digest, 64), pl_bytes(sig, 64), pl_buf_bytes(&pem));
    assert_fails(make_with(text, false, &e), PL_EVERIFY, "failed to verify signature", err);
}

/* r || s of a DER signature with two 32-byte integers at most. */
static struct pl_bytes raw_rs(struct pl_bytes der)
{
    uint8_t *out = pl_arena_alloc(&arena, 64);
    size_t at = 2;

    for (size_t i = 0; i < 2; i++) {
        size_t n = der.p[at + 1];
        const uint8_t *p = der.p + at + 2;

        at += 2 + n;
        for (; n > 32; n--)
            p++;
        memcpy(out + 32 * (i + 1) - n, p, n);
    }
    return pl_bytes(out, 64);
}

static void raw_ecdsa_signatures_are_refused_by_name(void **state)
{
    struct signer a = new_signer(PL_KEY_P256);
    struct pl_dsse_sig x = sign(&a, TYPE, BODY);
    struct pl_dsse env = {.payload_type = TYPE, .payload = BODY, .sigs = &x, .nsigs = 1};
    struct pl_hash digest;
    struct pl_entry e;

    (void)state;
    x.sig = raw_rs(x.sig);
    x.sig_text = pl_base64_arena(x.sig, &arena);
    assert_fails(make_with(propose(&env, &a.pem, 1), false, &e), PL_EVERIFY,
                 "Found: 0, Expected 1 (signatures[0]: malformed signature: not the strict ASN.1 "
                 "DER",
                 err);
    pl_sha256(BODY, &digest);
    assert_fails(make_with(propose_hash("sha256", pl_hash_bytes(&digest), x.sig, a.pem), false, &e),
                 PL_EVERIFY, "malformed signature: not the strict ASN.1 DER", err);
    pl_privkey_free(a.key);
}

static void certificate_names_are_search_keys(void **state)
{
    struct pl_entry e;
    struct pl_bytes text =
        pl_test_file(&arena, "tests/data/captures/rekor-v1/dsse-cert-201.request");
    const char *at = strstr((const char *)text.p, "\r\n\r\n");

    (void)state;
    assert_non_null(at);
    assert_ok(make_with(pl_str(at + 4), false, &e), err);
    assert_true(has_key(&e, "builder@example.com"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(two_signers_are_logged_in_the_order_of_the_signature_texts),
        T(equal_signatures_are_one),
        T(a_key_is_credited_with_one_signature_only),
        T(one_bad_signature_among_good_ones_is_refused),
        T(verifiers_left_over_are_not_looked_at),
        T(slow_keys_are_deferred_when_asked),
        T(too_many_signatures_or_verifiers_name_the_limit),
        T(a_body_over_its_limit_names_size_and_limit),
        T(search_keys_over_their_limits_are_refused),
        T(search_keys_are_lower_cased_and_once_each),
        T(a_payload_that_is_no_statement_is_logged_without_subjects),
        T(hashedrekord_takes_the_allowed_pairs_only),
        T(hashedrekord_takes_ed25519ph),
        T(raw_ecdsa_signatures_are_refused_by_name),
        T(certificate_names_are_search_keys),
    };

    return cmocka_run_group_tests_name("entry_signers", tests, NULL, NULL);
}
