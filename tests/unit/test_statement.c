/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement.c - in-toto statements: of real Chains, of ours, malformed ones. */
#include "core/attest/statement.h"

#include "tests/unit/test.h"

#include <stdio.h>

#include "core/attest/dsse.h"
#include "tests/lib/file.h"

#define SIGNED "tests/data/chains/signed/"

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

static struct pl_statement of_envelope(const char *name)
{
    struct pl_statement s;
    struct pl_dsse env;
    char path[256];

    snprintf(path, sizeof(path), SIGNED "%s", name);
    assert_ok(pl_dsse_parse(pl_test_file(&arena, path), &arena, &env, &err), err);
    assert_ok(pl_statement_parse(env.payload, &arena, &s, &err), err);
    return s;
}

static void statements_of_chains_are_read(void **state)
{
    struct pl_statement s = of_envelope("v0.28.1/taskrun-upload-model.slsa-v1.dsse.json");

    (void)state;
    assert_false(s.v1);
    assert_bytes(s.predicate_type, PL_LIT("https://slsa.dev/provenance/v0.2"));
    assert_int_equal(s.nsubjects, 1);
    assert_bytes(s.subjects[0].digests[0].alg, PL_LIT("sha256"));
    assert_bytes(s.subjects[0].digests[0].value,
                 PL_LIT("e1fb315f15213424e401a17bb6becab0f328e51180c7c4af94d9a761802128e7"));
    assert_true(s.nmaterials >= 1);
    s = of_envelope("v0.29.2/taskrun-upload-model.slsa-v2alpha4.dsse.json");
    assert_true(s.v1);
    assert_bytes(s.predicate_type, PL_LIT("https://slsa.dev/provenance/v1"));
    assert_int_equal(s.nsubjects, 1);
    assert_true(s.nmaterials >= 1);
    s = of_envelope("v0.29.2/taskrun-shards.slsa-v2alpha4.dsse.json");
    assert_int_equal(s.nsubjects, 64);
    s = of_envelope("v0.29.2/taskrun-failed.slsa-v2alpha4.dsse.json");
    assert_int_equal(s.nsubjects, 0);
}

static void malformed_statements_are_refused(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "the text is empty"},
        {"[]", "must be an object"},
        {"{}", "_type is required"},
        {"{\"_type\":\"https://in-toto.io/Statement/v2\"}", "_type \"https://in-toto.io/Stat"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":{}}", "subject must be an array"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":[null]}", "subject[0] must be an object"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":[{},{\"digest\":[]}]}",
         "subject[1].digest must be an object"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":[{\"digest\":{\"sha256\":null}}]}",
         "subject[0].digest.sha256 must be a string"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"predicateType\":7}", "predicateType must be"},
        {"{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":[],\"subject\":[]}", "duplicate"},
    };
    struct pl_statement s = {.nsubjects = 77};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(pl_statement_parse(pl_str(cases[i].json), &arena, &s, &err), PL_EINVAL,
                     cases[i].text, err);
    assert_int_equal(s.nsubjects, 77);
}

static void a_written_statement_is_the_worked_example(void **state)
{
    struct pl_statement_subject_in subject = {
        PL_LIT("model.bin"),
        PL_LIT("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")};
    struct pl_bytes type = PL_LIT("https://slsa.dev/provenance/v1");
    struct pl_buf b;

    (void)state;
    pl_buf_init_arena(&b, &arena, 65536);
    assert_ok(pl_statement_write(&subject, 1, type, PL_LIT("{ }"), &b, &err), err);
    assert_bytes(pl_buf_bytes(&b),
                 PL_LIT("{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":"
                        "\"model.bin\",\"digest\":{\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b1"
                        "61e5c1fa7425e73043362938b9824\"}}],\"predicateType\":\"https://slsa.dev/"
                        "provenance/v1\",\"predicate\":{}}"));
    pl_buf_reset(&b);
    assert_fails(pl_statement_write(&subject, 1, type, PL_LIT("[]"), &b, &err), PL_EINVAL,
                 "must be a JSON object", err);
    pl_buf_reset(&b);
    assert_fails(pl_statement_write(&subject, 1, type, PL_LIT("{"), &b, &err), PL_EINVAL,
                 "predicate: invalid JSON", err);
    pl_buf_reset(&b);
    subject.sha256_hex = PL_LIT("2cf2");
    assert_fails(pl_statement_write(&subject, 1, type, PL_LIT("{}"), &b, &err), PL_EINVAL,
                 "64 hex digits", err);
}

static void short_names_of_predicate_types_expand(void **state)
{
    (void)state;
    assert_bytes(pl_predicate_type_expand(PL_LIT("slsaprovenance1")),
                 PL_LIT("https://slsa.dev/provenance/v1"));
    assert_bytes(pl_predicate_type_expand(PL_LIT("slsaprovenance")),
                 PL_LIT("https://slsa.dev/provenance/v0.2"));
    assert_bytes(pl_predicate_type_expand(PL_LIT("urn:x")), PL_LIT("urn:x"));
    assert_int_equal(pl_predicate_type_expand(PL_LIT("nonsense")).n, 0);
    assert_int_equal(pl_predicate_type_expand(PL_LIT(":x")).n, 0);
    assert_int_equal(pl_predicate_type_expand(PL_LIT("1a:x")).n, 0);
    assert_int_equal(pl_predicate_type_expand(PL_LIT("a b:x")).n, 0);
    assert_int_equal(pl_predicate_type_expand(PL_LIT("")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statements_of_chains_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_statements_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_written_statement_is_the_worked_example, setup, teardown),
        cmocka_unit_test_setup_teardown(short_names_of_predicate_types_expand, setup, teardown),
    };

    return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
