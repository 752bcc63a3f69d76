/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_dir.c - the data directory: its lock, the creation of a log, the trust files.
 *
 * A log is made only where there is neither a database nor keys. One without the other is a lost
 * disk, a wrong folder or a half-restored backup: making the missing half would start a second log
 * under the name of the first.
 */
#include "server/app_private.h"

#include "core/base/log.h"
#include "core/base/num.h"
#include "core/trust/root.h"
#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define TRUST_FILE_MAX ((size_t)4 << 20)

enum pl_code pl_app_path(const struct pl_config *config, const char *name, char out[4096],
                         struct pl_err *err)
{
    int n = snprintf(out, 4096, "%s/%s", config->data_dir, name);
    return n > 0 && n < 4096 ? PL_OK : PL_FAIL(err, PL_EINVAL, "data_dir: path too long");
}

/* ---- lock ---- */

/* The process id in the lock file, as text; "unknown" when there is none yet. */
static void read_holder(int fd, char out[32])
{
    ssize_t n = pread(fd, out, 31, 0);
    uint64_t pid;
    out[n > 0 ? n : 0] = '\0';
    struct pl_bytes text = pl_bytes_trim(pl_str(out));
    if (!pl_parse_u64(text, INT32_MAX, &pid))
        (void)snprintf(out, 32, "unknown");
    else
        (void)snprintf(out, 32, "%" PRIu64, pid);
}

static enum pl_code write_holder(int fd, struct pl_err *err)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "write lock file: %s", strerror(errno));
    return PL_OK;
}

static enum pl_code wait_for_lock(int fd, const char *dir, int signal_fd, struct pl_err *err)
{
    const int64_t end = pl_now_ms() + PL_LOCK_WAIT_MS;
    struct pollfd poll_fd = {.fd = signal_fd, .events = POLLIN};
    char holder[32];
    bool told = false;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return PL_FAIL_CAUSE(err, PL_EIO, errno, "lock %s: %s", dir, strerror(errno));
        read_holder(fd, holder);
        if (!told)
            PL_WARN("lock.wait", "holder=%s wait_ms=%d", holder, PL_LOCK_WAIT_MS);
        told = true;
        if (pl_now_ms() >= end)
            return PL_FAIL(err, PL_EBUSY,
                           "%s is in use by process %s (waited %d s); one server at a time may "
                           "serve a data directory",
                           dir, holder, PL_LOCK_WAIT_MS / 1000);
        if (poll(&poll_fd, signal_fd >= 0 ? 1 : 0, 50) > 0)
            return PL_FAIL(err, PL_EBUSY, "told to stop while process %s holds %s", holder, dir);
    }
    return PL_OK;
}

enum pl_code pl_app_lock(const char *dir, int signal_fd, int *fd_out, struct pl_err *err)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/lock", dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return PL_FAIL(err, PL_EINVAL, "data_dir: path too long");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "open %s: %s", path, strerror(errno));
    enum pl_code rc = wait_for_lock(fd, dir, signal_fd, err);
    if (rc == PL_OK)
        rc = write_holder(fd, err);
    if (rc != PL_OK)
        (void)close(fd);
    else
        *fd_out = fd;
    return rc;
}

/* ---- creation ---- */

static uint64_t random_tree_id(void)
{
    const uint64_t low = UINT64_C(1) << 60, span = (UINT64_C(1) << 63) - low;
    uint64_t id;
    pl_random(&id, sizeof(id));
    return low + id % span;
}

static enum pl_code load_public_key(const struct pl_config *config, struct pl_key **out,
                                    struct pl_err *err)
{
    char path[4096];
    struct pl_buf pem;
    enum pl_code rc;

    pl_buf_init(&pem, PL_PEM_MAX);
    PL_TRY(pl_app_path(config, "keys/v1.pub", path, err));
    PL_TRY(pl_file_read(path, &pem, err));
    PL_TRY(pl_key_from_pem(pl_buf_bytes(&pem), out, err));
out:
    pl_buf_free(&pem);
    return rc;
}

static enum pl_code make_log(const struct pl_config *config, struct pl_err *err)
{
    struct pl_key *key = NULL;
    enum pl_code rc;

