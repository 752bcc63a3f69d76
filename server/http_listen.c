/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_listen.c - listening sockets: one per address, accepted on one loop, spread over all.
 *
 * No SO_REUSEPORT: with it a second server would share the port unnoticed. When descriptors or
 * connections have run out the listener pauses; who comes then waits in the backlog.
 */
#include "server/http_answer.h"

#include "core/base/log.h"
#include "core/base/num.h"
#include "server/app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG          4096 /* the kernel cuts it to net.core.somaxconn */
#define ACCEPTS_PER_WAKE 64   /* then the loop's connections get their turn */
#define PAUSE_US         50000

struct pl_listener {
    struct pl_listen_spec spec;
    int fd;
    bool is_unix;
    char url[320];
    struct sockaddr_un path;
    struct pl_loop *loop;
    struct event *readable, *resume;
    unsigned turn;
    bool warned;           /* since it last accepted */
    _Atomic(bool) stopped; /* set by pl_listener_stop() */
};

/* An accepted socket on its way to its loop. */
struct handoff {
    struct pl_task task;
    struct pl_http *http;
    int fd;
    bool admin, tls;
    char peer[64];
};

/* ---- opening ---- */

static enum pl_code fail_listen(const struct pl_listen_spec *spec, const char *what, int cause,
                                struct pl_err *err)
{
    return PL_FAIL_CAUSE(err, PL_EIO, cause, "listen on %s: %s: %s", spec->text, what,
                         strerror(cause));
}

/* Somebody answers at the path: a server that lives. */
static bool is_alive(const struct sockaddr_un *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)path, sizeof(*path)) == 0;

    if (fd >= 0)
        close(fd);
    return alive;
}

static enum pl_code bind_unix(struct pl_listener *l, struct pl_err *err)
{
    struct stat st;

    if (lstat(l->path.sun_path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return fail_listen(&l->spec, "a file that is no socket is there", EEXIST, err);
        if (is_alive(&l->path))
            return fail_listen(&l->spec, "another server answers there", EADDRINUSE, err);
        if (unlink(l->path.sun_path) != 0)
            return fail_listen(&l->spec, "replace the dead socket", errno, err);
    }
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return fail_listen(&l->spec, "socket", errno, err);
    if (bind(l->fd, (const struct sockaddr *)&l->path, sizeof(l->path)) != 0)
        return fail_listen(&l->spec, "bind", errno, err);
    return PL_OK;
}

static enum pl_code parse_unix(struct pl_listener *l, struct pl_err *err)
{
    const char *path = l->spec.text + strlen("unix:");

    if (path[0] == '\0' || strlen(path) >= sizeof(l->path.sun_path))
        return PL_FAIL(err, PL_EINVAL, "listen on %s: a socket path has 1 to %zu bytes",
                       l->spec.text, sizeof(l->path.sun_path) - 1);
    l->is_unix = true;
    l->path.sun_family = AF_UNIX;
    memcpy(l->path.sun_path, path, strlen(path) + 1);
    return PL_OK;
}

/* Splits "host:port" and "[v6]:port". */
static bool split_address(const char *text, char host[256], char port[8])
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    uint64_t number;

    if (n == 0 || n >= 256 || !pl_parse_u64(pl_str(colon + 1), 65535, &number))
        return false;
    (void)snprintf(port, 8, "%u", (unsigned)number & 0xffffu);
    if (text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n) != NULL) {
        return false; /* IPv6 needs its brackets */
    }
    memcpy(host, text, n);
    host[n] = '\0';
    return n != 0;
}

static enum pl_code bind_address(struct pl_listener *l, const struct addrinfo *a,
                                 struct pl_err *err)
{
    int one = 1;

    l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return fail_listen(&l->spec, "socket", errno, err);
    if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
        return fail_listen(&l->spec, "SO_REUSEADDR", errno, err);
    if (a->ai_family == AF_INET6 &&
        setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
        return fail_listen(&l->spec, "IPV6_V6ONLY", errno, err);
    if (bind(l->fd, a->ai_addr, a->ai_addrlen) != 0)
        return fail_listen(&l->spec, "bind", errno, err);
    return PL_OK;
}

static enum pl_code bind_tcp(struct pl_listener *l, struct pl_err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[256], port[8];

    if (!split_address(l->spec.text, host, port))
        return PL_FAIL(err, PL_EINVAL,
                       "listen on %s: want ADDRESS:PORT, [IPV6]:PORT or unix:PATH, port 0..65535",
                       l->spec.text);
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0)
        return PL_FAIL(err, PL_EIO, "listen on %s: %s", l->spec.text, gai_strerror(failed));
    enum pl_code rc = bind_address(l, found, err);
    freeaddrinfo(found);
    return rc;
}

