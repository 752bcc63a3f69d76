/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - small files, read whole and replaced atomically. */
#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum pl_code pl_file_read(const char *path, struct pl_buf *out, struct pl_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, errno == ENOENT ? PL_ENOTFOUND : PL_EIO, errno, "%s: %s", path,
                             strerror(errno));
    enum pl_code rc = PL_OK;
    for (;;) {
        uint8_t block[16384];
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = PL_FAIL_CAUSE(err, PL_EIO, errno, "read %s: %s", path, strerror(errno));
        if (n <= 0)
            break;
        pl_buf_add(out, block, (size_t)n);
    }
    (void)close(fd);
    return rc != PL_OK ? rc : pl_buf_check(out, path, err);
}

static enum pl_code sync_folder_of(const char *path, struct pl_err *err)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    (void)snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) : 1,
                   slash != NULL ? path : ".");
    int fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "open %s: %s", folder, strerror(errno));
    enum pl_code rc = PL_OK;
    if (fsync(fd) != 0)
        rc = PL_FAIL_CAUSE(err, PL_EIO, errno, "sync %s: %s", folder, strerror(errno));
    (void)close(fd);
    return rc;
}

static enum pl_code write_all(int fd, const char *path, struct pl_bytes content, struct pl_err *err)
{
    size_t done = 0;
    while (done < content.n) {
        ssize_t n = write(fd, content.p + done, content.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PL_FAIL_CAUSE(err, PL_EIO, errno, "write %s: %s", path, strerror(errno));
        done += (size_t)n;
    }
    if (fsync(fd) != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "sync %s: %s", path, strerror(errno));
    return PL_OK;
}

enum pl_code pl_file_replace(const char *path, unsigned mode, struct pl_bytes content,
                             struct pl_err *err)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return PL_FAIL(err, PL_EINVAL, "path too long: %.100s...", path);
    (void)unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "create %s: %s", temporary, strerror(errno));
    enum pl_code rc = write_all(fd, temporary, content, err);
    (void)close(fd);
    if (rc == PL_OK && rename(temporary, path) != 0)
        rc = PL_FAIL_CAUSE(err, PL_EIO, errno, "rename to %s: %s", path, strerror(errno));
    if (rc != PL_OK) {
        (void)unlink(temporary);
        return rc;
    }
    return sync_folder_of(path, err);
}

enum pl_code pl_dir_make(const char *path, struct pl_err *err)
{
    char part[4096];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof(part))
        return PL_FAIL(err, PL_EINVAL, "folder name is empty or too long");
    /* Parents get the usual mode, the folder itself is private: keys lie in it. */
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        (void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
        bool last = path[i] == '\0' || path[i + strspn(path + i, "/")] == '\0';
        if (mkdir(part, last ? 0700 : 0755) != 0 && errno != EEXIST)
            return PL_FAIL_CAUSE(err, PL_EIO, errno, "make folder %s: %s", part, strerror(errno));
        if (last)
            break;
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return PL_FAIL(err, PL_EIO, "%s is not a folder", path);
    return PL_OK;
}
