/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - walks a model's files, then hashes them in order. */
#include "client/model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"

#define LIST_MAX  ((size_t)1 << 30) /* memory for names */
#define READ_SIZE ((size_t)1 << 20)

struct file {
    const char *path; /* relative to the folder */
    size_t n;
};
struct walk {
    struct pl_arena arena;
    struct file *files;
    size_t n, cap;
    uint64_t total, done;
    uint8_t *buf; /* READ_SIZE */
    pl_model_progress_fn progress;
    void *ctx;
};

/* The most of a path that an error text can show: its end says more than its start. */
static const char *tail(const char *path)
{
    size_t n = strlen(path);
    return n > 200 ? path + n - 200 : path;
}

/* ---- the walk ---- */

static enum pl_code add_file(struct walk *w, const char *path, uint64_t size, struct pl_err *err)
{
    if (w->n == PL_MODEL_FILES_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "the folder has more than %d files", PL_MODEL_FILES_MAX);
    if (w->n == w->cap) {
        size_t cap = w->cap != 0 ? w->cap * 2 : 64;
        struct file *grown = reallocarray(w->files, cap, sizeof(*grown));
        if (grown == NULL)
            return PL_FAIL(err, PL_ENOMEM, "out of memory for %zu files", cap);
        w->files = grown;
        w->cap = cap;
    }
    w->files[w->n++] = (struct file){path, strlen(path)};
    w->total += size;
    return PL_OK;
}

static enum pl_code walk_folder(struct walk *w, int fd, const char *prefix, unsigned depth,
                                struct pl_err *err);

static enum pl_code walk_name(struct walk *w, int folder, const char *prefix, const char *name,
                              unsigned depth, struct pl_err *err)
{
    struct stat st;
    const char *path =
        pl_arena_printf(&w->arena, "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", name);

    if (path == NULL)
        return PL_FAIL(err, PL_ETOOBIG, "the names in the folder take too much memory");
    if (strpbrk(name, "\\\r\n") != NULL)
        return PL_FAIL(err, PL_EINVAL, "%s: a name with a backslash or a line end; rename it",
                       tail(path));
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(path), strerror(errno));
    if (S_ISREG(st.st_mode))
        return add_file(w, path, (uint64_t)st.st_size, err);
    if (S_ISLNK(st.st_mode))
        return PL_FAIL(err, PL_EINVAL,
                       "%s is a symbolic link; its target would not be part of the digest. Copy "
                       "the folder with cp -rL",
                       tail(path));
    if (!S_ISDIR(st.st_mode))
        return PL_FAIL(err, PL_EINVAL, "%s is neither a file nor a folder", tail(path));
    if (depth == PL_MODEL_DEPTH_MAX)
        return PL_FAIL(err, PL_EINVAL, "%s: more than %d folders deep", tail(path),
                       PL_MODEL_DEPTH_MAX);
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(path), strerror(errno));
    return walk_folder(w, fd, path, depth + 1, err);
}

/* Takes over @fd. */
static enum pl_code walk_folder(struct walk *w, int fd, const char *prefix, unsigned depth,
                                struct pl_err *err)
{
    DIR *dir = fdopendir(fd);
    enum pl_code rc = PL_OK;

    if (dir == NULL) {
        (void)close(fd);
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(prefix), strerror(errno));
    }
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir); // NOLINT(concurrency-mt-unsafe): a stream of our own
        if (e == NULL && errno != 0) {
            rc = PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(prefix), strerror(errno));
            goto out;
        }
        if (e == NULL)
            break;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            PL_TRY(walk_name(w, dirfd(dir), prefix, e->d_name, depth, err));
    }
out:
    (void)closedir(dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;
    return pl_bytes_cmp(pl_bytes(x->path, x->n), pl_bytes(y->path, y->n));
}

/* ---- hashing ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Hashes all of @fd and closes it; @path is for the error. */
static enum pl_code hash_fd(struct walk *w, int fd, const char *path, struct pl_hash *out,
                            struct pl_err *err)
{
    struct stat before, after;
    struct pl_sha256 s;
    enum pl_code rc = PL_OK;

