/* SPDX-License-Identifier: Apache-2.0 */
/* test_num.c - strict numbers, RFC 3339. */
#include "core/base/num.h"

#include <stdio.h>
#include <time.h>

#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void unsigned_numbers_have_one_spelling(void **state)
{
    static const char *const bad[] = {
        "",
        "-1",
        "+1",
        "00",
        "01",
        " 1",
        "1 ",
        "0x1",
        "1e3",
        "18446744073709551616",
        "99999999999999999999999",
        "1\n",
        "\xd9\xa1",
    };
    uint64_t v = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (pl_parse_u64(pl_str(bad[i]), UINT64_MAX, &v))
            fail_msg("accepted \"%s\"", bad[i]);
    }
    assert_int_equal(v, 7);
    assert_true(pl_parse_u64(PL_LIT("0"), UINT64_MAX, &v));
    assert_int_equal(v, 0);
    assert_true(pl_parse_u64(PL_LIT("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_true(pl_parse_u64(PL_LIT("255"), 255, &v));
    assert_false(pl_parse_u64(PL_LIT("256"), 255, &v));
    assert_false(pl_parse_u64(pl_bytes("1\0", 2), 255, &v));
}

static void signed_numbers_may_have_leading_zeros(void **state)
{
    static const char *const bad[] = {
        "", "-", "--1", "+1", "9223372036854775808", "-9223372036854775809", "1.0"};
    int64_t v = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (pl_parse_i64(pl_str(bad[i]), &v))
            fail_msg("accepted \"%s\"", bad[i]);
    }
    assert_int_equal(v, 7);
    assert_true(pl_parse_i64(PL_LIT("-007"), &v));
    assert_int_equal(v, -7);
    assert_true(pl_parse_i64(PL_LIT("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(pl_parse_i64(PL_LIT("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(pl_parse_i64(PL_LIT("-0"), &v));
    assert_int_equal(v, 0);
}

/* Against the C library, over all years, with a step that meets every day of the year. */
static void times_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t t = INT64_C(-62167219200); t <= INT64_C(253402300799); t += 86400 * 5 + 12347) {
        time_t as_time = (time_t)t;
        char want[64], got[PL_RFC3339_LEN + 1];
        int64_t back;
        struct tm tm;

        gmtime_r(&as_time, &tm);
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        pl_format_rfc3339(t, got);
        if (strcmp(want, got) != 0)
            fail_msg("want %s, got %s", want, got);
        assert_true(pl_parse_rfc3339(pl_str(got), &back));
        assert_true(back == t);
    }
}

static void times_are_clamped_to_four_digit_years(void **state)
{
    char got[PL_RFC3339_LEN + 1];

    (void)state;
    pl_format_rfc3339(INT64_MAX, got);
    assert_string_equal(got, "9999-12-31T23:59:59Z");
    pl_format_rfc3339(INT64_MIN, got);
    assert_string_equal(got, "0000-01-01T00:00:00Z");
}

static void times_with_offset_fraction_and_leap_second(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {
        {"1985-04-12T23:20:50.52Z", 482196050},        {"1996-12-19T16:39:57-08:00", 851042397},
        {"1990-12-31T23:59:60Z", 662688000},           {"1990-12-31T15:59:60-08:00", 662688000},
        {"1937-01-01T12:00:27.87+00:20", -1041337173}, {"2024-02-29t00:00:00z", 1709164800},
        {"2000-02-29T00:00:00+00:00", 951782400},
    };
    int64_t t;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!pl_parse_rfc3339(pl_str(good[i].text), &t))
            fail_msg("refused %s", good[i].text);
        if (t != good[i].want)
            fail_msg("%s: got %lld", good[i].text, (long long)t);
    }
}

static void malformed_times_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-1-01T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+0000",
        "2024-01-01T00:00:00Zx",
        "2024-01-01T00:00:00ZZ",
        "+024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.5",
    };
    int64_t t = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (pl_parse_rfc3339(pl_str(bad[i]), &t))
            fail_msg("accepted \"%s\"", bad[i]);
    }
    assert_int_equal(t, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_have_one_spelling),
        cmocka_unit_test(signed_numbers_may_have_leading_zeros),
        cmocka_unit_test(times_agree_with_the_c_library),
        cmocka_unit_test(times_are_clamped_to_four_digit_years),
        cmocka_unit_test(times_with_offset_fraction_and_leap_second),
        cmocka_unit_test(malformed_times_are_refused),
    };

    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
