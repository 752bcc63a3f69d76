/* SPDX-License-Identifier: Apache-2.0 */
/* crash_http.c - as little HTTP as asking a server of ours takes: Content-Length, keep-alive. */
#include "tests/fault/crash.h"

#include "core/base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)4 << 20)
#define SILENCE_S  10

void crash_http_init(struct crash_http *h)
{
    *h = (struct crash_http){.fd = -1};
}

static void hang_up(struct crash_http *h)
{
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
}

void crash_http_close(struct crash_http *h)
{
    hang_up(h);
    free(h->buf);
    h->buf = NULL;
    h->cap = 0;
}

static bool dial(struct crash_http *h, unsigned port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval wait = {.tv_sec = SILENCE_S};
    const int on = 1;

    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->fd < 0)
        return false;
    (void)setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(h->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(h->fd, (const struct sockaddr *)(const void *)&to, sizeof(to)) == 0)
        return true;
    hang_up(h);
    return false;
}

static bool send_all(int fd, struct pl_bytes data)
{
    while (data.n > 0) {
        ssize_t n = send(fd, data.p, data.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = pl_bytes(data.p + n, data.n - (size_t)n);
    }
    return true;
}

/* Reads until @have is at least @want; the buffer keeps a NUL behind. */
static bool fill(struct crash_http *h, size_t *have, size_t want)
{
    if (want > ANSWER_MAX)
        return false;
    while (*have < want) {
        if (h->cap < want + 4096) {
            char *more = realloc(h->buf, want + 65536);
            if (more == NULL)
                return false;
            h->buf = more;
            h->cap = want + 65536;
        }
        ssize_t n = recv(h->fd, h->buf + *have, h->cap - *have - 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        *have += (size_t)n;
        h->buf[*have] = '\0';
    }
    return true;
}

/* The whole head, with its blank line. */
static bool read_head(struct crash_http *h, size_t *have, size_t *head)
{
    const char *end = NULL;

    while (end == NULL) {
        if (!fill(h, have, *have + 1))
            return false;
        end = strstr(h->buf, "\r\n\r\n");
    }
    *head = (size_t)(end - h->buf) + 4;
    return true;
}

static bool header_number(const char *head, const char *name, uint64_t *out)
{
    const char *at = strcasestr(head, name);

    if (at == NULL)
        return false;
    at += strlen(name);
    return pl_parse_u64(pl_bytes(at, strcspn(at, "\r\n")), ANSWER_MAX, out);
}

static bool read_answer(struct crash_http *h, struct crash_answer *out)
{
    size_t have = 0, head = 0;
    uint64_t status = 0, length = 0;

    if (!read_head(h, &have, &head) || strncmp(h->buf, "HTTP/1.1 ", 9) != 0)
        return false;
    h->buf[head - 1] = '\0';
    if (!pl_parse_u64(pl_bytes(h->buf + 9, 3), 599, &status) ||
        !header_number(h->buf, "\r\nContent-Length: ", &length))
        return false;
    bool last = strcasestr(h->buf, "\r\nConnection: close") != NULL;
    if (!fill(h, &have, head + (size_t)length))
        return false;
    out->status = (int)status;
    out->body = pl_bytes(h->buf + head, (size_t)length);
    if (last)
        hang_up(h);
    return true;
}

bool crash_http_ask(struct crash_http *h, unsigned port, const char *method, struct pl_bytes path,
                    struct pl_bytes body, struct crash_answer *out)
{
    char head[1024];
    int n = snprintf(head, sizeof(head),
                     "%s %.*s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "Accept: application/json\r\nContent-Length: %zu\r\n\r\n",
                     method, (int)path.n, (const char *)path.p, body.n);

    *out = (struct crash_answer){0};
    if (n < 0 || (size_t)n >= sizeof(head) || (h->fd < 0 && !dial(h, port)))
        return false;
    if (send_all(h->fd, pl_bytes(head, (size_t)n)) && send_all(h->fd, body) && read_answer(h, out))
        return true;
    hang_up(h);
    return false;
}
