/* SPDX-License-Identifier: Apache-2.0 */
/* test_note.c - signed notes: the byte-exact examples, what parsing refuses, which keys count. */
#include "core/base/enc.h"
#include "core/tlog/note.h"

#include "tests/unit/test.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DASH     "\xe2\x80\x94 "

/* Ed25519 key of seed 00..1f, and the note that it signs over the 8-leaf tree. */
#define ED_SPKI "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define ED_PEM                                                           \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n" \
    "-----END PRIVATE KEY-----\n"
#define TEXT "log.example.com\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
#define ED_LINE                                                                                 \
    DASH "log.example.com "                                                                     \
         "1X8t7uMPl5f5h4GjBSxb3/1Y601ExDEcI507KSS1ycyN4oXBJnFW1BivgIDgH/ElKDxRbug7kZvFRuSSGlHv" \
         "FjAijww=\n"
/* ECDSA P-256 over the same text. */
#define EC_SPKI                                                                                    \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUe1KCBeecyIpkB99d03UfaKPKC4fH9NBAl5eIbDG8RfcN3/lSwjBP5k3" \
    "kYtF0k2Hko/6l9q8ucmqzkbOPh9bnw=="
#define EC_LINE                                                                                    \
    DASH                                                                                           \
        "log.example.com "                                                                         \
        "+uGSuzBFAiBcKOp5J/GScB08upIlJ9YpvgEU+e11p7oByJ7inTDf1gIhAKnDMNA6kUkifUdEBO9+CKyqZd/jHi8v" \
        "lz7JnH3ELI3A\n"
/* A witness's Ed25519 cosignature (another type of signature: it is nobody's here). */
#define WITNESS_LINE                                                                               \
    DASH                                                                                           \
        "witness.example.com/w1 "                                                                  \
        "lpmAzwAAAABlU/EAJ3ObyCi8pIOP5rOTYwvKMRHiFjRJ7rMGezCj95Gig05w7a884dsqQMdfHQPjCOeGAwWtEsoj" \
        "OADCW5FOVY14Bw==\n"
/* 4 + 1 bytes, the fewest. */
#define ANY_LINE DASH "x AAAAAAA=\n"

static struct pl_err err;
static struct pl_arena arena;
static struct pl_key *ed, *ec;

static struct pl_key *key_of(const char *spki)
{
    struct pl_bytes der;
    struct pl_key *key = NULL;

    assert_ok(pl_base64_decode_arena(pl_str(spki), PL_BASE64_STD, "key", &arena, &der, &err), err);
    assert_ok(pl_key_from_spki(der, &key, &err), err);
    return key;
}

static int set_up(void **state)
{
    (void)state;
    pl_arena_init(&arena, (size_t)16 << 20);
    ed = key_of(ED_SPKI);
    ec = key_of(EC_SPKI);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    pl_key_unref(ed);
    pl_key_unref(ec);
    pl_arena_free(&arena);
    return 0;
}

static struct pl_note parse(const char *text)
{
    struct pl_note note;

    assert_ok(pl_note_parse(pl_str(text), &arena, &note, &err), err);
    return note;
}
static enum pl_code verify(const char *text, const char *name, const struct pl_key *key)
{
    struct pl_note note = parse(text);

    return pl_note_verify(&note, pl_str(name), key, &err);
}

static void key_hashes_follow_the_type(void **state)
{
    static const uint8_t want_ed[4] = {0xd5, 0x7f, 0x2d, 0xee};
    static const uint8_t want_ec[4] = {0xfa, 0xe1, 0x92, 0xbb};
    uint8_t got[4];

    (void)state;
    pl_note_key_hash(ed, pl_str("log.example.com"), got);
    assert_memory_equal(got, want_ed, 4);
    pl_note_key_hash(ed, pl_str("other.example.com"), got);
    assert_memory_not_equal(got, want_ed, 4); /* the name is hashed for Ed25519 ... */
    pl_note_key_hash(ec, pl_str("log.example.com"), got);
    assert_memory_equal(got, want_ec, 4);
    pl_note_key_hash(ec, pl_str("other.example.com"), got);
    assert_memory_equal(got, want_ec, 4); /* ... and not for ECDSA */
}

