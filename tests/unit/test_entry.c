/* SPDX-License-Identifier: Apache-2.0 */
/* test_entry.c - canonical bodies and refusals, against the recorded server and the vectors. */
#include "core/attest/entry.h"

#include "tests/unit/test.h"

#include <glob.h>
#include <stdio.h>

#include "core/base/enc.h"
#include "tests/lib/capture.h"
#include "tests/lib/file.h"

#define CAPTURES "tests/data/captures/rekor-v1/"
#define VECTORS  "tests/vectors/rekor-v1/"

static struct pl_arena arena;
static struct pl_verifier_cache *cache;
static struct pl_err err;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    cache = pl_verifier_cache_new(8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_verifier_cache_free(cache);
    pl_arena_free(&arena);
    return 0;
}

/* From text; whatever the entry borrowed from the JSON would be gone afterwards. */
static enum pl_code make_with(struct pl_bytes text, bool defer_slow, struct pl_entry *out)
{
    struct pl_entry_opts opts = {.cache = cache, .defer_slow = defer_slow};
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(text, PL_REQUEST_MAX, &root, &err));
    PL_TRY(pl_entry_from_json(root, &opts, &arena, out, &err));
out:
    json_decref(root);
    return rc;
}

static enum pl_code make(struct pl_bytes text, struct pl_entry *out)
{
    return make_with(text, false, out);
}

static bool has_key(const struct pl_entry *e, const char *key)
{
    for (size_t i = 0; i < e->nkeys; i++) {
        if (pl_bytes_eq_str(e->keys[i], key))
            return true;
    }
    return false;
}

static void assert_key(const struct pl_entry *e, const char *key)
{
    if (!has_key(e, key))
        fail_msg("no search key \"%s\"", key);
}

/* What is stored must give the same entry again. */
static void check_stored(const struct pl_entry *e)
{
    struct pl_entry again;

    assert_ok(pl_entry_from_stored(e->body, e->payload, &arena, &again, &err), err);
    assert_int_equal(again.kind, e->kind);
    assert_bytes(again.statement, e->statement);
    assert_bytes(again.payload_type, e->payload_type);
    assert_bytes(again.predicate_type, e->predicate_type);
    assert_int_equal(again.nkeys, e->nkeys);
    for (size_t i = 0; i < e->nkeys; i++)
        assert_bytes(again.keys[i], e->keys[i]);
}

/* Compares one exchange; false when it is no accepted entry of our kinds. */
static bool check_exchange(const char *request_path, const char *response_path)
{
    struct pl_capture request = pl_test_capture(&arena, request_path);
    struct pl_capture response = pl_test_capture(&arena, response_path);
    struct pl_entry e;

    if (response.status != 201 || strstr(request_path, "/rekord-201") != NULL ||
        strstr((const char *)request.line.p, "/api/v1/log/entries HTTP") == NULL)
        return false;
    if (make(request.body, &e) != PL_OK)
        fail_msg("%s: %s", request_path, err.text);
    assert_bytes(e.body, pl_test_logged_body(&arena, &response));
    check_stored(&e);
    pl_arena_reset(&arena);
    return true;
}

static size_t check_all(const char *pattern, const char *from, const char *to)
{
    glob_t found;
    size_t n = 0;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char response[512], *gz, *at;

        snprintf(response, sizeof(response), "%s", found.gl_pathv[i]);
        if ((gz = strstr(response, ".gz")) != NULL)
            *gz = '\0';
        at = strstr(response, from);
        assert_non_null(at);
        snprintf(at, sizeof(response) - (size_t)(at - response), "%s", to);
        n += check_exchange(found.gl_pathv[i], response);
    }
    globfree(&found);
    return n;
}

static void bodies_equal_the_recorded_server_s(void **state)
{
    (void)state;
    /* dsse: P-256, certificate, two signatures, Ed25519; hashedrekord: P-256, RSA, unknown members;
     * intoto: 0.0.1, 0.0.2, 0.0.2 large */
    assert_int_equal(check_all(CAPTURES "*.request", ".request", ".response"), 10);
}

static void bodies_equal_the_log_s_for_real_chains(void **state)
{
    (void)state;
    assert_int_equal(check_all("tests/data/chains/requests/v0.28.1/*/*-request.http*",
                               "-request.http", "-response.http"),
                     9);
    assert_int_equal(check_all("tests/data/chains/requests/v0.29.2/*/*-request.http*",
                               "-request.http", "-response.http"),
                     18);
}

/* ---- refusals ---- */

#define PREFIX "error processing entry: "

