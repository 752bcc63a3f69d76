/* SPDX-License-Identifier: Apache-2.0 */
/* vfs_fault.c - failing the n-th call; see the header. */
#include "tests/fault/vfs_fault.h"

#include "core/base/num.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fault_file {
    sqlite3_file base;
    const char
        *name; /* SQLite's own copy: lives as long as the file is open; "" for temporary ones */
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t mu; /* guards all below */
    struct pl_fault_plan plan;
    uint64_t calls, hits;
    char follow[256];     /* file to take the plan from; "" = none */
    struct timespec seen; /* its mtime when it was last read */
    char suffix[32];      /* storage of a plan from that file */
} g = {.mu = PTHREAD_MUTEX_INITIALIZER};

static sqlite3_vfs *lower;
static sqlite3_vfs shim;
static sqlite3_mem_methods lower_memory;

static const struct {
    const char *name;
    int code;
} CLASS[PL_FAULT_CLASS_COUNT] = {
    [PL_FAULT_NONE] = {"none", SQLITE_IOERR},
    [PL_FAULT_OPEN] = {"open", SQLITE_CANTOPEN},
    [PL_FAULT_READ] = {"read", SQLITE_IOERR_READ},
    [PL_FAULT_WRITE] = {"write", SQLITE_IOERR_WRITE},
    [PL_FAULT_TRUNCATE] = {"truncate", SQLITE_IOERR_TRUNCATE},
    [PL_FAULT_SYNC] = {"sync", SQLITE_IOERR_FSYNC},
    [PL_FAULT_SIZE] = {"size", SQLITE_IOERR_FSTAT},
    [PL_FAULT_LOCK] = {"lock", SQLITE_IOERR_LOCK},
    [PL_FAULT_DELETE] = {"delete", SQLITE_IOERR_DELETE},
    [PL_FAULT_ACCESS] = {"access", SQLITE_IOERR_ACCESS},
    [PL_FAULT_SHM_MAP] = {"shm_map", SQLITE_IOERR_SHMMAP},
    [PL_FAULT_SHM_LOCK] = {"shm_lock", SQLITE_IOERR_SHMLOCK},
    [PL_FAULT_MEMORY] = {"memory", SQLITE_NOMEM},
};

/* ---- the plan ---- */

const char *pl_fault_class_name(enum pl_fault_class class)
{
    return CLASS[class].name;
}

/* Called with g.mu held. */
static void set_locked(const struct pl_fault_plan *plan)
{
    g.plan = *plan;
    g.calls = g.hits = 0;
}

void pl_fault_set(const struct pl_fault_plan *plan)
{
    pthread_mutex_lock(&g.mu);
    set_locked(plan);
    pthread_mutex_unlock(&g.mu);
}

void pl_fault_clear(void)
{
    pl_fault_set(&(struct pl_fault_plan){0});
}

uint64_t pl_fault_hits(void)
{
    pthread_mutex_lock(&g.mu);
    uint64_t n = g.hits;
    pthread_mutex_unlock(&g.mu);
    return n;
}

uint64_t pl_fault_calls(void)
{
    pthread_mutex_lock(&g.mu);
    uint64_t n = g.calls;
    pthread_mutex_unlock(&g.mu);
    return n;
}

static bool parse_class(struct pl_bytes value, struct pl_fault_plan *p)
{
    for (int i = 0; i < PL_FAULT_CLASS_COUNT; i++) {
        if (pl_bytes_eq_str(value, CLASS[i].name)) {
            p->class = (enum pl_fault_class)i;
            return true;
        }
    }
    return false;
}

static bool parse_how(struct pl_bytes value, struct pl_fault_plan *p)
{
    static const char *const HOW[] = {"before", "after", "half", "kill"};
    for (int i = 0; i < 4; i++) {
        if (pl_bytes_eq_str(value, HOW[i])) {
            p->how = (enum pl_fault_how)i;
            return true;
        }
    }
    return false;
}

static bool parse_suffix(struct pl_bytes value, struct pl_fault_plan *p)
{
    static char suffix[32];
    if (value.n >= sizeof(suffix))
        return false;
    memcpy(suffix, value.p, value.n);
    suffix[value.n] = '\0';
    p->suffix = suffix;
    return true;
}

