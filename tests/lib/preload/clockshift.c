/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clockshift.c - LD_PRELOAD: the wall clock, moved by the seconds in the file $CLOCKSHIFT_FILE.
 *
 * For tests of a clock that was set back. Only CLOCK_REALTIME moves, as when an administrator sets
 * the time: deadlines on the monotonic clock go on. The file is read at each call, so a test can
 * move the clock of a running server. Built and used by tests/e2e/12_clock.t only.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void)
{
    static int fd = -2;
    char text[32];
    if (fd == -2) {
        const char *path = getenv("CLOCKSHIFT_FILE");
        fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
    ssize_t n = fd >= 0 ? pread(fd, text, 9, 0) : 0;
    if (n <= 0)
        return 0;
    long value = 0;
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(id, out);
    if (rc == 0 && id == CLOCK_REALTIME)
        out->tv_sec += shift();
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
