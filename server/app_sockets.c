/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_sockets.c - listening sockets: passed by systemd, kept over an upgrade in place, or bound.
 *
 * An upgrade hands them over in PROVLOG_INHERIT, one line for each:
 *   pid 4711                          (not ours: the variable is a stray copy and is ignored)
 *   lock 5
 *   public bound 7 127.0.0.1:3000     (role, origin, descriptor, the setting it was bound for)
 */
#include "server/app_private.h"

#include "core/base/log.h"
#include "core/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define INHERIT       "PROVLOG_INHERIT"
#define FIRST_FD      3 /* sd_listen_fds(3) */
#define BIND_WAIT_MS  1500
#define BIND_RETRY_NS 50000000

/* ---- reading what came with the process ---- */

static bool parse_fd(struct pl_bytes text, int *out)
{
    uint64_t fd;
    if (!pl_parse_u64(text, 1 << 20, &fd) || fcntl((int)fd, F_GETFD) < 0)
        return false;
    *out = (int)fd;
    return fcntl(*out, F_SETFD, FD_CLOEXEC) == 0;
}

static struct pl_bytes next_word(struct pl_bytes *line)
{
    struct pl_reader r = pl_reader(*line);
    struct pl_bytes word;
    if (!pl_read_until(&r, ' ', &word)) {
        word = *line;
        r.left = pl_bytes(line->p + line->n, 0);
    }
    *line = r.left;
    return word;
}

static bool add_socket(struct pl_inherited *in, int fd, bool admin, bool passed,
                       struct pl_bytes text)
{
    if (in->nsockets == sizeof(in->socket) / sizeof(in->socket[0]) ||
        text.n >= sizeof(in->socket[0].text))
        return false;
    in->socket[in->nsockets].fd = fd;
    in->socket[in->nsockets].admin = admin;
    in->socket[in->nsockets].passed = passed;
    if (text.n > 0)
        memcpy(in->socket[in->nsockets].text, text.p, text.n);
    in->socket[in->nsockets].text[text.n] = '\0';
    in->nsockets++;
    return true;
}

/* One line of PROVLOG_INHERIT; false when it can't be one of ours. */
static bool read_line(struct pl_inherited *in, struct pl_bytes line)
{
    struct pl_bytes word = next_word(&line);
    uint64_t pid;
    int fd;
    if (pl_bytes_eq_str(word, "pid"))
        return pl_parse_u64(line, INT32_MAX, &pid) && (pid_t)pid == getpid();
    if (pl_bytes_eq_str(word, "lock"))
        return parse_fd(line, &in->lock_fd);
    bool admin = pl_bytes_eq_str(word, "admin");
    if (!admin && !pl_bytes_eq_str(word, "public"))
        return false;
    bool passed = pl_bytes_eq_str(next_word(&line), "passed");
    return parse_fd(next_word(&line), &fd) && add_socket(in, fd, admin, passed, line);
}

static enum pl_code read_inherit(struct pl_inherited *in, const char *value, struct pl_err *err)
{
    struct pl_reader r = pl_reader(pl_str(value));
    struct pl_bytes line;
    while (pl_read_until(&r, '\n', &line)) {
        if (read_line(in, line))
            continue;
        if (pl_bytes_has_prefix(line, "pid "))
            return PL_OK; /* another process's: nothing of it is ours */
        return PL_FAIL(err, PL_EINVAL, "environment " INHERIT ": '" PL_FMT "' is not understood",
                       PL_ARG(line));
    }
    in->upgrade = true;
    return PL_OK;
}

