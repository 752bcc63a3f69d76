/* SPDX-License-Identifier: Apache-2.0 */
/* vfs_powercut.c - the VFS: keeps undo logs of what has not been synced. See the header. */
#include "tests/fault/vfs_powercut.h"

#include "tests/fault/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define TRACKED (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)

struct cut_file {
    sqlite3_file base;
    sqlite3_file *real;
    int undo;     /* descriptor of its undo log, -1 when it is not tracked */
    char *marker; /* "FILE!new" of a file whose name is not synced yet; NULL = none */
};

/* Held over reading the old bytes, logging and writing, and over sync and emptying the log: several
 * connections and threads write one file. */
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *lower;
static sqlite3_vfs shim;

static struct cut_file *file_of(sqlite3_file *f)
{
    return (struct cut_file *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return file_of(f)->real;
}

/* ---- logging ---- */

/* Keeps the bytes [at, at + n) that are there now, n cut at the file's end. */
static int keep_old(struct cut_file *file, enum pl_undo_kind kind, sqlite3_int64 at,
                    sqlite3_int64 n)
{
    sqlite3_int64 size = 0;
    int rc = file->real->pMethods->xFileSize(file->real, &size);
    if (rc != SQLITE_OK)
        return rc;
    struct pl_undo_head head = {
        .magic = PL_UNDO_MAGIC, .kind = kind, .at = at, .n = n, .old_size = size};
    head.n_old = at >= size ? 0 : (at + n > size ? size - at : n);
    char *old = malloc((size_t)head.n_old + 1);
    if (old == NULL)
        return SQLITE_NOMEM;
    if (head.n_old > 0)
        rc = file->real->pMethods->xRead(file->real, old, (int)head.n_old, at);
    struct iovec parts[2] = {{&head, sizeof(head)}, {old, (size_t)head.n_old}};
    ssize_t want = (ssize_t)(sizeof(head) + (size_t)head.n_old);
    if (rc == SQLITE_OK && writev(file->undo, parts, 2) != want)
        rc = SQLITE_IOERR_WRITE;
    free(old);
    return rc;
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct cut_file *file = file_of(f);
    int rc = SQLITE_OK;

    pthread_mutex_lock(&mu);
    if (file->undo >= 0)
        rc = keep_old(file, PL_UNDO_WRITE, at, n);
    if (rc == SQLITE_OK)
        rc = file->real->pMethods->xWrite(file->real, p, n, at);
    pthread_mutex_unlock(&mu);
    return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct cut_file *file = file_of(f);
    sqlite3_int64 old = 0;

    pthread_mutex_lock(&mu);
    int rc = file->real->pMethods->xFileSize(file->real, &old);
    if (rc == SQLITE_OK && file->undo >= 0)
        rc = keep_old(file, PL_UNDO_TRUNCATE, size, old > size ? old - size : 0);
    if (rc == SQLITE_OK)
        rc = file->real->pMethods->xTruncate(file->real, size);
    pthread_mutex_unlock(&mu);
    return rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    struct cut_file *file = file_of(f);
    int rc = SQLITE_OK;

    if (file->undo < 0)
        return file->real->pMethods->xSync(file->real, flags);
    pthread_mutex_lock(&mu);
    if (ftruncate(file->undo, 0) != 0)
        rc = SQLITE_IOERR_FSYNC;
    if (file->marker !=
        NULL) { /* SQLite's unix VFS syncs the folder with a new journal's first sync */
        (void)unlink(file->marker);
        free(file->marker);
        file->marker = NULL;
    }
    pthread_mutex_unlock(&mu);
    return rc;
}

/* ---- passing through ---- */

static int file_close(sqlite3_file *f)
{
    struct cut_file *file = file_of(f);
    if (file->undo >= 0)
        close(file->undo);
    free(file->marker);
    file->marker = NULL;
    return file->real->pMethods != NULL ? file->real->pMethods->xClose(file->real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shm_unmap(sqlite3_file *f, int unlink_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), unlink_it);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2, /* no xFetch: no memory-mapped I/O past us */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- the VFS ---- */

/* "NAME@suffix" on the heap. */
static char *with_suffix(const char *name, const char *suffix)
{
    char *out = NULL;
    return asprintf(&out, "%s%s", name, suffix) < 0 ? NULL : out;
}

/* Opens the undo log of @name, and marks it as new when it is not there yet. */
static int start_tracking(struct cut_file *file, const char *name, int flags)
{
    char *undo = with_suffix(name, PL_UNDO_SUFFIX);
    char *marker = with_suffix(name, PL_NEW_SUFFIX);
    int rc = SQLITE_CANTOPEN;

    if (undo != NULL && marker != NULL)
        file->undo = open(undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file->undo >= 0)
        rc = SQLITE_OK;
    bool is_new = access(name, F_OK) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
    if (rc == SQLITE_OK && is_new) {
        int fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close(fd);
    }
    if (rc == SQLITE_OK && access(marker, F_OK) == 0) { /* ours, or a former life's */
        file->marker = marker;
        marker = NULL;
    }
    free(undo);
    free(marker);
    return rc;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags,
                    int *flags_out)
{
    struct cut_file *file = file_of(f);
    int rc = SQLITE_OK;

    (void)vfs;
    f->pMethods = NULL;
    file->real = (sqlite3_file *)(file + 1);
    file->undo = -1;
    file->marker = NULL;
    if (name != NULL && (flags & TRACKED) != 0 &&
        ((flags & SQLITE_OPEN_CREATE) != 0 || access(name, F_OK) == 0))
        rc = start_tracking(file, name, flags);
    if (rc == SQLITE_OK)
        rc = lower->xOpen(lower, name, file->real, flags, flags_out);
    if (rc == SQLITE_OK) {
        f->pMethods = &METHODS;
    } else {
        if (file->undo >= 0)
            close(file->undo);
        free(file->marker);
    }
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    static const char *const SUFFIX[] = {PL_UNDO_SUFFIX, PL_NEW_SUFFIX};

    (void)vfs;
    int rc = lower->xDelete(lower, name, sync_dir);
    for (size_t i = 0; rc == SQLITE_OK && i < 2; i++) {
        char *path = with_suffix(name, SUFFIX[i]);
        if (path != NULL)
            (void)unlink(path);
        free(path);
    }
    return rc;
}

void pl_powercut_install(void)
{
    if (lower != NULL)
        return;
    lower = sqlite3_vfs_find(NULL);
    shim = *lower;
    shim.iVersion = 1;
    shim.szOsFile = (int)sizeof(struct cut_file) + lower->szOsFile;
    shim.zName = "powercut";
    shim.pNext = NULL;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    sqlite3_vfs_register(&shim, 1);
}
