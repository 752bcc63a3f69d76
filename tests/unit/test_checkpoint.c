/* SPDX-License-Identifier: Apache-2.0 */
/* test_checkpoint.c - checkpoints of Rekor v1 and C2SP: text, signature, who has to sign. */
#include "core/base/enc.h"
#include "core/tlog/checkpoint.h"

#include "tests/unit/test.h"

#include <inttypes.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DASH     "\xe2\x80\x94 "

/* The worked Rekor v1 log: host log.example.com, tree 1234567890123456789, sizes 1 to 4. */
#define V1_KEY                                                           \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzMVvWJo8E4muqoUfLA78pxowULvl\n" \
    "dZ7x/fV8XhQu/FiI1PultXeRoYXPw/kNm2v6gcG9OuST/dS4RPRuQve4GA==\n"     \
    "-----END PUBLIC KEY-----\n"
#define V1_ORIGIN "log.example.com - 1234567890123456789"
#define V1_SIG    DASH "log.example.com "
static const struct {
    uint64_t size;
    const char *root, *note;
} V1[] = {
    {1, "22a4686313882123984583219041dea8f4782ffabfb464815d02364adb85611d",
     V1_ORIGIN "\n1\nIqRoYxOIISOYRYMhkEHeqPR4L/q/tGSBXQI2StuFYR0=\n\n" V1_SIG
               "7lVXijBEAiApYPBb3G/wD7h8CDDJH/mEREOWbCp3mHeyxW7N2Dho5AIgdtIen/kyCsSbD8bvt9cgTb0QMK"
               "AWXGaOAg01lNNYjvk=\n"},
    {2, "439be5cd4cf2e6bf8c14289449a3dabd9387d4a02f9012fe48b8dff4af1339cc",
     V1_ORIGIN "\n2\nQ5vlzUzy5r+MFCiUSaPavZOH1KAvkBL+SLjf9K8TOcw=\n\n" V1_SIG
               "7lVXijBFAiEAx0MRsL8ndGOkRRX41SmEsS2i7saSfB32K1bJ9VmGwcECICM+4HDxm4xFiWIMU5LAgYYVMt"
               "qATzKaj04dFo5/fn0Y\n"},
    {3, "48a19456de3542980b73c62f176f18eb2758a26edfeb4590671f130ce176ccce",
     V1_ORIGIN "\n3\nSKGUVt41QpgLc8YvF28Y6ydYom7f60WQZx8TDOF2zM4=\n\n" V1_SIG
               "7lVXijBEAiBqRaWFaaesrMM3wGZK6YWTmSNRQ2RhPgndTrQz1flHsQIgU48ru+9WWY8dBjiWFiuXFqGcuF"
               "A45F+wvTb6Y5P6iYY=\n"},
    {4, "865612773508dff632cc125119db42939a4946458d06fc59659b81721f859ec1",
     V1_ORIGIN "\n4\nhlYSdzUI3/YyzBJRGdtCk5pJRkWNBvxZZZuBch+FnsE=\n\n" V1_SIG
               "7lVXijBEAiAVJgIpHiL/U79tjBc8kaesxywIpOMAedCrTHZF5b88ygIgbJOvL2fuL1XsdmIMBlu0Gw8r7D"
               "ZH1iTyp7B5hEascRo=\n"},
};

/* The C2SP examples: Ed25519, seed 00..1f. */
#define C2SP_SPKI "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define C2SP_SIG  DASH "log.example.com "
static const struct {
    uint64_t size;
    const char *note;
} C2SP[] = {
    {0, "log.example.com\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n" C2SP_SIG
        "1X8t7kLxfoC7dUNDsV/FjvsjIQjP7YGpXtf2ZVPsuSK987034gUsLd47QudF4fhuyffkBuJp2pAu2KjyqG7CY/ndS"
        "wo=\n"},
    {3, "log.example.com\n3\nrra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n\n" C2SP_SIG
        "1X8t7h2ClaxLBQb5bJxmWeB+62Ta7/SxyGf+4Oj6V8/nbuGD8/M1NQfXsuoOPV3pD0grXnJ9b6pPhDltjgSbZ0+YK"
        "QY=\n"},
    {8, "log.example.com\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n" C2SP_SIG
        "1X8t7uMPl5f5h4GjBSxb3/1Y601ExDEcI507KSS1ycyN4oXBJnFW1BivgIDgH/ElKDxRbug7kZvFRuSSGlHvFjAij"
        "ww=\n"},
};

