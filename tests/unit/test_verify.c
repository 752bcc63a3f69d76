/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_verify.c - a log and bundles made here; then one thing at a time is wrong, and everything
 * that depends on it is made anew with the right keys, so that nothing else can be the reason.
 */
#include "core/verify/verify.h"

#include "tests/unit/test.h"

#include "core/attest/entry.h"
#include "core/base/enc.h"
#include "core/tlog/checkpoint.h"
#include "core/tlog/merkle.h"

#define HOST   "log.example.com"
#define TREE   UINT64_C(1234567890123456789)
#define SIZE   5
#define AT     3
#define LOGGED INT64_C(1767225601)
#define SLSA   "https://slsa.dev/provenance/v1"

static struct pl_err err;
static struct pl_arena arena; /* of one test */
static struct pl_privkey *log_key, *signer_key, *other_key;
static const struct pl_verifier *signer, *other;
static struct pl_trusted_root root;

/* A bundle and what it is checked against; a test changes what it likes. */
struct made {
    struct pl_bundle bundle;
    struct pl_tlog_entry *entry; /* the bundle's only one */
    struct pl_verify_in in;
};

static int make_keys(void **state)
{
    (void)state;
    if (pl_privkey_generate(PL_KEY_P256, &log_key, &err) != PL_OK ||
        pl_privkey_generate(PL_KEY_P256, &signer_key, &err) != PL_OK ||
        pl_privkey_generate(PL_KEY_P256, &other_key, &err) != PL_OK ||
        pl_verifier_from_spki(pl_key_spki(pl_privkey_public(signer_key)), &signer, &err) != PL_OK ||
        pl_verifier_from_spki(pl_key_spki(pl_privkey_public(other_key)), &other, &err) != PL_OK)
        return -1;
    return pl_trusted_root_from_key(pl_privkey_public(log_key), &root, &err) == PL_OK ? 0 : -1;
}

static int drop_keys(void **state)
{
    (void)state;
    pl_trusted_root_free(&root);
    pl_verifier_unref(signer);
    pl_verifier_unref(other);
    pl_privkey_free(log_key);
    pl_privkey_free(signer_key);
    pl_privkey_free(other_key);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    root.logs[0].start = LOGGED - 10;
    root.logs[0].end = LOGGED + 10;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

/* ---- a log in one function each ---- */

static void sign_set(struct pl_tlog_entry *e)
{
    uint8_t *sig = pl_arena_alloc(&arena, PL_SIG_MAX);
    struct pl_buf message;

    pl_buf_init_arena(&message, &arena, PL_REQUEST_MAX);
    pl_set_message(e->body, e->integrated_time, &e->log_id, e->log_index, &message);
    assert_ok(pl_sig_sign(log_key, PL_SHA256, pl_buf_bytes(&message), sig, &e->set.n, &err), err);
    e->set.p = sig;
}

static void sign_checkpoint_of(struct pl_tlog_entry *e, const struct pl_privkey *key, uint64_t tree,
                               uint64_t size, const struct pl_hash *tree_root)
{
    struct pl_buf note;

    pl_buf_init_arena(&note, &arena, PL_CHECKPOINT_MAX);
    assert_ok(pl_checkpoint_sign_v1(PL_LIT(HOST), tree, size, tree_root, key, &note, &err), err);
    e->checkpoint = pl_buf_bytes(&note);
}

static void sign_checkpoint(struct pl_tlog_entry *e, const struct pl_privkey *key, uint64_t size,
                            const struct pl_hash *tree_root)
{
    sign_checkpoint_of(e, key, TREE, size, tree_root);
}

/* Puts e->body into a tree: proof, checkpoint and SET. */
static void seal(struct pl_tlog_entry *e)
{
    struct pl_hash *proof = pl_arena_array(&arena, 3, sizeof(*proof));
    struct pl_hash leaf, node;

    /* Leaf 3 of 5: its neighbour, then the node of 0 and 1, then leaf 4. */
    pl_leaf_hash(PL_LIT("2"), &proof[0]);
    pl_leaf_hash(PL_LIT("0"), &node);
    pl_leaf_hash(PL_LIT("1"), &leaf);
    pl_node_hash(&node, &leaf, &proof[1]);
    pl_leaf_hash(PL_LIT("4"), &proof[2]);
    pl_leaf_hash(e->body, &leaf);
    pl_node_hash(&proof[0], &leaf, &node);
    pl_node_hash(&proof[1], &node, &node);
    pl_node_hash(&node, &proof[2], &e->root);
    e->has_proof = true;
    e->proof_index = AT;
    e->tree_size = SIZE;
    e->hashes = proof;
    e->nhashes = 3;
    sign_checkpoint(e, log_key, SIZE, &e->root);
    sign_set(e);
}

static void log_proposal(struct pl_bytes proposal, struct pl_tlog_entry *e)
{
    static const struct pl_entry_opts opts = {.cache = NULL};
    struct pl_entry entry;
    json_t *json = NULL;

    assert_ok(pl_json_load(proposal, PL_REQUEST_MAX, &json, &err), err);
    assert_ok(pl_entry_from_json(json, &opts, &arena, &entry, &err), err);
    json_decref(json);
    *e = (struct pl_tlog_entry){.kind = pl_str(pl_kind_name(entry.kind)),
                                .version = pl_str(pl_kind_version(entry.kind)),
                                .log_index = AT + 100, /* of a log with older trees */
                                .log_id = *pl_key_id(pl_privkey_public(log_key)),
                                .integrated_time = LOGGED,
                                .body = entry.body};
    seal(e);
}

/* ---- bundles ---- */

static struct pl_bytes text(const struct pl_buf *b)
{
    assert_true(pl_buf_ok(b));
    return pl_buf_bytes(b);
}

static void read_back(struct pl_bytes json, struct made *m)
{
    assert_ok(pl_bundle_parse(json, &arena, &m->bundle, &err), err);
    m->entry = &m->bundle.entries[0];
    m->in = (struct pl_verify_in){.bundle = &m->bundle, .root = &root, .key = signer};
    pl_sha256(PL_LIT("model"), &m->in.artifact_sha256);
}

static struct pl_bytes envelope_of(struct pl_bytes payload, const struct pl_privkey *key)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    assert_ok(pl_dsse_sign(PL_LIT(PL_PAYLOAD_TYPE_INTOTO), payload, key, &b, &err), err);
    return text(&b);
}

