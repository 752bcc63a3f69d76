/* SPDX-License-Identifier: Apache-2.0 */
/* test_logentry.c - LogEntry objects against recorded ones, byte for byte; entry ids. */
#include "server/logentry.h"

#include "core/base/enc.h"
#include "core/base/json.h"
#include "tests/lib/capture.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define CAPTURES "tests/data/captures/rekor-v1/"

/* A recorded LogEntry taken apart; views in the arena. */
struct taken {
    struct pl_arena arena;
    struct pl_v1_log log;
    struct pl_published state;
    struct pl_logentry e;
};

static struct pl_bytes text(const json_t *obj, const char *name)
{
    const json_t *value = json_object_get(obj, name);

    assert_true(json_is_string(value));
    return pl_json_text(value);
}

static void copy_hex(struct pl_bytes hex, struct pl_hash *out)
{
    assert_true(pl_hex_decode(hex, out->b, PL_HASH_SIZE));
}

static struct pl_bytes decode(struct taken *t, struct pl_bytes base64)
{
    struct pl_bytes out;
    struct pl_err err;

    assert_ok(pl_base64_decode_arena(base64, PL_BASE64_STD, "field", &t->arena, &out, &err), err);
    return out;
}

static void take_proof(struct taken *t, const json_t *proof)
{
    const json_t *hashes = json_object_get(proof, "hashes");

    t->state.note = pl_arena_dup(&t->arena, text(proof, "checkpoint"));
    t->state.size = (uint64_t)json_integer_value(json_object_get(proof, "treeSize"));
    copy_hex(text(proof, "rootHash"), &t->state.root);
    t->e.proof.n = json_array_size(hashes);
    assert_in_range(t->e.proof.n, 1, PL_PROOF_MAX);
    for (size_t i = 0; i < t->e.proof.n; i++)
        copy_hex(pl_json_text(json_array_get(hashes, i)), &t->e.proof.hash[i]);
}

static void take_apart(struct taken *t, struct pl_bytes body)
{
    json_t *root = NULL;
    struct pl_err err;

    assert_ok(pl_json_load(body, body.n, &root, &err), err);
    const char *id = json_object_iter_key(json_object_iter(root));
    assert_int_equal(strlen(id), PL_ENTRY_ID_LEN);
    memcpy(t->log.tree_id_hex, id, 16);
    copy_hex(pl_str(id + 16), &t->e.leaf);
    const json_t *entry = json_object_get(root, id);
    struct pl_bytes log_id = text(entry, "logID");
    assert_int_equal(log_id.n, PL_HASH_HEX_SIZE - 1);
    memcpy(t->log.log_id_hex, log_id.p, log_id.n);
    const json_t *attestation = json_object_get(entry, "attestation");
    if (attestation != NULL)
        t->e.attestation = pl_arena_dup(&t->arena, text(attestation, "data"));
    t->e.body = decode(t, text(entry, "body"));
    t->e.time = json_integer_value(json_object_get(entry, "integratedTime"));
    t->e.index = (uint64_t)json_integer_value(json_object_get(entry, "logIndex"));
    const json_t *verification = json_object_get(entry, "verification");
    t->e.set = decode(t, text(verification, "signedEntryTimestamp"));
    take_proof(t, json_object_get(verification, "inclusionProof"));
    t->e.log = &t->log;
    t->e.state = &t->state;
    json_decref(root);
}

static void check_recording(const char *name)
{
    struct taken t = {0};
    struct pl_buf out;
    char path[128];

    pl_arena_init(&t.arena, PL_ARENA_REQUEST_MAX);
    (void)snprintf(path, sizeof(path), CAPTURES "%s.response", name);
    struct pl_capture capture = pl_test_capture(&t.arena, path);
    take_apart(&t, capture.body);
    pl_buf_init_arena(&out, &t.arena, PL_REQUEST_MAX);
    pl_logentry_write(&t.e, &out);
    pl_buf_add_byte(&out, '\n'); /* the reply's */
    assert_true(pl_buf_ok(&out));
    assert_bytes(pl_buf_bytes(&out), capture.body);
    pl_arena_free(&t.arena);
}

