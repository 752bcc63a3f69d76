/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_backup.c - provlogd backup FILE, beside a running server: the database, and its newest
 * checkpoint in FILE.checkpoint, which proves later how far the backup went.
 */
#include "server/cmd.h"

#include "core/base/log.h"
#include "server/file.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>

#define NOTE_ARENA_MAX ((size_t)1 << 20)

/* The checkpoint of the tree in the backup; it is in the server's database too. */
static enum pl_code write_checkpoint(const struct pl_config *config, const char *file,
                                     uint64_t size, struct pl_err *err)
{
    char path[4096];
    struct pl_arena arena;
    struct pl_view *view = NULL;
    struct pl_bytes note;
    struct pl_hash root;
    uint64_t got;
    enum pl_code rc;

    pl_arena_init(&arena, NOTE_ARENA_MAX);
    int n = snprintf(path, sizeof(path), "%s.checkpoint", file);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        rc = PL_FAIL(err, PL_EINVAL, "%.100s...: path too long", file);
        goto out;
    }
    PL_TRY(pl_view_open(config->data_dir, &view, err));
    PL_TRY(pl_view_begin(view, err));
    rc = pl_view_checkpoint(view, PL_LOG_ID_V1, size, &arena, &got, &root, &note, err);
    pl_view_end(view);
    if (rc == PL_OK)
        rc = pl_file_replace(path, 0644, note, err);
out:
    pl_view_close(view);
    pl_arena_free(&arena);
    return rc;
}

int pl_cmd_backup(const struct pl_config *config)
{
    const char *file = config->args[0];
    char hex[PL_HASH_HEX_SIZE];
    struct pl_hash root;
    struct pl_err err;
    uint64_t size;
    bool exists;
    enum pl_code rc = pl_store_exists(config->data_dir, &exists, &err);
    if (rc == PL_OK && !exists)
        rc = PL_FAIL(&err, PL_EINVAL, "%s holds no database", config->data_dir);
    if (rc == PL_OK)
        rc = pl_store_backup(config->data_dir, file, &size, &root, &err);
    if (rc == PL_OK)
        rc = write_checkpoint(config, file, size, &err);
    if (rc != PL_OK)
        return pl_cmd_failed("backup", &err);
    (void)printf("backup %s\ntree size %" PRIu64 "\nroot %s\ncheckpoint %s.checkpoint\nThe keys "
                 "(%s/keys) are not in it.\n",
                 file, size, pl_hash_hex(&root, hex), file, config->data_dir);
    return PL_EXIT_OK;
}
