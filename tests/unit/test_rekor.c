/* SPDX-License-Identifier: Apache-2.0 */
/* test_rekor.c - requests and answers of Rekor v1, against the recorded server. */
#include "client/rekor.h"

#include "tests/unit/test.h"

#include <stdio.h>

#include "core/attest/entry.h"
#include "core/base/enc.h"
#include "tests/lib/capture.h"
#include "tests/lib/file.h"

#define DIR "tests/data/captures/rekor-v1/"

static struct pl_err err;
static struct pl_arena arena;
static struct pl_trusted_root root;
static const struct pl_trusted_log *rekor;

static int setup(void **state)
{
    struct pl_key *key;

    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    if (pl_key_from_pem(pl_test_file(&arena, DIR "log-public-key.pem"), &key, &err) != PL_OK ||
        pl_trusted_root_from_key(key, &root, &err) != PL_OK)
        return -1;
    pl_key_unref(key);
    rekor = &root.logs[0];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_trusted_root_free(&root);
    pl_arena_free(&arena);
    return 0;
}

static struct pl_capture recorded(const char *name, const char *what)
{
    char path[200];

    (void)snprintf(path, sizeof(path), DIR "%s.%s", name, what);
    return pl_test_capture(&arena, path);
}

static struct pl_rekor_entry parse(const char *name)
{
    struct pl_rekor_entry e;

    if (pl_rekor_parse_entry(recorded(name, "response").body, &arena, &e, &err) != PL_OK)
        fail_msg("%s: %s", name, err.text);
    return e;
}

/* ---- requests ---- */

static void assert_request(const struct pl_rekor_request *r, const char *name)
{
    struct pl_capture want = recorded(name, "request");
    const char *line = pl_arena_printf(&arena, "%s %.*s HTTP/1.1", r->method, (int)r->path.n,
                                       (const char *)r->path.p);

    assert_bytes(pl_str(line), want.line);
    assert_bytes(r->body, want.body);
    assert_string_equal(r->accept, "application/json");
}

static void requests_are_the_recorded_bytes(void **state)
{
    static const char id[] =
        "2C873FCF35EF6724F04227CB5A50497EB2F81425FB7860C6D6A76E8BC0C997B97C825D46FFD3BE05";
    struct pl_bytes none = {NULL, 0}, proposal = recorded("dsse-201", "request").body;
    struct pl_rekor_request r;

    (void)state;
    assert_ok(pl_rekor_post_entry(proposal, &arena, &r, &err), err);
    assert_request(&r, "dsse-201");
    assert_ok(pl_rekor_retrieve(proposal, &arena, &r, &err), err);
    assert_request(&r, "retrieve-by-entries");
    assert_ok(pl_rekor_get_by_index(2, &arena, &r, &err), err);
    assert_request(&r, "get-by-index");
    assert_ok(pl_rekor_get_by_uuid(pl_str(id), &arena, &r, &err), err);
    assert_request(&r, "get-by-entryid-80");
    assert_ok(pl_rekor_get_by_uuid(pl_str(id + 16), &arena, &r, &err), err);
    assert_request(&r, "get-by-uuid-64");
    assert_ok(pl_rekor_log_info(&arena, &r, &err), err);
    assert_request(&r, "log-info");
    assert_ok(pl_rekor_log_proof(2, 13, &arena, &r, &err), err);
    assert_request(&r, "log-proof");
    assert_ok(pl_rekor_search(none, PL_LIT("builder@example.com"), none, &arena, &r, &err), err);
    assert_request(&r, "index-by-email");
    assert_ok(pl_rekor_search(
                  PL_LIT("sha256:edb9df929fbdec44ab71e9b3f1a05b38f55d49dbab2db6581c9bc8ee461d444a"),
                  none, none, &arena, &r, &err),
              err);
    assert_request(&r, "index-by-subject-digest");
    assert_ok(pl_rekor_search(none, none, none, &arena, &r, &err), err);
    assert_request(&r, "index-empty-query");
}