static void an_entry_is_written_as_recorded(void **state)
{
    static const char *const names[] = {
        "dsse-201",         "dsse-cert-201",    "dsse-two-signatures-201",
        "dsse-ed25519-201", "hashedrekord-201", "intoto-001-201",
        "intoto-002-201",   "get-by-index",     "hashedrekord-rsa-201"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_recording(names[i]);
}

static void an_attestation_is_written_as_recorded(void **state)
{
    (void)state;
    check_recording("intoto-002-get-with-attestation");
}

static void an_entry_over_the_maximum_fails_the_buffer(void **state)
{
    struct pl_v1_log log = {.tree_id_hex = "2c873fcf35ef6724"};
    struct pl_published published = {.size = 1, .note = PL_LIT("note")};
    struct pl_logentry e = {.log = &log, .state = &published, .body = PL_LIT("body")};
    struct pl_buf out;

    (void)state;
    pl_buf_init(&out, 100);
    pl_logentry_write(&e, &out);
    assert_false(pl_buf_ok(&out));
    pl_buf_free(&out);
}

#define LEAF  "f04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be05"
#define UPPER "F04227CB5A50497EB2F81425FB7860C6D6A76E8BC0C997B97C825D46FFD3BE05"

static void an_id_is_read_in_both_lengths_and_cases(void **state)
{
    static const struct {
        const char *in;
        bool has_tree;
        uint64_t tree_id;
    } good[] = {
        {LEAF, false, 0},
        {UPPER, false, 0},
        {"2c873fcf35ef6724" LEAF, true, 3208603418720429860U},
        {"2C873FCF35EF6724" UPPER, true, 3208603418720429860U},
        {"0000000000000000" LEAF, true, 0},
        {"ffffffffffffffff" LEAF, true, UINT64_MAX},
    };
    char hex[PL_HASH_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct pl_entry_ref ref;
        assert_true(pl_entry_ref_parse(pl_str(good[i].in), &ref));
        assert_int_equal(ref.has_tree, good[i].has_tree);
        assert_true(ref.tree_id == good[i].tree_id);
        assert_string_equal(pl_hash_hex(&ref.leaf, hex), LEAF);
    }
}

static void other_texts_are_no_ids(void **state)
{
    static const char *const bad[] = {
        "",
        "f0",
        "sha256:" LEAF,
        "g04227cb5a50497eb2f81425fb7860c6d6a76e8bc0c997b97c825d46ffd3be05",
        "2c873fcf35ef672g" LEAF,
        "2c873fcf35ef67" LEAF,
        "2c873fcf35ef672400" LEAF,
        LEAF " ",
        LEAF LEAF,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pl_entry_ref ref = {.tree_id = 77};
        assert_false(pl_entry_ref_parse(pl_str(bad[i]), &ref));
        assert_true(ref.tree_id == 77); /* untouched */
    }
}

static void an_id_that_was_written_is_read_again(void **state)
{
    struct pl_v1_log log = {.tree_id = 0x100000000000000f, .tree_id_hex = "100000000000000f"};
    struct pl_entry_ref ref;
    char id[PL_ENTRY_ID_SIZE];
    struct pl_hash leaf;

    (void)state;
    pl_random(leaf.b, sizeof(leaf.b));
    assert_true(pl_entry_ref_parse(pl_str(pl_entry_id(&log, &leaf, id)), &ref));
    assert_int_equal(strlen(id), PL_ENTRY_ID_LEN);
    assert_true(ref.has_tree && ref.tree_id == log.tree_id && pl_hash_eq(&ref.leaf, &leaf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_written_as_recorded),
        cmocka_unit_test(an_attestation_is_written_as_recorded),
        cmocka_unit_test(an_entry_over_the_maximum_fails_the_buffer),
        cmocka_unit_test(an_id_is_read_in_both_lengths_and_cases),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(an_id_that_was_written_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
