/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump.c - one thread, one epoll, N keep-alive connections with one request outstanding on each.
 *
 * A closed loop: the next request of a connection goes out when its answer is complete. So the
 * latency includes all queueing in the server, and the rate is connections / latency.
 */
#include "core/base/num.h"

#include "loadtest/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAMPLES_MAX   ((size_t)1 << 30)
#define ANSWER_MAX    ((size_t)1 << 20)
#define SILENCE_MS    20000 /* nothing from any connection for so long: give up */
#define RECONNECT_MAX 1000

struct conn {
    int fd;
    bool busy;
    size_t request, sent;
    uint64_t started_ns;
    struct pl_buf in;
    size_t want; /* bytes of the whole answer, 0 until its head is in */
    unsigned status;
    size_t head;
};

struct run {
    const struct options *o;
    const struct requests *reqs;
    struct outcome *out;
    struct addrinfo *addr;
    struct conn *conns;
    int epoll;
    size_t next, busy, stride;
    uint64_t deadline_ns;
};

static void note_error(struct run *r, const char *what, struct pl_bytes detail)
{
    if (r->out->errors++ == 0)
        (void)snprintf(r->out->first_error, sizeof(r->out->first_error), "%s: %.*s", what,
                       (int)(detail.n < 200 ? detail.n : 200),
                       detail.n > 0 ? (const char *)detail.p : "");
}

static enum pl_code connect_one(struct run *r, struct conn *c, struct pl_err *err)
{
    const int one = 1;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    int fd = socket(r->addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "socket: %s", strerror(errno));
    if (connect(fd, r->addr->ai_addr, r->addr->ai_addrlen) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        int cause = errno;
        close(fd);
        return PL_FAIL_CAUSE(err, PL_EIO, cause, "connect to %s:%s: %s", r->o->host, r->o->port,
                             strerror(cause));
    }
    c->fd = fd;
    return PL_OK;
}

/* The event mask changes only when a request did not fit into the socket buffer. */
static void want_write(struct run *r, struct conn *c, bool on)
{
    struct epoll_event ev = {.events = EPOLLIN | (on ? EPOLLOUT : 0U), .data.ptr = c};

    (void)epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

/* False when the connection is dead. */
static bool send_more(struct run *r, struct conn *c)
{
    struct pl_bytes b = r->reqs->list[c->request].bytes;

    while (c->sent < b.n) {
        ssize_t n = send(c->fd, b.p + c->sent, b.n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            want_write(r, c, true);
            return true;
        }
        if (n <= 0)
            return false;
        c->sent += (size_t)n;
    }
    return true;
}

/* Takes the next request if there is one and time is left; false when the connection is dead. */
static bool start_request(struct run *r, struct conn *c)
{
    uint64_t now = now_ns();

    c->busy = false;
    if (r->next == r->reqs->n || now >= r->deadline_ns)
        return true;
    c->request = r->next++;
    c->sent = 0;
    c->want = 0;
    pl_buf_reset(&c->in);
    c->busy = true;
    c->started_ns = now;
    r->busy++;
    return send_more(r, c);
}

/* "HTTP/1.1 NNN" and Content-Length, which every answer must have. */
static bool parse_head(struct conn *c)
{
    const uint8_t *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
    uint64_t length = 0, status = 0;
    bool have = false;

    if (end == NULL)
        return true;
    c->head = (size_t)(end - c->in.p) + 4;
    struct pl_reader lines = pl_reader(pl_bytes(c->in.p, c->head));
    struct pl_bytes line;
    if (!pl_read_until(&lines, '\n', &line) || line.n < 12 ||
        !pl_bytes_has_prefix(line, "HTTP/1.1 ") ||
        !pl_parse_u64(pl_bytes(line.p + 9, 3), 999, &status))
        return false;
    while (pl_read_until(&lines, '\n', &line)) {
        static const char name[] = "content-length:";
        const size_t n = sizeof(name) - 1;
        if (line.n > n && strncasecmp((const char *)line.p, name, n) == 0)
            have =
                pl_parse_u64(pl_bytes_trim(pl_bytes(line.p + n, line.n - n)), ANSWER_MAX, &length);
    }
    c->status = (unsigned)status;
    c->want = c->head + (size_t)length;
    return have;
}

static void keep_sample(struct run *r, const struct conn *c, struct pl_bytes body)
{
    struct outcome *out = r->out;

    if (c->request % r->stride != 0 || out->nsamples == r->o->samples)
        return;
    struct sample *s = &out->samples[out->nsamples];
    s->body = pl_arena_dup(&out->arena, body);
    s->request = c->request;
    if (s->body.p != NULL)
        out->nsamples++;
}

static void finish_request(struct run *r, struct conn *c)
{
    struct pl_bytes body = pl_bytes(c->in.p + c->head, c->in.n - c->head);

    r->busy--;
    c->busy = false;
    if (c->status != (r->o->reads ? 200U : 201U)) {
        char what[32];
        (void)snprintf(what, sizeof(what), "status %u", c->status);
        note_error(r, what, body);
        return;
    }
    r->out->latency_ns[r->out->answered++] = now_ns() - c->started_ns;
    keep_sample(r, c, body);
}

/* Reads what is there; false when the connection is dead or speaks nonsense. */
static bool receive(struct run *r, struct conn *c)
{
    for (;;) {
        uint8_t *to = pl_buf_reserve(&c->in, (size_t)16 << 10);
        if (to == NULL)
            return false;
        ssize_t n = recv(c->fd, to, (size_t)16 << 10, 0);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0)
            return false;
        pl_buf_commit(&c->in, (size_t)n);
        if (!c->busy || (c->want == 0 && !parse_head(c)))
            return false;
        if (c->want == 0 || c->in.n < c->want)
            continue;
        if (c->in.n > c->want)
            return false;
        finish_request(r, c);
        return start_request(r, c);
    }
}

