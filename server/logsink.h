/* SPDX-License-Identifier: Apache-2.0 */
/* logsink.h - log lines to standard error: JSON with Cloud Logging's keys, or text on a terminal.
 */
#ifndef PL_SERVER_LOGSINK_H
#define PL_SERVER_LOGSINK_H

#include "core/base/log.h"

/* @format: "auto", "json" or "text"; @level: "debug", "info", "warn" or "error", as the settings of
 * those names. Call before threads start. */
void pl_logsink_init(const char *format, const char *level);

#endif