static bool parse_word(struct pl_bytes key, struct pl_bytes value, struct pl_fault_plan *p)
{
    uint64_t n = 0;

    if (pl_bytes_eq_str(key, "class"))
        return parse_class(value, p);
    if (pl_bytes_eq_str(key, "how"))
        return parse_how(value, p);
    if (pl_bytes_eq_str(key, "suffix"))
        return parse_suffix(value, p);
    if (pl_bytes_eq_str(key, "sticky")) {
        p->sticky = true;
        return value.n == 0;
    }
    if (!pl_parse_u64(value, INT32_MAX, &n))
        return false;
    if (pl_bytes_eq_str(key, "nth"))
        p->nth = n;
    else if (pl_bytes_eq_str(key, "code"))
        p->code = (int)n;
    else if (pl_bytes_eq_str(key, "sync_ms"))
        p->sync_ms = (unsigned)n;
    else
        return false;
    return true;
}

bool pl_fault_parse(const char *text, struct pl_fault_plan *out)
{
    struct pl_fault_plan p = {.nth = 1};
    struct pl_bytes left = pl_bytes_trim(pl_str(text));

    while (left.n > 0) {
        const uint8_t *comma = memchr(left.p, ',', left.n);
        struct pl_bytes word = pl_bytes(left.p, comma != NULL ? (size_t)(comma - left.p) : left.n);
        const uint8_t *eq = memchr(word.p, '=', word.n);
        size_t nkey = eq != NULL ? (size_t)(eq - word.p) : word.n;
        size_t skip = nkey + (eq != NULL ? 1 : 0);
        if (!parse_word(pl_bytes(word.p, nkey), pl_bytes(word.p + skip, word.n - skip), &p))
            return false;
        size_t used = word.n + (comma != NULL ? 1 : 0);
        left = pl_bytes(left.p + used, left.n - used);
    }
    *out = p;
    return true;
}

void pl_fault_follow(const char *path)
{
    pthread_mutex_lock(&g.mu);
    (void)snprintf(g.follow, sizeof(g.follow), "%s", path);
    g.seen = (struct timespec){0};
    pthread_mutex_unlock(&g.mu);
}

/* Called with g.mu held. */
static void read_followed(void)
{
    struct stat st;
    char text[256] = "";
    struct pl_fault_plan plan = {0};

    if (stat(g.follow, &st) != 0) {
        if (g.seen.tv_sec != 0)
            set_locked(&plan);
        g.seen = (struct timespec){0};
        return;
    }
    if (st.st_mtim.tv_sec == g.seen.tv_sec && st.st_mtim.tv_nsec == g.seen.tv_nsec)
        return;
    g.seen = st.st_mtim;
    FILE *f = fopen(g.follow, "rb");
    if (f == NULL)
        return;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    if (pl_bytes_trim(pl_str(text)).n > 0 && !pl_fault_parse(text, &plan)) {
        (void)fprintf(stderr, "vfs_fault: %s is not understood\n", g.follow);
        _exit(98);
    }
    if (plan.suffix != NULL) {
        (void)snprintf(g.suffix, sizeof(g.suffix), "%s", plan.suffix);
        plan.suffix = g.suffix;
    }
    set_locked(&plan);
}

static bool name_matches(const char *name)
{
    size_t have = name != NULL ? strlen(name) : 0;
    size_t want = g.plan.suffix != NULL ? strlen(g.plan.suffix) : 0;
    return want == 0 || (have >= want && memcmp(name + have - want, g.plan.suffix, want) == 0);
}

/* Does this call fail? Then @code_out and @how_out say how; a planned SIGKILL does not return. */
static bool falls(enum pl_fault_class class, const char *name, int *code_out,
                  enum pl_fault_how *how_out)
{
    bool hit = false;

    pthread_mutex_lock(&g.mu);
    if (g.follow[0] != '\0' && class != PL_FAULT_MEMORY)
        read_followed();
    if (g.plan.class == class && (class == PL_FAULT_MEMORY || name_matches(name))) {
        g.calls++;
        hit = g.calls == g.plan.nth || (g.plan.sticky && g.calls > g.plan.nth);
    }
    if (hit) {
        g.hits++;
        *code_out = g.plan.code != 0 ? g.plan.code : CLASS[class].code;
        *how_out = g.plan.how;
        if (g.plan.how == PL_FAULT_KILL)
            kill(getpid(), SIGKILL);
    }
    pthread_mutex_unlock(&g.mu);
    return hit;
}

/* The common shape: fail before, or do it and fail after. */
#define FALL(class, name, call)                     \
    do {                                            \
        int code_ = 0;                              \
        enum pl_fault_how how_ = PL_FAULT_BEFORE;   \
        if (!falls((class), (name), &code_, &how_)) \
            return (call);                          \
        if (how_ == PL_FAULT_AFTER)                 \
            (void)(call);                           \
        return code_;                               \
    } while (0)

