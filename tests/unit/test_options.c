/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c - the client's command lines, its documents and small parsers. */
#include "client/options.h"

#include <stdlib.h>

#include "client/client.h"
#include "client/tekton.h"
#include "tests/unit/test.h"

#define WORDS_MAX 16

/* Parses the words up to the first NULL, the subcommand's name among them. */
static enum pl_code parse(const char *const words[WORDS_MAX], struct pl_args *out,
                          struct pl_err *err)
{
    int argc = 0, used = 0;

    while (argc < WORDS_MAX && words[argc] != NULL)
        argc++;
    const struct pl_subcommand *s = pl_subcommand_find(argc, words, &used);
    assert_non_null(s);
    return pl_options_parse(s, argc - used, words + used, out, err);
}
#define PARSE(out, err, ...) parse((const char *const[WORDS_MAX]){__VA_ARGS__}, (out), (err))

static void options_stand_anywhere_in_each_form(void **state)
{
    struct pl_args a;
    struct pl_err err;
    (void)state;

    assert_ok(PARSE(&a, &err, "attest", "--key", "k", "model", "--type=t=u", "-o", "json",
                    "--result", "log-index=/a", "--result=checkpoint=/b"),
              err);
    assert_string_equal(a.key, "k");
    assert_string_equal(a.type, "t=u");
    assert_string_equal(a.output, "json");
    assert_int_equal(a.noperands, 1);
    assert_string_equal(a.operand[0], "model");
    assert_int_equal(a.nresult, 2);
    assert_string_equal(a.result[1], "checkpoint=/b");
    assert_ok(PARSE(&a, &err, "verify", "-ojson", "--", "--key"), err);
    assert_string_equal(a.output, "json");
    assert_string_equal(a.operand[0], "--key");
    assert_null(a.key);
    /* A single dash is standard input. */
    assert_ok(PARSE(&a, &err, "submit", "-"), err);
    assert_string_equal(a.operand[0], "-");
}

static void subcommands_have_two_words_or_another_name(void **state)
{
    const char *const model[] = {"model", "digest", "x"}, *const alone[] = {"model"};
    const char *const upload[] = {"upload", "x"}, *const prefix[] = {"mode", "digest"};
    int words = 0;
    (void)state;

    assert_string_equal(pl_subcommand_find(3, model, &words)->name, "model digest");
    assert_int_equal(words, 2);
    assert_string_equal(pl_subcommand_find(2, upload, &words)->name, "submit");
    assert_int_equal(words, 1);
    assert_null(pl_subcommand_find(1, alone, &words));
    assert_null(pl_subcommand_find(2, prefix, &words));
    assert_null(pl_subcommand_find(0, prefix, &words));
}

static void numbers_are_whole_and_in_range(void **state)
{
    static const char *const bad[] = {"", "-1", "1x", "01", "+1", "1.0", "18446744073709551616"};
    struct pl_args a;
    struct pl_err err;
    (void)state;

    assert_ok(PARSE(&a, &err, "get", "--log-index", "0"), err);
    assert_true(a.has_log_index);
    assert_int_equal(a.log_index, 0);
    assert_int_equal(a.timeout_s, 90);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(PARSE(&a, &err, "get", "--log-index", bad[i]), PL_EINVAL, "--log-index", err);
    assert_fails(PARSE(&a, &err, "get", "--timeout", "0"), PL_EINVAL, "from 1 to 86400", err);
    assert_fails(PARSE(&a, &err, "logproof", "--first-size", "0"), PL_EINVAL, "--first-size", err);
}

static void mistakes_are_named(void **state)
{
    struct pl_args a;
    struct pl_err err;
    (void)state;

    assert_fails(PARSE(&a, &err, "get", "--log-indx", "1"), PL_EINVAL, "\"--log-indx\"", err);
    assert_fails(PARSE(&a, &err, "get", "-x"), PL_EINVAL, "unknown option \"-x\"", err);
    assert_fails(PARSE(&a, &err, "get", "--uuid"), PL_EINVAL, "--uuid HEX", err);
    assert_fails(PARSE(&a, &err, "get", "--uuid="), PL_EINVAL, "--uuid is empty", err);
    assert_fails(PARSE(&a, &err, "get", "--uuid", "a", "--uuid", "a"), PL_EINVAL, "given twice",
                 err);
    /* Another name of an option is that option. */
    assert_fails(PARSE(&a, &err, "get", "--server", "a", "--rekor_server", "b"), PL_EINVAL,
                 "--server is given twice", err);
    assert_fails(PARSE(&a, &err, "get", "--help=1"), PL_EINVAL, "takes no value", err);
    assert_fails(PARSE(&a, &err, "get", "what"), PL_EINVAL, "\"what\" is one argument too many",
                 err);
    assert_fails(PARSE(&a, &err, "verify"), PL_EINVAL, "ARTIFACT is missing", err);
    assert_fails(PARSE(&a, &err, "verify", "1", "2", "3", "4", "5", "6"), PL_EINVAL, "too many",
                 err);
    /* With --help nothing is missing. */
    assert_ok(PARSE(&a, &err, "verify", "--help"), err);
    assert_true(a.help);
}