static struct pl_bytes statement_about(const char *artifact, const char *type)
{
    struct pl_statement_subject_in subject = {.name = PL_LIT("model.bin")};
    char hex[PL_HASH_HEX_SIZE];
    struct pl_hash digest;
    struct pl_buf b;

    pl_sha256(pl_str(artifact), &digest);
    subject.sha256_hex = pl_str(pl_hash_hex(&digest, hex));
    pl_buf_init_arena(&b, &arena, PL_REQUEST_MAX);
    assert_ok(pl_statement_write(&subject, 1, pl_str(type), PL_LIT("{}"), &b, &err), err);
    return text(&b);
}

static void make_payload(struct pl_bytes payload, struct made *m)
{
    struct pl_bytes envelope = envelope_of(payload, signer_key);
    struct pl_buf proposal, out;
    struct pl_tlog_entry e;

    pl_buf_init_arena(&proposal, &arena, PL_REQUEST_MAX);
    pl_proposal_dsse(envelope, signer->pem, &proposal);
    log_proposal(text(&proposal), &e);
    pl_buf_init_arena(&out, &arena, PL_REQUEST_MAX);
    assert_ok(pl_bundle_write_dsse(envelope, signer, &e, &out, &err), err);
    read_back(text(&out), m);
}

static void make_dsse(struct made *m)
{
    make_payload(statement_about("model", SLSA), m);
    m->in.predicate_type = PL_LIT(SLSA);
}

/* @key signs "model" by its @alg; the bundle is about that digest. */
static void make_message_by(const struct pl_privkey *key, enum pl_hashalg alg, struct made *m)
{
    struct pl_bytes artifact = PL_LIT("model"), sig, digest;
    uint8_t raw[PL_DIGEST_MAX], *sig_raw = pl_arena_alloc(&arena, PL_SIG_MAX);
    char hex[2 * PL_DIGEST_MAX + 1];
    const struct pl_verifier *v;
    struct pl_buf proposal, out;
    struct pl_tlog_entry e;
    size_t n;

    assert_ok(pl_verifier_from_spki(pl_key_spki(pl_privkey_public(key)), &v, &err), err);
    assert_ok(pl_digest(alg, artifact, raw, &err), err);
    digest = pl_bytes(raw, pl_hashalg_size(alg));
    pl_hex_encode(digest, hex);
    assert_ok(pl_sig_sign(key, alg, artifact, sig_raw, &n, &err), err);
    sig = pl_bytes(sig_raw, n);
    pl_buf_init_arena(&proposal, &arena, PL_REQUEST_MAX);
    pl_proposal_hashedrekord(pl_hashalg_name(alg), pl_str(hex), sig, v->pem, &proposal);
    log_proposal(text(&proposal), &e);
    pl_buf_init_arena(&out, &arena, PL_REQUEST_MAX);
    assert_ok(pl_bundle_write_message(alg, digest, sig, v, &e, &out, &err), err);
    pl_verifier_unref(v);
    read_back(text(&out), m);
}

