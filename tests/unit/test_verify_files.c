/* SPDX-License-Identifier: Apache-2.0 */
/* test_verify_files.c - bundles that real clients made by a key, and copies spoilt in one thing. */
#include "core/verify/verify.h"

#include "tests/unit/test.h"

#include <glob.h>
#include <stdio.h>

#include "client/rekor.h"
#include "core/base/enc.h"
#include "tests/lib/capture.h"
#include "tests/lib/file.h"

#define DIR   "tests/data/bundles/"
#define MODEL "b6e827b4974e213a0f774cab00fc952ae90833d112818188b445c1426ca7a34b"
#define EMPTY "f21da4dfbc3afe1dda1fa14b0ab5796cadae14705ec291ef1f097cc40aa86cf9"
#define SLSA  "https://slsa.dev/provenance/v1"

static struct pl_arena arena;
static struct pl_trusted_root root;
static struct pl_err err;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    return pl_trusted_root_parse(pl_test_file(&arena, DIR "trusted_root.json"), &root, &err) ==
                   PL_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    pl_trusted_root_free(&root);
    pl_arena_free(&arena);
    return 0;
}

struct file_case {
    const char *file, *key, *sha256, *type;
    enum pl_check want; /* PL_CHECK_COUNT: verified */
    const char *part;   /* of the refusal */
};

static enum pl_code verify(const struct file_case *c, struct pl_verify_report *report)
{
    const struct pl_verifier *key = NULL;
    struct pl_bundle bundle;
    struct pl_verify_in in = {.bundle = &bundle, .root = &root};
    char path[200];
    enum pl_code rc;

    (void)snprintf(path, sizeof(path), DIR "%s", c->file);
    assert_ok(pl_bundle_parse(pl_test_file(&arena, path), &arena, &bundle, &err), err);
    (void)snprintf(path, sizeof(path), DIR "keys/%s", c->key);
    assert_ok(pl_verifier_load(NULL, pl_test_file(&arena, path), &key, &err), err);
    in.key = key;
    in.predicate_type = pl_str(c->type);
    assert_true(pl_hex_decode(pl_str(c->sha256), in.artifact_sha256.b, PL_HASH_SIZE));
    rc = pl_verify_bundle(&in, &arena, report, &err);
    pl_verifier_unref(key);
    return rc;
}

static void check_case(const struct file_case *c)
{
    struct pl_verify_report report;
    enum pl_code rc = verify(c, &report);

    if (c->want == PL_CHECK_COUNT) {
        if (rc != PL_OK)
            fail_msg("%s: %s: %s", c->file, pl_check_name(report.failed), err.text);
        return;
    }
    if (rc != PL_EVERIFY && rc != PL_EINVAL)
        fail_msg("%s: %s", c->file, pl_code_name(rc));
    if (report.failed != c->want || strstr(err.text, c->part) == NULL)
        fail_msg("%s: failed at %s: %s", c->file, pl_check_name(report.failed), err.text);
    assert_true(report.tree_size == 0 && report.integrated_time == 0 && report.origin.n == 0);
}

static const struct file_case good[] = {
    {"ok/msg-key-v1.json", "cosign.pub", MODEL, NULL, PL_CHECK_COUNT, NULL},
    {"ok/dsse-key-v1.json", "cosign.pub", MODEL, SLSA, PL_CHECK_COUNT, NULL},
    {"ok/dsse-key-v1-index0.json", "index0.pub", EMPTY, SLSA, PL_CHECK_COUNT, NULL},
    {"ok/dsse-key-v1-js.json", "p256.pub", MODEL, SLSA, PL_CHECK_COUNT, NULL},
    {"ok/dsse-rsa-v1.json", "rsa2048.pub", MODEL, SLSA, PL_CHECK_COUNT, NULL},
    {"ok/built-msg-key-v1.json", "p256.pub", MODEL, NULL, PL_CHECK_COUNT, NULL},
    {"ok/built-dsse-key-v1.json", "p256.pub", MODEL, SLSA, PL_CHECK_COUNT, NULL},
    {"ok/built-dsse-key-v1-two-subjects.json", "p256.pub", MODEL, SLSA, PL_CHECK_COUNT, NULL},
};

static void bundles_of_real_clients_verify(void **state)
{
    struct pl_verify_report report;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        check_case(&good[i]);
    assert_ok(verify(&good[1], &report), err);
    assert_bytes(report.predicate_type, PL_LIT(SLSA));
    assert_bytes(report.origin, PL_LIT("127.0.0.1 - 5405992853985884633"));
    assert_int_equal(report.tree_size, 144);
    assert_int_equal(report.log_index, 143);
}

static void none_of_them_is_about_another_artifact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct file_case c = good[i];

        c.sha256 = strcmp(c.sha256, MODEL) == 0 ? EMPTY : MODEL;
        c.want = PL_CHECK_ARTIFACT;
        c.part = "sha256:";
        check_case(&c);
    }
}

static void none_of_them_is_by_another_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct file_case c = good[i];

        c.key = "p384.pub";
        c.want = PL_CHECK_KEY;
        c.part = "not the expected one";
        check_case(&c);
    }
}

#define MSG(name)  "refused/msg-key-v1__" name ".json", "p256.pub", MODEL, NULL
#define DSSE(name) "refused/dsse-key-v1__" name ".json", "p256.pub", MODEL, SLSA

