/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_init.c - provlogd init: makes the keys and the database of a new log. */
#include "server/cmd.h"

#include "server/app_private.h"
#include "server/file.h"

#include <stdio.h>
#include <unistd.h>

int pl_cmd_failed(const char *name, const struct pl_err *err)
{
    (void)fprintf(stderr, "provlogd %s: %s\n", name, err->text);
    return err->code == PL_EIO || err->code == PL_EBUSY || err->code == PL_ENOSPACE
               ? PL_EXIT_IO
               : PL_EXIT_PROBLEM;
}

static enum pl_code init_locked(const struct pl_config *config, bool *created, struct pl_err *err)
{
    struct pl_store_opts opts = {.dir = config->data_dir, .repair_tail = true};
    struct pl_store *store = NULL;
    struct pl_log_state state;
    struct pl_v1_log v1;
    enum pl_code rc;

    memset(&v1, 0, sizeof(v1));
    PL_TRY(pl_app_create_log(config, true, created, err));
    if (!*created)
        return PL_FAIL(err, PL_EEXISTS, "%s holds a log already", config->data_dir);
    PL_TRY(pl_store_open(&opts, &store, err));
    PL_TRY(pl_store_log_state(store, PL_LOG_ID_V1, &state, err));
    PL_TRY(pl_signer_load(config->data_dir, &state.log, &v1, err));
    PL_TRY(pl_sequencer_bootstrap(store, &v1, err));
    (void)printf("log created in %s\norigin %s\ntree id %s\nlog id %s\npublic key "
                 "%s/keys/v1.pub\nKeep a copy of %s/keys apart from the backups of the database.\n",
                 config->data_dir, v1.origin, v1.tree_id_dec, v1.log_id_hex, config->data_dir,
                 config->data_dir);
out:
    pl_store_close(store);
    pl_signer_free(&v1);
    return rc;
}

int pl_cmd_init(const struct pl_config *config)
{
    struct pl_err err;
    bool created;
    int lock_fd = -1;
    enum pl_code rc = pl_dir_make(config->data_dir, &err);
    if (rc == PL_OK)
        rc = pl_app_lock(config->data_dir, -1, &lock_fd, &err);
    if (rc == PL_OK)
        rc = init_locked(config, &created, &err);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    return rc == PL_OK ? PL_EXIT_OK : pl_cmd_failed("init", &err);
}