static void make_message(struct made *m)
{
    make_message_by(signer_key, PL_SHA256, m);
}

/* ---- verdicts ---- */

static void assert_verifies(const struct made *m)
{
    struct pl_verify_report report;

    if (pl_verify_bundle(&m->in, &arena, &report, &err) != PL_OK)
        fail_msg("%s: %s", pl_check_name(report.failed), err.text);
}

static void assert_refused(const struct made *m, enum pl_check want, const char *part)
{
    struct pl_verify_report report;
    enum pl_code rc = pl_verify_bundle(&m->in, &arena, &report, &err);

    assert_true(rc == PL_EVERIFY || rc == PL_EINVAL);
    if (report.failed != want || strstr(err.text, part) == NULL)
        fail_msg("got %s: %s; want %s: %s", pl_check_name(report.failed), err.text,
                 pl_check_name(want), part);
}

/* A copy with one bit of its byte @at flipped. */
static struct pl_bytes flip(struct pl_bytes in, size_t at)
{
    uint8_t *p = pl_arena_alloc(&arena, in.n + 1);

    memcpy(p, in.p, in.n);
    p[at] ^= 1;
    return pl_bytes(p, in.n);
}

static struct pl_bytes replace(struct pl_bytes in, const char *from, const char *to)
{
    char *s = pl_arena_printf(&arena, "%.*s", (int)in.n, (const char *)in.p);
    char *at = strstr(s, from);

    if (at == NULL)
        fail_msg("%s has no %s", s, from);
    return pl_str(pl_arena_printf(&arena, "%.*s%s%s", (int)(at - s), s, to, at + strlen(from)));
}

static void good_bundles_verify_and_are_reported(void **state)
{
    struct pl_verify_report report;
    struct made m;

    (void)state;
    make_message(&m);
    assert_verifies(&m);
    make_dsse(&m);
    assert_ok(pl_verify_bundle(&m.in, &arena, &report, &err), err);
    assert_int_equal(report.log_index, AT + 100);
    assert_int_equal(report.tree_size, SIZE);
    assert_int_equal(report.integrated_time, LOGGED);
    assert_bytes(report.origin, PL_LIT(HOST " - 1234567890123456789"));
    assert_bytes(report.subject_name, PL_LIT("model.bin"));
    assert_bytes(report.predicate_type, PL_LIT(SLSA));
    m.in.predicate_type = pl_str(NULL);
    assert_verifies(&m);
}

static void the_form_is_checked(void **state)
{
    struct pl_tlog_entry twice[2];
    struct pl_dsse_sig sigs[2];
    struct made m;

    (void)state;
    make_dsse(&m);
    sigs[0] = sigs[1] = m.bundle.dsse.sigs[0];
    m.bundle.dsse.sigs = sigs;
    m.bundle.dsse.nsigs = 2;
    assert_refused(&m, PL_CHECK_BUNDLE, "2 signatures");
    make_dsse(&m);
    m.bundle.dsse.payload_type = PL_LIT("application/json");
    assert_refused(&m, PL_CHECK_BUNDLE, "payloadType");
    make_dsse(&m);
    twice[0] = twice[1] = *m.entry;
    m.bundle.entries = twice;
    m.bundle.nentries = 2;
    assert_refused(&m, PL_CHECK_BUNDLE, "same entry");
}

static void the_key_is_the_expected_one(void **state)
{
    static struct pl_bytes cert = {(const uint8_t *)"x", 1};
    struct made m;

    (void)state;
    make_dsse(&m);
    m.in.key = other;
    assert_refused(&m, PL_CHECK_KEY, "not the expected one");
    m.bundle.public_key_hint = pl_str(NULL); /* what is not said cannot help either */
    assert_refused(&m, PL_CHECK_BODY, "another key");
    m.bundle.public_key_hint = PL_LIT("my key");
    assert_refused(&m, PL_CHECK_BODY, "another key");
    m.in.key = signer;
    assert_verifies(&m);
    m.bundle.certs = &cert;
    m.bundle.ncerts = 1;
    m.bundle.has_public_key = false;
    assert_refused(&m, PL_CHECK_KEY, "certificate");
}