static void the_examples_parse_and_verify(void **state)
{
    struct pl_note note = parse(TEXT "\n" ED_LINE);

    (void)state;
    assert_bytes(note.text, pl_str(TEXT));
    assert_int_equal(note.nsigs, 1);
    assert_bytes(note.sigs[0].name, pl_str("log.example.com"));
    assert_int_equal(note.sigs[0].sig.n, 64);
    assert_ok(pl_note_verify(&note, pl_str("log.example.com"), ed, &err), err);
    assert_ok(verify(TEXT "\n" EC_LINE, "log.example.com", ec), err);

    struct pl_key *foo = key_of("MCowBQYDK2VwAyEA6TJ5GubnqECkYWTJBHhkJtXngh3YspoA1hyucq/dTaQ=");
    assert_ok(verify("This is an example message.\n\n" DASH "example.com/foo "
                     "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuw"
                     "HjG1Yu72IneyaQM=\n",
                     "example.com/foo", foo),
              err);
    pl_key_unref(foo);
}

static void signing_gives_the_example_byte_for_byte(void **state)
{
    struct pl_privkey *key = NULL;
    struct pl_buf out;

    (void)state;
    assert_ok(pl_privkey_from_pem(pl_str(ED_PEM), pl_str(""), &key, &err), err);
    pl_buf_init(&out, PL_NOTE_MAX);
    assert_ok(pl_note_sign(pl_str(TEXT), pl_str("log.example.com"), key, &out, &err), err);
    assert_bytes(pl_buf_bytes(&out), pl_str(TEXT "\n" ED_LINE));
    pl_buf_free(&out);
    pl_privkey_free(key);
}

static void every_key_type_signs_and_verifies(void **state)
{
    static const enum pl_keytype types[] = {PL_KEY_P256, PL_KEY_P384, PL_KEY_ED25519};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct pl_privkey *key = NULL;
        struct pl_buf out;
        assert_ok(pl_privkey_generate(types[i], &key, &err), err);
        pl_buf_init(&out, PL_NOTE_MAX);
        assert_ok(pl_note_sign(pl_str("a\nb\n"), pl_str("me"), key, &out, &err), err);
        assert_ok(verify(pl_buf_cstr(&out), "me", pl_privkey_public(key)), err);
        assert_int_equal(verify(pl_buf_cstr(&out), "me", ed), PL_EVERIFY);
        pl_buf_free(&out);
        pl_privkey_free(key);
    }
}

static void what_readers_would_split_differently_is_not_signed(void **state)
{
    static const struct {
        const char *text, *name, *why;
    } table[] = {
        {"", "me", "does not end in LF"},
        {"a", "me", "does not end in LF"},
        {"a\nb", "me", "does not end in LF"},
        {"a\n\nb\n", "me", "blank line"},
        {"a\n\n", "me", "blank line"},
        {"\n", "me", "blank line"},
        {"\na\n", "me", "blank line"},
        {"a\r\n", "me", "0x0d"},
        {"a\xff\n", "me", "UTF-8"},
        {"a\n", "", "key name"},
        {"a\n", "m e", "key name"},
        {"a\n", "m+e", "key name"},
        {"a\n", "m\ne", "key name"},
        {"a\n",
         "m\xc2\xa0"
         "e",
         "key name"},
        {"a\n", "m\xff", "key name"},
    };
    struct pl_privkey *key = NULL;

    (void)state;
    assert_ok(pl_privkey_from_pem(pl_str(ED_PEM), pl_str(""), &key, &err), err);
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pl_buf out;
        pl_buf_init(&out, PL_NOTE_MAX);
        assert_fails(pl_note_sign(pl_str(table[i].text), pl_str(table[i].name), key, &out, &err),
                     PL_EINVAL, table[i].why, err);
        assert_int_equal(out.n, 0);
        pl_buf_free(&out);
    }
    pl_privkey_free(key);
}

