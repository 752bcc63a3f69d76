/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c - strict loading, getters with paths, RFC 8785 with the examples of its text. */
#include "core/base/json.h"
#include "core/base/json_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/limits.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *load(const char *text)
{
    json_t *value = NULL;
    struct pl_err err;

    assert_ok(pl_json_load(pl_str(text), 100000, &value, &err), err);
    return value;
}

/* ---- loading ---- */

static void broken_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *in, *why;
    } bad[] = {
        {"", "the text is empty"},
        {" ", "line 1"},
        {"{\"a\":1,\n \"a\":2}", "line 2, column 4: duplicate object key"},
        {"{\"a\":1}\n{", "line 2, column 1: end of file expected"},
        {"{\"a\":1} x", "end of file expected"},
        {"{\"a\":1,}", "line 1"},
        {"[1 2]", "line 1"},
        {"{a:1}", "line 1"},
        {"'a'", "line 1"},
        {"\"a\nb\"", "unexpected newline"},
        {"\"a\tb\"", "control character"},
        {"\"\xff\"", "UTF-8"},
        {"\"\xed\xa0\x80\"", "UTF-8"},
        {"\"\\u0000\"", "\\u0000"},
        {"{\"\\u0000\":1}", "\\u0000"},
        {"\"\\ud800\"", "line 1"},
        {"01", "line 1"},
        {"NaN", "line 1"},
        {"1e999", "real number overflow"},
        {"99999999999999999999", "too big integer"},
        {"\xef\xbb\xbf{}", "line 1"},
    };
    struct pl_err err;
    json_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_fails(pl_json_load(pl_str(bad[i].in), 1000, &value, &err), PL_EINVAL, bad[i].why,
                     err);
    assert_fails(pl_json_load(pl_bytes("{}\0", 3), 1000, &value, &err), PL_EINVAL, "line 1", err);
    assert_fails(pl_json_load(pl_bytes("\"a\0b\"", 5), 1000, &value, &err), PL_EINVAL,
                 "control character", err);
    assert_fails(pl_json_load(pl_bytes("{\"a\0b\":1}", 9), 1000, &value, &err), PL_EINVAL, "line 1",
                 err);
    assert_null(value);
}

static void size_is_capped_before_anything_is_read(void **state)
{
    struct pl_err err;
    json_t *value = NULL;

    (void)state;
    assert_ok(pl_json_load(PL_LIT("[1,2]"), 5, &value, &err), err);
    json_decref(value);
    assert_fails(pl_json_load(PL_LIT("[1,2]"), 4, &value, &err), PL_ETOOBIG,
                 "JSON of 5 bytes is over the limit of 4 bytes", err);
}

/* @depth opening brackets and as many closing ones. */
static char *nested(int depth)
{
    size_t n = (size_t)depth;
    char *text = malloc(2 * n + 1);

    assert_non_null(text);
    memset(text, '[', n);
    memset(text + n, ']', n);
    text[2 * n] = '\0';
    return text;
}

static void depth_is_limited(void **state)
{
    struct pl_err err;
    char *text = nested(PL_JSON_DEPTH_MAX), many[100] = {0}, quoted[400];
    json_t *value = NULL;

    (void)state;
    json_decref(load(text));
    free(text);
    text = nested(PL_JSON_DEPTH_MAX + 1);
    assert_fails(pl_json_load(pl_str(text), 1000, &value, &err), PL_EINVAL,
                 "line 1, column 65: nested deeper than 64 levels", err);
    free(text);
    /* Brackets in strings don't count, nor after an escaped quote or backslash. */
    memset(many, '[', sizeof(many) - 1);
    snprintf(quoted, sizeof(quoted), "[\"%s\",\"\\\"%s\",\"%s\\\\\",[]]", many, many, many);
    json_decref(load(quoted));
}