static const struct file_case bad[] = {
    {MSG("signature-invalid"), PL_CHECK_BODY, "another signature"},
    {MSG("message-digest-hint-mismatch"), PL_CHECK_BODY, "spec.data.hash"},
    {MSG("set-swapped"), PL_CHECK_SET, "signed entry timestamp"},
    {MSG("body-of-other-entry"), PL_CHECK_BODY, "body"},
    {MSG("entry-kind-unknown"), PL_CHECK_BODY, "the bundle says rekord"},
    {MSG("proof-index"), PL_CHECK_INCLUSION, "inclusion proof"},
    {MSG("proof-root-hash"), PL_CHECK_INCLUSION, "inclusion proof"},
    {DSSE("payload-tampered"), PL_CHECK_BODY, "payloadHash"},
    {DSSE("payload-type-tampered"), PL_CHECK_BUNDLE, "payloadType"},
    {DSSE("payload-type-not-in-toto"), PL_CHECK_BUNDLE, "payloadType"},
    {DSSE("payload-duplicate-members"), PL_CHECK_PREDICATE_TYPE, "duplicate"},
    {DSSE("predicate-type-mismatch"), PL_CHECK_PREDICATE_TYPE, SLSA},
    {DSSE("subject-digest-mismatch"), PL_CHECK_ARTIFACT, "subjects"},
    {DSSE("body-tampered"), PL_CHECK_SET, "signed entry timestamp"},
    {"refused/msg-key-v1__key-mismatch.json", "cosign.pub", MODEL, NULL, PL_CHECK_KEY,
     "not the expected one"},
    {"refused/msg-id-v1__material-kind-mismatch.json", "p256.pub", MODEL, NULL, PL_CHECK_KEY,
     "certificate"},
    {"refused/msg-key-v2__log-unknown.json", "p256.pub", MODEL, NULL, PL_CHECK_LOG_UNKNOWN,
     "trusted log"},
    {"refused/msg-key-v2__log-entry-missing.json", "p256.pub", MODEL, NULL, PL_CHECK_LOG_UNKNOWN,
     "no log entry"},
    /* Well-made bundles of what this build does not check: refused all the same. */
    {"ok/msg-key-v2.json", "cosign.pub", MODEL, NULL, PL_CHECK_SET, "no signed entry timestamp"},
    {"ok/msg-id-nolog.json", "cosign.pub", MODEL, NULL, PL_CHECK_KEY, "certificate"},
};

static void spoilt_copies_are_refused_by_the_check_that_they_spoil(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_case(&bad[i]);
}

static void every_refused_file_has_a_case(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(DIR "refused/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        bool seen = false;

        for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
            seen = seen || strcmp(found.gl_pathv[i] + strlen(DIR), bad[j].file) == 0;
        if (!seen)
            fail_msg("%s is not looked at", found.gl_pathv[i]);
    }
    globfree(&found);
}

/*
 * An entry by a certificate, in a bundle that says "a bare key", for someone who trusts that very
 * key: signature and payload agree, but the log was told something else.
 */
static void a_logged_certificate_is_not_a_bare_key(void **state)
{
    static const char dir[] = "tests/data/captures/rekor-v1/";
    struct pl_capture sent, got;
    struct pl_trusted_root recorded;
    const struct pl_verifier *with_cert, *bare;
    struct pl_verify_report report;
    struct pl_rekor_entry logged;
    struct pl_bundle bundle;
    struct pl_verify_in in = {.bundle = &bundle, .root = &recorded};
    struct pl_bytes envelope, pem;
    json_t *json, *content;
    struct pl_key *key;
    struct pl_buf out;

    (void)state;
    sent = pl_test_capture(&arena, pl_arena_printf(&arena, "%sdsse-cert-201.request", dir));
    got = pl_test_capture(&arena, pl_arena_printf(&arena, "%sdsse-cert-201.response", dir));
    pem = pl_test_file(&arena, pl_arena_printf(&arena, "%slog-public-key.pem", dir));
    assert_ok(pl_key_from_pem(pem, &key, &err), err);
    assert_ok(pl_trusted_root_from_key(key, &recorded, &err), err);
    assert_ok(pl_rekor_parse_entry(got.body, &arena, &logged, &err), err);
    assert_ok(pl_json_load(sent.body, PL_REQUEST_MAX, &json, &err), err);
    content = json_object_get(json_object_get(json, "spec"), "proposedContent");
    envelope = pl_json_text(json_object_get(content, "envelope"));
    assert_ok(pl_base64_decode_arena(
                  pl_json_text(json_array_get(json_object_get(content, "verifiers"), 0)),
                  PL_BASE64_STD, "verifier", &arena, &pem, &err),
              err);
    assert_ok(pl_verifier_load(NULL, pem, &with_cert, &err), err);
    assert_ok(pl_verifier_from_spki(pl_key_spki(with_cert->key), &bare, &err), err);
    pl_buf_init_arena(&out, &arena, PL_REQUEST_MAX);
    assert_ok(pl_bundle_write_dsse(envelope, bare, &logged.entry, &out, &err), err);
    assert_ok(pl_bundle_parse(pl_buf_bytes(&out), &arena, &bundle, &err), err);
    in.key = bare;
    assert_fails(pl_verify_bundle(&in, &arena, &report, &err), PL_EVERIFY, "is a certificate", err);
    assert_int_equal(report.failed, PL_CHECK_BODY);
    json_decref(json);
    pl_verifier_unref(with_cert);
    pl_verifier_unref(bare);
    pl_trusted_root_free(&recorded);
    pl_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundles_of_real_clients_verify),
        cmocka_unit_test(none_of_them_is_about_another_artifact),
        cmocka_unit_test(none_of_them_is_by_another_key),
        cmocka_unit_test(spoilt_copies_are_refused_by_the_check_that_they_spoil),
        cmocka_unit_test(every_refused_file_has_a_case),
        cmocka_unit_test(a_logged_certificate_is_not_a_bare_key),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
