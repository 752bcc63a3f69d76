/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - structured log lines: PL_INFO("entry.append", "index=%" PRIu64 " kind=%s", i, kind).
 *
 * A constant event name, then key=value pairs by printf format, separated by one space; a value
 * with blanks or from outside goes through pl_log_esc(). ERROR: an operator must act; WARN:
 * degraded, heals itself; INFO: one per request and state change; DEBUG: off. Never a body, token
 * or key. This file formats; the sink (set once, before threads start) writes. No sink: nothing is
 * written.
 */
#ifndef PL_CORE_BASE_LOG_H
#define PL_CORE_BASE_LOG_H

#include "core/base/buf.h"

enum pl_severity { PL_LOG_DEBUG, PL_LOG_INFO, PL_LOG_WARN, PL_LOG_ERROR };

/* @fields is the formatted "k=v k=v" text. Called on the logging thread; must be thread-safe. */
typedef void (*pl_log_fn)(enum pl_severity severity, const char *event, const char *fields);

void pl_log_set_sink(pl_log_fn sink, enum pl_severity least);
bool pl_log_on(enum pl_severity severity);
void pl_log_write(enum pl_severity severity, const char *event, const char *fmt, ...)
    PL_PRINTF(3, 4);

/* Quotes @text for a value: "..." with \" \\ \n and \xNN, cut at 200 bytes; writes to @out. */
#define PL_LOG_ESC_MAX 840
const char *pl_log_esc(struct pl_bytes text, char out[PL_LOG_ESC_MAX]);

/* Renders one line (with LF) into @b: a JSON object with Cloud Logging's severity, message (the
 * event), time and one member per field; or plain text. @unix_ms is the time to show. */
void pl_log_render(struct pl_buf *b, bool json, int64_t unix_ms, enum pl_severity severity,
                   const char *event, const char *fields);

#define PL_LOG(severity, ...)                      \
    do {                                           \
        if (pl_log_on(severity))                   \
            pl_log_write((severity), __VA_ARGS__); \
    } while (0)
#define PL_DEBUG(...) PL_LOG(PL_LOG_DEBUG, __VA_ARGS__)
#define PL_INFO(...)  PL_LOG(PL_LOG_INFO, __VA_ARGS__)
#define PL_WARN(...)  PL_LOG(PL_LOG_WARN, __VA_ARGS__)
#define PL_ERROR(...) PL_LOG(PL_LOG_ERROR, __VA_ARGS__)

#endif
