/* SPDX-License-Identifier: Apache-2.0 */
/* test_dsse.c - envelopes: encoding, signing, verifying, refusals. */
#include "core/attest/dsse.h"

#include "tests/unit/test.h"

#include "core/base/enc.h"

static struct pl_arena arena;
static struct pl_err err;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, (size_t)1 << 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

static void pae_is_the_specification_s(void **state)
{
    struct pl_buf b;

    (void)state;
    pl_buf_init_arena(&b, &arena, 4096);
    pl_dsse_pae(PL_LIT("http://example.com/HelloWorld"), PL_LIT("hello world"), &b);
    assert_bytes(pl_buf_bytes(&b),
                 PL_LIT("DSSEv1 29 http://example.com/HelloWorld 11 hello world"));
    pl_buf_reset(&b);
    pl_dsse_pae(PL_LIT("x"), PL_LIT(""), &b);
    assert_bytes(pl_buf_bytes(&b), PL_LIT("DSSEv1 1 x 0 "));
}

/* An envelope of Chains and its public test key. */
static const char envelope[] =
    "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\""
    "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoibW9kZWwuYm"
    "luIiwiZGlnZXN0Ijp7InNoYTI1NiI6IjJjZjI0ZGJhNWZiMGEzMGUyNmU4M2IyYWM1YjllMjllMWIxNjFlNWMxZmE3NDI1"
    "ZTczMDQzMzYyOTM4Yjk4MjQifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIi"
    "wicHJlZGljYXRlIjp7fX0=\",\"signatures\":[{\"keyid\":"
    "\"SHA256:yYS4pD9tqWXZw5+maNJ3gWm9HyoAB0qH0ef0FkIWfYs\",\"sig\":\"MEUCIDBmY3lxT+SO668t+"
    "nmftp3gW5"
    "zjnscq+extpf2sryWEAiEAnofAiVOfz+vEnuYsjXGfBiK87SOETWq8X6fWsMVMTcY=\"}]}";
static const char key_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBOiqYumsujclXOl4CGGdW46tRjs4\n"
                              "2oi8XEki9rNijnEekF6egMrTGZaHmbCTyz2B4VzdRZDD0/7TO4mHleqBDw==\n"
                              "-----END PUBLIC KEY-----\n";

static void an_envelope_of_chains_verifies(void **state)
{
    struct pl_dsse env;
    struct pl_key *key = NULL;
    struct pl_hash hash;
    char hex[PL_HASH_HEX_SIZE];
    size_t which = 9;

    (void)state;
    assert_ok(pl_dsse_parse(pl_str(envelope), &arena, &env, &err), err);
    assert_bytes(env.payload_type, PL_LIT(PL_PAYLOAD_TYPE_INTOTO));
    pl_sha256(env.payload, &hash);
    assert_string_equal(pl_hash_hex(&hash, hex),
                        "c5724e1ee1a49b93a9980636d4d0b4e1ca9114228d942b323b161ea41c2aacf7");
    assert_bytes(env.sigs[0].keyid, PL_LIT("SHA256:yYS4pD9tqWXZw5+maNJ3gWm9HyoAB0qH0ef0FkIWfYs"));
    assert_ok(pl_key_from_pem(pl_str(key_pem), &key, &err), err);
    assert_ok(pl_dsse_verify_key(&env, key, &arena, &which, &err), err);
    assert_int_equal(which, 0);
    env.payload_type = PL_LIT("application/vnd.in-toto+jsoN");
    assert_fails(pl_dsse_verify_key(&env, key, &arena, &which, &err), PL_EVERIFY,
                 "accepted signatures do not match threshold, Found: 0, Expected 1", err);
    pl_key_unref(key);
}

