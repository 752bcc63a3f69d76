/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - every setting in one table: flag > PROVLOG_* environment > JSON file > default.
 *
 * The table in config.c also makes --help, the man page, the shell completion and
 * schema/config.schema.json (config_doc.c); a test compares them with the committed files.
 */
#ifndef PL_SERVER_CONFIG_H
#define PL_SERVER_CONFIG_H

#include "core/base/arena.h"

#define PL_LISTEN_MAX 16
#define PL_MIRROR_MAX 8
#define PL_ARGS_MAX   1
struct pl_config {
    char data_dir[4096 - 64];
    const char *config_file;           /* NULL: none */
    const char *listen[PL_LISTEN_MAX]; /* "127.0.0.1:3000" */
    size_t nlisten;
    const char *admin_listen; /* "127.0.0.1:2112" or "none" */
    const char *origin;       /* "localhost" */
    bool origin_given;
    const char *base_url; /* public URL in trusted_root and signing_config; NULL:
                           * "http://" origin with the first port */
    bool no_create, ready_json;
    bool check; /* check the settings and end */
    bool continue_given;
    uint64_t continue_from;         /* after a restore */
    const char *tls_cert, *tls_key; /* files, both or neither */
    const char *trust_extra;        /* file: CAs, timestamp authorities, CT logs to publish */
    const char *duplicates;         /* "return" or "conflict" */
    uint64_t threads;               /* event loops; 0 = cores */
    uint64_t workers;
    uint64_t body_max, inflight_max, queue_max, queue_bytes_max, wal_max;
    uint64_t disk_floor_bytes, disk_floor_percent, conns_max;
    uint64_t head_timeout_ms, idle_timeout_ms, request_timeout_ms, drain_timeout_ms;
    const char *log_format;            /* "auto", "json", "text" */
    const char *log_level;             /* "debug", "info", "warn", "error" */
    const char *mirror[PL_MIRROR_MAX]; /* kept for the mirror; refused with a reason until then */
    size_t nmirror;
    const char *args[PL_ARGS_MAX]; /* a subcommand's operands */
    size_t nargs;
    struct pl_arena arena; /* owns the strings */
};

/* What the binary can be told to do; a bit each, so that a setting says where it belongs. */
enum pl_command_bit {
    PL_CMD_SERVE = 1 << 0,
    PL_CMD_INIT = 1 << 1,
    PL_CMD_FSCK = 1 << 2,
    PL_CMD_BACKUP = 1 << 3,
    PL_CMD_RESTORE = 1 << 4,
    PL_CMD_HEALTH = 1 << 5,
    PL_CMD_VERSION = 1 << 6,
};
struct pl_command {
    unsigned bit;
    const char *name;    /* "" = serve */
    const char *operand; /* "FILE", or NULL when it takes none */
    const char *summary; /* one line */
    const char *text;    /* a paragraph for --help and the man page */
};
extern const struct pl_command PL_COMMANDS[];               /* serve first; ends with a NULL name */
const struct pl_command *pl_command_find(const char *name); /* NULL: no such */

/*
 * Reads all sources for @command. @argv[0] is skipped. PL_EINVAL names the setting, its source and
 * what is allowed. *@help_out is set to a text for stdout when --help, --version or one of the
 * generated documents was asked for (nothing else is checked then), else to NULL.
 * On failure @out is freed.
 */
PL_MUST_CHECK enum pl_code pl_config_load(const struct pl_command *command, int argc,
                                          const char *const *argv, const char *const *environ_in,
                                          struct pl_config *out, const char **help_out,
                                          struct pl_err *err);
void pl_config_free(struct pl_config *config);

/* "127.0.0.1:3000" -> "127.0.0.1", 3000; "[::1]:0" -> "::1", 0. False for anything else. */
bool pl_config_split_address(struct pl_bytes text, struct pl_bytes *host_out, uint16_t *port_out);

/* ---- the table, for config_doc.c ---- */

enum pl_setting_type {
    PL_SETTING_BOOL,
    PL_SETTING_TEXT,
    PL_SETTING_FILE,
    PL_SETTING_CHOICE,
    PL_SETTING_COUNT,
    PL_SETTING_SIZE, /* bytes: 8388608, 8MiB */
    PL_SETTING_TIME, /* milliseconds: 60000, 60s */
    PL_SETTING_LIST,
};
struct pl_setting {
    const char
        *name; /* JSON key; flag with '-' for '_'; PROVLOG_ and upper case in the environment */
    enum pl_setting_type type;
    size_t offset;             /* in struct pl_config */
    const char *standard;      /* default as text; NULL: none */
    const char *standard_text; /* default as shown where it is not a constant */
    uint64_t min, max;
    const char *choices; /* "auto json text" */
    unsigned commands;   /* enum pl_command_bit: which take the flag */
    const char *metavar; /* "DIR" */
    const char *help;    /* one sentence or more, no final full stop needed */
};
extern const struct pl_setting PL_SETTINGS[]; /* ends with a NULL name */
/* "--data-dir" into @out (64 bytes). */
const char *pl_setting_flag(const struct pl_setting *s, char out[64]);
/* "PROVLOG_DATA_DIR" into @out (64 bytes). */
const char *pl_setting_env(const struct pl_setting *s, char out[64]);

void pl_config_doc_help(const struct pl_command *command, struct pl_buf *out);
void pl_config_doc_man(struct pl_buf *out);
void pl_config_doc_completion(struct pl_buf *out);
void pl_config_doc_schema(struct pl_buf *out);

#endif