static void the_number_of_values_is_limited(void **state)
{
    size_t n = 2 * PL_JSON_VALUES_MAX + 3;
    char *text = malloc(n);
    json_t *value = NULL;
    struct pl_err err;

    (void)state;
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 1; i < n; i += 2) {
        text[i] = '0';
        text[i + 1] = ',';
    }
    text[n - 1] = ']';
    assert_fails(pl_json_load(pl_bytes(text, n), n, &value, &err), PL_ETOOBIG,
                 "JSON of 262146 values is over the limit of 262144 values", err);
    memcpy(text + 1, "    ", 4); /* two values fewer */
    assert_ok(pl_json_load(pl_bytes(text, n), n, &value, &err), err);
    assert_int_equal(json_array_size(value), PL_JSON_VALUES_MAX - 1);
    json_decref(value);
    /* Commas and brackets in strings are no values. */
    memset(text, ',', n);
    text[0] = text[n - 1] = '"';
    assert_ok(pl_json_load(pl_bytes(text, n), n, &value, &err), err);
    json_decref(value);
    free(text);
}

static void any_value_may_stand_at_the_top(void **state)
{
    (void)state;
    json_decref(load(" 1 "));
    json_decref(load("null"));
    json_decref(load("\"x\"\n"));
}

/* ---- getters ---- */

static void getters_give_members(void **state)
{
    json_t *top = load("{\"o\":{\"x\":1},\"a\":[1],\"s\":\"t\\u00e9xt\",\"e\":\"\",\"t\":true,"
                       "\"f\":false,\"n\":null,\"u\":7,\"us\":\"18446744073709551615\","
                       "\"b\":\"QUJD\"}");
    struct pl_arena arena;
    struct pl_bytes text;
    struct pl_err err;
    uint64_t u = 0;
    bool flag = false;
    json_t *v;

    (void)state;
    pl_arena_init(&arena, 1000);
    assert_ok(pl_json_object(top, "", "o", &v, &err), err);
    assert_true(json_is_object(v));
    assert_ok(pl_json_array(top, "", "a", &v, &err), err);
    assert_int_equal(json_array_size(v), 1);
    assert_ok(pl_json_string(top, "", "s", &text, &err), err);
    assert_bytes(text, PL_LIT("t\xc3\xa9xt"));
    assert_ok(pl_json_string(top, "", "e", &text, &err), err);
    assert_non_null(text.p);
    assert_int_equal(text.n, 0);
    assert_ok(pl_json_bool_opt(top, "", "t", false, &flag, &err), err);
    assert_true(flag);
    assert_ok(pl_json_bool_opt(top, "", "f", true, &flag, &err), err);
    assert_false(flag);
    assert_ok(pl_json_u64(top, "", "u", &u, &err), err);
    assert_int_equal(u, 7);
    assert_ok(pl_json_u64(top, "", "us", &u, &err), err);
    assert_true(u == UINT64_MAX);
    assert_ok(pl_json_base64(top, "", "b", &arena, &text, &err), err);
    assert_bytes(text, PL_LIT("ABC"));
    pl_arena_free(&arena);
    json_decref(top);
}

