/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - provlogd version. */
#include "server/cmd.h"

#include <stdio.h>

int pl_cmd_version(const struct pl_config *config)
{
    (void)config;
    return printf("provlogd %s\n", PL_VERSION) < 0 ? PL_EXIT_IO : PL_EXIT_OK;
}
