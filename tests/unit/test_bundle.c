/* SPDX-License-Identifier: Apache-2.0 */
/* test_bundle.c - bundles of real clients, spoilt ones, and ours. */
#include "core/attest/bundle.h"

#include "tests/unit/test.h"

#include <glob.h>
#include <stdio.h>

#include "core/base/enc.h"
#include "tests/lib/file.h"

#define OK_DIR  "tests/data/bundles/ok/"
#define BAD_DIR "tests/data/bundles/bad/"

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

static struct pl_bundle parse_file(const char *path)
{
    struct pl_bundle b;

    if (pl_bundle_parse(pl_test_file(&arena, path), &arena, &b, &err) != PL_OK)
        fail_msg("%s: %s", path, err.text);
    return b;
}

static void assert_same_entry(const struct pl_tlog_entry *a, const struct pl_tlog_entry *b)
{
    assert_bytes(a->kind, b->kind);
    assert_bytes(a->version, b->version);
    assert_true(a->log_index == b->log_index && a->integrated_time == b->integrated_time);
    assert_true(pl_hash_eq(&a->log_id, &b->log_id));
    assert_bytes(a->set, b->set);
    assert_bytes(a->body, b->body);
    assert_int_equal(a->has_proof, b->has_proof);
    assert_true(a->proof_index == b->proof_index && a->tree_size == b->tree_size);
    assert_true(!a->has_proof || pl_hash_eq(&a->root, &b->root));
    assert_int_equal(a->nhashes, b->nhashes);
    for (size_t i = 0; i < a->nhashes; i++)
        assert_true(pl_hash_eq(&a->hashes[i], &b->hashes[i]));
    assert_bytes(a->checkpoint, b->checkpoint);
}