static void absent_and_null_are_the_same(void **state)
{
    static const char *const names[] = {"n", "absent"};
    json_t *top = load("{\"n\":null}");
    struct pl_arena arena;
    struct pl_err err;

    (void)state;
    pl_arena_init(&arena, 1000);
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *name = names[i];
        struct pl_bytes text = PL_LIT("x");
        json_t *v = top;
        uint64_t u = 1;
        bool flag = false;
        char want[40];

        snprintf(want, sizeof(want), "spec.%s is required", name);
        assert_ok(pl_json_object_opt(top, "spec", name, &v, &err), err);
        assert_null(v);
        v = top;
        assert_ok(pl_json_array_opt(top, "spec", name, &v, &err), err);
        assert_null(v);
        assert_ok(pl_json_string_opt(top, "spec", name, &text, &err), err);
        assert_null(text.p);
        assert_ok(pl_json_bool_opt(top, "spec", name, true, &flag, &err), err);
        assert_true(flag);
        assert_ok(pl_json_u64_opt(top, "spec", name, 9, &u, &err), err);
        assert_int_equal(u, 9);
        assert_fails(pl_json_object(top, "spec", name, &v, &err), PL_EINVAL, want, err);
        assert_fails(pl_json_array(top, "spec", name, &v, &err), PL_EINVAL, want, err);
        assert_fails(pl_json_string(top, "spec", name, &text, &err), PL_EINVAL, want, err);
        assert_fails(pl_json_u64(top, "spec", name, &u, &err), PL_EINVAL, want, err);
        assert_fails(pl_json_base64(top, "spec", name, &arena, &text, &err), PL_EINVAL, want, err);
    }
    pl_arena_free(&arena);
    json_decref(top);
}

static void wrong_types_are_refused_with_the_path(void **state)
{
    json_t *top = load("{\"x\":1.5,\"m\":-1,\"ms\":\"-1\",\"lz\":\"01\",\"s\":\"Zh==\"}");
    json_t *array = load("[1]");
    struct pl_arena arena;
    struct pl_bytes text = PL_LIT("before");
    struct pl_err err;
    uint64_t u = 3;
    bool flag = false;
    json_t *v = NULL;

    (void)state;
    pl_arena_init(&arena, 1000);
    assert_fails(pl_json_object(top, "a.b", "x", &v, &err), PL_EINVAL, "a.b.x must be an object",
                 err);
    assert_fails(pl_json_object_opt(top, "", "x", &v, &err), PL_EINVAL, "x must be an object", err);
    assert_fails(pl_json_array(top, "a", "x", &v, &err), PL_EINVAL, "a.x must be an array", err);
    assert_fails(pl_json_string(top, "a", "x", &text, &err), PL_EINVAL, "a.x must be a string",
                 err);
    assert_fails(pl_json_bool_opt(top, "a", "x", true, &flag, &err), PL_EINVAL,
                 "a.x must be true or false", err);
    assert_fails(pl_json_u64(top, "a", "x", &u, &err), PL_EINVAL, "a.x must be a non-negative",
                 err);
    assert_fails(pl_json_u64(top, "a", "m", &u, &err), PL_EINVAL, "a.m must be a non-negative",
                 err);
    assert_fails(pl_json_u64(top, "a", "ms", &u, &err), PL_EINVAL, "a.ms must be", err);
    assert_fails(pl_json_u64_opt(top, "a", "lz", 1, &u, &err), PL_EINVAL, "a.lz must be", err);
    assert_fails(pl_json_base64(top, "a", "s", &arena, &text, &err), PL_EINVAL,
                 "a.s is not valid base64", err);
    assert_fails(pl_json_string_opt(array, "list", "s", &text, &err), PL_EINVAL,
                 "list must be an object", err);
    assert_fails(pl_json_string_opt(NULL, "", "s", &text, &err), PL_EINVAL,
                 "the JSON text must be an object", err);
    assert_bytes(text, PL_LIT("before"));
    assert_int_equal(u, 3);
    assert_false(flag);
    assert_null(v);
    pl_arena_free(&arena);
    json_decref(top);
    json_decref(array);
}

/* ---- RFC 8785 ---- */

static void check_canonical(const char *in, const char *want)
{
    json_t *value = load(in);
    struct pl_buf b;
    struct pl_err err;

    pl_buf_init(&b, 10000);
    assert_ok(pl_json_canonical(value, &b, &err), err);
    assert_string_equal(pl_buf_cstr(&b), want);
    pl_buf_free(&b);
    json_decref(value);
}

