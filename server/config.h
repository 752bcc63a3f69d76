/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - every setting in one table: flag > PROVLOG_* environment > JSON file > default.
 *
 * The table in config.c also makes --help, the man page, the shell completion and
 * schema/config.schema.json; a test compares them.
 */
#ifndef PL_SERVER_CONFIG_H
#define PL_SERVER_CONFIG_H

#include "core/base/arena.h"

#define PL_LISTEN_MAX 16
struct pl_config {
    char data_dir[4096 - 64];
    const char *listen[PL_LISTEN_MAX]; /* "127.0.0.1:3000" */
    size_t nlisten;
    const char *admin_listen;          /* "127.0.0.1:2112" or "none" */
    const char *origin;                /* "localhost" */
    bool origin_given;
    const char *base_url;              /* public URL in trusted_root and signing_config; default
                                        * "http://" origin with the first port */
    bool no_create, ready_json;
    bool continue_given;
    uint64_t continue_from;            /* after a restore */
    const char *tls_cert, *tls_key;
    const char *trust_extra;           /* file: CAs, timestamp authorities, CT logs to publish */
    const char *duplicates;            /* "return" or "conflict" */
    unsigned threads;                  /* event loops; 0 = cores */
    unsigned workers;
    uint64_t body_max, inflight_max, queue_max, queue_bytes_max, wal_max;
    uint64_t disk_floor_bytes, disk_floor_percent, conns_max;
    uint64_t head_timeout_ms, idle_timeout_ms, request_timeout_ms, drain_timeout_ms;
    const char *log_format;            /* "auto", "json", "text" */
    const char *log_level;             /* "debug", "info", "warn", "error" */
    const char *mirror[8];             /* kept for the mirror; refused with a reason until then */
    size_t nmirror;
    struct pl_arena arena;             /* owns the strings */
};
/*
 * Reads all sources. @argv[0] is skipped. PL_EINVAL names the setting, its source and what is allowed.
 * *@help_out is set when --help or --version was asked for (nothing else is checked then).
 */
PL_MUST_CHECK enum pl_code pl_config_load(int argc, char **argv, char **environ_in,
                                          struct pl_config *out, const char **help_out,
                                          struct pl_err *err);
void pl_config_free(struct pl_config *config);

#endif
