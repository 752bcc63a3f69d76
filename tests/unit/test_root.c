/* SPDX-License-Identifier: Apache-2.0 */
/* test_root.c - trusted roots and signing configurations, in and out. */
#include "core/trust/root.h"

#include "tests/unit/test.h"

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "tests/lib/file.h"

#define START INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define P256_SPKI                                                                                  \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBOiqYumsujclXOl4CGGdW46tRjs42oi8XEki9rNijnEekF6egMrTGZaH" \
    "m"                                                                                            \
    "bCTyz2B4VzdRZDD0/7TO4mHleqBDw=="
#define P256_ID "Z3VancEMVXUDysRpZ2J+wT/XrTqlEx6AZyZdQn5ZDOY="
/* The example of a v2 log: its ID is SHA-256("log.example.com" LF 0x01 key). */
#define ED_SPKI "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define ED_ID   "1X8t7r3B3Evpa6By5Oip8Fzbfsx6oz6aN08mltTiOus="

#define TYPE "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
#define ROOT(logs)                                   \
    "{\"mediaType\":\"" TYPE "\",\"tlogs\":[" logs   \
    "],\"certificateAuthorities\":[],\"ctlogs\":[]," \
    "\"timestampAuthorities\":[]}"
#define LOG(url, spki, details, id)                                                               \
    "{\"baseUrl\":\"" url "\",\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" spki \
    "\",\"keyDetails\":\"" details "\",\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"}},"       \
    "\"logId\":{\"keyId\":\"" id "\"}}"
#define V1 LOG("http://127.0.0.1:3000", P256_SPKI, "PKIX_ECDSA_P256_SHA_256", P256_ID)
#define V2 LOG("https://log.example.com:8443/x", ED_SPKI, "PKIX_ED25519", ED_ID)

static struct pl_err err;
static struct pl_arena arena;

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

static struct pl_bytes decode(const char *base64)
{
    struct pl_bytes out;

    assert_ok(pl_base64_decode_arena(pl_str(base64), PL_BASE64_STD, "test", &arena, &out, &err),
              err);
    return out;
}

static struct pl_key *key_of(const char *spki)
{
    struct pl_key *key;

    assert_ok(pl_key_from_spki(decode(spki), &key, &err), err);
    return key;
}

static void assert_id(const struct pl_trusted_log *log, const char *id)
{
    assert_bytes(pl_hash_bytes(&log->log_id), decode(id));
}

static struct pl_bytes replace(const char *in, const char *from, const char *to)
{
    const char *at = strstr(in, from);

    if (at == NULL)
        fail_msg("%s has no %s", in, from);
    return pl_str(pl_arena_printf(&arena, "%.*s%s%s", (int)(at - in), in, to, at + strlen(from)));
}

/* ---- in ---- */

static void a_root_of_a_deployment_is_read(void **state)
{
    struct pl_bytes json = pl_test_file(&arena, "tests/data/bundles/trusted_root.json");
    struct pl_trusted_root root;
    struct pl_hash unknown = {{0}};

    (void)state;
    assert_ok(pl_trusted_root_parse(json, &root, &err), err);
    assert_int_equal(root.nlogs, 2);
    for (size_t i = 0; i < root.nlogs; i++)
        assert_ptr_equal(pl_trusted_root_log(&root, &root.logs[i].log_id), &root.logs[i]);
    assert_null(pl_trusted_root_log(&root, &unknown));
    assert_int_equal(pl_key_type(root.logs[0].key), PL_KEY_P256);
    assert_true(pl_hash_eq(&root.logs[0].log_id, pl_key_id(root.logs[0].key)));
    assert_int_equal(pl_key_type(root.logs[1].key), PL_KEY_ED25519);
    assert_true(root.logs[0].end == INT64_MAX && root.logs[0].start > 0);
    pl_trusted_root_free(&root);
    pl_trusted_root_free(&root); /* a freed root is a zeroed one */
    pl_trusted_root_free(NULL);
}

static void every_spelling_of_the_media_type_is_read(void **state)
{
    static const char *const types[] = {
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    };
    struct pl_trusted_root root;

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_ok(pl_trusted_root_parse(replace(ROOT(V1), TYPE, types[i]), &root, &err), err);
        assert_int_equal(root.nlogs, 1);
        pl_trusted_root_free(&root);
    }
}