static void the_environment_stands_in(void **state)
{
    struct pl_args a;
    struct pl_err err;
    (void)state;

    assert_int_equal(setenv("PROVLOG_SERVER", "http://from.env", 1), 0);
    assert_ok(PARSE(&a, &err, "loginfo"), err);
    assert_string_equal(a.server, "http://from.env");
    assert_ok(PARSE(&a, &err, "loginfo", "--rekor-url", "http://given"), err);
    assert_string_equal(a.server, "http://given");
    assert_int_equal(unsetenv("PROVLOG_SERVER"), 0);
    assert_ok(PARSE(&a, &err, "loginfo"), err);
    assert_null(a.server);
}

/* Each option of each subcommand can be told from the others, and has what its form needs. */
static void the_tables_are_sound(void **state)
{
    (void)state;
    for (const struct pl_subcommand *s = PL_SUBCOMMANDS; s->name != NULL; s++) {
        assert_non_null(s->run);
        assert_true(s->operands_max <= PL_OPERANDS_MAX);
        assert_true((s->operands_max > 0) == (s->operands[0] != '\0'));
        const struct pl_option *all[64];
        size_t n = 0;
        for (size_t t = 0; t < PL_OPTION_TABLES && s->options[t] != NULL; t++) {
            size_t here = 0;
            for (const struct pl_option *o = s->options[t]; o->name != NULL; o++, here++) {
                assert_true(n < 64 && here < 32); /* a bit for each: options.c */
                assert_true((o->type == PL_OPTION_FLAG) == (o->metavar == NULL));
                assert_true(o->help[strlen(o->help) - 1] != '.');
                for (size_t i = 0; i < n; i++) {
                    assert_string_not_equal(all[i]->name, o->name);
                    assert_true(o->letter == '\0' || all[i]->letter != o->letter);
                }
                all[n++] = o;
            }
        }
    }
}

static void help_and_man_page_have_every_option(void **state)
{
    struct pl_buf help, man;
    (void)state;

    pl_buf_init(&help, 1 << 20);
    pl_buf_init(&man, 1 << 20);
    pl_options_man(&man);
    const char *page = pl_buf_cstr(&man);
    for (const struct pl_subcommand *s = PL_SUBCOMMANDS; s->name != NULL; s++) {
        pl_buf_reset(&help);
        pl_options_help(s, &help);
        const char *text = pl_buf_cstr(&help);
        assert_non_null(strstr(text, s->name));
        assert_non_null(strstr(page, s->name));
        for (size_t t = 0; t < PL_OPTION_TABLES && s->options[t] != NULL; t++)
            for (const struct pl_option *o = s->options[t]; o->name != NULL; o++)
                assert_true(o->hidden == (strstr(text, o->name) == NULL) || o->hidden);
        /* No line is wider than a terminal. */
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") <= 80);
    }
    pl_buf_free(&help);
    pl_buf_free(&man);
}

/* ---- exit status, results, digests, Retry-After ---- */