static struct pl_err err;
static struct pl_key *v1, *c2sp;

static int set_up(void **state)
{
    uint8_t der[64];
    size_t n = 0;

    (void)state;
    assert_ok(pl_key_from_pem(pl_str(V1_KEY), &v1, &err), err);
    assert_true(pl_base64_decode(pl_str(C2SP_SPKI), PL_BASE64_STD, der, &n));
    assert_ok(pl_key_from_spki(pl_bytes(der, n), &c2sp, &err), err);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    pl_key_unref(v1);
    pl_key_unref(c2sp);
    return 0;
}

static void the_worked_rekor_v1_checkpoints_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(V1); i++) {
        struct pl_checkpoint c;
        char hex[PL_HASH_HEX_SIZE];
        assert_ok(pl_checkpoint_open(pl_str(V1[i].note), v1, &c, &err), err);
        assert_bytes(c.origin, pl_str(V1_ORIGIN));
        assert_true(c.size == V1[i].size);
        assert_string_equal(pl_hash_hex(&c.root, hex), V1[i].root);
        assert_int_equal(pl_checkpoint_open(pl_str(V1[i].note), c2sp, &c, &err), PL_EVERIFY);
    }
}

static void the_worked_c2sp_checkpoints_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(C2SP); i++) {
        struct pl_checkpoint c;
        assert_ok(pl_checkpoint_open(pl_str(C2SP[i].note), c2sp, &c, &err), err);
        assert_bytes(c.origin, pl_str("log.example.com"));
        assert_true(c.size == C2SP[i].size);
        assert_int_equal(pl_checkpoint_open(pl_str(C2SP[i].note), v1, &c, &err), PL_EVERIFY);
    }
}

/* Any one byte of the note changed: it never opens with other content. */
static void no_changed_byte_is_accepted(void **state)
{
    char note[512];
    size_t n = strlen(V1[3].note);

    (void)state;
    assert_true(n < sizeof(note));
    for (size_t i = 0; i < n; i++) {
        struct pl_checkpoint c = {.size = 12345};
        memcpy(note, V1[3].note, n);
        note[i] ^= 0x01;
        assert_int_not_equal(pl_checkpoint_open(pl_bytes(note, n), v1, &c, &err), PL_OK);
        assert_true(c.size == 12345);
        assert_int_not_equal(pl_checkpoint_open(pl_bytes(V1[3].note, i), v1, &c, &err), PL_OK);
    }
}

static void signing_writes_one_line_that_opens(void **state)
{
    static const uint64_t sizes[] = {1, 2, 1000000, (uint64_t)1 << 63};
    struct pl_privkey *key = NULL;

    (void)state;
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct pl_hash root;
        struct pl_buf out;
        struct pl_checkpoint c;
        memset(root.b, 0x11, sizeof(root.b));
        pl_buf_init(&out, PL_CHECKPOINT_MAX);
        assert_ok(pl_checkpoint_sign_v1(pl_str("log.example.com"), 1234567890123456789, sizes[i],
                                        &root, key, &out, &err),
                  err);
        assert_true(pl_bytes_has_prefix(pl_buf_bytes(&out), V1_ORIGIN "\n"));
        assert_ok(pl_checkpoint_open(pl_buf_bytes(&out), pl_privkey_public(key), &c, &err), err);
        assert_true(c.size == sizes[i]);
        assert_true(pl_hash_eq(&c.root, &root));
        /* origin, size, root, blank, one signature */
        size_t lines = 0;
        for (size_t j = 0; j < out.n; j++)
            lines += out.p[j] == '\n';
        assert_int_equal(lines, 5);
        pl_buf_free(&out);
    }
    pl_privkey_free(key);
}