    pl_sha256_init(&s);
    if (fstat(fd, &before) != 0 || !S_ISREG(before.st_mode)) {
        rc = PL_FAIL(err, PL_EINVAL, "%s is not a regular file", tail(path));
        goto out;
    }
    for (;;) {
        ssize_t n = read(fd, w->buf, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(path), strerror(errno));
            goto out;
        }
        if (n == 0)
            break;
        pl_sha256_add(&s, pl_bytes(w->buf, (size_t)n));
        w->done += (uint64_t)n;
        if (w->progress != NULL)
            w->progress(w->ctx, w->done, w->total);
    }
    if (fstat(fd, &after) != 0 || !same_file(&before, &after)) {
        rc = PL_FAIL(err, PL_EINVAL, "%s changed while it was read", tail(path));
        goto out;
    }
    pl_sha256_end(&s, out);
out:
    (void)close(fd);
    return rc;
}

/* A FIFO must not block the open; what is not a regular file is refused behind it. Folders on the
 * way to @path can't have become links unnoticed: each part is opened by itself. */
static int open_below(int root, const char *path)
{
    int at = root;

    for (;;) {
        size_t n = strcspn(path, "/");
        bool last = path[n] == '\0';
        char name[NAME_MAX + 1];
        if (n > NAME_MAX) {
            errno = ENAMETOOLONG;
            break;
        }
        memcpy(name, path, n);
        name[n] = '\0';
        int flags = last ? O_NONBLOCK : O_DIRECTORY;
        int next = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags);
        int saved = errno;
        if (at != root)
            (void)close(at);
        errno = saved;
        if (next < 0 || last)
            return next;
        at = next;
        path += n + 1;
    }
    if (at != root)
        (void)close(at);
    return -1;
}

static enum pl_code hash_list(struct walk *w, int root, struct pl_hash *out, struct pl_err *err)
{
    struct pl_sha256 list;
    enum pl_code rc = PL_OK;

    pl_sha256_init(&list);
    for (size_t i = 0; i < w->n; i++) {
        const struct file *f = &w->files[i];
        struct pl_hash hash;
        char hex[PL_HASH_HEX_SIZE];
        int fd = open_below(root, f->path);
        if (fd < 0)
            return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(f->path), strerror(errno));
        PL_TRY(hash_fd(w, fd, f->path, &hash, err));
        pl_sha256_add(&list, pl_str(pl_hash_hex(&hash, hex)));
        pl_sha256_add(&list, PL_LIT("  "));
        pl_sha256_add(&list, pl_bytes(f->path, f->n));
        pl_sha256_add(&list, PL_LIT("\n"));
    }
    pl_sha256_end(&list, out);
out:
    return rc;
}

/* Takes over @fd. */
static enum pl_code hash_folder(struct walk *w, int fd, struct pl_hash *out, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0) {
        rc = PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s", strerror(errno));
        goto out;
    }
    PL_TRY(walk_folder(w, copy, "", 0, err));
    if (w->n == 0) {
        rc = PL_FAIL(err, PL_EINVAL, "the folder has no files");
        goto out;
    }
    qsort(w->files, w->n, sizeof(*w->files), by_path);
    PL_TRY(hash_list(w, fd, out, err));
out:
    (void)close(fd);
    return rc;
}

enum pl_code pl_model_digest(const char *path, pl_model_progress_fn progress, void *ctx,
                             struct pl_model *out, struct pl_err *err)
{
    struct walk w = {.progress = progress, .ctx = ctx};
    struct stat st;
    struct pl_hash hash;
    enum pl_code rc = PL_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "%s: %s", tail(path), strerror(errno));
    pl_arena_init(&w.arena, LIST_MAX);
    w.buf = malloc(READ_SIZE);
    if (w.buf == NULL || fstat(fd, &st) != 0) {
        (void)close(fd);
        rc = PL_FAIL(err, PL_ENOMEM, "out of memory");
        goto out;
    }
    bool folder = S_ISDIR(st.st_mode);
    if (folder) {
        if ((rc = hash_folder(&w, fd, &hash, err)) != PL_OK) {
            (void)pl_err_wrap(err, "%s", tail(path));
            goto out;
        }
    } else {
        w.total = (uint64_t)st.st_size;
        PL_TRY(hash_fd(&w, fd, path, &hash, err));
    }
    *out = (struct pl_model){
        .sha256 = hash, .folder = folder, .files = folder ? w.n : 1, .bytes = w.done};
out:
    free(w.buf);
    free(w.files);
    pl_arena_free(&w.arena);
    return rc;
}