/* ---- files ---- */

static struct fault_file *file_of(sqlite3_file *f)
{
    return (struct fault_file *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return file_of(f)->real;
}

static int file_close(sqlite3_file *f)
{
    sqlite3_file *real = real_of(f);
    return real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    FALL(PL_FAULT_READ, file_of(f)->name, real_of(f)->pMethods->xRead(real_of(f), p, n, at));
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(f);
    enum pl_fault_how how = PL_FAULT_BEFORE;
    int code = 0;

    if (!falls(PL_FAULT_WRITE, file_of(f)->name, &code, &how))
        return real->pMethods->xWrite(real, p, n, at);
    if (how != PL_FAULT_BEFORE)
        (void)real->pMethods->xWrite(real, p, how == PL_FAULT_HALF ? n / 2 : n, at);
    return code;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    FALL(PL_FAULT_TRUNCATE, file_of(f)->name, real_of(f)->pMethods->xTruncate(real_of(f), size));
}

static int file_sync(sqlite3_file *f, int flags)
{
    pthread_mutex_lock(&g.mu);
    unsigned ms = g.plan.sync_ms;
    pthread_mutex_unlock(&g.mu);
    if (ms > 0)
        usleep(ms * 1000);
    FALL(PL_FAULT_SYNC, file_of(f)->name, real_of(f)->pMethods->xSync(real_of(f), flags));
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
    FALL(PL_FAULT_SIZE, file_of(f)->name, real_of(f)->pMethods->xFileSize(real_of(f), out));
}

/* A lock that was taken after all would never be given back: these fail before only. */
static int file_lock(sqlite3_file *f, int level)
{
    enum pl_fault_how how;
    int code;
    if (falls(PL_FAULT_LOCK, file_of(f)->name, &code, &how))
        return code;
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    enum pl_fault_how how;
    int code;
    if ((flags & SQLITE_SHM_UNLOCK) == 0 && falls(PL_FAULT_SHM_LOCK, file_of(f)->name, &code, &how))
        return code;
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
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
    FALL(PL_FAULT_SHM_MAP, file_of(f)->name,
         real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out));
}

static void shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shm_unmap(sqlite3_file *f, int unlink_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), unlink_it);
}

/* Version 2: shared memory, and no xFetch: memory-mapped reads would pass us by. */
static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
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

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags,
                    int *flags_out)
{
    struct fault_file *file = file_of(f);
    enum pl_fault_how how;
    int code;

    (void)vfs;
    f->pMethods = NULL;
    if (falls(PL_FAULT_OPEN, name, &code, &how))
        return code;
    file->name = name != NULL ? name : "";
    file->real = (sqlite3_file *)(file + 1);
    int rc = lower->xOpen(lower, name, file->real, flags, flags_out);
    if (file->real->pMethods != NULL)
        f->pMethods = &METHODS;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    FALL(PL_FAULT_DELETE, name, lower->xDelete(lower, name, sync_dir));
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    FALL(PL_FAULT_ACCESS, name, lower->xAccess(lower, name, flags, out));
}

/* ---- memory ---- */

static void *memory_alloc(int n)
{
    enum pl_fault_how how;
    int code;
    return falls(PL_FAULT_MEMORY, NULL, &code, &how) ? NULL : lower_memory.xMalloc(n);
}

static void *memory_realloc(void *p, int n)
{
    enum pl_fault_how how;
    int code;
    return falls(PL_FAULT_MEMORY, NULL, &code, &how) ? NULL : lower_memory.xRealloc(p, n);
}

void pl_fault_install_memory(void)
{
    if (lower_memory.xMalloc != NULL ||
        sqlite3_config(SQLITE_CONFIG_GETMALLOC, &lower_memory) != SQLITE_OK)
        return;
    sqlite3_mem_methods mine = lower_memory;
    mine.xMalloc = memory_alloc;
    mine.xRealloc = memory_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
}

void pl_fault_install(void)
{
    if (lower != NULL)
        return;
    lower = sqlite3_vfs_find(NULL);
    shim = *lower; /* what is not replaced below is the lower one's own */
    shim.iVersion = 1;
    shim.szOsFile = (int)sizeof(struct fault_file) + lower->szOsFile;
    shim.zName = "fault";
    shim.pNext = NULL;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    shim.xAccess = vfs_access;
    sqlite3_vfs_register(&shim, 1);
}