static void what_must_not_be_signed_is_not(void **state)
{
    struct pl_privkey *key = NULL;
    struct pl_hash root = {{1}};
    struct pl_buf out;
    char longest[PL_ORIGIN_MAX + 1];
    const struct {
        const char *host;
        uint64_t size;
        enum pl_code code;
        const char *why;
    } table[] = {
        {"", 1, PL_EINVAL, "key name"},
        {"log example", 1, PL_EINVAL, "key name"},
        {"log+example", 1, PL_EINVAL, "key name"},
        {"log\nexample", 1, PL_EINVAL, "size"},
        {"log", 0, PL_EINVAL, "size 0"},
        {"log", ((uint64_t)1 << 63) + 1, PL_EINVAL, "9223372036854775809"},
        {longest, 1, PL_ETOOBIG, "origin"},
    };

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    pl_buf_init(&out, PL_CHECKPOINT_MAX);
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_fails(
            pl_checkpoint_sign_v1(pl_str(table[i].host), 7, table[i].size, &root, key, &out, &err),
            table[i].code, table[i].why, err);
        assert_int_equal(out.n, 0);
    }
    pl_buf_free(&out);
    pl_privkey_free(key);
}

/* Who has to have signed, by the origin; each text is signed by "me" with a fresh key. */
static void the_origin_says_who_signs(void **state)
{
    static const struct {
        const char *origin;
        const char *signer;
        bool opens;
    } table[] = {
        {"me", "me", true},       {"me - 123", "me", true},    {"me - 123", "you", false},
        {"me", "you", false},     {"a - me - 5", "me", false}, /* the last " - " counts: signed by
                                                                  "a - me", no valid name */
        {"me -", "me", false},    {"me - ", "me", false},      {"me - 12a", "me", false},
        {"me -123", "me", false}, {"me- 123", "me", false},    {" - 123", "me", false},
        {"123", "123", true},     {"me-123", "me-123", true},
    };
    struct pl_privkey *key = NULL;

    (void)state;
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pl_checkpoint c = {.origin = pl_str(table[i].origin), .size = 3, .root = {{9}}};
        struct pl_buf text, note;
        pl_buf_init(&text, PL_CHECKPOINT_MAX);
        pl_buf_init(&note, PL_CHECKPOINT_MAX);
        pl_checkpoint_add_text(&c, &text);
        assert_ok(pl_note_sign(pl_buf_bytes(&text), pl_str(table[i].signer), key, &note, &err),
                  err);
        enum pl_code rc = pl_checkpoint_open(pl_buf_bytes(&note), pl_privkey_public(key), &c, &err);
        if (rc != (table[i].opens ? PL_OK : PL_EVERIFY))
            fail_msg("origin \"%s\" signed by \"%s\" gave %s", table[i].origin, table[i].signer,
                     pl_code_name(rc));
        pl_buf_free(&text);
        pl_buf_free(&note);
    }
    pl_privkey_free(key);
}

#define ROOT "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="