/* A connection that the server closed: what was outstanding on it is an error, the rest goes on. */
static enum pl_code replace(struct run *r, struct conn *c, struct pl_err *err)
{
    close(c->fd);
    c->fd = -1;
    if (c->busy) {
        r->busy--;
        c->busy = false;
        note_error(r, "connection closed", pl_buf_bytes(&c->in));
    }
    if (++r->out->reconnects > RECONNECT_MAX)
        return PL_FAIL(err, PL_EIO, "over %d connections were closed: %s", RECONNECT_MAX,
                       r->out->first_error);
    enum pl_code rc = connect_one(r, c, err);
    if (rc == PL_OK && !start_request(r, c))
        rc = PL_FAIL(err, PL_EIO, "a new connection was closed at once");
    return rc;
}

static enum pl_code loop(struct run *r, struct pl_err *err)
{
    struct epoll_event events[256];

    for (size_t i = 0; i < r->o->connections; i++) {
        if (!start_request(r, &r->conns[i]))
            return PL_FAIL(err, PL_EIO, "connection %zu was closed at once", i);
    }
    while (r->busy > 0) {
        int n = epoll_wait(r->epoll, events, 256, SILENCE_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return PL_FAIL(err, PL_EIO, "no answer for %d s with %zu requests outstanding",
                           SILENCE_MS / 1000, r->busy);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            bool alive = true;
            if (events[i].events & EPOLLOUT) {
                want_write(r, c, false);
                alive = send_more(r, c);
            }
            if (alive && (events[i].events & ~(uint32_t)EPOLLOUT))
                alive = receive(r, c);
            if (!alive) {
                enum pl_code rc = replace(r, c, err);
                if (rc != PL_OK)
                    return rc;
            }
        }
    }
    return PL_OK;
}

static enum pl_code prepare(struct run *r, struct pl_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct outcome *out = r->out;

    int rc = getaddrinfo(r->o->host, r->o->port, &hints, &r->addr);
    if (rc != 0)
        return PL_FAIL(err, PL_EINVAL, "%s:%s: %s", r->o->host, r->o->port, gai_strerror(rc));
    out->latency_ns = calloc(r->reqs->n, sizeof(out->latency_ns[0]));
    out->samples = calloc((size_t)r->o->samples + 1, sizeof(out->samples[0]));
    r->conns = calloc((size_t)r->o->connections, sizeof(r->conns[0]));
    if (out->latency_ns == NULL || out->samples == NULL || r->conns == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "epoll: %s", strerror(errno));
    for (size_t i = 0; i < r->o->connections; i++) {
        r->conns[i].fd = -1;
        pl_buf_init(&r->conns[i].in, ANSWER_MAX + ((size_t)32 << 10));
    }
    for (size_t i = 0; i < r->o->connections; i++) {
        enum pl_code code = connect_one(r, &r->conns[i], err);
        if (code != PL_OK)
            return code;
    }
    return PL_OK;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

enum pl_code pump(const struct options *o, const struct requests *reqs, struct outcome *out,
                  struct pl_err *err)
{
    enum pl_code rc;
    struct run r = {.o = o, .reqs = reqs, .out = out, .epoll = -1};

    *out = (struct outcome){0};
    pl_arena_init(&out->arena, SAMPLES_MAX);
    r.stride = reqs->n / (size_t)o->samples;
    r.stride += r.stride == 0;
    PL_TRY(prepare(&r, err));
    uint64_t start = now_ns();
    r.deadline_ns = start + o->seconds * 1000000000U;
    PL_TRY(loop(&r, err));
    out->seconds = (double)(now_ns() - start) / 1e9;
    qsort(out->latency_ns, out->answered, sizeof(out->latency_ns[0]), compare_u64);
out:
    for (size_t i = 0; r.conns != NULL && i < o->connections; i++) {
        if (r.conns[i].fd > 0)
            close(r.conns[i].fd);
        pl_buf_free(&r.conns[i].in);
    }
    free(r.conns);
    if (r.epoll >= 0)
        close(r.epoll);
    if (r.addr != NULL)
        freeaddrinfo(r.addr);
    return rc;
}

void free_outcome(struct outcome *out)
{
    free(out->samples);
    pl_arena_free(&out->arena);
    free(out->latency_ns);
    *out = (struct outcome){0};
}