/* The signer: of the certificate, or the key of that hint among the test keys. */
static const struct pl_verifier *signer(const struct pl_bundle *b)
{
    const struct pl_verifier *v = NULL;
    glob_t found;

    if (b->ncerts != 0) {
        assert_ok(pl_verifier_from_cert_der(b->certs[0], &v, &err), err);
        return v;
    }
    assert_int_equal(glob("tests/data/bundles/keys/*.pub", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct pl_bytes pem = pl_test_file(&arena, found.gl_pathv[i]);

        assert_ok(pl_verifier_load(NULL, pem, &v, &err), err);
        if (pl_bytes_eq(b->public_key_hint,
                        pl_base64_arena(pl_hash_bytes(pl_key_id(v->key)), &arena)))
            break;
        pl_verifier_unref(v);
        v = NULL;
    }
    globfree(&found);
    return v;
}

/* Writes it anew with its first entry and reads that: nothing may change. */
static void check_round_trip(const char *path, const struct pl_bundle *b)
{
    const struct pl_verifier *v = signer(b);
    struct pl_bundle again;
    struct pl_buf out;

    if (v == NULL)
        return; /* a hint of another form (model-signing's) */
    pl_buf_init_arena(&out, &arena, PL_REQUEST_MAX);
    if (b->is_dsse)
        assert_ok(pl_bundle_write_dsse(b->dsse_envelope, v, &b->entries[0], &out, &err), err);
    else
        assert_ok(pl_bundle_write_message(b->digest_alg, b->digest, b->signature, v, &b->entries[0],
                                          &out, &err),
                  err);
    if (pl_bundle_parse(pl_buf_bytes(&out), &arena, &again, &err) != PL_OK)
        fail_msg("%s, written: %s", path, err.text);
    assert_bytes(again.media_type, PL_LIT(PL_BUNDLE_V03));
    assert_int_equal(again.nentries, 1);
    assert_same_entry(&again.entries[0], &b->entries[0]);
    assert_int_equal(again.ncerts, b->ncerts != 0);
    if (b->ncerts != 0)
        assert_bytes(again.certs[0], b->certs[0]);
    assert_bytes(again.public_key_hint, b->public_key_hint);
    assert_bytes(again.dsse_envelope, b->dsse_envelope);
    assert_bytes(again.digest, b->digest);
    assert_bytes(again.signature, b->signature);
    pl_verifier_unref(v);
}

static void bundles_of_real_clients_are_read_and_written(void **state)
{
    size_t dsse = 0, message = 0, written = 0;
    glob_t found;

    (void)state;
    assert_int_equal(glob(OK_DIR "*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct pl_bundle b = parse_file(found.gl_pathv[i]);

        assert_int_equal(b.has_public_key, b.ncerts == 0);
        if (b.is_dsse) {
            dsse++;
            assert_int_equal(b.dsse.nsigs, 1);
            assert_true(b.dsse.payload.n > 100 && b.dsse_envelope.n > b.dsse.payload.n);
            assert_int_equal(b.signature.n, 0);
        } else {
            message++;
            assert_int_equal(b.digest.n, 32);
            assert_true(b.signature.n >= 64);
        }
        if (b.nentries != 0) {
            written++;
            check_round_trip(found.gl_pathv[i], &b);
        }
    }
    globfree(&found);
    assert_int_equal(dsse, 14);
    assert_int_equal(message, 7);
    assert_int_equal(written, 18);
}

static void members_have_the_file_s_values(void **state)
{
    struct pl_bundle b = parse_file(OK_DIR "dsse-key-v1.json");
    char hex[PL_HASH_HEX_SIZE];

    (void)state;
    assert_bytes(b.public_key_hint, PL_LIT("sEv0QkFAExYLeDw3IzIr8/Lwy0Z/P5MXDoMW1dgTVU4="));
    assert_int_equal(b.entries[0].log_index, 143);
    assert_int_equal(b.entries[0].integrated_time, 1795473095);
    assert_int_equal(b.entries[0].tree_size, 144);
    assert_int_equal(b.entries[0].nhashes, 5);
    assert_string_equal(pl_hash_hex(&b.entries[0].hashes[0], hex),
                        "17c1c7b7a269c0c9648ad691f02d7ca7c8281897adf10b2fe7a181e35de568e4");
    assert_true(
        pl_bytes_has_prefix(b.entries[0].body, "{\"apiVersion\":\"0.0.1\",\"kind\":\"dsse\""));
    assert_true(
        pl_bytes_has_prefix(b.entries[0].checkpoint, "127.0.0.1 - 5405992853985884633\n144\n"));
    assert_int_equal(b.ntimestamps, 1);
    assert_bytes(b.entries[0].kind, PL_LIT("dsse"));
    /* protobuf JSON leaves zeros out */
    b = parse_file(OK_DIR "dsse-key-v1-index0.json");
    assert_int_equal(b.entries[0].log_index, 0);
    assert_int_equal(b.entries[0].proof_index, 0);
    b = parse_file(OK_DIR "dsse-id-v1-bundle01-noproof.json");
    assert_false(b.entries[0].has_proof);
    assert_true(b.entries[0].set.n > 60);
    assert_true(b.ncerts >= 1);
}

static void the_envelope_s_signature_verifies(void **state)
{
    struct pl_bundle b = parse_file(OK_DIR "dsse-key-v1.json");
    const struct pl_verifier *v = signer(&b);
    size_t which = 9;

    (void)state;
    assert_non_null(v);
    assert_ok(pl_dsse_verify_key(&b.dsse, v->key, &arena, &which, &err), err);
    assert_int_equal(which, 0);
    pl_verifier_unref(v);
}

/* @text with the first @from replaced; "" stands for nothing to replace. */
static struct pl_bytes edit(struct pl_bytes text, const char *from, const char *to)
{
    const char *at = strstr((const char *)text.p, from);
    struct pl_buf b;

    if (at == NULL)
        fail_msg("the bundle has no %s", from);
    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    pl_buf_add(&b, text.p, (size_t)(at - (const char *)text.p));
    pl_buf_add_str(&b, to);
    pl_buf_add_str(&b, at + strlen(from));
    pl_buf_add_byte(&b, 0);
    b.n--;
    return pl_buf_bytes(&b);
}

static void other_spellings_of_protobuf_json_are_read(void **state)
{
    static const char *const edits[][2] = {
        {"\"mediaType\"", "\"media_type\""},
        {"\"tlogEntries\"", "\"tlog_entries\""},
        {"\"logIndex\":\"143\"", "\"log_index\":143"},
        {"\"logId\":{\"keyId\":\"lp4i816P9adlYnyvJLxSKCXT8T9Amp0cc2ECWFR6VB0=\"}",
         "\"log_id\":{\"key_id\":\"lp4i816P9adlYnyvJLxSKCXT8T9Amp0cc2ECWFR6VB0\"}"},
        {"\"treeSize\":\"144\"", "\"tree_size\":144,\"x\":null"},
        {"44/+C9anKwWAu0ZVSfxThYeTyAIhAJKfc+w+7pl64zyhouOk2q3RU4uIOXh3f/szU6XwXKPo",
         "44_-C9anKwWAu0ZVSfxThYeTyAIhAJKfc-w-7pl64zyhouOk2q3RU4uIOXh3f_szU6XwXKPo"},
        {"\"dsseEnvelope\"", "\"messageSignature\":null,\"dsse_envelope\""},
    };
    struct pl_bundle want = parse_file(OK_DIR "dsse-key-v1.json"), got;
    struct pl_bytes text = pl_test_file(&arena, OK_DIR "dsse-key-v1.json");

    (void)state;
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
        text = edit(text, edits[i][0], edits[i][1]);
    assert_ok(pl_bundle_parse(text, &arena, &got, &err), err);
    assert_same_entry(&got.entries[0], &want.entries[0]);
    assert_bytes(got.dsse_envelope, want.dsse_envelope);
}

static void a_digest_algorithm_may_be_a_number(void **state)
{
    struct pl_bytes text = pl_test_file(&arena, OK_DIR "msg-key-v1.json");
    struct pl_bundle b;

    (void)state;
    assert_ok(pl_bundle_parse(edit(text, "\"SHA2_256\"", "1"), &arena, &b, &err), err);
    assert_int_equal(b.digest_alg, PL_SHA256);
    assert_fails(pl_bundle_parse(edit(text, "\"SHA2_256\"", "2"), &arena, &b, &err), PL_EINVAL,
                 "digest has 32 bytes, a sha384 has 48", err);
    assert_fails(pl_bundle_parse(edit(text, "\"SHA2_256\"", "4"), &arena, &b, &err), PL_EINVAL,
                 "algorithm must be one of", err);
}

static void spoilt_bundles_are_refused_by_name(void **state)
{
    static const struct {
        const char *file, *text;
    } files[] = {
        {"dsse-key-v1__dsse-signature-count.json", "exactly one signature in a bundle, it holds 2"},
        {"msg-key-v1__json-duplicate-members.json", "duplicate"},
        {"msg-key-v1__json-trailing-data.json", "end of file expected"},
        {"msg-key-v1__media-type-unknown.json", "mediaType \""},
        {"msg-id-v2__two-materials.json", "exactly one of publicKey"},
    };
    static const struct {
        const char *from, *to, *text;
    } edits[] = {
        {"\"publicKey\"", "\"x\"", "exactly one of publicKey, x509CertificateChain"},
        {"\"dsseEnvelope\"", "\"x\"", "it holds neither"},
        {"\"dsseEnvelope\"", "\"messageSignature\":{},\"dsseEnvelope\"", "it holds both"},
        {"\"verificationMaterial\"", "\"x\"", "verificationMaterial is required"},
        {"\"mediaType\"", "\"media_type\":\"\",\"mediaType\"", "which are one member"},
        {"\"logIndex\":\"143\"", "\"logIndex\":\"-1\"", "logIndex must be a non-negative integer"},
        {"\"logIndex\":\"143\"", "\"logIndex\":1.5", "logIndex must be a non-negative integer"},
        {"\"integratedTime\":\"1795473095\"", "\"integratedTime\":\"9223372036854775808\"",
         "integratedTime is out of range"},
        {"\"keyId\":\"lp4i", "\"keyId\":\"", "keyId must have 32 bytes, it has 29"},
        {"\"F8HHt6Jp", "null,\"F8HHt6Jp", "inclusionProof.hashes[0] must be base64 of 32 bytes"},
        {"\"F8HHt6Jp", "\"F8HH+_Jp", "hashes[0] mixes both base64 alphabets"},
        {"\"F8HHt6Jp", "\"F8HHt6!p", "hashes[0] is not valid base64"},
        {"\"canonicalizedBody\"", "\"x\"", "tlogEntries[0].canonicalizedBody is required"},
        {"\"kindVersion\"", "\"x\"", "tlogEntries[0].kindVersion is required"},
        {"\"tlogEntries\":[", "\"tlogEntries\":[null,", "tlogEntries[0] must be an object"},
        {"\"tlogEntries\":[", "\"tlogEntries\":{},\"x\":[", "tlogEntries must be an array"},
        {"\"sig\":\"", "\"sig\":\"\",\"x\":\"", "signatures[0].sig is required"},
        {"\"payloadType\":\"", "\"payloadType\":\"\",\"x\":\"", "payloadType is empty"},
    };
    struct pl_bytes text = pl_test_file(&arena, OK_DIR "dsse-key-v1.json");
    struct pl_bundle b = {.nentries = 77};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[256];

        snprintf(path, sizeof(path), BAD_DIR "%s", files[i].file);
        assert_fails(pl_bundle_parse(pl_test_file(&arena, path), &arena, &b, &err), PL_EINVAL,
                     files[i].text, err);
    }
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
        assert_fails(pl_bundle_parse(edit(text, edits[i].from, edits[i].to), &arena, &b, &err),
                     PL_EINVAL, edits[i].text, err);
    assert_int_equal(b.nentries, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bundles_of_real_clients_are_read_and_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(members_have_the_file_s_values, setup, teardown),
        cmocka_unit_test_setup_teardown(the_envelope_s_signature_verifies, setup, teardown),
        cmocka_unit_test_setup_teardown(other_spellings_of_protobuf_json_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_digest_algorithm_may_be_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(spoilt_bundles_are_refused_by_name, setup, teardown),
    };

    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
