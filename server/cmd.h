/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.h - subcommands of provlogd. Each returns the exit status and prints its own errors. */
#ifndef PL_SERVER_CMD_H
#define PL_SERVER_CMD_H

#include "server/config.h"

#define PL_EXIT_OK      0
#define PL_EXIT_PROBLEM 1 /* refused, or problems were found */
#define PL_EXIT_USAGE   2
#define PL_EXIT_IO      5 /* disk or network; another process in the way */

int pl_cmd_init(const struct pl_config *config);
int pl_cmd_fsck(const struct pl_config *config);
int pl_cmd_backup(const struct pl_config *config);
int pl_cmd_restore(const struct pl_config *config);
int pl_cmd_health(const struct pl_config *config);
int pl_cmd_version(const struct pl_config *config);

/* "provlogd NAME: text" to stderr; the exit status that fits the code. */
int pl_cmd_failed(const char *name, const struct pl_err *err);

#endif
