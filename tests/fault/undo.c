/* SPDX-License-Identifier: Apache-2.0 */
/* undo.c - plays a power cut from the undo logs in a folder. */
#include "tests/fault/undo.h"

#include "tests/fault/vfs_powercut.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

/* ---- chance: splitmix64, so that a seed gives the same cut everywhere ---- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool chance(uint64_t *state, unsigned percent)
{
    return next_random(state) % 100 < percent;
}

/* ---- one file ---- */

struct op {
    struct pl_undo_head head;
    const char *old; /* into the log */
    char *fresh;     /* what was written, taken from the file while going back */
    int64_t n_fresh;
};

struct cut {
    uint64_t random;
    unsigned keep_percent, tear_percent; /* of this cut */
    struct pl_powercut_stats *stats;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "power cut: %s: %s\n", what, strerror(errno));
    exit(97);
}

static void *allocate(size_t n)
{
    void *p = malloc(n + 1);
    if (p == NULL)
        give_up("memory");
    return p;
}

static void write_at(int fd, const char *p, int64_t n, int64_t at)
{
    if (n > 0 && pwrite(fd, p, (size_t)n, at) != n)
        give_up("write");
}

static void set_size(int fd, int64_t size)
{
    if (ftruncate(fd, size) != 0)
        give_up("truncate");
}

/* Splits the log into records. A record that is cut off belongs to a write that never happened. */
static struct op *parse_log(const char *log, size_t n, size_t *nops_out)
{
    struct op *ops = allocate((n / sizeof(struct pl_undo_head) + 1) * sizeof(*ops));
    size_t at = 0, nops = 0;

    while (n - at >= sizeof(struct pl_undo_head)) {
        struct op op = {0};
        memcpy(&op.head, log + at, sizeof(op.head));
        at += sizeof(op.head);
        if (op.head.magic != PL_UNDO_MAGIC || op.head.n_old < 0 || (uint64_t)op.head.n_old > n - at)
            break;
        op.old = log + at;
        at += (size_t)op.head.n_old;
        ops[nops++] = op;
    }
    *nops_out = nops;
    return ops;
}

/* Back to what has been synced, newest operation first, keeping what each had written. */
static void go_back(int fd, struct op *ops, size_t nops)
{
    for (size_t i = nops; i-- > 0;) {
        struct op *op = &ops[i];
        if (op->head.kind == PL_UNDO_WRITE) {
            op->fresh = allocate((size_t)op->head.n);
            ssize_t got = pread(fd, op->fresh, (size_t)op->head.n, op->head.at);
            if (got < 0)
                give_up("read");
            op->n_fresh = got; /* short: killed between the log and the write */
        }
        set_size(fd, op->head.old_size);
        write_at(fd, op->old, op->head.n_old, op->head.at);
    }
}

static void write_torn(int fd, const struct op *op, struct cut *cut)
{
    for (int64_t at = op->head.at; at < op->head.at + op->n_fresh;) {
        int64_t end = at - at % SECTOR + SECTOR;
        if (end > op->head.at + op->n_fresh)
            end = op->head.at + op->n_fresh;
        if (chance(&cut->random, 50))
            write_at(fd, op->fresh + (at - op->head.at), end - at, at);
        at = end;
    }
}

/* Forward again with whatever the disk happened to have done. */
static void go_forward(int fd, struct op *ops, size_t nops, struct cut *cut)
{
    for (size_t i = 0; i < nops; i++) {
        struct op *op = &ops[i];
        cut->stats->unsynced++;
        if (!chance(&cut->random, cut->keep_percent)) {
            cut->stats->lost++;
        } else if (op->head.kind == PL_UNDO_TRUNCATE) {
            set_size(fd, op->head.at);
        } else if (chance(&cut->random, cut->tear_percent)) {
            cut->stats->torn++;
            write_torn(fd, op, cut);
        } else {
            write_at(fd, op->fresh, op->n_fresh, op->head.at);
        }
        free(op->fresh);
    }
}

static char *read_all(const char *path, size_t *n_out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        give_up(path);
    char *all = allocate((size_t)st.st_size);
    ssize_t got = read(fd, all, (size_t)st.st_size);
    if (got < 0)
        give_up(path);
    *n_out = (size_t)got;
    close(fd);
    return all;
}

static void cut_file(const char *path, const char *undo, struct cut *cut)
{
    size_t n = 0, nops = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) { /* else it has been removed or renamed since */
        char *log = read_all(undo, &n);
        struct op *ops = parse_log(log, n, &nops);
        go_back(fd, ops, nops);
        go_forward(fd, ops, nops, cut);
        close(fd);
        free(ops);
        free(log);
    }
    if (unlink(undo) != 0)
        give_up(undo);
}

/* ---- the folder ---- */

static bool ends_in(const char *name, const char *suffix)
{
    size_t have = strlen(name), want = strlen(suffix);
    return have > want && strcmp(name + have - want, suffix) == 0;
}

/* Calls what @name's suffix asks for. @pass 0: contents; 1: names. */
static void visit(const char *dir, const char *name, int pass, struct cut *cut)
{
    char path[1024], file[1024];
    bool is_undo = ends_in(name, PL_UNDO_SUFFIX), is_new = ends_in(name, PL_NEW_SUFFIX);

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void)snprintf(file, sizeof(file), "%s", path);
    if (is_undo)
        file[strlen(file) - strlen(PL_UNDO_SUFFIX)] = '\0';
    if (is_new)
        file[strlen(file) - strlen(PL_NEW_SUFFIX)] = '\0';
    if (pass == 0 && is_undo)
        cut_file(file, path, cut);
    if (pass == 1 && is_new) {
        if (chance(&cut->random, 50) && unlink(file) == 0)
            cut->stats->files_gone++;
        (void)unlink(path);
    }
    if (pass == 1 && ends_in(name, "-shm"))
        (void)unlink(path);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

bool pl_powercut(const char *dir, uint64_t seed, struct pl_powercut_stats *stats)
{
    struct cut cut = {.random = seed, .stats = stats};
    char *names[256];
    size_t n = 0;

    DIR *d = opendir(dir);
    if (d == NULL) {
        (void)fprintf(stderr, "power cut: %s: %s\n", dir, strerror(errno));
        return false;
    }
    for (struct dirent *e = readdir(d); e != NULL && n < 256; e = readdir(d))
        names[n++] = strdup(e->d_name);
    closedir(d);
    qsort(names, n, sizeof(names[0]), compare_names); /* a seed gives one outcome */
    /* Each cut has a temper: nothing got through, nearly all did, or something between. */
    static const unsigned KEEP[] = {0, 95, 50, 20};
    cut.keep_percent = KEEP[next_random(&cut.random) % 4];
    cut.tear_percent = (unsigned)(next_random(&cut.random) % 60);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++)
            visit(dir, names[i], pass, &cut);
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    return true;
}