static void a_search_names_all_that_is_asked_for(void **state)
{
    struct pl_rekor_request r;

    (void)state;
    assert_ok(pl_rekor_search(PL_LIT("sha256:00"), PL_LIT("a\"b"), PL_LIT("KEY"), &arena, &r, &err),
              err);
    assert_bytes(r.body, PL_LIT("{\"email\":\"a\\\"b\",\"hash\":\"sha256:00\",\"publicKey\":"
                                "{\"format\":\"x509\",\"content\":\"S0VZ\"}}"));
}

static void only_an_id_goes_into_a_path(void **state)
{
    static const char *const bad[] = {
        "", "12", "../../../../etc/passwd",
        "f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be0/",
        "f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be056"};
    struct pl_rekor_request r;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(pl_rekor_get_by_uuid(pl_str(bad[i]), &arena, &r, &err), PL_EINVAL,
                     "64 (UUID) or 80", err);
}

/* ---- entries ---- */

static void recorded_entries_verify_under_the_logs_key(void **state)
{
    static const char *const names[] = {"dsse-201",
                                        "dsse-cert-201",
                                        "dsse-two-signatures-201",
                                        "dsse-ed25519-201",
                                        "hashedrekord-201",
                                        "hashedrekord-rsa-201",
                                        "intoto-001-201",
                                        "intoto-002-201",
                                        "hashedrekord-unknown-members",
                                        "rekord-201",
                                        "get-by-index",
                                        "intoto-002-large-201",
                                        "get-by-uuid-64",
                                        "get-by-entryid-80",
                                        "get-by-entryid-upper",
                                        "get-double-slash",
                                        "intoto-002-get-with-attestation"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct pl_rekor_entry e = parse(names[i]);

        if (pl_rekor_check_entry(&e, rekor, pl_str(NULL), &err) != PL_OK)
            fail_msg("%s: %s", names[i], err.text);
    }
}

static void an_entry_is_read_in_full(void **state)
{
    struct pl_rekor_entry e = parse("get-by-index");

    (void)state;
    assert_bytes(e.entry_id, PL_LIT("2c873fcf35ef6724f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997"
                                    "b97c825d46ffd3be05"));
    assert_bytes(e.uuid,
                 PL_LIT("f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be05"));
    assert_bytes(e.entry.kind, PL_LIT("dsse"));
    assert_bytes(e.entry.version, PL_LIT("0.0.1"));
    assert_int_equal(e.entry.log_index, 2);
    assert_int_equal(e.entry.proof_index, 2);
    assert_int_equal(e.entry.tree_size, 3);
    assert_int_equal(e.entry.nhashes, 1);
    assert_int_equal(e.attestation.n, 0);
    assert_true(e.entry.has_proof && e.entry.set.n >= 68 && e.entry.checkpoint.n > 100);
    e = parse("intoto-002-get-with-attestation");
    assert_true(pl_bytes_has_prefix(e.attestation, "{\"_type\":"));
}

/* What a client computes before it sends is what the log says that it took. */
static void the_logged_body_is_the_one_computed_before(void **state)
{
    static const char *const names[] = {"dsse-201", "dsse-cert-201", "hashedrekord-201",
                                        "intoto-001-201", "intoto-002-201"};
    static const struct pl_entry_opts opts = {.cache = NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct pl_rekor_entry e = parse(names[i]);
        struct pl_entry mine;
        json_t *json = NULL;

        assert_ok(pl_json_load(recorded(names[i], "request").body, PL_REQUEST_MAX, &json, &err),
                  err);
        assert_ok(pl_entry_from_json(json, &opts, &arena, &mine, &err), err);
        json_decref(json);
        assert_ok(pl_rekor_check_entry(&e, rekor, mine.body, &err), err);
        e = parse("rekord-201");
        assert_fails(pl_rekor_check_entry(&e, rekor, mine.body, &err), PL_EVERIFY, "another body",
                     err);
    }
}