/* Text of a TCP address: "127.0.0.1:80", "[::1]:80". */
static void address_text(const struct sockaddr_storage *a, char *out, size_t n)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        (void)snprintf(out, n, "%s:%u", host, ntohs(v4->sin_port));
    } else if (a->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        (void)snprintf(out, n, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        (void)snprintf(out, n, "unix");
    }
}

/* The address that the socket really has; an inherited one may be of either family. */
static enum pl_code name_listener(struct pl_listener *l, struct pl_err *err)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof(a);
    char text[80];

    if (getsockname(l->fd, (struct sockaddr *)&a, &n) != 0)
        return fail_listen(&l->spec, "getsockname", errno, err);
    l->is_unix = a.ss_family == AF_UNIX;
    if (l->is_unix) {
        memcpy(&l->path, &a, n < sizeof(l->path) ? n : sizeof(l->path));
        (void)snprintf(l->url, sizeof(l->url), "unix:%s", l->path.sun_path);
        return PL_OK;
    }
    address_text(&a, text, sizeof(text));
    (void)snprintf(l->url, sizeof(l->url), "%s://%s", l->spec.tls ? "https" : "http", text);
    return PL_OK;
}

static enum pl_code take_inherited(struct pl_listener *l, struct pl_err *err)
{
    int listening = 0, flags;
    socklen_t n = sizeof(listening);

    l->fd = l->spec.fd;
    if (getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0)
        return fail_listen(&l->spec, "inherited descriptor", errno, err);
    if (listening == 0)
        return fail_listen(&l->spec, "inherited descriptor does not listen", EINVAL, err);
    flags = fcntl(l->fd, F_GETFL);
    if (flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0)
        return fail_listen(&l->spec, "inherited descriptor", errno, err);
    return PL_OK;
}

static enum pl_code open_socket(struct pl_listener *l, struct pl_err *err)
{
    bool is_unix = strncmp(l->spec.text, "unix:", 5) == 0;
    enum pl_code rc;

    if (l->spec.fd >= 0) {
        PL_TRY(take_inherited(l, err));
    } else {
        if (is_unix)
            PL_TRY(parse_unix(l, err));
        PL_TRY(is_unix ? bind_unix(l, err) : bind_tcp(l, err));
        if (listen(l->fd, BACKLOG) != 0)
            return fail_listen(&l->spec, "listen", errno, err);
    }
    PL_TRY(name_listener(l, err));
out:
    return rc;
}

enum pl_code pl_listener_open(const struct pl_listen_spec *spec, struct pl_listener **out,
                              struct pl_err *err)
{
    struct pl_listener *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return PL_FAIL(err, PL_ENOMEM, "listen on %s: out of memory", spec->text);
    l->spec = *spec;
    l->fd = -1;
    enum pl_code rc = open_socket(l, err);
    if (rc == PL_OK) {
        *out = l;
        return PL_OK;
    }
    if (l->fd >= 0 && l->spec.fd < 0)
        close(l->fd);
    free(l);
    return rc;
}

int pl_listener_fd(const struct pl_listener *l)
{
    return l->fd;
}

const struct pl_listen_spec *pl_listener_spec(const struct pl_listener *l)
{
    return &l->spec;
}

const char *pl_listener_url(const struct pl_listener *l)
{
    return l->url;
}

/* ---- accepting ---- */

static void run_handoff(struct pl_task *task)
{
    struct handoff *h = (struct handoff *)(void *)task;

    pl_http_adopt(h->http, h->fd, h->admin, h->tls, h->peer);
    free(h);
}