/* sd_listen_fds(3): LISTEN_PID is us, LISTEN_FDS of them from 3 on, LISTEN_FDNAMES by colons. */
static enum pl_code read_systemd(struct pl_inherited *in, struct pl_err *err)
{
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    uint64_t pid, count;
    if (pid_text == NULL || count_text == NULL ||
        !pl_parse_u64(pl_str(pid_text), INT32_MAX, &pid) || (pid_t)pid != getpid())
        return PL_OK;
    if (!pl_parse_u64(pl_str(count_text), PL_LISTEN_MAX + 1, &count))
        return PL_FAIL(err, PL_EINVAL, "environment LISTEN_FDS: '%.32s' is not allowed: 0 to %d",
                       count_text, PL_LISTEN_MAX + 1);
    for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
        size_t n = names != NULL ? strcspn(names, ":") : 0;
        bool admin = n == 5 && memcmp(names, "admin", 5) == 0;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return PL_FAIL_CAUSE(err, PL_EINVAL, errno, "environment LISTEN_FDS: descriptor %d: %s",
                                 fd, strerror(errno));
        if (!add_socket(in, fd, admin, true, PL_LIT("")))
            return PL_FAIL(err, PL_EINVAL, "environment LISTEN_FDS: too many sockets");
        if (names != NULL)
            names += n + (names[n] == ':');
    }
    return PL_OK;
}

enum pl_code pl_inherited_read(struct pl_inherited *in, struct pl_err *err)
{
    *in = (struct pl_inherited){.lock_fd = -1};
    const char *value = getenv(INHERIT);
    enum pl_code rc = value != NULL ? read_inherit(in, value, err) : PL_OK;
    if (rc == PL_OK && !in->upgrade)
        rc = read_systemd(in, err);
    /* Not for whatever this process starts. */
    static const char *const NAMES[] = {INHERIT, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        (void)unsetenv(NAMES[i]);
    return rc;
}

/* ---- opening ---- */

static enum pl_code add_listener(struct pl_sockets *s, const struct pl_config *config,
                                 const char *text, int fd, bool admin, bool passed,
                                 struct pl_err *err)
{
    struct pl_listen_spec spec = {.admin = admin, .fd = fd};
    int n = snprintf(spec.text, sizeof(spec.text), "%s", text);
    if (n < 0 || (size_t)n >= sizeof(spec.text) || s->n == PL_LISTEN_MAX + 1)
        return PL_FAIL(err, PL_EINVAL, "listen: address too long, or too many: '%.64s'", text);
    spec.tls = !admin && config->tls_cert != NULL && strncmp(text, "unix:", 5) != 0;
    /* The server that went away a moment ago may still be closing its socket. */
    const struct timespec pause = {.tv_nsec = BIND_RETRY_NS};
    const int64_t end = pl_now_ms() + BIND_WAIT_MS;
    enum pl_code rc;
    while ((rc = pl_listener_open(&spec, &s->listener[s->n], err)) != PL_OK &&
           err->cause == EADDRINUSE && pl_now_ms() < end)
        (void)nanosleep(&pause, NULL);
    if (rc != PL_OK)
        return rc;
    s->passed[s->n] = passed;
    s->n++;
    return PL_OK;
}

/* The text of a passed socket: its own address, so that TLS and the ready line know what it is. */
static void name_passed(int fd, char out[256])
{
    struct sockaddr_un addr;
    socklen_t n = sizeof(addr);
    memset(&addr, 0, sizeof(addr));
    if (getsockname(fd, (struct sockaddr *)&addr, &n) == 0 && addr.sun_family == AF_UNIX)
        (void)snprintf(out, 256, "unix:%.*s", (int)sizeof(addr.sun_path), addr.sun_path);
    else
        (void)snprintf(out, 256, "socket %d", fd);
}

static enum pl_code open_passed(const struct pl_config *config, struct pl_inherited *in, bool admin,
                                struct pl_sockets *out, bool *any, struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    *any = false;
    for (size_t i = 0; rc == PL_OK && i < in->nsockets; i++) {
        if (!in->socket[i].passed || in->socket[i].admin != admin)
            continue;
        if (in->socket[i].text[0] == '\0')
            name_passed(in->socket[i].fd, in->socket[i].text);
        rc = add_listener(out, config, in->socket[i].text, in->socket[i].fd, admin, true, err);
        in->socket[i].fd = -1;
        *any = true;
    }
    return rc;
}

/* Binds @text, or takes the socket that was bound for it before the upgrade. */
static enum pl_code open_bound(const struct pl_config *config, struct pl_inherited *in,
                               const char *text, bool admin, struct pl_sockets *out,
                               struct pl_err *err)
{
    int fd = -1;
    for (size_t i = 0; fd < 0 && i < in->nsockets; i++) {
        if (in->socket[i].fd < 0 || in->socket[i].passed || in->socket[i].admin != admin ||
            strcmp(in->socket[i].text, text) != 0)
            continue;
        fd = in->socket[i].fd;
        in->socket[i].fd = -1;
    }
    return add_listener(out, config, text, fd, admin, false, err);
}

enum pl_code pl_sockets_open(const struct pl_config *config, struct pl_inherited *in,
                             struct pl_sockets *out, struct pl_err *err)
{
    enum pl_code rc;
    bool any;