static void a_validity_is_closed_or_open_at_its_end(void **state)
{
    struct pl_trusted_root root;

    (void)state;
    assert_ok(pl_trusted_root_parse(PL_LIT(ROOT(V1)), &root, &err), err);
    assert_true(root.logs[0].start == START && root.logs[0].end == INT64_MAX);
    assert_bytes(root.logs[0].base_url, PL_LIT("http://127.0.0.1:3000"));
    pl_trusted_root_free(&root);
    assert_ok(pl_trusted_root_parse(replace(ROOT(V1), "00:00:00Z\"",
                                            "00:00:00Z\",\"end\":\"2026-01-01T01:00:00.5Z\""),
                                    &root, &err),
              err);
    assert_true(root.logs[0].start == START && root.logs[0].end == START + 3600);
    pl_trusted_root_free(&root);
}

static const struct {
    const char *from, *to, *part;
} bad[] = {
    {TYPE, "application/json", "mediaType \"application/json\""},
    {"\"mediaType\"", "\"x\"", "mediaType is required"},
    {"\"tlogs\":[", "\"tlogs\":[1,", "tlogs[0] must be an object"},
    {"\"tlogs\":[", "\"tlogs\":[" V1 ",", "tlogs[0] and tlogs[1] have the same logId"},
    {"\"publicKey\"", "\"x\"", "tlogs[0].publicKey is required"},
    {"\"rawBytes\":\"M", "\"rawBytes\":\"!", "tlogs[0].publicKey.rawBytes"},
    {"\"rawBytes\":\"MFkw", "\"rawBytes\":\"AAAA", "tlogs[0].publicKey.rawBytes"},
    {"\"validFor\"", "\"x\"", "tlogs[0].publicKey.validFor is required"},
    {"\"start\"", "\"end\"", "validFor.start is required"},
    {"2026-01-01T00", "yesterday", "validFor.start is not an RFC 3339 time"},
    {"00:00:00Z\"", "00:00:00Z\",\"end\":\"never\"", "validFor.end is not"},
    {"00:00:00Z\"", "00:00:00Z\",\"end\":\"2025-12-31T23:59:59Z\"", "ends before it starts"},
    {"\"logId\"", "\"x\"", "tlogs[0].logId is required"},
    {"\"keyId\":\"Z3Va", "\"keyId\":\"", "must be 32 bytes, has 29"},
    {"\"ctlogs\":[]", "\"tlogs\":[]", "duplicate"},
    {"\"timestampAuthorities\":[]}", "\"timestampAuthorities\":[]}x", "trusted root"},
};

static void a_malformed_root_is_refused_by_member(void **state)
{
    struct pl_trusted_root root;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(pl_trusted_root_parse(replace(ROOT(V1), bad[i].from, bad[i].to), &root, &err),
                     PL_EINVAL, bad[i].part, err);
    assert_fails(pl_trusted_root_parse(PL_LIT("[]"), &root, &err), PL_EINVAL, "JSON object", err);
    assert_fails(pl_trusted_root_parse(PL_LIT(""), &root, &err), PL_EINVAL, "trusted root", err);
}

static void a_key_alone_is_a_root(void **state)
{
    struct pl_key *key = key_of(P256_SPKI);
    struct pl_trusted_root root;

    (void)state;
    assert_ok(pl_trusted_root_from_key(key, &root, &err), err);
    pl_key_unref(key);
    assert_int_equal(root.nlogs, 1);
    assert_id(&root.logs[0], P256_ID);
    assert_true(root.logs[0].start <= 0 && root.logs[0].end == INT64_MAX);
    assert_bytes(pl_key_spki(root.logs[0].key), decode(P256_SPKI));
    pl_trusted_root_free(&root);
}

/* ---- out ---- */