static void each_failure_has_its_exit_status(void **state)
{
    static const struct {
        enum pl_code code;
        int cause;
        enum pl_exit want;
    } cases[] = {
        {PL_OK, 0, PL_EXIT_OK},
        {PL_EVERIFY, 0, PL_EXIT_VERIFY},
        {PL_EINVAL, 0, PL_EXIT_USAGE},
        {PL_EINVAL, 2 /* ENOENT */, PL_EXIT_USAGE},
        {PL_EINVAL, 403, PL_EXIT_REFUSED},
        {PL_EINVAL, 301, PL_EXIT_REFUSED},
        {PL_ETOOBIG, 0, PL_EXIT_REFUSED},
        {PL_ENOTFOUND, 404, PL_EXIT_NOTFOUND},
        {PL_EIO, 503, PL_EXIT_TROUBLE},
        {PL_EIO, 7, PL_EXIT_TROUBLE},
        {PL_ENOMEM, 0, PL_EXIT_TROUBLE},
        {PL_ECORRUPT, 0, PL_EXIT_TROUBLE},
        {PL_EBUSY, 0, PL_EXIT_TROUBLE},
        {PL_ENOSPACE, 0, PL_EXIT_TROUBLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_err err = {.code = cases[i].code, .cause = cases[i].cause};
        assert_int_equal(pl_exit_of(&err), cases[i].want);
    }
    /* No failure may look like success. */
    for (int code = PL_OK + 1; code < PL_CODE_COUNT; code++) {
        struct pl_err err = {.code = (enum pl_code)code};
        assert_int_not_equal(pl_exit_of(&err), 0);
    }
}

static void results_have_known_names_and_one_path(void **state)
{
    static const char *const good[] = {"checkpoint=/x=y"};
    static const char *const bad[][2] = {
        {"log-index", "NAME=PATH"}, {"log-index=", "NAME=PATH"}, {"index=/x", "log-index,"}};
    static const char *const twice[] = {"checkpoint=/a", "checkpoint=/b"};
    struct pl_tekton t;
    struct pl_err err;
    (void)state;

    assert_ok(pl_tekton_init(NULL, good, 1, &t, &err), err);
    assert_string_equal(t.path[PL_RESULT_CHECKPOINT], "/x=y");
    assert_true(pl_tekton_wanted(&t));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(pl_tekton_init(NULL, &bad[i][0], 1, &t, &err), PL_EINVAL, bad[i][1], err);
    assert_fails(pl_tekton_init(NULL, twice, 2, &t, &err), PL_EINVAL, "given twice", err);
    assert_ok(pl_tekton_init(NULL, NULL, 0, &t, &err), err);
    assert_false(pl_tekton_wanted(&t));
    assert_ok(pl_tekton_init("/dir", NULL, 0, &t, &err), err);
    assert_true(pl_tekton_wanted(&t));
}

static void a_result_over_the_limit_is_refused(void **state)
{
    static const char big[PL_RESULT_MAX + 1];
    struct pl_tekton t = {.dir = "/nonexistent"};
    struct pl_err err;
    (void)state;

    assert_fails(pl_tekton_write(&t, PL_RESULT_CHECKPOINT, pl_bytes(big, sizeof(big)), &err),
                 PL_ETOOBIG, "1025 bytes, 1024 are possible", err);
    assert_fails(pl_tekton_write(&t, PL_RESULT_CHECKPOINT, pl_bytes(big, PL_RESULT_MAX), &err),
                 PL_EINVAL, "/nonexistent/checkpoint", err);
}

static void digests_have_two_spellings(void **state)
{
    static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct pl_hash got, want;
    (void)state;

    pl_sha256(pl_str(""), &want);
    assert_true(pl_parse_sha256(hex, &got) && pl_hash_eq(&got, &want));
    assert_true(pl_parse_sha256("sha256:"
                                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                &got) &&
                pl_hash_eq(&got, &want));
    assert_false(pl_parse_sha256(hex + 1, &got));
    assert_false(pl_parse_sha256("sha512:", &got));
    assert_false(pl_parse_sha256("", &got));
}

static void retry_after_is_seconds_or_a_date_and_capped(void **state)
{
    static const struct {
        const char *value;
        int want;
    } cases[] = {
        {"0", 0},
        {"7", 7},
        {"30", 30},
        {"31", 30},
        {"99999999999999999999", -1},
        {"", -1},
        {"-1", -1},
        {"soon", -1},
        {"Sun, 06 Nov 1994 08:49:42 GMT", 5},
        {"Sun, 06 Nov 1994 08:49:30 GMT", 0},
        {"Mon, 07 Nov 1994 08:49:42 GMT", 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(pl_http_retry_after(pl_str(cases[i].value), 784111777), cases[i].want);
}

static void a_server_is_an_address_of_a_known_form(void **state)
{
    static const char *const bad[] = {"localhost:3000", "ftp://x", "http://",
                                      "unix:",          "",        "file:///etc/passwd"};
    struct pl_http *http = NULL;
    struct pl_err err;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pl_http_options o = {.server = bad[i], .timeout_s = 1};
        assert_fails(pl_http_open(&o, &http, &err), PL_EINVAL, "unix:PATH", err);
    }
    struct pl_http_options o = {.server = "http://x/prefix//", .timeout_s = 1};
    assert_ok(pl_http_open(&o, &http, &err), err);
    assert_string_equal(pl_http_server(http), "http://x/prefix");
    pl_http_close(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_in_each_form),
        cmocka_unit_test(subcommands_have_two_words_or_another_name),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(the_environment_stands_in),
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(help_and_man_page_have_every_option),
        cmocka_unit_test(each_failure_has_its_exit_status),
        cmocka_unit_test(results_have_known_names_and_one_path),
        cmocka_unit_test(a_result_over_the_limit_is_refused),
        cmocka_unit_test(digests_have_two_spellings),
        cmocka_unit_test(retry_after_is_seconds_or_a_date_and_capped),
        cmocka_unit_test(a_server_is_an_address_of_a_known_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
