/* SPDX-License-Identifier: Apache-2.0 */
/* http_toy.c - a toy HTTP server in this process, and a raw client for it. */
#include "tests/lib/http_toy.h"

#include "core/base/limits.h"
#include "core/base/num.h"
#include "server/reply.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const struct pl_http_limits TOY_LIMITS = {
    .body_max = (size_t)1 << 20,
    .inflight_max = (size_t)64 << 20,
    .conns_max = 1000,
    .head_ms = 20000,
    .idle_ms = 20000,
    .request_ms = 20000,
};
_Atomic(unsigned) toy_answers;

/* ---- handlers ---- */

static void text(struct pl_req *req, struct pl_bytes body)
{
    toy_answers++;
    pl_reply_bytes(req, 200, "text/plain", body);
}

static void get_ping(struct pl_req *req)
{
    text(req, PL_LIT("."));
}

static void post_echo(struct pl_req *req)
{
    text(req, req->body);
}

static void number(struct pl_req *req, uint64_t n)
{
    struct pl_buf b;

    pl_buf_init_arena(&b, &req->arena, 32);
    pl_buf_add_u64(&b, n);
    text(req, pl_buf_bytes(&b));
}

static void post_big(struct pl_req *req)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < req->body.n; i++)
        sum += req->body.p[i];
    number(req, sum);
}

static void json(struct pl_req *req)
{
    toy_answers++;
    pl_reply_json(req, 200, PL_LIT("{\"a\":1}"));
}

static void get_entry(struct pl_req *req)
{
    text(req, req->params[0]);
}

static void on_later(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    text(ctx, PL_LIT("later"));
}

static uint64_t query_number(struct pl_req *req, const char *name)
{
    struct pl_bytes value;
    uint64_t n = 0;

    if (pl_req_query(req, name, &value) && !pl_parse_u64(value, UINT32_MAX, &n))
        n = 0;
    return n;
}

static void get_later(struct pl_req *req)
{
    uint64_t ms = query_number(req, "ms");
    struct timeval t = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    event_base_once(req->loop->base, -1, EV_TIMEOUT, on_later, req, &t);
}

static void get_fill(struct pl_req *req)
{
    size_t n = (size_t)query_number(req, "n");
    uint8_t *p = malloc(n + 1);

    memset(p, 'x', n + 1);
    text(req, pl_bytes(p, n));
    free(p);
}

static void get_fail(struct pl_req *req)
{
    struct pl_err err;

    (void)PL_FAIL(&err, PL_EIO, "secret detail");
    pl_reply_err(req, &err);
}

static void get_busy(struct pl_req *req)
{
    struct pl_err err;

    (void)PL_FAIL(&err, PL_EBUSY, "queue is full: 8 of 8");
    pl_reply_err(req, &err);
}

static void get_split(struct pl_req *req)
{
    struct pl_bytes value = {NULL, 0};

    if (!pl_req_query(req, "v", &value))
        value = PL_LIT("none");
    pl_reply_header(req, "X-Value", value);
    text(req, PL_LIT("split"));
}

static void get_code(struct pl_req *req)
{
    pl_reply_error(req, 602, "%s in body is required", "kind");
}