static void an_entry_of_a_trusted_log_is_needed(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    m.entry->log_id.b[0] ^= 1;
    sign_set(m.entry);
    assert_refused(&m, PL_CHECK_LOG_UNKNOWN, "trusted log");
    m.bundle.nentries = 0;
    assert_refused(&m, PL_CHECK_LOG_UNKNOWN, "no log entry");
}

static void the_set_covers_body_time_and_index(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    m.entry->set = flip(m.entry->set, m.entry->set.n - 1);
    assert_refused(&m, PL_CHECK_SET, "signed entry timestamp");
    make_dsse(&m);
    m.entry->set = pl_str(NULL);
    assert_refused(&m, PL_CHECK_SET, "no signed entry timestamp");
    make_dsse(&m);
    m.entry->integrated_time--;
    assert_refused(&m, PL_CHECK_SET, "signed entry timestamp");
    make_dsse(&m);
    m.entry->log_index++;
    assert_refused(&m, PL_CHECK_SET, "signed entry timestamp");
    make_message(&m);
    m.entry->body = flip(m.entry->body, 40);
    assert_refused(&m, PL_CHECK_SET, "signed entry timestamp");
}

static void the_time_is_within_the_keys_validity_at_both_ends(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    root.logs[0].start = LOGGED;
    root.logs[0].end = LOGGED;
    assert_verifies(&m);
    root.logs[0].start = LOGGED + 1;
    root.logs[0].end = INT64_MAX;
    assert_refused(&m, PL_CHECK_SET, "2026-01-01T00:00:01Z");
    root.logs[0].start = 0;
    root.logs[0].end = LOGGED - 1;
    assert_refused(&m, PL_CHECK_SET, "not valid");
}

static void the_proof_leads_to_the_root(void **state)
{
    struct pl_hash hashes[PL_PROOF_MAX];
    struct made m;

    (void)state;
    make_dsse(&m);
    memcpy(hashes, m.entry->hashes, m.entry->nhashes * sizeof(hashes[0]));
    m.entry->hashes = hashes;
    for (size_t i = 0; i < m.entry->nhashes; i++) {
        hashes[i].b[31] ^= 1;
        assert_refused(&m, PL_CHECK_INCLUSION, "inclusion proof");
        hashes[i].b[31] ^= 1;
        assert_verifies(&m);
    }
    m.entry->nhashes--;
    assert_refused(&m, PL_CHECK_INCLUSION, "inclusion proof");
    make_dsse(&m);
    m.entry->proof_index++;
    assert_refused(&m, PL_CHECK_INCLUSION, "inclusion proof");
    m.entry->proof_index = SIZE;
    assert_refused(&m, PL_CHECK_INCLUSION, "inclusion proof");
    make_dsse(&m);
    m.entry->has_proof = false;
    assert_refused(&m, PL_CHECK_INCLUSION, "no inclusion proof");
}

static void the_checkpoint_is_the_logs_and_about_the_proof(void **state)
{
    struct pl_hash another;
    struct pl_buf note;
    struct made m;

    (void)state;
    make_dsse(&m);
    sign_checkpoint(m.entry, other_key, SIZE, &m.entry->root);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "none of its 1 signatures");
    sign_checkpoint(m.entry, log_key, SIZE + 1, &m.entry->root);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "size is 6");
    another = m.entry->root;
    another.b[0] ^= 1;
    sign_checkpoint(m.entry, log_key, SIZE, &another);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "root");
    m.entry->checkpoint = pl_str(NULL);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "no checkpoint");
    sign_checkpoint(m.entry, log_key, SIZE, &m.entry->root);
    assert_verifies(&m);
    m.entry->checkpoint = replace(m.entry->checkpoint, "789\n", "780\n");
    assert_refused(&m, PL_CHECK_CHECKPOINT, "signature line 1");
    sign_checkpoint_of(m.entry, log_key, 0, SIZE, &m.entry->root);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "TREEID");
    sign_checkpoint_of(m.entry, log_key, UINT64_C(1) << 63, SIZE, &m.entry->root);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "TREEID");
    /* By the same key, but in the name of another kind of log. */
    pl_buf_init_arena(&note, &arena, PL_CHECKPOINT_MAX);
    pl_checkpoint_add_text(
        &(struct pl_checkpoint){.origin = PL_LIT(HOST), .size = SIZE, .root = m.entry->root},
        &note);
    m.entry->checkpoint = pl_buf_bytes(&note);
    pl_buf_init_arena(&note, &arena, PL_CHECKPOINT_MAX);
    assert_ok(pl_note_sign(m.entry->checkpoint, PL_LIT(HOST), log_key, &note, &err), err);
    m.entry->checkpoint = pl_buf_bytes(&note);
    assert_refused(&m, PL_CHECK_CHECKPOINT, "TREEID");
}