    /* Keys first, and synced: a database whose key is lost can never be written again, while a
     * key without a database has signed nothing. */
    PL_TRY(pl_signer_create_keys(config->data_dir, err));
    PL_TRY(load_public_key(config, &key, err));
    struct pl_log_row row = {
        .log_id = PL_LOG_ID_V1,
        .tree_id = random_tree_id(),
        .origin = pl_str(config->origin),
        .key_spki = pl_key_spki(key),
        .created = time(NULL),
    };
    PL_TRY(pl_store_create(config->data_dir, &row, 1, err));
    PL_INFO("log.created", "origin=%s tree_id=%" PRIu64, config->origin, row.tree_id);
out:
    pl_key_unref(key);
    return rc;
}

enum pl_code pl_app_create_log(const struct pl_config *config, bool create, bool *created_out,
                               struct pl_err *err)
{
    const char *dir = config->data_dir;
    bool database, keys;
    enum pl_code rc = pl_store_exists(dir, &database, err);
    if (rc == PL_OK)
        rc = pl_signer_keys_exist(dir, &keys, err);
    *created_out = false;
    if (rc != PL_OK || (database && keys))
        return rc;
    if (database)
        return PL_FAIL(err, PL_EINVAL,
                       "%s has a database (provlog.db) but its keys (keys/v1.pem) are missing: put "
                       "them back from where they are kept; new keys are never made for an "
                       "existing log",
                       dir);
    if (keys)
        return PL_FAIL(
            err, PL_EINVAL,
            "%s has keys (keys/v1.pem) but the database (provlog.db) is missing: restore "
            "it (provlogd restore FILE); or, if this log never held an entry, move the "
            "folder keys away and start again",
            dir);
    if (!create)
        return PL_FAIL(err, PL_EINVAL,
                       "%s holds no log: database (provlog.db) and keys (keys/v1.pem) are missing, "
                       "and --no-create is set; `provlogd init` makes a new one",
                       dir);
    rc = make_log(config, err);
    *created_out = rc == PL_OK;
    return rc;
}

/* ---- trusted_root.json, signing_config.json ---- */

static enum pl_code check_base_url(const struct pl_v1_log *v1, const char *base_url,
                                   struct pl_err *err)
{
    if (strstr(base_url, v1->origin) != NULL)
        return PL_OK;
    return PL_FAIL(err, PL_EINVAL,
                   "base_url: '%.200s' does not contain the log's origin '%.100s', which clients "
                   "want",
                   base_url, v1->origin);
}

enum pl_code pl_app_trust_files(const struct pl_config *config, const struct pl_v1_log *v1,
                                int64_t created, const char *base_url, struct pl_arena *arena,
                                struct pl_bytes *root_out, struct pl_bytes *signing_out,
                                struct pl_err *err)
{
    char path[4096];
    struct pl_buf extra, root, signing;
    enum pl_code rc;

    pl_buf_init(&extra, TRUST_FILE_MAX);
    pl_buf_init_arena(&root, arena, 2 * TRUST_FILE_MAX);
    pl_buf_init_arena(&signing, arena, 2 * TRUST_FILE_MAX);
    PL_TRY(check_base_url(v1, base_url, err));
    if (config->trust_extra != NULL)
        PL_TRY(pl_file_read(config->trust_extra, &extra, err));
    struct pl_root_log_in log = {
        .base_url = pl_str(base_url), .key = pl_privkey_public(v1->key), .start = created};
    if ((rc = pl_trusted_root_write(&log, 1, pl_buf_bytes(&extra), &root, err)) != PL_OK ||
        (rc = pl_signing_config_write(log.base_url, created, pl_buf_bytes(&extra), &signing,
                                      err)) != PL_OK) {
        if (config->trust_extra != NULL)
            (void)pl_err_wrap(err, "trust_extra %s", config->trust_extra);
        goto out;
    }
    PL_TRY(pl_buf_check(&root, "trusted_root.json", err));
    PL_TRY(pl_buf_check(&signing, "signing_config.json", err));
    PL_TRY(pl_app_path(config, "trusted_root.json", path, err));
    PL_TRY(pl_file_replace(path, 0644, pl_buf_bytes(&root), err));
    PL_TRY(pl_app_path(config, "signing_config.json", path, err));
    PL_TRY(pl_file_replace(path, 0644, pl_buf_bytes(&signing), err));
    *root_out = pl_buf_bytes(&root);
    *signing_out = pl_buf_bytes(&signing);
out:
    pl_buf_free(&extra);
    return rc;
}
