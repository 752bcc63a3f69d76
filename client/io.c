/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - files in, files out. */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

static enum pl_code read_all(int fd, const char *path, struct pl_buf *b, struct pl_err *err)
{
    for (;;) {
        uint8_t *to = pl_buf_reserve(b, 65536);
        if (to == NULL)
            return b->nomem ? PL_FAIL(err, PL_ENOMEM, "%s: out of memory", path)
                            : PL_FAIL(err, PL_EINVAL, "%s is larger than %zu bytes", path, b->max);
        ssize_t n = read(fd, to, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", path, strerror(errno));
        if (n == 0)
            return PL_OK;
        pl_buf_commit(b, (size_t)n);
    }
}

enum pl_code pl_client_read(struct pl_client *c, const char *path, struct pl_bytes *out,
                            struct pl_err *err)
{
    bool standard_in = strcmp(path, "-") == 0;
    struct pl_buf b;
    enum pl_code rc = PL_OK;
    int fd = standard_in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", path, strerror(errno));
    pl_buf_init(&b, PL_CLIENT_FILE_MAX);
    PL_TRY(read_all(fd, standard_in ? "standard input" : path, &b, err));
    *out = pl_arena_dup(&c->arena, pl_buf_bytes(&b));
    if (out->p == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "%s: out of memory", path);
out:
    pl_buf_free(&b);
    if (!standard_in)
        (void)close(fd);
    return rc;
}

enum pl_code pl_client_verifier(struct pl_client *c, const char *path,
                                const struct pl_verifier **out, struct pl_err *err)
{
    struct pl_bytes pem;
    enum pl_code rc;

    PL_TRY(pl_client_read(c, path, &pem, err));
    if ((rc = pl_verifier_load(NULL, pem, out, err)) != PL_OK)
        (void)pl_err_wrap(err, "%s", path);
out:
    return rc;
}

/* ---- writing ---- */

static bool write_all(int fd, struct pl_bytes content)
{
    while (content.n > 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = pl_bytes(content.p + n, content.n - (size_t)n);
    }
    return true;
}

/* Writes, syncs, closes @fd; on failure errno says why. */
static bool fill(int fd, struct pl_bytes content)
{
    bool ok = write_all(fd, content) && fsync(fd) == 0;
    int saved = errno;
    if (close(fd) != 0 && ok) {
        saved = errno;
        ok = false;
    }
    errno = saved;
    return ok;
}

/* Is @path something that a rename would replace by a plain file, such as /dev/stdout? */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

enum pl_code pl_write_file(const char *path, struct pl_bytes content, struct pl_err *err)
{
    char temporary[4096];
    bool special = is_special(path);
    int n = snprintf(temporary, sizeof(temporary), "%s.tmp.XXXXXX", path);

    if (n < 0 || (size_t)n >= sizeof(temporary))
        return PL_FAIL(err, PL_EINVAL, "the path is too long: " PL_FMT, PL_ARG(pl_str(path)));
    int fd = special ? open(path, O_WRONLY | O_CLOEXEC) : mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", path, strerror(errno));
    if (special) {
        /* A pipe or terminal can't be synced. */
        bool ok = write_all(fd, content);
        if (close(fd) != 0 || !ok)
            return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", path, strerror(errno));
        return PL_OK;
    }
    /* Others read results and bundles: the mode is that of any new file. */
    mode_t mask = umask(0);
    (void)umask(mask);
    bool ok = fchmod(fd, 0666 & ~mask) == 0;
    ok = fill(fd, content) && ok && rename(temporary, path) == 0;
    if (!ok) {
        int saved = errno;
        (void)unlink(temporary);
        return PL_FAIL_CAUSE(err, PL_EINVAL, saved, "%s: %s", path, strerror(saved));
    }
    return PL_OK;
}

enum pl_code pl_write_new_file(const char *path, struct pl_bytes content, unsigned mode,
                               struct pl_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);

    if (fd < 0 && errno == EEXIST)
        return PL_FAIL_CAUSE(
            err, PL_EINVAL, EEXIST,
            "%s exists and is not overwritten; move it away or choose another name", path);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", path, strerror(errno));
    if (!fill(fd, content)) {
        int saved = errno;
        (void)unlink(path);
        return PL_FAIL_CAUSE(err, PL_EINVAL, saved, "%s: %s", path, strerror(saved));
    }
    return PL_OK;
}