static void examples_of_rfc_8785(void **state)
{
    (void)state;
    /* Section 3.2.2 */
    check_canonical("{\"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3,\n"
                    " 0.000000000000000000000000001],\n"
                    " \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                    " \"literals\": [null, true, false]}",
                    "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
                    "0.002,1e-27],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    /* Section 3.2.3: by UTF-16 code units */
    check_canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                    "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
                    "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
                    "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
                    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
                    "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
                    "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void members_and_values(void **state)
{
    (void)state;
    check_canonical("{}", "{}");
    check_canonical("[ ]", "[]");
    check_canonical("{\"b\":{\"d\":1,\"c\":2},\"a\":[3,{\"z\":1,\"y\":[]}],\"aa\":\"\",\"\":0}",
                    "{\"\":0,\"a\":[3,{\"y\":[],\"z\":1}],\"aa\":\"\",\"b\":{\"c\":2,\"d\":1}}");
    check_canonical("[-0,0.0,-0.0,1.0,-1,9007199254740991,-9007199254740991,1E0]",
                    "[0,0,0,1,-1,9007199254740991,-9007199254740991,1]");
    check_canonical("\"\\b\\t\\n\\f\\r\\u0001\\u001F\\u007f<>&\\u2028\"",
                    "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f<>&\xe2\x80\xa8\"");
}

static void lossy_strings_replace_what_is_not_utf8(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"cut \xc3", "\"cut \xef\xbf\xbd\""},
        {"\xff"
         "a\xf0\x9f\x98\x80\"\xed\xa0\x80z",
         "\"\xef\xbf\xbd"
         "a\xf0\x9f\x98\x80\\\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
        {"", "\"\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pl_buf b;

        pl_buf_init(&b, 100);
        pl_buf_add_json_lossy(&b, pl_str(cases[i].in));
        assert_string_equal(pl_buf_cstr(&b), cases[i].want);
        pl_buf_free(&b);
    }
}

static void what_jcs_cannot_say_is_refused(void **state)
{
    static const char *const bad[] = {"9007199254740992", "-9007199254740992",
                                      "{\"a\":[9223372036854775807]}"};
    struct pl_buf b;
    struct pl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_t *value = load(bad[i]);

        pl_buf_init(&b, 100);
        assert_fails(pl_json_canonical(value, &b, &err), PL_EINVAL, "2^53-1", err);
        pl_buf_free(&b);
        json_decref(value);
    }
}

static void too_deep_values_of_our_own_are_refused(void **state)
{
    json_t *value = json_array();
    struct pl_buf b;
    struct pl_err err;

    (void)state;
    for (int i = 0; i < 3 * PL_JSON_DEPTH_MAX; i++) {
        json_t *outer = json_array();

        assert_int_equal(json_array_append_new(outer, value), 0);
        value = outer;
    }
    pl_buf_init(&b, 10000);
    assert_fails(pl_json_canonical(value, &b, &err), PL_EINVAL, "nested deeper", err);
    pl_buf_free(&b);
    json_decref(value);
}

/* RFC 8785 appendix B, and some more from ECMA-262's rules. */
static void numbers_of_rfc_8785(void **state)
{
    static const struct {
        uint64_t bits;
        const char *want;
    } samples[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
        {0x3ff0000000000000, "1"},
        {0x3fb999999999999a, "0.1"},
        {0x3fd3333333333334, "0.30000000000000004"},
        {0x3d30000000000000, "5.684341886080802e-14"}, /* 2^-44: not the nearest of 16 digits */
        {0x0010000000000000, "2.2250738585072014e-308"},
        {0x4024000000000000, "10"},
        {0x3f50624dd2f1a9fc, "0.001"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct pl_buf b;
        double v;

        memcpy(&v, &samples[i].bits, sizeof(v));
        pl_buf_init(&b, 100);
        pl_buf_add_json_double(&b, v);
        assert_string_equal(pl_buf_cstr(&b), samples[i].want);
        pl_buf_free(&b);
    }
}

/* Every number reads back as itself, from no more digits than C's own formatting needs. */
static void numbers_round_trip_in_the_fewest_digits(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        char fewest[40];
        size_t digits = 0, got = 0;
        struct pl_buf b;
        double v;

        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&v, &seed, sizeof(v));
        if (!isfinite(v))
            continue;
        pl_buf_init(&b, 100);
        pl_buf_add_json_double(&b, v);
        assert_true(strtod(pl_buf_cstr(&b), NULL) == v);
        do
            snprintf(fewest, sizeof(fewest), "%.*e", (int)digits++, v);
        while (strtod(fewest, NULL) != v);
        for (size_t k = 0; k < b.n && b.p[k] != 'e'; k++)
            got += b.p[k] >= '0' && b.p[k] <= '9';
        if (strchr(pl_buf_cstr(&b), 'e') != NULL && got > digits)
            fail_msg("%s has more than %zu digits", pl_buf_cstr(&b), digits);
        pl_buf_free(&b);
    }
}

