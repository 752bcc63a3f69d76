/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - what reaches the sink, how it is escaped and rendered. */
#include "core/base/log.h"

#include <stdio.h>

#include "core/base/json.h"
#include "tests/unit/test.h"

static char seen_event[64], seen_fields[8192];
static enum pl_severity seen_severity;
static int seen;

static void sink(enum pl_severity severity, const char *event, const char *fields)
{
    seen_severity = severity;
    snprintf(seen_event, sizeof(seen_event), "%s", event);
    snprintf(seen_fields, sizeof(seen_fields), "%s", fields);
    seen++;
}

static void lines_below_the_threshold_are_not_made(void **state)
{
    (void)state;
    seen = 0;
    PL_ERROR("no.sink", "a=%d", 1);
    assert_int_equal(seen, 0);
    assert_false(pl_log_on(PL_LOG_ERROR));
    pl_log_write(PL_LOG_ERROR, "no.sink", "a=1");
    pl_log_set_sink(sink, PL_LOG_WARN);
    PL_DEBUG("x", "a=%d", 1);
    PL_INFO("x", "a=%d", 1);
    assert_int_equal(seen, 0);
    PL_WARN("disk.low", "left=%d", 5);
    assert_int_equal(seen, 1);
    assert_int_equal(seen_severity, PL_LOG_WARN);
    assert_string_equal(seen_event, "disk.low");
    assert_string_equal(seen_fields, "left=5");
    PL_ERROR("y", "b=%s", "c");
    assert_int_equal(seen, 2);
    pl_log_set_sink(NULL, PL_LOG_INFO);
    PL_ERROR("z", "b=%s", "c");
    assert_int_equal(seen, 2);
}

static void long_fields_are_cut(void **state)
{
    static char big[10000];

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    pl_log_set_sink(sink, PL_LOG_INFO);
    PL_INFO("big", "a=%s", big);
    assert_true(strlen(seen_fields) < 5000);
    assert_string_equal(seen_fields + strlen(seen_fields) - 5, "xx...");
    pl_log_set_sink(NULL, PL_LOG_INFO);
}

static void values_from_outside_are_escaped(void **state)
{
    char out[PL_LOG_ESC_MAX];
    uint8_t all[300];

    (void)state;
    assert_string_equal(pl_log_esc(PL_LIT("a\"b\\c\nd\te\x1b[0m\x7f\xc3\xa9"), out),
                        "\"a\\\"b\\\\c\\nd\\x09e\\x1b[0m\\x7f\\xc3\\xa9\"");
    assert_string_equal(pl_log_esc(pl_bytes(NULL, 0), out), "\"\"");
    memset(all, 0xff, sizeof(all));
    pl_log_esc(pl_bytes(all, 200), out);
    assert_int_equal(strlen(out), 802);
    pl_log_esc(pl_bytes(all, 201), out);
    assert_int_equal(strlen(out), 805);
    assert_string_equal(out + 801, "...\"");
}

static void text_lines(void **state)
{
    struct pl_buf b;

    (void)state;
    pl_buf_init(&b, 1000);
    pl_log_render(&b, false, INT64_C(1234567890007), PL_LOG_INFO, "entry.append", "index=1");
    pl_log_render(&b, false, -1, PL_LOG_WARN, "x", "");
    assert_string_equal(pl_buf_cstr(&b), "2009-02-13T23:31:30.007Z INFO    entry.append index=1\n"
                                         "1969-12-31T23:59:59.999Z WARNING x\n");
    pl_buf_free(&b);
}

/* The JSON line of @fields has exactly the member @name = @want (a string, or digits). */
static void check_json(const char *fields, const char *name, const char *want)
{
    struct pl_buf b;
    struct pl_err err;
    json_t *line, *value;

    pl_buf_init(&b, 20000);
    pl_log_render(&b, true, INT64_C(1234567890123), PL_LOG_ERROR, "e", fields);
    assert_true(pl_buf_ok(&b));
    assert_int_equal(b.p[b.n - 1], '\n');
    assert_ptr_equal(memchr(b.p, '\n', b.n), b.p + b.n - 1);
    assert_ok(pl_json_load(pl_buf_bytes(&b), 20000, &line, &err), err);
    assert_string_equal(json_string_value(json_object_get(line, "severity")), "ERROR");
    assert_string_equal(json_string_value(json_object_get(line, "message")), "e");
    assert_string_equal(json_string_value(json_object_get(line, "time")),
                        "2009-02-13T23:31:30.123Z");
    value = json_object_get(line, name);
    if (json_is_integer(value)) {
        char digits[32];

        snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        assert_string_equal(digits, want);
    } else {
        assert_non_null(json_string_value(value));
        assert_string_equal(json_string_value(value), want);
    }
    json_decref(line);
    pl_buf_free(&b);
}

static void json_lines(void **state)
{
    char esc[PL_LOG_ESC_MAX], fields[PL_LOG_ESC_MAX + 100];

    (void)state;
    check_json("index=12 kind=dsse", "index", "12");
    check_json("index=12 kind=dsse", "kind", "dsse");
    check_json("a= b=", "a", "");
    check_json("a=007", "a", "007"); /* no JSON number */
    check_json("a=99999999999999999999", "a", "99999999999999999999");
    check_json("just text a=b", "text", "just text a=b");
    check_json("message=x", "field", "x");
    check_json("a=\"unfinished", "a", "unfinished");
    check_json("a=\"x y\" b=2", "b", "2");
    check_json("a=x=y", "a", "x=y");
    check_json("a=\xff", "a", "?");
    snprintf(fields, sizeof(fields), "p=%s q=1",
             pl_log_esc(PL_LIT("caf\xc3\xa9 \"x=1\" a=b\\\n\x01"), esc));
    check_json(fields, "p", "caf\xc3\xa9 \"x=1\" a=b\\\n\x01");
    check_json(fields, "q", "1");
    snprintf(fields, sizeof(fields), "p=%s q=1", pl_log_esc(PL_LIT("bad \xff"), esc));
    check_json(fields, "p", "bad \\xff");
    check_json(fields, "q", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_below_the_threshold_are_not_made),
        cmocka_unit_test(long_fields_are_cut),
        cmocka_unit_test(values_from_outside_are_escaped),
        cmocka_unit_test(text_lines),
        cmocka_unit_test(json_lines),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