static void malformed_texts_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } table[] = {
        {"", "origin"},
        {"origin", "origin"},
        {"\n8\n" ROOT "\n", "origin line is empty"},
        {"o\n", "size line is missing"},
        {"o\n\n" ROOT "\n", "size line is empty"},
        {"o\n08\n" ROOT "\n", "tree size"},
        {"o\n+8\n" ROOT "\n", "tree size"},
        {"o\n-8\n" ROOT "\n", "tree size"},
        {"o\n8 \n" ROOT "\n", "tree size"},
        {"o\n0x8\n" ROOT "\n", "tree size"},
        {"o\n9223372036854775809\n" ROOT "\n", "tree size"},
        {"o\n18446744073709551616\n" ROOT "\n", "tree size"},
        {"o\n8\n", "root line is missing"},
        {"o\n8\n" ROOT, "root line is missing"},
        {"o\n8\n\n", "root line is empty"},
        {"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n", "root hash"},
        {"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n", "root hash"}, /* trailing bits */
        {"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz-Nw7_RgQyg=\n", "root hash"},
        {"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQygA\n", "root hash"}, /* 33 bytes */
        {"o\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQw==\n", "root hash"}, /* 31 bytes */
        {"o\n8\n" ROOT ROOT "\n", "root hash"},
        {"o\n0\n" ROOT "\n", "size 0"},
        {"o\n8\n" ROOT "\n\n", "extension line is empty"},
        {"o\n8\n" ROOT "\nx", "extension line is missing"},
        {"o\n8\n" ROOT "\nx\n\ny\n", "extension line is empty"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pl_checkpoint c = {.size = 12345};
        enum pl_code rc = pl_checkpoint_parse(pl_str(table[i].text), &c, &err);
        if (rc != PL_EINVAL || strstr(err.text, table[i].why) == NULL)
            fail_msg("case %zu gave %s \"%s\", want \"%s\"", i, pl_code_name(rc), err.text,
                     table[i].why);
        assert_true(c.size == 12345);
    }
}

static void origins_have_a_limit(void **state)
{
    char text[PL_ORIGIN_MAX + 100];
    struct pl_checkpoint c;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + PL_ORIGIN_MAX, "\n8\n" ROOT "\n", sizeof("\n8\n" ROOT "\n"));
    assert_ok(pl_checkpoint_parse(pl_str(text), &c, &err), err);
    assert_int_equal(c.origin.n, PL_ORIGIN_MAX);
    memcpy(text + PL_ORIGIN_MAX + 1, "\n8\n" ROOT "\n", sizeof("\n8\n" ROOT "\n"));
    text[PL_ORIGIN_MAX] = 'a';
    assert_fails(pl_checkpoint_parse(pl_str(text), &c, &err), PL_EINVAL, "the limit is 256", err);
}

static void extension_lines_are_allowed_and_signed(void **state)
{
    struct pl_checkpoint c;
    struct pl_privkey *key = NULL;
    struct pl_buf note;

    (void)state;
    assert_ok(pl_checkpoint_parse(pl_str("o\n8\n" ROOT "\nTimestamp: 1\nmore\n"), &c, &err), err);
    assert_true(c.size == 8);
    assert_ok(pl_privkey_generate(PL_KEY_P256, &key, &err), err);
    pl_buf_init(&note, PL_CHECKPOINT_MAX);
    assert_ok(pl_note_sign(pl_str("o\n8\n" ROOT "\nTimestamp: 1\n"), pl_str("o"), key, &note, &err),
              err);
    assert_ok(pl_checkpoint_open(pl_buf_bytes(&note), pl_privkey_public(key), &c, &err), err);
    note.p[strlen("o\n8\n" ROOT "\nTimestamp: ")] = '2';
    assert_int_equal(pl_checkpoint_open(pl_buf_bytes(&note), pl_privkey_public(key), &c, &err),
                     PL_EVERIFY);
    pl_buf_free(&note);
    pl_privkey_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_rekor_v1_checkpoints_open),
        cmocka_unit_test(the_worked_c2sp_checkpoints_open),
        cmocka_unit_test(no_changed_byte_is_accepted),
        cmocka_unit_test(signing_writes_one_line_that_opens),
        cmocka_unit_test(what_must_not_be_signed_is_not),
        cmocka_unit_test(the_origin_says_who_signs),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(origins_have_a_limit),
        cmocka_unit_test(extension_lines_are_allowed_and_signed),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, set_up, tear_down);
}
