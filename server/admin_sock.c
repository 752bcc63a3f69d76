/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin_sock.c - DATA_DIR/admin.sock: acts of the administrator, for the owner of the folder only.
 *
 * One request a connection: a word and LF. "status" gives the /readyz document and LF, "upgrade"
 * does what SIGUSR2 does. Its own thread; one client at a time, two seconds each.
 */
#include "server/app_private.h"

#include "core/base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 64
#define ANSWER_MAX  ((size_t)16 << 10)

struct pl_admin_sock {
    struct pl_app *app;
    pthread_t thread;
    int fd, stop_fd;
    char path[4096];
};

/* The socket's mode keeps others out; this holds also where a file system ignores it. */
static bool is_owner(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static bool read_word(int fd, char out[REQUEST_MAX + 1])
{
    size_t n = 0;
    while (n < REQUEST_MAX) {
        ssize_t got = read(fd, out + n, REQUEST_MAX - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        out[n] = '\0';
        char *end = memchr(out, '\n', n);
        if (end == NULL)
            continue;
        *end = '\0';
        return true;
    }
    return false;
}

static void answer(struct pl_admin_sock *s, int fd)
{
    char word[REQUEST_MAX + 1];
    struct pl_buf out;
    if (!is_owner(fd) || !read_word(fd, word))
        return;
    pl_buf_init(&out, ANSWER_MAX);
    if (strcmp(word, "status") == 0) {
        (void)pl_app_status(s->app, &out);
    } else if (strcmp(word, "upgrade") == 0) {
        PL_INFO("admin.upgrade", "by=admin.sock");
        (void)kill(getpid(), SIGUSR2);
        pl_buf_add_str(&out, "{\"ok\":true}");
    } else {
        pl_buf_add_str(&out, "{\"error\":\"unknown request; known: status, upgrade\"}");
    }
    pl_buf_add_byte(&out, '\n');
    if (send(fd, out.p, out.n, MSG_NOSIGNAL) < 0)
        PL_DEBUG("admin.gone", "errno=%d", errno);
    pl_buf_free(&out);
}

static void *admin_main(void *arg)
{
    struct pl_admin_sock *s = arg;
    struct pollfd wait[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
    for (;;) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (wait[1].revents != 0)
            return NULL;
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        const struct timeval limit = {.tv_sec = 2};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        answer(s, fd);
        (void)close(fd);
    }
}

/* Bound under the lock of the folder, so a file that is there is a dead server's. */
static enum pl_code bind_socket(struct pl_admin_sock *s, struct pl_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = strlen(s->path);
    if (n >= sizeof(addr.sun_path))
        return PL_FAIL(err, PL_ETOOBIG, "%s: path of %zu bytes, a socket's may have %zu", s->path,
                       n, sizeof(addr.sun_path) - 1);
    memcpy(addr.sun_path, s->path, n + 1);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    (void)unlink(s->path);
    /* The file takes the mode that the socket has when it is bound. */
    int failed = s->fd < 0 || s->stop_fd < 0 || fchmod(s->fd, 0600) != 0 ||
                 bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
                 listen(s->fd, 8) != 0;
    int cause = errno;
    if (failed)
        return PL_FAIL_CAUSE(err, PL_EIO, cause, "%s: %s", s->path, strerror(cause));
    return PL_OK;
}

static void release(struct pl_admin_sock *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->stop_fd >= 0)
        (void)close(s->stop_fd);
    free(s);
}

enum pl_code pl_admin_sock_start(struct pl_app *app, struct pl_admin_sock **out, struct pl_err *err)
{
    struct pl_admin_sock *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return PL_FAIL(err, PL_ENOMEM, "admin.sock: out of memory");
    s->app = app;
    s->fd = s->stop_fd = -1;
    enum pl_code rc = pl_app_path(app->config, "admin.sock", s->path, err);
    if (rc == PL_OK)
        rc = bind_socket(s, err);
    if (rc == PL_OK && pthread_create(&s->thread, NULL, admin_main, s) != 0)
        rc = PL_FAIL(err, PL_EIO, "admin.sock: no thread to be had");
    if (rc != PL_OK)
        release(s);
    else
        *out = s;
    return rc;
}

void pl_admin_sock_stop(struct pl_admin_sock *s)
{
    const uint64_t one = 1;
    if (s == NULL)
        return;
    if (write(s->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
        PL_ERROR("admin.stop_failed", "errno=%d", errno);
    (void)pthread_join(s->thread, NULL);
    (void)unlink(s->path);
    release(s);
}
