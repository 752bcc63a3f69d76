/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - reads the settings: default, then file, environment, flags; a later source wins.
 *
 * Every value goes through set(), whatever it came from, so all sources accept the same and an
 * error can name setting, source and what is allowed.
 */
#include "server/config.h"

#include "core/base/json.h"
#include "core/base/num.h"
#include "server/file.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFIG_FILE_MAX ((size_t)1 << 20)
#define SETTINGS_MAX    64

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG };

struct loader {
    struct pl_config *config;
    const struct pl_command *command;
    unsigned char from[SETTINGS_MAX]; /* enum source of each setting's value */
    char where[512];                  /* names the value at hand, for errors */
};

const char *pl_setting_flag(const struct pl_setting *s, char out[64])
{
    (void)snprintf(out, 64, "--%s", s->name);
    for (char *p = out; *p != '\0'; p++)
        if (*p == '_')
            *p = '-';
    return out;
}

const char *pl_setting_env(const struct pl_setting *s, char out[64])
{
    (void)snprintf(out, 64, "PROVLOG_%s", s->name);
    for (char *p = out; *p != '\0'; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    return out;
}

static size_t number_of(const struct pl_setting *s)
{
    return (size_t)(s - PL_SETTINGS);
}

static bool is_config_file(const struct pl_setting *s)
{
    return s->offset == offsetof(struct pl_config, config_file);
}

static void *field(struct loader *l, const struct pl_setting *s)
{
    return (char *)l->config + s->offset;
}

/* ---- values ---- */

struct unit {
    const char *name;
    uint64_t times;
};
static const struct unit SIZE_UNITS[] = {{"KiB", 1ull << 10},
                                         {"MiB", 1ull << 20},
                                         {"GiB", 1ull << 30},
                                         {"TiB", 1ull << 40},
                                         {"B", 1},
                                         {NULL, 0}};
static const struct unit TIME_UNITS[] = {
    {"ms", 1}, {"min", 60000}, {"h", 3600000}, {"s", 1000}, {NULL, 0}};
static const struct unit NO_UNITS[] = {{NULL, 0}};

static const struct unit *units_of(enum pl_setting_type type)
{
    return type == PL_SETTING_SIZE ? SIZE_UNITS : type == PL_SETTING_TIME ? TIME_UNITS : NO_UNITS;
}

static bool parse_number(struct pl_bytes text, const struct unit *units, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    uint64_t times = 1, value = 0;
    if (digits < text.n) {
        while (units->name != NULL &&
               !pl_bytes_eq_str(pl_bytes(text.p + digits, text.n - digits), units->name))
            units++;
        if (units->name == NULL)
            return false;
        times = units->times;
    }
    return pl_parse_u64(pl_bytes(text.p, digits), UINT64_MAX, &value) &&
           !PL_MUL_OVERFLOW(value, times, out);
}

static enum pl_code set_number(struct loader *l, const struct pl_setting *s, struct pl_bytes text,
                               struct pl_err *err)
{
    uint64_t value;
    if (!parse_number(text, units_of(s->type), &value) || value < s->min || value > s->max)
        return PL_FAIL(
            err, PL_EINVAL, "%s: '" PL_FMT "' is not allowed: a whole number from %llu to %llu%s",
            l->where, PL_ARG(text), (unsigned long long)s->min, (unsigned long long)s->max,
            s->type == PL_SETTING_SIZE   ? " bytes, or with KiB, MiB, GiB, TiB"
            : s->type == PL_SETTING_TIME ? " milliseconds, or with ms, s, min, h"
                                         : "");
    *(uint64_t *)field(l, s) = value;
    return PL_OK;
}

static bool is_choice(const char *choices, struct pl_bytes text)
{
    while (*choices != '\0') {
        size_t n = strcspn(choices, " ");
        if (text.n == n && memcmp(choices, text.p, n) == 0)
            return true;
        choices += n + (choices[n] == ' ');
    }
    return false;
}

static enum pl_code set_bool(struct loader *l, const struct pl_setting *s, struct pl_bytes text,
                             struct pl_err *err)
{
    bool yes = is_choice("true 1 yes on", text);
    if (!yes && !is_choice("false 0 no off", text))
        return PL_FAIL(err, PL_EINVAL, "%s: '" PL_FMT "' is not allowed: true or false", l->where,
                       PL_ARG(text));
    *(bool *)field(l, s) = yes;
    return PL_OK;
}

static enum pl_code keep_text(struct loader *l, const struct pl_setting *s, struct pl_bytes text,
                              const char **out, struct pl_err *err)
{
    if (text.n == 0)
        return PL_FAIL(err, PL_EINVAL, "%s: must not be empty (%s)", l->where, s->metavar);
    if (memchr(text.p, '\0', text.n) != NULL)
        return PL_FAIL(err, PL_EINVAL, "%s: must not contain a NUL", l->where);
    struct pl_bytes copy = pl_arena_dup(&l->config->arena, text);
    if (copy.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "%s: out of memory", l->where);
    *out = (const char *)copy.p;
    return PL_OK;
}

static enum pl_code set_text(struct loader *l, const struct pl_setting *s, struct pl_bytes text,
                             struct pl_err *err)
{
    if (s->choices != NULL && !is_choice(s->choices, text))
        return PL_FAIL(err, PL_EINVAL, "%s: '" PL_FMT "' is not allowed: one of %s", l->where,
                       PL_ARG(text), s->choices);
    if (s->offset != offsetof(struct pl_config, data_dir))
        return keep_text(l, s, text, field(l, s), err);
    const char *copy;
    enum pl_code rc = keep_text(l, s, text, &copy, err);
    if (rc == PL_OK && text.n >= sizeof(l->config->data_dir))
        rc = PL_FAIL(err, PL_EINVAL, "%s: the path has %zu bytes, at most %zu are allowed",
                     l->where, text.n, sizeof(l->config->data_dir) - 1);
    if (rc == PL_OK)
        memcpy(l->config->data_dir, copy, text.n + 1);
    return rc;
}

/* One value more of a list; @n is its count so far. */
static enum pl_code add_to_list(struct loader *l, const struct pl_setting *s, struct pl_bytes text,
                                struct pl_err *err)
{
    bool listen = s->offset == offsetof(struct pl_config, listen);
    size_t *n = listen ? &l->config->nlisten : &l->config->nmirror;
    if (*n == s->max)
        return PL_FAIL(err, PL_EINVAL, "%s: at most %llu values are allowed", l->where,
                       (unsigned long long)s->max);
    const char **values = field(l, s);
    enum pl_code rc = keep_text(l, s, text, &values[*n], err);
    *n += rc == PL_OK;
    return rc;
}

/* A value of @s from @source, which l->where names. */
static enum pl_code set(struct loader *l, const struct pl_setting *s, enum source source,
                        struct pl_bytes text, struct pl_err *err)
{
    if (s->type == PL_SETTING_LIST && l->from[number_of(s)] != source) {
        /* A higher source replaces the whole list. */
        *(s->offset == offsetof(struct pl_config, listen) ? &l->config->nlisten
                                                          : &l->config->nmirror) = 0;
    }
    l->from[number_of(s)] = (unsigned char)source;
    switch (s->type) {
    case PL_SETTING_BOOL:
        return set_bool(l, s, text, err);
    case PL_SETTING_COUNT:
    case PL_SETTING_SIZE:
    case PL_SETTING_TIME:
        return set_number(l, s, text, err);
    case PL_SETTING_LIST:
        return add_to_list(l, s, text, err);
    case PL_SETTING_TEXT:
    case PL_SETTING_FILE:
    case PL_SETTING_CHOICE:
        break;
    }
    return set_text(l, s, text, err);
}

/* ---- sources ---- */

static enum pl_code set_defaults(struct loader *l, struct pl_err *err)
{
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        (void)snprintf(l->where, sizeof(l->where), "default of %s", s->name);
        enum pl_code rc =
            s->standard == NULL ? PL_OK : set(l, s, FROM_DEFAULT, pl_str(s->standard), err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

static const char *env_value(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static enum pl_code read_env(struct loader *l, const char *const *env, struct pl_err *err)
{
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        char name[64];
        const char *value = env_value(env, pl_setting_env(s, name));
        if (value == NULL || *value == '\0' || is_config_file(s))
            continue;
        (void)snprintf(l->where, sizeof(l->where), "environment %s", name);
        /* Lists: several values are separated by blanks. */
        while (*value != '\0') {
            size_t n = s->type == PL_SETTING_LIST ? strcspn(value, " ") : strlen(value);
            enum pl_code rc = n == 0 ? PL_OK : set(l, s, FROM_ENV, pl_bytes(value, n), err);
            if (rc != PL_OK)
                return rc;
            value += n + (value[n] == ' ');
        }
    }
    return PL_OK;
}

static enum pl_code set_json(struct loader *l, const struct pl_setting *s, const json_t *value,
                             struct pl_err *err)
{
    char digits[32];
    if (json_is_string(value) && s->type != PL_SETTING_BOOL)
        return set(l, s, FROM_FILE, pl_json_text(value), err);
    if (json_is_boolean(value) && s->type == PL_SETTING_BOOL)
        return set(l, s, FROM_FILE, pl_str(json_is_true(value) ? "true" : "false"), err);
    bool number =
        s->type == PL_SETTING_COUNT || s->type == PL_SETTING_SIZE || s->type == PL_SETTING_TIME;
    if (json_is_integer(value) && number) {
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(value));
        return set(l, s, FROM_FILE, pl_str(digits), err);
    }
    const char *want = s->type == PL_SETTING_BOOL   ? "true or false"
                       : number                     ? "a number"
                       : s->type == PL_SETTING_LIST ? "a string or an array of strings"
                                                    : "a string";
    return PL_FAIL(err, PL_EINVAL, "%s: must be %s", l->where, want);
}

static const struct pl_setting *find_setting(struct pl_bytes name)
{
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++)
        if (pl_bytes_eq_str(name, s->name))
            return s;
    return NULL;
}

static enum pl_code read_member(struct loader *l, const char *name, const json_t *value,
                                struct pl_err *err)
{
    const struct pl_setting *s = find_setting(pl_str(name));
    (void)snprintf(l->where, sizeof(l->where), "file %.300s: %.64s", l->config->config_file, name);
    if (s == NULL || is_config_file(s))
        return PL_FAIL(err, PL_EINVAL, "%s: no such setting; provlogd --help lists them", l->where);
    if (s->type != PL_SETTING_LIST || !json_is_array(value))
        return set_json(l, s, value, err);
    size_t at;
    const json_t *item;
    json_array_foreach(value, at, item)
    {
        enum pl_code rc = set_json(l, s, item, err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

static enum pl_code read_config_file(struct loader *l, struct pl_err *err)
{
    struct pl_buf text;
    json_t *root = NULL;
    enum pl_code rc;

    if (l->config->config_file == NULL)
        return PL_OK;
    pl_buf_init(&text, CONFIG_FILE_MAX);
    if (pl_file_read(l->config->config_file, &text, err) != PL_OK) {
        (void)pl_err_wrap(err, "settings");
        rc = err->code = PL_EINVAL;
        goto out;
    }
    if ((rc = pl_json_load(pl_buf_bytes(&text), CONFIG_FILE_MAX, &root, err)) != PL_OK) {
        (void)pl_err_wrap(err, "file %s", l->config->config_file);
        goto out;
    }
    if (!json_is_object(root)) {
        rc = PL_FAIL(err, PL_EINVAL, "file %s: must be a JSON object", l->config->config_file);
        goto out;
    }
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value) PL_TRY(read_member(l, name, value, err));
out:
    json_decref(root);
    pl_buf_free(&text);
    return rc;
}

/* The setting that @arg ("--data-dir" or "--data-dir=X") names; @value_out is X or NULL. */
static const struct pl_setting *find_flag(const char *arg, const char **value_out)
{
    const char *equals = strchr(arg, '=');
    size_t n = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
    *value_out = equals != NULL ? equals + 1 : NULL;
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        char flag[64];
        if (strlen(pl_setting_flag(s, flag)) == n && memcmp(flag, arg, n) == 0)
            return s;
    }
    return NULL;
}

static const char *program(const struct loader *l, char out[64])
{
    (void)snprintf(out, 64, "provlogd%s%s", l->command->name[0] != '\0' ? " " : "",
                   l->command->name);
    return out;
}

static enum pl_code take_operand(struct loader *l, const char *arg, struct pl_err *err)
{
    char name[64];
    if (l->command->operand == NULL || l->config->nargs == PL_ARGS_MAX)
        return PL_FAIL(err, PL_EINVAL, "unexpected argument '%.64s'; see %s --help", arg,
                       program(l, name));
    l->config->args[l->config->nargs++] = arg;
    return PL_OK;
}

/* The flag at argv[*i], which moves past a value of its own. */
static enum pl_code read_flag(struct loader *l, int argc, const char *const *argv, int *i,
                              bool only_config, struct pl_err *err)
{
    char name[64];
    const char *value;
    const struct pl_setting *s = find_flag(argv[*i], &value);

    if (s == NULL || (s->commands & l->command->bit) == 0)
        return PL_FAIL(err, PL_EINVAL, "unknown flag '%.64s'; see %s --help", argv[*i],
                       program(l, name));
    if (value == NULL && s->type == PL_SETTING_BOOL)
        value = "true";
    if (value == NULL && ++*i < argc)
        value = argv[*i];
    (void)snprintf(l->where, sizeof(l->where), "flag %s", pl_setting_flag(s, name));
    if (value == NULL)
        return PL_FAIL(err, PL_EINVAL, "%s: needs a value: %s", l->where, s->metavar);
    return only_config != is_config_file(s) ? PL_OK : set(l, s, FROM_FLAG, pl_str(value), err);
}

/* Flags; with @only_config just --config is looked at, since the file comes before the rest. */
static enum pl_code read_flags(struct loader *l, int argc, const char *const *argv,
                               bool only_config, struct pl_err *err)
{
    bool flags_end = false;

    for (int i = 1; i < argc; i++) {
        enum pl_code rc = PL_OK;
        if (!flags_end && strcmp(argv[i], "--") == 0)
            flags_end = true;
        else if (!flags_end && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = read_flag(l, argc, argv, &i, only_config, err);
        else if (!only_config)
            rc = take_operand(l, argv[i], err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

static enum pl_code default_data_dir(struct loader *l, const char *const *env, struct pl_err *err)
{
    char *out = l->config->data_dir;
    const size_t max = sizeof(l->config->data_dir);
    const char *state = env_value(env, "STATE_DIRECTORY");
    const char *xdg = env_value(env, "XDG_STATE_HOME");
    const char *home = env_value(env, "HOME");
    int n;
    if (out[0] != '\0')
        return PL_OK;
    if (state != NULL && *state != '\0') /* systemd: several are separated by colons */
        n = snprintf(out, max, "%.*s", (int)strcspn(state, ":"), state);
    else if (xdg != NULL && *xdg == '/')
        n = snprintf(out, max, "%s/provlog", xdg);
    else if (home != NULL && *home == '/')
        n = snprintf(out, max, "%s/.local/state/provlog", home);
    else
        return PL_FAIL(err, PL_EINVAL,
                       "data_dir: no default, since neither STATE_DIRECTORY, XDG_STATE_HOME nor "
                       "HOME is set; give --data-dir DIR");
    return n > 0 && (size_t)n < max ? PL_OK : PL_FAIL(err, PL_EINVAL, "data_dir: path too long");
}

/* ---- checks across settings ---- */

bool pl_config_split_address(struct pl_bytes text, struct pl_bytes *host_out, uint16_t *port_out)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon < 2 || !pl_parse_u64(pl_bytes(text.p + colon, text.n - colon), 65535, &port))
        return false;
    struct pl_bytes host = pl_bytes(text.p, colon - 1);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = pl_bytes(host.p + 1, host.n - 2);
    else if (memchr(host.p, ':', host.n) != NULL)
        return false;
    *host_out = host;
    *port_out = (uint16_t)port;
    return true;
}

static enum pl_code check_listen(const char *text, struct pl_err *err)
{
    struct pl_bytes host;
    uint16_t port;
    if (strncmp(text, "unix:", 5) == 0 ? text[5] != '\0' && strlen(text + 5) < 108
                                       : pl_config_split_address(pl_str(text), &host, &port))
        return PL_OK;
    return PL_FAIL(err, PL_EINVAL,
                   "listen: '%.64s' is not allowed: ADDR:PORT, [IPV6]:PORT, or unix:PATH of at "
                   "most 107 bytes",
                   text);
}

static bool host_name_ok(const char *s)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t n = strlen(s);
    return n > 0 && n <= 253 && strspn(s, all) == n && s[0] != '-' && s[0] != '.';
}

static enum pl_code check_names(const struct pl_config *c, struct pl_err *err)
{
    struct pl_bytes host;
    uint16_t port;
    if (strcmp(c->admin_listen, "none") != 0 &&
        !pl_config_split_address(pl_str(c->admin_listen), &host, &port))
        return PL_FAIL(err, PL_EINVAL,
                       "admin_listen: '%.64s' is not allowed: ADDR:PORT, [IPV6]:PORT or none",
                       c->admin_listen);
    if (!host_name_ok(c->origin))
        return PL_FAIL(err, PL_EINVAL,
                       "origin: '%.64s' is not allowed: a host name (letters, digits, '.', '-'; "
                       "at most 253)",
                       c->origin);
    if (c->base_url == NULL)
        return PL_OK;
    size_t n = strlen(c->base_url);
    bool http = strncmp(c->base_url, "http://", 7) == 0 || strncmp(c->base_url, "https://", 8) == 0;
    if (!http || n > 1024 || c->base_url[n - 1] == '/')
        return PL_FAIL(err, PL_EINVAL,
                       "base_url: '%.64s' is not allowed: http:// or https://, without a slash at "
                       "the end, at most 1024 bytes",
                       c->base_url);
    return PL_OK;
}

static enum pl_code check_all(const struct pl_config *c, struct pl_err *err)
{
    enum pl_code rc = check_names(c, err);
    for (size_t i = 0; rc == PL_OK && i < c->nlisten; i++)
        rc = check_listen(c->listen[i], err);
    if (rc != PL_OK)
        return rc;
    if ((c->tls_cert == NULL) != (c->tls_key == NULL))
        return PL_FAIL(err, PL_EINVAL, "%s is set but %s is not: both or neither",
                       c->tls_cert != NULL ? "tls_cert" : "tls_key",
                       c->tls_cert != NULL ? "tls_key" : "tls_cert");
    if (c->body_max > c->inflight_max)
        return PL_FAIL(err, PL_EINVAL, "body_max (%llu) must not be over inflight_max (%llu)",
                       (unsigned long long)c->body_max, (unsigned long long)c->inflight_max);
    if (c->nmirror > 0)
        return PL_FAIL(err, PL_EINVAL,
                       "mirror: this build has no mirror; take out --mirror '%.64s'", c->mirror[0]);
    return PL_OK;
}

/* ---- --help and its relatives ---- */

static const char *document(const struct pl_command *command, const char *arg,
                            struct pl_config *out, struct pl_buf *doc)
{
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        pl_config_doc_help(command, doc);
    else if (strcmp(arg, "--version") == 0)
        pl_buf_add_str(doc, "provlogd " PL_VERSION "\n");
    else if (strcmp(arg, "--man") == 0)
        pl_config_doc_man(doc);
    else if (strcmp(arg, "--completion") == 0)
        pl_config_doc_completion(doc);
    else if (strcmp(arg, "--schema") == 0)
        pl_config_doc_schema(doc);
    else
        return NULL;
    struct pl_bytes text = pl_arena_dup(&out->arena, pl_buf_bytes(doc));
    return (const char *)text.p;
}

enum pl_code pl_config_load(const struct pl_command *command, int argc, const char *const *argv,
                            const char *const *environ_in, struct pl_config *out,
                            const char **help_out, struct pl_err *err)
{
    struct loader l = {.config = out, .command = command};
    const char *help = NULL;
    enum pl_code rc = PL_OK;

    memset(out, 0, sizeof(*out));
    pl_arena_init(&out->arena, 4 << 20);
    struct pl_buf doc;
    pl_buf_init(&doc, 1 << 20);
    for (int i = 1; i < argc && help == NULL && strcmp(argv[i], "--") != 0; i++)
        help = document(command, argv[i], out, &doc);
    pl_buf_free(&doc);
    if (help != NULL) {
        *help_out = help;
        return PL_OK;
    }
    PL_TRY(set_defaults(&l, err));
    PL_TRY(read_flags(&l, argc, argv, true, err));
    const char *from_env = env_value(environ_in, "PROVLOG_CONFIG");
    if (out->config_file == NULL && from_env != NULL && *from_env != '\0')
        out->config_file = from_env;
    PL_TRY(read_config_file(&l, err));
    PL_TRY(read_env(&l, environ_in, err));
    PL_TRY(read_flags(&l, argc, argv, false, err));
    PL_TRY(default_data_dir(&l, environ_in, err));
    out->origin_given = l.from[number_of(find_setting(PL_LIT("origin")))] != FROM_DEFAULT;
    out->continue_given = l.from[number_of(find_setting(PL_LIT("continue_from")))] != FROM_DEFAULT;
    PL_TRY(check_all(out, err));
    *help_out = NULL;
out:
    if (rc != PL_OK)
        pl_config_free(out);
    return rc;
}

void pl_config_free(struct pl_config *config)
{
    if (config == NULL)
        return;
    pl_arena_free(&config->arena);
    memset(config, 0, sizeof(*config));
}