static void what_is_signed_verifies_with_every_key_type(void **state)
{
    static const enum pl_keytype types[] = {PL_KEY_P256, PL_KEY_P384, PL_KEY_P521, PL_KEY_ED25519};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct pl_privkey *key;
        struct pl_dsse env;
        struct pl_buf b;
        size_t which;

        assert_ok(pl_privkey_generate(types[i], &key, &err), err);
        pl_buf_init_arena(&b, &arena, 65536);
        assert_ok(pl_dsse_sign(PL_LIT("a/b"), PL_LIT("\x00\xff payload"), key, &b, &err), err);
        assert_true(pl_bytes_has_prefix(pl_buf_bytes(&b),
                                        "{\"payloadType\":\"a/b\",\"payload\":\"AP8gcGF5bG9hZA==\","
                                        "\"signatures\":[{\"sig\":\""));
        assert_ok(pl_dsse_parse(pl_buf_bytes(&b), &arena, &env, &err), err);
        assert_bytes(env.payload, PL_LIT("\x00\xff payload"));
        assert_ok(pl_dsse_verify_key(&env, pl_privkey_public(key), &arena, &which, &err), err);
        env.payload = PL_LIT("\x00\xff payloae");
        assert_fails(pl_dsse_verify_key(&env, pl_privkey_public(key), &arena, &which, &err),
                     PL_EVERIFY, "Found: 0", err);
        pl_privkey_free(key);
    }
}

static void the_second_signature_may_be_the_key_s(void **state)
{
    struct pl_dsse env;
    struct pl_key *key = NULL;
    struct pl_dsse_sig two[2];
    size_t which = 9;

    (void)state;
    assert_ok(pl_dsse_parse(pl_str(envelope), &arena, &env, &err), err);
    assert_ok(pl_key_from_pem(pl_str(key_pem), &key, &err), err);
    two[0] = two[1] = env.sigs[0];
    two[0].sig = PL_LIT("no signature");
    env.sigs = two;
    env.nsigs = 2;
    assert_ok(pl_dsse_verify_key(&env, key, &arena, &which, &err), err);
    assert_int_equal(which, 1);
    pl_key_unref(key);
}

static void malformed_envelopes_are_refused(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "unexpected end of JSON input"},
        {"hello", "invalid character 'h' looking for beginning of value"},
        {"{", "DSSE envelope: invalid JSON"},
        {"[]", "must be a JSON object"},
        {"{}", "DSSE envelope must contain 1 or more signatures"},
        {"{\"signatures\":null}", "DSSE envelope must contain 1 or more signatures"},
        {"{\"signatures\":{}}", "signatures must be an array"},
        {"{\"signatures\":[{}]}", "payloadType is required"},
        {"{\"signatures\":[{}],\"payloadType\":\"\"}", "payloadType is empty"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\\tb\"}", "byte 1 is 0x09"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\"}", "payload is required"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\",\"payload\":1}", "payload must be a string"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\",\"payload\":\"YQ\"}",
         "payload is not valid base64"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\",\"payload\":\"_w==\"}",
         "payload is URL-safe base64"},
        {"{\"signatures\":[{}],\"payloadType\":\"a\",\"payload\":\"YQ==\\n\"}",
         "payload is not valid base64"},
        {"{\"signatures\":[7],\"payloadType\":\"a\",\"payload\":\"YQ==\"}",
         "signatures[0] must be an object"},
        {"{\"signatures\":[{\"sig\":null}],\"payloadType\":\"a\",\"payload\":\"YQ==\"}",
         "signatures[0].sig is required"},
        {"{\"signatures\":[{\"sig\":\"YQ==\",\"keyid\":1}],\"payloadType\":\"a\",\"payload\":\"\"}",
         "signatures[0].keyid must be a string"},
        {"{\"signatures\":[{\"sig\":\"YQ==\",\"sig\":\"YQ==\"}]}", "duplicate"},
    };
    struct pl_dsse env = {.nsigs = 77};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(pl_dsse_parse(pl_str(cases[i].json), &arena, &env, &err), PL_EINVAL,
                     cases[i].text, err);
    assert_int_equal(env.nsigs, 77);
    assert_ok(pl_dsse_parse(pl_str("{\"signatures\":[{\"sig\":\"YQ==\",\"keyid\":null,\"z\":{}}],"
                                   "\"payloadType\":\"a\",\"payload\":\"\",\"y\":0}"),
                            &arena, &env, &err),
              err);
    assert_int_equal(env.payload.n + env.sigs[0].keyid.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pae_is_the_specification_s, setup, teardown),
        cmocka_unit_test_setup_teardown(an_envelope_of_chains_verifies, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_signed_verifies_with_every_key_type, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_second_signature_may_be_the_key_s, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_envelopes_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests_name("dsse", tests, NULL, NULL);
}