static void get_cpu(struct pl_req *req)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    number(req, (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
                    (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000);
}

static void get_thread(struct pl_req *req)
{
    number(req, req->loop->number);
}

static const struct pl_route ROUTES[] = {
    {"/ping", PL_GET, 0, get_ping, PL_ROUTE_ANY_CASE | PL_ROUTE_CORS},
    {"/echo", PL_POST, 1000, post_echo, PL_ROUTE_CORS},
    {"/big", PL_POST, 0, post_big, 0},
    {"/json", PL_POST, 0, json, PL_ROUTE_JSON_BODY | PL_ROUTE_CORS},
    {"/json", PL_GET, 0, json, PL_ROUTE_JSON_ONLY | PL_ROUTE_NO_CACHE | PL_ROUTE_CORS},
    {"/pem", PL_GET, 0, get_ping, PL_ROUTE_JSON_ONLY | PL_ROUTE_PEM},
    {"/entries/{id}", PL_GET, 0, get_entry, 0},
    {"/entries/special", PL_GET, 0, get_ping, 0},
    {"/later", PL_GET, 0, get_later, 0},
    {"/fill", PL_GET, 0, get_fill, 0},
    {"/fail", PL_GET, 0, get_fail, 0},
    {"/busy", PL_GET, 0, get_busy, 0},
    {"/split", PL_GET, 0, get_split, 0},
    {"/code", PL_GET, 0, get_code, 0},
    {"/cpu", PL_GET, 0, get_cpu, 0},
    {"/thread", PL_GET, 0, get_thread, 0},
    {NULL, 0, 0, NULL, 0},
};

/* ---- server ---- */

void toy_start(struct toy *toy, const struct pl_http_limits *limits, const char *listen,
               struct pl_tls *tls)
{
    struct pl_listen_spec spec = {.fd = -1, .tls = tls != NULL};
    struct pl_err err;

    memset(toy, 0, sizeof(*toy));
    toy->app.loops = toy->loops;
    toy->app.nloops = TOY_LOOPS;
    toy->tls = tls;
    (void)snprintf(spec.text, sizeof(spec.text), "%s", listen != NULL ? listen : "127.0.0.1:0");
    assert_ok(pl_listener_open(&spec, &toy->listener, &err), err);
    for (unsigned i = 0; i < TOY_LOOPS; i++) {
        assert_ok(pl_loop_start(&toy->loops[i], &toy->app, i, &err), err);
        assert_ok(pl_http_new(&toy->loops[i], ROUTES, NULL, limits, tls, &toy->loops[i].http, &err),
                  err);
    }
    assert_ok(pl_listener_start(toy->listener, &toy->loops[0], &err), err);
    (void)snprintf(toy->url, sizeof(toy->url), "%s", pl_listener_url(toy->listener));
    const char *colon = strrchr(toy->url, ':');
    uint64_t port = 0;
    if (pl_parse_u64(pl_str(colon + 1), 65535, &port))
        toy->port = (unsigned)port;
}

void toy_stop(struct toy *toy)
{
    pl_listener_close(toy->listener, false);
    for (unsigned i = 0; i < TOY_LOOPS; i++)
        pl_loop_stop(&toy->loops[i]);
    pl_tls_close(toy->tls);
}

unsigned toy_connections(const struct toy *toy)
{
    unsigned n = 0;

    for (unsigned i = 0; i < TOY_LOOPS; i++)
        n += pl_http_connections(toy->loops[i].http);
    return n;
}

bool toy_wait_connections(const struct toy *toy, unsigned n)
{
    for (unsigned i = 0; i < 500; i++) {
        if (toy_connections(toy) == n)
            return true;
        toy_sleep(10);
    }
    return false;
}

/* ---- client ---- */

void toy_sleep(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static int set_up(int fd)
{
    struct timeval t = {.tv_sec = 5};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
    return fd;
}

int toy_connect(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return set_up(fd);
}

int toy_connect_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return set_up(fd);
}

bool toy_send(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;

    while (n != 0) {
        ssize_t got = send(fd, at, n, MSG_NOSIGNAL);
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

bool toy_send_str(int fd, const char *s)
{
    return toy_send(fd, s, strlen(s));
}

/* One byte at a time: it must not read into the next answer. */
static bool read_head(int fd, struct toy_answer *out)
{
    size_t n = 0;

    while (n < sizeof(out->head) - 1) {
        ssize_t got = recv(fd, out->head + n, 1, 0);
        if (got < 0 && errno == EAGAIN)
            out->timeout = true;
        if (got <= 0)
            return false;
        n++;
        if (n >= 4 && memcmp(out->head + n - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static void read_body(int fd, size_t want, struct toy_answer *out)
{
    char room[4096];

    while (out->body_n < want) {
        size_t left = want - out->body_n;
        ssize_t got = recv(fd, room, left < sizeof(room) ? left : sizeof(room), 0);
        if (got <= 0)
            return;
        for (ssize_t i = 0; i < got; i++, out->body_n++)
            if (out->body_n < sizeof(out->body) - 1)
                out->body[out->body_n] = room[i];
    }
}

void toy_read(int fd, bool no_body, struct toy_answer *out)
{
    uint64_t status = 0, n = 0;

    memset(out, 0, sizeof(*out));
    if (!read_head(fd, out))
        return;
    if (memcmp(out->head, "HTTP/1.1 ", 9) == 0 &&
        pl_parse_u64(pl_bytes(out->head + 9, 3), 999, &status))
        out->status = (int)status;
    const char *length = strstr(out->head, "Content-Length: ");
    if (length == NULL || no_body)
        return;
    length += strlen("Content-Length: ");
    if (pl_parse_u64(pl_bytes(length, strcspn(length, "\r")), SIZE_MAX, &n))
        read_body(fd, (size_t)n, out);
}

void toy_ask(int fd, const char *request, struct toy_answer *out)
{
    toy_send_str(fd, request);
    toy_read(fd, false, out);
}

int toy_rest(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    if (poll(&p, 1, ms) == 0)
        return 2;
    return recv(fd, &byte, 1, MSG_DONTWAIT) > 0 ? 1 : 0;
}