    memset(out, 0, sizeof(*out));
    PL_TRY(open_passed(config, in, false, out, &any, err));
    for (size_t i = 0; !any && i < config->nlisten; i++)
        PL_TRY(open_bound(config, in, config->listen[i], false, out, err));
    PL_TRY(open_passed(config, in, true, out, &any, err));
    if (!any && strcmp(config->admin_listen, "none") != 0)
        PL_TRY(open_bound(config, in, config->admin_listen, true, out, err));
out:
    for (size_t i = 0; i < in->nsockets; i++)
        if (in->socket[i].fd >= 0)
            (void)close(in->socket[i].fd);
    in->nsockets = 0;
    if (rc != PL_OK)
        pl_sockets_close(out, false);
    return rc;
}

void pl_sockets_close(struct pl_sockets *s, bool keep_socket_files)
{
    for (size_t i = 0; i < s->n; i++)
        pl_listener_close(s->listener[i], keep_socket_files || s->passed[i]);
    s->n = 0;
}

struct pl_listener *pl_sockets_admin(const struct pl_sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (pl_listener_spec(s->listener[i])->admin)
            return s->listener[i];
    return NULL;
}

struct pl_listener *pl_sockets_first(const struct pl_sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!pl_listener_spec(s->listener[i])->admin)
            return s->listener[i];
    return NULL;
}

/* ---- handing over ---- */

static enum pl_code set_cloexec(int fd, bool on, struct pl_err *err)
{
    if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "descriptor %d: %s", fd, strerror(errno));
    return PL_OK;
}

enum pl_code pl_sockets_hand_over(const struct pl_sockets *s, int lock_fd, bool keep,
                                  struct pl_err *err)
{
    struct pl_buf text;
    enum pl_code rc;

    pl_buf_init(&text, 16384);
    pl_buf_addf(&text, "pid %ld\nlock %d\n", (long)getpid(), lock_fd);
    PL_TRY(set_cloexec(lock_fd, !keep, err));
    for (size_t i = 0; i < s->n; i++) {
        const struct pl_listen_spec *spec = pl_listener_spec(s->listener[i]);
        pl_buf_addf(&text, "%s %s %d %s\n", spec->admin ? "admin" : "public",
                    s->passed[i] ? "passed" : "bound", pl_listener_fd(s->listener[i]), spec->text);
        PL_TRY(set_cloexec(pl_listener_fd(s->listener[i]), !keep, err));
    }
    PL_TRY(pl_buf_check(&text, INHERIT, err));
    if ((keep ? setenv(INHERIT, pl_buf_cstr(&text), 1) : unsetenv(INHERIT)) != 0)
        rc = PL_FAIL_CAUSE(err, PL_ENOMEM, errno, "set " INHERIT ": %s", strerror(errno));
out:
    pl_buf_free(&text);
    return rc;
}

void pl_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
        return;
    size_t n = strlen(path);
    memcpy(to.sun_path, path, n);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
        PL_WARN("notify.failed", "errno=%d", errno);
    (void)close(fd);
}
