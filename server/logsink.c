/* SPDX-License-Identifier: Apache-2.0 */
/* logsink.c - each line is one write(2), so lines of several threads don't mix. */
#include "server/logsink.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)16 << 10)

static bool as_json; /* set once, before threads */

static void sink(enum pl_severity severity, const char *event, const char *fields)
{
    struct timespec now;
    struct pl_buf line;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    pl_buf_init(&line, LINE_MAX_BYTES);
    pl_log_render(&line, as_json, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, severity,
                  event, fields);
    /* A full pipe or a closed terminal must not stop the log: what can't be written is dropped. */
    ssize_t n;
    do {
        n = write(STDERR_FILENO, line.p, line.n);
    } while (n < 0 && errno == EINTR);
    pl_buf_free(&line);
}

void pl_logsink_init(const char *format, const char *level)
{
    static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
    enum pl_severity least = PL_LOG_INFO;
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(level, LEVELS[i]) == 0)
            least = (enum pl_severity)i;
    as_json =
        strcmp(format, "json") == 0 || (strcmp(format, "auto") == 0 && isatty(STDERR_FILENO) == 0);
    pl_log_set_sink(sink, least);
}