static struct pl_bytes replace(struct pl_bytes in, const char *from, const char *to)
{
    char *s = pl_arena_printf(&arena, "%.*s", (int)in.n, (const char *)in.p);
    char *at = strstr(s, from);

    if (at == NULL)
        fail_msg("%s has no %s", s, from);
    return pl_str(pl_arena_printf(&arena, "%.*s%s%s", (int)(at - s), s, to, at + strlen(from)));
}

/* One thing in an answer is another: still well formed, but refused. */
static const struct {
    const char *from, *to, *part;
} lies[] = {
    {"{\"2c873fcf35ef6724", "{\"2c873fcf35ef6725", "names tree"},
    {"{\"2c873fcf35ef6724", "{\"0000000000000000", "names tree 0"},
    {"{\"2c873fcf35ef6724", "{\"zz873fcf35ef6724", "is not an entry ID"},
    {"{\"2c873fcf35ef6724", "{\"724", "is not an entry ID"},
    {"{\"2c873fcf35ef6724", "{\"a\":1,\"2c873fcf35ef6724", "exactly one member"},
    {"f04227cb5a50497e", "f04227cb5a50497f", "UUID"},
    {"\"integratedTime\":1", "\"integratedTime\":2", "signed entry timestamp"},
    {"\"logIndex\":2,\"verification\"", "\"logIndex\":1,\"verification\"",
     "signed entry timestamp"},
    {"\"logID\":\"", "\"logID\":\"00000000", "logID must be"},
    {"\"logIndex\":2,\"rootHash\"", "\"logIndex\":1,\"rootHash\"", "inclusion proof"},
    {"\"rootHash\":\"", "\"rootHash\":\"0", "rootHash must be"},
    {"\"treeSize\":3", "\"treeSize\":4", "inclusion proof"},
    {"\"hashes\":[", "\"hashes\":[\"00\",", "hashes[0] must be"},
    {"\"checkpoint\":\"log.example.com - 3", "\"checkpoint\":\"log.example.com - 4", "signature"},
    {"\"checkpoint\"", "\"chackpoint\"", "no checkpoint"},
    {"\"inclusionProof\"", "\"anclusionProof\"", "no inclusion proof"},
    {"\"signedEntryTimestamp\"", "\"s\"", "no signed entry timestamp"},
    {"\"verification\"", "\"v\"", "no signed entry timestamp"},
    {"\"body\":\"", "\"body\":\"!", "body"},
    {"\"body\":\"", "\"bady\":\"", "body is required"},
};

static void tampered_entries_are_refused(void **state)
{
    struct pl_bytes good = recorded("get-by-index", "response").body;

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct pl_rekor_entry e;
        enum pl_code rc =
            pl_rekor_parse_entry(replace(good, lies[i].from, lies[i].to), &arena, &e, &err);

        if (rc == PL_OK)
            rc = pl_rekor_check_entry(&e, rekor, pl_str(NULL), &err);
        if ((rc != PL_EVERIFY && rc != PL_EINVAL) || strstr(err.text, lies[i].part) == NULL ||
            !pl_bytes_has_prefix(pl_str(err.text), "log entry: "))
            fail_msg("%s: %s: %s", lies[i].to, pl_code_name(rc), rc == PL_OK ? "" : err.text);
    }
}

static void an_entry_under_another_logs_key_is_refused(void **state)
{
    struct pl_rekor_entry e = parse("get-by-index");
    struct pl_trusted_log other = *rekor;
    struct pl_privkey *key;

    (void)state;
    other.log_id.b[0] ^= 1;
    assert_fails(pl_rekor_check_entry(&e, &other, pl_str(NULL), &err), PL_EVERIFY, "another log",
                 err);
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    other = *rekor;
    other.key = pl_key_ref(pl_privkey_public(key));
    assert_fails(pl_rekor_check_entry(&e, &other, pl_str(NULL), &err), PL_EVERIFY,
                 "signed entry timestamp", err);
    pl_key_unref(other.key);
    pl_privkey_free(key);
    other = *rekor;
    other.end = e.entry.integrated_time - 1;
    assert_fails(pl_rekor_check_entry(&e, &other, pl_str(NULL), &err), PL_EVERIFY, "not valid",
                 err);
}