/* The entry of another bundle is in the log as well, but it is about something else. */
static void the_body_is_about_this_signature(void **state)
{
    struct made m, m2;

    (void)state;
    make_dsse(&m);
    make_payload(statement_about("another", SLSA), &m2);
    *m.entry = *m2.entry;
    assert_refused(&m, PL_CHECK_BODY, "spec.payloadHash");
    make_dsse(&m2); /* same payload and key, another signature */
    make_dsse(&m);
    *m.entry = *m2.entry;
    assert_refused(&m, PL_CHECK_BODY, "another signature");
    make_message(&m2);
    *m.entry = *m2.entry;
    assert_refused(&m, PL_CHECK_BODY, "hashedrekord is not about a DSSE envelope");
    make_dsse(&m);
    *m2.entry = *m.entry;
    assert_refused(&m2, PL_CHECK_BODY, "dsse is not about a message signature");
    make_message(&m);
    make_message(&m2);
    *m.entry = *m2.entry;
    assert_refused(&m, PL_CHECK_BODY, "another signature");
}

static void change_body(struct made *m, const char *from, const char *to)
{
    m->entry->body = replace(m->entry->body, from, to);
    seal(m->entry);
}

static void the_body_is_well_formed(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    change_body(&m, "\"kind\"", " \"kind\"");
    assert_refused(&m, PL_CHECK_BODY, "canonical");
    make_dsse(&m);
    change_body(&m, "\"spec\":{", "\"spec\":{\"a\":1,");
    assert_refused(&m, PL_CHECK_BODY, "spec has 4 members");
    make_dsse(&m);
    change_body(&m, "\"envelopeHash\":{\"algorithm\":\"sha256\"",
                "\"envelopeHash\":{\"algorithm\":\"sha512\"");
    assert_refused(&m, PL_CHECK_BODY, "envelopeHash.algorithm");
    make_dsse(&m);
    change_body(&m, "\"envelopeHash\"", "\"anvelopeHash\"");
    assert_refused(&m, PL_CHECK_BODY, "spec.envelopeHash is required");
    make_dsse(&m);
    change_body(&m, "\"signatures\":[", "\"signatures\":[{},");
    assert_refused(&m, PL_CHECK_BODY, "2 items");
    make_dsse(&m);
    change_body(&m, "\"kind\":\"dsse\"", "\"kind\":\"intoto\"");
    assert_refused(&m, PL_CHECK_BODY, "intoto 0.0.1, the bundle says dsse");
    make_dsse(&m);
    change_body(&m, "\"apiVersion\":\"0.0.1\"", "\"apiVersion\":\"0.0.2\"");
    assert_refused(&m, PL_CHECK_BODY, "dsse 0.0.2, the bundle says dsse 0.0.1");
    make_dsse(&m);
    change_body(&m, "\"kind\":\"dsse\"", "\"kind\":\"intoto\"");
    m.entry->kind = PL_LIT("intoto");
    assert_refused(&m, PL_CHECK_BODY, "spec has 3 members");
    make_dsse(&m);
    change_body(&m, "\"kind\":\"dsse\"", "\"kind\":\"rekord\"");
    m.entry->kind = PL_LIT("rekord");
    assert_refused(&m, PL_CHECK_BODY, "cannot be checked");
    m.entry->body = PL_LIT("[]");
    seal(m.entry);
    assert_refused(&m, PL_CHECK_BODY, "JSON object");
}