/* What the quick reader takes it reads as jansson does; what it is not made for it leaves. */
static void the_quick_reader_agrees_with_jansson(void **state)
{
    static const char *const taken[] = {
        "{}",
        "[]",
        "\"\"",
        "0",
        "-1",
        "123456789012345",
        "true",
        "false",
        "null",
        " { \"a\" : [ 1 , -2 , { \"b\" : \"c\" } ] , \"d\" : null } \r\n\t",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"plain \xc3\xa9 and \\\"escaped\\\" \xe2\x80\x94\"",
        "{\"x\\\"y\":\"1\\\\2\",\"z\":\"\"}",
        "[[[[]]]]",
        "\"\x7f\"",
        "{\"envelope\":\"{\\\"payload\\\":\\\"e30=\\\"}\",\"verifiers\":[\"LS0t\"]}",
    };
    static const char *const left[] = {
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "[1,]",
        "[,]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1}x",
        "1 2",
        "tru",
        "nul",
        "truee",
        "01",
        "-",
        "-0",
        "-01",
        "1.5",
        "1e3",
        "1E3",
        "0x1",
        "+1",
        "1234567890123456",
        "\"\\u0041\"",
        "\"\\x\"",
        "\"\\\"",
        "\"\n\"",
        "\"\t\"",
        "\"\xff\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\xaf\"",
        "\"\\n\xff\"",
        "{\"a\":1,\"a\":2}",
        "{\"\\\\\":1,\"\\\\\":2}",
        "{1:2}",
        "'a'",
        "/**/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct pl_bytes in = pl_str(taken[i]);
        json_t *quick = pl_json_read_plain(in);
        json_t *slow =
            json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        if (quick == NULL || slow == NULL || !json_equal(quick, slow))
            fail_msg("not read alike: %s", taken[i]);
        json_decref(quick);
        json_decref(slow);
    }
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        json_t *quick = pl_json_read_plain(pl_str(left[i]));
        if (quick != NULL)
            fail_msg("should be left to jansson: %s", left[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quick_reader_agrees_with_jansson),
        cmocka_unit_test(broken_json_is_refused_with_its_place),
        cmocka_unit_test(size_is_capped_before_anything_is_read),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(the_number_of_values_is_limited),
        cmocka_unit_test(any_value_may_stand_at_the_top),
        cmocka_unit_test(getters_give_members),
        cmocka_unit_test(absent_and_null_are_the_same),
        cmocka_unit_test(wrong_types_are_refused_with_the_path),
        cmocka_unit_test(examples_of_rfc_8785),
        cmocka_unit_test(members_and_values),
        cmocka_unit_test(lossy_strings_replace_what_is_not_utf8),
        cmocka_unit_test(what_jcs_cannot_say_is_refused),
        cmocka_unit_test(too_deep_values_of_our_own_are_refused),
        cmocka_unit_test(numbers_of_rfc_8785),
        cmocka_unit_test(numbers_round_trip_in_the_fewest_digits),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