static void what_is_no_entry_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"a\":{},\"b\":{}}",
        "{\"a\":{}}",
        "<html>",
        "{\"f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be05\":1}",
        "{\"f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be05\":{}}"};
    struct pl_rekor_entry e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(pl_rekor_parse_entry(pl_str(bad[i]), &arena, &e, &err), PL_EINVAL,
                     "log entry: ", err);
}

/* ---- the rest ---- */

static void log_info_is_read(void **state)
{
    struct pl_bytes good = recorded("log-info", "response").body;
    struct pl_rekor_log_info info;
    char hex[PL_HASH_HEX_SIZE];

    (void)state;
    assert_ok(pl_rekor_parse_log_info(good, &arena, &info, &err), err);
    assert_int_equal(info.size, 13);
    assert_true(info.tree_id == UINT64_C(3208603418720429860));
    assert_string_equal(pl_hash_hex(&info.root, hex),
                        "809503ae53219ac04972834aa0b5893f23b9f98160c37eddd87b4383784dc174");
    assert_true(
        pl_bytes_has_prefix(info.checkpoint, "log.example.com - 3208603418720429860\n13\n"));
    assert_fails(pl_rekor_parse_log_info(replace(good, "\"treeID\":\"3", "\"treeID\":\"x"), &arena,
                                         &info, &err),
                 PL_EINVAL, "treeID", err);
    assert_fails(pl_rekor_parse_log_info(replace(good, "treeSize", "size"), &arena, &info, &err),
                 PL_EINVAL, "treeSize is required", err);
    assert_fails(pl_rekor_parse_log_info(replace(good, "signedTreeHead", "s"), &arena, &info, &err),
                 PL_EINVAL, "signedTreeHead", err);
}

static void error_texts_are_one_clean_line(void **state)
{
    char big[1000];
    struct pl_bytes text;

    (void)state;
    assert_bytes(pl_rekor_error_text(recorded("err-method", "response").body, &arena),
                 PL_LIT("method DELETE is not allowed, but [POST,GET] are"));
    assert_bytes(pl_rekor_error_text(recorded("err-get-uuid-unknown", "response").body, &arena),
                 PL_LIT("(empty answer)"));
    assert_bytes(pl_rekor_error_text(PL_LIT("<html>\r\nbad\x1b[31m gateway\n"), &arena),
                 PL_LIT("<html>  bad [31m gateway"));
    assert_bytes(pl_rekor_error_text(PL_LIT("{\"message\":\"a\\u001bb\\nc\"}"), &arena),
                 PL_LIT("a b c"));
    assert_bytes(pl_rekor_error_text(PL_LIT("{\"message\":5}"), &arena), PL_LIT("{\"message\":5}"));
    for (size_t i = 0; i + 1 < sizeof(big); i += 2)
        memcpy(big + i, "\xc3\xa4", 2);
    text = pl_rekor_error_text(pl_bytes(big + 1, sizeof(big) - 1), &arena);
    assert_true(text.n < sizeof(big) / 2 && text.n > 100);
    text = pl_rekor_error_text(pl_bytes(big, sizeof(big)), &arena);
    assert_true(text.n % 2 == 0 && pl_utf8_valid(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_recorded_bytes),
        cmocka_unit_test(a_search_names_all_that_is_asked_for),
        cmocka_unit_test(only_an_id_goes_into_a_path),
        cmocka_unit_test(recorded_entries_verify_under_the_logs_key),
        cmocka_unit_test(an_entry_is_read_in_full),
        cmocka_unit_test(the_logged_body_is_the_one_computed_before),
        cmocka_unit_test(tampered_entries_are_refused),
        cmocka_unit_test(an_entry_under_another_logs_key_is_refused),
        cmocka_unit_test(what_is_no_entry_is_refused),
        cmocka_unit_test(log_info_is_read),
        cmocka_unit_test(error_texts_are_one_clean_line),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