/* @here: on the accepting loop's own thread. */
static void hand_over(struct pl_listener *l, int fd, const struct sockaddr_storage *from, bool here)
{
    struct handoff *h = calloc(1, sizeof(*h));
    int one = 1;

    if (h == NULL) {
        close(fd);
        return;
    }
    if (!l->is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    address_text(from, h->peer, sizeof(h->peer));
    struct pl_loop *to = pl_http_least(l->loop->app, &l->turn);
    h->task.run = run_handoff;
    h->http = to->http;
    h->fd = fd;
    h->admin = l->spec.admin;
    h->tls = l->spec.tls;
    pl_http_expect(h->http);
    if (here && to == l->loop)
        run_handoff(&h->task);
    else
        pl_loop_post(to, &h->task);
}

static void pause_accepting(struct pl_listener *l, const char *why)
{
    struct timeval later = {.tv_sec = 0, .tv_usec = PAUSE_US};

    if (!l->warned)
        PL_WARN("http.accept_paused", "listener=%s why=\"%s\"", l->url, why);
    l->warned = true;
    event_del(l->readable);
    if (!atomic_load(&l->stopped))
        event_add(l->resume, &later);
}

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
    struct pl_listener *l = ctx;

    (void)fd;
    (void)what;
    if (!atomic_load(&l->stopped))
        event_add(l->readable, NULL);
}

/* True: go on with the next one. */
static bool accept_failed(struct pl_listener *l, int cause)
{
    switch (cause) {
    case EAGAIN:
        return false;
    case EINTR:
    case ECONNABORTED: /* and what accept(2) says to treat like it */
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    case EMFILE:
    case ENFILE:
        pl_http_evict(l->loop->app); /* its descriptor is the next one's */
        pause_accepting(l, strerror(cause));
        return false;
    default:
        pause_accepting(l, strerror(cause));
        return false;
    }
}

static void on_acceptable(evutil_socket_t lfd, short what, void *ctx)
{
    struct pl_listener *l = ctx;

    (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_WAKE && !atomic_load(&l->stopped); i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t n = sizeof(from);
        /* The admin port stays reachable: it is where one sees that the server is full. */
        if (!l->spec.admin && pl_http_full(l->loop->http)) {
            if (i != 0)
                return; /* maybe nobody else waits; if so, we are called again */
            if (!pl_http_evict(l->loop->app)) {
                pause_accepting(l, "all connections are busy");
                return;
            }
        }
        int fd = accept4(lfd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (!accept_failed(l, errno))
                return;
            continue;
        }
        l->warned = false;
        hand_over(l, fd, &from, true);
    }
}

enum pl_code pl_listener_start(struct pl_listener *l, struct pl_loop *accept_loop,
                               struct pl_err *err)
{
    atomic_store(&l->stopped, false); /* it may have been started and stopped before */
    l->loop = accept_loop;
    l->readable = event_new(accept_loop->base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
    l->resume = event_new(accept_loop->base, -1, 0, on_resume, l);
    if (l->readable != NULL && l->resume != NULL && event_add(l->readable, NULL) == 0)
        return PL_OK;
    pl_listener_stop(l);
    return PL_FAIL(err, PL_ENOMEM, "accept on %s: out of memory", l->url);
}

void pl_listener_stop(struct pl_listener *l)
{
    atomic_store(&l->stopped, true);
    /* event_del() waits for a callback that runs on the loop's thread; the timer's may have added
     * the other event just before it saw the flag, hence the third call. */
    if (l->readable != NULL)
        event_del(l->readable);
    if (l->resume != NULL)
        event_del(l->resume);
    if (l->readable != NULL)
        event_del(l->readable);
    if (l->readable != NULL)
        event_free(l->readable);
    if (l->resume != NULL)
        event_free(l->resume);
    l->readable = l->resume = NULL;
}

void pl_listener_finish(struct pl_listener *l)
{
    pl_listener_stop(l);
    if (l->loop == NULL)
        return;
    for (unsigned i = 0; i < BACKLOG; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t n = sizeof(from);
        int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            break;
        hand_over(l, fd, &from, false);
    }
    (void)shutdown(l->fd, SHUT_RD);
}

void pl_listener_close(struct pl_listener *l, bool keep_socket_file)
{
    if (l == NULL)
        return;
    pl_listener_stop(l);
    close(l->fd);
    if (l->is_unix && !keep_socket_file && l->path.sun_path[0] != '\0')
        unlink(l->path.sun_path);
    free(l);
}
