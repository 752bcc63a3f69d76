/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - provlogd: settings, then the server or one of its other duties. */
#include "server/app.h"
#include "server/cmd.h"
#include "server/logsink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run(const struct pl_command *command, const struct pl_config *config, char **argv)
{
    switch ((enum pl_command_bit)command->bit) {
    case PL_CMD_SERVE:
        return pl_app_main(config, argv);
    case PL_CMD_INIT:
        return pl_cmd_init(config);
    case PL_CMD_FSCK:
        return pl_cmd_fsck(config);
    case PL_CMD_BACKUP:
        return pl_cmd_backup(config);
    case PL_CMD_RESTORE:
        return pl_cmd_restore(config);
    case PL_CMD_HEALTH:
        return pl_cmd_health(config);
    case PL_CMD_VERSION:
        return pl_cmd_version(config);
    }
    return PL_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    /* Too big for the stack's taste, and gone with the process. */
    static struct pl_config config;
    const struct pl_command *command = PL_COMMANDS;
    const char *help = NULL;
    struct pl_err err;
    int skip = 0;
    if (argc > 1 && argv[1][0] != '-') {
        command = pl_command_find(argv[1]);
        skip = 1;
        if (command == NULL || command == PL_COMMANDS) {
            (void)fprintf(stderr, "provlogd: unknown subcommand '%.64s'; see provlogd --help\n",
                          argv[1]);
            return PL_EXIT_USAGE;
        }
    }
    enum pl_code rc = pl_config_load(command, argc - skip, (const char *const *)argv + skip,
                                     (const char *const *)environ, &config, &help, &err);
    if (rc == PL_OK && help == NULL && command->operand != NULL && config.nargs == 0) {
        rc = PL_FAIL(&err, PL_EINVAL, "%s needs %s; see provlogd %s --help", command->name,
                     command->operand, command->name);
        pl_config_free(&config);
    }
    if (rc != PL_OK) {
        (void)fprintf(stderr, "provlogd: %s\n", err.text);
        return PL_EXIT_USAGE;
    }
    int status = PL_EXIT_OK;
    if (help != NULL) {
        status = fputs(help, stdout) < 0 || fflush(stdout) != 0 ? PL_EXIT_IO : PL_EXIT_OK;
    } else if (!config.check) {
        pl_logsink_init(config.log_format, config.log_level);
        status = run(command, &config, argv);
    }
    pl_config_free(&config);
    return status;
}
