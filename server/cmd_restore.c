/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_restore.c - provlogd restore FILE: a backup becomes the database, marked as restored.
 *
 * What the log signed after the backup was made is not in it. Were the server to write on, it would
 * sign other entries under the same indexes, and whoever holds the old answers could prove it. So
 * it serves reads only, until the administrator says at what size the log really stood.
 */
#include "server/cmd.h"

#include "server/app_private.h"
#include "server/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void say_what_next(const struct pl_config *config, uint64_t size, bool keys)
{
    (void)printf("restored %s into %s\ntree size %" PRIu64 "\n", config->args[0], config->data_dir,
                 size);
    if (!keys)
        (void)printf("The keys are missing: put the log's own back into %s/keys (v1.pem with mode "
                     "0600, v1.pub).\n",
                     config->data_dir);
    (void)printf("The server will serve reads and refuse to write. If you know that the log never "
                 "got beyond this size, start it once with --continue-from %" PRIu64 "; if it did, "
                 "start a new log instead.\n",
                 size);
}

int pl_cmd_restore(const struct pl_config *config)
{
    struct pl_err err;
    uint64_t size = 0;
    int lock_fd = -1;
    bool keys = false;
    enum pl_code rc = pl_dir_make(config->data_dir, &err);
    if (rc == PL_OK)
        rc = pl_app_lock(config->data_dir, -1, &lock_fd, &err);
    if (rc == PL_OK)
        rc = pl_store_restore(config->data_dir, config->args[0], &size, &err);
    if (rc == PL_OK)
        rc = pl_signer_keys_exist(config->data_dir, &keys, &err);
    if (rc == PL_OK)
        say_what_next(config, size, keys);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    return rc == PL_OK ? PL_EXIT_OK : pl_cmd_failed("restore", &err);
}