/* A log that took an entry without looking, and a bundle that agrees with it. */
static void the_signature_is_over_the_payload(void **state)
{
    struct made m, m2;

    (void)state;
    make_dsse(&m);
    make_payload(statement_about("another", SLSA), &m2);
    m.entry->body = replace(m.entry->body,
                            pl_arena_printf(&arena, "%.*s", (int)m.bundle.dsse.sigs[0].sig_text.n,
                                            (const char *)m.bundle.dsse.sigs[0].sig_text.p),
                            pl_arena_printf(&arena, "%.*s", (int)m2.bundle.dsse.sigs[0].sig_text.n,
                                            (const char *)m2.bundle.dsse.sigs[0].sig_text.p));
    seal(m.entry);
    m.bundle.dsse.sigs = m2.bundle.dsse.sigs;
    assert_refused(&m, PL_CHECK_SIGNATURE, "signature");
}

static void the_predicate_type_is_the_expected_one(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    m.in.predicate_type = PL_LIT("https://slsa.dev/provenance/v0.2");
    assert_refused(&m, PL_CHECK_PREDICATE_TYPE, "provenance/v0.2 is expected");
    make_message(&m);
    m.in.predicate_type = PL_LIT(SLSA);
    assert_refused(&m, PL_CHECK_PREDICATE_TYPE, "no predicate");
    make_payload(PL_LIT("{\"_type\":\"https://example.com/other\"}"), &m);
    assert_refused(&m, PL_CHECK_PREDICATE_TYPE, "_type");
    make_payload(PL_LIT("not JSON"), &m);
    assert_refused(&m, PL_CHECK_PREDICATE_TYPE, "payload");
}

static void the_artifact_is_what_was_signed(void **state)
{
    struct made m;

    (void)state;
    make_dsse(&m);
    m.in.artifact_sha256.b[0] ^= 1;
    assert_refused(&m, PL_CHECK_ARTIFACT, "1 subjects");
    make_message(&m);
    m.in.artifact_sha256.b[0] ^= 1;
    assert_refused(&m, PL_CHECK_ARTIFACT, "what was signed is not sha256:");
    m.bundle.digest = pl_str(NULL); /* then the artifact itself is looked for in the log */
    assert_refused(&m, PL_CHECK_BODY, "spec.data.hash");
    m.in.artifact_sha256.b[0] ^= 1;
    assert_verifies(&m);
    make_payload(PL_LIT("{\"_type\":\"" PL_STATEMENT_V1 "\",\"predicateType\":\"" SLSA
                        "\",\"subject\":[],\"predicate\":{}}"),
                 &m);
    assert_refused(&m, PL_CHECK_ARTIFACT, "0 subjects");
}

/* Of the artifact only its SHA-256 is in hand: nothing ties it to what was signed. */
static void another_hash_than_sha256_cannot_be_compared(void **state)
{
    const struct pl_verifier *v;
    struct pl_privkey *key;
    struct made m;

    (void)state;
    assert_ok(pl_privkey_generate(PL_KEY_P384, &key, &err), err);
    assert_ok(pl_verifier_from_spki(pl_key_spki(pl_privkey_public(key)), &v, &err), err);
    make_message_by(key, PL_SHA384, &m);
    m.in.key = v;
    assert_refused(&m, PL_CHECK_ARTIFACT, "sha384 digest, of the artifact only sha256 is known");
    pl_verifier_unref(v);
    pl_privkey_free(key);
}

/* sha256 of "model" under names that are not sha256's. */
static void only_a_sha256_digest_counts(void **state)
{
    struct pl_bytes payload = statement_about("model", SLSA);
    struct made m;

    (void)state;
    make_payload(replace(payload, "\"sha256\":\"", "\"gitCommit\":\""), &m);
    assert_refused(&m, PL_CHECK_ARTIFACT, "1 subjects");
    make_payload(replace(payload, "\"sha256\":\"", "\"sha256\":\"sha256:"), &m);
    assert_refused(&m, PL_CHECK_ARTIFACT, "1 subjects");
    make_payload(payload, &m);
    assert_verifies(&m);
}

static void of_several_entries_one_must_verify(void **state)
{
    struct pl_tlog_entry entries[3];
    struct made m;

    (void)state;
    make_dsse(&m);
    entries[0] = entries[1] = entries[2] = *m.entry;
    entries[0].log_id.b[0] ^= 1; /* unknown */
    entries[1].log_index++;      /* its SET fails */
    m.bundle.entries = entries;
    m.bundle.nentries = 3;
    assert_verifies(&m);
    m.bundle.nentries = 2;
    assert_refused(&m, PL_CHECK_SET, "signed entry timestamp");
    m.bundle.nentries = 1;
    assert_refused(&m, PL_CHECK_LOG_UNKNOWN, "trusted log");
}

