/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - paths, syncs and renames around the database files. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum pl_code pl_path(char out[PL_PATH_MAX], const char *dir, const char *name, const char *suffix,
                     struct pl_err *err)
{
    int n = snprintf(out, PL_PATH_MAX, "%s/%s%s", dir, name, suffix);
    if (n < 0 || n >= PL_PATH_MAX)
        return PL_FAIL(err, PL_EINVAL, "the path %.64s... is longer than %d bytes", dir,
                       PL_PATH_MAX - 1);
    return PL_OK;
}

enum pl_code pl_file_exists(const char *path, bool *out, struct pl_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0)
        *out = true;
    else if (errno == ENOENT)
        *out = false;
    else
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "%s: %s", path, strerror(errno));
    return PL_OK;
}

static enum pl_code sync_path(const char *path, int flags, struct pl_err *err)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "open %s: %s", path, strerror(errno));
    enum pl_code rc = PL_OK;
    if (fsync(fd) != 0)
        rc = PL_FAIL_CAUSE(err, PL_EIO, errno, "sync %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

enum pl_code pl_sync_file(const char *path, struct pl_err *err)
{
    return sync_path(path, 0, err);
}

enum pl_code pl_sync_folder_of(const char *path, struct pl_err *err)
{
    char folder[PL_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? 0 : (int)(slash - path);
    if (slash == NULL)
        (void)snprintf(folder, sizeof(folder), ".");
    else
        (void)snprintf(folder, sizeof(folder), "%.*s", n > 0 ? n : 1, path);
    return sync_path(folder, O_DIRECTORY, err);
}

enum pl_code pl_rename_new(const char *from, const char *to, struct pl_err *err)
{
    enum pl_code rc;
    bool there = false;

    int got = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (got != 0 && errno == EINVAL) { /* a file system without it: the lock file guards us */
        PL_TRY(pl_file_exists(to, &there, err));
        errno = EEXIST;
        got = there ? -1 : rename(from, to);
    }
    if (got != 0 && errno == EEXIST)
        return PL_FAIL(err, PL_EEXISTS, "%s is there already", to);
    if (got != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "rename %s to %s: %s", from, to, strerror(errno));
    PL_TRY(pl_sync_folder_of(to, err));
out:
    return rc;
}

enum pl_code pl_remove_db(const char *path, struct pl_err *err)
{
    static const char *const SUFFIX[] = {"-wal", "-shm", "-journal", ""};
    char file[PL_PATH_MAX];

    for (size_t i = 0; i < sizeof(SUFFIX) / sizeof(SUFFIX[0]); i++) {
        int n = snprintf(file, sizeof(file), "%s%s", path, SUFFIX[i]);
        if (n < 0 || (size_t)n >= sizeof(file))
            return PL_FAIL(err, PL_EINVAL, "the path %.64s... is too long", path);
        if (unlink(file) != 0 && errno != ENOENT)
            return PL_FAIL_CAUSE(err, PL_EIO, errno, "remove %s: %s", file, strerror(errno));
    }
    return PL_OK;
}

enum pl_code pl_no_database(const char *dir, struct pl_err *err)
{
    static const char *const SUFFIX[] = {"", "-wal", "-journal"};
    char file[PL_PATH_MAX];
    enum pl_code rc;

    for (size_t i = 0; i < sizeof(SUFFIX) / sizeof(SUFFIX[0]); i++) {
        bool there = false;
        PL_TRY(pl_path(file, dir, PL_DB_NAME, SUFFIX[i], err));
        PL_TRY(pl_file_exists(file, &there, err));
        if (there)
            return PL_FAIL(err, PL_EEXISTS,
                           i == 0 ? "%s is there already"
                                  : "%s is there without its database: it may hold the last "
                                    "entries of a lost log; move it away first",
                           file);
    }
out:
    return rc;
}

enum pl_code pl_store_exists(const char *dir, bool *out, struct pl_err *err)
{
    char path[PL_PATH_MAX];
    enum pl_code rc;

    PL_TRY(pl_path(path, dir, PL_DB_NAME, "", err));
    PL_TRY(pl_file_exists(path, out, err));
out:
    return rc;
}

enum pl_code pl_store_disk(const char *dir, uint64_t *free_out, uint64_t *size_out,
                           struct pl_err *err)
{
    struct statvfs vfs;
    if (statvfs(dir, &vfs) != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "free space of %s: %s", dir, strerror(errno));
    *free_out = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    *size_out = (uint64_t)vfs.f_blocks * vfs.f_frsize;
    return PL_OK;
}