/* The server's text for the request, without its prefix; empty when it is not about the content. */
static struct pl_bytes recorded_text(const struct pl_capture *response)
{
    json_t *root = NULL;
    struct pl_bytes text, out = {NULL, 0};

    if (response->status != 400 && response->status != 422)
        return out;
    assert_ok(pl_json_load(response->body, PL_REQUEST_MAX, &root, &err), err);
    assert_ok(pl_json_string(root, "", "message", &text, &err), err);
    if (pl_bytes_has_prefix(text, PREFIX))
        text = pl_bytes(text.p + strlen(PREFIX), text.n - strlen(PREFIX));
    out = pl_arena_dup(&arena, text);
    json_decref(root);
    return out;
}

static void refusals_have_the_recorded_server_s_texts(void **state)
{
    glob_t found;
    size_t n = 0;

    (void)state;
    assert_int_equal(glob(CAPTURES "err-*.request", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        char response_path[512];
        struct pl_capture request = pl_test_capture(&arena, path), response;
        struct pl_bytes want;
        struct pl_entry e;

        snprintf(response_path, sizeof(response_path), "%.*s.response", (int)strlen(path) - 8,
                 path);
        response = pl_test_capture(&arena, response_path);
        if (!pl_bytes_has_prefix(request.line, "POST /api/v1/log/entries HTTP") ||
            request.body.n == 0 || request.body.p[0] != '{')
            continue;
        want = recorded_text(&response);
        if (want.n == 0)
            continue;
        n++;
        if (make(request.body, &e) != PL_EINVAL && err.code != PL_EVERIFY)
            fail_msg("%s: not refused as invalid", path);
        if (strncmp(err.text, (const char *)want.p, want.n) != 0) /* ours may say more */
            fail_msg("%s: \"%s\", the server said \"%.*s\"", path, err.text, (int)want.n,
                     (const char *)want.p);
    }
    globfree(&found);
    assert_int_equal(n, 17);
}

/* A vector's text with @from replaced by @to, once. */
static struct pl_bytes replaced(const char *file, const char *from, const char *to)
{
    char path[256];
    struct pl_bytes text;
    const char *at;
    struct pl_buf b;

    snprintf(path, sizeof(path), VECTORS "%s", file);
    text = pl_test_file(&arena, path);
    at = strstr((const char *)text.p, from);
    if (at == NULL)
        fail_msg("%s has no %s", file, from);
    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    pl_buf_add(&b, text.p, (size_t)(at - (const char *)text.p));
    pl_buf_add_str(&b, to);
    pl_buf_add_str(&b, at + strlen(from));
    return pl_buf_bytes(&b);
}

#define DSSE "dsse.proposal.json"
#define HASH "hashedrekord.proposal.json"
#define INT1 "intoto-001.proposal.json"
#define INT2 "intoto-002.proposal.json"

static void refusals_name_what_was_wrong(void **state)
{
    static const struct {
        const char *file, *from, *to;
        enum pl_code code;
        const char *text;
    } cases[] = {
        /* frame */
        {DSSE, "\"dsse\"", "null", PL_EINVAL, "kind in body is required"},
        {DSSE, "\"dsse\"", "7", PL_EINVAL, "kind must be a string"},
        {DSSE, "\"dsse\"", "\"rpm\"", PL_EINVAL,
         "entry kind 'rpm' is not enabled for submission on this server"},
        {INT1, "\"0.0.1\"", "\"0.0.3\"", PL_EINVAL,
         "intoto implementation for version '0.0.3' not found"},
        {DSSE, "\"kind\":\"dsse\"", "\"kind\":\"dsse\",\"kind\":\"dsse\"", PL_EINVAL, "duplicate"},
        /* dsse */
        {DSSE, "\"proposedContent\":{", "\"proposedContent\":[],\"x\":{", PL_EINVAL,
         "spec.proposedContent must be an object"},
        {DSSE, "\"proposedContent\":{", "\"envelopeHash\":{},\"proposedContent\":{", PL_EINVAL,
         "must be present but not both"},
        {DSSE, "\"verifiers\":[\"", "\"verifiers\":[null,\"", PL_EINVAL,
         "verifiers[0] must be a string"},
        {DSSE, "\"verifiers\":[\"", "\"verifiers\":[\"\",\"", PL_EINVAL, "verifiers[0] is empty"},
        {DSSE, "\"verifiers\":[\"", "\"verifiers\":[\"aGVsbG8=\",\"", PL_EINVAL,
         "could not parse public key as x509: invalid public key: failure decoding PEM"},
        {DSSE, "\\\"payloadType\\\"", "\\\"payload\\\"", PL_EINVAL, "duplicate"},
        {DSSE, "\\\"payloadType\\\"", "\\\"payloadtype\\\"", PL_EINVAL, "payloadType is required"},
        {DSSE, "application/vnd", "application/\\\\u00e9vnd", PL_EINVAL,
         "payloadType must be printable ASCII"},
        {DSSE, "\"signatures\\\":[{", "\"signatures\\\":[null,{", PL_EINVAL,
         "signatures[0] must be an object"},
        {DSSE, "\\\"sig\\\":\\\"MEQ", "\\\"sig\\\":\\\"\\\",\\\"x\\\":\\\"MEQ", PL_EINVAL,
         "signatures[0].sig is empty"},
        {DSSE, "SlIfjJiq5l4", "SlIfjJiq5l_", PL_EINVAL, "signatures[0].sig is URL-safe base64"},
        {DSSE, "+Q==\\\"", "+Q=\\\"", PL_EINVAL, "signatures[0].sig is not valid base64"},
        {DSSE, "+Q==\\\"", "+R==\\\"", PL_EINVAL, "signatures[0].sig is not valid base64"},
        {DSSE, "\\\"payload\\\":\\\"", "\\\"payload\\\":\\\"\\\",\\\"x\\\":\\\"", PL_EVERIFY,
         "could not verify envelope"},
        {DSSE, "\\\"payload\\\":\\\"eyJ", "\\\"payload\\\":\\\"eyI", PL_EVERIFY,
         "could not verify envelope: accepted signatures do not match threshold, Found: 0"},
        /* hashedrekord */
        {HASH, "6cf2356f", "6CF2356F", PL_EINVAL, "upper-case hex"},
        {HASH, "6cf2356f", "6cf2356x", PL_EINVAL, "other characters than hex digits"},
        {HASH, "\"sha256\"", "\"md5\"", PL_EINVAL, "should be one of [sha256 sha384 sha512]"},
        {HASH, "\"sha256\"", "\"sha1\"", PL_EINVAL, "should be one of [sha256 sha384 sha512]"},
        {HASH, "6cf2356f", "6cf2356e", PL_EVERIFY,
         "verifying signature: invalid signature when validating ASN.1 encoded signature"},
        {HASH, "MEUCIC0a", "MEUCIQ0a", PL_EVERIFY, "not the strict ASN.1 DER form"},
        {HASH, "\"signature\":{", "\"signature\":null,\"x\":{", PL_EINVAL,
         "spec.signature is required"},
        {HASH, "\"publicKey\":{", "\"publicKey\":null,\"x\":{", PL_EINVAL,
         "spec.signature.publicKey is required"},
        {HASH, "\"data\":{", "\"data\":[{", PL_EINVAL, "invalid JSON"},
        /* intoto 0.0.1 */
        {INT1, "\"envelope\":\"", "\"envelope\":\"\",\"x\":\"", PL_EINVAL,
         "missing envelope content"},
        {INT1, "\"publicKey\":\"", "\"publicKey\":\"\",\"x\":\"", PL_EINVAL,
         "spec.publicKey is empty"},
        {INT1, "\\\"payload\\\":\\\"eyJ", "\\\"payload\\\":\\\"eyI", PL_EVERIFY,
         "accepted signatures do not match threshold"},
        {INT1, "\"content\":{", "\"content\":null,\"x\":{", PL_EINVAL, "spec.content is required"},
        /* intoto 0.0.2 */
        {INT2, "\"hash\":{", "\"x\":{", PL_EINVAL, "missing envelope digest"},
        {INT2, "\"hash\":{\"algorithm\":\"sha256\"", "\"hash\":{\"algorithm\":\"sha1\"", PL_EINVAL,
         "content.hash.algorithm in body should be one of [sha256]"},
        {INT2, "\"signatures\":[", "\"signatures\":[null,", PL_EINVAL,
         "spec.content.envelope.signatures[0] must be an object"},
        {INT2, "\"signatures\":[", "\"signatures\":null,\"x\":[", PL_EINVAL,
         "missing signatures content"},
        {INT2, "\"payload\":\"", "\"payload\":\"\",\"x\":\"", PL_EINVAL,
         "missing envelope content"},
        {INT2, "\"payload\":\"ZXlK", "\"payload\":\"ZXlL", PL_EVERIFY, "could not verify envelope"},
        {INT2, "\"publicKey\":\"", "\"publicKey\":null,\"x\":\"", PL_EINVAL,
         "signatures[0].publicKey is required"},
        {INT2, "\"sig\":\"TUVR", "\"sig\":\"LUVR", PL_EINVAL,
         "signatures[0].sig, decoded once, is URL-safe base64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_bytes text = replaced(cases[i].file, cases[i].from, cases[i].to);
        struct pl_entry e = {.nkeys = 77};

        err.text[0] = '\0';
        assert_fails(make(text, &e), cases[i].code, cases[i].text, err);
        assert_int_equal(e.nkeys, 77);
    }
}

static void null_members_and_unknown_members_count_as_absent(void **state)
{
    struct pl_entry e;

    (void)state;
    assert_ok(make(replaced(DSSE, "\"proposedContent\"",
                            "\"envelopeHash\":null,\"signatures\":null,\"y\":[1],"
                            "\"proposedContent\""),
                   &e),
              err);
    assert_bytes(e.body, pl_test_file(&arena, VECTORS "dsse.body.json"));
}

/* ---- vectors ---- */

static const char key_hash[] = "55eca222818cb73be7356f2c12d88f3095aac565a7acc42f4b2414f8cd1cd0e6";
#define SHA        "sha256:"
#define SUBJECT    SHA "6cf2356f28e436acf161ad8e7a22bd3364c5e5a3d078f542bf5eda3bad8fff8d"
#define PAYLOAD    SHA "7934d19051de9232a8e9f20cf575ec601c43b7f29fbf788959d6418343ace44a"
#define ENVELOPE   SHA "a9cd10fcc42826288c6c36e0f6b66233f5fbc77b7e4d21ae3682d27fdd76fe8e"
#define KEY_PREFIX SHA "55eca222818cb73be7356f2c12d88f3095aac565a7acc42f4b2414f8cd1cd0e6"
#define PREDICATE  "predicate:https://slsa.dev/provenance/v1"

static void check_vector(const char *name, const char *uuid, size_t nkeys, struct pl_entry *out)
{
    char path[256], hex[PL_HASH_HEX_SIZE];
    struct pl_hash hash;
    struct pl_buf leaf;

    snprintf(path, sizeof(path), VECTORS "%s.proposal.json", name);
    assert_ok(make(pl_test_file(&arena, path), out), err);
    snprintf(path, sizeof(path), VECTORS "%s.body.json", name);
    assert_bytes(out->body, pl_test_file(&arena, path));
    pl_buf_init_arena(&leaf, &arena, PL_BODY_MAX);
    pl_buf_add_byte(&leaf, 0);
    pl_buf_add_bytes(&leaf, out->body);
    pl_sha256(pl_buf_bytes(&leaf), &hash);
    assert_string_equal(pl_hash_hex(&hash, hex), uuid);
    assert_int_equal(out->nkeys, nkeys);
    assert_key(out, key_hash);
    assert_key(out, KEY_PREFIX);
    assert_key(out, SUBJECT);
    check_stored(out);
}

static void vectors_give_body_uuid_and_search_keys(void **state)
{
    struct pl_bytes envelope = pl_test_file(&arena, VECTORS "dsse.envelope.json");
    struct pl_entry e;

    (void)state;
    check_vector("hashedrekord", "22a4686313882123984583219041dea8f4782ffabfb464815d02364adb85611d",
                 3, &e);
    assert_int_equal(e.payload.n, 0);
    check_vector("dsse", "27b02fcd10d9231e8cc615fd8eaaade102748630dd08c5d6b55de2702ea6de4e", 6, &e);
    assert_bytes(e.payload, envelope);
    assert_int_equal(e.statement.n, 227);
    assert_bytes(e.predicate_type, PL_LIT("https://slsa.dev/provenance/v1"));
    assert_key(&e, PAYLOAD);
    assert_key(&e, ENVELOPE);
    assert_key(&e, PREDICATE);
    check_vector("intoto-002", "316d956c27ccfafe033f9d8a9f79e739851e8f10d8a6b3bb627feb6e8d669ed8",
                 5, &e);
    assert_key(&e, PAYLOAD);
    assert_false(has_key(&e, ENVELOPE)); /* the client's word only */
    assert_true(pl_bytes_has_prefix(e.payload, "{\"payload\":\"eyJf"));
    check_vector("intoto-001", "a9486f3839d59de7dfc7162d5beed79ed2359b42d4b1e88571bea87d963297e4",
                 6, &e);
    assert_bytes(e.payload, envelope);
    assert_key(&e, ENVELOPE);
}

static void set_message_is_the_vector_s(void **state)
{
    struct pl_bytes body = pl_test_file(&arena, VECTORS "dsse.body.json");
    struct pl_hash log_id, hash;
    char hex[PL_HASH_HEX_SIZE];
    struct pl_buf b;

    (void)state;
    assert_true(pl_hex_decode(
        PL_LIT("ee55578a0981eb8e25f5889a4ee47a8a843a5a53e88c54220abefda09f5a5622"), log_id.b, 32));
    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    pl_set_message(body, 1767225601, &log_id, 1, &b);
    assert_int_equal(b.n, 999);
    pl_sha256(pl_buf_bytes(&b), &hash);
    assert_string_equal(pl_hash_hex(&hash, hex),
                        "a64bcaed90e4e9fb6d7df6bff4284888d5180f35002ec1795fd1cf5320586515");
}

static void proposals_are_the_vectors(void **state)
{
    struct pl_bytes pem = pl_test_file(&arena, VECTORS "signer.pem"), sig;
    struct pl_buf b;

    (void)state;
    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    pl_proposal_dsse(pl_test_file(&arena, VECTORS "dsse.envelope.json"), pem, &b);
    assert_bytes(pl_buf_bytes(&b), pl_test_file(&arena, VECTORS DSSE));
    pl_buf_reset(&b);
    assert_ok(pl_base64_decode_arena(
                  PL_LIT("MEUCIC0a83/AbjdLuvrr/aBFs9txtGsqn915nS/JFnwa1UtNAiEAjOeWZVE1kcPAOkOmpgfV"
                         "2S+9zG+CVydGswxbZ/O+A6k="),
                  PL_BASE64_STD, "sig", &arena, &sig, &err),
              err);
    pl_proposal_hashedrekord(
        "sha256", PL_LIT("6cf2356f28e436acf161ad8e7a22bd3364c5e5a3d078f542bf5eda3bad8fff8d"), sig,
        pem, &b);
    assert_bytes(pl_buf_bytes(&b), pl_test_file(&arena, VECTORS HASH));
}

/* ---- what a store could have done to an entry ---- */

static void stored_entries_that_differ_are_corrupt(void **state)
{
    static const struct {
        const char *name, *from, *to, *text;
    } cases[] = {
        {"dsse", "a9cd10fc", "a9cd10fd", "envelopeHash"},
        {"dsse", "7934d190", "7934d191", "payloadHash"},
        {"dsse", "\"signature\":\"MEQC", "\"signature\":\"MEQD", "not in the stored envelope"},
        {"dsse", "{\"apiVersion\"", "{ \"apiVersion\"", "canonical form"},
        {"dsse", "\"dsse\"", "\"hashedrekord\"", "spec.signature is required"},
        {"intoto-001", "a9cd10fc", "a9cd10fd", "hash is"},
        {"intoto-002", "7934d190", "7934d191", "payloadHash"},
        {"intoto-002", "\"sig\":\"TUVR", "\"sig\":\"TUVS", "not the stored envelope's"},
    };
    struct pl_bytes payload, body;
    struct pl_entry e, got;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s.proposal.json", cases[i].name);
        assert_ok(make(replaced(path, "", ""), &e), err);
        payload = e.payload;
        snprintf(path, sizeof(path), "%s.body.json", cases[i].name);
        body = replaced(path, cases[i].from, cases[i].to);
        assert_fails(pl_entry_from_stored(body, payload, &arena, &got, &err), PL_ECORRUPT,
                     cases[i].text, err);
        assert_fails(pl_entry_from_stored(e.body, PL_LIT(""), &arena, &got, &err), PL_ECORRUPT,
                     "envelope of this entry is missing", err);
    }
}

static void a_hashedrekord_may_keep_what_it_hashes(void **state)
{
    struct pl_bytes body = pl_test_file(&arena, VECTORS "hashedrekord.body.json");
    struct pl_entry e;

    (void)state;
    assert_ok(pl_entry_from_stored(body, PL_LIT("hello provlog\n"), &arena, &e, &err), err);
    assert_bytes(e.payload, PL_LIT("hello provlog\n"));
    assert_fails(pl_entry_from_stored(body, PL_LIT("hello provlog"), &arena, &e, &err), PL_ECORRUPT,
                 "another sha256", err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies_equal_the_recorded_server_s, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_equal_the_log_s_for_real_chains, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_have_the_recorded_server_s_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_name_what_was_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(null_members_and_unknown_members_count_as_absent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(vectors_give_body_uuid_and_search_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(set_message_is_the_vector_s, setup, teardown),
        cmocka_unit_test_setup_teardown(proposals_are_the_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(stored_entries_that_differ_are_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hashedrekord_may_keep_what_it_hashes, setup, teardown),
    };

    return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
