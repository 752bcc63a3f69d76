/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - sources, their order, and errors that name setting, source and what is allowed.
 */
#include "tests/unit/test.h"

#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){"provlogd", __VA_ARGS__, NULL})
#define ENV(...)  ((const char *const[]){"HOME=/home/u", __VA_ARGS__, NULL})

static enum pl_code load(const char *const *argv, const char *const *env, struct pl_config *c,
                         struct pl_err *err)
{
    const char *help = "untouched";
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    return pl_config_load(PL_COMMANDS, argc, argv, env, c, &help, err);
}

/* A file with @text; the caller unlinks it. */
static void make_file(char path[64], const char *text)
{
    (void)snprintf(path, 64, "/tmp/provlog-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void defaults_need_no_argument(void **state)
{
    (void)state;
    struct pl_config c;
    struct pl_err err;
    assert_ok(load(ARGS(NULL), ENV(NULL), &c, &err), err);
    assert_string_equal(c.data_dir, "/home/u/.local/state/provlog");
    assert_int_equal(c.nlisten, 1);
    assert_string_equal(c.listen[0], "127.0.0.1:3000");
    assert_string_equal(c.admin_listen, "127.0.0.1:2112");
    assert_string_equal(c.origin, "localhost");
    assert_false(c.origin_given);
    assert_false(c.continue_given);
    assert_int_equal(c.body_max, 8 << 20);
    assert_int_equal(c.disk_floor_bytes, 512 << 20);
    assert_int_equal(c.head_timeout_ms, 10000);
    assert_null(c.tls_cert);
    pl_config_free(&c);
}

static void data_dir_follows_systemd_then_xdg_then_home(void **state)
{
    (void)state;
    struct pl_config c;
    struct pl_err err;
    assert_ok(load(ARGS(NULL), ENV("STATE_DIRECTORY=/var/lib/a:/var/lib/b", "XDG_STATE_HOME=/x"),
                   &c, &err),
              err);
    assert_string_equal(c.data_dir, "/var/lib/a");
    pl_config_free(&c);
    assert_ok(load(ARGS(NULL), ENV("XDG_STATE_HOME=/x"), &c, &err), err);
    assert_string_equal(c.data_dir, "/x/provlog");
    pl_config_free(&c);
    assert_fails(load(ARGS(NULL), (const char *const[]){NULL}, &c, &err), PL_EINVAL,
                 "give --data-dir", err);
}

static void a_later_source_wins(void **state)
{
    (void)state;
    struct pl_config c;
    struct pl_err err;
    char path[64];
    make_file(path, "{\"threads\": 3, \"workers\": 5, \"conns_max\": 100, \"no_create\": true,"
                    " \"body_max\": \"1MiB\", \"listen\": [\"127.0.0.1:1\", \"127.0.0.1:2\"],"
                    " \"origin\": \"file.example\", \"head_timeout\": \"3s\"}");
    assert_ok(load(ARGS("--config", path, "--threads=7"),
                   ENV("PROVLOG_THREADS=6", "PROVLOG_WORKERS=9"), &c, &err),
              err);
    assert_int_equal(c.threads, 7);
    assert_int_equal(c.workers, 9);
    assert_int_equal(c.conns_max, 100);
    assert_true(c.no_create);
    assert_int_equal(c.body_max, 1 << 20);
    assert_int_equal(c.nlisten, 2);
    assert_string_equal(c.origin, "file.example");
    assert_true(c.origin_given);
    assert_int_equal(c.head_timeout_ms, 3000);
    pl_config_free(&c);
    /* A list of a higher source replaces the lower one's; --no-create=false undoes the file. */
    assert_ok(load(ARGS("--no-create=false", "--listen", "unix:/s"),
                   ENV("PROVLOG_LISTEN=127.0.0.1:8 127.0.0.1:9"), &c, &err),
              err);
    assert_int_equal(c.nlisten, 1);
    assert_string_equal(c.listen[0], "unix:/s");
    assert_false(c.no_create);
    pl_config_free(&c);
    char named[128];
    (void)snprintf(named, sizeof(named), "PROVLOG_CONFIG=%s", path);
    assert_ok(load(ARGS(NULL), ENV(named, "PROVLOG_LISTEN=127.0.0.1:8 127.0.0.1:9"), &c, &err),
              err);
    assert_int_equal(c.nlisten, 2);
    assert_string_equal(c.listen[1], "127.0.0.1:9");
    assert_int_equal(c.threads, 3);
    pl_config_free(&c);
    (void)unlink(path);
}

static void errors_name_setting_source_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *args[3], *env, *file, *want[2];
    } cases[] = {
        {{"--threads", "many"}, NULL, NULL, {"flag --threads: 'many'", "from 0 to 256"}},
        {{"--threads", "257"}, NULL, NULL, {"flag --threads", "from 0 to 256"}},
        {{"--threads", "-1"}, NULL, NULL, {"flag --threads", "from 0 to 256"}},
        {{"--threads", "0x10"}, NULL, NULL, {"flag --threads", "from 0 to 256"}},
        {{"--body-max", "8MB"}, NULL, NULL, {"flag --body-max", "KiB, MiB"}},
        {{"--body-max", "99999999999999999999"}, NULL, NULL, {"flag --body-max", "KiB, MiB"}},
        {{"--body-max", "18014398509481985KiB"}, NULL, NULL, {"flag --body-max", "KiB, MiB"}},
        {{"--idle-timeout", "60 s"}, NULL, NULL, {"flag --idle-timeout", "ms, s, min, h"}},
        {{"--log-level", "verbose"}, NULL, NULL, {"flag --log-level", "debug info warn error"}},
        {{"--no-create=maybe"}, NULL, NULL, {"flag --no-create: 'maybe'", "true or false"}},
        {{"--threads"}, NULL, NULL, {"flag --threads", "needs a value: N"}},
        {{"--thread", "1"}, NULL, NULL, {"unknown flag '--thread'", "provlogd --help"}},
        {{"serve"}, NULL, NULL, {"unexpected argument 'serve'", "--help"}},
        {{"--origin", "a b"}, NULL, NULL, {"origin: 'a b'", "a host name"}},
        {{"--origin", ""}, NULL, NULL, {"flag --origin", "must not be empty"}},
        {{"--listen", "3000"}, NULL, NULL, {"listen: '3000'", "ADDR:PORT"}},
        {{"--listen", "127.0.0.1:65536"}, NULL, NULL, {"listen: '127.0.0.1:65536'", "ADDR:PORT"}},
        {{"--listen", "::1:3000"}, NULL, NULL, {"listen: '::1:3000'", "[IPV6]:PORT"}},
        {{"--listen", "unix:"}, NULL, NULL, {"listen: 'unix:'", "unix:PATH"}},
        {{"--admin-listen", "off"}, NULL, NULL, {"admin_listen: 'off'", "none"}},
        {{"--tls-cert", "/c"}, NULL, NULL, {"tls_cert is set but tls_key is not", "both"}},
        {{"--base-url", "log.example"}, NULL, NULL, {"base_url", "https://"}},
        {{"--base-url", "http://log.example/"}, NULL, NULL, {"base_url", "slash"}},
        {{"--mirror", "https://rekor.sigstore.dev,api=v1"},
         NULL,
         NULL,
         {"mirror: this build has no mirror", "take out"}},
        {{NULL}, "PROVLOG_THREADS=x", NULL, {"environment PROVLOG_THREADS: 'x'", "from 0 to 256"}},
        {{NULL},
         "PROVLOG_LOG_FORMAT=xml",
         NULL,
         {"environment PROVLOG_LOG_FORMAT", "auto json text"}},
        {{NULL}, "PROVLOG_CONFIG=/nonexistent.json", NULL, {"/nonexistent.json", "No such file"}},
        {{NULL}, NULL, "{\"threads\": \"x\"}", {"threads: 'x'", "from 0 to 256"}},
        {{NULL}, NULL, "{\"threads\": -1}", {"threads: '-1'", "from 0 to 256"}},
        {{NULL}, NULL, "{\"threads\": 1.5}", {"threads", "must be a number"}},
        {{NULL}, NULL, "{\"threads\": true}", {"threads", "must be a number"}},
        {{NULL}, NULL, "{\"no_create\": \"yes\"}", {"no_create", "must be true or false"}},
        {{NULL}, NULL, "{\"origin\": [\"a\"]}", {"origin", "must be a string"}},
        {{NULL}, NULL, "{\"listen\": [1]}", {"listen", "array of strings"}},
        {{NULL}, NULL, "{\"no-create\": true}", {"no-create: no such setting", "--help"}},
        {{NULL}, NULL, "{\"config\": \"x\"}", {"config: no such setting", "--help"}},
        {{NULL}, NULL, "[]", {"file ", "must be a JSON object"}},
        {{NULL}, NULL, "{\"threads\": 1, \"threads\": 2}", {"file ", "duplicate"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_config c;
        struct pl_err err = {.code = PL_OK};
        char path[64] = "";
        const char *argv[6] = {"provlogd"};
        const char *env[3] = {"HOME=/home/u"};
        int argc = 1;
        for (int k = 0; k < 3 && cases[i].args[k] != NULL; k++)
            argv[argc++] = cases[i].args[k];
        if (cases[i].env != NULL)
            env[1] = cases[i].env;
        if (cases[i].file != NULL) {
            make_file(path, cases[i].file);
            argv[argc++] = "--config";
            argv[argc++] = path;
        }
        assert_fails(load(argv, env, &c, &err), PL_EINVAL, cases[i].want[0], err);
        assert_fails(err.code, PL_EINVAL, cases[i].want[1], err);
        if (path[0] != '\0')
            (void)unlink(path);
    }
}

static void a_flag_belongs_to_its_subcommand(void **state)
{
    (void)state;
    struct pl_config c;
    struct pl_err err;
    const char *help;
    const char *const fsck[] = {"fsck", "--listen", "127.0.0.1:0", NULL};
    assert_fails(pl_config_load(pl_command_find("fsck"), 3, fsck, ENV(NULL), &c, &help, &err),
                 PL_EINVAL, "unknown flag '--listen'; see provlogd fsck --help", err);
    const char *const backup[] = {"backup", "--data-dir=/d", "--", "-file", NULL};
    assert_ok(pl_config_load(pl_command_find("backup"), 4, backup, ENV(NULL), &c, &help, &err),
              err);
    assert_int_equal(c.nargs, 1);
    assert_string_equal(c.args[0], "-file");
    assert_string_equal(c.data_dir, "/d");
    pl_config_free(&c);
    const char *const two[] = {"backup", "a", "b", NULL};
    assert_fails(pl_config_load(pl_command_find("backup"), 3, two, ENV(NULL), &c, &help, &err),
                 PL_EINVAL, "unexpected argument 'b'", err);
    assert_null(pl_command_find("export"));
}

static void addresses_are_split_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"127.0.0.1:3000", "127.0.0.1", 3000},
                {"[::1]:0", "::1", 0},
                {"localhost:65535", "localhost", 65535}};
    struct pl_bytes host;
    uint16_t port;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(pl_config_split_address(pl_str(good[i].text), &host, &port));
        assert_bytes(host, pl_str(good[i].host));
        assert_int_equal(port, good[i].port);
    }
    static const char *const bad[] = {
        "", ":", ":80", "a", "a:", "a:b", "a:080", "::1:80", "a:65536"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(pl_config_split_address(pl_str(bad[i]), &host, &port));
}

static void help_names_every_flag(void **state)
{
    (void)state;
    struct pl_config c;
    struct pl_err err;
    const char *help = NULL;
    const char *const argv[] = {"provlogd", "--threads", "bad", "--help", NULL};
    assert_ok(pl_config_load(PL_COMMANDS, 4, argv, ENV(NULL), &c, &help, &err), err);
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        char flag[64], env[64];
        assert_non_null(strstr(help, pl_setting_flag(s, flag)));
        assert_non_null(strstr(help, pl_setting_env(s, env)));
    }
    pl_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_need_no_argument),
        cmocka_unit_test(data_dir_follows_systemd_then_xdg_then_home),
        cmocka_unit_test(a_later_source_wins),
        cmocka_unit_test(errors_name_setting_source_and_what_is_allowed),
        cmocka_unit_test(a_flag_belongs_to_its_subcommand),
        cmocka_unit_test(addresses_are_split_strictly),
        cmocka_unit_test(help_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