static void an_intoto_entry_counts_for_its_envelope(void **state)
{
    struct pl_bytes envelope;
    struct pl_buf proposal;
    struct made m;

    (void)state;
    make_dsse(&m);
    envelope = m.bundle.dsse_envelope;
    pl_buf_init_arena(&proposal, &arena, PL_REQUEST_MAX);
    pl_buf_add_str(&proposal, "{\"apiVersion\":\"0.0.1\",\"kind\":\"intoto\",\"spec\":{\"content\":"
                              "{\"envelope\":");
    pl_buf_add_json_string(&proposal, envelope);
    pl_buf_add_str(&proposal, "},\"publicKey\":\"");
    pl_buf_add_bytes(&proposal, signer->pem_base64);
    pl_buf_add_str(&proposal, "\"}}");
    log_proposal(text(&proposal), m.entry);
    assert_verifies(&m);
    change_body(&m, "\"payloadHash\":{\"algorithm\":\"sha256\",\"value\":\"",
                "\"payloadHash\":{\"algorithm\":\"sha256\",\"value\":\"0");
    assert_refused(&m, PL_CHECK_BODY, "payloadHash");
    log_proposal(text(&proposal), m.entry);
    m.in.key = other;
    m.bundle.public_key_hint = pl_str(NULL);
    assert_refused(&m, PL_CHECK_BODY, "spec.publicKey is another key");
}

static void add_twice(struct pl_buf *b, struct pl_bytes raw)
{
    pl_buf_add_base64(b, pl_base64_arena(raw, &arena));
}

static void an_intoto_2_entry_counts_for_its_signature(void **state)
{
    struct pl_buf proposal;
    struct made m, m2;

    (void)state;
    make_dsse(&m);
    pl_buf_init_arena(&proposal, &arena, PL_REQUEST_MAX);
    pl_buf_add_str(&proposal, "{\"apiVersion\":\"0.0.2\",\"kind\":\"intoto\",\"spec\":{\"content\":"
                              "{\"envelope\":{\"payload\":\"");
    add_twice(&proposal, m.bundle.dsse.payload);
    pl_buf_add_str(&proposal,
                   "\",\"payloadType\":\"" PL_PAYLOAD_TYPE_INTOTO "\",\"signatures\":[{\"sig\":\"");
    add_twice(&proposal, m.bundle.dsse.sigs[0].sig);
    pl_buf_add_str(&proposal, "\",\"publicKey\":\"");
    pl_buf_add_bytes(&proposal, signer->pem_base64);
    pl_buf_add_str(&proposal, "\"}]},\"hash\":{\"algorithm\":\"sha256\",\"value\":\"");
    for (int i = 0; i < 32; i++)
        pl_buf_add_str(&proposal, "00");
    pl_buf_add_str(&proposal, "\"}}}}");
    log_proposal(text(&proposal), m.entry);
    assert_verifies(&m);
    make_dsse(&m2);
    *m2.entry = *m.entry;
    assert_refused(&m2, PL_CHECK_BODY, "another signature");
    change_body(&m, PL_PAYLOAD_TYPE_INTOTO, "application/json");
    assert_refused(&m, PL_CHECK_BODY, "payloadType");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_bundles_verify_and_are_reported),
        TEST(the_form_is_checked),
        TEST(the_key_is_the_expected_one),
        TEST(an_entry_of_a_trusted_log_is_needed),
        TEST(the_set_covers_body_time_and_index),
        TEST(the_time_is_within_the_keys_validity_at_both_ends),
        TEST(the_proof_leads_to_the_root),
        TEST(the_checkpoint_is_the_logs_and_about_the_proof),
        TEST(the_body_is_about_this_signature),
        TEST(the_body_is_well_formed),
        TEST(the_signature_is_over_the_payload),
        TEST(the_predicate_type_is_the_expected_one),
        TEST(the_artifact_is_what_was_signed),
        TEST(another_hash_than_sha256_cannot_be_compared),
        TEST(only_a_sha256_digest_counts),
        TEST(of_several_entries_one_must_verify),
        TEST(an_intoto_entry_counts_for_its_envelope),
        TEST(an_intoto_2_entry_counts_for_its_signature),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