static void malformed_notes_are_refused(void **state)
{
    static const struct {
        const char *note, *why;
    } table[] = {
        {"", "no blank line"},
        {"\n", "no blank line"},
        {"text\n", "no blank line"},
        {"text\n" ANY_LINE, "no blank line"},
        {"text\n\n", "no signature line"},
        {"text\n\n\n", "no signature line"},
        {"text\n\n" ANY_LINE "\n", "no signature line"},
        {"text\n\nx AAAAAAA=\n", "U+2014"},
        {"text\n\n- x AAAAAAA=\n", "U+2014"},
        {"text\n\n\xe2\x80\x93 x AAAAAAA=\n", "U+2014"}, /* EN DASH */
        {"text\n\n\xe2\x80\x94x AAAAAAA=\n", "U+2014"},  /* no space */
        {"text\n\n\xe2\x80\x94\xc2\xa0x AAAAAAA=\n", "U+2014"},
        {"text\n\n" DASH, "does not end in LF"},
        {"text\n\n" DASH "x AAAAAAA=", "does not end in LF"},
        {"text\n\n" ANY_LINE "more", "does not end in LF"},
        {"text\n\n" ANY_LINE "more\n", "line 2"},
        {"text\n\n" DASH "\n", "key name"},
        {"text\n\n" DASH "x\n", "key name"},
        {"text\n\n" DASH " AAAAAAA=\n", "key name"},
        {"text\n\n" DASH " x AAAAAAA=\n", "key name"},
        {"text\n\n" DASH "x+y AAAAAAA=\n", "key name"},
        {"text\n\n" DASH "x\xe3\x80\x80y AAAAAAA=\n", "key name"}, /* IDEOGRAPHIC SPACE */
        {"text\n\n" DASH "x\xc2\x85y AAAAAAA=\n", "key name"},     /* NEXT LINE */
        {"text\n\n" DASH "x \n", "line 1"},
        {"text\n\n" DASH "x  AAAAAAA=\n", "signature"}, /* two spaces */
        {"text\n\n" DASH "x AAAAAAA= \n", "signature"},
        {"text\n\n" DASH "x AAAAAAA\n", "signature"},
        {"text\n\n" DASH "x AAAAAAB=\n", "signature"}, /* trailing bits */
        {"text\n\n" DASH "x AAAA_AA=\n", "signature"},
        {"text\n\n" DASH "x AAAAAA==\n", "4 bytes"},
        {"text\n\n" DASH "x AAAA\n", "3 bytes"},
        {"text\r\n\n" ANY_LINE, "0x0d"},
        {"te\txt\n\n" ANY_LINE, "0x09"},
        {"text\n\n" DASH "x AAAAAAA=\r\n", "0x0d"},
        {"te\xffxt\n\n" ANY_LINE, "UTF-8"},
        {"te\xed\xa0\x80xt\n\n" ANY_LINE, "UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pl_note note = {.nsigs = 99};
        enum pl_code rc = pl_note_parse(pl_str(table[i].note), &arena, &note, &err);
        if (rc != PL_EINVAL || strstr(err.text, table[i].why) == NULL)
            fail_msg("case %zu gave %s \"%s\", want \"%s\"", i, pl_code_name(rc), err.text,
                     table[i].why);
        assert_int_equal(note.nsigs, 99); /* untouched */
    }
    struct pl_note note;
    assert_fails(pl_note_parse(pl_bytes("te\0xt\n\n" ANY_LINE, sizeof("te\0xt\n\n" ANY_LINE) - 1),
                               &arena, &note, &err),
                 PL_EINVAL, "0x00", err);
}

static void the_text_ends_at_the_last_blank_line(void **state)
{
    (void)state;
    assert_bytes(parse("a\n\nb\n\n" ANY_LINE).text, pl_str("a\n\nb\n"));
    assert_bytes(parse("a\n\n\n" ANY_LINE).text, pl_str("a\n\n"));
    assert_bytes(parse("\xc3\xa4\n\n" ANY_LINE).text, pl_str("\xc3\xa4\n"));
}

static void sixteen_signatures_are_read_and_seventeen_refused(void **state)
{
    struct pl_buf b;
    struct pl_note note;

    (void)state;
    pl_buf_init(&b, PL_NOTE_MAX);
    pl_buf_add_str(&b, TEXT "\n");
    for (int i = 0; i < 15; i++)
        pl_buf_add_str(&b, ANY_LINE);
    pl_buf_add_str(&b, ED_LINE);
    assert_ok(pl_note_parse(pl_buf_bytes(&b), &arena, &note, &err), err);
    assert_int_equal(note.nsigs, 16);
    assert_ok(pl_note_verify(&note, pl_str("log.example.com"), ed, &err), err);
    pl_buf_add_str(&b, ANY_LINE);
    assert_fails(pl_note_parse(pl_buf_bytes(&b), &arena, &note, &err), PL_ETOOBIG, "16", err);
    pl_buf_free(&b);
}

static void a_note_over_the_limit_is_refused(void **state)
{
    size_t n = PL_NOTE_MAX + 1;
    char *big = malloc(n);
    struct pl_note note;

    (void)state;
    assert_non_null(big);
    memset(big, 'a', n);
    assert_fails(pl_note_parse(pl_bytes(big, n), &arena, &note, &err), PL_ETOOBIG, "1048576", err);
    free(big);
}

/* A good signature line with one bit of the signature changed (the last base64 group but one). */
#define ED_LINE_BROKEN                                                                          \
    DASH "log.example.com "                                                                     \
         "1X8t7uMPl5f5h4GjBSxb3/1Y601ExDEcI507KSS1ycyN4oXBJnFW1BivgIDgH/ElKDxRbug7kZvFRuSSGlHv" \
         "FjAijgw=\n"

static void only_lines_of_the_name_and_key_count(void **state)
{
    (void)state;
    /* Unknown lines are passed over, wherever they stand. */
    assert_ok(verify(TEXT "\n" ED_LINE WITNESS_LINE, "log.example.com", ed), err);
    assert_ok(verify(TEXT "\n" WITNESS_LINE ED_LINE, "log.example.com", ed), err);
    assert_ok(verify(TEXT "\n" EC_LINE ED_LINE, "log.example.com", ed), err);
    assert_ok(verify(TEXT "\n" EC_LINE ED_LINE, "log.example.com", ec), err);
    assert_ok(verify(TEXT "\n" ED_LINE ED_LINE, "log.example.com", ed), err);

    assert_fails((enum pl_code)verify(TEXT "\n" WITNESS_LINE, "log.example.com", ed), PL_EVERIFY,
                 "none of its 1 signatures", err);
    assert_fails((enum pl_code)verify(TEXT "\n" ED_LINE, "log.example.org", ed), PL_EVERIFY,
                 "none of its", err);
    assert_fails((enum pl_code)verify(TEXT "\n" ED_LINE, "log.example.com", ec), PL_EVERIFY,
                 "key hash fae192bb", err);
    assert_fails((enum pl_code)verify(TEXT "\n" EC_LINE, "log.example.org", ec), PL_EVERIFY,
                 "none of its", err);
}

static void one_false_line_of_the_key_spoils_the_note(void **state)
{
    (void)state;
    assert_fails((enum pl_code)verify(TEXT "\n" ED_LINE_BROKEN, "log.example.com", ed), PL_EVERIFY,
                 "line 1", err);
    assert_fails((enum pl_code)verify(TEXT "\n" ED_LINE ED_LINE_BROKEN, "log.example.com", ed),
                 PL_EVERIFY, "line 2", err);
    assert_fails((enum pl_code)verify(TEXT "\n" ED_LINE_BROKEN ED_LINE, "log.example.com", ed),
                 PL_EVERIFY, "line 1", err);
    /* The text changed, or the blank line taken into it. */
    assert_fails((enum pl_code)verify("x" TEXT "\n" ED_LINE, "log.example.com", ed), PL_EVERIFY,
                 "line 1", err);
    assert_fails((enum pl_code)verify(TEXT "\n\n" ED_LINE, "log.example.com", ed), PL_EVERIFY,
                 "line 1", err);
    assert_fails((enum pl_code)verify("x" TEXT "\n" EC_LINE, "log.example.com", ec), PL_EVERIFY,
                 "line 1", err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_hashes_follow_the_type),
        cmocka_unit_test(the_examples_parse_and_verify),
        cmocka_unit_test(signing_gives_the_example_byte_for_byte),
        cmocka_unit_test(every_key_type_signs_and_verifies),
        cmocka_unit_test(what_readers_would_split_differently_is_not_signed),
        cmocka_unit_test(malformed_notes_are_refused),
        cmocka_unit_test(the_text_ends_at_the_last_blank_line),
        cmocka_unit_test(sixteen_signatures_are_read_and_seventeen_refused),
        cmocka_unit_test(a_note_over_the_limit_is_refused),
        cmocka_unit_test(only_lines_of_the_name_and_key_count),
        cmocka_unit_test(one_false_line_of_the_key_spoils_the_note),
    };
    return cmocka_run_group_tests_name("note", tests, set_up, tear_down);
}
