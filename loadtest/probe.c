/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - what the machine can do at this moment, measured by the code that the server uses, and
 * what the server has used.
 *
 * Medians of many short rounds: on a shared machine the mean measures the neighbours.
 */
#include "core/base/num.h"
#include "core/crypto/sig.h"

#include "loadtest/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS    31
#define PER_ROUND 40
#define SYNCS     101
#define PAGE      ((size_t)16 << 10) /* one database page, the least that a commit writes */

uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int compare_double(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof(v[0]), compare_double);
    return v[n / 2];
}

/* A P-256 signature of a short message, made and verified with a key that is ready, as the server
 * does with its own key and with cached ones. */
static enum pl_code probe_crypto(struct machine *m, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_privkey *key = NULL;
    double sign_us[ROUNDS], verify_us[ROUNDS];
    uint8_t msg[PL_HASH_SIZE], sig[PL_SIG_MAX];
    size_t n = 0;

    pl_random(msg, sizeof(msg));
    PL_TRY(pl_privkey_generate(PL_KEY_P256, &key, err));
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t t0 = now_ns();
        for (size_t i = 0; i < PER_ROUND; i++)
            PL_TRY(pl_sig_sign(key, PL_SHA256, pl_bytes(msg, sizeof(msg)), sig, &n, err));
        uint64_t t1 = now_ns();
        for (size_t i = 0; i < PER_ROUND; i++)
            PL_TRY(pl_sig_verify(pl_privkey_public(key), PL_SHA256, pl_bytes(msg, sizeof(msg)),
                                 pl_bytes(sig, n), err));
        sign_us[round] = (double)(t1 - t0) / 1e3 / PER_ROUND;
        verify_us[round] = (double)(now_ns() - t1) / 1e3 / PER_ROUND;
    }
    m->t_sign_us = median(sign_us, ROUNDS);
    m->t_verify_us = median(verify_us, ROUNDS);
out:
    pl_privkey_free(key);
    return rc;
}

/* One page written over an existing file, then fdatasync: what a commit into a WAL costs at least.
 */
static enum pl_code probe_sync(const char *disk, struct machine *m, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    char path[4096];
    uint8_t page[PAGE];
    double us[SYNCS];

    int len = snprintf(path, sizeof(path), "%s/sync-probe-XXXXXX", disk);
    if (len < 0 || (size_t)len >= sizeof(path))
        return PL_FAIL(err, PL_EINVAL, "--disk: the path is too long");
    int fd = mkstemp(path);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "%s: %s", path, strerror(errno));
    pl_random(page, sizeof(page));
    for (size_t i = 0; i < 16 + SYNCS; i++) {
        uint64_t t0 = now_ns();
        if (pwrite(fd, page, PAGE, (off_t)(i % 16 * PAGE)) != (ssize_t)PAGE || fdatasync(fd) != 0) {
            rc = PL_FAIL_CAUSE(err, PL_EIO, errno, "%s: %s", path, strerror(errno));
            goto out;
        }
        if (i >= 16) /* the first ones made the file */
            us[i - 16] = (double)(now_ns() - t0) / 1e3;
    }
    m->t_sync_us = median(us, SYNCS);
out:
    close(fd);
    unlink(path);
    return rc;
}

enum pl_code probe_machine(const char *disk, struct machine *out, struct pl_err *err)
{
    enum pl_code rc;
    struct machine m = {.cores = 1};
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        m.cores = (unsigned)CPU_COUNT(&cpus);
    PL_TRY(probe_crypto(&m, err));
    PL_TRY(probe_sync(disk, &m, err));
    *out = m;
out:
    return rc;
}

static enum pl_code read_proc(uint64_t pid, const char *name, char *out, size_t max,
                              struct pl_err *err)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/%s", pid, name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "%s: %s", path, strerror(errno));
    size_t n = fread(out, 1, max - 1, f);
    (void)fclose(f);
    out[n] = '\0';
    return PL_OK;
}

/* The number behind "@key:" in /proc/PID/status, in bytes (it is given in kB). */
static uint64_t status_bytes(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    uint64_t kb = 0;

    if (at == NULL)
        return 0;
    at += strlen(key);
    at += strspn(at, ": \t");
    return pl_parse_u64(pl_bytes(at, strspn(at, "0123456789")), UINT64_MAX / 1024, &kb) ? kb * 1024
                                                                                        : 0;
}

/* utime and stime: fields 14 and 15 of /proc/PID/stat, counted behind the name in brackets. */
static enum pl_code read_cpu(uint64_t pid, double *us, struct pl_err *err)
{
    char text[2048];
    enum pl_code rc = read_proc(pid, "stat", text, sizeof(text), err);

    if (rc != PL_OK)
        return rc;
    const char *at = strrchr(text, ')');
    struct pl_reader r = pl_reader(pl_str(at != NULL ? at : text));
    struct pl_bytes field;
    uint64_t ticks[2] = {0, 0};
    for (int i = 2; i <= 15; i++) {
        if (!pl_read_until(&r, ' ', &field) ||
            (i >= 14 && !pl_parse_u64(field, UINT64_MAX, &ticks[i - 14])))
            return PL_FAIL(err, PL_EIO, "/proc/%" PRIu64 "/stat: field %d is missing", pid, i);
    }
    *us = (double)(ticks[0] + ticks[1]) * 1e6 / (double)sysconf(_SC_CLK_TCK);
    return PL_OK;
}

enum pl_code probe_process(uint64_t pid, struct usage *out, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct usage u = {0};
    char text[8192];

    if (pid != 0) {
        PL_TRY(read_cpu(pid, &u.cpu_us, err));
        PL_TRY(read_proc(pid, "status", text, sizeof(text), err));
        u.rss_bytes = status_bytes(text, "VmRSS");
        u.peak_bytes = status_bytes(text, "VmHWM");
    }
    *out = u;
out:
    return rc;
}