static void a_root_is_written_byte_for_byte_and_read_again(void **state)
{
    struct pl_key *v1 = key_of(P256_SPKI), *v2 = key_of(ED_SPKI);
    struct pl_root_log_in logs[] = {
        {.base_url = PL_LIT("http://127.0.0.1:3000"), .key = v1, .start = START},
        {.base_url = PL_LIT("https://log.example.com:8443/x"), .key = v2, .start = START}};
    struct pl_trusted_root root;
    struct pl_buf out;

    (void)state;
    pl_buf_init(&out, 1 << 16);
    assert_ok(pl_trusted_root_write(logs, 2, pl_str(NULL), &out, &err), err);
    assert_bytes(pl_buf_bytes(&out), PL_LIT(ROOT(V1 "," V2)));
    assert_ok(pl_trusted_root_parse(pl_buf_bytes(&out), &root, &err), err);
    assert_id(&root.logs[0], P256_ID);
    assert_id(&root.logs[1], ED_ID);
    pl_trusted_root_free(&root);
    pl_buf_free(&out);
    pl_key_unref(v1);
    pl_key_unref(v2);
}

static void more_trust_is_copied_in(void **state)
{
    struct pl_key *key = key_of(P256_SPKI);
    struct pl_root_log_in log = {
        .base_url = PL_LIT("http://127.0.0.1:3000"), .key = key, .start = START};
    struct pl_buf out;

    (void)state;
    pl_buf_init(&out, 1 << 16);
    assert_ok(pl_trusted_root_write(&log, 1,
                                    PL_LIT("{\"ctlogs\":[{\"b\":1,\"a\":2}],\"tlogs\":[3],"
                                           "\"certificateAuthorities\":[{}]}"),
                                    &out, &err),
              err);
    assert_bytes(pl_buf_bytes(&out),
                 PL_LIT("{\"mediaType\":\"" TYPE "\",\"tlogs\":[" V1
                        "],\"certificateAuthorities\":[{}],\"ctlogs\":[{\"a\":2,\"b\":1}],"
                        "\"timestampAuthorities\":[]}"));
    pl_buf_reset(&out);
    assert_fails(pl_trusted_root_write(&log, 1, PL_LIT("[]"), &out, &err), PL_EINVAL,
                 "additional trust", err);
    assert_fails(pl_trusted_root_write(&log, 1, PL_LIT("{\"ctlogs\":{}}"), &out, &err), PL_EINVAL,
                 "ctlogs must be an array", err);
    pl_buf_free(&out);
    pl_buf_init(&out, 100);
    assert_fails(pl_trusted_root_write(&log, 1, pl_str(NULL), &out, &err), PL_ETOOBIG,
                 "trusted root", err);
    pl_buf_free(&out);
    pl_key_unref(key);
}

static void a_signing_config_names_the_log(void **state)
{
    struct pl_buf out;

    (void)state;
    pl_buf_init(&out, 1 << 16);
    assert_ok(
        pl_signing_config_write(PL_LIT("https://[::1]:3000"), START, pl_str(NULL), &out, &err),
        err);
    assert_bytes(
        pl_buf_bytes(&out),
        PL_LIT("{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\","
               "\"rekorTlogUrls\":[{\"url\":\"https://[::1]:3000\",\"majorApiVersion\":1,"
               "\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"},\"operator\":\"[::1]\"}],"
               "\"rekorTlogConfig\":{\"selector\":\"ANY\"}}"));
    pl_buf_reset(&out);
    assert_ok(pl_signing_config_write(PL_LIT("https://log.example.com"), START,
                                      PL_LIT("{\"tsaUrls\":[{\"url\":\"u\"}],\"caUrls\":[]}"), &out,
                                      &err),
              err);
    assert_non_null(strstr(pl_buf_cstr(&out),
                           "\"operator\":\"log.example.com\"}],\"rekorTlogConfig\":{\"selector\":"
                           "\"ANY\"},\"caUrls\":[],\"tsaUrls\":[{\"url\":\"u\"}],\"tsaConfig\":"
                           "{\"selector\":\"ANY\"}}"));
    pl_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_of_a_deployment_is_read),
        cmocka_unit_test(every_spelling_of_the_media_type_is_read),
        cmocka_unit_test(a_validity_is_closed_or_open_at_its_end),
        cmocka_unit_test(a_malformed_root_is_refused_by_member),
        cmocka_unit_test(a_key_alone_is_a_root),
        cmocka_unit_test(a_root_is_written_byte_for_byte_and_read_again),
        cmocka_unit_test(more_trust_is_copied_in),
        cmocka_unit_test(a_signing_config_names_the_log),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
